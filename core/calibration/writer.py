"""What a calibration writes: the windows of a desk, their agents' places, their anchor pictures.

Octet then forgets what it learned of these windows before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import tomlkit

from core.calibration.model import CalibratedWindow, WindowNotFound
from core.config.desks import read_desks
from core.config.editor import Changed, Edit, change
from core.config.profiles import leaves, merged, nested
from core.desks.learned import Learned
from core.desks.model import MatchBy
from core.home import Home, anchor_file
from core.kit.errors import Conflict
from core.kit.files import write_bytes_private, write_private
from core.profiles.model import Act, Box, Sign

MERGED = frozenset({"composer", "busy"})  # what else somebody wrote about these (a label, a caret) stays
DEMO = "demo_"
"""What the profiles of the demo's windows begin with: their windows and agents in a new home are examples."""
_ABOVE = """The desk "{desk}": one display and the windows on it that Octet may write into; `octet calibrate` wrote it.
All keys are explained in docs/desktop.md."""


class ProfileExists(Conflict):
    """There is a profile {id} already. Choose another name."""


def write(home: Home, desk: str, display: str, connected: Sequence[CalibratedWindow]) -> Changed:
    """Write these windows into config/desks/`desk`.toml, send their agents there, keep their anchors."""

    def work(edit: Edit) -> None:
        name = f"desks/{desk}.toml"
        is_new = not edit.has(name)
        document: Any = edit.document(name)
        if is_new:
            for line in _ABOVE.format(desk=desk).splitlines():
                document.add(tomlkit.comment(line))
            document.add("display", tomlkit.item(display))
        elif "virtual" not in document and document.get("display") != display:
            document["display"] = display
        windows: Any = document.get("windows")
        if windows is None:
            windows = document["windows"] = tomlkit.aot()
        agents: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        _without_examples(windows, agents, desk, connected)
        for one in connected:
            _put_window(windows, one)
            _put_agent(agents, desk, one)

    changed = change(home, work)
    for one in connected:
        Learned(home).forget(desk, one.window.name)
        _keep_anchor(home.anchors / desk, one)
    return changed


def save_profile(home: Home, name: str, desk: str, window: str) -> Path:
    """Write what was measured and learned at this window as a profile of its own. Raises NoSuchWindow, ProfileExists,
    and what core.config.editor does."""
    files = read_desks(home.root, [])
    here = (one for place in files.desks if place.name == desk for one in place.windows if one.name == window)
    known = next(here, None)
    if known is None:
        raise WindowNotFound(what=f"is called {desk}/{window} in config/desks"[:120])
    values = dict(files.measured[desk, window])
    for fact in Learned(home).read(desk)[0]:
        if fact.window == window and isinstance(fact.value, Sign):
            sign = {"box": fact.value.box, "colour": fact.value.colour, "share": fact.value.share}
            values = merged(values, nested({f"busy.{key}": value for key, value in sign.items()}))
        elif fact.window == window:
            values["anchor"] = fact.value

    def work(edit: Edit) -> None:
        target = f"profiles/{name}.toml"
        if edit.has(target):
            raise ProfileExists(id=name)
        document: Any = tomlkit.parse(tomlkit.dumps(edit.document(f"profiles/{known.kind}.toml")))
        for path, value in leaves(values):
            table, _, key = path.rpartition(".")
            holder: Any = document.setdefault(table, tomlkit.table()) if table else document
            holder[key] = _inline(value)
            document.get("calibrate", {}).pop(path, None)
            if "sources" in document:
                document["sources"][path] = f"measured: at {desk}/{window}"
        edit.write(target, tomlkit.dumps(document))

    change(home, work)
    return home.config / "profiles" / f"{name}.toml"


def write_terminal(home: Home, profile: str, patterns: Mapping[str, str]) -> Changed:
    """Write these patterns into [terminal] of the profile; empty ones go, and `margin`, which belonged to others."""

    def work(edit: Edit) -> None:
        document: Any = edit.document(f"profiles/{profile}.toml")
        terminal: Any = document.setdefault("terminal", tomlkit.table())
        for key, pattern in {"margin": "", **patterns}.items():
            terminal.pop(key, None)
            if pattern:
                terminal[key] = tomlkit.string(pattern, literal="'" not in pattern)
        document.get("calibrate", {}).pop("terminal.prompt", None)

    return change(home, work)


