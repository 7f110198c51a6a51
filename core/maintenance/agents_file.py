"""Changes config/agents.toml for a user: comments stay, the whole is checked first, and Octet works by it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit

from core.agents.service import Agents
from core.config.editor import Edit, change
from core.home import Home
from core.kit.problems import ConfigWrong
from core.maintenance.model import NotReloaded, Reloaded
from core.maintenance.ports import Reloads
from core.security.model import Actor, Permission, require

_FILE = "agents.toml"


class AgentsFile:
    """One home's agents. Each verb raises NotReloaded with every problem, as the editor does, or BeingReloaded."""

    def __init__(self, home: Home, agents: Agents, reload: Reloads) -> None:
        self._home, self._agents, self._reload = home, agents, reload

    async def add(self, name: str, values: Mapping[str, object], *, by: Actor) -> Reloaded:
        """Add an agent with the values that are not None, at the end of the file."""
        given = {key: value for key, value in values.items() if value is not None}

        def work(agents: Any) -> None:
            table: Any = tomlkit.table()
            table.update({"name": name, **given})
            agents.append(table)

        return await self._change(work, by)

    async def remove(self, name: str, *, by: Actor) -> Reloaded:
        """Remove an agent; its tasks go to others. Raises AgentNotFound."""
        require(by, Permission.CONFIG_RELOAD)
        known = self._agents.get(name).name
        return await self._change(lambda agents: agents.remove(_find(agents, known)), by)

    async def set_capabilities(self, name: str, capabilities: frozenset[str], *, by: Actor) -> Reloaded:
        """Say what an agent can do, with levels as in `python:3`. Raises AgentNotFound."""
        require(by, Permission.CONFIG_RELOAD)
        known, wanted = self._agents.get(name).name, sorted(capabilities)
        return await self._change(lambda agents: _find(agents, known).update({"capabilities": wanted}), by)

    async def _change(self, work: Callable[[Any], None], by: Actor) -> Reloaded:
        require(by, Permission.CONFIG_RELOAD)

        def edit(files: Edit) -> None:
            document: Any = files.document(_FILE)
            work(document["agents"])

        try:
            await asyncio.to_thread(change, self._home, edit)
        except ConfigWrong as wrong:
            raise NotReloaded(wrong) from wrong
        return await self._reload(by=by)


def _find(agents: Any, name: str) -> Any:
    return next(one for one in agents if one.get("name") == name)
