"""The portable path's looks, one after the other, on a window that is only drawn: each of them keeps an Enter away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pyperclip
import pytest
from PIL import Image, ImageDraw

from automation.desktop.macos.input import MacClipboard, MacInput
from automation.desktop.macos.window import MacInspector, MacWindow
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.target.own_input import Clicks
from automation.protocol.delivery import DeliveryRun
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import Desk, Window
from core.profiles.model import Box, Profile, Readback, StateSigns, Transcript
from tests.automation.desktop.pace import Pace
from tests.display import until
from tests.fakes.desk import TK, make_order
from tests.fakes.world import World

QUICK = replace(
    TK,
    paste_timeout_ms=400,
    confirm_timeout_ms=400,
    transcript=Transcript(box=Box(x=0, y=30, width=400, height=170), complete=True),
)
TEXT = "Do this\nthen that"


@dataclass
class Drawn:
    """A screen with one chat window on it, and the hands and the clipboard there."""

    text: str = ""
    clipboard: str = "mine"
    submitted: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    when: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens just after a chord was pressed."""
    is_there: bool = True
    name: str = "#e0e0e0"
    """The colour of what stands in its header; that of the header, as long as nothing is drawn there."""
    anchor: str = "#203040"
    """The colour of its header; another one is another window, which else looks the same."""
    is_busy: bool = False
    copies: bool = True
    lands_after: int = 0
    """So many pictures are taken of a paste before all of it is shown."""
    is_selected: bool = False
    at: tuple[int, int] = (700, 10)
    placed: tuple[int, int] | None = None
    _coming: str = ""

    # The screen
    def take(self, box: Box) -> Image.Image:
        if self._coming:
            self.lands_after -= 1
            if self.lands_after <= 0:
                self.text, self._coming = self.text + self._coming, ""
        whole = Image.new("RGB", (800, 400), "#777777")
        if self.is_there:
            draw = ImageDraw.Draw(whole)
            draw.rectangle((0, 0, 339, 29), fill=self.anchor)
            draw.rectangle((20, 10, 90, 20), fill=self.name)
            draw.rectangle((340, 0, 399, 29), fill="#d08000" if self.is_busy else "#404040")
            draw.rectangle((0, 200, 399, 299), fill="#ffffff")
            for number, letter in enumerate(self.text[:90]):
                draw.rectangle((5 + 4 * number, 210, 7 + 4 * number, 260 + ord(letter) % 16), fill="#000000")
            if self.is_selected:
                draw.rectangle((4, 280, 390, 290), fill="#0000ff")
        return whole.crop((box.x, box.y, box.x + box.width, box.y + box.height))

    # The hands
    def press(self, chord: str) -> None:
        self.keys.append(chord)
        match chord:
            case "ctrl+v" if self.lands_after:
                self._coming = self.clipboard
            case "ctrl+v":
                self.text = self.clipboard if self.is_selected else self.text + self.clipboard
            case "ctrl+a":
                self.is_selected = bool(self.text)
            case "ctrl+c" if self.is_selected and self.copies:
                self.clipboard = self.text
            case "ctrl+end":
                self.is_selected = False
            case "backspace" if self.is_selected:
                self.text, self.is_selected = "", False
            case "enter":
                self.submitted.append(self.text)
                self.text, self.is_busy = "", True
            case _:
                pass
        self.when.pop(chord, lambda: None)()

    def click(self, x: int, y: int) -> None:
        self.keys.append("click")
        self.at = self.placed = (x, y)
        self.when.pop("click", lambda: None)()

    def move(self, x: int, y: int) -> None:
        self.at = self.placed = (x, y)

    def pointer(self) -> tuple[int, int]:
        return self.at


