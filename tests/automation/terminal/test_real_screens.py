"""The shipped profiles on screens of the real programs, as tmux captured them: tests/data/agent_screens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.protocol.text import equal, has_head
from automation.terminal.screen import PaneScreen, parse, transcript, view
from core.config.profiles import in_pane, read_profiles
from core.profiles.model import Activity, Normalise, PaneProfile

ROOT = Path(__file__).parents[3]
SCREENS = ROOT / "tests/data/agent_screens"
KINDS = read_profiles(ROOT, []).kinds
IDLE, BUSY, QUESTION, ERROR, LIMITED = "idle", "busy", Activity.NEEDS_INPUT, Activity.ERROR, Activity.LIMITED

SHOWN: list[tuple[str, str, str]] = [
    ("claude_code", "trust", QUESTION),
    ("claude_code", "api_key", QUESTION),
    ("claude_code", "idle", IDLE),
    ("claude_code", "busy", BUSY),
    ("claude_code", "question", QUESTION),
    ("claude_code", "auto_question", QUESTION),
    ("claude_code", "auto_check", QUESTION),
    ("claude_code", "retrying", BUSY),
    ("claude_code", "error", ERROR),
    ("claude_code", "limited", LIMITED),
    ("codex", "trust", QUESTION),
    ("codex", "question", QUESTION),
    ("codex", "error", ERROR),
    ("gemini_cli", "trust", QUESTION),
    ("gemini_cli", "idle", IDLE),
    ("gemini_cli", "busy", BUSY),
    ("gemini_cli", "question", QUESTION),
    ("opencode", "idle", IDLE),
    ("opencode", "busy", BUSY),
    ("opencode", "question", QUESTION),
    ("opencode", "limited", LIMITED),
]
CHOICES = {
    "claude_code_trust": "Yes, I trust this folder",
    "claude_code_api_key": "ANTHROPIC_API_KEY",
    "claude_code_auto_check": "Auto mode can't check actions",
    "codex_trust": "1. Trust and continue",
    "gemini_cli_trust": "1. Trust folder",
}
QUOTED = (
    "It says (esc to interrupt) and • Working (2s • esc to interrupt) while it works, or △ Permission required.",
    "Do you want to proceed? 1. Yes 2. No · Allow execution of: rm",
    "Would you like to run it? 1. Yes, proceed (y) · Enter to confirm · Esc to cancel",
    "● API Error: 429 · ■ exceeded retry limit · You've hit your usage limit",
    "You asked (20 words): Someone wrote: You've hit your usage limit, it resets 3pm. API Error: 429.",
)


PROMPT = (SCREENS / "prompt.txt").read_text()
CODE = "k3v9x2.7F3KQQWERTYUIOPASDFGHJKLZX"
DRAFT = f"[C2A] hub → Agent-1 · task T-78 · P2\n> 👨‍👩‍👧‍👦 › octet done T-78 --code {CODE}"
PROGRAMS = ["claude_code", "codex", "gemini_cli", "opencode"]


def pane(name: str) -> PaneProfile:
    found = in_pane(KINDS[name])
    assert isinstance(found, PaneProfile)
    return found


def seen(name: str, screen: str) -> PaneScreen:
    return view(parse(screen.split("\n")), pane(name).terminal)


def stored(name: str, state: str) -> str:
    return (SCREENS / f"{name}_{state}.txt").read_text()


@pytest.mark.parametrize(("name", "state", "shows"), SHOWN, ids=[f"{one[0]} {one[1]}" for one in SHOWN])
def test_a_real_screen_is_read_as_what_it_is(name: str, state: str, shows: str) -> None:
    found, profile = seen(name, stored(name, state)), pane(name)
    assert found.is_busy == (shows == BUSY)
    dialog = None if found.dialog is None else profile.terminal.dialogs[found.dialog]
    assert (dialog.shows if dialog else None) == (None if shows in {IDLE, BUSY} else shows)
    if shows == QUESTION:
        assert found.composer is None, "nothing can be written while it asks"
    else:
        assert found.is_empty


ANSWERS = [*((name, "question", ("approve", "deny")) for name in PROGRAMS), ("claude_code", "auto_question", ("deny",))]


@pytest.mark.parametrize(("name", "state", "answers"), ANSWERS, ids=[f"{one[0]} {one[1]}" for one in ANSWERS])
def test_a_person_sees_the_whole_command_that_they_approve(name: str, state: str, answers: tuple[str, ...]) -> None:
    """Claude Code's question without numbers takes no `1`: only what its keys answer is offered."""
    found, profile = seen(name, stored(name, state)), pane(name)
    shown = "\n".join(found.crop)
    assert "touch /home/ada/" in shown
    assert "Ask me." not in shown, "the prompt is not part of the question"
    assert found.dialog is not None
    assert profile.terminal.dialogs[found.dialog].answers == answers


