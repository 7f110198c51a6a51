"""A program that takes the text once more while it copies may paste it after the copy: that copy counts for nothing."""

from __future__ import annotations

from typing import cast

from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.readback import ClipboardPaste, CopyReadback
from automation.desktop.x11.selection import SelectionOffer
from automation.desktop.x11.target import X11Target
from core.profiles.model import Selection
from tests.fakes.desk import TK

TEXT = "once"


class Program:
    """A program with its clipboard: it copies at the last chord of `copy`, and takes the text when it is told to."""

    profile = TK
    client = 1

    def __init__(self) -> None:
        self.made = SelectionOffer(selection=Selection.CLIPBOARD, client=1, data=TEXT.encode())
        self.waiting = 0  # requests that reached the display, and that nobody has answered yet
        self.asks_while_it_copies = 0

    def offer(self, selection: Selection, text: str, client: int) -> SelectionOffer:
        del selection, text, client
        return self.made

    def answer_waiting(self) -> None:
        while self.waiting:
            self.waiting -= 1
            self.made.count()

    def wait_out_poller(self, offer: SelectionOffer) -> None:
        """No clipboard manager runs."""

    def copied(self) -> str:
        return TEXT

    def guard(self) -> None:
        """It is in front."""

    def press(self, chord: str) -> None:
        if chord == TK.paste:
            self.made.count()
        elif chord == TK.copy[-1]:
            self.waiting += self.asks_while_it_copies
            self.asks_while_it_copies = 0
            self.answer_waiting()
            self.made.copies += 1


def staged(program: Program) -> CopyReadback:
    aim = cast("X11Target", program)
    paste = ClipboardPaste(aim=aim, clipboard=cast("X11Clipboard", program))
    way = CopyReadback(aim=aim, paste=paste)
    paste.make(TEXT)
    return way


def test_a_copy_during_which_the_program_took_the_text_again_counts_for_nothing() -> None:
    program = Program()
    way = staged(program)
    program.asks_while_it_copies = 1
    assert [(read.text, read.taken) for read in (way.read(), way.read())] == [(None, False), (TEXT, True)]
