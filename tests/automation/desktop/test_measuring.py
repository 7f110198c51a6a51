"""What calibration measures and refuses: where one writes, what stands still, how a window looks at work, quirks."""

from __future__ import annotations

import os
import pty
import subprocess
import tty
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.accessibility.tree import State
from automation.desktop.calibration import surveyor as surveying
from automation.desktop.calibration.accessibility_probe import AccessibilityProbe
from automation.desktop.calibration.busy_learning import sign_of_work
from automation.desktop.calibration.composer_detection import (
    SCROLLBAR,
    SMALLEST,
    anchors,
    beside_scrollbars,
    blank_around,
)
from automation.desktop.calibration.terminals import is_terminal, reads_lines, text_area
from automation.desktop.calibration.trial_delivery import TrialObserver, quirks
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.image_diff import is_blank
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.window_pixels import WindowPixels
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, PermanentFailure
from core.calibration.calibrator import long_draft
from core.calibration.model import TERMINAL, CalibrationFailed
from core.deliveries.model import Outcome, Reason, Result
from core.profiles.model import Box, Composer, Normalise, Profile, Readback
from tests.automation.desktop.win32.seen import surveyor
from tests.fakes.desk import TK
from tests.fakes.win32 import FakeDesktop, Made

QTERMINAL = Path(__file__).parents[2] / "data/qterminal"
COMPOSER = Box(x=40, y=240, width=320, height=40)
LAMP = Box(x=360, y=4, width=36, height=16)
SEEN = WindowInfo(id=1, kind="Chat", title="chat", box=Box(x=100, y=50, width=400, height=300), is_viewable=True)


def window(*, caret: bool = False, clock: str = "", lamp: str = "#404040", said: str = "") -> Image.Image:
    """Draw a dark editor: a header, a chat, a composer set off by very little."""
    picture = Image.new("RGB", (400, 300), "#252526")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 399, 23), fill="#3c3c3c")
    draw.text((8, 6), "Explorer  apollo  src  tests  README", fill="#cccccc")
    draw.rectangle((360, 4, 395, 19), fill=lamp)
    draw.text((250, 6), clock, fill="#cccccc")
    draw.text((20, 60), said, fill="#d4d4d4")
    draw.rectangle((40, 240, 359, 279), fill="#1e1e1e")
    if caret:
        draw.rectangle((44, 246, 45, 260), fill="#ffffff")
    return picture


# In pictures


def test_the_composer_is_found_around_any_of_its_points_though_its_ground_is_nearly_that_of_the_window() -> None:
    for point in ((200, 260), (44, 250), (355, 245)):
        found = blank_around([window(), window(caret=True)], point)
        assert found is not None
        assert found[1] == "#1e1e1e"
        assert found[0].fits_into(COMPOSER)
        assert found[0].width >= COMPOSER.width - 24  # scrollbars may come and go
    assert blank_around([window()], (60, 11)) is None, "a header full of words is none"


def test_a_scrollbar_that_comes_when_a_text_does_lies_outside_of_what_is_taken_for_the_composer() -> None:
    editor = Image.new("RGB", (600, 400), "#f0f0f0")
    ImageDraw.Draw(editor).rectangle((0, 25, 599, 399), fill="#ffffff", outline="#c0c0c0")
    found = blank_around([editor, editor], (300, 200))
    assert found is not None
    box, colour = found
    assert (box.x, box.y) == (3, 28)
    ImageDraw.Draw(editor).rectangle((590, 27, 598, 397), fill="#909090")
    ImageDraw.Draw(editor).rectangle((2, 388, 588, 397), fill="#909090")
    assert is_blank(editor.crop((box.x, box.y, box.x + box.width, box.y + box.height)), colour, 120)
    line, small = Box(x=5, y=5, width=400, height=30), Box(x=5, y=5, width=SMALLEST[0], height=SMALLEST[1])
    assert beside_scrollbars(line) == replace(line, width=400 - SCROLLBAR), "a line to write in keeps its height"
    assert beside_scrollbars(small) == small


