"""What counts as ours: nothing before the paste, and no copy during which the program took the text again. After a
paste, what somebody presses counts from then on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.desktop.observation.delivery_screenshots import DeliveryScreenshots
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.readback import SELECTED_S, ClipboardPaste, CopyReadback
from automation.desktop.x11.selection import SelectionOffer
from automation.desktop.x11.target import X11Target
from automation.desktop.x11.window import X11Window
from automation.protocol.ports import Cancelled, ClearResult, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Selection
from tests.fakes.desk import TK

TARGET = SimpleNamespace(id=7)
TROUBLES = (
    TransientFailure(Reason.TOO_SLOW),
    TransientFailure(Reason.CLIPBOARD_TAKEN),
    PermanentFailure(Reason.CLOSED),
    Cancelled("somebody stopped it"),
)


class Window(X11Window):
    """A window that has only these parts; another one that is asked for is an error."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(
            {
                "_name": "agent-1",
                "_screenshots": DeliveryScreenshots(),
                "_was_empty": True,
                "_readbacks": SimpleNamespace(accessible=None, way=SimpleNamespace(begin=lambda: None)),
                "_clicks": SimpleNamespace(wanted=set[str]()),
                **parts,
            }
        )


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_what_a_person_wrote_before_the_paste_could_be_made_is_not_deleted(trouble: Exception) -> None:
    """On a slow machine the hold may be over before the paste: their letters are in the composer then."""
    done: list[object] = []

    def make(_: str) -> None:
        raise trouble

    window = Window(
        _profile=SimpleNamespace(readback=()),
        _is_without=False,
        _target=SimpleNamespace(window=lambda: TARGET, taken=TARGET),  # any key would be an error
        _paste=SimpleNamespace(make=make, end=lambda: done.append("end")),
        _untouched=SimpleNamespace(begin=done.append, forget=done.append),
    )
    with pytest.raises(type(trouble)):
        window.stage("our text")
    assert window.clear() is ClearResult.SEEN
    assert done == [7, "end", 7]


@pytest.mark.parametrize("is_staged", [True, False], ids=["after our paste", "of an earlier delivery's draft"])
def test_what_a_person_pressed_between_the_paste_and_its_clearing_is_not_forgotten(*, is_staged: bool) -> None:
    began: list[int] = []
    rests: list[float] = []
    window = Window(
        _is_watched=False,
        _profile=SimpleNamespace(dialogs=(), clear=()),
        _target=SimpleNamespace(
            window=lambda: TARGET,
            hold_for_clearing=lambda: None,
            regain_focus=lambda *, clicked: None,
            press_to_clear=lambda _, *, rest_s: rests.append(rest_s),
        ),
        _paste=SimpleNamespace(make=lambda _: None),
        _untouched=SimpleNamespace(begin=began.append),
    )
    if is_staged:
        window.stage("our text")
    window._press_clear(is_first=True, if_untouched=False)
    assert began == [7], "it is listened to from one moment on"
    window._press_clear(is_first=False, if_untouched=False)
    assert rests == [0.0, SELECTED_S], "an editor may have learned of its selection too late"


class Program:
    """A program with its clipboard: it copies at the last chord of `copy`, and takes the text when it is told to."""

    profile = TK
    client = 1

    def __init__(self) -> None:
        self.made = SelectionOffer(selection=Selection.CLIPBOARD, client=1, data=b"once")
        self.waiting = 0  # requests that reached the display, and that have no answer yet
        self.asks_while_it_copies = 0

    def offer(self, selection: Selection, text: str, client: int) -> SelectionOffer:
        del selection, text, client
        return self.made

    def wait(self, seconds: float) -> None:
        """Let no time pass."""

    def answer_waiting(self) -> None:
        while self.waiting:
            self.waiting -= 1
            self.made.count()

    def wait_out_poller(self, offer: SelectionOffer) -> None:
        """No clipboard manager runs."""

    def copied(self) -> str:
        return "once"

    def guard(self) -> None:
        """See that it is in front."""

    def press(self, chord: str) -> None:
        if chord == TK.paste:
            self.made.count()
        elif chord == TK.copy[-1]:
            self.waiting += self.asks_while_it_copies
            self.asks_while_it_copies = 0
            self.answer_waiting()
            self.made.copies += 1


def test_a_copy_during_which_the_program_took_the_text_again_counts_for_nothing() -> None:
    """It may paste it after the copy."""
    program = Program()
    target = cast("X11Target", program)
    paste = ClipboardPaste(target=target, clipboard=cast("X11Clipboard", program))
    way = CopyReadback(target=target, paste=paste)
    paste.make("once")
    program.asks_while_it_copies = 1
    assert [(read.text, read.taken) for read in (way.read(), way.read())] == [(None, False), ("once", True)]
