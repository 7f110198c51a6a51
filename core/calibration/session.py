"""One calibration of one display: asks which windows are agents', tries a draft in each, and writes what works."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from core.calibration.calibrator import Calibrator, NoSuchProfile, WindowChoice, window_name
from core.calibration.model import (
    POINTING_HELPS,
    Agreed,
    Answer,
    CalibratedWindow,
    CalibrationFailed,
    CalibrationOptions,
    CalibrationResult,
    CalibrationStep,
    CalibrationWindowNotFound,
    Candidate,
    ChooseWindows,
    Chosen,
    ComposerPlace,
    ConnectedWindow,
    FailedWindow,
    FoundWindow,
    KnowByPlace,
    NotProposed,
    NotTheQuestion,
    NotToldApart,
    OutsideWindow,
    Pick,
    Point,
    PointAt,
    Question,
    Risk,
    Survey,
    UnknownWindowNumber,
    cells,
    place_of,
)
from core.calibration.writer import DEMO, write, write_terminal
from core.config.desks import DeskFiles, read_desks
from core.config.editor import Edit
from core.config.profiles import read_profiles
from core.desks.model import Desk, MatchBy, Window
from core.home import Home
from core.kit.errors import Invalid, NotFound, OctetError
from core.kit.problems import ConfigWrong
from core.profiles.model import Box, PaneReadback, Terminal

GENERIC = "generic"  # the names of profiles that fit any program begin with it

Draw = Callable[[bytes, Box | None, Mapping[int, Box]], Awaitable[bytes]]  # Draws numbered places on a picture
TakeOver = Callable[[Sequence[CalibratedWindow]], Awaitable[None]]  # makes the running Octet use what was written


class QuestionSession:
    """A calibration (calibration.ports.CalibrationDialog). `start` comes first; between two questions Octet works."""

    def __init__(
        self, work: AsyncGenerator[Question | CalibrationResult, Answer], lines: list[str], desk: str = ""
    ) -> None:
        """`work` yields its questions, gets their answers, and adds to `lines` what it does."""
        self.desk, self._work, self._lines, self._number = desk, work, lines, 0
        self._now: Question | CalibrationResult | None = None

    async def start(self) -> CalibrationStep:
        """Look, and ask. Raises what keeps Octet from looking, and WindowNotFound."""
        self._now = await anext(self._work)
        self._number = 1
        return await self.step()

    async def step(self) -> CalibrationStep:
        return CalibrationStep(number=self._number, now=self._now, lines=tuple(self._lines))

    async def answer(self, answer: Answer) -> CalibrationStep:
        """Continue with this answer until the next question. Raises NotTheQuestion, UnknownWindowNumber,
        UnknownGridPlace or OutsideWindow; the question then stays."""
        question = self._now
        if question is None or isinstance(question, CalibrationResult):
            raise NotTheQuestion
        _check(question, answer)
        self._now = None
        try:
            self._now = await self._work.asend(answer)
        except OctetError as trouble:
            self._now = CalibrationResult(desk=self.desk, code=trouble.code, note=trouble.message)
        self._number += 1
        return await self.step()

    async def picture(self, *, is_whole: bool = False) -> bytes:
        """Take a PNG for the question. Raises NotTheQuestion where it is about no picture."""
        raise NotTheQuestion


class CalibrationSession(QuestionSession):
    """The calibration of a display."""

    def __init__(
        self,
        calibration: Calibrator,
        *,
        desk: str,
        display: str,
        options: CalibrationOptions,
        draw: Draw,
        take_over: TakeOver,
    ) -> None:
        """`display` is what the desk's file has as its display."""
        super().__init__(self._run(), [], desk)
        self._display, self._options, self._calibration = display, options, calibration
        self._draw, self._take_over = draw, take_over
        calibration.say = self._lines.append

    async def picture(self, *, is_whole: bool = False) -> bytes:
        """Take a PNG for the question: the display with the windows' numbers, or a window with a grid."""
        question, places = self._now, dict[int, Box]()
        png = await self._calibration.scout.whole_picture()
        match question:
            case PointAt() if not is_whole:
                part = place_of(question.window.box, question.within)
                return await self._draw(png, part, dict(enumerate(cells(part, question.within), start=1)))
            case PointAt():
                places = {question.number: question.window.box}
            case ChooseWindows() | KnowByPlace():
                places = {one.number: one.window.box for one in question.candidates}
            case _:
                pass
        return await self._draw(png, None, places)

    async def _run(self) -> AsyncGenerator[Question | CalibrationResult, Answer]:
        calibration = self._calibration
        survey = await calibration.look()
        files = read_desks(calibration.home.root, [])
        candidates = await self._candidates(survey, files)
        titles: dict[int, str] = {}
        if self._options.only:
            known, found = self._known(survey, files)
            wanted, titles = [found], {found.window: known.title}
        else:
            hidden = sum(not window.is_shown for window in survey.windows)
            monitors = survey.monitors or (survey.screen,)
            answer = yield ChooseWindows(desk=self.desk, candidates=candidates, monitors=monitors, hidden=hidden)
            assert isinstance(answer, Chosen)
            wanted = self._wanted(candidates, answer.picks, files)
            try:
                titles = calibration.tell_apart(wanted)
            except NotToldApart as trouble:
                alike = tuple(one for one in candidates if one.window.id in trouble.windows)
                seen = [window.title for window in survey.windows]
                differ = all(seen.count(one.window.title) == 1 for one in alike)
                answer = yield KnowByPlace(candidates=alike, titles_differ=differ)
                assert isinstance(answer, Agreed)
                wanted = [replace(one, by_place=answer.is_yes and one.window in trouble.windows) for one in wanted]
                told = [one for one in wanted if one.by_place or one.window not in trouble.windows]
                titles = calibration.tell_apart(told)
        connected: list[CalibratedWindow] = []
        failed: list[FailedWindow] = []
        places: dict[tuple[str, str, int, int], Point] = {}
        for one in wanted:
            candidate = next(row for row in candidates if row.window.id == one.window)
            work = self._one(one, candidate, titles, places)
            said = await anext(work)
            while isinstance(said, PointAt):
                said = await work.asend((yield said))
            if isinstance(said, CalibratedWindow):
                connected.append(said)
            else:
                failed.append(said)
        yield await self._written(connected, failed)

    async def _one(
        self,
        one: WindowChoice,
        candidate: Candidate,
        titles: Mapping[int, str],
        places: dict[tuple[str, str, int, int], Point],
    ) -> AsyncGenerator[PointAt | CalibratedWindow | FailedWindow, Answer]:
        """Connect one window; ask for its composer while pointing helps. `places` has users' points, by kind."""
        within, point = "", one.point
        while True:
            seen = (await self._calibration.look()).windows  # measuring a window that is gone says so
            found = next((here for here in seen if here.id == candidate.window.id), candidate.window)
            kind = one.profile, found.kind, found.box.width, found.box.height
            if point is None and kind in places:
                point = found.box.x + places[kind][0], found.box.y + places[kind][1]
            try:
                if one.window not in titles:
                    raise NotToldApart(called="It and another one", windows=frozenset({one.window}))
                done = await self._calibration.connect(replace(one, point=point), titles[one.window])
            except (CalibrationFailed, Invalid, NotFound, NotToldApart) as trouble:
                code = trouble.reason if isinstance(trouble, CalibrationFailed) else trouble.code
                failure = FailedWindow(called=found.called, agent=one.agent, code=code, note=trouble.message)
                is_asked = code in POINTING_HELPS
            else:
                self._lines.append(f"{one.agent} ({found.called}) works")
                if point is not None:
                    places[kind] = point[0] - found.box.x, point[1] - found.box.y
                yield done
                return
            point, told = None, failure.note
            while is_asked and point is None:
                answer = yield PointAt(number=candidate.number, window=found, agent=one.agent, note=told, within=within)
                assert isinstance(answer, ComposerPlace)
                is_asked = answer != ComposerPlace()
                within, point = answer.place, await self._point(answer, found)
                told = "the pointer is not in this window"
            if point is None:
                self._lines.append(f"{one.agent} ({found.called}) is not connected")
                yield failure
                return

    async def _point(self, answer: ComposerPlace, found: FoundWindow) -> Point | None:
        """Find the place of the screen that the answer means; None: the user skips the window."""
        if answer.is_here:
            at = await self._calibration.scout.pointer()
            return at if found.box.holds(*at) else None
        if answer.place:
            return place_of(found.box, answer.place).middle
        return answer.point

    async def _written(
        self, connected: Sequence[CalibratedWindow], failed: Sequence[FailedWindow]
    ) -> CalibrationResult:
        if not connected:
            return CalibrationResult(desk=self.desk, failed=tuple(failed))
        try:
            changed = await asyncio.to_thread(write, self._calibration.home, self.desk, self._display, connected)
        except ConfigWrong as wrong:
            lines = "\n".join(map(str, wrong.problems))
            note = f"With these windows config/ would not be valid, so nothing was written:\n{lines}"
            return CalibrationResult(desk=self.desk, failed=tuple(failed), code=wrong.code, note=note)
        code = note = ""
        try:
            await self._take_over(connected)
        except OctetError as trouble:
            code, note = trouble.code, trouble.message
        done, files = tuple(map(_connected, connected)), tuple(map(str, changed.files))
        return CalibrationResult(
            desk=self.desk, connected=done, failed=tuple(failed), files=files, code=code, note=note
        )

    async def _candidates(self, survey: Survey, files: DeskFiles) -> tuple[Candidate, ...]:
        names = _Names(self.desk, files, self._agents(), set())
        proposals = self._calibration.proposals(survey)
        found = [await self._candidate(number, *one, files) for number, one in enumerate(proposals, start=1)]
        kept = {one.number: names.here_before(one.window) for one in found if one.why_not is None}
        names.taken |= {agent.casefold() for agent in kept.values()}
        return tuple(
            one if one.why_not else replace(one, agent=kept[one.number] or names.propose(one.window)) for one in found
        )

    async def _candidate(
        self, number: int, window: FoundWindow, profiles: tuple[str, ...], files: DeskFiles
    ) -> Candidate:
        kinds = files.kinds
        # A disabled profile that names its site's titles is meant for only those.
        titles = {name: str(kinds[name].data.get("match_title", "")) for name in profiles if kinds[name].disabled}
        named = [name for name, title in titles.items() if re.search(title, window.title)]
        usable = [name for name in profiles if not kinds[name].disabled]
        candidate = Candidate(number=number, window=window, profile=next(iter(usable), ""))
        if window.id == self._options.own_window:
            return replace(candidate, why_not=NotProposed.OWN_TERMINAL)
        if named:
            return replace(candidate, profile=named[0], why_not=NotProposed.DISABLED, disabled=kinds[named[0]].disabled)
        if not usable:
            return replace(candidate, why_not=NotProposed.NO_PROFILE)
        is_unsure = usable[0].startswith(GENERIC) and not self._options.only
        if is_unsure and not await self._calibration.has_composer(window, usable[0]):
            return replace(candidate, why_not=NotProposed.NO_COMPOSER)
        return candidate

    def _wanted(self, candidates: Sequence[Candidate], picks: Sequence[Pick], files: DeskFiles) -> list[WindowChoice]:
        """Return each picked window with its agent: the named one, else the proposed one, else a free one."""
        rows = {one.number: one for one in candidates}
        named = {pick.agent.casefold() for pick in picks if pick.agent}
        agents = {
            pick.number: pick.agent or ("" if rows[pick.number].agent.casefold() in named else rows[pick.number].agent)
            for pick in picks
        }
        names = _Names(self.desk, files, self._agents(), {agent.casefold() for agent in agents.values() if agent})
        wanted: list[WindowChoice] = []
        for pick in picks:
            row = rows[pick.number]
            agent = agents[pick.number] or names.propose(row.window)
            name, profile = pick.name or names.window_of(agent), pick.profile or row.profile
            choice = WindowChoice(window=row.window.id, profile=profile, name=name, agent=agent, point=pick.point)
            wanted.append(choice)
        return wanted

    def _known(self, survey: Survey, files: DeskFiles) -> tuple[Window, WindowChoice]:
        """Find the configured window, wherever it is now. Raises CalibrationWindowNotFound."""
        desk = next((desk for desk in files.desks if desk.name == self.desk), None)
        known = next((window for window in desk.windows if window.name == self._options.only), None) if desk else None
        if known is None:
            what = f"is called {self._options.only[:40]} in config/desks/{self.desk}.toml"
            raise CalibrationWindowNotFound(what=what)
        found = [window for window in survey.windows if window.is_shown and re.search(known.title, window.title)]
        if by_place := known.match_by is MatchBy.PLACE:
            found = [window for window in found if window.box == known.box]
        if len(found) != 1:
            what = f"is the only one whose title fits {known.title}, that of {known.name}"
            raise CalibrationWindowNotFound(what=what)
        at = (self.desk, known.name)
        agent = next((name for name, desk, window in self._agents() if (desk, window) == at), known.name)
        wanted = WindowChoice(window=found[0].id, profile=known.kind, name=known.name, agent=agent, by_place=by_place)
        return known, wanted

    def _agents(self) -> list[tuple[str, str, str]]:
        """Return the name, desk and window of each agent in agents.toml."""
        document: Any = Edit(self._calibration.home).document("agents.toml")
        listed: Any = document.get("agents", [])
        return [(str(one.get("name", "")), str(one.get("desk", "")), str(one.get("window", ""))) for one in listed]


