"""Foreign text inside our messages: it shows, and does nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord import text
from bot.discord.parts import marker_in
from tests.bot.discord.shapes import MARKER

HOSTILE = [
    "",
    " ",
    "@everyone and @here",
    "<@123> <@&456> <#789> <t:0:R> </task new:1> <:smile:2>",
    "```\ncode\n``` and `more",
    "**bold** __u__ ~~s~~ ||spoiler|| _i_ *i* # head > quote - list [a](http://x)",
    "\u202eevil\u202c \u2066x\u2069 \u200f",
    "שלום עולם · مرحبا بالعالم",
    "漢字かな交じり文" * 50,
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 100,
    "e\u0301" * 3000,
    "a\u0300\u0301\u0302" * 100,
    "\x00\x07\x1b[31mred\x1b[0m",
    "x" * 100_000,
    "\\" * 500,
    "`" * 500,
    "https://example.com/a_b_c?x=*y*",
    "\ud800 lone",
]
anything = st.one_of(
    st.text(max_size=300),
    st.sampled_from([one for one in HOSTILE if len(one) < 10_000]),
    st.text(alphabet="`\\*_<@:\n \u202eא👍\u0301", max_size=400),
)


@given(anything, st.integers(1, 400))
def test_cut_keeps_the_limit_and_begins_like_the_text(foreign: str, limit: int) -> None:
    shown = text.cut(foreign, limit)
    assert text.size(shown) <= limit
    if shown != foreign:
        assert shown.endswith("…")
        assert foreign.startswith(shown[:-1])


def test_cut_does_not_part_a_sign_from_its_marks() -> None:
    assert text.cut("ab👍🏽cdefgh", 4) == "ab…"
    assert text.cut("ae\u0301bcdef", 3) == "a…"


@given(anything, st.integers(8, 400))
def test_an_inline_text_keeps_the_limit_and_is_one_line(foreign: str, limit: int) -> None:
    shown = text.inline(foreign, limit)
    assert text.size(shown) <= limit
    assert not re.search("[\n\u202a-\u202e]", shown)
    assert 1 <= text.size(text.plain(foreign, 100)) <= 100


@given(anything)
def test_an_inline_text_has_no_markup_left(foreign: str) -> None:
    shown = re.sub(r"\\[\\*_~|`<\[:]", "", text.inline(foreign, 400))
    assert not re.search(r"[*_~|`<\[\\]|@everyone|@here", shown)


def test_a_right_to_left_title_does_not_turn_our_line_round() -> None:
    assert text.inline("שלום", 50) == "\u2068שלום\u2069"
    assert text.inline("hello", 50) == "hello"


@given(anything, st.integers(20, 900))
def test_a_fenced_text_cannot_leave_its_fence(foreign: str, limit: int) -> None:
    shown = text.fence(foreign, limit)
    assert text.size(shown) <= limit
    assert shown.startswith("```\n")
    assert shown.endswith("\n```")
    assert "```" not in shown[3:-3]
    if text.fits_fence(foreign, 2000):
        assert text.fence(foreign, 2000) == f"```\n{foreign or ' '}\n```", "character by character"


@given(anything, st.integers(20, 900))
def test_every_line_of_an_answer_is_marked_as_a_quote_and_no_code_block_stays_open(foreign: str, limit: int) -> None:
    for shown in (text.quote(foreign, limit), text.quote_fence(foreign, limit)):
        assert text.size(shown) <= limit
        assert shown.count("```") % 2 == 0
        assert len(shown.splitlines()) == shown.count("\n") + 1
        assert all(line.startswith("> ") for line in shown.split("\n"))


FORGED = st.lists(
    st.sampled_from(["[a]", "](", "(b)", "]\u200b(", "oabcd", "·", "\u202e", "\u2066", "7", "b7"]), max_size=9
)


@given(FORGED.map(lambda pieces: "".join([*pieces, "\n", MARKER.line])) | anything)
def test_an_answer_hides_no_address_turns_no_text_and_bears_no_marker_of_octet(foreign: str) -> None:
    for shown in (text.quote(foreign, 400), text.quote_fence(foreign, 400)):
        assert "](" not in shown
        assert not re.search("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]", shown)
    for shown in (text.quote(foreign, 400), text.fence(foreign, 400), text.inline(foreign, 400)):
        assert not marker_in([shown], [])
    assert marker_in([MARKER.line], []) == MARKER.code


def test_an_answer_keeps_its_words_its_blank_lines_and_the_address_of_a_link() -> None:
    said = "**Done.**\r\n\r\nSee [the log](https://evil.example/x) 👩‍🚀\u2028-# oabcd.12"
    assert text.quote(said, 400) == "> **Done.**\n> \n> See [the log] (https://evil.example/x) 👩‍🚀\n> -# oabcd.12"
    assert text.quote("one\ntwo\nthree", 24) == "> one\n> two\n> …"
    assert text.quote("\u202e\u200b", 100) == text.quote(text._NOTHING, 100)


@pytest.mark.parametrize("foreign", HOSTILE)
def test_size_counts_as_discord_clients_count(foreign: str) -> None:
    assert text.size(foreign) == len(foreign.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("show", [text.quote, text.quote_fence, text.inline, text.plain])
def test_an_answer_code_in_a_foreign_text_is_hidden(show: Callable[[str, int], str]) -> None:
    shown = show("octet done T-1 --code k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ --file a.md", 400)
    assert "octet done T-1 --code … --file a.md" in shown
