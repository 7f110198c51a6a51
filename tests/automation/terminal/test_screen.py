"""What stands on a screen, taken apart: composer, hints, signs, questions, masks; and the same as a picture."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from automation.protocol.activity import ActivityClassifier
from automation.protocol.text import equal, has_block
from automation.terminal import pane_picture, screen
from automation.terminal.activity import sight_of
from automation.terminal.panes import PaneSnapshot, PaneState
from automation.terminal.tmux import block, key
from core.profiles.model import Activity, Normalise
from tests.builders import refuses
from tests.fakes.panes import CLI

RULE = "─" * 20
TERMINAL = CLI.terminal


def seen(*lines: str, terminal=TERMINAL) -> screen.PaneScreen:
    return screen.view(screen.parse(lines), terminal)


def test_what_is_written_is_what_stands_between_prompt_and_rule_without_margins() -> None:
    view = seen("you: before", RULE, "❯ first line", "  second", "", "  last", RULE, "? for shortcuts")
    assert view.composer == "first line\nsecond\n\nlast"
    assert view.around == ("you: before", RULE, RULE, "? for shortcuts")
    assert view.box == ("❯ first line", "  second", "", "  last")


@pytest.mark.parametrize("empty", ["❯", "❯ ", '❯ \x1b[2mTry "fix"\x1b[0m', "❯ \x1b[0;2;38;5;2mghost\x1b[22m"])
def test_an_empty_composer_may_show_a_proposal(empty: str) -> None:
    assert seen(RULE, empty, RULE).is_empty


def test_a_colour_s_numbers_are_no_dimness_and_dimness_lasts_over_lines() -> None:
    assert seen(RULE, "❯ \x1b[38;2;2;2;2mtext\x1b[0m", RULE).composer == "text"
    assert seen("\x1b[2mdim", RULE, "❯ still dim", RULE).is_empty


def test_without_a_prompt_there_is_no_composer_and_nothing_is_empty() -> None:
    view = seen("loading", "…")
    assert view.composer is None
    assert not view.is_empty


def test_what_the_draft_says_is_no_sign_and_no_question() -> None:
    words = ["❯ ✻ esc to interrupt", "  Run this command?", "  ❯ 1. Yes"]
    view = seen(RULE, *words, RULE)
    assert (view.is_busy, view.dialog) == (False, None)
    assert seen("✻ Working (esc to interrupt)", RULE, "❯", RULE).is_busy


def test_a_question_takes_the_prompt_sign_of_its_choices_for_itself() -> None:
    view = seen("Run this command?", "  rm -rf build", "❯ 1. Yes", "  2. No")
    assert view.dialog == 0
    assert view.composer is None
    assert view.crop == ("Run this command?", "  rm -rf build", "❯ 1. Yes", "  2. No")


def test_a_notice_above_the_composer_leaves_it_usable_to_look_at() -> None:
    view = seen("You've reached your limit until 3pm", RULE, "❯", RULE)
    assert (view.dialog, view.is_empty) == (1, True)


LIMIT = "You've reached your limit until 3pm"


def test_a_limit_that_only_the_transcript_kept_is_none_any_more() -> None:
    assert seen(LIMIT, "❯ go on", "Done, all of it.", RULE, "❯", RULE).dialog is None, "a prompt was taken since"
    assert seen(LIMIT, "✻ Working (esc to interrupt)", RULE, "❯", RULE).dialog is None, "it works again"
    again = seen(LIMIT, "❯ go on", LIMIT, "more below it", RULE, "❯", RULE)
    assert (again.dialog, again.crop[0], len(again.crop)) == (1, LIMIT, 5), "the newer one, not the old one"


def test_a_limit_counts_only_so_near_to_the_composer_as_its_profile_says() -> None:
    near = replace(TERMINAL, dialogs=(replace(TERMINAL.dialogs[1], within=2),))
    for below, dialog in (((), 0), (("", "one", "", "two"), 0), (("one", "two", "three"), None)):
        lines = screen.parse([LIMIT, *below, "❯"])
        assert screen.view(lines, near).dialog == dialog, below
    assert screen.view(screen.parse([LIMIT, "one", "two", "three"]), near).dialog is None, "where no composer is"


def test_an_answered_question_that_is_still_to_be_read_asks_nothing() -> None:
    asked = ("Run this command?", "❯ 1. Yes", "  2. No")
    assert seen(*asked, "❯ what next?", "It ran.", RULE, "❯", RULE).dialog is None
    assert seen(*asked, "❯ what next?", *asked).crop == asked
    assert seen(*asked, RULE, "❯", RULE).dialog == 0, "its own choices are no prompts, also above a composer"


@pytest.mark.parametrize(
    ("sign", "text", "stands"),
    [
        ("[Pasted text #1 +2 lines]", "a\nb\nc", True),
        ("[Pasted text #1 +3 lines]", "a\nb\nc", True),
        ("[Pasted text #1 +4 lines]", "a\nb\nc", False),
        ("[Pasted text #1 +2 lines] and more", "a\nb\nc", None),
        ("a b c", "a\nb\nc", None),
    ],
)
def test_a_sign_stands_for_a_paste_only_with_its_count(sign: str, text: str, *, stands: bool | None) -> None:
    assert screen.fits_placeholder(sign, text, TERMINAL) is stands


def test_a_sign_that_counts_nothing_proves_nothing() -> None:
    assert screen.fits_placeholder("[Pasted]", "a", replace(TERMINAL, paste_placeholders=(r"\[Pasted\]",))) is False


def test_a_mask_covers_what_it_matches_in_texts_and_leaves_the_lines_as_long() -> None:
    masked = replace(TERMINAL, masks=(r"sk-\w+",))
    assert screen.hidden(("key sk-12345 end", "next"), masked) == ("key ▒▒▒▒▒▒▒▒ end", "next")


@pytest.mark.parametrize(
    "shown",
    [
        ("│ octet done T-1 --code k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ --file a │",),
        ("│ octet done T-1 --code k3v9 │", "│ x2.ABCDEFG                 │", "│ HIJKLMNOPQRSTUVWXYZ --file │"),
        ("octet done T-1 --code k3v9x2.ABCDEFGHIJKLM", "NOPQRSTUVWXYZ"),
    ],
    ids=["in one line", "in a frame", "broken by the terminal"],
)
def test_an_answer_code_is_covered_in_each_picture_also_where_its_program_broke_the_line(
    shown: tuple[str, ...],
) -> None:
    seen = screen.hidden(shown, TERMINAL)
    assert [len(line) for line in seen] == [len(line) for line in shown]
    assert not set("\n".join(seen)) & {*"ABCDGHIJKLMQRSUVWXYZ"}
    assert "octet done T-" in seen[0]
    assert screen.hidden(("see k3v9x2. ABC and MAIN.PY",), TERMINAL) == ("see k3v9x2. ABC and MAIN.PY",)


def test_texts_are_compared_without_blanks_because_programs_break_lines() -> None:
    assert equal("one two\n\n  three", "one\ntwo three", Normalise.BLANKS)
    assert not equal("one two", "one twO", Normalise.BLANKS)
    assert has_block("one two three", "said\none two\nthree\nmore", Normalise.BLANKS)
    assert not has_block("one two three", "he said one two\nthree", Normalise.BLANKS), "part of a line"
    assert not has_block("", "x", Normalise.BLANKS)


@pytest.mark.parametrize(
    ("chord", "name"),
    [("ctrl+u", "C-u"), ("enter", "Enter"), ("shift+tab", "BTab"), ("alt+enter", "M-Enter"), ("1", "1")],
)
def test_chords_are_written_as_tmux_writes_them(chord: str, name: str) -> None:
    assert key(chord) == name


def test_a_key_that_no_terminal_has_is_refused() -> None:
    with refuses("no_such_tmux_key"):
        key("win+a")


def test_commands_in_a_word_keep_their_words() -> None:
    assert block(["send-keys", "it's; ok"], ["x"]) == "'send-keys' 'it'\\''s; ok' ; 'x'"


def test_a_picture_has_a_cell_for_each_letter() -> None:
    image = Image.open(BytesIO(pane_picture.png(pane_picture.drawn(["abc", "漢字" * 20]))))
    assert image.size == (8 * (1 + 1 + 80), 17 * 4)
    assert image.convert("L").getextrema() == (0, 255)


def _look(*lines: str) -> PaneSnapshot:
    state = PaneState(
        id="%1",
        pid=2,
        server=3,
        is_dead=False,
        status="",
        modes=0,
        is_synchronized=False,
        is_off=False,
        size=(80, 24),
        cursor=(0, 0),
        brackets="",
        hold="",
        tag="",
        command="python",
    )
    return PaneSnapshot(state=state, view=seen(*lines))


def test_idle_is_only_what_stands_still_with_an_empty_composer() -> None:
    judge = ActivityClassifier()
    judge.note_sight(sight_of(_look(RULE, "❯", RULE), CLI), 10.0)
    assert judge.reading(10.1) is None, "it may be a pause"
    verdict = judge.reading(10.7)
    assert verdict is not None
    assert verdict.activity is Activity.IDLE
    judge.note_sight(sight_of(_look("a new line", RULE, "❯", RULE), CLI), 11.0)
    assert judge.reading(11.1) is None
    judge.note_sight(sight_of(_look(RULE, "❯ half", RULE), CLI), 12.0)
    verdict = judge.reading(13.0)
    assert verdict is not None
    assert (verdict.activity, verdict.note) == (Activity.UNKNOWN, "its composer is not empty")
    judge.note_sight(sight_of(_look("✻ esc to interrupt", RULE, "❯", RULE), CLI), 14.0)
    verdict = judge.reading(14.0)
    assert verdict is not None
    assert verdict.activity is Activity.BUSY