@dataclass
class Scene:
    drawn: Drawn
    inspector: MacInspector
    window: MacWindow
    journal: World
    pace: Pace

    def deliver(self, text: str = TEXT) -> Outcome:
        profile = self.inspector.profile("agent-1")
        order = make_order("worker", text)
        return DeliveryRun(order=order, profile=profile, window=self.window, journal=self.journal, pace=self.pace).run()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return make(tmp_path, monkeypatch, QUICK)


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, profile: Profile) -> Scene:
    drawn, pace = Drawn(), Pace(tick_s=0.005)  # on its clock, whatever the machine does, each asking takes as long
    monkeypatch.setattr(pyperclip, "paste", lambda: drawn.clipboard)
    monkeypatch.setattr(pyperclip, "copy", lambda text: setattr(drawn, "clipboard", text))
    box = Box(x=0, y=0, width=400, height=300)
    desk = Desk(name="d", display="", windows=(Window(name="agent-1", profile="tk", title="", box=box),))
    inspector = MacInspector(
        desk=desk, profiles={"tk": profile}, screen=cast("ScreenCapture", drawn), anchors=Anchors(folder / "anchors")
    )
    if Readback.COPY in profile.readback:
        inspector.recognise("agent-1")
    window = MacWindow(
        name="agent-1",
        inspector=inspector,
        mac_input=cast("MacInput", drawn),
        clipboard=MacClipboard(),
        clicks=Clicks(),
        pace=pace,
    )
    return Scene(drawn=drawn, inspector=inspector, window=window, journal=World(), pace=pace)


def test_a_text_arrives_and_clipboard_and_pointer_are_the_persons_again(scene: Scene) -> None:
    outcome = scene.deliver()
    assert outcome.result is Result.DELIVERED, outcome
    assert scene.drawn.submitted == [TEXT]
    assert (scene.drawn.clipboard, scene.drawn.at) == ("mine", (700, 10))


def test_what_a_person_copied_or_where_they_moved_meanwhile_stays(scene: Scene) -> None:
    def person() -> None:
        scene.drawn.clipboard, scene.drawn.at = "new", (1, 1)

    scene.drawn.when["enter"] = person
    assert scene.deliver().result is Result.DELIVERED
    assert (scene.drawn.clipboard, scene.drawn.at) == ("new", (1, 1))


@pytest.mark.parametrize(
    ("shows", "reason"),
    [
        ({"text": "half a sentence"}, Reason.COMPOSER_NOT_EMPTY),
        ({"is_busy": True}, Reason.BUSY),
        ({"is_there": False}, Reason.COVERED),
    ],
    ids=["a person's draft", "at work", "another window"],
)
def test_no_key_is_pressed_in_a_window_that_is_not_free(scene: Scene, shows: dict[str, Any], reason: Reason) -> None:
    vars(scene.drawn).update(shows)
    assert scene.deliver().reason is reason
    assert scene.drawn.keys == []
    assert scene.drawn.text == shows.get("text", "")


@pytest.mark.parametrize("after", ["click", "ctrl+v", "ctrl+a", "ctrl+c", "ctrl+end"])
def test_what_comes_over_it_after_any_key_keeps_enter_away(scene: Scene, after: str) -> None:
    scene.drawn.when[after] = lambda: setattr(scene.drawn, "is_there", False)
    outcome = scene.deliver()
    assert outcome.result in {Result.BOUNCED, Result.REFUSED}, outcome
    assert outcome.reason in {Reason.COVERED, Reason.FOCUS_TAKEN}
    assert scene.drawn.submitted == []
    assert scene.drawn.keys[-1] == after, "and no further key is pressed"


def test_each_verb_looks_for_itself_before_its_key_and_after_it(scene: Scene) -> None:
    window, drawn = scene.window, scene.drawn
    acts: dict[str, Callable[[], object]] = {
        "click": window.focus,
        "ctrl+v": lambda: window.stage(TEXT),
        "enter": lambda: window.submit(by_s=scene.pace.now_s() + 5),
    }
    for key, act in acts.items():
        drawn.anchor = "#ff0000"
        drawn.keys.clear()
        with pytest.raises(TransientFailure):
            act()
        assert drawn.keys == [], f"{key} is not pressed for another window"
        drawn.anchor = "#203040"
    for key in ("click", "ctrl+v"):
        drawn.when[key] = lambda: setattr(drawn, "anchor", "#ff0000")
        with pytest.raises(TransientFailure):
            acts[key]()
        drawn.anchor = "#203040"
    drawn.anchor = "#ff0000"
    with pytest.raises(TransientFailure):
        window.guard()
    drawn.text, drawn.is_busy = "", True
    sight = window.confirm()
    assert (sight.is_empty, sight.is_busy) == (False, False), "another window's empty composer proves nothing"


