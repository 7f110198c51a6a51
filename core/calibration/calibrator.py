"""Connects windows: proposes which are agents, measures each, tries a draft, writes what came of it into config/."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

from core.calibration.model import (
    NO_PROMPT,
    TERMINAL,
    CalibratedWindow,
    CalibrationFailed,
    FoundPane,
    FoundWindow,
    Measurement,
    NotToldApart,
    Point,
    Survey,
    TrialResult,
)
from core.calibration.ports import DisplayProbe
from core.calibration.title_patterns import find_pattern, shared
from core.config.profiles import Kind, complete, in_pane, nested, read_profiles
from core.desks.model import MatchBy, Window
from core.home import Home
from core.profiles.model import Box, Composer, Confirm, Newline, PaneProfile, Profile, Readback, Selection
from core.reasons import Reason
from core.remedies import explain, refused

LOOKS = 3
LOOK_S = 0.4  # titles are read so often, so far apart, to see which parts change
TRIES = 8
CLOSE = (60, 10)  # so many pixels to each side of the shown point surely belong to the composer
SIDES = frozenset({"x", "y", "width", "height"})
PASTES = (
    (("shift+insert", Selection.CLIPBOARD),),
    (
        ("ctrl+shift+v", Selection.CLIPBOARD),
        ("shift+insert", Selection.CLIPBOARD),
        ("shift+insert", Selection.PRIMARY),
        ("ctrl+v", Selection.CLIPBOARD),
    ),
)
"""Ways to paste that are tried after that of the profile: in windows, and in terminals."""
MOST_HABITS = 5  # so many drafts find out what a program does not take
LEAST_CHARS = 500  # no profile says less of the longest prompt
MOST_IN_TERMINAL = 600  # characters of a draft there: nothing compares it, and it has to be cleared line by line
ONE_LINE_PX = 80  # more than one line of a terminal is higher than this
GENERIC_TERMINAL = "generic_terminal"
GENERIC = frozenset({"generic", GENERIC_TERMINAL})  # profiles of programs that no other profile names
AGAIN_S = 2.5  # the pause before a draft is retried that a transient failure kept out, such as a moved mouse


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChoice:
    """Which window a user wants connected, and how."""

    window: int
    profile: str
    name: str  # what the desk calls it
    agent: str
    by_place: bool = False  # It is identified by its place, and by a tag while it lives, not by its title
    point: Point | None = None  # Where its composer is on the screen; None: where its program says
    known: Composer | None = None  # Measured at this very window before: it stays, unless the user names a `point`

    def describe(self, profile: str, title: str, box: Box) -> Window:
        """Return the window as its desk's file describes it."""
        match_by = MatchBy.PLACE if self.by_place else MatchBy.TITLE
        return Window(name=self.name, profile=profile, title=title, box=box, match_by=match_by)


