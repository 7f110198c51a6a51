"""A delivery that ends before its paste: nothing in the window is ours, so nothing there is deleted. After a paste,
what somebody presses counts from then on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.desktop.observation.delivery_screenshots import DeliveryScreenshots
from automation.desktop.x11.window import X11Window
from automation.protocol.ports import Cancelled, ClearResult, PermanentFailure, TransientFailure
from core.deliveries.model import Reason

TROUBLES = (
    TransientFailure(Reason.TOO_SLOW),
    TransientFailure(Reason.CLIPBOARD_TAKEN),
    PermanentFailure(Reason.CLOSED),
    Cancelled("somebody stopped it"),
)


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_what_a_person_wrote_before_the_paste_could_be_made_is_not_deleted(
    trouble: Exception,
) -> None:
    """On a slow machine the hold may be over before the paste: their letters stand in the composer then."""
    done: list[str] = []

    def make(_: str) -> None:
        raise trouble

    class Window(X11Window):
        def __init__(self) -> None:
            target = SimpleNamespace(id=7)
            there: dict[str, Any] = {
                "_name": "agent-1",
                "_album": DeliveryScreenshots(),
                "_profile": SimpleNamespace(readback=()),
                "_was_empty": True,
                "_is_without": False,
                "_aim": SimpleNamespace(target=lambda: target, taken=target),  # any key would be an error
                "_paste": SimpleNamespace(make=make, end=lambda: done.append("end")),
                "_readbacks": SimpleNamespace(accessible=None, way=SimpleNamespace(begin=lambda: None)),
                "_untouched": SimpleNamespace(begin=done.append, forget=done.append),
                "_clicks": SimpleNamespace(wanted=set[str]()),
            }
            vars(self).update(there)

        def _close_question(self) -> None:
            raise AssertionError("it goes about clearing")

    window = Window()
    with pytest.raises(type(trouble)):
        window.stage("our text")
    assert window.clear() is ClearResult.SEEN
    assert done == cast("list[object]", [7, "end", 7])


@pytest.mark.parametrize("is_staged", [True, False], ids=["after our paste", "of an earlier delivery's draft"])
def test_what_somebody_pressed_between_the_paste_and_its_clearing_is_not_forgotten(*, is_staged: bool) -> None:
    began: list[int] = []

    class Window(X11Window):
        def __init__(self) -> None:
            target = SimpleNamespace(id=7)
            there: dict[str, Any] = {
                "_name": "agent-1",
                "_album": DeliveryScreenshots(),
                "_was_empty": True,
                "_is_watched": False,
                "_profile": SimpleNamespace(dialogs=(), clear=()),
                "_aim": SimpleNamespace(
                    target=lambda: target,
                    hold_for_clearing=lambda: None,
                    regain_focus=lambda *, clicked: None,
                    press_to_clear=lambda _: None,
                ),
                "_paste": SimpleNamespace(make=lambda _: None),
                "_readbacks": SimpleNamespace(accessible=None, way=SimpleNamespace(begin=lambda: None)),
                "_untouched": SimpleNamespace(begin=began.append),
                "_clicks": SimpleNamespace(wanted=set[str]()),
            }
            vars(self).update(there)

    window = Window()
    if is_staged:
        window.stage("our text")
    window._press_clear(is_first=True, if_untouched=False)
    assert began == [7], "it is listened to from one moment on"
