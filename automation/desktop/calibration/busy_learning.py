"""Learns from the first real prompts how a window looks while its agent works; never during a delivery."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageChops

from automation.desktop.calibration.composer_detection import ONES, ground
from automation.desktop.observation.image_diff import count_white, differing, share
from automation.desktop.observation.inspector import WindowInspector
from core.profiles.model import Box, Sign

MOST_FRAMES = 6
FIRST_S, LONGEST_S = 0.5, 30.0
"""Pictures are kept from right after a prompt, then from this time on, each after twice the time, not longer."""
MOST_AT_REST = 0.1  # A colour that makes up more of the window while its agent rests is its ground, and no sign
MOST_PROMPTS = 12  # Octet gives up on a window that shows no sign by then


@dataclass(slots=True, kw_only=True)
class _Prompt:
    number: int
    before: Image.Image
    sent_s: float
    during: list[bytes] = field(default_factory=list[bytes])


@dataclass(slots=True, kw_only=True)
class BusyLearning:
    """Belongs to the worker's thread. A sign counts once two prompts agree: what moves in a transcript never does."""

    inspector: WindowInspector
    now_s: Callable[[], float] = time.monotonic
    _prompts: dict[str, _Prompt] = field(default_factory=dict[str, _Prompt])
    _signs: dict[str, Sign] = field(default_factory=dict[str, Sign])  # what the last prompt gave

    def note_sent(self, name: str) -> None:
        """Note that a prompt went into this window, which rested just before: so it looked after the earlier one
        too."""
        rested, prompt = self.inspector.rested.pop(name, None), self._prompts.pop(name, None)
        if rested is None:
            return
        if prompt is not None and prompt.during:
            self._learn(name, prompt, rested)
        number = 1 if prompt is None else prompt.number + 1
        if number > MOST_PROMPTS:
            self.inspector.unlearned.discard(name)
        if name in self.inspector.unlearned:
            self._prompts[name] = _Prompt(number=number, before=rested, sent_s=self.now_s())

    def note_frame(self, name: str, frame: Image.Image | None) -> None:
        prompt = self._prompts.get(name)
        if prompt is None or frame is None or len(prompt.during) == MOST_FRAMES:
            return
        wait_s = FIRST_S * 2 ** (len(prompt.during) - 1) if prompt.during else 0.0
        if wait_s <= self.now_s() - prompt.sent_s <= LONGEST_S:
            prompt.during.append(zlib.compress(frame.tobytes(), 1))  # many windows may be learned at once

    def _learn(self, name: str, prompt: _Prompt, after: Image.Image) -> None:
        size, profile = prompt.before.size, self.inspector.profile(name)
        during = [Image.frombytes("RGB", size, zlib.decompress(one)) for one in prompt.during]
        avoid = [profile.composer.box, *profile.masks]
        sign = sign_of_work(prompt.before, during, after, [*avoid, *_changed(prompt.before, after, avoid)])
        before = self._signs.get(name)
        if sign is not None and share(prompt.before, sign.colour) < MOST_AT_REST:
            self._signs[name] = sign
            if before is None or before.colour != sign.colour:
                return
            if before.box.holds(*sign.box.middle) and sign.box.holds(*before.box.middle):
                self.inspector.unlearned.discard(name)
                self.inspector.learn(name, sign)


def _changed(before: Image.Image, after: Image.Image, avoid: Sequence[Box]) -> list[Box]:
    """Find the rows of the window that show what was said: no sign can be in them, for they may scroll."""
    mask = differing(before, after)
    for box in avoid:
        mask.paste(0, box.edges)
    _, top, _, bottom = mask.getbbox() or (0, 0, 0, 0)
    return [Box.of_edges(0, top, before.width, bottom)]


CELL = 4  # pixels of a cell; a sign is made of neighbouring cells
SMALLEST_CELLS = 4
SMALLEST_PX = 60  # with fewer other pixels it is a caret somewhere, and no work
MARGIN = 12
LASTS = 0.6  # a sign looks the same in so much of the pictures from the time of work
FULL = 160  # so white (of 255) the mean of a cell must be
CLEAR = 3.0  # the colour must be so many times more frequent at work than at rest


def sign_of_work(
    before: Image.Image, during: Sequence[Image.Image], after: Image.Image, avoid: Sequence[Box]
) -> Sign | None:
    """Find a place outside `avoid` that looks the same before and after, and has one other colour in between."""
    kept = ImageChops.invert(differing(before, after))  # text stays in the transcript: not a sign
    for box in avoid:  # and a little around it: a caret is at the edge of what was measured
        kept.paste(0, box.grown(MARGIN).edges)
    masks = [ImageChops.darker(differing(before, frame), kept) for frame in during]
    worked = [(frame, mask) for frame, mask in zip(during, masks, strict=True) if count_white(mask) >= SMALLEST_PX]
    if not worked:
        return None
    frames = [frame for frame, _ in worked]
    model, mask = worked[len(worked) // 2]
    alike = Image.new("L", model.size, 0)
    for frame in frames:
        same = ImageChops.invert(differing(model, frame)).point(ONES)  # pyright: ignore[reportUnknownMemberType] as in pictures
        alike = ImageChops.add(alike, same)
    often = alike.point([0 if count < LASTS * len(frames) else 255 for count in range(256)])  # pyright: ignore[reportUnknownMemberType] as in pictures
    places = _places(ImageChops.darker(mask, often))
    signs = (_sign(box, before, frames, after) for box in places)
    return next((sign for sign in signs if sign is not None), None)


def _sign(box: Box, before: Image.Image, during: Sequence[Image.Image], after: Image.Image) -> Sign | None:
    """Return the colour that identifies this place, if one does so clearly."""
    crops = [frame.crop(box.edges) for frame in during]
    colour = ground(crops[len(crops) // 2])
    there = sorted(share(crop, colour) for crop in crops)[len(crops) // 4]
    resting = max(share(rest.crop(box.edges), colour) for rest in (before, after))
    if there < 0.1 or there < CLEAR * resting:
        return None
    return Sign(box=box, colour=colour, share=round(max(0.02, (there + resting) / 2), 2))


def _places(mask: Image.Image) -> list[Box]:
    cells = mask.reduce(CELL)
    white = {
        (at % cells.width, at // cells.width) for at, value in enumerate(cells.tobytes()) if value >= FULL
    }  # fmt: skip
    places: list[tuple[int, Box]] = []
    while white:
        to_visit, island = [white.pop()], set[tuple[int, int]]()
        while to_visit:
            x, y = to_visit.pop()
            island.add((x, y))
            for near in ((x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
                if near in white:
                    white.discard(near)
                    to_visit.append(near)
        if len(island) >= SMALLEST_CELLS:
            columns, rows = zip(*island, strict=True)
            box = Box.of_edges(min(columns), min(rows), max(columns) + 1, max(rows) + 1)
            whole = Box.of_edges(*(edge * CELL for edge in box.edges))
            places.append((len(island), whole.shared(Box.of_edges(0, 0, *mask.size))))
    return [box for _, box in sorted(places, key=lambda place: -place[0])]