def _keep_anchor(folder: Path, one: CalibratedWindow) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in ("empty-*", "at-*", *(f"{act.value}*" for act in Act)):  # the buttons of its acts are kept anew, too
        for picture in folder.glob(f"{anchor_file(folder, one.window.name).stem}.{old}.png"):
            picture.unlink()
    for number, png in enumerate(one.tried.empties, start=1):
        write_bytes_private(anchor_file(folder, f"{one.window.name}.empty-{number}"), png)
    for box, png in one.tried.candidates:
        place = f"{box.x}-{box.y}-{box.width}-{box.height}"
        write_bytes_private(anchor_file(folder, f"{one.window.name}.at-{place}"), png)
    file = anchor_file(folder, one.window.name)
    if one.tried.tag:
        write_private(file.with_suffix(".tag"), one.tried.tag)
    else:
        file.with_suffix(".tag").unlink(missing_ok=True)
    if one.tried.anchor_png:
        write_bytes_private(file, one.tried.anchor_png)
    else:
        file.unlink(missing_ok=True)


def _put_window(windows: Any, one: CalibratedWindow) -> None:
    window = one.window
    values: dict[str, object] = {"name": window.name, "profile": window.profile}
    values |= {"title": window.title, "box": window.box}
    if window.match_by is not MatchBy.TITLE:
        values["match_by"] = window.match_by.value
    table: Any = next((table for table in windows if table.get("name") == window.name), None)
    # Written as people would write it, and parsed: so its spaces and lines are as they expect.
    lines = [f"{key} = {_spelt(value)}" for key, value in values.items()]
    lines += ["", "[windows.calibrated]", *(f"{key} = {_spelt(value)}" for key, value in one.calibrated.items())]
    document: Any = tomlkit.parse("\n".join(["[[windows]]", *lines, "", ""]))
    if table is None:
        windows.append(document["windows"][0])
        return
    table.pop("match_by", None)
    for key, value in values.items():
        table[key] = _inline(value)
    if "calibrated" not in table:
        table["calibrated"] = document["windows"][0]["calibrated"]
        return
    calibrated: Any = table["calibrated"]
    if "anchor" not in one.calibrated:
        calibrated.pop("anchor", None)
    for key, value in one.calibrated.items():
        known = dict(calibrated.get(key, {})) if key in MERGED else {}
        calibrated[key] = _inline({**known, **cast("dict[str, object]", value)} if key in MERGED else value)


def _put_agent(agents: Any, desk: str, one: CalibratedWindow) -> None:
    agent: Any = next((table for table in agents if _name(table) == one.agent.casefold()), None)
    if agent is None:
        new: Any = tomlkit.table()
        new.update({"name": one.agent, "role": "builder", "capabilities": ["code"]})
        agents.append(new)
        agent = agents[-1]
    agent["lane"], agent["desk"], agent["window"] = "window", desk, one.window.name


def _without_examples(windows: Any, agents: Any, desk: str, connected: Sequence[CalibratedWindow]) -> None:
    """A new home has the demo's windows and agents as examples: they go when a person's own come."""
    mine = {(one.window.name, one.window.profile) for one in connected}
    names = {one.agent.casefold() for one in connected}
    gone = {
        str(table.get("name"))
        for table in windows
        if str(table.get("profile", "")).startswith(DEMO) and (table.get("name"), table.get("profile")) not in mine
    }
    for index in reversed(range(len(windows))):
        if windows[index].get("name") in gone:
            del windows[index]
    for index in reversed(range(len(agents))):
        agent = agents[index]
        if agent.get("desk") == desk and agent.get("window") in gone and _name(agent) not in names:
            del agents[index]


def _name(agent: Any) -> str:
    return str(agent.get("name", "")).casefold()


def _inline(value: object) -> Any:
    """As it stands on one line of a file, with the blanks that people put there."""
    return tomlkit.parse(f"value = {_spelt(value)}")["value"]


def _spelt(value: object) -> str:
    if isinstance(value, Box):
        value = asdict(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_spelt(one)}" for key, one in cast("dict[str, object]", value).items())
        return f"{{ {inner} }}"
    return tomlkit.item(value).as_string()
