"""`octet calibrate --pane`: finds by a draft in a pane of tmux how its program's composer looks, for its profile."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from core.kit.errors import Conflict, Invalid

if TYPE_CHECKING:
    from automation.terminal.learning import Learnt
    from automation.terminal.screen import Line
    from automation.terminal.tmux import Tmux
    from bot.cli.asking import Console
    from core.home import Home
    from core.profiles.files.kinds import Kind

LOOK_S = 0.3
LOOKS = 20
"""So often it is looked whether the pane stands still, or shows the draft."""
BUFFER = "octet-calibration"


class NameProfile(Invalid):
    """Name the profile that is to learn how its program looks: --profile NAME. There are: {known}."""


class NotStill(Conflict):
    """The pane {pane} does not stand still. Wait until its agent rests, then try again."""


class NotLearnt(Conflict):
    """{why} Nothing was written."""


async def learn_pane(home: Home, pane: str, socket: str, profile: str, console: Console) -> int:
    """Put a draft into this pane, look, delete it; write what was found into the profile after a yes."""
    from automation.terminal.learning import learnt
    from automation.terminal.tmux import Tmux
    from core.desks.model import Tmux as Place
    from core.profiles.config import read_profiles
    from core.settings.sources import environment

    kinds = read_profiles(home.root, []).kinds
    kind = kinds.get(profile)
    if kind is None:
        raise NameProfile(known=", ".join(sorted(kinds)))
    tmux = Tmux(Place(socket=socket or _own_socket(environment())), environment())
    empty = await _still(tmux, pane)
    draft = f"octet calibration {secrets.token_hex(3)}"
    console.say(f"A draft goes into the pane {pane}, is looked at, and is deleted. It is not sent.")
    # One line, without a newline: in no program can it be sent by being pasted.
    tmux.ask(["load-buffer", "-b", BUFFER, "-"], ["paste-buffer", "-p", "-d", "-b", BUFFER, "-t", pane], given=draft)
    drafted = await _showing(tmux, pane, draft)
    is_clear = await _cleared(tmux, pane, kind, draft)
    left = "" if is_clear else " The draft may still stand there: delete it."
    if drafted is None:
        raise NotLearnt(why=f"The draft did not show in the pane.{left}")
    found = learnt(empty, drafted, draft)
    if found is None:
        raise NotLearnt(why=f"No pattern tells its composer from the rest; was it empty before?{left}")
    console.say(f"It is read back by these patterns, and by them it was empty before.{left}")
    for key, pattern in asdict(found).items():
        if pattern:
            console.say(f"  {key} = {_spelt(pattern)}")
    if not console.yes and not await console.agrees(f"Write them into the profile {profile}?"):
        raise NotLearnt(why="")
    console.say(f"wrote {_write(home, profile, found)}")
    return 0 if is_clear else 1


def _write(home: Home, profile: str, found: Learnt) -> str:
    from core.config_files import Edit, change

    name = f"profiles/{profile}.toml"

    def work(edit: Edit) -> None:
        document: Any = edit.document(name)
        terminal: Any = document.setdefault("terminal", {})
        terminal.pop("margin", None)  # was of other patterns
        for key, pattern in asdict(found).items():
            if pattern:
                terminal[key] = _literal(pattern)
            else:
                terminal.pop(key, None)
        document.get("calibrate", {}).pop("terminal.prompt", None)

    change(home, work)
    return str(home.config / name)


def _literal(pattern: str) -> Any:
    import tomlkit

    return tomlkit.string(pattern, literal="'" not in pattern)


def _spelt(pattern: str) -> str:
    return str(_literal(pattern).as_string())


def _own_socket(environ: Mapping[str, str]) -> str:
    """That of the tmux in which this runs; empty where it runs in none."""
    socket = environ.get("TMUX", "").partition(",")[0]
    if not socket:
        raise Invalid(why="name the tmux server: --socket PATH (`tmux display -p '#{socket_path}'` tells yours)")
    return socket


def _look(tmux: Tmux, pane: str) -> tuple[Line, ...]:
    from automation.terminal.screen import parse

    return parse(tmux.ask(["capture-pane", "-p", "-e", "-J", "-t", pane]))


async def _still(tmux: Tmux, pane: str) -> tuple[Line, ...]:
    before: Sequence[Line] | None = None
    for _ in range(LOOKS):
        now = _look(tmux, pane)
        if now == before:
            return now
        before = now
        await asyncio.sleep(LOOK_S)
    raise NotStill(pane=pane)


async def _showing(tmux: Tmux, pane: str, draft: str) -> tuple[Line, ...] | None:
    for _ in range(LOOKS):
        if any(draft in line.text for line in _look(tmux, pane)):
            return await _still(tmux, pane)
        await asyncio.sleep(LOOK_S)
    return None


async def _cleared(tmux: Tmux, pane: str, kind: Kind, draft: str) -> bool:
    """Press what empties the composer by its profile, and see the draft gone."""
    from automation.terminal.tmux import key

    given = kind.data.get("clear")
    chords = cast("list[object]", given) if isinstance(given, list) else []
    if chords:
        tmux.ask(["send-keys", "-t", pane, *(key(str(chord)) for chord in chords)])
    for _ in range(LOOKS):
        if not any(draft in line.text for line in _look(tmux, pane)):
            return True
        await asyncio.sleep(LOOK_S)
    return False
