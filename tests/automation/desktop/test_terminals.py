"""A terminal is known by the pseudo-terminal that its process holds."""

from __future__ import annotations

import os
import pty
import subprocess
import tty

from automation.desktop.calibration.terminals import is_terminal, reads_lines


def test_a_process_that_holds_a_pseudo_terminal_is_a_terminal_and_how_its_program_reads_is_known() -> None:
    assert not is_terminal(0)
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(["cat"], stdin=slave, stdout=subprocess.DEVNULL) as program:
            try:
                assert is_terminal(os.getpid())
                assert reads_lines(os.getpid())
                tty.setraw(slave)
                assert not reads_lines(os.getpid())
            finally:
                program.kill()
    finally:
        os.close(master)
        os.close(slave)
