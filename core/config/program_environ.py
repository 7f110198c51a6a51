"""What Octet puts into the environment of the agents' programs that it starts: each agent's own token.

It goes there by a file that only this account can read: other accounts can read a command line, and tmux remembers the
commands that it got."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.config.loader import Config
from core.config.program_hooks import with_hooks
from core.home import HOME, environ_file, hooks_file
from core.kit.files import write_private
from core.security.codes import ReplyKeys
from core.security.keys import load_key

AGENT_VARIABLE = "OCTET_AGENT_TOKEN"


def write_program_environs(config: Config, command: Sequence[str]) -> None:
    """Write what the program of each pane, and of each virtual display, gets when it starts next. A program gets the
    token of the one agent that works in it; where several share a display's program, none. `command` is how hooks call
    this Octet."""
    home = config.home
    if home.db.exists() and not home.codes_key.exists():
        return  # the next start of Octet makes the key, and reports that it was lost
    keys = ReplyKeys(key=load_key(home.codes_key))
    for desk in config.desks:
        at_desk = [agent for agent in config.agents if agent.desk == desk.name]
        own = [window.name for window in desk.windows if window.pane and window.pane.program]
        programs = {name: [agent for agent in at_desk if agent.window == name] for name in own}
        if desk.virtual:
            programs = {"": at_desk}
        for window, agents in programs.items():
            file = environ_file(home.displays / desk.name, window)
            if len(agents) != 1:
                file.unlink(missing_ok=True)
                continue
            variables = _variables(config, keys, agents[0].name)
            _write(file, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
            if window:
                hooks = with_hooks({}, "claude_code", command, config.home.root.resolve())
                _write(hooks_file(file.parent), json.dumps(hooks, indent=1))


def _write(file: Path, content: str) -> None:
    if not file.exists() or file.read_text("utf-8") != content:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, content)


def program_environ(config: Config, agent: str) -> Mapping[str, str]:
    """Return what the program of this agent gets, where Octet starts it as its own child."""
    return _variables(config, ReplyKeys(key=load_key(config.home.codes_key)), agent)


def _variables(config: Config, keys: ReplyKeys, agent: str) -> Mapping[str, str]:
    return {HOME: str(config.home.root.resolve()), AGENT_VARIABLE: keys.key(agent)}
