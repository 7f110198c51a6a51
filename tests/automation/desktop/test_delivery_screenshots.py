"""What the pictures of a delivery show: the window before and after Enter, and never what is masked or lies over it."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image, ImageColor

from automation.desktop.observation.accessibility_signs import AccessibilitySigns
from automation.desktop.observation.delivery_screenshots import MASK, DeliveryScreenshots, paint_masks
from automation.desktop.observation.image_diff import count_differing, is_blank
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.window_info import WindowInfo
from automation.desktop.worker.lane import DeskWorkerClient
from automation.protocol.ports import TransientFailure
from core.deliveries.model import MOST_PICTURE_BYTES, Moment, Outcome, PictureArea, Reason, Result
from core.desks.model import WindowNotSeen
from core.kit.version import host, version
from core.profiles.model import Box, Profile, Readback, Transcript
from tests.automation.desktop.scenes import SOON, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK, News, make_client, open_term, open_tk, running

if TYPE_CHECKING:
    from automation.desktop.accessibility.reader import AccessibilityReader
    from automation.desktop.observation.screen_capture import ScreenCapture

MASKED = Box(x=10, y=10, width=100, height=40)
GREY = ImageColor.getrgb(MASK)
COVER = (0x33, 0x66, 0x99)
"""What `lay_over` paints."""


def test_of_a_window_that_moved_while_it_was_looked_at_no_picture_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of it may show what lay beside it, where nothing is masked."""
    seen = WindowInfo(id=7, kind="Agent", title="one", box=Box(x=0, y=0, width=50, height=40), is_viewable=True)
    places = iter((seen, replace(seen, box=replace(seen.box, x=10))))
    monkeypatch.setattr(WindowInspector, "__init__", lambda _: None)
    monkeypatch.setattr(WindowInspector, "place", lambda *_: next(places))
    inspector = WindowInspector()  # pyright: ignore[reportCallIssue] with nothing behind it
    inspector._screen = cast(
        "ScreenCapture", SimpleNamespace(take=lambda box: Image.new("RGB", (box.width, box.height)))
    )
    with pytest.raises(TransientFailure) as why:
        inspector.picture("agent-1")
    assert why.value.reason is Reason.MOVED


SAID = Box(x=10, y=20, width=100, height=50)
WINDOW = Box(x=5, y=7, width=400, height=300)
CODE = "octet done T-1 --code k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINES = (Box(x=20, y=210, width=300, height=10), Box(x=20, y=220, width=300, height=10))


def told(text: str, places: tuple[Box, ...] = LINES) -> AccessibilitySigns:
    """Make what hears a program whose composer holds this text."""
    node = SimpleNamespace(own_text=lambda: text, places_of_lines=lambda _, *, since: list(places[since:]))
    return AccessibilitySigns(cast("AccessibilityReader", SimpleNamespace(composer=lambda *_: node)))


@pytest.mark.parametrize(
    ("program_signs", "has_code", "hidden"),
    [
        (told(f"do it\n{CODE}"), True, (LINES[1],)),
        (told("do it\nnow"), True, ()),
        (told("\ufffc\n\ufffc"), True, None),
        (told(f"{CODE[:40]}\n{CODE[40:]}"), True, None),
        (told(f"{CODE}\ndo it"), True, (LINES[0],)),
        (told(f"do it\n{CODE}", places=(Box(x=0, y=0, width=0, height=0),) * 2), True, None),
        (told(f"do it\n{CODE}", places=(LINES[1], replace(LINES[1], y=900))), True, None),
        (ProgramSigns("no bus"), True, None),
        (ProgramSigns("no bus"), None, None),
        (ProgramSigns("no bus"), False, ()),
    ],
    ids=[
        "one line",
        "no code",
        "paragraphs",
        "broken",
        "first line",
        "no places",
        "scrolled",
        "not told",
        "for one person",
        "known to have none",
    ],
)
def test_of_a_composer_only_the_lines_with_an_answer_code_are_hidden_or_all_of_it_where_they_are_not_told(
    monkeypatch: pytest.MonkeyPatch,
    program_signs: AccessibilitySigns | ProgramSigns,
    hidden: tuple[Box, ...] | None,
    *,
    has_code: bool | None,
) -> None:
    seen = WindowInfo(id=7, kind="Agent", title="one", box=WINDOW, is_viewable=True)
    profile = replace(TK, readback=(Readback.ACCESSIBILITY,), transcript=Transcript(box=SAID))
    monkeypatch.setattr(WindowInspector, "__init__", lambda _: None)
    monkeypatch.setattr(WindowInspector, "place", lambda *_: seen)
    monkeypatch.setattr(WindowInspector, "profile", lambda *_: profile)
    inspector = WindowInspector()  # pyright: ignore[reportCallIssue] with nothing behind it
    inspector._screen = cast(
        "ScreenCapture", SimpleNamespace(take=lambda box: Image.new("RGB", (box.width, box.height)))
    )
    inspector._program_signs = program_signs
    picture = inspector.picture("agent-1", has_code=has_code)
    boxes = [TK.composer.box.on_screen(WINDOW)] if hidden is None else [*hidden]
    boxes += [SAID.on_screen(WINDOW)] if has_code else []
    expected = paint_masks(Image.new("RGB", (WINDOW.width, WINDOW.height)), WINDOW, boxes)
    assert count_differing(picture, expected) == 0