@pytest.mark.parametrize("screen", CHOICES, ids=list(CHOICES))
def test_a_question_at_the_start_shows_its_choices_and_is_answered_in_the_pane(screen: str) -> None:
    name = next(one for one in PROGRAMS if screen.startswith(one))
    found, profile = seen(name, (SCREENS / f"{screen}.txt").read_text()), pane(name)
    assert found.dialog is not None
    assert profile.terminal.dialogs[found.dialog].answers == ()
    assert CHOICES[screen] in "\n".join(found.crop)


def said(name: str, state: str) -> str:
    return transcript(seen(name, stored(name, state)).above, pane(name).terminal)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_prompt_is_found_where_its_program_shows_it_by_its_first_line_and_its_code(name: str) -> None:
    assert seen(name, stored(name, "taken")).is_empty
    assert has_head(PROMPT, said(name, "taken"))
    assert not has_head(PROMPT.replace(CODE, CODE.replace("7F3K", "7F3L")), said(name, "taken")), "an older attempt"
    assert not has_head(PROMPT.replace("T-77", "T-78"), said(name, "taken")), "another task"
    assert not has_head(PROMPT.replace(CODE, "…"), said(name, "taken")), (
        "without a code nothing tells two prompts apart"
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_draft_is_read_whole_and_is_never_found_as_a_prompt_that_was_taken(name: str) -> None:
    found = seen(name, stored(name, "draft"))
    assert found.composer is not None
    assert equal(DRAFT, found.composer, Normalise.BLANKS)
    assert has_head(DRAFT, found.composer), "the control: it would be found there"
    assert not has_head(DRAFT, said(name, "draft"))


@pytest.mark.parametrize(("name", "hour"), [("opencode", 12), ("claude_code", 16)])
def test_a_limit_says_when_it_ends(name: str, hour: int) -> None:
    found = seen(name, stored(name, "limited"))
    now = datetime(2026, 11, 25, hour, 20, tzinfo=UTC)
    ends = pane(name).limit_ends_at("\n".join(found.crop), now)
    assert ends is not None
    assert 3500 < (ends - now).total_seconds() < 3700


@pytest.mark.parametrize("quoted", QUOTED)
@pytest.mark.parametrize(
    ("name", "state", "before"),
    [
        ("claude_code", "error", "● API Error: "),
        ("claude_code", "taken", "● word0"),
        ("codex", "streaming", "• word0"),
        ("gemini_cli", "idle", "Tips for getting started"),
        ("opencode", "busy", "     word0"),
    ],
)
def test_what_a_brief_or_an_answer_quotes_is_no_sign(name: str, state: str, before: str, quoted: str) -> None:
    lines = stored(name, state).split("\n")
    place = max(number for number, line in enumerate(parse(lines)) if line.text.startswith(before))
    plain = seen(name, "\n".join(lines))
    for mark in ("", "  ", "● ", "✦ ", "• ", "  ┃  "):
        found = seen(name, "\n".join([*lines[:place], f"{mark}{quoted}", *lines[place:]]))
        assert (found.is_busy, found.dialog, found.is_empty) == (plain.is_busy, plain.dialog, plain.is_empty), mark
