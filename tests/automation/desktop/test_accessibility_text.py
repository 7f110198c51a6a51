"""How a rich text of the accessibility tree becomes lines: blocks have lines of their own, inline objects do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.desktop.accessibility.bus import Bus, BusCall, NoBusReply
from automation.desktop.accessibility.tree import EMBEDDED, MOST_DEEP, Node
from automation.protocol.text import equal
from core.profiles.model import Normalise

LINES = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=EMBEDDED),
        st.sampled_from(["\t", "\u00a0", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "שלום", "日本", "```", "  "]),
    ),
    max_size=30,
).map("".join)


@dataclass
class Told:
    """One object: its role, its text, and what stands in it."""

    role: str
    text: str = ""
    inner: list[Told] = field(default_factory=list)


@dataclass
class Program:
    """A bus with one program that tells of these objects."""

    told: list[Told] = field(default_factory=list)

    def node(self, told: Told) -> Node:
        self.told.append(told)
        return Node(cast("Bus", self), ":1", str(len(self.told) - 1))

    def ask(self, call: BusCall) -> list[Any]:
        told = self.told[int(call.path)]
        match call.member:
            case "GetText":
                return [told.text]
            case "GetRoleName":
                return [told.role]
            case _:
                return [[(":1", self.node(inner).path) for inner in told.inner]]


def text_of(told: Told) -> str:
    return Program().node(told).text()


@given(LINES, st.lists(LINES, min_size=1, max_size=20))
def test_blocks_are_lines_also_empty_ones_and_a_first_line_beside_them_is_one(first: str, lines: list[str]) -> None:
    """As browsers make them."""
    assert text_of(Told("entry", "\n".join(lines))) == "\n".join(lines), "without objects it is told as it is"
    for role, before in (("paragraph", ""), ("section", first)):
        editor = Told("entry", before + EMBEDDED * len(lines), [Told(role, line) for line in lines])
        assert text_of(editor) == "\n".join([before, *lines] if before else lines)


def test_inline_objects_stay_in_their_line() -> None:
    paragraph = Told("paragraph", f"see {EMBEDDED} and {EMBEDDED}.", [Told("link", "this"), Told("static", "that")])
    code = Told("section", "x = 1\ny = 2")
    assert text_of(Told("entry", EMBEDDED * 2, [paragraph, code])) == "see this and that.\nx = 1\ny = 2"


@given(st.lists(LINES, min_size=2, max_size=8), st.data())
def test_a_line_that_is_missing_or_changed_is_never_equal(lines: list[str], data: st.DataObject) -> None:
    lines = [f"{number} {line.strip()}x" for number, line in enumerate(lines)]
    lost = data.draw(st.integers(0, len(lines) - 1))
    left = [line for number, line in enumerate(lines) if number != lost]
    editor = Told("entry", EMBEDDED * len(left), [Told("paragraph", line) for line in left])
    for level in Normalise:
        assert not equal("\n".join(lines), text_of(editor), level)


def test_a_text_nested_without_end_is_not_read() -> None:
    inner = Told("section", "deep")
    for _ in range(MOST_DEEP + 1):
        inner = Told("section", EMBEDDED, [inner])
    with pytest.raises(NoBusReply, match="too deep"):
        text_of(inner)