def shots(outcome: Outcome) -> dict[tuple[Moment, PictureArea], Image.Image]:
    return {(one.moment, one.part): Image.open(io.BytesIO(one.png)).convert("RGB") for one in outcome.pictures}


def test_what_is_masked_is_painted_over_in_every_part_that_shows_it() -> None:
    whole = Image.new("RGB", (200, 100), "white")
    screenshots = DeliveryScreenshots()
    screenshots.keep(Moment.STAGED, paint_masks(whole, Box(x=0, y=0, width=200, height=100), (MASKED,)))
    pictures = screenshots.pictures(Box(x=50, y=20, width=150, height=80), whole=True)
    parts = {one.part: Image.open(io.BytesIO(one.png)).convert("RGB") for one in pictures}
    assert parts[PictureArea.WINDOW].getpixel((10, 10)) == parts[PictureArea.WINDOW].getpixel((109, 49)) == GREY
    assert (
        parts[PictureArea.WINDOW].getpixel((9, 10)) == parts[PictureArea.WINDOW].getpixel((110, 49)) == (255, 255, 255)
    )
    assert parts[PictureArea.COMPOSER].getpixel((0, 0)) == parts[PictureArea.COMPOSER].getpixel((59, 29)) == GREY
    assert parts[PictureArea.COMPOSER].getpixel((60, 29)) == (255, 255, 255)
    assert whole.getpixel((10, 10)) == (255, 255, 255), "what is compared is not what is shown"


def test_a_picture_is_made_small_enough_to_be_kept() -> None:
    screenshots = DeliveryScreenshots()
    screenshots.keep(Moment.STAGED, Image.frombytes("RGB", (1200, 900), os.urandom(1200 * 900 * 3)))
    pictures = screenshots.pictures(Box(x=0, y=0, width=100, height=100), whole=True)
    assert all(0 < len(one.png) <= MOST_PICTURE_BYTES for one in pictures)


both_kinds = pytest.mark.parametrize("profile", [TK, TERM], ids=lambda profile: profile.name)


