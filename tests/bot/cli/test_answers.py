"""`octet done`, `octet reply` and `octet progress` as an agent runs them: real processes, a real socket, real files."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.answer_spool import FOLDER, report_spooled
from bot.cli import agent_commands, answers
from bot.cli.client import HttpAnswer
from bot.runfile import RUN_FILE
from core.agent_messages.model import NewAgentMessage, SendOptions
from core.limits import ANSWER
from core.messages.model import Requires
from core.reasons import ParkCause
from core.security.model import OPERATOR
from core.tasks.model import TaskState
from tests.house import House, open_house
from tests.pace import patience

REPOSITORY = Path(__file__).parents[3]
OCTET = [sys.executable, "-m", "bot"]


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Machine:
    """One account's folders and a house that may or may not be served."""

    place: Path
    house: House

    @property
    def environ(self) -> dict[str, str]:
        # A real agent stands in its own project: nothing here says where Octet's home is.
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.place / "person"),
            "XDG_RUNTIME_DIR": str(self.place / "runtime"),
            "LANG": "C",
        }

    def start(self, *arguments: str) -> Coroutine[None, None, asyncio.subprocess.Process]:
        return asyncio.create_subprocess_exec(
            *OCTET,
            *arguments,
            cwd=self.place / "project",
            env=self.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def octet(self, *arguments: str, text: str | bytes | None = None) -> Said:
        child = await self.start(*arguments)
        content = text.encode() if isinstance(text, str) else (text or b"")
        async with asyncio.timeout(60):
            out, err = await child.communicate(content)
        assert child.returncode is not None
        return Said(code=child.returncode, out=out.decode(), err=err.decode())

    def kept(self) -> list[Path]:
        """Return the answers in the home's folder."""
        return [path for path in (self.house.home / FOLDER).rglob("*") if path.is_file()]

    def file(self, content: str | bytes) -> str:
        path = self.place / "project" / "answer.md"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def running(self) -> AbstractAsyncContextManager[object]:
        return self.house.served(self.environ)

    async def ran_once(self) -> None:
        async with self.running():
            pass


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncGenerator[Machine]:
    for name in ("person", "runtime", "project"):
        (tmp_path / name).mkdir()
    async with open_house(tmp_path / "home") as house:
        yield Machine(tmp_path, house)


async def test_done_ends_the_task_with_the_files_text(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        text = "# Done\n\nIt was a `;` — 漢字 👩‍👩‍👧 \u202eabc\n"
        said = await machine.octet("done", task, "--code", code, "--file", machine.file(text))
    assert (said.code, said.err) == (0, "")
    assert task in said.out
    (message,) = await machine.house.answers(task)
    assert (message.body, message.final) == (text, True)
    assert (await machine.house.task(task)).state is TaskState.DONE


async def test_done_takes_its_text_as_words_but_not_the_name_of_a_file(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        said = await machine.octet("done", task, "--code", code, machine.file("text"))
        assert (said.code, "--file" in said.err) == (2, True)
        said = await machine.octet("done", task, "--code", code, "All is done. " * 99)
    assert said.code == 0, said.err
    (message,) = await machine.house.answers(task)
    assert message.body.startswith("All is done. All")


async def test_reply_answers_a_message_about_no_task(machine: Machine) -> None:
    core = machine.house.core
    asks = NewAgentMessage(text="Hi", agent="Agent-1", options=SendOptions(requires=Requires.EVIDENCE))
    message = (await core.agent_messages.send(asks, by=OPERATOR)).message
    code = await core.store.write(lambda tx: core.agent_messages.answers.grant(tx, message, "Agent-1"))
    async with machine.running():
        said = await machine.octet("reply", f"M-{message.id}", "--code", code, text="Hello.")
        again = await machine.octet("reply", f"M-{message.id}", "--code", code, text="Bye.")
    assert (said.code, said.err) == (0, "")
    assert f"your answer to M-{message.id}" in said.out
    assert "asked for evidence: next time name it with --evidence" in said.out
    assert again.code == 1
    assert "answered" in again.err


@pytest.mark.parametrize("file", [(), ("--file", "-")], ids=["no file", "dash"])
async def test_reply_speaks_from_standard_input_and_the_task_goes_on(machine: Machine, file: tuple[str, ...]) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        said = await machine.octet("reply", task, "--code", code, *file, text="half way")
    assert (said.code, said.err) == (0, "")
    assert "task continues" in said.out
    assert (await machine.house.answers(task))[0].body == "half way"
    assert (await machine.house.task(task)).state is TaskState.WORKING


@pytest.mark.parametrize(
    ("verb", "state", "reason"),
    [("blocked", TaskState.BLOCKED, "question"), ("failed", TaskState.FAILED, "agent_failed")],
)
async def test_an_agent_asks_or_gives_up_also_while_octet_does_not_run(
    machine: Machine, verb: str, state: TaskState, reason: str
) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        said = await machine.octet(verb, task, "--code", code, text="Where is the key?")
    assert (said.code, said.err) == (0, "")
    found = await machine.house.task(task)
    assert (found.state, found.reason) == (state, reason)
    other, code = await machine.house.working()
    said = await machine.octet(verb, other, "--code", code, "--wait", "0", text="Where is the key?")
    assert said.code == 75
    assert await report_spooled(machine.house.core, machine.house.home) == 1
    found = await machine.house.task(other)
    assert (found.state, found.reason) == (state, reason)


async def test_the_same_command_twice_is_one_answer(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        for _ in range(2):
            said = await machine.octet("done", task, "--code", code, text="all done")
            assert said.code == 0
    assert len(await machine.house.answers(task)) == 1


async def test_a_wrong_code_is_refused_and_the_text_stays_where_it_was(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        file = machine.file("my words")
        from_file = await machine.octet("done", task, "--code", code + "A", "--file", file)
        from_stdin = await machine.octet("done", task, "--code", code + "A", text="my words")
    assert (from_file.code, from_stdin.code) == (1, 1)
    assert f"your text is still in {file}" in from_file.err
    assert "Octet has no copy of it" in from_stdin.err
    assert (machine.place / "project" / "answer.md").read_text() == "my words"
    assert await machine.house.answers(task) == []
    assert machine.kept() == []


async def test_an_ended_task_and_a_wrong_one_are_told_and_the_text_was_kept_late(machine: Machine) -> None:
    (first, first_code), (second, second_code) = await machine.house.working(), await machine.house.working()
    async with machine.running():
        await machine.house.core.tasks.cancel(first, by=OPERATOR)
        late = await machine.octet("done", first, "--code", first_code, text="too late")
        astray = await machine.octet("done", first, "--code", second_code, text="astray")
    assert (late.code, astray.code) == (1, 1)
    for said in (late, astray):
        assert "kept" in said.err
        assert "marked late" in said.err
        assert "Octet kept nothing" not in said.err
    assert second in astray.err
    assert [one.body for one in await machine.house.answers(second)] == ["astray"]


async def test_without_octet_it_waits_then_keeps_the_answer_for_the_next_start(machine: Machine) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()
    said = await machine.octet("done", task, "--code", code, "--wait", "0.3", "--file", machine.file("for later"))
    assert (said.code, said.out) == (75, "")
    assert "Octet reads it when it starts" in said.err
    (kept,) = (machine.house.home / FOLDER).iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["text"] == "for later"
    assert await report_spooled(machine.house.core, machine.house.home) == 1
    assert (await machine.house.answers(task))[0].body == "for later"


async def test_run_again_after_it_was_kept_and_octet_is_back_it_counts_once(machine: Machine) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()
    command = ("done", task, "--code", code, "--wait", "0")
    assert (await machine.octet(*command, text="words")).code == 75
    async with machine.running():
        assert (await machine.octet(*command, text="words")).code == 0
        assert machine.kept() == []
    assert len(await machine.house.answers(task)) == 1


async def test_an_octet_that_comes_back_while_it_waits_gets_the_answer(machine: Machine) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()
    child = await machine.start("done", task, "--code", code, "--wait", "55")
    assert child.stdin is not None
    assert child.stderr is not None
    async with asyncio.timeout(60):
        child.stdin.write(b"patience")
        child.stdin.write_eof()
        assert b"waiting up to 55 s" in await child.stderr.readline()
        async with machine.running():
            assert await child.wait() == 0
    assert (await machine.house.answers(task))[0].body == "patience"
    assert machine.kept() == []


async def test_an_agents_tool_that_kills_the_command_while_it_waits_loses_no_answer(machine: Machine) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()
    child = await machine.start("done", task, "--code", code, "--wait", "55", "--file", machine.file("for later"))
    assert child.stderr is not None
    async with asyncio.timeout(60):
        assert b"waiting up to 55 s" in await child.stderr.readline()
        child.kill()
        await child.wait()
    assert await report_spooled(machine.house.core, machine.house.home) == 1
    assert [one.body for one in await machine.house.answers(task)] == ["for later"]


def done(machine: Machine, monkeypatch: pytest.MonkeyPatch, task: str, code: str, wait: str = "0") -> Callable[[], int]:
    """`octet done` as a function of this process, for what must happen at one moment of it."""
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    return partial(agent_commands.main, ["done", task, "--code", code, "--wait", wait, "--file", machine.file("words")])


async def test_the_answer_is_in_the_folder_before_anything_is_sent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()

    def killed(*_: object, **__: object) -> HttpAnswer:
        raise SystemExit(9)  # nothing of the command runs after this

    monkeypatch.setattr(answers, "_send", killed)
    with pytest.raises(SystemExit):
        done(machine, monkeypatch, task, code)()
    assert await report_spooled(machine.house.core, machine.house.home) == 1
    assert [one.body for one in await machine.house.answers(task)] == ["words"]


@pytest.mark.parametrize("octet_is_first", [True, False], ids=["Octet takes the file first", "the command is first"])
async def test_an_answer_that_octet_takes_from_the_folder_while_it_is_sent_is_stored_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, octet_is_first: bool
) -> None:
    task, code = await machine.house.working()
    loop, send = asyncio.get_running_loop(), answers._send
    taken = list[int]()

    def take() -> None:
        taking = report_spooled(machine.house.core, machine.house.home)
        taken.append(asyncio.run_coroutine_threadsafe(taking, loop).result(patience(60)))

    def send_meanwhile(*given: Any) -> HttpAnswer | None:
        if octet_is_first:
            take()
        response = send(*given)
        if not octet_is_first:
            take()
        return response

    monkeypatch.setattr(answers, "_send", send_meanwhile)
    async with machine.running():
        assert await asyncio.to_thread(done(machine, monkeypatch, task, code)) == 0
    assert "The task is done." in capsys.readouterr().out
    assert taken == [1]
    assert [(one.body, one.late) for one in await machine.house.answers(task)] == [("words", False)]
    assert machine.kept() == []


async def test_where_the_home_takes_no_file_the_answer_is_sent_all_the_same(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await machine.house.working()
    (machine.house.home / FOLDER).write_text("a file where the folder should be")
    async with machine.running():
        assert await asyncio.to_thread(done(machine, monkeypatch, task, code)) == 0
    again = await asyncio.to_thread(done(machine, monkeypatch, task, code))
    assert again == 75
    assert "takes no file (" in capsys.readouterr().err
    assert [one.body for one in await machine.house.answers(task)] == ["words"]


@pytest.mark.parametrize("seen", ["no process", "another process"])
async def test_an_answer_arrives_from_a_sandbox_that_numbers_processes_anew(machine: Machine, seen: str) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        file = machine.house.home / RUN_FILE
        pid = 2**22 - 1 if seen == "no process" else os.getppid()
        file.write_text(json.dumps({**json.loads(file.read_text()), "pid": pid, "process_started": "1"}))
        assert (await machine.octet("done", task, "--code", code, text="words")).code == 0
    assert [one.body for one in await machine.house.answers(task)] == ["words"]


async def test_a_sandbox_without_a_network_is_named_at_once_with_the_way_that_is_left(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await machine.house.working()

    def forbidden(*_: object, **__: object) -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    async with machine.running():
        command = done(machine, monkeypatch, task, code, wait="3600")
        monkeypatch.setattr(socket, "create_connection", forbidden)
        assert await asyncio.to_thread(command) == 75
    said = capsys.readouterr().err
    assert "forbids connections" in said
    assert "report_done" in said
    assert len(machine.kept()) == 1


async def test_a_database_that_is_away_is_like_an_octet_that_is_away(machine: Machine) -> None:
    task, code = await machine.house.working()
    machine.house.lose_the_database()
    async with machine.running():
        assert (await machine.octet("done", task, "--code", code, "--wait", "0.2", text="x")).code == 75
    machine.house.find_the_database()
    assert await report_spooled(machine.house.core, machine.house.home) == 1


async def test_a_code_of_no_home_here_keeps_nothing_and_says_so(machine: Machine) -> None:
    said = await machine.octet("done", "T-1", "--code", "zzz.ABC", "--wait", "0", "--file", machine.file("x"))
    assert said.code == 75
    assert "No Octet on this machine knows the code zzz" in said.err
    assert "still in" in said.err


async def test_it_finds_octet_without_the_sessions_runtime_folder(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        for path in (machine.place / "runtime").rglob("*"):
            if path.is_file():
                path.unlink()
        said = await machine.octet("done", task, "--code", code, text="x")
    assert said.code == 0


async def test_progress_shows_the_latest_words_and_posts_nothing(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        await machine.octet("progress", task, "--code", code, "reading")
        said = await machine.octet("progress", task, "tests", "--code", code, "are", "running")
    assert (said.code, said.err) == (0, "")
    assert f"octet done {task}" in said.out
    assert (await machine.house.task(task)).progress == "tests are running"
    assert await machine.house.answers(task) == []


async def test_progress_is_refused_for_a_task_that_is_not_the_agents_own_any_more(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        wrong = await machine.octet("progress", task, "--code", code + "A", "tests are running")
        await machine.house.core.tasks.cancel(task, by=OPERATOR)
        late = await machine.octet("progress", task, "--code", code, "tests are running")
    assert (wrong.code, late.code) == (1, 1)
    assert "not valid for any task" in wrong.err
    assert "the task has ended. Stop working on" in late.err


async def test_progress_without_octet_waits_a_little_and_keeps_nothing(machine: Machine) -> None:
    task, code = await machine.house.working()
    await machine.ran_once()
    said = await machine.octet("progress", task, "--code", code, "--wait", "0.2", "tests are running")
    assert (said.code, said.out) == (75, "")
    assert "Continue your work" in said.err
    assert not (machine.house.home / FOLDER).exists()


async def test_the_code_of_a_task_that_was_taken_back_is_told_and_the_text_is_kept_late(machine: Machine) -> None:
    task, code = await machine.house.working()
    house, core = machine.house, machine.house.core
    await core.store.write(
        lambda tx: core.tasks.repository.suspend(tx, task, TaskState.PARKED, reason=ParkCause.SILENT, note="") and None
    )
    await core.tasks.retry(task, by=OPERATOR)
    await house.until(task, TaskState.WORKING)
    async with machine.running():
        said = await machine.octet("done", task, "--code", code, text="too late")
    assert said.code == 1
    assert "is no longer yours" in said.err
    assert "Octet kept nothing" not in said.err
    assert [(one.body, one.late) for one in await house.answers(task)] == [("too late", True)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"good \xff bad", "not UTF-8 (byte 0xff at position 5)"),
        ("Ünïcode".encode("utf-16"), "not UTF-8"),
        (b"x" * (ANSWER.most + 1), "more than 1,000,000 characters"),
        ("漢" * (2 * ANSWER.most), "more than 1,000,000 characters"),
    ],
    ids=["nothing", "blanks", "latin", "utf-16", "long", "long in another script"],
)
async def test_a_file_that_cannot_be_sent_is_told_and_nothing_is_sent(
    machine: Machine, content: bytes | str, why: str
) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        said = await machine.octet("done", task, "--code", code, "--file", machine.file(content))
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert await machine.house.answers(task) == []


async def test_a_byte_order_mark_is_no_part_of_the_answer(machine: Machine) -> None:
    task, code = await machine.house.working()
    async with machine.running():
        await machine.octet("done", task, "--code", code, text=b"\xef\xbb\xbfwords")
    assert (await machine.house.answers(task))[0].body == "words"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("done", "T-1", "--code", "k3.A", "--file", "missing.md"), "missing.md cannot be read"),
        (("done", "T-1", "--code", "k3.A", "--file", "."), "is not a regular file"),
        (("done", "T-1", "--code", "no-dot"), "not an Octet code"),
        (("done", "T-1", "--code", "../../etc.x"), "not an Octet code"),
        (("done", "T-1", "--code", "k3."), "not an Octet code"),
        (("done", "T-1"), "--code"),
        (("done", "T-1", "--code", "k3.A", "--wait", "-1"), "--wait"),
        (("done",), "TASK"),
        (("progress", "T-1", "--code", "k3.A"), "WORDS"),
        (("progress", "T-1", "--code", "k3.A", " "), "`report` is empty"),
        (("progress", "T-1", "--code", "k3.A", "x" * 301), "301 characters"),
        (("progress", "T-1", "--code", "no-dot", "x"), "not an Octet code"),
    ],
)
async def test_a_command_that_cannot_be_used_is_2_and_says_what_is_wrong(
    machine: Machine, arguments: tuple[str, ...], why: str
) -> None:
    said = await machine.octet(*arguments, text="words")
    assert (said.code, said.out) == (2, "")
    assert why in said.err


async def test_the_help_names_both_ways_to_give_a_text_and_the_exit_codes(machine: Machine) -> None:
    for verb in ("done", "reply"):
        said = await machine.octet(verb, "--help")
        assert said.code == 0
        for word in ("--file answer.md", "some-program |", "exit codes", "75"):
            assert word in said.out


async def test_it_imports_little_beside_the_standard_library(machine: Machine) -> None:
    look = (
        "import sys; from bot.cli import agent_commands; "
        "ours = {'core', 'core.limits', *(f'core.kit{one}' for one in ('', '.errors', '.files', '.process_start'))}; "
        "known = sys.stdlib_module_names | {'bot', '__main__'}; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - ours} - known))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", look, env=machine.environ, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    # What the interpreter itself loads at its start, from .pth files, is none of ours.
    assert set(json.loads(out.decode().replace("'", '"'))) <= {"_distutils_hack", "sitecustomize", "usercustomize"}


def test_a_command_repeated_after_an_upgrade_has_the_key_of_its_first_run() -> None:
    body = {"task": "T-1", "code": "k3.code", "text": "Seven."}
    of_0_2_0 = "bb79fa6ee2dcad99eb5cfe2aff185b3beb55c0ac499348c42fe377158752bd5d"
    assert answers.key_of("done", body) == of_0_2_0
    assert answers.key_of("done", {**body, "evidence": [{"what": "tests"}]}) != of_0_2_0


@pytest.mark.parametrize("text", ["", "make test", "proof: x", "note:", f"note: {'x' * 501}"])
def test_evidence_of_another_form_is_refused_with_the_form(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answer.md").write_text("done")
    words = ["done", "T-1", "--code", "k3v9x2.ABC", "--file", str(tmp_path / "answer.md"), "--evidence", text]
    assert agent_commands.main(words) == 2
    assert "Write KIND: WHAT, or KIND: WHAT: passed." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "why"),
    [([8_000_001], "more than 5 files with 8 MB"), ([1] * 6, "more than 5 files"), ([], "cannot be read")],
)
def test_files_that_cannot_go_are_refused(
    files: list[int], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answer.md").write_text("done")
    for number, size in enumerate(files):
        (tmp_path / str(number)).write_bytes(bytes(size))
    paths = [str(tmp_path / str(number)) for number in range(len(files))] or [str(tmp_path / "missing")]
    words = ["done", "T-1", "--code", "k3v9x2.ABC", "--file", str(tmp_path / "answer.md")]
    assert agent_commands.main([*words, *(word for path in paths for word in ("--attach", path))]) == 2
    assert why in capsys.readouterr().err


def test_a_device_or_a_pipe_is_not_attached_and_nothing_waits_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "answer.md").write_text("done")
    words = ["done", "T-1", "--code", "k3v9x2.ABC", "--file", str(tmp_path / "answer.md")]
    for path in (os.devnull, str(tmp_path / "pipe")):
        assert agent_commands.main([*words, "--attach", path]) == 2
        assert "is not a regular file" in capsys.readouterr().err
