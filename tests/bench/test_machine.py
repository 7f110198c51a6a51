"""What is read from /proc, held against processes of our own."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.measure import machine

GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"


def test_a_tree_holds_a_process_and_the_children_of_its_children_and_nobody_else():
    with subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        found = machine.tree({child.pid})
        assert child.pid in found
        assert len(found) == 2
        assert found <= machine.tree({os.getpid()})
        assert os.getpid() not in found
        child.communicate(b"\n")


def test_memory_grows_by_what_a_process_takes():
    before = machine.pss_kb({os.getpid()})
    taken = bytearray(os.urandom(32 * 2**20))
    assert machine.pss_kb({os.getpid()}) - before > 30 * 1024
    del taken


def test_a_process_that_has_ended_takes_nothing():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert machine.pss_kb({child.pid}) == 0


def test_a_machine_is_described_by_its_processor_cores_memory_and_python():
    said = machine.described()
    assert "cores" in said
    assert "GiB" in said
    assert "Python 3." in said