@dataclass(slots=True)
class Calibrator:
    """One calibration of one display."""

    home: Home
    scout: DisplayProbe
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    say: Callable[[str], None] = field(default=lambda _: None)  # receives each step, for users who wait
    # Seen, by window, the newest last:
    titles: dict[int, list[str]] = field(default_factory=dict[int, list[str]], init=False)
    # By `has_composer`:
    kept: dict[FoundWindow, Measurement] = field(default_factory=dict[FoundWindow, Measurement], init=False)
    _survey: Survey | None = field(default=None, init=False)

    @property
    def survey(self) -> Survey:
        """Return what `look` saw last."""
        assert self._survey is not None, "look() comes first"
        return self._survey

    async def look(self) -> Survey:
        """Return the windows of the display; watch their titles for a moment."""
        survey = self._survey
        for number in range(LOOKS if survey is None else 1):
            if number:
                await self.rest(LOOK_S)
            survey = await self.scout.survey()
            for window in survey.windows:
                seen = self.titles.setdefault(window.id, [])
                if window.title in seen:
                    seen.remove(window.title)
                seen.append(window.title)
        assert survey is not None
        self._survey = survey
        return survey

    def proposals(self, survey: Survey) -> list[tuple[FoundWindow, tuple[str, ...]]]:
        """List each shown window in reading order, with the profiles that may drive it, the likeliest first."""
        kinds = read_profiles(self.home.root, []).kinds
        shown = [window for window in survey.windows if window.is_shown]
        # Windows whose tops differ by less than half of the lowest are in one row.
        row = max(1, min((window.box.height for window in shown), default=1) // 2)
        shown.sort(key=lambda window: (window.box.y // row, window.box.x))
        return [(window, _fitting(window, kinds)) for window in shown]

    def pane_proposals(self, panes: Sequence[FoundPane]) -> list[tuple[FoundPane, str]]:
        """List each pane that a profile fits, with the likeliest one: by its program or title, then by its screen."""
        kinds = read_profiles(self.home.root, []).kinds
        able = [one for name, one in kinds.items() if name not in GENERIC and isinstance(in_pane(one), PaneProfile)]
        titles = {one.name: str(one.data["match_title"]) for one in able if "match_title" in one.data}
        found: list[tuple[FoundPane, str]] = []
        for pane in panes:
            named = [name for name, title in titles.items() if re.search(title, f"{pane.program}\n{pane.title}")]
            fitting = named + [name for name in pane.fits if name not in GENERIC]
            found += [(pane, name) for name in fitting[:1]]
        return found

    def tell_apart(self, wanted: Sequence[WindowChoice]) -> dict[int, str]:
        """Return the pattern of each window's title. Raises NotToldApart with the windows that have none."""
        survey = self.survey
        found: dict[int, str | None] = {}
        here = {window.id: window for window in survey.windows}
        for one in wanted:
            kind = here[one.window].kind
            alike = {window.id: self.titles[window.id] for window in survey.windows if window.kind == kind}
            found[one.window] = shared(self.titles[one.window]) if one.by_place else find_pattern(alike, one.window)
        nameless = [window for window, pattern in found.items() if pattern is None]
        if nameless:
            listed = ", ".join(f"“{here[window].title}”" for window in nameless)
            raise NotToldApart(called=listed, windows=frozenset(nameless))
        return {window: pattern for window, pattern in found.items() if pattern is not None}

    async def has_composer(self, found: FoundWindow, profile: str) -> bool:
        """Measure this window beforehand; `connect` then takes that, if the window is as it was."""
        kind = read_profiles(self.home.root, []).kinds[profile]
        try:
            self.kept[found] = await self.scout.measure(found.id, None, _avoided(kind.data))
        except CalibrationFailed:
            return False
        return True

    async def connect(self, wanted: WindowChoice, title: str) -> CalibratedWindow:
        """Measure one window and try a draft in it. Raises CalibrationFailed, or the error of its profile."""
        seen = self._survey.windows if self._survey is not None else ()
        found = next((window for window in seen if window.id == wanted.window), None)
        if found is None:
            raise CalibrationFailed(Reason.CLOSED)
        kind = self._kind(wanted, found)
        self.say(f"{wanted.name}: looking at {found.called}")
        kept = self.kept.pop(found, None) if wanted.point is None else None
        measured = kept or await self._measure(wanted, found, _avoided(kind.data))
        if measured.by_line:
            measured = replace(measured, quirks={"newline": Newline.COLLAPSE.value})
        measured, tried = await self._short_draft(wanted, title, found, measured)
        if tried.ok:
            measured = replace(measured, quirks={**measured.quirks, **tried.quirks})
        if tried.ok and measured.by == TERMINAL:
            measured = _with_prompt(measured, tried)
        if tried.ok and (measured.by == TERMINAL or tried.read_by != Readback.PIXELS):
            measured, tried = await self._long_draft(wanted, title, found, measured, tried)
        if wanted.by_place and not tried.tag:
            raise CalibrationFailed(Reason.CLOSED, explain(tried.reason, tried.note))
        if not tried.ok:
            area = measured.composer if wanted.point is not None and measured.by == "picture" else None
            notes = tried.note, f"Octet sees an empty area of {area.width}×{area.height} pixels there" if area else ""
            raise CalibrationFailed(tried.reason or Reason.TOO_SLOW, "; ".join(filter(None, notes)))
        values = _values(found, kind, replace(measured, anchors=() if tried.anchor is None else (tried.anchor,)))
        return CalibratedWindow(
            window=wanted.describe(kind.name, title, found.box),
            agent=wanted.agent,
            calibrated=values,
            measured=measured,
            tried=tried,
            found=found,
            lacks_busy=not self._complete(kind, values).has_busy_sign,
        )

    async def _measure(self, wanted: WindowChoice, found: FoundWindow, avoid: tuple[Box, ...]) -> Measurement:
        """Measure the window; where it was measured before, around that place, unless its program reports another."""
        known = wanted.known if wanted.point is None else None
        if known is None:
            return await self.scout.measure(found.id, wanted.point, avoid)
        measured: Measurement | None = None
        with suppress(CalibrationFailed):
            measured = await self.scout.measure(found.id, None, avoid)
        is_alike = measured is not None and (measured.by == TERMINAL) == (known.prompt is not None)
        if measured is not None and is_alike and measured.composer.overlaps(known.box):
            return measured
        try:
            return await self.scout.measure(found.id, known.box.on_screen(found.box).middle, avoid)
        except CalibrationFailed:
            if measured is None or measured.by != "accessibility":
                raise
            return measured

    async def _short_draft(
        self, wanted: WindowChoice, title: str, found: FoundWindow, measured: Measurement
    ) -> tuple[Measurement, TrialResult]:
        """Try a few words, by one way to paste after the other until the program takes them."""
        tried = await self._trial(wanted, title, found, measured)
        if tried.is_not_pasted and measured.by == "picture" and wanted.point is not None:
            measured = replace(measured, composer=_around(wanted.point, measured.composer, found))
            tried = await self._trial(wanted, title, found, measured)
        if measured.by == TERMINAL and not tried.ok and tried.caret and tried.caret.height <= ONE_LINE_PX:
            caret_px = (tried.caret.width + 2) * (tried.caret.height + 2)  # with an edge of one pixel
            measured = replace(measured, quirks={**measured.quirks, "composer.caret_px": caret_px})
            tried = await self._trial(wanted, title, found, measured)
        for chord, selection in PASTES[measured.by == TERMINAL]:
            if not tried.is_not_pasted:
                break
            other = replace(measured, quirks={**measured.quirks, "paste": chord, "selection": selection.value})
            tried = await self._trial(wanted, title, found, other)
            measured = measured if tried.is_not_pasted else other
        if not tried.ok and not tried.is_not_pasted and measured.by == "accessibility":
            again = await self.scout.measure(found.id, wanted.point)  # some pages change with the first letter
            measured = replace(again, quirks=measured.quirks)
            tried = await self._trial(wanted, title, found, measured)
        wider = None if tried.ok else _wider(measured, tried, found)
        if wider is not None:
            measured = wider
            tried = await self._trial(wanted, title, found, measured)
        return measured, tried

    async def _long_draft(
        self, wanted: WindowChoice, title: str, found: FoundWindow, measured: Measurement, short: TrialResult
    ) -> tuple[Measurement, TrialResult]:
        """Try several lines, tabs, emoji, and as many characters as prompts may have; adopt what the program made of
        them until a draft comes back unchanged. Text that shows only in part is copied back; if that is not whole
        either, the shown length becomes the longest prompt."""
        kind, tried, shown = self._kind(wanted, found), short, LEAST_CHARS
        for _ in range(MOST_HABITS):
            profile = self._complete(kind, _values(found, kind, measured))
            most = min(profile.max_chars, MOST_IN_TERMINAL) if measured.by == TERMINAL else profile.max_chars
            text = long_draft(f"octet calibration {secrets.token_hex(3)}", most)
            tried = await self._trial(wanted, title, found, measured, draft=text)
            if tried.ok:
                measured = replace(measured, quirks={**measured.quirks, **tried.quirks})
                break
            known, more = dict(measured.quirks), dict(tried.quirks)
            if "readback" in more:
                shown = max(tried.read_chars, LEAST_CHARS)
            elif "readback" in known and (not more or "max_chars" in more):  # copied, it is not whole either
                del known["readback"]
                more = {"max_chars": shown, **more}
            if not more:
                break
            measured = replace(measured, quirks=known | more)
        if measured.by != TERMINAL:  # a hint may stay away once something was deleted, until something is sent
            tried = replace(tried, empties=tuple(dict.fromkeys((*short.empties, *tried.empties))))
        return measured, tried

    async def _trial(
        self, wanted: WindowChoice, title: str, found: FoundWindow, measured: Measurement, *, draft: str = ""
    ) -> TrialResult:
        """Try one draft, again while something transient prevents it."""
        kind = self._kind(wanted, found)
        profile = self._complete(kind, _values(found, kind, measured))
        window = wanted.describe(profile.name, title, found.box)
        self.say(f"{wanted.name}: typing a draft, reading it back and clearing it")
        text = draft or f"octet calibration {secrets.token_hex(3)}"
        tried = TrialResult(ok=False)
        for number in range(TRIES):
            if number:
                is_slow = tried.reason in {Reason.TOO_SLOW, Reason.LATE}
                why = "the machine is slow" if is_slow else explain(tried.reason, tried.note)
                self.say(f"{window.name}: {why}; trying again ({number + 1} of {TRIES})")
                await self.rest(AGAIN_S)
            tried = await self.scout.trial(window, profile, anchors=measured.anchors, text=text, known=measured.window)
            if not tried.is_transient:
                break
        return tried

    def _kind(self, wanted: WindowChoice, found: FoundWindow) -> Kind:
        kinds = read_profiles(self.home.root, []).kinds
        if not wanted.profile:
            raise refused("no_profile_fits", window=found.called, kind=found.kind)
        kind = kinds.get(wanted.profile)
        if kind is None:
            raise refused("no_such_profile", profile=wanted.profile[:60], known=", ".join(sorted(kinds)))
        if kind.disabled:
            raise refused("profile_disabled", profile=kind.name, why=kind.disabled)
        return kind

    def _complete(self, kind: Kind, values: Mapping[str, object]) -> Profile:
        found = complete(kind, values)
        if isinstance(found, tuple):
            raise refused("profile_lacks", profile=kind.name, why="; ".join(found))
        return found


def window_name(agent: str) -> str:
    """Return what a desk calls the window of an agent that has none there yet, as config/desks takes it."""
    kept = "".join(char if (char.isalnum() and char.isascii()) or char in "-_" else "-" for char in agent.lower())
    return kept.strip("-_")[:32] or "window"


def long_draft(start: str, most: int) -> str:
    """Make a text of at most so many characters with everything that a program may change."""
    lines = [
        f"{start}: Octet deletes this draft again.",
        "\tA tab,  two blanks, \U0001f469\u200d\U0001f4bb, \u05e9\u05dc\u05d5\u05dd.",
        "",
        "if it: {",
        "    print('a line that is longer than most windows are wide', " + "'and goes on', " * 20 + ")",
        "}",
    ]
    text = "\n".join(lines)
    filler = "\nAnother line of the same draft, with some filler text."
    return (text + filler * max(0, (most - len(text)) // len(filler)))[:most].rstrip()


def _with_prompt(measured: Measurement, tried: TrialResult) -> Measurement:
    """Return the measurement with the prompt before the place where the draft was seen."""
    drawn, area = tried.drawn, measured.composer
    if drawn is None or drawn.height > ONE_LINE_PX:
        raise CalibrationFailed(Reason.SCROLLED)
    caret = tried.caret
    if caret is None or caret.height > ONE_LINE_PX or not caret.overlaps(drawn):
        caret = replace(drawn, x=drawn.x - 1, y=max(area.y, drawn.y - 1), height=drawn.height + 2)
    width, top = min(drawn.x, caret.x) - area.x, min(drawn.y, caret.y)
    if width < 1:
        raise CalibrationFailed(Reason.NO_COMPOSER, NO_PROMPT)
    height = max(drawn.y + drawn.height, caret.y + caret.height) - top
    prompt = Box(x=area.x, y=top, width=width, height=height)
    return replace(measured, prompt=prompt, background=tried.ground or measured.background)


def _fitting(window: FoundWindow, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return the profiles that fit this window, the more specific first, the generic one last."""
    found: list[tuple[bool, bool, str]] = []
    for name, kind in kinds.items():
        match_class, match_program, match_title = (kind.data.get(f"match_{of}") for of in ("class", "program", "title"))
        fits_class = isinstance(match_class, str) and re.fullmatch(match_class, window.kind)
        fits_program = isinstance(match_program, str) and re.search(match_program, window.program)
        if isinstance(match_title, str) and re.search(match_title, window.title) is None:
            continue
        if (fits_class and (match_program is None or fits_program)) or (match_class is None and fits_program):
            found.append((not fits_program, match_title is None, name))
    generic = GENERIC_TERMINAL if window.is_terminal else "generic"
    return (*(name for _, _, name in sorted(found)), *([generic] if generic in kinds else []))


def _avoided(values: Mapping[str, object]) -> tuple[Box, ...]:
    """Return the boxes that the profile says change in such windows: an anchor keeps out of them."""
    found: list[Box] = []
    for key, value in values.items():
        if key in {"anchor", "composer"}:
            continue  # calibration measures these
        for one in cast("list[object]", value) if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                table = cast("dict[str, object]", one)
                sides = {side: int(str(table[side])) for side in SIDES & table.keys()}
                found += [Box(**sides)] if sides.keys() == table.keys() else _avoided(table)
    return tuple(found)


def _values(found: FoundWindow, kind: Kind, measured: Measurement) -> dict[str, object]:
    """Return the measured values, as `[windows.calibrated]` has them."""
    values: dict[str, object] = {
        **({"anchor": measured.anchors[0]} if measured.anchors else {}),
        "composer.box": measured.composer,
        "composer.background": measured.background,
        **({"composer.has_placeholder": True} if measured.hint else {}),
        **({"composer.prompt": measured.prompt, "confirm": [one.value for one in Confirm]} if measured.prompt else {}),
        **measured.quirks,
    }
    match_class = kind.data.get("match_class")
    if not isinstance(match_class, str) or re.fullmatch(match_class, found.kind) is None:
        values = {"match_class": f"^{re.escape(found.kind)}$", **values}
    return nested(values)


def _around(point: Point, composer: Box, found: FoundWindow) -> Box:
    """Return the part of the composer that is close to the point that the user showed."""
    x, y = point[0] - found.box.x, point[1] - found.box.y
    close = Box(x=x, y=y, width=0, height=0).grown(*CLOSE).shared(composer)
    return replace(close, width=max(1, close.width), height=max(1, close.height))


def _wider(measured: Measurement, tried: TrialResult, found: FoundWindow) -> Measurement | None:
    """Return the measurement with the place of the draft, if that is outside the composer; else None."""
    drawn = tried.drawn
    if drawn is None or drawn.fits_into(measured.composer):
        return None
    # No pixel more: a caret reaches the edge of the composer, and the line around that is not empty.
    lefts, tops, rights, bottoms = zip(measured.composer.edges, drawn.edges, strict=True)
    whole = Box.of_edges(min(lefts), min(tops), max(rights), max(bottoms)).shared(found.box.in_window(found.box))
    anchors = tuple(anchor for anchor in measured.anchors if not anchor.overlaps(whole))
    return replace(measured, composer=whole, anchors=anchors, hint=measured.hint or tried.hint)
