"""Long texts in pieces: ours are cut between characters, and what Tk cuts through is mended where it was cut only."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.desktop.x11 import selection, selection_server
from automation.desktop.x11.clipboard import X11Clipboard
from core.profiles.model import Selection
from tests.automation.desktop.test_clipboard import owner
from tests.display import VirtualDisplay, until

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="ðñòóô"), max_size=60)
"""Without the letters that a character of four bytes begins with when it is taken apart: such a text, cut there by
chance, cannot be told from damage."""


@given(TEXTS, st.integers(4, 20))
def test_pieces_are_whole_characters_and_together_the_text(text: str, most: int) -> None:
    data, sent, cut = text.encode(), 0, list[bytes]()
    while piece := selection_server.cut(data, sent, most):
        assert len(piece) <= most
        piece.decode()
        cut.append(piece)
        sent += len(piece)
    assert b"".join(cut) == data
    assert selection.join(cut) == data


def as_tk_sends(data: bytes, at: int) -> list[bytes]:
    """Two pieces, cut at `at`; a character of four bytes there is taken apart."""
    for start in range(max(0, at - 3), at):
        if data[start] >= 0xF0:
            apart = data[start : start + 4].decode("latin-1").encode()
            return [data[:start] + apart[: 2 * (at - start)], apart[2 * (at - start) :] + data[start + 4 :]]
    return [data[:at], data[at:]]


@given(TEXTS, st.integers(0, 200))
def test_a_character_that_was_taken_apart_at_a_boundary_is_mended(text: str, at: int) -> None:
    data = text.encode()
    assert selection.join(as_tk_sends(data, min(at, len(data)))) == data


@given(TEXTS)
def test_what_looks_like_damage_elsewhere_is_left_as_it_is(text: str) -> None:
    odd = "👩".encode().decode("latin-1").encode()
    data = text.encode() + b"  " + odd + b"  " + text.encode()
    assert selection.join([data]) == data
    assert selection.join([data + b" ", data]) == data + b" " + data, "a boundary that lies in no character"


def test_what_is_no_character_put_together_is_left_as_it_is_at_a_boundary_too() -> None:
    ends, begins = "ð".encode(), "\x80\x80\x80".encode()
    assert selection.join([ends, begins]) == ends + begins, "a text that is no UTF-8 any more cannot be read"


@pytest.mark.display
def test_emoji_at_every_place_around_tks_boundaries_come_back_whole(display: VirtualDisplay) -> None:
    clipboard = X11Clipboard(display.name)
    try:
        for pad in range(8):
            text = "a" * pad + "👩✅é漢" * 1200
            (display.folder / "text").write_text(text, "utf-8")
            script = (
                "import sys, tkinter as tk; root = tk.Tk(); box = tk.Text(root); box.pack(); "
                "box.insert('1.0', open(sys.argv[1], encoding='utf-8').read()); "
                "box.tag_add('sel', '1.0', 'end-1c'); box.event_generate('<<Copy>>'); root.mainloop()"
            )
            program = display.start(sys.executable, "-c", script, str(display.folder / "text"))
            until(lambda: owner(display), "it owns the clipboard")
            assert clipboard.read(Selection.CLIPBOARD, 60) == text, pad
            program.terminate()
            program.wait(30)
            until(lambda: not owner(display), "it is gone")
    finally:
        clipboard.close()
