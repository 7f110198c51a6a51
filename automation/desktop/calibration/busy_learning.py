"""Learns from the first real prompts how a window looks while its agent works; never during a delivery."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PIL import Image

from automation.desktop.calibration.busy_sign import sign_of_work
from automation.desktop.observation.image_diff import differing, share
from automation.desktop.observation.inspector import WindowInspector
from core.profiles.model import Box, Sign

MOST_FRAMES = 6
FIRST_S, LONGEST_S = 0.5, 30.0
"""Pictures are kept from right after a prompt, then from this time on, each after twice the time, not longer."""
MOST_AT_REST = 0.1
"""A colour that makes up more of the window while its agent rests is its ground, and no sign."""
MOST_PROMPTS = 12
"""Octet gives up on a window that shows no sign by then."""


@dataclass(slots=True, kw_only=True)
class _Prompt:
    """One prompt: its window before Enter, and, packed, while the agent may be at work."""

    number: int
    before: Image.Image
    sent_s: float
    during: list[bytes] = field(default_factory=list[bytes])


@dataclass(slots=True, kw_only=True)
class BusyLearning:
    """Belongs to the worker's thread. A sign counts once two prompts agree: what moves in a transcript never does."""

    eyes: WindowInspector
    now_s: Callable[[], float] = time.monotonic
    _prompts: dict[str, _Prompt] = field(default_factory=dict[str, _Prompt])
    _signs: dict[str, Sign] = field(default_factory=dict[str, Sign])
    """What the last prompt gave."""

    def sent(self, name: str) -> None:
        """A prompt went into this window. It rested just before: so it looked after the prompt before that one, too."""
        rested, prompt = self.eyes.rested.pop(name, None), self._prompts.pop(name, None)
        if rested is None:
            return
        if prompt is not None and prompt.during:
            self._learn(name, prompt, rested)
        number = 1 if prompt is None else prompt.number + 1
        if number > MOST_PROMPTS:
            self.eyes.unlearned.discard(name)
        if name in self.eyes.unlearned:
            self._prompts[name] = _Prompt(number=number, before=rested, sent_s=self.now_s())

    def saw(self, name: str, frame: Image.Image | None) -> None:
        """Keep the picture of a look between deliveries, if it is time for one."""
        prompt = self._prompts.get(name)
        if prompt is None or frame is None or len(prompt.during) == MOST_FRAMES:
            return
        wait_s = FIRST_S * 2 ** (len(prompt.during) - 1) if prompt.during else 0.0
        if wait_s <= self.now_s() - prompt.sent_s <= LONGEST_S:
            prompt.during.append(zlib.compress(frame.tobytes(), 1))  # many windows may be learned at once

    def _learn(self, name: str, prompt: _Prompt, after: Image.Image) -> None:
        size, profile = prompt.before.size, self.eyes.profile(name)
        during = [Image.frombytes("RGB", size, zlib.decompress(one)) for one in prompt.during]
        avoid = [profile.composer.box, *profile.masks]
        sign = sign_of_work(prompt.before, during, after, [*avoid, *_changed(prompt.before, after, avoid)])
        before = self._signs.get(name)
        if sign is not None and share(prompt.before, sign.colour) < MOST_AT_REST:
            self._signs[name] = sign
            if before is not None and _agree(before, sign):
                self.eyes.unlearned.discard(name)
                self.eyes.learn(name, sign)


def _changed(before: Image.Image, after: Image.Image, avoid: Sequence[Box]) -> list[Box]:
    """Find the rows of the window that show what was said: no sign can be in them, for they may scroll."""
    mask = differing(before, after)
    for box in avoid:
        mask.paste(0, (box.x, box.y, box.x + box.width, box.y + box.height))
    _, top, _, bottom = mask.getbbox() or (0, 0, 0, 0)
    return [Box(x=0, y=top, width=before.width, height=bottom - top)]


def _agree(one: Sign, other: Sign) -> bool:
    """Tell whether two signs are of one colour, and the middle of each lies in the other."""
    return one.colour == other.colour and _is_within(one.box, other.box) and _is_within(other.box, one.box)


def _is_within(one: Box, other: Box) -> bool:
    return other.holds(one.x + one.width // 2, one.y + one.height // 2)