Learn = Callable[[str, Sequence[str]], Awaitable[Terminal]]  # Pastes a draft and finds the patterns


async def calibrate_pane(
    home: Home, pane: FoundWindow, profile: str, learn: Learn, lines: list[str]
) -> AsyncGenerator[Question | CalibrationResult, Answer]:
    """Work for a QuestionSession: ask once, try a draft in a pane of tmux, and write into its profile how it looks."""
    why_not = None if profile else NotProposed.NO_PROFILE
    shown = Candidate(number=1, window=pane, profile=profile, why_not=why_not)
    answer = yield ChooseWindows(desk="", candidates=(shown,), monitors=())
    assert isinstance(answer, Chosen)
    if not answer.picks:
        yield CalibrationResult(desk="")
        return
    profile = answer.picks[0].profile or profile
    kinds = read_profiles(home.root, []).kinds
    if profile not in kinds:
        raise NoSuchProfile(profile=profile[:60], known=", ".join(sorted(kinds)))
    clear = cast("Sequence[str]", kinds[profile].data.get("clear", ()))
    found = await learn(f"octet calibration {secrets.token_hex(3)}", clear)
    patterns: dict[str, str] = {name: getattr(found, name) for name in ("prompt", "bar", "tail", "end", "placeholder")}
    lines += [f"{name} = {pattern}" for name, pattern in patterns.items() if pattern]
    changed = await asyncio.to_thread(write_terminal, home, profile, patterns)
    title, by = pane.title, PaneReadback.SCREEN
    one = ConnectedWindow(window=title, title=title, agent=title, profile=profile, read_by=by, is_told=False)
    yield CalibrationResult(desk="", connected=(one,), files=tuple(map(str, changed.files)))


