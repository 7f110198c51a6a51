"""The patterns of the profiles that ship, on screens as people have quoted them: what is written, what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.terminal.screen import PaneScreen, fits_placeholder, parse, view
from core.config.profiles import in_pane, read_profiles
from core.profiles.model import Activity, PaneProfile

ROOT = Path(__file__).parents[3]
KINDS = read_profiles(ROOT, []).kinds
RULE = "─" * 60

CLAUDE = f"> the one before\n\n● Done.\n\n{RULE}\n❯\u00a0%s\n{RULE}\n  ? for shortcuts"
CLAUDE_BOXED = "> the one before\n\n● Done.\n\n╭────────╮\n│ > %s │\n╰────────╯\n  ? for shortcuts"
CODEX = "› the one before\n\n• Done.\n\n› %s\n\n  gpt-5.6-sol default · ~/work"
CODEX_OLD = "▌ %s\n\n⏎ send   ⌃J newline   ⌃C quit"
GEMINI = "╭─────────────────────────╮\n│ > %s      │\n╰─────────────────────────╯\n ~/work   no sandbox"
SCREENS = [
    ("claude_code", CLAUDE),
    ("claude_code", CLAUDE_BOXED),
    ("codex", CODEX),
    ("codex", CODEX_OLD),
    ("gemini_cli", GEMINI),
]


def pane(name: str) -> PaneProfile:
    found = in_pane(KINDS[name])
    assert isinstance(found, PaneProfile)
    return found


def seen(name: str, screen: str) -> PaneScreen:
    return view(parse(screen.split("\n")), pane(name).terminal)


@pytest.mark.parametrize(
    ("name", "screen"), SCREENS, ids=["claude_code", "its box", "codex", "an old codex", "gemini_cli"]
)
def test_what_is_written_is_read_as_it_is_without_what_stands_around_it(name: str, screen: str) -> None:
    assert (seen(name, screen % "mend the build: a > b").composer or "").strip() == "mend the build: a > b"
    assert seen(name, screen % "").is_empty


def test_the_edge_of_a_box_is_no_text_and_neither_is_the_space_before_it() -> None:
    assert seen("claude_code", CLAUDE_BOXED % "first      │\n│   second").composer == "first\nsecond"


@pytest.mark.parametrize(
    ("name", "screen", "hint"),
    [
        ("claude_code", CLAUDE, 'Try "edit <filepath> to…"'),
        ("codex", CODEX, "\x1b[2mUse /skills to list available skills\x1b[0m"),
        ("gemini_cli", GEMINI, "  Type your message or @path/to/file"),
    ],
)
def test_what_an_empty_composer_proposes_is_no_text(name: str, screen: str, hint: str) -> None:
    assert seen(name, screen % hint).is_empty


@pytest.mark.parametrize(
    ("name", "screen", "sign", "text"),
    [
        ("claude_code", CLAUDE, "[Pasted text #1 +2 lines]", "a\nb\nc"),
        ("codex", CODEX, "[Pasted Content 1200 chars]", "x" * 1200),
        ("gemini_cli", GEMINI, "[Pasted Text: 6 lines]", "a\n" * 5 + "b"),
        ("gemini_cli", GEMINI, "[Pasted Text: 501 chars #2]", "x" * 501),
    ],
)
def test_the_sign_of_a_long_paste_counts_what_was_pasted(name: str, screen: str, sign: str, text: str) -> None:
    composer = seen(name, screen % sign).composer
    assert composer is not None
    assert fits_placeholder(composer, text, pane(name).terminal) is True
    assert fits_placeholder(composer, text + "\n\nmore", pane(name).terminal) is False


@pytest.mark.parametrize(
    ("name", "screen", "sign"),
    [
        ("claude_code", CLAUDE, "✻ Thinking… (12s · ↑ 1.2k tokens · esc to interrupt)"),
        ("codex", CODEX, "• Working (2s • esc to interrupt)"),
        ("gemini_cli", GEMINI, "⠏ Counting electrons (esc to cancel, 3s)"),
    ],
)
def test_an_agent_at_work_is_seen_and_one_that_rests_is_not(name: str, screen: str, sign: str) -> None:
    assert seen(name, f"{sign}\n{screen % ''}").is_busy
    assert not seen(name, screen % "").is_busy
    assert not seen(name, screen % f"why does it say {sign}?").is_busy, "what is written there is no sign"


@pytest.mark.parametrize(
    ("name", "screen"),
    [
        (
            "claude_code",
            " Bash command\n\n   rm photo.jpg\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. No\n\n Esc to cancel",
        ),
        (
            "claude_code",
            "│ Do you want to make this edit to App.tsx? │\n│ ❯ 1. Yes │\n│   2. No, and tell Claude (esc) │",
        ),
        (
            "codex",
            "  Would you like to run the following command?\n\n  $ git push\n\n› 1. Yes, proceed (y)\n  3. No (esc)",
        ),
        ("codex", "  Would you like to make the following edits?\n\n› 1. Yes, proceed (y)\n  2. No (esc)"),
        ("gemini_cli", "│ Allow execution of: 'npm'? │\n│ ● 1. Yes, allow once │\n│   3. No, suggest changes (esc) │"),
        ("gemini_cli", "│ Apply this change? │\n│ ● 1. Yes, allow once │\n│   4. No, suggest changes (esc) │"),
    ],
)
def test_a_question_is_seen_and_can_be_denied(name: str, screen: str) -> None:
    found, profile = seen(name, screen), pane(name)
    assert found.dialog is not None
    dialog = profile.terminal.dialogs[found.dialog]
    assert dialog.shows is Activity.NEEDS_INPUT
    assert [profile.press(act, dialog) for act in dialog.answers]
    assert found.composer is None, "nothing can be written while it asks"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("claude_code", "  ⎿  You've hit your limit · resets 3pm (Europe/Berlin)"),
        ("codex", "■ You've hit your usage limit. Try again at 3:28 PM."),
    ],
)
def test_a_reached_limit_is_seen(name: str, said: str) -> None:
    screen = {"claude_code": CLAUDE, "codex": CODEX}[name] % ""
    assert seen(name, f"{said}\n\n{screen}").dialog is None, "another prompt was taken since"
    found = seen(name, screen.replace("● Done.", f"● Done.\n\n{said}").replace("• Done.", f"• Done.\n\n{said}"))
    assert found.dialog is not None
    assert pane(name).terminal.dialogs[found.dialog].shows is Activity.LIMITED