def test_anchors_keep_out_of_what_changes_and_of_what_shows_nothing() -> None:
    frames = [window(clock=clock, caret=bool(number % 2)) for number, clock in enumerate(("11:11", "22:22", "33:33"))]
    found = anchors(frames, COMPOSER, [])
    assert found
    assert found[0].y + found[0].height <= 32
    assert not any(box.overlaps(Box(x=252, y=8, width=20, height=6)) for box in found)
    assert not any(box.overlaps(COMPOSER) for box in found)
    assert anchors([Image.new("RGB", (400, 300), "#252526")] * 2, COMPOSER, []) == ()


def test_no_anchor_is_cut_from_a_conversation_which_stands_still_until_the_first_prompt() -> None:
    welcome = [window(said="Welcome back! Ask me about your code, or type / for commands")] * 2
    found = anchors(welcome, COMPOSER, [])
    assert found
    assert not any(box.overlaps(Box(x=40, y=60, width=320, height=180)) for box in found)


@settings(max_examples=12)  # each draws and searches two pictures
@given(
    is_dark=st.booleans(),
    has_header=st.booleans(),
    caret=st.booleans(),
    lines=st.integers(0, 8),
    size=st.tuples(st.integers(200, 400), st.integers(160, 260)),
)
def test_the_composer_of_any_drawn_window_is_found_and_no_anchor_is_cut_from_it(
    *, is_dark: bool, has_header: bool, caret: bool, lines: int, size: tuple[int, int]
) -> None:
    ground, field, ink = ("#202124", "#2b2c30", "#e0e0e0") if is_dark else ("#f4f4f4", "#ffffff", "#101010")
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    if has_header:
        draw.text((8, 4), "Header of a chat", fill=ink)
    for number in range(min(lines, (size[1] - 90) // 16)):
        draw.text((12, 24 + 16 * number), f"said {number}", fill=ink)
    box = Box(x=10, y=size[1] - 50, width=size[0] - 20, height=40)
    draw.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=field, outline=ink)
    with_caret = picture.copy()
    ImageDraw.Draw(with_caret).rectangle((box.x + 6, box.y + 8, box.x + 7, box.y + 24), fill=ink)
    frames = [picture, with_caret if caret else picture]
    found = blank_around(frames, (size[0] // 2, size[1] - 30))
    assert found is not None
    assert found[0].fits_into(box)
    assert found[1] == field
    proposed = anchors(frames, found[0], [])
    assert proposed, "its frame is one"
    assert not any(one.overlaps(found[0]) for one in proposed)
    assert all(one.fits_into(Box(x=0, y=0, width=size[0], height=size[1])) for one in proposed)


def test_a_sign_of_work_is_what_shows_between_and_is_gone_again_not_what_was_said() -> None:
    before = window()
    during = [window(lamp="#d08000", said="thinking"), window(lamp="#d08000", said="one"), window(lamp="#d08000")]
    after = window(said="the answer, which stays")
    sign = sign_of_work(before, [before, *during, after], after, [COMPOSER])
    assert sign is not None
    assert sign.colour == "#d08000"
    assert sign.box.overlaps(LAMP)
    assert sign.share >= 0.3
    assert sign_of_work(before, [before, after, after], after, [COMPOSER]) is None
    blinks = [window(caret=True), *during, window(caret=True), window(caret=True), window(caret=True)]
    narrow = Box(x=48, y=242, width=300, height=36)  # the caret stands beside what was measured
    assert sign_of_work(before, blinks, after, [narrow]) == sign
    typed = window(caret=True)
    assert sign_of_work(before, [typed, typed], before, [COMPOSER]) is None


def test_a_sign_that_touches_what_was_said_is_told_apart_from_it() -> None:
    """An avatar or a code block that stays, right below the lamp: both are new, and only one goes again."""

    def with_block(picture: Image.Image) -> Image.Image:
        ImageDraw.Draw(picture).rectangle((200, 20, 395, 120), fill="#0e639c")
        return picture

    before, after = window(), with_block(window())
    sign = sign_of_work(before, [with_block(window(lamp="#d08000")) for _ in range(3)], after, [COMPOSER])
    assert sign is not None
    assert sign.colour == "#d08000"
    assert sign.box.fits_into(Box(x=LAMP.x - 4, y=LAMP.y - 4, width=LAMP.width + 8, height=LAMP.height + 8))


# By what the program tells


@dataclass
class Field:
    """Something on the accessibility bus that can be written into."""

    box: Box
    written: str = ""

    def extents(self) -> Box:
        return self.box.on_screen(SEEN.box)

    def role(self) -> str:
        return "entry"

    def label(self) -> str:
        return "Ask"

    def text(self) -> str:
        return self.written

    def has(self, state: State) -> bool:
        return state is State.MULTI_LINE


class Bus:
    """What a program tells of its window."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields

    def frame(self, seen: WindowInfo) -> Bus:
        assert seen is SEEN
        return self

    def find(self, *states: State) -> list[Field]:
        assert State.EDITABLE in states
        return list(self.fields)


def told(*fields: Field) -> AccessibilityProbe:
    return AccessibilityProbe(cast("AccessibilityReader", Bus(*fields)))


def test_of_several_fields_the_smallest_at_the_place_is_meant_and_none_elsewhere_or_without_a_place() -> None:
    fields = told(Field(Box(x=0, y=0, width=400, height=300)), Field(COMPOSER))
    measured = fields.find_composer(SEEN, (300, 310), window())
    assert measured is not None
    assert measured.composer.fits_into(COMPOSER)
    assert measured.anchors == ()
    for probe, point, reason in (
        (fields, None, Reason.SEVERAL_COMPOSERS),
        (told(Field(COMPOSER)), (120, 100), Reason.WRONG_PLACE),
    ):
        with pytest.raises(CalibrationFailed) as trouble:
            probe.find_composer(SEEN, point, window())
        assert trouble.value.reason is reason


def test_where_a_program_reports_no_composer_at_the_shown_place_the_picture_counts() -> None:
    for fields in ((), (Field(Box(x=120, y=60, width=200, height=20)),)):  # a search field; Monaco's hidden text area
        desktop, probe = FakeDesktop(Made(id=1)), told(*fields)
        found = surveyor(desktop, lambda _, point, picture, probe=probe: probe.find_composer(SEEN, point, picture))
        box = desktop.windows[0].box
        measured = found.measure(1, (box.x + 100, box.y + 250), ())
        assert (measured.by, measured.quirks) == ("picture", {"readback": ["copy"]})
        if not fields:
            with pytest.raises(CalibrationFailed):
                found.measure(1, None, ())


@pytest.mark.parametrize("hint", ["Ask me anything", ""])
def test_what_a_program_tells_of_an_empty_composer_may_be_its_hint_which_a_draft_has_to_show(hint: str) -> None:
    measured = told(Field(COMPOSER, hint)).find_composer(SEEN, None, window())
    assert measured is not None
    assert bool(measured.hint) is bool(hint)


def test_a_process_that_holds_a_pseudo_terminal_is_a_terminal_and_how_its_program_reads_is_known() -> None:
    assert not is_terminal(0)
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(["cat"], stdin=slave, stdout=subprocess.DEVNULL) as program:
            try:
                assert is_terminal(os.getpid())
                assert reads_lines(os.getpid())
                tty.setraw(slave)
                assert not reads_lines(os.getpid())
            finally:
                program.kill()
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("view", ["last_row", "scrolled"])
def test_the_place_for_text_in_qterminal_is_without_its_menu_frame_and_scrollbar_and_with_its_prompt(view: str) -> None:
    """As qterminal 1.2 drew it; the stems of its letters are below each other, as a scrollbar's would be."""
    with Image.open(QTERMINAL / f"{view}.png") as picture:
        area, colour = text_area(picture.convert("RGB"))
    assert (area.edges, colour) == ((2, 54, 584, 418), "#000000")


def test_a_prompt_on_the_last_row_of_qterminal_is_empty_and_an_earlier_one_that_it_is_scrolled_to_is_not(
    tmp_path: Path,
) -> None:
    area, prompt = Box.of_edges(2, 0, 584, 418), Box.of_edges(2, 396, 22, 418)
    composer = Composer(box=area, background="#000000", caret_px=400, prompt=prompt, has_placeholder=True)
    anchors, views = Anchors(tmp_path), dict[str, Image.Image]()
    for view in ("last_row", "scrolled"):
        with Image.open(QTERMINAL / f"{view}.png") as picture:
            views[view] = picture.convert("RGB").crop(area.edges)
    anchors.keep_empty("agent-1", views["last_row"].crop((0, 396, area.width, 418)))
    assert [anchors.is_empty_look("agent-1", picture, composer) for picture in views.values()] == [True, False]
    last = views["last_row"]
    for rows in range(1, 5):  # of the last line, below its letters
        cut = last.crop((0, 0, last.width, last.height - rows))
        assert anchors.is_empty_look("agent-1", cut, composer)

    def advice(picture: Image.Image) -> tuple[Reason, str]:
        profile, shown = replace(TK, composer=composer), {"is_busy": lambda _: False, "composer": lambda _: picture}
        eyes = SimpleNamespace(**shown, is_composer_empty=lambda _: False, profile=lambda _: profile, _anchors=anchors)
        with pytest.raises(PermanentFailure) as refused:
            WindowPixels._check_idle(cast("WindowPixels", eyes), "agent-1", may_be_busy=False, may_be_written=False)
        return refused.value.reason, refused.value.note

    reason, note = advice(views["scrolled"])
    assert (reason, "scroll it to the bottom" in note) == (Reason.COMPOSER_NOT_EMPTY, True)
    assert advice(Image.new("RGB", views["scrolled"].size)) == (Reason.SCROLLED, "")


def test_the_margin_of_a_terminal_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "is_terminal", lambda _: True)
    desktop = FakeDesktop(Made(id=1))
    box = desktop.windows[0].box
    assert surveyor(desktop).measure(1, None, ()).by == TERMINAL
    with pytest.raises(CalibrationFailed) as trouble:
        surveyor(desktop).measure(1, (box.x + box.width - 3, box.y + 50), ())
    assert trouble.value.reason is Reason.MARGIN


# By a draft


class Looks:
    """An inspector that sees every draft."""

    def profile(self, name: str) -> Profile:
        del name
        return replace(TK, composer=Composer(box=COMPOSER, background="#1e1e1e"))

    def is_empty_in(self, name: str, picture: Image.Image) -> bool:
        del name, picture
        return False


def test_parts_that_stood_still_beside_the_anchor_are_kept_as_other_candidates() -> None:
    trial, other = (
        TrialObserver(name="agent-1", inspector=cast("WindowInspector", Looks()), pace=cast("DeliveryClock", None))
        for _ in range(2)
    )
    trial.before, trial.staged, trial.after = window(), window(caret=True), window(said="said")
    anchor, over, moved = Box(x=0, y=0, width=120, height=20), Box(x=60, y=0, width=120, height=20), COMPOSER
    spares = [Box(x=x, y=0, width=40, height=20) for x in (125, 170, 215, 260)]
    tried = trial.tried(Outcome(result=Result.REHEARSED), text="", anchors=(anchor, over, moved, *spares))
    assert [box for box, _ in tried.candidates] == spares[:3]
    assert tried.anchor == anchor
    refused = Outcome(result=Result.REFUSED, reason=Reason.DIALOG)
    kept_out = other.tried(refused, text="", anchors=(anchor, *spares))
    assert (kept_out.ok, kept_out.reason, tuple(kept_out.candidates)) == (False, Reason.DIALOG, ())


@pytest.mark.parametrize(("is_typed", "caret"), [(False, Box(x=44, y=246, width=2, height=15)), (True, None)])
def test_the_caret_of_a_composer_that_does_not_seem_empty_with_the_focus_is_measured(
    monkeypatch: pytest.MonkeyPatch, *, is_typed: bool, caret: Box | None
) -> None:
    trial = TrialObserver(name="agent-1", inspector=cast("WindowInspector", Looks()), pace=cast("DeliveryClock", None))
    trial._profile = replace(TK, composer=replace(TK.composer, box=COMPOSER))
    trial.first, now = window(), window(caret=not is_typed)
    if is_typed:
        ImageDraw.Draw(now).text((50, 250), "typed", fill="#ffffff")
    monkeypatch.setattr(trial, "_shot", lambda: now)
    trial.refuses()
    tried = trial.tried(Outcome(result=Result.REFUSED, reason=Reason.COMPOSER_NOT_EMPTY), text="", anchors=())
    assert tried.caret == caret


PROFILE = replace(TK, normalise=Normalise.NL)
BOTH = replace(PROFILE, readback=(Readback.ACCESSIBILITY, Readback.COPY))
TEXT = long_draft("octet", 3000)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (TEXT.replace(" ", "\u00a0"), {"normalise": "nbsp"}),
        (TEXT.replace("\n\n", "\n"), {"normalise": "lines"}),
        (TEXT.replace("\n\n", "\n\ufeff\n\n"), {"normalise": "lines"}),
        (TEXT.replace("\t", "    "), {"tab": "collapse"}),
        (TEXT.replace("\t", ""), {"tab": "collapse"}),
        (TEXT.replace("\n", " "), {"newline": "collapse"}),
        (TEXT.replace("\n", ""), {"newline": "collapse"}),
        (TEXT.partition("\n")[0], {"newline": "collapse"}),
        (TEXT.replace("\n", " ").replace("\t", " "), {"newline": "collapse", "tab": "collapse"}),
        (TEXT[:600], {"max_chars": 600}),
        (TEXT.replace("\n", " ")[:700], {"newline": "collapse", "max_chars": 700}),
        ("somebody's text", {}),
        (TEXT[:280], {}),
        (TEXT.upper(), {}),
    ],
)
def test_what_was_read_back_says_what_the_program_does_not_take(read: str, said: dict[str, object]) -> None:
    assert quirks(TEXT, read, PROFILE) == said