class _Names:
    """Which agent a window becomes: whose it was, else whom its title names, else the next one without a window."""

    def __init__(self, desk: str, files: DeskFiles, agents: Sequence[tuple[str, str, str]], taken: set[str]) -> None:
        self._here: Desk | None = next((one for one in files.desks if one.name == desk), None)
        self._agents, self._desk = agents, desk
        examples = {one.name for one in files.desks if all(window.kind.startswith(DEMO) for window in one.windows)}
        self._open = {"", desk, *examples}  # Desks whose agents may get a window here
        self.taken = taken

    def here_before(self, window: FoundWindow) -> str:
        """Find the agent whose window it is by the present config; empty: none, or taken."""
        for known in self._here.windows if self._here else ():
            agent = next((a for a, d, w in self._agents if (d, w) == (self._desk, known.name)), "")
            is_it = known.match_by is MatchBy.TITLE or known.box == window.box
            if agent and agent.casefold() not in self.taken and is_it and re.search(known.title, window.title):
                return agent
        return ""

    def propose(self, window: FoundWindow) -> str:
        """Name its agent, who is taken from then on."""
        agent = self.here_before(window) or self._free(window.title)
        self.taken.add(agent.casefold())
        return agent

    def window_of(self, agent: str) -> str:
        """Name its window as the desk calls it already, else after the agent."""
        here = (w for a, d, w in self._agents if a.casefold() == agent.casefold() and d == self._desk and w)
        return next(here, "") or window_name(agent)

    def _free(self, title: str) -> str:
        free = [a for a, desk, _ in self._agents if a.casefold() not in self.taken and desk in self._open]
        named = [agent for agent in free if re.search(rf"(?<![\w-]){re.escape(agent)}(?![\w-])", title, re.IGNORECASE)]
        number = 1
        while f"agent-{number}" in self.taken:
            number += 1
        return next(iter([*named, *free]), f"Agent-{number}")


