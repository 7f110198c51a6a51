"""A wrong configuration is told whole, with its places, and starts nothing: on some homes by the real program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import commands
from tests.broken_homes import HOMES, make_home
from tests.pace import patience

ROOT = Path(__file__).parents[3]
VERBS = [command.name for command in commands.app.registered_commands if command.name in {"check", "run"}]


def run_octet(*words: str, around: Path) -> subprocess.CompletedProcess[str]:
    """Run the program as a user starts it, in its own session; it can write only inside `around`."""
    make_surroundings(around)
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(around / "user"),
            "XDG_RUNTIME_DIR": str(around / "run"),
            "TMPDIR": str(around / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "120",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=patience(60),
        check=False,
        start_new_session=True,
    )


def make_surroundings(around: Path) -> None:
    for name in ("user", "run", "tmp"):
        (around / name).mkdir(exist_ok=True)


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything below `folder`: kind and mode, time of change, content."""
    found: dict[str, tuple[int, int, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (
            status.st_mode,
            status.st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
    return found


def processes_that_know(folder: Path) -> list[str]:
    """Command lines of running programs that have `folder` in their arguments or environment."""
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue  # ended meanwhile, or somebody else's
            if os.fsencode(folder) in words:
                found.append(process.name)
    return found


def test_a_process_that_was_left_behind_would_be_seen(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "print(flush=True); input()", tmp_path]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as left_behind:
        assert left_behind.stdout
        left_behind.stdout.readline()  # right after it was started, /proc does not know its arguments yet
        assert processes_that_know(tmp_path) == [str(left_behind.pid)]


@pytest.mark.parametrize("verb", VERBS)
def test_the_program_tells_every_problem_and_leaves_nothing_behind(verb: str, tmp_path: Path) -> None:
    home = make_home("cross_references", tmp_path / "home")
    make_surroundings(tmp_path)
    before = snapshot(tmp_path)

    done = run_octet(verb, "--home", str(home), around=tmp_path)

    lines = [line.split(": ")[:2] for line in done.stderr.splitlines()]
    assert lines == [line.split(": ")[:2] for line in HOMES["cross_references"].problems]
    assert (done.stdout, done.returncode) == ("", 78)
    assert snapshot(tmp_path) == before
    assert processes_that_know(tmp_path) == []


def test_a_right_home_is_told_to_be_right(tmp_path: Path) -> None:
    home = make_home("boxes", tmp_path / "home")
    desk = home / "config/desks/main.toml"
    desk.write_text(desk.read_text().split('\n\n[[windows]]\nname = "agent-2"')[0], encoding="utf-8")
    profile = home / "config/profiles/chat.toml"
    profile.write_text(profile.read_text().split("\n[busy]")[0], encoding="utf-8")

    done = run_octet("check", "--home", str(home), around=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "config is valid: 1 agent, 1 desk with 1 window, 2 profiles\n"


def test_an_empty_home_is_told_what_to_do(tmp_path: Path) -> None:
    done = run_octet("check", "--home", str(tmp_path / "nothing"), around=tmp_path)

    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        "config/agents.toml: is missing; `octet init` writes one",
        "config/octet.toml: is missing; `octet init` writes one",
    ]
    assert not (tmp_path / "nothing").exists()
