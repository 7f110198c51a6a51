"""Changes config/agents.toml for a user: comments stay, the whole is checked first, and Octet works by it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit

from core.agents.service import Agents
from core.config.editor import Edit, change
from core.desks.service import Desks
from core.home import Home
from core.kit.problems import ConfigWrong
from core.maintenance.model import NotReloaded, Reloaded
from core.maintenance.ports import Reloads
from core.remedies import refused
from core.security.model import Actor, Permission, require

_FILE = "agents.toml"


class AgentsFile:
    """One home's agents. Each verb raises NotReloaded with every problem, as the editor does, or being_reloaded."""

    def __init__(self, home: Home, agents: Agents, desks: Desks, reload: Reloads) -> None:
        self._home, self._agents, self._desks, self._reload = home, agents, desks, reload

    async def add(
        self, name: str, values: Mapping[str, object], *, pane: str | None = None, profile: str | None = None, by: Actor
    ) -> Reloaded:
        """Add an agent with the values that are not None, at the end of the file. Also add `pane`, a user's own pane of
        tmux, as a window to its desk's file. Raises incomplete_pane or desk_not_found."""
        require(by, Permission.CONFIG_RELOAD)
        given = {key: value for key, value in values.items() if value is not None}
        if pane is not None:
            if "desk" not in given or profile is None:
                raise refused("incomplete_pane")
            self._desks.find(str(given["desk"]))
            given.setdefault("window", name.lower())

        def work(files: Edit) -> None:
            _agents(files).append(_table({"name": name, **given}))
            if pane is not None:
                windows: Any = files.document(f"desks/{given['desk']}.toml").setdefault("windows", tomlkit.aot())
                windows.append(_table({"name": given["window"], "profile": profile, "pane": pane}))

        return await self._change(work, by)

    async def remove(self, name: str, *, by: Actor) -> Reloaded:
        """Remove an agent; its tasks go to others. Raises agent_not_found."""
        require(by, Permission.CONFIG_RELOAD)
        known = self._agents.get(name).name
        return await self._change(lambda files: _agents(files).remove(_find(files, known)), by)

    async def set_capabilities(self, name: str, capabilities: frozenset[str], *, by: Actor) -> Reloaded:
        """Say what an agent can do, with levels as in `python:3`. Raises agent_not_found."""
        require(by, Permission.CONFIG_RELOAD)
        known, wanted = self._agents.get(name).name, sorted(capabilities)
        return await self._change(lambda files: _find(files, known).update({"capabilities": wanted}), by)

    async def _change(self, work: Callable[[Edit], None], by: Actor) -> Reloaded:
        require(by, Permission.CONFIG_RELOAD)
        try:
            await asyncio.to_thread(change, self._home, work)
        except ConfigWrong as wrong:
            raise NotReloaded(wrong) from wrong
        return await self._reload(by=by)


def _agents(files: Edit) -> Any:
    return files.document(_FILE).setdefault("agents", tomlkit.aot())


def _find(files: Edit, name: str) -> Any:
    for one in _agents(files):
        if one.get("name") == name:
            return one
    raise refused("agent_not_found", id=name)


def _table(values: Mapping[str, object]) -> Any:
    table: Any = tomlkit.table()
    table.update(values)
    return table
