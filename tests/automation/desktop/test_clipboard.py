"""Our selection owner against real X clients: it serves one program, in pieces where long, and notices thieves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event

from automation.desktop.x11 import selection, selection_server
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.selection_server import INCR_ABOVE
from automation.desktop.x11.watchdog_client import WatchdogClient
from core.desks.model import ClipboardScope
from core.profiles.model import Selection
from tests.display import VirtualDisplay, until
from tests.pace import patience

pytestmark = pytest.mark.display


@pytest.fixture
def clipboard(display: VirtualDisplay) -> Iterator[X11Clipboard]:
    keeper = WatchdogClient(display.name)
    keeper.start()
    found = X11Clipboard(display.name, keeper=keeper)
    yield found
    found.close()
    keeper.close()


class Program:
    """An X client that pastes."""

    def __init__(self, display: VirtualDisplay) -> None:
        self.display = Display(display.name)
        root = self.display.screen().root
        self.window = root.create_window(0, 0, 5, 5, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        self.client = self.window.id & ~self.display.display.info.resource_id_mask & 0xFFFFFFFF
        self.place = self.display.intern_atom("PLACE")

    def ask(self, target: str, selection: str = "CLIPBOARD") -> bytes | list[int] | None:
        """Return what the owner gives for this target; None when it refuses."""
        atom = self.display.intern_atom
        self.window.convert_selection(atom(selection), atom(target), self.place, X.CurrentTime)
        while not isinstance(answer := self.display.next_event(), event.SelectionNotify):
            pass
        if answer.property == X.NONE:
            return None
        found = self.window.get_full_property(self.place, X.AnyPropertyType)
        assert found is not None
        if found.property_type != atom("INCR"):
            return bytes(found.value) if found.format == 8 else [int(number) for number in found.value]
        whole = b""
        self.window.delete_property(self.place)
        while True:
            happened = self.display.next_event()
            if not isinstance(happened, event.PropertyNotify) or happened.state != X.PropertyNewValue:
                continue
            piece = self.window.get_full_property(self.place, X.AnyPropertyType)
            assert piece is not None
            self.window.delete_property(self.place)
            if not len(piece.value):
                return whole
            whole += bytes(piece.value)

    def copy(self) -> None:
        """Own the clipboard; whoever asks gets no answer."""
        self.window.set_selection_owner(self.display.intern_atom("CLIPBOARD"), X.CurrentTime)
        self.display.sync()

    def close(self) -> None:
        self.display.close()


@pytest.fixture
def program(display: VirtualDisplay) -> Iterator[Program]:
    """Open the program that a text is for."""
    found = Program(display)
    yield found
    found.close()


@pytest.fixture
def other(display: VirtualDisplay) -> Iterator[Program]:
    found = Program(display)
    yield found
    found.close()


def owner(display: VirtualDisplay) -> int:
    """Return the X client that owns the clipboard now; 0 when none does."""
    found: object = display.connection.get_selection_owner(display.connection.intern_atom("CLIPBOARD"))
    return display.windows.client_of(getattr(found, "id", 0))


def test_the_program_it_is_for_gets_the_text_each_taking_is_counted_and_every_other_program_is_refused(
    clipboard: X11Clipboard, program: Program, other: Program
) -> None:
    offer = clipboard.offer(Selection.CLIPBOARD, "déjà vu", program.client)
    assert offer is not None
    for target in ("UTF8_STRING", "text/plain;charset=utf-8", "STRING"):
        assert other.ask(target) is None
        assert program.ask(target) == "déjà vu".encode("latin-1" if target == "STRING" else "utf-8")
    until(lambda: offer.served == 3, "three takings")
    assert program.ask("TIMESTAMP") == [offer.time]
    assert offer.time > 0, "a real time of the server"
    targets = program.ask("TARGETS")
    assert isinstance(targets, list)
    assert {Xatom.STRING, program.display.intern_atom("UTF8_STRING")} <= set(targets)
    assert other.ask("TARGETS") is None
    assert program.ask("text/html") is None
    assert offer.served == 3, "looking at the targets takes nothing"
    clipboard.offer(Selection.PRIMARY, "漢字", program.client)
    assert program.ask("STRING", "PRIMARY") is None, "a text beyond Latin-1 is not offered as that"


@pytest.mark.parametrize("length", [INCR_ABOVE, INCR_ABOVE + 1, 3 * INCR_ABOVE + 17])
def test_a_long_text_comes_whole_in_pieces(clipboard: X11Clipboard, program: Program, length: int) -> None:
    text = ("0123456789abcdef" * (length // 16 + 1))[:length]
    offer = clipboard.offer(Selection.CLIPBOARD, text, program.client)
    assert offer is not None
    assert program.ask("UTF8_STRING") == text.encode()
    until(lambda: offer.served == 1, "one taking")


class Copier(Program):
    """The target's program: it copies what it was given, and offers it as its own."""

    TEXT = "the prompt, copied out of the composer 鳥 " * 7_000

    def answer(self) -> None:
        """Give the text to the program that asks first, in pieces, though the selection may be lost by then."""
        while not isinstance(asked := self.display.next_event(), event.SelectionRequest):
            pass
        asked.requestor.change_attributes(event_mask=X.PropertyChangeMask)
        asked.requestor.change_property(asked.property, self.display.intern_atom("INCR"), 32, [1])
        values = {"requestor": asked.requestor, "selection": asked.selection, "target": asked.target}
        notice = event.SelectionNotify(time=asked.time, property=asked.property, **values)
        asked.requestor.send_event(notice)
        data = self.TEXT.encode()
        for start in range(0, len(data) + 90_000, 90_000):
            while not (isinstance(gone := self.display.next_event(), event.PropertyNotify) and gone.state == 1):
                pass
            asked.requestor.change_property(asked.property, asked.target, 8, data[start : start + 90_000])
            self.display.flush()


