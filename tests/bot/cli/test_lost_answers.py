"""The answer to a command of the user is lost: the command counts once, and the message claims nothing unknown."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from bot.cli import commands, operator
from bot.cli.client import AnswerLost, HttpAnswer, NoOctet, exchange
from bot.runfile import Run
from core.home import Home
from core.tasks.model import TaskState
from tests.house import House, open_house

Exchange = Callable[..., HttpAnswer]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[House]:
    monkeypatch.setenv("OCTET_HOME", str(tmp_path / "home"))
    async with open_house(tmp_path / "home") as house, house.served({"HOME": str(tmp_path)}):
        with structlog.testing.capture_logs():  # they would stand between the words of the command
            yield house


def losing(monkeypatch: pytest.MonkeyPatch, *, answers: int) -> list[str]:
    """Lose this many answers after Octet has carried the request out; the list names the requests."""
    asked = list[str]()

    def lose(run: Run, method: str, path: str, **rest: object) -> HttpAnswer:
        asked.append(f"{method} {path}")
        response = exchange(run, method, path, **rest)  # pyright: ignore[reportArgumentType] - passed on as they are
        if len(asked) <= answers:
            raise AnswerLost
        return response

    monkeypatch.setattr(operator, "exchange", lose)
    return asked


async def octet(*arguments: str) -> int:
    return await asyncio.to_thread(commands.main, list(arguments))


async def test_a_new_task_whose_answer_was_lost_is_asked_for_once_more_and_made_once(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = losing(monkeypatch, answers=1)
    assert await octet("task", "new", "Count the birds") == 0
    assert asked == ["POST /api/v2/tasks"] * 2
    assert capsys.readouterr().out.startswith("T-1 · ")
    assert await house.count() == 1


@pytest.mark.parametrize("verb", [("send", "Stop", "--agent", "Agent-1"), ("broadcast", "Fire drill")])
async def test_a_message_whose_answer_was_lost_is_sent_once(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]
) -> None:
    losing(monkeypatch, answers=1)
    assert await octet("msg", *verb, "--json") == 0
    sent = json.loads(capsys.readouterr().out)
    agents = [one["agent"] for one in sent["deliveries"]]
    assert len(agents) == len(set(agents)) == (1 if verb[0] == "send" else 4)
    assert sum(verb[1] in prompt for prompt in house.lane.submitted) <= len(agents), "no agent gets it twice"
    stored = await house.core.store.fetch(text("SELECT count(*) AS n FROM messages WHERE kind = 'message'"))
    assert stored[0].n == 1


async def test_an_answer_lost_twice_may_have_been_carried_out_and_the_same_key_counts_once(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    losing(monkeypatch, answers=2)
    assert await octet("task", "new", "Count the birds") == 75
    said = capsys.readouterr().err
    assert "may have carried out" in said
    assert "is not running" not in said
    key = said.partition("--key ")[2].split()[0].rstrip(":.;")
    assert await octet("task", "new", "Count the birds", "--key", key) == 0
    assert await house.count() == 1


async def test_an_octet_that_ended_after_the_request_may_have_carried_it_out(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = operator.running(house.home)
    runs = iter([run, None])
    monkeypatch.setattr(operator, "running", lambda _: next(runs))
    losing(monkeypatch, answers=1)
    assert await octet("task", "new", "Count the birds") == 75
    assert "may have carried out" in capsys.readouterr().err


async def test_a_second_refusal_for_want_of_the_database_says_nothing_of_the_first_request(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([None, HttpAnswer(status=503, body=b'{"detail": "Nothing was lost."}')])

    def answer(*_: object, **__: object) -> HttpAnswer:
        response = next(answers)
        if response is None:
            raise AnswerLost
        return response

    monkeypatch.setattr(operator, "exchange", answer)
    assert await octet("task", "new", "Count the birds") == 75
    said = capsys.readouterr().err
    assert "may have carried out" in said
    assert "Nothing was lost" not in said


async def test_a_command_without_a_key_is_sent_once_and_said_to_be_possibly_carried_out(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, _ = await house.working()
    asked = losing(monkeypatch, answers=1)
    assert await octet("task", "cancel", task) == 75
    assert asked == [f"POST /api/v2/tasks/{task}/cancel"]
    assert "may have carried out" in capsys.readouterr().err
    assert (await house.task(task)).state is TaskState.CANCELLED


async def test_a_look_whose_answer_was_lost_is_repeated(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del house
    losing(monkeypatch, answers=1)
    assert await octet("task", "list") == 0
    assert "no open task matches" in capsys.readouterr().out


async def test_a_look_whose_answer_is_lost_twice_does_not_say_that_octet_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del house
    losing(monkeypatch, answers=2)
    assert await octet("task", "list") == 75
    said = capsys.readouterr().err
    assert "octet doctor" in said
    assert "is not running" not in said


async def test_where_nothing_listens_nothing_was_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = operator.running(house.home)
    assert run is not None
    monkeypatch.setattr(operator, "running", lambda _: replace(run, address="127.0.7.4"))
    with pytest.raises(operator.OctetNotRunning):
        await asyncio.to_thread(operator.call, Home(root=house.home), "POST", "/tasks", body={"brief": "x"}, key="k")


CUT = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 201 Created\r\nContent-Le",
    "half a body": b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\nhalf",
    "another protocol": b"220 mail.example ready\r\n\r\n",
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
async def test_a_connection_that_ends_after_the_request_is_a_lost_answer(cut: bytes) -> None:
    async def hear_and_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(cut)
        writer.close()

    async with await asyncio.start_server(hear_and_end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        run = Run(
            pid=os.getpid(), address="127.0.0.1", port=port, token="", home="", home_id="h", version="", started_ms=0
        )
        with pytest.raises(AnswerLost):
            await asyncio.to_thread(exchange, run, "POST", "/", body={})
    with pytest.raises(NoOctet) as refused:
        await asyncio.to_thread(exchange, run, "POST", "/", body={})
    assert not isinstance(refused.value, AnswerLost)
