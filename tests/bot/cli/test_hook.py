"""`octet hook`: it passes events on, and whatever happens the program that calls it notices nothing."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from bot.__main__ import main
from bot.cli import answers, hook


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []

    def post(path: str, body: Mapping[str, object], timeout_s: float) -> None:
        assert timeout_s <= 2
        found.append((path, body))

    monkeypatch.setattr(answers, "post", post)
    monkeypatch.setenv("OCTET_HOME", "/nowhere")
    return found


def gives(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_an_event_is_passed_on_from_standard_input_or_an_argument(
    posts: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gives(monkeypatch, b'{"hook_event_name": "Stop"}')
    assert hook.main(["claude_code", "--home", "/home/ada/octet"]) == 0
    assert hook.main(["codex", '{"type": "agent-turn-complete"}']) == 0
    assert posts == [
        ("/hooks/claude_code", {"hook_event_name": "Stop"}),
        ("/hooks/codex", {"type": "agent-turn-complete"}),
    ]


@pytest.mark.parametrize("given", [[], ["--no-such-option"], ["claude_code", "{", "more"], ["claude_code", "{"]])
def test_a_wrong_call_is_no_failure_of_the_program(
    given: list[str],
    posts: list[tuple[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["octet", "hook", *given])
    assert main() == 0
    assert capsys.readouterr().out == ""
    assert posts == []


def test_an_event_that_octet_would_refuse_is_not_sent(
    posts: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gives(monkeypatch, json.dumps({"prompt": "x" * 10_000_000}).encode())
    assert hook.main(["claude_code"]) == 0
    assert posts == []


def test_without_octet_the_event_is_dropped_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gives(monkeypatch, b"{}")
    assert hook.main(["claude_code", "--home", "/nonexistent"]) == 0
    assert capsys.readouterr() == ("", "")