@pytest.mark.parametrize("read", [TEXT[:700], TEXT[-1279:], TEXT[:280], TEXT[:600] + TEXT[-600:]])
def test_a_part_of_the_draft_on_the_accessibility_bus_is_read_by_copy_and_a_known_habit_is_not(read: str) -> None:
    assert quirks(TEXT, read, BOTH, by=Readback.ACCESSIBILITY) == {"readback": ["copy"]}
    only = replace(PROFILE, readback=(Readback.ACCESSIBILITY,))
    assert quirks(TEXT, read, only, by=Readback.ACCESSIBILITY) == quirks(TEXT, read, PROFILE)
    assert "readback" not in quirks(TEXT, read, BOTH, by=Readback.COPY)
    assert quirks(TEXT, TEXT.replace("\t", "    "), BOTH, by=Readback.ACCESSIBILITY) == {"tab": "collapse"}


def test_the_long_draft_has_everything_that_a_program_may_change() -> None:
    assert all(part in TEXT for part in ("\n\n", "\n\t", "\U0001f469\u200d\U0001f4bb", "\u05e9", "{", "  "))
    assert max(map(len, TEXT.split("\n"))) > 300
    assert 2900 < len(TEXT) <= 3000
    assert len(long_draft("octet", 100)) <= 100
