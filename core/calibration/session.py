"""One calibration of one display: asks which windows are agents', tries a draft in each, and writes what works."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, cast

from core.agents.model import Lane
from core.calibration.calibrator import Calibrator, WindowChoice, window_name
from core.calibration.model import (
    POINTING_HELPS,
    Agreed,
    Answer,
    CalibratedWindow,
    CalibrationFailed,
    CalibrationOptions,
    CalibrationResult,
    CalibrationStep,
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
    Pick,
    Point,
    PointAt,
    Question,
    Risk,
    Survey,
    cells,
    place_of,
)
from core.calibration.writer import DEMO, write, write_terminal
from core.config.desks import DeskFiles, read_desks
from core.config.editor import Edit
from core.config.profiles import read_profiles
from core.desks.model import MatchBy, Window
from core.home import Home, anchor_file
from core.kit.errors import Invalid, NotFound, OctetError
from core.kit.problems import ConfigWrong
from core.profiles.model import Box, Composer, PaneReadback, Terminal
from core.remedies import refused

MOST_ASKED = 2  # so often a user is asked for a place for the same reason
NO_DESK = "(none)"  # no desk has this name
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
        """Look, and ask. Raises what keeps Octet from looking, and window_not_found."""
        self._now = await anext(self._work)
        self._number = 1
        return await self.step()

    async def step(self) -> CalibrationStep:
        return CalibrationStep(number=self._number, now=self._now, lines=tuple(self._lines))

    async def answer(self, answer: Answer) -> CalibrationStep:
        """Continue with this answer until the next question. Raises NotTheQuestion, unknown_window_number,
        unknown_grid_place or outside_window; the question then stays."""
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

    async def picture(self) -> bytes:
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
        """`display` is the display in the desk's file."""
        super().__init__(self._run(), [], desk)
        self._display, self._options, self._calibration = display, options, calibration
        self._draw, self._take_over = draw, take_over
        calibration.say = self._lines.append

    async def picture(self) -> bytes:
        """Take a PNG for the question: the display with the windows' numbers, or a window with a grid."""
        question, places = self._now, dict[int, Box]()
        png = await self._calibration.scout.whole_picture()
        match question:
            case PointAt():
                part = place_of(question.window.box, question.within)
                return await self._draw(png, part, dict(enumerate(cells(part, question.within), start=1)))
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
                distinct = [one for one in wanted if one.by_place or one.window not in trouble.windows]
                titles = calibration.tell_apart(distinct)
        connected: list[CalibratedWindow] = []
        failed: list[FailedWindow] = []
        places: dict[tuple[str, str, int, int], Point] = {}
        for one in wanted:
            candidate = next(row for row in candidates if row.window.id == one.window)
            work = self._one(one, candidate, titles, places)
            step = await anext(work)
            while isinstance(step, PointAt):
                step = await work.asend((yield step))
            if isinstance(step, CalibratedWindow):
                connected.append(step)
            else:
                failed.append(step)
        yield await self._written(connected, failed)

    async def _one(
        self,
        one: WindowChoice,
        candidate: Candidate,
        titles: Mapping[int, str],
        places: dict[tuple[str, str, int, int], Point],
    ) -> AsyncGenerator[PointAt | CalibratedWindow | FailedWindow, Answer]:
        """Connect one window; ask for its composer while pointing helps, and at most twice for the same reason.
        `places` has users' points, by kind."""
        within, point, asked = "", one.point, Counter[str]()
        while True:
            seen = (await self._calibration.look()).windows  # measuring a window that is gone says so
            found = next((here for here in seen if here.id == candidate.window.id), candidate.window)
            kind = one.profile, found.kind, found.box.width, found.box.height
            if point is None and one.known is None and kind in places:
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
            point, note = None, failure.note
            while is_asked and point is None and asked[code] < MOST_ASKED:
                asked[code] += 1
                answer = yield PointAt(number=candidate.number, window=found, agent=one.agent, note=note, within=within)
                assert isinstance(answer, ComposerPlace)
                is_asked = answer != ComposerPlace()
                within, point = answer.place, await self._point(answer, found)
                note = code = "the pointer is not in this window"
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
        names = _Names(self._calibration.home, self.desk, files, self._agents())
        kept = names.kept(survey)
        found: list[Candidate] = []
        for number, (window, profiles) in enumerate(self._calibration.proposals(survey), start=1):
            known = kept.get(window.id)
            mine = known is not None and known.kind in files.kinds
            one = await self._candidate(number, window, (known.kind,) if known and mine else profiles, files, known)
            found.append(replace(one, agent=names.agent_at(known), is_known=True) if known else one)
        for place, one in enumerate(found):
            if not one.is_known and one.why_not is None and (left := names.left_at(one.window, kept)):
                found[place] = replace(one, agent=names.agent_at(left), leaves=left.title)
                kept[one.window.id] = left
        return tuple(
            one if one.why_not or one.agent else replace(one, agent=names.propose(one.window)) for one in found
        )

    async def _candidate(
        self, number: int, window: FoundWindow, profiles: tuple[str, ...], files: DeskFiles, known: Window | None
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
        is_unsure = usable[0].startswith(GENERIC) and not self._options.only and known is None
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
        names = _Names(self._calibration.home, self.desk, files, self._agents())
        names.taken |= {agent.casefold() for agent in agents.values()}
        kept = names.kept(self._calibration.survey)
        wanted: list[WindowChoice] = []
        for pick in picks:
            row, known = rows[pick.number], kept.get(rows[pick.number].window.id)
            agent = agents[pick.number] or names.propose(row.window)
            name, profile = pick.name or names.window_of(agent), pick.profile or row.profile
            choice = WindowChoice(window=row.window.id, profile=profile, name=name, agent=agent, point=pick.point)
            wanted.append(replace(choice, known=names.composer_of(known, row.window)))
        return wanted

    def _known(self, survey: Survey, files: DeskFiles) -> tuple[Window, WindowChoice]:
        """Find the configured window, wherever it is now. Raises calibration_window_not_found."""
        names = _Names(self._calibration.home, self.desk, files, self._agents())
        known = next((window for window in names.windows if window.name == self._options.only), None)
        if known is None:
            what = f"is called {self._options.only[:40]} in config/desks/{self.desk}.toml"
            raise refused("calibration_window_not_found", what=what)
        found = next((window for window in names.find(known, survey.windows) if window.is_shown), None)
        if found is None:
            what = f"is the only one whose title fits {known.title}, that of {known.name}"
            raise refused("calibration_window_not_found", what=what)
        by_place, agent = known.match_by is MatchBy.PLACE, names.agent_at(known) or known.name
        wanted = WindowChoice(window=found.id, profile=known.kind, name=known.name, agent=agent, by_place=by_place)
        return known, replace(wanted, known=names.composer_of(known, found))

    def _agents(self) -> list[tuple[str, str, str]]:
        """Return the name, desk and window of each agent in agents.toml; at NO_DESK the ones without windows."""
        document: Any = Edit(self._calibration.home).document("agents.toml")
        listed: Any = document.get("agents", [])
        found = [tuple(str(one.get(key, "")) for key in ("name", "desk", "window", "lane")) for one in listed]
        return [(name, NO_DESK if lane == Lane.MODEL else desk, window) for name, desk, window, lane in found]


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
        raise refused("no_such_profile", profile=profile[:60], known=", ".join(sorted(kinds)))
    clear = cast("Sequence[str]", kinds[profile].data.get("clear", ()))
    found = await learn(f"octet calibration {secrets.token_hex(3)}", clear)
    patterns: dict[str, str] = {name: getattr(found, name) for name in ("prompt", "bar", "tail", "end", "placeholder")}
    lines += [f"{name} = {pattern}" for name, pattern in patterns.items() if pattern]
    changed = await asyncio.to_thread(write_terminal, home, profile, patterns)
    title, by = pane.title, PaneReadback.SCREEN
    one = ConnectedWindow(window=title, title=title, agent=title, profile=profile, read_by=by, is_told=False)
    yield CalibrationResult(desk="", connected=(one,), files=tuple(map(str, changed.files)))


class _Names:
    """Which agent a window becomes: whose it is, else whom its title names, else the next one without a window.
    The agents of connected windows are taken, wherever these are now: only a user gives one another window."""

    def __init__(self, home: Home, desk: str, files: DeskFiles, agents: Sequence[tuple[str, str, str]]) -> None:
        self._files, self._desk, self._anchors = files, desk, home.anchors / desk
        self.windows = next((one.windows for one in files.desks if one.name == desk), ())
        self._owners = {window: agent for agent, at, window in agents if at == desk}
        examples = {one.name for one in files.desks if all(window.kind.startswith(DEMO) for window in one.windows)}
        open_ = {"", desk, *examples}  # Desks whose agents may get a window here
        self._agents = {agent.casefold() for agent, _, _ in agents}
        self._free = [agent for agent, at, _ in agents if at in open_]
        self._connected = [
            one
            for one in self.windows
            if one.name in self._owners and (files.measured.get((desk, one.name)) or not one.kind.startswith(DEMO))
        ]
        self.taken = {self._owners[one.name].casefold() for one in self._connected}
        self._given = {one.name for one in self._connected}  # names of windows

    def agent_at(self, window: Window) -> str:
        return self._owners.get(window.name, "")

    def kept(self, survey: Survey) -> dict[int, Window]:
        """Find which windows, by their ids, are connected ones."""
        profiles, kept = self._files.profiles, dict[int, Window]()
        for one in self._connected:
            kind = profiles.get(one.profile)
            alike = [seen for seen in survey.windows if kind is None or re.fullmatch(kind.match_class, seen.kind)]
            kept |= {seen.id: one for seen in self.find(one, alike)}
        return kept

    def find(self, known: Window, windows: Sequence[FoundWindow]) -> list[FoundWindow]:
        """Find this window: by its tag while it is open, else by its title, among several at its place."""
        file = anchor_file(self._anchors, known.name).with_suffix(".tag")
        tag = file.read_text("ascii", "replace").strip() if file.exists() else ""
        if tag and (tagged := [one for one in windows if one.tag == tag]):
            return tagged
        found = [one for one in windows if re.search(known.title, one.title)]
        if known.match_by is MatchBy.PLACE or len(found) > 1:
            found = [one for one in found if one.box == known.box]
        return found if len(found) == 1 else []

    def left_at(self, window: FoundWindow, kept: Mapping[int, Window]) -> Window | None:
        """Find the connected window that was where this one is now, and that is not on the display."""
        gone = [one for one in self._connected if one not in kept.values()]
        return next((one for one in gone if one.box.overlaps(window.box)), None)

    def composer_of(self, known: Window | None, now: FoundWindow) -> Composer | None:
        """Return the composer that was measured at this window, if the window still has its size."""
        profile = self._files.profiles.get(known.profile) if known else None
        if known is None or profile is None or not self._files.measured.get((self._desk, known.name)):
            return None
        return profile.composer if (known.box.width, known.box.height) == (now.box.width, now.box.height) else None

    def propose(self, window: FoundWindow) -> str:
        """Name an agent for a window that is not connected; the agent is taken from then on."""
        here = [one for one in self.windows if one not in self._connected and self.find(one, [window])]
        free = [agent for agent in [*map(self.agent_at, here), *self._named(window.title), *self._free] if agent]
        new = next(f"Agent-{number}" for number in count(1) if f"agent-{number}" not in self._agents | self.taken)
        agent = next((agent for agent in free if agent.casefold() not in self.taken), new)
        self.taken.add(agent.casefold())
        return agent

    def window_of(self, agent: str) -> str:
        """Name its window as the desk calls it already, else after the agent; no connected window has that name."""
        here = (window for window, owner in self._owners.items() if window and owner.casefold() == agent.casefold())
        named = (window_name(agent), *(f"{window_name(agent)[:28]}-{number}" for number in range(2, 1000)))
        name = next(here, "") or next(name for name in named if name not in self._given)
        self._given.add(name)
        return name

    def _named(self, title: str) -> list[str]:
        word = r"(?<![\w-]){}(?![\w-])"
        return [agent for agent in self._free if re.search(word.format(re.escape(agent)), title, re.IGNORECASE)]


def _check(question: Question, answer: Answer) -> None:
    match question, answer:
        case ChooseWindows(), Chosen():
            rows = {one.number: one for one in question.candidates}
            numbers = [pick.number for pick in answer.picks]
            for pick in answer.picks:
                if pick.number not in rows or numbers.count(pick.number) > 1:
                    raise refused("unknown_window_number", number=pick.number, most=len(rows))
                _check_inside(pick.point, rows[pick.number].window)
            agents = [pick.agent.casefold() for pick in answer.picks if pick.agent]
            named = set(agents)
            for pick in answer.picks:
                if agents.count(pick.agent.casefold()) > 1:
                    raise refused("agent_picked_twice", id=pick.agent)
            for row in (rows[pick.number] for pick in answer.picks if pick.agent):
                given = next(pick.agent for pick in answer.picks if pick.number == row.number)
                if row.is_known and row.agent.casefold() not in {given.casefold(), *named}:
                    raise refused("window_has_agent", number=row.number, id=row.agent)
        case PointAt(), ComposerPlace():
            place_of(question.window.box, answer.place)
            _check_inside(answer.point, question.window)
        case KnowByPlace(), Agreed():
            pass
        case _:
            raise NotTheQuestion


def _check_inside(point: Point | None, window: FoundWindow) -> None:
    if point is not None and not window.box.holds(*point):
        raise refused("outside_window", x=point[0], y=point[1], called=window.called)


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
