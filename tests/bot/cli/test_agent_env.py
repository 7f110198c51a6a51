"""Agents that cannot read run.json answer by two variables of their environment, which `octet agent env` prints."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.answer_spool import FOLDER
from bot.cli import agent_commands, answers, client, commands
from bot.cli.answers import Unusable
from core.tasks.model import TaskState
from tests.bot.cli.test_foreign_listeners import listening
from tests.house import House, open_house

WORDS = "my secret words"
SENT = "octet-reply.Agent-1." + "0" * 64


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[House]:
    """Serve a house, for an agent that has neither its pointers nor its home."""
    for name in ("person", "agent", "tmp"):
        (tmp_path / name).mkdir()
    async with open_house(tmp_path / "home") as house, house.served({"HOME": str(tmp_path / "person")}):
        monkeypatch.setenv("HOME", str(tmp_path / "agent"))
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        monkeypatch.chdir(tmp_path / "agent")
        with structlog.testing.capture_logs():  # they would stand between the words of the command
            yield house


async def octet(*arguments: str) -> int:
    if arguments[0] in agent_commands.TABLE:
        return await asyncio.to_thread(agent_commands.main, arguments)
    return await asyncio.to_thread(commands.main, list(arguments))


async def environment(house: House, agent: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert await octet("agent", "env", agent, "--plain", "--home", str(house.home)) == 0
    return dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())


async def agent_of(house: House, task: str) -> str:
    return str((await house.task(task)).agent)  # pyright: ignore[reportArgumentType] - a task's id as text


def words_file(text: str = WORDS) -> str:
    Path("words.md").write_bytes(text.encode())
    return "words.md"


def file_named_in(said: str) -> Path:
    """Return the file that the command names as the text's place."""
    return Path(said.rpartition(" is in ")[2].partition(": pass it")[0])


