"""How long an agent's command asks again."""

from __future__ import annotations

import time

import pytest

from bot.cli import agent_commands, answers
from bot.cli.answers import within
from bot.cli.client import HttpAnswer


def test_a_command_asks_again_when_octet_says_and_not_at_all_if_that_is_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, rests = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        rests.append(seconds)
        now_s[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(time, "sleep", sleep)
    come = [HttpAnswer(status=429, body=b"{}", after_s=12), HttpAnswer(status=503, body=b"{}")]
    assert within(30, lambda _: come.pop(0) if come else HttpAnswer(status=200, body=b"{}"))
    assert rests == [12, 0.2]
    rests.clear()
    refused = within(30, lambda _: HttpAnswer(status=429, body=b"{}", after_s=45))
    assert refused is not None
    assert (refused.status, rests) == (429, [])


@pytest.mark.parametrize(("kept", "said"), [("true", "Octet shows it on the card"), ("false", "replaced")])
def test_an_agent_is_told_whether_its_report_of_progress_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: str, said: str
) -> None:
    answer = HttpAnswer(status=200, body=b'{"task": "T-1", "state": "working", "kept": %s}' % kept.encode())
    monkeypatch.setattr(answers, "within", lambda *_: answer)
    assert agent_commands.main(["progress", "T-1", "--code", "k3v9x2.A", "tests are running"]) == 0
    assert said in capsys.readouterr().out
