"""Takes over what config/ says now, while Octet runs: checked as a whole first, and nothing under way is lost. The
files are the truth: after any interruption the next start reads them and does the same."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import tomlkit

from core.agents.model import Agent
from core.config import loader
from core.config.editor import Edit, change
from core.config.loader import Config
from core.config.overview import list_items
from core.config.settings import SECTIONS
from core.dispatch.service import Dispatch
from core.kit import faults
from core.kit.problems import ConfigWrong
from core.maintenance.model import ConfigReloaded, Configuration, NotReloaded, Reloaded
from core.maintenance.ports import DeskWorkers
from core.messages.prompts import PromptRenderer
from core.remedies import refused
from core.security.model import Actor, Permission, require
from core.settings.model import CommandGroup, Model, Settings
from core.tasks.services import TaskServices


class Reload:
    """One home's configuration as Octet works by it. `run` is the verb."""

    def __init__(
        self,
        config: Config,
        services: TaskServices,
        prompts: PromptRenderer,
        dispatch: Dispatch,
        desk_workers: DeskWorkers,
    ) -> None:
        self._config, self._services, self._prompts = config, services, prompts
        self._dispatch, self._desk_workers = dispatch, desk_workers
        self.command_groups = config.settings.discord.groups  # Discord offers all commands of these
        self._busy = asyncio.Lock()

    @property
    def discord_url(self) -> str:
        return self._config.settings.discord.url

    async def run(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        """Read config/ again and work by it. The workers of `desks` restart even if their files did not change. Raises
        NotReloaded with every problem, or being_reloaded."""
        require(by, Permission.CONFIG_RELOAD)
        if self._busy.locked():
            raise refused("being_reloaded")
        async with self._busy:
            try:
                config = await asyncio.to_thread(loader.load, self._config.home)
            except ConfigWrong as wrong:
                raise NotReloaded(wrong) from wrong
            faults.point("reload.read")
            self._services.workspaces.plans.use(config.projects, config.checks)
            reloaded = self._compare(config, desks)
            if not reloaded.is_nothing:
                await self._take_over(config, reloaded, by)
            return reloaded

    async def show(self, *, by: Actor) -> Configuration:
        """List what config/ says now, and what a reload would change; change nothing."""
        require(by, Permission.CONFIG_RELOAD)
        items = await asyncio.to_thread(list_items, self._config.home)
        try:
            config = await asyncio.to_thread(loader.load, self._config.home)
        except ConfigWrong as wrong:
            return Configuration(items=items, change=None, problems=NotReloaded(wrong).lines)
        return Configuration(items=items, change=self._compare(config, ()))

    async def switch_group(self, group: CommandGroup, *, is_on: bool, by: Actor) -> Reloaded:
        """Have Discord offer all commands of a group, or the common ones; octet.toml keeps it. Raises as `run`."""
        require(by, Permission.CONFIG_RELOAD)
        groups = self.command_groups | {group} if is_on else self.command_groups - {group}

        def work(files: Edit) -> None:
            section: Any = files.document("octet.toml").setdefault("discord", tomlkit.table())
            section["groups"] = sorted(groups)

        try:
            await asyncio.to_thread(change, self._config.home, work)
        except ConfigWrong as wrong:
            raise NotReloaded(wrong) from wrong
        return await self.run(by=by)

    def _compare(self, config: Config, desks: Collection[str]) -> Reloaded:
        known, now = _by_name(self._config), _by_name(config)
        changed = [name for name in {**known, **now} if known.get(name) != now.get(name)]
        names = {desk.name for desk in config.desks}
        others = self._desk_workers.desks_to_restart(config) | (set(desks) & names & set(self._desk_workers.workers))
        return Reloaded(
            agents=tuple(changed),
            gone=tuple(name for name in known if name not in now),
            desks=tuple(sorted(others)),
            restart=_other_settings(self._config.settings, config.settings),
            groups=tuple(sorted(self._config.settings.discord.groups ^ config.settings.discord.groups)),
        )

    async def _take_over(self, config: Config, reloaded: Reloaded, by: Actor) -> None:
        """Keep this order: a kill at any point is safe, and a refusing store is noticed before any work ends."""
        dispatch, services, desk_workers = self._dispatch, self._services, self._desk_workers
        await services.agents.register_agents(config.agents)
        before = self._config
        routes = dispatch.workers.find_changed(config.agents, reloaded.desks) | {
            agent.route
            for agent in before.agents
            if agent.model and before.models.get(agent.model) != config.models.get(agent.model)
        }
        await dispatch.workers.retire(routes)
        faults.point("reload.retired")
        await desk_workers.replace(config, reloaded.desks)
        faults.point("reload.replaced")
        await services.desks.set_desks(config.desks, desk_workers.workers)
        self._prompts.use(config.driven_agents(), config.prompts)
        event = ConfigReloaded(**asdict(reloaded))
        self.command_groups = config.settings.discord.groups  # first, for those who follow the event
        append = partial(services.journal.append, event=event, by=by.id)
        await dispatch.follow_config(config.agents, desk_workers.lanes(config), routes, note=append)
        desk_workers.start_missing()
        self._config = config
        faults.point("reload.over")


def _by_name(config: Config) -> Mapping[str, tuple[Agent, Model | None]]:
    return {agent.name: (agent, config.models.get(agent.model or "")) for agent in config.agents}


def _other_settings(before: Settings, now: Settings) -> tuple[str, ...]:
    """Return the settings that differ, as octet.toml writes them; the token by its name alone."""
    found = [
        f"[{section}] {key}"
        for section, schema in SECTIONS.items()
        for key in schema.model_fields
        if (section, key) != ("discord", "groups")
        and getattr(getattr(before, section), key) != getattr(getattr(now, section), key)
    ]
    return (*found, *(["OCTET_DISCORD_TOKEN"] if before.discord_token != now.discord_token else []))