def test_the_first_picture_of_a_window_is_not_cut_from_one_at_work_or_written_into_or_not_drawn_yet(
    scene: Scene, tmp_path: Path
) -> None:
    scene.inspector._anchors = Anchors(tmp_path / "none yet")
    undrawn = replace(scene.drawn, name=scene.drawn.anchor)
    for drawn in (replace(scene.drawn, is_busy=True), replace(scene.drawn, text="half a sentence"), undrawn):
        scene.inspector._screen = cast("ScreenCapture", drawn)
        with pytest.raises(TransientFailure):
            scene.inspector.recognise("agent-1")


def test_a_window_that_copies_nothing_gets_no_enter_for_what_the_clipboard_holds_anyhow(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MacWindow, "copy_s", (0.0,))
    scene.drawn.copies = False
    outcome = scene.deliver()
    assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.PASTE_NOT_READ), outcome
    assert (scene.drawn.submitted, scene.drawn.text) == ([], "")


def test_it_is_not_copied_before_the_paste_is_seen_to_have_landed(scene: Scene) -> None:
    scene.drawn.lands_after = 6
    copied_at: list[str] = []
    scene.drawn.when["ctrl+a"] = lambda: copied_at.append(scene.drawn.text)
    assert scene.deliver().result is Result.DELIVERED
    assert copied_at == [TEXT], "a copy before would have put the clipboard's new word into the composer"
    assert scene.drawn.submitted == [TEXT]


@pytest.mark.parametrize("step", ["staged", "submitting"])
def test_letters_that_a_person_adds_before_enter_keep_it_away(scene: Scene, step: str) -> None:
    scene.journal.when[step] = lambda _: setattr(scene.drawn, "text", scene.drawn.text + "x")
    assert scene.deliver().result in {Result.BOUNCED, Result.NOT_ARRIVED}
    assert scene.drawn.submitted == []


def test_an_enter_that_is_late_is_not_pressed(scene: Scene) -> None:
    scene.window.look()
    scene.window.focus()
    with pytest.raises(TransientFailure) as trouble:
        scene.window.submit(by_s=scene.pace.now_s() - 0.001)
    assert trouble.value.reason is Reason.LATE
    assert scene.drawn.submitted == []


def test_an_emptied_composer_alone_proves_nothing_because_a_user_is_not_held_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make(tmp_path, monkeypatch, replace(QUICK, busy=StateSigns()))
    outcome = scene.deliver()
    assert (outcome.result, outcome.draft_left) == (Result.UNKNOWN, False), "QUICK allows weak_by_emptying"
    assert scene.drawn.submitted == [TEXT]


@pytest.mark.parametrize("changed", [("is_there", False), ("text", "still here")], ids=["gone", "not empty"])
def test_what_does_not_look_right_after_enter_is_unknown(scene: Scene, changed: tuple[str, object]) -> None:
    scene.drawn.when["enter"] = lambda: setattr(scene.drawn, *changed)
    assert scene.deliver().result is Result.UNKNOWN
    assert scene.drawn.keys.count("enter") == 1


@pytest.mark.parametrize("readback", [Readback.PIXELS, Readback.ACCESSIBILITY])
def test_a_window_that_cannot_be_copied_from_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readback: Readback
) -> None:
    scene = make(tmp_path, monkeypatch, replace(QUICK, readback=(readback,)))
    outcome = scene.deliver()
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.READ_BACK_DIFFERS)
    assert scene.drawn.keys == []


def test_only_our_own_draft_is_known_as_ours_and_a_cover_gets_no_key(scene: Scene) -> None:
    window, drawn = scene.window, scene.drawn
    window.look()
    window.focus()
    window.stage(TEXT)
    until(lambda: window.read().text is not None, "it is read")
    marks = window.marks()
    assert window.matches_draft(marks)
    drawn.text += "x"
    assert not window.matches_draft(marks)
    assert not window.is_same_window(marks), "windows that look alike cannot be told apart"
    assert not window.has_receipt()
    drawn.is_there = False
    drawn.keys.clear()
    with pytest.raises((TransientFailure, PermanentFailure)):
        window.transcript()
    assert drawn.keys == []
    assert window.confirm().is_empty is False
