"""Everything that one home's config says, read and checked as a whole, before anything is made or started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from core.agents.model import Agent, Program
from core.config.agents import read_agents, read_models, read_programs
from core.config.desks import read_desks
from core.config.profiles import Kind
from core.config.projects import check_projects_of, read_checks, read_projects
from core.config.prompts import BUILT_IN, read_prompts
from core.config.settings import read_settings, secret
from core.desks.model import Desk
from core.home import Home
from core.kit.problems import ConfigWrong, Problem
from core.profiles.model import Driven, PaneProfile, Profile
from core.settings.model import Model, Settings
from core.settings.projects import Check, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A right configuration. It is handed on whole or in parts; nothing reads the files again."""

    home: Home
    settings: Settings
    agents: tuple[Agent, ...]
    desks: tuple[Desk, ...]
    profiles: Mapping[str, Profile]  # By the names that windows have for them
    kinds: Mapping[str, Kind]  # Every file in config/profiles, with the origins of its values
    panes: Mapping[str, PaneProfile]  # What drives the panes of desks of terminals, by the names that those have for it
    prompts: Mapping[str, str] = field(default_factory=lambda: dict(BUILT_IN))  # Around the body of each
    programs: Mapping[str, Program] = field(default_factory=dict[str, Program])  # Those that speak ACP, by name
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])  # By name, with their keys
    projects: Mapping[str, Project] = field(default_factory=dict[str, Project])  # By name
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])  # By name

    def used_desks(self) -> tuple[Desk, ...]:
        used = {agent.desk for agent in self.agents}
        return tuple(desk for desk in self.desks if desk.name in used)

    def profiles_at(self, desk: Desk) -> Mapping[str, Driven]:
        """Return the profiles that can drive windows of this desk, by name."""
        sets: Mapping[type[Driven], Mapping[str, Driven]] = {Profile: self.profiles, PaneProfile: self.panes}
        return sets[desk.kind.profile]

    def driven_agents(self) -> dict[str, Driven]:
        """Return what drives each agent's window, or pane, by the agent's name."""
        driven = {
            (desk.name, window.name): self.profiles_at(desk)[window.profile]
            for desk in self.desks
            for window in desk.windows
        }
        agents = (agent for agent in self.agents if agent.abilities.has_window)
        return {agent.name: driven[agent.desk, agent.window] for agent in agents if agent.desk and agent.window}


def load(home: Home) -> Config:
    """Return the configuration of `home`; change nothing. Raises ConfigWrong with every problem at once."""
    problems: list[Problem] = []
    settings = read_settings(home, problems)
    found = read_desks(home.root, problems)
    models = read_models(home.root, partial(secret, home), problems)
    programs = read_programs(home.root, problems)
    agents = read_agents(home.root, found, models.keys(), problems, programs=programs.keys())
    prompts = read_prompts(home.root, problems)
    checks = read_checks(home.root, problems)
    projects = read_projects(home.root, checks, problems)
    check_projects_of(agents, projects, problems)
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
        programs=programs,
        prompts=prompts,
        projects=projects,
        checks=checks,
    )
