"""A calibration on the console: its questions, which a user or options answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from bot.cli.operator import RequestRefused, printable, table
from bot.verbs.naming import at_the_machine
from core.calibration import texts
from core.calibration.model import (
    Agreed,
    Answer,
    CalibrationResult,
    CalibrationStep,
    ChooseWindows,
    Chosen,
    ComposerPlace,
    KnowByPlace,
    NotTheQuestion,
    Pick,
    PointAt,
    Question,
)
from core.calibration.ports import CalibrationDialog
from core.kit.errors import Invalid
from core.kit.supervise import supervise
from core.remedies import refused

LOOK_S = 0.1  # between two looks at the calibration's state
_HELP = f"Enter connects the windows that Octet proposes, n connects none. Or type {texts.HOW}."
NextLine = Callable[[float], Awaitable[str | None]]
"""Waits so many seconds for a line from the user; None without one."""


@dataclass(slots=True, kw_only=True)
class Console:
    """Asks the user who sits at the console, or answers by options alone."""

    is_person: bool
    yes: bool = False  # connect the proposed windows without asking
    by_place: bool = False  # identify windows of equal titles by their places without asking
    sees_display: bool = field(default=True, init=False)  # the user sees the display's pointer
    mark: str = ""  # the beginning of each question
    picks: Callable[[ChooseWindows], Sequence[Pick]] | None = None
    """Picks windows like those of another display, instead of Octet's proposals."""

    def say(self, line: str = "") -> None:
        """Print a line without control characters, which the title of a window may have."""
        print(at_the_machine(printable(line, keep_lines=True)), flush=True)

    async def answer_questions(self, asking: CalibrationDialog) -> CalibrationResult:
        """Answer each question until the calibration ends. Raises no_choice or nothing_connected."""
        with typed_lines() if self.is_person else nullcontext() as lines:
            async with asyncio.TaskGroup() as group:
                printed, asked = 0, 0
                while True:
                    step = await asking.step()
                    printed = self._print_news(step, printed)
                    if isinstance(step.now, CalibrationResult):
                        return step.now
                    if step.now is None:  # answered elsewhere, and Octet works on it
                        await asyncio.sleep(LOOK_S)
                        continue
                    if step.number != asked:
                        asked = step.number
                        await self._show(step.now, asking)
                    answer = self._given(step.now) or await self._typed(step.now, lines)
                    if answer is None:
                        continue
                    work = supervise(group, "answer", self._send_answer(asking, answer, step.now))
                    while not work.done():
                        await asyncio.wait([work], timeout=LOOK_S)
                        printed = self._print_news(await asking.step(), printed)

    async def _send_answer(self, asking: CalibrationDialog, answer: Answer, question: Question) -> None:
        try:
            await asking.answer(answer)
        except (Invalid, NotTheQuestion, RequestRefused) as wrong:
            if not self.is_person:
                raise
            self.say(f"  {wrong.message}")
            self._prompt(question)

    def _print_news(self, step: CalibrationStep, printed: int) -> int:
        for line in step.lines[printed:]:
            self.say(f"  {line}")
        return len(step.lines)

    def _given(self, question: Question) -> Answer | None:
        """Answer by the options; None where the user must answer. Raises no_choice."""
        match question:
            case ChooseWindows():
                if not self.is_person and not self.yes:
                    raise refused("no_choice")
                return Chosen(picks=tuple(self._picks(question).values())) if self.yes else None
            case PointAt():
                return None if self.is_person else ComposerPlace()
            case KnowByPlace():
                return Agreed(is_yes=self.by_place) if self.by_place or not self.is_person or self.yes else None

    def _picks(self, question: Question) -> dict[int, Pick]:
        if not isinstance(question, ChooseWindows):
            return {}
        if self.picks is None:
            return {one.number: Pick(number=one.number) for one in question.proposed}
        return {pick.number: pick for pick in self.picks(question)}

    async def _show(self, question: Question, asking: CalibrationDialog) -> None:
        if isinstance(question, ChooseWindows):
            self.list(question)
        if self._given(question) is not None:
            return
        if isinstance(question, PointAt) and not self.sees_display:
            file = Path(mkdtemp(prefix="octet-")) / "places.png"  # in a folder of this account only
            file.write_bytes(await asking.picture())
            self.say(f"  This picture has a number on each of the window's places: {file}")
        self._prompt(question)

    def _prompt(self, question: Question) -> None:
        picks = self._picks(question)
        match question:
            case ChooseWindows():
                keys = f" [{'Enter = all' if picks else 'n = none'}, ? = help]"
            case PointAt():
                seen = (
                    "move the mouse over it without clicking, and press Enter"
                    if self.sees_display
                    else "type its number"
                )
                keys = f"\n  ({seen}; or type its place from the window's corner, such as 200,-40; s skips the window)"
            case KnowByPlace():
                keys = " [y/N]"
        asks = f"{texts.asks(question, picks)}{keys}"
        print(f"{self.mark}{at_the_machine(printable(asks, keep_lines=True))}: ", end="", flush=True)

    async def _typed(self, question: Question, lines: NextLine | None) -> Answer | None:
        """Read the user's answer; None without a line, or without a valid one."""
        assert lines is not None, "options answer where no user is asked"
        line = await lines(LOOK_S)
        if line is None:
            return None
        is_here = isinstance(question, PointAt) and self.sees_display and not line.strip()
        answer = ComposerPlace(is_here=True) if is_here else texts.read(question, line, self._picks(question))
        if answer is None:
            is_help = isinstance(question, ChooseWindows) and line.strip() == "?"
            self.say(f"  {_HELP if is_help else f'“{line.strip()[:40]}” does not answer that.'}")
            self._prompt(question)
        return answer

    def list(self, question: ChooseWindows) -> None:
        if not question.candidates:
            self.say("No window is shown on this display.")
            return
        picks = self._picks(question)
        rows = [("", "window", "class", "place", "agent", "profile")]
        for one in question.candidates:
            box, pick = one.window.box, picks.get(one.number)
            place = f"{box.width}×{box.height} at {box.x},{box.y}"
            cover = f", under {one.window.cover}" if one.window.cover else ""
            agent = (pick.agent or one.agent or "the next one") if pick and question.desk else "–"
            why = "" if pick else texts.why_not(one)
            how = (pick.profile if pick else "") or one.profile or "–"
            how = f"{how}  {why}".rstrip()
            rows.append((str(one.number), one.window.title or "–", one.window.kind, place + cover, agent, how))
        self.say(table(rows))
        if question.hidden:
            self.say(f"({question.hidden} more on other workspaces or iconified: bring them here first)")


@contextmanager
def typed_lines() -> Generator[NextLine]:
    """Read lines from the console inside the block, while the event loop runs."""
    loop = asyncio.get_running_loop()
    pending: asyncio.Future[str] | None = None
    typed: asyncio.Queue[str] = asyncio.Queue()

    async def read_on_windows(within_s: float) -> str | None:
        nonlocal pending  # its event loop cannot watch a console: a thread waits for one line
        pending = pending or loop.run_in_executor(None, sys.stdin.readline)
        if not (await asyncio.wait([pending], timeout=within_s))[0]:
            return None
        line, pending = pending.result(), None
        return line or "n"

    async def read(within_s: float) -> str | None:
        with suppress(TimeoutError):
            return await asyncio.wait_for(typed.get(), within_s)
        return None

    if sys.platform == "win32":
        yield read_on_windows
        return
    loop.add_reader(sys.stdin.fileno(), lambda: typed.put_nowait(sys.stdin.readline() or "n"))  # at its end
    try:
        yield read
    finally:
        loop.remove_reader(sys.stdin.fileno())
