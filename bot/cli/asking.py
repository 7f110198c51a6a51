"""A calibration on the console: its questions and what they are answered, by a user or by options."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from bot.cli.operator import shown, table
from bot.cli.typed import Typed, typed
from core.calibration import texts
from core.calibration.model import FoundWindow, Point
from core.calibration.ports import Asking
from core.calibration.questions import (
    Agreed,
    Answer,
    ChooseWindows,
    Chosen,
    KnowByPlace,
    NotAsked,
    Pick,
    PointAt,
    Pointed,
    Question,
    Result,
    Step,
)
from core.kit.errors import Conflict, Invalid
from core.kit.supervise import supervise

LOOK_S = 0.1
"""Between two looks at how a calibration stands."""
_PAIR = re.compile(r"\s*(-?\d{1,6})\s*[, ]\s*(-?\d{1,6})\s*")
_PICK = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?(?:=([^:]+))?(?::(.+))?")
NO = frozenset({"n", "no", "none", "s", "skip"})


class NoChoice(Invalid):
    """No user is there to be asked. Say which windows by --window "title=…,composer=x,y", or --yes for those that Octet
    proposes, or run this in a terminal."""


class NothingConnected(Conflict):
    """No window was connected, and nothing was written. {why}"""


@dataclass(slots=True, kw_only=True)
class Console:
    """Asks the user who sits at the console, or answers by options alone."""

    is_person: bool
    yes: bool = False
    """Connect the proposed windows without asking."""
    by_place: bool = False
    """Identify windows of equal titles by their places without asking."""
    sees_display: bool = True
    """The user sees the display's pointer."""
    mark: str = ""
    """What each question begins with."""
    picks: Callable[[ChooseWindows], Sequence[Pick]] | None = None
    """The windows that options name, in place of those that Octet proposes."""

    def say(self, line: str = "") -> None:
        """Print a line; titles of windows, which any program chooses, can do nothing to the console."""
        print(shown(line, keep_lines=True), flush=True)

    async def agrees(self, question: str) -> bool:
        """Ask for a yes; Enter alone is one. Without a user it is no."""
        print(f"{self.mark}{question} [Y/n]", end=" ", flush=True) if self.is_person else None
        said = (await asyncio.to_thread(sys.stdin.readline)) if self.is_person else "n"
        return said.strip().casefold() in {"", "y", "yes"}

    async def hold(self, asking: Asking) -> Result:
        """Answer each question until the calibration ends. Raises NoChoice or NothingConnected."""
        with typed() if self.is_person else nullcontext() as lines:
            async with asyncio.TaskGroup() as group:
                told, asked = 0, 0
                while True:
                    step = await asking.step()
                    told = self._tell(step, told)
                    if isinstance(step.now, Result):
                        return step.now
                    if step.now is None:  # it is answered elsewhere, and Octet works
                        await asyncio.sleep(LOOK_S)
                        continue
                    if step.number != asked:
                        asked = step.number
                        self._show(step.now)
                    answer = self._given(step.now) or await self._typed(step.now, lines)
                    if answer is None:
                        continue
                    work = supervise(group, "answer", self._give(asking, answer, step.now))
                    while not work.done():
                        await asyncio.wait([work], timeout=LOOK_S)
                        told = self._tell(await asking.step(), told)

    async def _give(self, asking: Asking, answer: Answer, question: Question) -> None:
        try:
            await asking.answer(answer)
        except (Invalid, NotAsked) as wrong:
            if not self.is_person:
                raise
            self.say(f"  {wrong.message}")
            self._prompt(question)

    def _tell(self, step: Step, told: int) -> int:
        for line in step.lines[told:]:
            self.say(f"  {line}")
        return len(step.lines)

    def _given(self, question: Question) -> Answer | None:
        """Answer as the options do; None: the user is asked. Raises NoChoice."""
        match question:
            case ChooseWindows():
                if not self.is_person and not self.yes:
                    raise NoChoice
                return Chosen(picks=self._picks(question)) if self.yes else None
            case PointAt():
                return None if self.is_person else Pointed()
            case KnowByPlace():
                return Agreed(is_yes=self.by_place) if self.by_place or not self.is_person or self.yes else None

    def _picks(self, question: ChooseWindows) -> tuple[Pick, ...]:
        if self.picks is not None:
            return tuple(self.picks(question))
        return tuple(Pick(number=one.number) for one in question.proposed)

    def _show(self, question: Question) -> None:
        """Print what the question is about, and the question."""
        match question:
            case ChooseWindows():
                self.list(question)
            case PointAt():
                self.say(f"{question.agent}, {question.window.called}: {question.why}")
            case KnowByPlace():
                numbers = ", ".join(f"{one.number} ({one.window.called})" for one in question.candidates)
                self.say(f"Windows {numbers}: {texts.BY_PLACE}")
        if self._given(question) is None:
            self._prompt(question)

    def _prompt(self, question: Question) -> None:
        match question:
            case ChooseWindows():
                listed = ",".join(str(pick.number) for pick in self._picks(question))
                how = "numbers such as 1,3-5; 2=Agent-4 says whose window 2 is, 2:gtk which profile drives it"
                asks = (
                    f"Octet types a draft into {listed}, reads it back, deletes it, and saves what works [Y/n; {how}]"
                    if listed
                    else f"Which of them are agents? [{how}; n: none]"
                )
            case PointAt():
                mouse = "Put the mouse over its empty composer, do not click, and press Enter. Or type"
                asks = (
                    f"{mouse if self.sees_display else 'Type'} the composer's place from the window's corner, such as "
                    "200,-40; or s to skip the window"
                )
            case KnowByPlace():
                asks = "Identify them by their places [y/N]"
        print(f"{self.mark}{asks}: ", end="", flush=True)

    async def _typed(self, question: Question, lines: Typed | None) -> Answer | None:
        """Take what the user types; None: nothing yet, or no answer."""
        assert lines is not None, "options answer where no user is asked"
        line = await lines.line(LOOK_S)
        if line is None:
            return None
        said, answer = line.strip(), None
        match question:
            case ChooseWindows():
                answer = self._chosen(said, question)
            case PointAt():
                answer = self._pointed(said, question.window)
            case KnowByPlace():
                return Agreed(is_yes=said.casefold() in {"y", "yes"})
        if answer is None:
            self.say(f"  “{said[:40]}” is no answer to that.")
            self._prompt(question)
        return answer

    def _chosen(self, said: str, question: ChooseWindows) -> Answer | None:
        picks = {pick.number: pick for pick in self._picks(question)}
        if said.casefold() in {"", "y", "yes"} and picks:
            return Chosen(picks=tuple(picks.values()))
        if said.casefold() in NO:
            raise NothingConnected(why="")
        found: dict[int, Pick] = {}
        for part in re.split(r"[,\s]+", said.strip(", ")):
            pick = _PICK.fullmatch(part)
            if pick is None:
                return None
            for number in range(int(pick[1]), int(pick[2] or pick[1]) + 1):
                known = picks.get(number, Pick(number=number))
                found[number] = replace(known, agent=pick[3] or known.agent, profile=pick[4] or known.profile)
        return Chosen(picks=tuple(found.values()))

    def _pointed(self, said: str, window: FoundWindow) -> Answer | None:
        if not said and self.sees_display:
            return Pointed(is_here=True)
        if said.casefold() in {"", *NO}:
            return Pointed()
        pair = _PAIR.fullmatch(said)
        return None if pair is None else Pointed(point=from_corner((int(pair[1]), int(pair[2])), window))

    def list(self, question: ChooseWindows) -> None:
        """Print the windows, each with its agent or why it has none."""
        if not question.candidates:
            self.say("No window is shown on this display.")
            return
        picks = {pick.number: pick for pick in self._picks(question)}
        rows = [("", "window", "class", "place", "agent", "profile")]
        for one in question.candidates:
            box, pick = one.window.box, picks.get(one.number)
            place = f"{box.width}×{box.height} at {box.x},{box.y}"
            cover = f", under {one.window.cover}" if one.window.cover else ""
            agent = (pick.agent or one.agent or "the next one") if pick else "–"
            why = "" if pick else texts.why_not(one)
            how = (pick.profile if pick else "") or one.profile or "–"
            how = f"{how}  {why}".rstrip()
            rows.append((str(one.number), one.window.title or "–", one.window.kind, place + cover, agent, how))
        self.say(table(rows))
        if question.hidden:
            self.say(f"({question.hidden} more on other workspaces or iconified: bring them here first)")


def from_corner(at: Point, window: FoundWindow) -> Point:
    """Find the place on the screen at this offset from the window's left and top; negative: from its right, bottom."""
    (x, y), box = at, window.box
    return box.x + x + (box.width if x < 0 else 0), box.y + y + (box.height if y < 0 else 0)
