"""The course of a self-test: one delivery after the other into the scratch window, each beside another thief."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from automation.desktop.selftest.ground_truth import SelfTestDelivery, Tally
from automation.desktop.worker.lane import DeskWorkerClient
from core.deliveries.model import DeliveryId, Order, Outcome, Result
from core.desks.model import Desk, DeskState, UserActivityPolicy, Window
from core.desks.ports import DeskNews
from core.profiles.model import (
    Box,
    Composer,
    Confirm,
    Newline,
    Normalise,
    Profile,
    Readback,
    Selection,
    StateSigns,
)

NAME = "selftest"
THIEVES = ("none", "focus", "clipboard", "cover")
TRIED_FOR_S = 15.0  # so long a delivery that bounces is tried again
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0
REST_S = 0.35  # between two deliveries: the window's busy sign must have gone
PROFILE = Profile(
    name=NAME,
    match_class=r"Octetselftest|[Pp]ython[\w.]*",
    composer=Composer(box=Box(x=4, y=264, width=510, height=112), background="#ffffff"),
    anchor=Box(x=0, y=0, width=440, height=30),
    paste="ctrl+v",
    selection=Selection.CLIPBOARD,
    submit="enter",
    newline=Newline.KEEP,
    readback=(Readback.COPY,),
    normalise=Normalise.RAW,
    max_chars=20_000,
    clear=("ctrl+a", "backspace"),
    busy=StateSigns(box=Box(x=465, y=5, width=50, height=20), colour="#d08000"),
    confirm=frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}),
)
"""How the scratch window is driven; sandbox.selftest.window draws what stands here."""


class ScratchWindow(Protocol):
    """The scratch window and the thieves, for whoever judges; the driver knows neither."""

    async def steal(self, kind: str) -> None:
        """Have this thief begin."""
        ...

    async def rest(self) -> tuple[int, int]:
        """Have it end; how often it stole, and how many keys went astray."""
        ...

    async def empty(self) -> None:
        """Take away what was left in the composer, as a person would: the next delivery begins anew."""
        ...

    async def heard(self) -> tuple[tuple[str, ...], str, str]:
        """What was submitted in the window since the last asking, what stands in its composer, and a hash of what is on
        the clipboard."""
        ...


@dataclass(slots=True)
class DeskRecorder(DeskNews):
    """Remembers how the desk's hands are."""

    state: DeskState = DeskState.STARTING
    reason: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def desk_changed(self, desk: str, state: DeskState, reason: str) -> None:
        self.state, self.reason = state, reason
        self.changed.set()

    async def desk_stopped(self, desk: str, how: str) -> None:
        self.state, self.reason = DeskState.STOPPED, f"somebody stopped it: {how}"
        self.changed.set()

    async def drafts(self, desk: str) -> Mapping[str, tuple[str, ...]]:
        """A scratch window that has just been opened holds nothing of ours."""
        return {}


class GrantAll:
    """Every state may be entered: there is no journal behind a self-test."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        """May begin."""

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        """Was read back."""

    async def submitting(self) -> None:
        """May be entered."""


def desk_of(title: str, place: Box, display: str) -> Desk:
    """The desk of a scratch window that stands at this place."""
    window = Window(name=NAME, profile=NAME, title=title, box=place)
    return Desk(
        name=NAME,
        display=display,
        windows=(window,),
        user_activity=UserActivityPolicy(idle_s=0.2, kill_switch_keys=("ctrl+alt+end",)),
    )


@dataclass(slots=True, kw_only=True)
class SelfTestRun:
    """One run."""

    hands: DeskWorkerClient
    news: DeskRecorder
    stage: ScratchWindow
    count: int
    told: Callable[[Tally], None]
    chance: random.Random = field(default_factory=random.Random)

    async def run(self, tally: Tally) -> str:
        """Bring all of them; why it ended early, empty if it did not."""
        await self.stage.heard()
        for number in range(1, self.count + 1):
            if self.news.state is DeskState.STOPPED:
                return self.news.reason
            tally.shots.append(await self._one(number, THIEVES[number % len(THIEVES)]))
            self.told(tally)
        return ""

    async def _one(self, number: int, thief: str) -> SelfTestDelivery:
        text = self._text(number)
        _, _, clipboard_before = await self.stage.heard()
        await self.stage.steal(thief)
        began, bounces = time.monotonic(), Counter[str]()
        outcome, is_draft_told = await self._deliver(number, text, bounces)
        seconds = time.monotonic() - began
        stolen, stray = await self.stage.rest()
        await asyncio.sleep(REST_S)
        heard, composer, clipboard = await self.stage.heard()
        if composer:
            await self.stage.empty()
        return SelfTestDelivery(
            number=number,
            thief=thief,
            text=text,
            outcome=outcome,
            bounces=bounces,
            seconds=seconds,
            heard=heard,
            stolen=stolen,
            stray_keys=stray,
            composer=composer,
            is_draft_told=is_draft_told,
            is_clipboard_back=None if thief == "clipboard" else clipboard == clipboard_before,
        )

    async def _deliver(self, number: int, text: str, bounces: Counter[str]) -> tuple[Outcome, bool]:
        """As dispatch does it: what ends before Enter through something that passes is tried again for a while. Also
        whether any attempt said that a draft of ours may be left."""
        until, pause_s, fence = time.monotonic() + TRIED_FOR_S, FIRST_PAUSE_S, 0
        is_draft_told = False
        while True:
            fence += 1
            order = Order(
                delivery=DeliveryId(f"S{number}"),
                fence=fence,
                agent=NAME,
                desk=NAME,
                window=NAME,
                text=text,
                sha256=hashlib.sha256(text.encode()).hexdigest(),
            )
            outcome = await self.hands.deliver(order, GrantAll())
            is_draft_told = is_draft_told or outcome.draft_left
            if outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED} or time.monotonic() >= until:
                return outcome, is_draft_told
            bounces[outcome.reason.value if outcome.reason else ""] += 1
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _text(self, number: int) -> str:
        word = f"{self.chance.getrandbits(64):016x}"
        lines = self.chance.randint(1, 4)
        return "\n".join(f"self-test {number} {word} line {line} äß€ „ok“ 😀" for line in range(1, lines + 1))
