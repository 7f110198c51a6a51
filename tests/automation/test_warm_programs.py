"""A forked program of the tests is like one that an interpreter was started for: see tests/fakes/warm.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "tests.fakes.program"


def started(*words: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", PROGRAM, *words],
        cwd=folder,
        env={"PYTHONPATH": str(Path.cwd()), **environ},
        input="given",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("word", "code"), [("well", 0), ("3", 3), ("none", 0), ("broken", 1), ("words", 1)])
def test_a_forked_program_has_its_own_streams_folder_environment_and_exit_code(
    tmp_path: Path, word: str, code: int
) -> None:
    (own := tmp_path / "own").mkdir()
    read, write = os.pipe()
    try:
        done = started(word, folder=own, SAID="its own")
    finally:
        os.close(read)
        os.close(write)
    said = done.stdout.splitlines()
    assert said[:4] == [word, "given", str(own), "its own PYTHONPATH,SAID"], done
    assert said[4] == "0 1 2", "it has none of the test's files"
    assert int(said[5]) != os.getpid()
    assert done.returncode == code, done
    assert ("ValueError: broken" in done.stderr) is (word == "broken")
    assert ("some words\n" in done.stderr) is (word == "words")
