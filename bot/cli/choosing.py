"""Which windows are wanted: by options, by the name of one, or by asking; and which agent each becomes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.pointing import Asker
from bot.cli.window_specs import parse_spec
from core.calibration.model import FoundWindow, NoSuchWindow, Point, Proposal, Survey
from core.calibration.service import Wanted, window_name
from core.config_files import Edit
from core.desks.model import ToldBy
from core.home import Home
from core.kit.errors import Invalid
from core.settings.sources import environment

if TYPE_CHECKING:
    from core.desks.config import DeskFiles

MAIN = "main"
"""The desk of a new home."""


class NoChoice(Invalid):
    """Nobody is there to be asked. Say which windows by --window "title=…,composer=x,y", or run this in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a calibration is asked for."""

    desk: str = ""
    display: str = ""
    specs: tuple[str, ...] = ()
    only: str = ""
    """The name of a window that the desk has already."""
    list_only: bool = False
    picture: Path | None = None
    send: str = ""
    """What is sent to one window of each kind of which it is not known how it looks at work."""
    asks_to_send: bool = False
    """Without that, somebody who sits there is asked whether something may be sent."""
    untried: bool = False
    by_place: bool = False
    """Windows that nothing in their titles tells apart are known by their places."""
    click: bool = False
    """Where one writes is shown on a page in a browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A window that somebody wants connected."""

    window: FoundWindow
    profile: str
    agent: str = ""
    name: str = ""
    point: Point | None = None


async def chosen(
    wishes: Wishes, proposals: Sequence[Proposal], survey: Survey, files: DeskFiles, asker: Asker
) -> list[Choice]:
    """Which windows are wanted: by options, by the name of one, or by asking."""
    profiles = {one.window.id: one.profiles[0] if one.profiles else "" for one in proposals}
    if wishes.specs:
        specs = [parse_spec(text) for text in wishes.specs]
        found = [(spec, spec.find(survey)) for spec in specs]
        return [
            Choice(
                window=window,
                profile=spec.profile or profiles.get(window.id, ""),
                agent=spec.agent,
                name=spec.name,
                point=spec.place(window),
            )
            for spec, window in found
        ]
    if wishes.only:
        return [_known(wishes, survey, files)]
    if not asker.is_person:
        raise NoChoice
    numbers = range(1, len(proposals) + 1)
    proposed = [number for number, one in zip(numbers, proposals, strict=True) if one.profiles and not _is_ours(one)]
    picked = await asker.chosen("Which of them are agents?", numbers, proposed)
    choices: list[Choice] = []
    for number in picked:
        one = proposals[number - 1]
        profile = profiles[one.window.id] or await _asked_profile(one, files, asker)
        if profile:
            choices.append(Choice(window=one.window, profile=profile))
    return choices


async def _asked_profile(one: Proposal, files: DeskFiles, asker: Asker) -> str:
    """The profile for a window that none is made for; empty when somebody wants none."""
    names = sorted(name for name, kind in files.kinds.items() if not kind.disabled and not name.startswith("demo_"))
    asker.say(f"  {one.window.called} (class {one.window.kind}) fits no profile. There are: {', '.join(names)}.")
    while True:
        said = await asker.line("  By which one is it driven? (Enter: leave this window out)")
        if not said or said in names:
            return said
        asker.say(f"  There is no profile “{said[:40]}”.")


def _known(wishes: Wishes, survey: Survey, files: DeskFiles) -> Choice:
    """A window that the desk has already, wherever it stands now."""
    desk = next((desk for desk in files.desks if desk.name == (wishes.desk or MAIN)), None)
    known = next((window for window in desk.windows if window.name == wishes.only), None) if desk else None
    if known is None:
        raise NoSuchWindow(what=f"is called {wishes.only[:40]} in config/desks/{wishes.desk or MAIN}.toml")
    found = [window for window in survey.windows if window.is_shown and re.search(known.title, window.title)]
    if known.told_by is ToldBy.PLACE:
        found = [window for window in found if window.box == known.box]
    if len(found) != 1:
        raise NoSuchWindow(what=f"is the only one whose title fits {known.title}, that of {known.name}")
    return Choice(window=found[0], profile=known.kind, name=known.name)


def named(choices: Sequence[Choice], desk: str, files: DeskFiles, home: Home) -> list[Wanted]:
    """Each window with its agent, in their order."""
    document: Any = Edit(home).document("agents.toml")
    listed: Any = document.get("agents", [])
    agents = [tuple(str(table.get(key, "")) for key in ("name", "desk", "window")) for table in listed]
    names = _Names(desk=desk, files=files, agents=agents)
    names.taken |= {choice.agent.casefold() for choice in choices if choice.agent}
    wanted: list[Wanted] = []
    for choice in choices:
        agent, name = names.of(choice.window, choice.agent, choice.name)
        wanted.append(
            Wanted(window=choice.window.id, profile=choice.profile, name=name, agent=agent, point=choice.point)
        )  # fmt: skip
    return wanted


@dataclass(slots=True)
class _Names:
    """Which agent each window becomes: who was there stays, then the agents of agents.toml in their order."""

    desk: str
    files: DeskFiles
    agents: Sequence[tuple[str, ...]]
    """Name, desk and window of each agent in agents.toml."""
    taken: set[str] = field(default_factory=set[str])

    def of(self, window: FoundWindow, asked: str, name: str) -> tuple[str, str]:
        """The agent, and what the desk calls its window."""
        agent = asked or self._here_before(window) or self._free()
        self.taken.add(agent.casefold())
        before = next((w for a, d, w in self.agents if a.casefold() == agent.casefold() and d == self.desk and w), "")
        return agent, name or before or window_name(agent)

    def _here_before(self, window: FoundWindow) -> str:
        for desk in self.files.desks:
            if desk.name != self.desk:
                continue
            for known in desk.windows:
                agent = next((a for a, d, w in self.agents if d == desk.name and w == known.name), "")
                is_it = known.told_by is ToldBy.TITLE or known.box == window.box
                if agent and agent.casefold() not in self.taken and is_it and re.search(known.title, window.title):
                    return agent
        return ""

    def _free(self) -> str:
        number = 1
        for agent, _, _ in self.agents:
            if agent.casefold() not in self.taken:
                return agent
        while f"agent-{number}" in self.taken:
            number += 1
        return f"Agent-{number}"


def _is_ours(one: Proposal) -> bool:
    """Whether it is the terminal in which this is typed."""
    return environment().get("WINDOWID", "") == str(one.window.id)