async def test_it_prints_lines_for_a_shell_for_docker_and_for_programs(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = await environment(house, "agent-1", capsys)
    assert set(plain) == {"OCTET_URL", "OCTET_AGENT_TOKEN"}
    assert plain["OCTET_AGENT_TOKEN"] == house.core.reply_keys.key("Agent-1")
    home = ("--home", str(house.home))
    assert await octet("agent", "env", "Agent-1", "--json", *home) == 0
    assert json.loads(capsys.readouterr().out) == plain
    assert await octet("agent", "env", "Agent-1", *home) == 0
    assert capsys.readouterr().out.splitlines() == [f"export {name}={value}" for name, value in plain.items()]
    assert await octet("agent", "env", "Agent-77", *home) == 2
    assert "Agent-77" in capsys.readouterr().err


async def test_it_needs_a_running_octet_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await octet("agent", "env", "Agent-1", "--home", str(tmp_path)) == 75
    said = capsys.readouterr()
    assert (said.out, "isn't running" in said.err) == ("", True)


async def test_an_agent_answers_by_its_environment_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await house.working()
    for name, value in (await environment(house, await agent_of(house, task), capsys)).items():
        monkeypatch.setenv(name, value)
    assert await octet("progress", task, "--code", code, "half way") == 0
    assert (await house.task(task)).progress == "half way"
    assert await octet("reply", task, "--code", code, "--file", words_file("a question")) == 0
    assert await octet("done", task, "--code", code, "--file", words_file()) == 0
    assert [one.body for one in await house.answers(task)] == ["a question", WORDS]
    assert (await house.task(task)).state is TaskState.DONE
    assert not (house.home / FOLDER).exists()


async def test_commands_work_where_proc_does_not_tell_who_owns_a_port(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "owns_port", lambda _: None)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    task, code = await house.working()
    assert await octet("done", task, "--code", code, "--file", words_file()) == 0
    assert await octet("task", "list", "--home", str(house.home)) == 0


async def test_the_key_of_one_agent_does_not_answer_for_another(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await house.working()
    other = "Agent-2" if await agent_of(house, task) == "Agent-1" else "Agent-1"
    for name, value in (await environment(house, other, capsys)).items():
        monkeypatch.setenv(name, value)
    before = await house.task(task)
    assert await octet("done", task, "--code", code, "--file", words_file()) == 1
    assert "still in words.md" in capsys.readouterr().err
    assert await octet("progress", task, "--code", code, "half way") == 1
    assert f"does not belong to {other}" in capsys.readouterr().err
    assert await house.task(task) == before
    assert await house.answers(task) == []


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", SENT),
        ("http://127.0.0.1:8321", ""),
        ("http://127.0.0.1:8321", "not a key"),
        ("http://127.0.0.1:8321", f"{SENT}\nX: y"),
        ("https://127.0.0.1:8321", SENT),
        ("http://192.0.2.1:8321", SENT),
        ("http://octet.example:8321", SENT),
        ("http://127.0.0.1", SENT),
        ("http://127.0.0.1:8321/path", SENT),
        ("http://127.0.0.1:99999", SENT),
        ("http://[::1:8321", SENT),
        ("127.0.0.1:8321", SENT),
    ],
)
def test_variables_that_octet_did_not_print_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, key: str
) -> None:
    monkeypatch.setenv("OCTET_URL", url)
    monkeypatch.setenv("OCTET_AGENT_TOKEN", key)
    monkeypatch.chdir(tmp_path)
    code = ("--code", "k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    done, says = ["done", "T-1", *code, "--file", words_file()], ["T-1", *code, "x"]
    for run in (lambda: agent_commands.main(done), lambda: agent_commands.main(["progress", *says])):
        ended, said = run(), capsys.readouterr()
        assert (ended, said.out) == (2, "")
        assert "octet agent env NAME" in said.err
        assert not key or key not in said.err


async def test_a_program_that_octet_started_answers_by_its_token_and_home_and_for_its_agent_only(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await house.working()
    agent = await agent_of(house, task)
    other = "Agent-2" if agent == "Agent-1" else "Agent-1"
    monkeypatch.setenv("OCTET_HOME", str(house.home))
    for name, value in (await environment(house, other, capsys)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OCTET_URL")
    monkeypatch.setenv("HOME", str(house.home.parent / "person"))  # where the pointers to the code's home are
    assert await asyncio.to_thread(agent_commands.main, ["inbox"]) == 0
    assert await octet("progress", task, "--code", code, "half way") == 1
    assert f"does not belong to {other}" in capsys.readouterr().err
    monkeypatch.setenv("OCTET_AGENT_TOKEN", house.core.reply_keys.key(agent))
    assert await octet("done", task, "--code", code, "--file", words_file()) == 0
    assert (await house.task(task)).state is TaskState.DONE


@given(st.text() | st.from_regex(r"(http|https|)(://)?[a-z0-9.:@\[\]]*(:[0-9]{1,6})?[/?#]?.?", fullmatch=True))
def test_no_url_leads_beyond_this_machine(url: str) -> None:
    try:
        run = answers.named_in({"OCTET_URL": url, "OCTET_AGENT_TOKEN": SENT})
    except Unusable:
        return
    assert run is not None
    assert run.address == "::1" or run.address.startswith("127.")


def test_the_name_that_the_token_had_before_still_counts_and_the_new_one_wins() -> None:
    old, new = {"OCTET_REPLY_KEY": SENT}, {"OCTET_AGENT_TOKEN": SENT[:-1] + "1"}
    url = {"OCTET_URL": "http://127.0.0.1:8321"}
    for variables, token in (({**url, **old}, SENT), ({**url, **old, **new}, new["OCTET_AGENT_TOKEN"])):
        run = answers.named_in(variables)
        assert run is not None
        assert run.reply_key == token


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("by_file", [True, False], ids=["a file", "standard input"])
async def test_when_octet_is_silent_for_30_s_the_text_is_in_a_file_of_the_agents_account(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, by_file: bool
) -> None:
    task, code = await house.working()
    clock = Clock()
    monkeypatch.setattr(answers, "time", clock)
    monkeypatch.setenv("OCTET_URL", "http://127.0.7.4:9")
    monkeypatch.setenv("OCTET_AGENT_TOKEN", house.core.reply_keys.key())
    text = "words\r\n漢字 \u202e\n"
    monkeypatch.setattr(answers, "read_given_text", lambda _file, limit: text)
    words_file(text)
    assert await octet("done", task, "--code", code, *(["--file", "words.md"] if by_file else [])) == 75
    assert 30 <= clock.now < 31
    file = file_named_in(capsys.readouterr().err)
    assert file.is_absolute()
    with file.open(newline="", encoding="utf-8") as opened:
        assert opened.read() == text
        about = os.fstat(opened.fileno())
    if not by_file:
        assert (stat.S_IMODE(about.st_mode), about.st_uid) == (0o600, os.geteuid())
    assert not (house.home / FOLDER).exists()


async def test_what_came_by_standard_input_leaves_no_file_behind_once_octet_has_it(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    task, code = await house.working()
    for name, value in (await environment(house, await agent_of(house, task), capsys)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(answers, "read_given_text", lambda _file, limit: WORDS)
    assert await octet("done", task, "--code", code) == 0
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_where_no_file_can_be_written_it_says_where_the_text_is(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setenv("OCTET_URL", "http://127.0.7.4:9")
    monkeypatch.setenv("OCTET_AGENT_TOKEN", SENT)
    monkeypatch.setattr(answers, "read_given_text", lambda _file, limit: WORDS)
    task, code = await house.working()
    assert await octet("done", task, "--code", code, "--wait", "0") == 75
    assert "Octet has no copy of it" in capsys.readouterr().err


async def test_a_listener_that_does_not_know_the_key_is_told_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, code = await house.working()
    key = house.core.reply_keys.key("Agent-1")
    async with listening() as listener:
        monkeypatch.setenv("OCTET_URL", f"http://127.0.0.1:{listener.port}")
        monkeypatch.setenv("OCTET_AGENT_TOKEN", key)
        for listener.answer in (b'{"task": "T-1", "state": "done"}', b'{"proof": 1}', b"[]", b"\xff" * 5_000):
            assert await octet("done", task, "--code", code, "--wait", "0", "--file", words_file()) == 75
    assert "does not know your reply key" in capsys.readouterr().err
    assert listener.heard.startswith(b"GET /proof/")
    for secret in (key[-64:], code, WORDS):
        assert secret.encode() not in listener.heard


async def test_a_listener_that_passes_the_question_on_to_octet_is_told_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Octet found its port taken and listens on another one: its proof names that one."""
    task, code = await house.working()
    env = await environment(house, await agent_of(house, task), capsys)
    real = int(env["OCTET_URL"].rpartition(":")[2])
    passed = bytearray()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", real)

        async def back() -> None:
            while piece := await there.read(65_536):
                writer.write(piece)

        copying = asyncio.ensure_future(back())
        while piece := await reader.read(65_536):
            passed.extend(piece)
            onward.write(piece)
        onward.close()
        await copying
        writer.close()

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as server:
        monkeypatch.setenv("OCTET_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("OCTET_AGENT_TOKEN", env["OCTET_AGENT_TOKEN"])
        assert await octet("done", task, "--code", code, "--wait", "0", "--file", words_file()) == 75
    assert passed.startswith(b"GET /proof/")
    for secret in (env["OCTET_AGENT_TOKEN"][-64:], code, WORDS):
        assert secret.encode() not in passed
    assert await house.answers(task) == []