def test_what_the_program_copies_for_the_readback_is_taken_off_the_clipboard_at_once_and_read_all_the_same(
    clipboard: X11Clipboard, program: Program, display: VirtualDisplay
) -> None:
    target = Copier(display)
    try:
        offer = clipboard.offer(Selection.CLIPBOARD, "the prompt", target.client)
        assert offer is not None
        offer.awaits_copy = True
        target.copy()
        assert offer.until(lambda: offer.copies == 1, patience(10))
        assert owner(display) not in {0, target.client}, "it is ours again"
        assert not offer.is_lost
        assert program.ask("UTF8_STRING") is None, "who asks is refused"
        with ThreadPoolExecutor(1) as other:
            read = other.submit(clipboard.copied, patience(10))
            target.answer()
            assert read.result(patience(10)) == target.TEXT
    finally:
        target.close()


@pytest.mark.parametrize("awaits_copy", [False, True])
def test_what_a_person_copies_in_another_program_is_left_to_them_also_during_a_readback(
    clipboard: X11Clipboard, program: Program, other: Program, display: VirtualDisplay, *, awaits_copy: bool
) -> None:
    offer = clipboard.offer(Selection.CLIPBOARD, "the prompt", program.client)
    assert offer is not None
    offer.awaits_copy = awaits_copy
    other.copy()
    assert offer.until(lambda: offer.is_lost, patience(10))
    assert owner(display) == other.client


def test_what_a_person_copied_after_the_keeping_is_not_taken_from_them(
    clipboard: X11Clipboard, program: Program, other: Program, display: VirtualDisplay
) -> None:
    assert clipboard.keep()
    other.copy()
    assert clipboard.offer(Selection.CLIPBOARD, "ours", program.client) is None
    assert owner(display) == other.client


def test_what_its_owner_copied_anew_while_a_text_of_ours_was_there_is_not_taken_from_it(
    clipboard: X11Clipboard, program: Program, other: Program, display: VirtualDisplay
) -> None:
    """The same window owns it as before: of a person who copies again, or a new one's that got an old one's number."""
    other.copy()
    assert not clipboard.keep(), "it gives nothing; whose it was is known all the same"
    offer = clipboard.offer(Selection.CLIPBOARD, "ours", program.client)
    assert offer is not None
    other.copy()
    assert offer.until(lambda: offer.is_lost, patience(10)), "it was copied anew"
    assert clipboard.offer(Selection.CLIPBOARD, "ours", program.client) is None
    assert owner(display) == other.client


def test_a_dropped_selection_has_no_owner_and_a_later_one_is_served(
    clipboard: X11Clipboard, program: Program, display: VirtualDisplay
) -> None:
    clipboard.offer(Selection.CLIPBOARD, "first", program.client)
    clipboard.drop(Selection.CLIPBOARD)
    assert owner(display) == 0
    assert program.ask("UTF8_STRING") is None
    clipboard.offer(Selection.CLIPBOARD, "second", program.client)
    assert program.ask("UTF8_STRING") == b"second"


def test_nothing_to_read_is_none_and_not_a_wait_for_ever(clipboard: X11Clipboard, program: Program) -> None:
    assert clipboard.read(Selection.CLIPBOARD, 0.5) is None
    program.copy()
    assert clipboard.read(Selection.CLIPBOARD, 0.2) is None, "an owner that does not answer"


def test_a_program_that_vanishes_while_it_is_served_ends_nothing(
    clipboard: X11Clipboard, program: Program, display: VirtualDisplay
) -> None:
    hasty = Program(display)
    clipboard.offer(Selection.CLIPBOARD, "x" * (2 * INCR_ABOVE), hasty.client)
    atom = hasty.display.intern_atom
    hasty.window.convert_selection(atom("CLIPBOARD"), atom("UTF8_STRING"), hasty.place, X.CurrentTime)
    hasty.display.sync()
    hasty.close()
    clipboard.offer(Selection.CLIPBOARD, "still here", program.client)
    assert program.ask("UTF8_STRING") == b"still here"


def test_where_everybody_may_read_others_do_and_only_the_programs_own_reading_counts(
    display: VirtualDisplay, program: Program, other: Program
) -> None:
    with closing(X11Clipboard(display.name, serve=ClipboardScope.EVERYBODY)) as clipboard:
        offer = clipboard.offer(Selection.CLIPBOARD, "for all", program.client)
        assert offer is not None
        assert other.ask("UTF8_STRING") == b"for all"
        assert offer.served == 0
        assert program.ask("UTF8_STRING") == b"for all"
        until(lambda: offer.served == 1, "its own reading counts")


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
            program.wait(patience(30))
            until(lambda: not owner(display), "it is gone")
    finally:
        clipboard.close()
