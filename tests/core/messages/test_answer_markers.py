"""Answers between markers: found in whatever a window makes of them, and the prompt is never taken for one."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.messages import answer_markers
from core.messages.answer_markers import MarkedAnswer, find_answer, instruction

MARKER = "k3v9x2qa"
OPEN, CLOSE = f"<<<{MARKER}", f"{MARKER}>>>"
PROMPT = f"[D2A] hub → Agent-3 · task T-1 · P2\nCount the birds.\nWhen finished:  octet done T-1\n{instruction(MARKER)}"

FRAME = "|\u00ad\u2060\ufeff" + "".join(map(chr, (*range(0x200B, 0x2010), *range(0x2500, 0x2580))))
"""What windows draw, and lines of nothing else are no answer."""
words = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=f"<>{FRAME}"), min_size=1, max_size=300
).filter(lambda text: bool(text.strip()) and MARKER not in "".join(text.split()))


def whole(text: str) -> MarkedAnswer:
    return MarkedAnswer(text=text, is_whole=True)


def partial(text: str) -> MarkedAnswer:
    return MarkedAnswer(text=text, is_whole=False)


def wrapped(text: str, width: int) -> str:
    """As a terminal shows it: every line cut after so many characters."""
    return "\n".join(line[at : at + width] for line in text.split("\n") for at in range(0, max(1, len(line)), width))


def test_the_prompt_says_what_to_write() -> None:
    assert instruction(MARKER).endswith(f"between {OPEN} and {CLOSE}")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", None),
        (f"{OPEN}\nSeven birds.\n{CLOSE}", whole("Seven birds.")),
        (f"{OPEN} Seven birds. {CLOSE}", whole("Seven birds.")),
        (
            f"{OPEN}\n\nSeven.  \n\n  Two of them small.\n\n{CLOSE}\nThat is all.",
            whole("Seven.\n\n  Two of them small."),
        ),
        (f"{OPEN}\nSeven birds and", partial("Seven birds and")),
        (f"{OPEN}\nOne.\n{CLOSE}\nNo, better:\n{OPEN}\nTwo.\n{CLOSE}", whole("Two.")),
        (f"{OPEN}\nOne, no\n{OPEN}\nTwo.\n{CLOSE}", whole("Two.")),
        (f"{OPEN}\nOne.\n{CLOSE}\n{OPEN}\nTw", whole("One.")),
        (f"I shall write between {OPEN} and {CLOSE}.", None),
        (
            f"{OPEN}\nAs asked, between {OPEN} and {CLOSE}: seven.\n{CLOSE}",
            whole(f"As asked, between {OPEN} and {CLOSE}: seven."),
        ),
        (f"{OPEN}\n\n{CLOSE}", None),
        (f"{CLOSE} Seven. {OPEN}", None),
        ("<<<k3v\n9x2qa\nSeven birds.\nk3v9x\n2qa>\n>>", whole("Seven birds.")),
        ("│ <<<k3v9 │\n│ x2qa    │\nSeven birds.\n│k3v9x2qa>>>│", whole("Seven birds.")),
        (f"<<<otherone\nNo.\notherone>>>\n{OPEN}\nYes.\n{CLOSE}", whole("Yes.")),
        (f"{OPEN}\r\nSeven\x07 birds.\r\n{CLOSE}", whole("Seven birds.")),
    ],
)
def test_what_stands_between_the_markers_is_found_behind_the_prompt(said: str, found: MarkedAnswer | None) -> None:
    assert find_answer(f"{PROMPT}\n\nAgent-3\n{said}", MARKER) == found
    assert find_answer(said, MARKER) == found, "also where the prompt has scrolled away"


def test_a_window_without_a_marker_is_not_searched() -> None:
    assert find_answer("<<< >>> anything", "") is None


@given(width=st.integers(1, 120))
def test_the_prompt_is_never_an_answer_however_its_lines_are_broken(width: int) -> None:
    assert find_answer(wrapped(PROMPT, width), MARKER) is None


@given(start=st.integers(0, len(PROMPT)), end=st.integers(0, len(PROMPT)), width=st.integers(1, 120))
def test_no_part_of_the_prompt_is_an_answer(start: int, end: int, width: int) -> None:
    assert find_answer(wrapped(PROMPT[start:end], width), MARKER) is None


@given(cut=st.integers(0, len(PROMPT)), text=words, width=st.integers(1, 120))
def test_an_answer_is_found_behind_any_rest_of_the_prompt_and_however_lines_are_broken(
    cut: int, text: str, width: int
) -> None:
    shown = f"{wrapped(PROMPT[cut:], width)}\n{wrapped(OPEN, width)}\n{text}\n{wrapped(CLOSE, width)}\n> "
    found = find_answer(shown, MARKER)
    assert found is not None
    assert found.is_whole
    assert found.text.split() == text.split()


@given(text=words, width=st.integers(2, 120))
def test_a_terminal_breaks_lines_and_no_word_of_the_answer_is_lost(text: str, width: int) -> None:
    found = find_answer(wrapped(f"{PROMPT}\n{OPEN}\n{text}\n{CLOSE}", width), MARKER)
    assert found is not None
    assert found.is_whole
    assert "".join(found.text.split()) == "".join(text.split())


@given(text=words)
def test_an_answer_without_its_end_is_only_the_beginning_of_one(text: str) -> None:
    told = re.sub(answer_markers._NOISE, "", text)
    assume(not "and".startswith(told))  # that is nothing, or may as well be a prompt's own line, cut off
    found = find_answer(f"{PROMPT}\n{OPEN}\n{text}", MARKER)
    assert found is not None
    assert not found.is_whole


def test_an_answer_as_long_as_may_be_is_found_at_once() -> None:
    text = "\n".join(textwrap.wrap("seven birds " * 80_000, 100))
    assert find_answer(f"{PROMPT}\n{OPEN}\n{text}\n{CLOSE}", MARKER) == whole(text)


def steps_of(pairs: int) -> int:
    """Count the steps of the search in a window full of markers."""
    shown, count = f"{OPEN} a {CLOSE} {instruction(MARKER)}\n\n" * pairs, 0

    def step(frame: FrameType, event: str, _given: object) -> Callable[..., Any] | None:
        nonlocal count
        count += event == "line"
        return step if frame.f_code.co_filename == answer_markers.__file__ else None

    before = sys.gettrace()
    sys.settrace(step)
    try:
        assert find_answer(shown, MARKER) == whole("a")
    finally:
        sys.settrace(before)
    return count


def test_the_search_takes_steps_in_proportion_to_the_markers() -> None:
    assert steps_of(400) < 12 * steps_of(40)
