"""Learns from the first real prompts how a window looks while its agent works; never during a delivery."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from automation.desktop.calibration.working import sign_of_work
from automation.desktop.sight.eyes import Eyes
from core.profiles.model import Box, Sign

MOST_FRAMES = 6
FIRST_S, LONGEST_S = 0.5, 30.0
"""Pictures are kept from right after a prompt, then from this time on, each after twice the time, not longer."""
MOST_PROMPTS = 12
"""Octet gives up on a window that shows no sign by then."""
_Packed = tuple[tuple[int, int], bytes]


@dataclass(slots=True, kw_only=True)
class _Prompt:
    """One prompt: its window before Enter, and while the agent may be at work."""

    before: _Packed
    sent_s: float
    during: list[_Packed] = field(default_factory=list[_Packed])


@dataclass(slots=True, kw_only=True)
class BusyLearning:
    """Belongs to the worker's thread. A sign counts once two prompts agree: what moves in a transcript never does."""

    eyes: Eyes
    now_s: Callable[[], float] = time.monotonic
    _prompts: dict[str, _Prompt] = field(default_factory=dict[str, _Prompt])
    _ended: dict[str, tuple[_Prompt, _Packed]] = field(default_factory=dict[str, tuple[_Prompt, _Packed]])
    _signs: dict[str, Sign] = field(default_factory=dict[str, Sign])
    """What the last prompt gave."""
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def sent(self, name: str) -> None:
        """A prompt went into this window. It rested just before: so it looked after the prompt before that one, too."""
        rested = self.eyes.rested.pop(name, None)
        if rested is None:
            return
        after = _packed(rested)
        if (prompt := self._prompts.get(name)) is not None and prompt.during:
            self._ended[name] = prompt, after
        self._prompts[name] = _Prompt(before=after, sent_s=self.now_s())
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._counts[name] > MOST_PROMPTS:
            self.eyes.unlearned.discard(name)

    def saw(self, name: str, frame: Image.Image | None) -> bool:
        """Take a look of a quiet moment in. Return whether the busy sign is known from now on."""
        if name not in self.eyes.unlearned:
            return False
        prompt = self._prompts.get(name)
        if prompt is not None and frame is not None:
            wait_s = FIRST_S * 2 ** (len(prompt.during) - 1) if prompt.during else 0.0
            if len(prompt.during) < MOST_FRAMES and wait_s <= self.now_s() - prompt.sent_s <= LONGEST_S:
                prompt.during.append(_packed(frame))
        return self._learn(name)

    def _learn(self, name: str) -> bool:
        ended = self._ended.pop(name, None)
        if ended is None:
            return False
        prompt, after = ended
        profile = self.eyes.profile(name)
        during = [_unpacked(one) for one in prompt.during]
        avoid = [profile.composer.box, *profile.masks]
        sign = sign_of_work(_unpacked(prompt.before), during, _unpacked(after), avoid)
        before = self._signs.get(name)
        if sign is None:
            return False
        self._signs[name] = sign
        if before is None or not _agree(before, sign):
            return False
        self.eyes.unlearned.discard(name)
        self._prompts.pop(name, None)
        self.eyes.learn(name, sign)
        return True


def _agree(one: Sign, other: Sign) -> bool:
    """Tell whether two signs are of one colour, and the middle of each lies in the other."""
    return one.colour == other.colour and _is_within(one.box, other.box) and _is_within(other.box, one.box)


def _is_within(one: Box, other: Box) -> bool:
    return other.holds(one.x + one.width // 2, one.y + one.height // 2)


def _packed(frame: Image.Image) -> _Packed:
    """Return the picture in little memory: many windows are learned at once."""
    return frame.size, zlib.compress(frame.tobytes(), 1)


def _unpacked(packed: _Packed) -> Image.Image:
    return Image.frombytes("RGB", packed[0], zlib.decompress(packed[1]))
