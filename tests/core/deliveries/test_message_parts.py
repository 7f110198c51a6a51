"""A long text is cut where a person would cut it, and nothing of it is lost."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.deliveries.message_parts import cuts

WHOLE = [
    "e\u0301",
    "👩\u200d👩\u200d👧",
    "👍🏽",
    "🇨🇭",
    "\u1112\u1161\u11ab",
    "क्षि",
    "❤\ufe0f",
    "ｶﾞ",
    "🏴\U000e0067\U000e0062\U000e007f",
]
"""Each is one character to people."""
PIECES = st.sampled_from([*WHOLE, "word ", "line\n", "\n\n", "x", " ", "鳥", "\t"])
TEXTS = st.lists(PIECES, max_size=120).map("".join)


def pieces(text: str, most: int, last: int) -> list[str]:
    ends = [0, *cuts(text, most=most, last=last), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(ends)]


@given(TEXTS, st.integers(1, 60), st.integers(1, 60))
def test_the_pieces_joined_are_the_text_and_none_is_too_long_or_empty(text: str, most: int, last: int) -> None:
    found = pieces(text, most, last)
    assert "".join(found) == text
    assert all(0 < len(piece) <= most for piece in found[:-1])
    assert len(found[-1]) <= last
    assert found[-1] or not text


@given(st.lists(st.sampled_from(WHOLE), max_size=60).map("".join), st.integers(8, 40), st.integers(8, 40))
def test_no_cut_goes_through_what_is_one_character_to_people(text: str, most: int, last: int) -> None:
    for piece in pieces(text, most, last)[1:]:
        assert unicodedata.category(piece[0]) not in {"Mn", "Mc", "Me"}, piece
        assert piece[0] not in "\u200d🏽\u1161\u11abﾞ\U000e0067\U000e0062\U000e007f", piece
        flags = len(piece) - len(piece.lstrip("🇨🇭"))
        assert flags % 2 == 0, piece


@pytest.mark.parametrize(
    ("text", "most", "last", "expected"),
    [
        ("short", 10, 5, ["short"]),
        ("one two three", 9, 9, ["one two ", "three"]),
        ("first line\nsecond line", 18, 18, ["first line\n", "second line"]),
        ("a para\nof two\n\nanother one here", 24, 24, ["a para\nof two\n\n", "another one here"]),
        ("x" * 25, 10, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("fits but for what stands at its end", 40, 10, ["fits but for what stands at its ", "end"]),
        ("e" + "\u0301" * 30, 10, 10, ["e" + "\u0301" * 9, "\u0301" * 10, "\u0301" * 10, "\u0301"]),
    ],
)
def test_it_is_cut_between_paragraphs_else_lines_else_words_else_characters(
    text: str, most: int, last: int, expected: list[str]
) -> None:
    assert pieces(text, most, last) == expected
