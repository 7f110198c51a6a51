"""The terminal program's composer: what its bytes become, and what is shown of them."""

from __future__ import annotations

import pytest

from sandbox.desktop.agent.draft import PASTE_BEGINS, PASTE_ENDS, TerminalDraft
from sandbox.desktop.agent.textgrid import fitted, rows, shown, width


def pasted(text: str) -> bytes:
    return PASTE_BEGINS + text.replace("\n", "\r").encode() + PASTE_ENDS


def test_typed_characters_stand_in_the_draft_and_enter_gives_them() -> None:
    draft = TerminalDraft()
    assert draft.feed("añ日".encode()) == []
    assert draft.feed(b"\r") == ["añ日"]
    assert draft.text == "añ日"  # clearing is the window's decision


def test_newlines_of_a_paste_are_text_and_do_not_send() -> None:
    draft = TerminalDraft()
    assert draft.feed(pasted("one\n\ntwo\n")) == []
    assert draft.text == "one\n\ntwo\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_bytes_may_come_in_any_pieces(size: int) -> None:
    data = "é日👩‍🚀\x1b[A".encode() + pasted("p日\nq") + b"z" + b"\r"
    draft = TerminalDraft()
    entered: list[str] = []
    for at in range(0, len(data), size):
        entered += draft.feed(data[at : at + size])
    assert entered == ["é日👩‍🚀p日\nqz"]


def test_ctrl_u_clears_all_of_it_and_backspace_takes_one_character_or_a_collapsed_paste() -> None:
    draft = TerminalDraft()
    draft.feed(b"ab" + pasted("x" * 500) + b"c")
    draft.feed(b"\x7f")
    assert draft.text == "ab" + "x" * 500
    draft.feed(b"\x7f\x7f")
    assert draft.text == "a"
    draft.feed(pasted("more\nlines") + b"\x15")
    assert (draft.text, draft.seen()) == ("", "")


def test_long_paste_is_shown_by_its_size_and_head_and_sent_whole() -> None:
    text = "first line\n" + "y" * 2_111 + "\n" * 11
    draft = TerminalDraft()
    draft.feed(b"see: " + pasted(text))
    assert draft.seen().startswith("see: [pasted 2,133 characters, 13 lines] first line yyy")
    assert len(draft.seen()) < 120
    assert draft.feed(b"\r") == ["see: " + text]


def test_lone_escape_is_forgotten_and_does_not_swallow_the_next_key() -> None:
    draft = TerminalDraft()
    draft.feed(b"\x1b")
    assert draft.holds_escape
    draft.forget_escape()
    assert draft.feed(b"a\r") == ["a"]


def test_nothing_a_terminal_would_obey_is_shown() -> None:
    assert shown("a\x1b[2Jb\x07\tc\u202ed") == "a [2Jb     c d"


def test_wide_characters_take_two_cells_and_marks_none() -> None:
    assert [width(text) for text in ("ab", "日本", "e\u0301", "👩")] == [2, 4, 1, 2]
    assert fitted("日本語", 5) == "日本 "
    assert all(width(fitted(text, 9)) == 9 for text in ("", "日" * 9, "e\u0301" * 20))


def test_rows_break_at_words_where_they_can_and_never_exceed_the_columns() -> None:
    assert rows("alpha beta gamma", 11) == ("alpha beta ", "gamma")
    assert rows("x" * 25, 10) == ("x" * 10, "x" * 10, "x" * 5)
    assert rows("a\n\nb", 10) == ("a", "", "b")
    assert all(width(row) <= 7 for row in rows("日本語のテキスト with words", 7))
