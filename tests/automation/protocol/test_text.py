"""What a window takes, and when a text read back counts as the text asked for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.protocol.ports import PermanentFailure
from automation.protocol.text import SHORTEST, equal, gained_once, has_mark, has_more, mark, normalise, prepare
from core.deliveries.model import Reason
from core.profiles.model import Newline, Normalise
from tests.fakes.desk import TK

LEVELS = list(Normalise)
FILLERS = "\u200b\u2060\ufeff"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))
LAID_OUT = TEXTS | st.text(st.sampled_from(f"ab \t\n\u00a0{FILLERS}"))
"""Also texts that differ only in what an editor changes as it lays them out."""
LETTERS = st.sampled_from("ab.-") | st.characters(
    exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=FILLERS
)


@given(LAID_OUT, st.sampled_from(LEVELS))
def test_normalising_twice_changes_nothing_more(text: str, level: Normalise) -> None:
    once = normalise(text, level)
    assert normalise(once, level) == once


@given(TEXTS, TEXTS)
def test_raw_forgives_nothing(one: str, other: str) -> None:
    assert equal(one, other, Normalise.RAW) == (one == other)


@given(TEXTS, TEXTS)
def test_each_level_forgives_what_the_one_before_it_does(one: str, other: str) -> None:
    for stricter, looser in itertools.pairwise(LEVELS):
        if equal(one, other, stricter):
            assert equal(one, other, looser)


@given(LAID_OUT, LETTERS, LETTERS, LAID_OUT)
def test_one_visible_letter_lost_changed_or_added_is_never_forgiven_and_makes_a_draft_a_users(
    before: str, letter: str, other: str, after: str
) -> None:
    asked = before + letter + after
    changed = {before + after, before + other + letter + after, before + other + after} - {asked}
    for theirs, level in itertools.product(sorted(changed), LEVELS):
        assert not equal(asked, theirs, level)
        assert not has_mark(theirs, [mark(asked, level)], level)


@given(LAID_OUT, LAID_OUT, st.sampled_from(LEVELS))
def test_a_draft_is_ours_exactly_where_the_readback_takes_it_for_the_whole_text(
    asked: str, read: str, level: Normalise
) -> None:
    assert has_mark(read, [mark(asked, level)], level) == equal(asked, read, level)


def test_what_slate_tells_of_a_text_is_equal_and_has_its_mark() -> None:
    asked = "Look at this:\n\n  - one\n\n\n  - two  \nend."
    told = "Look at this:\n\ufeff\n\n  - one\n\ufeff\n\n\ufeff\n\n  - two  \nend."  # slate-react 0.146 in Chromium
    for level in LEVELS:
        is_forgiven = level in {Normalise.LINES, Normalise.BLANKS}
        assert equal(asked, told, level) is has_mark(told, [mark(asked, level)], level) is is_forgiven


@pytest.mark.parametrize(
    ("level", "read", "same"),
    [
        (Normalise.RAW, "a\nb\n", False),
        (Normalise.NL, "a\r\nb\n\n", True),
        (Normalise.NL, "a\n\nb", False),
        (Normalise.NL, "a\u00a0\nb", False),
        (Normalise.NBSP, "a\nb", True),
        (Normalise.LINES, "a  \n\n\nb\n", True),
        (Normalise.LINES, "ab", False),
    ],
)
def test_levels_forgive_what_they_say(level: Normalise, read: str, *, same: bool) -> None:
    assert equal("a\nb", read, level) is same


def test_nbsp_counts_as_a_blank_from_its_level_on() -> None:
    assert not equal("a b", "a\u00a0b", Normalise.NL)
    assert equal("a b", "a\u00a0b", Normalise.NBSP)


@given(TEXTS.filter(lambda text: bool(text.strip())))
def test_letters_beside_our_draft_are_seen_as_somebody_elses(text: str) -> None:
    if "hello!" not in text:
        assert has_more(text, "hello!" + text, Normalise.RAW)
    assert not has_more(text, text, Normalise.RAW)
    assert not has_more(text, text[:-1], Normalise.RAW) or text[:-1].count(text)


def test_our_draft_twice_is_damage_and_not_somebody_elses() -> None:
    assert not has_more("abc", "abcabc", Normalise.RAW)
    assert not has_more("abc", "abc\n", Normalise.RAW)


@pytest.mark.parametrize(
    "bad", ["\x1b[31mred", "bell\x07", "back\x08space", "del\x7f", "\x9bcsi", "null\x00", "\ud83d"]
)
def test_characters_that_a_window_could_obey_are_refused(bad: str) -> None:
    with pytest.raises(PermanentFailure) as refused:
        prepare(f"before {bad} after", TK)
    assert refused.value.reason is Reason.TEXT_REFUSED


def test_newlines_are_kept_collapsed_or_refused_as_the_profile_says() -> None:
    text = "one\r\n\n  two\tx\rthree\n"
    assert prepare(text, TK) == "one\n\n  two\tx\nthree\n"
    assert prepare(text, replace(TK, newline=Newline.COLLAPSE)) == "one two\tx three"
    with pytest.raises(PermanentFailure) as refused:
        prepare(text, replace(TK, newline=Newline.REFUSE))
    assert refused.value.reason is Reason.TEXT_REFUSED
    assert prepare("one line", replace(TK, newline=Newline.REFUSE)) == "one line"


def test_a_text_of_the_limit_is_taken_and_one_character_more_is_not() -> None:
    small = replace(TK, max_chars=10)
    assert prepare("x" * 10, small) == "x" * 10
    with pytest.raises(PermanentFailure) as refused:
        prepare("x" * 11, small)
    assert refused.value.reason is Reason.TOO_LONG


def test_a_text_of_blanks_is_refused() -> None:
    for text in (" \n\t ", f" {FILLERS}\n"):
        with pytest.raises(PermanentFailure):
            prepare(text, TK)


@pytest.mark.parametrize("text", ["/clear", "  /clear", "\n!ls -l", "# remember this"])
def test_what_would_be_a_command_there_is_refused_before_anything_is_pasted(text: str) -> None:
    with pytest.raises(PermanentFailure) as refused:
        prepare(text, replace(TK, forbidden_prefixes=("/", "!", "#")))
    assert refused.value.reason is Reason.TEXT_REFUSED
    assert refused.value.note == f"it begins with {text.strip()[0]}, which is a command there"


def test_a_prompt_of_octets_own_begins_with_nothing_that_is_a_command_anywhere() -> None:
    assert prepare(
        "[D2A] hub → Agent-1 · task T-1 · P2\nrun /clear, then !ls",
        replace(TK, forbidden_prefixes=("/", "!", "#", "@", "?")),
    )


LONG = "Look at the seventh line of that file"


@pytest.mark.parametrize(
    ("before", "after", "gained"),
    [
        ("", LONG, True),
        ("hello", f"hello\nyou: {LONG}\nworking", True),
        ("", LONG.replace(" ", "\n"), True),  # the program breaks lines as it likes
        (f"a {LONG}", f"a {LONG}\n{LONG}", True),  # sent again by a person: once more
        (LONG, LONG, False),  # it stands there from an earlier attempt
        (LONG, f"{LONG}\nworking", False),
        ("", f"{LONG}\n{LONG}", False),  # its title and its transcript, or an agent that quotes it
        (f"{LONG}\n{LONG}", LONG, False),
        ("", LONG[:-1], False),  # shortened
        ("", "", False),
    ],
)
def test_a_document_gained_the_text_when_it_holds_the_whole_once_more(before: str, after: str, *, gained: bool) -> None:
    assert gained_once(LONG, before, after) is gained


def test_a_short_text_may_be_a_part_of_another() -> None:
    assert not gained_once("go on", "", "go on")


DOUBLES = st.text(alphabet="ab \n", min_size=20, max_size=40)


@given(text=DOUBLES, before=st.text(alphabet="ab \n", max_size=60), more=st.text(alphabet="ab \n", max_size=60))
def test_no_gain_without_the_whole_text_in_what_came(text: str, before: str, more: str) -> None:
    assert not gained_once(text, before + more, before), "what is lost is not gained"
    assert not gained_once(text, before, before)
    if "".join(text.split()) not in "".join((before + more).split()):
        assert not gained_once(text, before, before + more)


@given(text=DOUBLES, times=st.integers(0, 4), more=st.integers(0, 4))
def test_what_is_gained_is_counted(text: str, times: int, more: int) -> None:
    """A mark that the text lacks stands between its copies."""
    held = f"#{text}#" * times
    is_long = len("".join(text.split())) >= SHORTEST
    assert gained_once(text, held, held + f"#{text}#" * more) is (is_long and more == 1)
