"""Everything that one home's config says, read and checked as a whole, before anything is made or started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from core.agents.model import Agent
from core.config.agents import read_agents
from core.config.desks import read_desks
from core.config.models import read_models
from core.config.profiles import Kind
from core.config.settings import read_settings, secret
from core.desks.model import Desk
from core.home import Home
from core.kit.problems import ConfigWrong, Problem
from core.profiles.model import Driven, Longest, Newline, PaneProfile, Profile
from core.settings.model import Settings
from core.settings.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A right configuration. It is handed on whole or in parts; nothing reads the files again."""

    home: Home
    settings: Settings
    agents: tuple[Agent, ...]
    desks: tuple[Desk, ...]
    profiles: Mapping[str, Profile]  # By the names that windows have for them
    kinds: Mapping[str, Kind]  # Every file in config/profiles, with what is known of its values
    panes: Mapping[str, PaneProfile]  # What drives the panes of desks of terminals, by the names that those have for it
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    """The models of config/models.toml, by their names, with their keys."""

    def used_desks(self) -> tuple[Desk, ...]:
        """The desks at which agents work."""
        used = {agent.desk for agent in self.agents}
        return tuple(desk for desk in self.desks if desk.name in used)

    def longest_prompts(self) -> dict[str, Longest]:
        """What prompts each agent's window takes, and what becomes of others. A dry run shows any."""
        return {
            agent.name: Longest(
                chars=profile.max_chars,
                then=profile.too_long,
                lines=profile.newline is Newline.KEEP,
                tabs=profile.tab is Newline.KEEP,
            )
            for agent, profile in self._windowed()
        }

    def agents_read(self) -> frozenset[str]:
        """Agents in whose windows answers are read: those that can be read, by their profile."""
        windowed = self._windowed()
        return frozenset(one.name for one, profile in windowed if one.abilities.can_be_read and profile.tells_answers)

    def _windowed(self) -> list[tuple[Agent, Driven]]:
        driven, agents = self.driven(), [agent for agent in self.agents if agent.abilities.has_window]
        return [(one, driven[one.desk, one.window]) for one in agents if one.desk and one.window]

    def driven(self) -> dict[tuple[str, str], Driven]:
        """By desk and window, what drives it: a window, or a pane."""
        profiles: Mapping[str, Driven] = {**self.profiles}
        return {
            (desk.name, window.name): (self.panes if desk.tmux is not None else profiles)[window.profile]
            for desk in self.desks
            for window in desk.windows
        }


def load(home: Home) -> Config:
    """The configuration of `home`. Raises ConfigWrong with every problem at once; makes and changes nothing."""
    problems: list[Problem] = []
    settings = read_settings(home, problems)
    found = read_desks(home.root, problems)
    models = read_models(home.root, partial(secret, home), problems)
    agents = read_agents(home.root, found, models.keys(), problems)
    if problems:
        raise ConfigWrong(problems)
    return Config(
        home=home,
        settings=settings,
        agents=agents,
        desks=found.desks,
        profiles=found.profiles,
        kinds=found.kinds,
        panes=found.panes,
        models=models,
    )
