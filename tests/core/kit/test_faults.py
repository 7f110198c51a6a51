"""Fault points: taken once, by one process, and nothing at all in production; the list of their names is whole."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.kit import faults
from core.kit.errors import Unavailable
from tests.pace import patience

ROOT = Path(__file__).parents[3]
STRIKE = """
import os, sys, pathlib
from core.kit import faults
faults.arm(pathlib.Path(sys.argv[1]), other=lambda: int(sys.argv[2]))
print("armed", flush=True)
sys.stdin.readline()
faults.point("here")
print("survived", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    faults.arm(tmp_path)
    yield tmp_path
    faults.arm(None)


def points_in_the_code() -> dict[str, str]:
    """Return the name of each point, with its file."""
    found: dict[str, str] = {}
    for path in [path for storey in ("core", "bot", "automation") for path in (ROOT / storey).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="faults"), attr="point"), args=[name, *_]):
                    for text in spelled(name):
                        found[text] = str(path.relative_to(ROOT))
                case _:
                    continue
    return found


def spelled(name: ast.expr) -> list[str]:
    """Return the names that an argument means: plain text, or text with one of the worker's three steps in it."""
    match name:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(
            values=[ast.Constant(value=str(before)), ast.FormattedValue(), ast.Constant(value=str(after))]
        ):
            return [f"{before}{step}{after}" for step in ("staging", "staged", "submitting")]
        case _:
            return [ast.unparse(name)]


def test_the_list_of_points_is_what_the_code_has() -> None:
    found = points_in_the_code()
    assert found.keys() == faults.POINTS
    assert {name for name, file in found.items() if file.startswith("automation")} == {
        *faults.WORKER,
        *faults.ACT,
        *faults.ACP,
    }


def test_without_the_setting_a_point_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("fail")
    faults.point("here", may_fail=True)
    faults.arrow("task", "ready", "assigned", lambda _: pytest.fail("nothing may be kept for later"))
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_ticket_is_taken_once(folder: Path) -> None:
    (folder / "here").write_text("fail\n")
    with pytest.raises(Unavailable, match="here"):
        faults.point("here", may_fail=True)
    faults.point("here", may_fail=True)
    assert [path.name.split(".")[:2] for path in folder.iterdir()] == [["taken", "here"]]


@pytest.mark.parametrize("said", ["fail", "hold up", ""])
def test_a_ticket_that_means_nothing_there_is_said_and_does_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    (folder / "here").write_text(said)
    faults.point("here")
    assert "fault_ticket_invalid" in capsys.readouterr().out


def test_an_arrow_has_a_point_before_its_commit_and_one_after_it(folder: Path) -> None:
    later: list[object] = []
    (folder / "task.ready-assigned.written").write_text("fail")
    with pytest.raises(Unavailable):
        faults.arrow("task", "ready", "assigned", later.append)
    assert later == []
    (folder / "task.ready-assigned.committed").write_text("kill other")
    faults.arrow("task", "ready", "assigned", later.append)
    assert (folder / "task.ready-assigned.committed").exists()
    [call] = later
    assert callable(call)
    call()
    assert not (folder / "task.ready-assigned.committed").exists()


def strike(folder: Path, other: subprocess.Popen[str] | None = None) -> subprocess.Popen[str]:
    """Start a process that passes the point as soon as it reads a line."""
    words = [sys.executable, "-c", STRIKE, str(folder), str(other.pid if other else 1)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "armed\n"
    return process


def test_of_two_processes_exactly_one_is_killed(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("kill")
    both = [strike(tmp_path), strike(tmp_path)]
    ended = sorted((process.communicate("go\n", timeout=patience(60))[0], process.returncode) for process in both)
    assert ended == [("", -signal.SIGKILL), ("survived\n", 0)]


@pytest.mark.parametrize(
    ("act", "codes"), [("kill other", (0, -signal.SIGKILL)), ("kill both", (-signal.SIGKILL, -signal.SIGKILL))]
)
def test_the_process_at_the_other_end_is_killed(tmp_path: Path, act: str, codes: tuple[int, int]) -> None:
    (tmp_path / "here").write_text(act)
    other = strike(tmp_path / "elsewhere")
    process = strike(tmp_path, other)
    process.communicate("go\n", timeout=patience(60))
    other.communicate(timeout=patience(60))
    assert (process.returncode, other.returncode) == codes


def test_where_the_other_end_is_gone_nobody_else_is_killed(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("kill other")
    assert strike(tmp_path).communicate("go\n", timeout=patience(60))[0] == "survived\n"


def test_a_frozen_process_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("stop")
    process = strike(tmp_path)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=patience(60))[0] == "survived\n"


def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path) -> None:
    assert faults.why_not(tmp_path) == ""
    tmp_path.chmod(0o770)
    assert "others may write" in faults.why_not(tmp_path)
    tmp_path.chmod(0o700)
    assert "cannot be looked at" in faults.why_not(tmp_path / "none")
    (tmp_path / "file").touch()
    assert "is not a folder" in faults.why_not(tmp_path / "file")
    if os.getuid() != 0:
        assert "belongs to another account" in faults.why_not(Path("/usr"))