def _check(question: Question, answer: Answer) -> None:
    match question, answer:
        case ChooseWindows(), Chosen():
            rows = {one.number: one for one in question.candidates}
            numbers = [pick.number for pick in answer.picks]
            for pick in answer.picks:
                if pick.number not in rows or numbers.count(pick.number) > 1:
                    raise UnknownWindowNumber(number=pick.number, most=len(rows))
                _check_inside(pick.point, rows[pick.number].window)
        case PointAt(), ComposerPlace():
            place_of(question.window.box, answer.place)
            _check_inside(answer.point, question.window)
        case KnowByPlace(), Agreed():
            pass
        case _:
            raise NotTheQuestion


def _check_inside(point: Point | None, window: FoundWindow) -> None:
    if point is not None and not window.box.holds(*point):
        raise OutsideWindow(x=point[0], y=point[1], called=window.called)


def _connected(one: CalibratedWindow) -> ConnectedWindow:
    is_by_place = one.window.match_by is MatchBy.PLACE
    is_seen_again = one.tried.anchor is not None or one.tried.read_by == "accessibility"
    risks = {Risk.BY_PLACE: is_by_place, Risk.UNTIL_CLOSED: not is_by_place and not is_seen_again}
    return ConnectedWindow(
        window=one.window.name,
        title=one.window.title,
        agent=one.agent,
        profile=one.window.profile,
        read_by=one.tried.read_by,
        is_told=one.measured.by == "accessibility",
        lacks_busy=one.lacks_busy,
        risks=tuple(risk for risk, holds in risks.items() if holds),
    )