@pytest.mark.display
@both_kinds
async def test_the_composer_is_seen_with_the_text_before_enter_and_empty_after_it(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        outcome = await on.deliver()
        pid, box = on.desk.client.worker_pid, on.agent.seen.box
    assert outcome.result is Result.DELIVERED, outcome
    seen, composer = shots(outcome), profile.composer
    assert set(seen) == {(moment, PictureArea.COMPOSER) for moment in (Moment.STAGED, Moment.AFTERWARDS)}
    assert {one.size for one in seen.values()} == {(composer.box.width, composer.box.height)}
    assert not is_blank(seen[Moment.STAGED, PictureArea.COMPOSER], composer.background, composer.caret_px)
    assert is_blank(seen[Moment.AFTERWARDS, PictureArea.COMPOSER], composer.background, composer.caret_px)
    assert outcome.evidence is not None
    hand, target = outcome.evidence.hand, outcome.evidence.target
    assert hand is not None
    assert (hand.pid, hand.host, hand.version) == (pid, host(), version())
    assert target is not None
    assert (target.id, target.place) == (on.agent.seen.id, (box.x, box.y, box.width, box.height))


@pytest.mark.display
async def test_masked_regions_leave_the_worker_in_no_picture(display: VirtualDisplay, tmp_path: Path) -> None:
    part = TK.composer.box
    mask = Box(x=part.x, y=part.y, width=40, height=part.height)
    async with scene(display, tmp_path, profile=replace(TK, store_full_window=True, masks=(mask,))) as on:
        outcome = await on.deliver("WWWWWWWWWWWWWWWWW")
        shown = Image.open(io.BytesIO(await on.desk.client.picture("agent-1"))).convert("RGB")
    assert outcome.result is Result.DELIVERED, outcome
    seen = shots(outcome)
    assert set(seen) == {(when, of) for when in (Moment.STAGED, Moment.AFTERWARDS) for of in PictureArea}
    wholes = [picture for (_, of), picture in seen.items() if of is PictureArea.WINDOW]
    for picture in (*wholes, shown):
        hidden = picture.crop((mask.x, mask.y, mask.x + mask.width, mask.y + mask.height))
        assert count_differing(hidden, Image.new("RGB", hidden.size, GREY)) == 0
    assert not any(mark.startswith("picture:") for mark in on.commits.drafts)


@pytest.mark.display
@both_kinds
async def test_a_composer_with_an_answer_code_is_in_no_picture_if_its_program_does_not_tell_where_the_code_is(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        outcome = await on.deliver(CODE)
    assert outcome.result is Result.DELIVERED, outcome
    seen, composer = shots(outcome), profile.composer
    assert {colour for _, colour in seen[Moment.STAGED, PictureArea.COMPOSER].getcolors() or ()} == {GREY}
    assert is_blank(seen[Moment.AFTERWARDS, PictureArea.COMPOSER], composer.background, composer.caret_px)


@pytest.mark.display
async def test_a_picture_of_the_whole_display_hides_what_is_masked_wherever_its_window_is(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, other = open_tk(display, "agent-1", 50, 50), open_term(display, "agent-2", 600, 50)
    news = News()
    client = make_client(
        display.name, tmp_path, (agent.window, other.window), news, tk=replace(TK, masks=(MASKED,)), limits=SOON
    )
    async with running(client, news) as desk:
        await _check_live(desk.client)
        display.place(agent.seen.id, 90, 400)
        async with asyncio.timeout(60):
            while True:
                shown = Image.open(io.BytesIO(await desk.client.whole_picture())).convert("RGB")
                assert shown.size == (1280, 800)
                left, top = 90 + MASKED.x, 400 + MASKED.y
                hidden = shown.crop((left, top, left + MASKED.width, top + MASKED.height))
                assert count_differing(hidden, Image.new("RGB", hidden.size, GREY)) == 0
                if shown.getpixel((90 + 200, 400 + 250)) == (255, 255, 255):
                    break  # its composer, which no mask hides, is drawn
    box = other.seen.box
    terminal = shown.crop((box.x, box.y, box.x + box.width, box.y + box.height))
    assert terminal.getcolors(1_000_000) is not None
    assert ImageColor.getrgb("#101010") in {colour for _, colour in terminal.getcolors(1_000_000) or ()}


async def _check_live(client: DeskWorkerClient) -> None:
    """Check what viewers get of a window: a picture with its masks, and nothing where they know it already."""
    live = None
    async with asyncio.timeout(60):
        while live is None or not live.jpeg:
            with suppress(WindowNotSeen):  # it is not drawn yet
                live = await client.live_view("agent-1", known="")
    shown = Image.open(io.BytesIO(live.jpeg)).convert("RGB")
    hidden = shown.crop((MASKED.x + 8, MASKED.y + 8, MASKED.x + MASKED.width - 8, MASKED.y + MASKED.height - 8))
    assert all(abs(shade - GREY[0]) < 8 for shade in hidden.convert("L").tobytes())
    async with asyncio.timeout(60):
        while (again := await client.live_view("agent-1", known=live.mark)) is None or again.mark != live.mark:
            live = again or live
    assert again.jpeg == b""


@pytest.mark.display
async def test_what_comes_over_the_window_after_enter_is_in_no_picture(display: VirtualDisplay, tmp_path: Path) -> None:
    slow = replace(TK, confirm_timeout_ms=3000, weak_by_emptying=False)
    async with scene(display, tmp_path, profile=slow, busy_ms=0) as on, asyncio.TaskGroup() as group:

        async def cover() -> None:
            await soon(lambda: bool(on.agent.heard), "Enter was pressed")
            display.lay_over(60, 260, 300, 80, title="my bank")

        group.create_task(cover())
        outcome = await on.deliver()  # the window never shows that it works: Enter is watched for long
    assert outcome.result is Result.UNKNOWN
    seen = shots(outcome)
    assert set(seen) == {(Moment.STAGED, part) for part in PictureArea}, "a covered window gives no picture"
    for picture in seen.values():
        assert COVER not in {colour for _, colour in picture.getcolors(1_000_000) or ((0, COVER),)}
