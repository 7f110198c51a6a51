"""How a process learns that it should end."""

from __future__ import annotations

import subprocess
import sys

from tests.pace import patience

PROGRAM = """
import asyncio
from core.kit.signals import stop_at_eof, stop_signals

async def main():
    with stop_signals() as stop:
        stop_at_eof(stop)
        print("begun", flush=True)
        await stop.wait()

asyncio.run(main())
"""


def begin(stdin: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_standard_input_that_has_ended_already_ends_the_process() -> None:
    with begin(subprocess.DEVNULL) as process:
        assert process.communicate(timeout=patience(60)) == ("begun\n", "")
    assert process.returncode == 0


def test_the_end_of_standard_input_ends_the_process_and_text_in_it_does_not() -> None:
    with begin(subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "begun\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(patience(60)) == 0
