"""What calibration writes: calibrated windows, their agents, their anchor pictures, profiles made of measurements, and
desks for agents on virtual displays or in tmux. Octet then forgets what it learned of calibrated windows before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import tomlkit

from core.calibration.calibrator import GENERIC_TERMINAL, window_name
from core.calibration.model import CalibratedWindow
from core.config.desks import read_desks
from core.config.editor import Changed, Edit, change
from core.config.profiles import in_pane, leaves, merged, nested, read_profiles
from core.desks.learned import Learned
from core.desks.model import MatchBy
from core.home import Home, anchor_file
from core.kit.files import write_private
from core.profiles.model import Act, Box, Sign
from core.remedies import refused

MERGED = frozenset({"composer", "busy"})  # other values that a user wrote there (a label, a caret) stay
DEMO = "demo_"  # Profiles of the demo's windows begin with it: their windows and agents in a new home are examples
WINDOW = "agent"  # the one window of a desk with a virtual display
PANES = "panes"  # the desk with panes of tmux
PROMPT = "terminal.prompt"  # what a profile for panes needs
_ABOVE = """The desk "{desk}": one display and the windows on it that Octet may write into; `octet calibrate` wrote it.
All keys are explained in docs/desktop.md."""
_ABOVE_PANES = """Agents in panes of tmux: `octet desk up --tmux` starts them, and `octet run` keeps
them running. docs/terminals.md explains how to look at them."""


def write(home: Home, desk: str, display: str, connected: Sequence[CalibratedWindow]) -> Changed:
    """Write these windows into config/desks/`desk`.toml, send their agents there, keep their anchors."""

    def work(edit: Edit) -> None:
        name = f"desks/{desk}.toml"
        document: Any = _described(edit, name, _ABOVE.format(desk=desk))
        if "virtual" not in document and document.get("display") != display:
            document["display"] = display
        windows: Any = document.setdefault("windows", tomlkit.aot())
        agents: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        _without_examples(windows, agents, desk, connected)
        for one in connected:
            _put_window(windows, one)
            agent: Any = next((table for table in agents if _name(table) == one.agent.casefold()), None)
            agent = _add_agent(agents, one.agent) if agent is None else agent
            agent["lane"], agent["desk"], agent["window"] = "window", desk, one.window.name

    changed = change(home, work)
    for one in connected:
        Learned(home).forget(desk, one.window.name)
        _keep_anchor(home.anchors / desk, one)
    return changed


def save_profile(home: Home, name: str, desk: str, window: str) -> Path:
    """Write what was measured and learned at this window as a new profile. Raises calibration_window_not_found,
    profile_exists, and what core.config.editor does."""
    files = read_desks(home.root, [])
    here = (one for place in files.desks if place.name == desk for one in place.windows if one.name == window)
    known = next(here, None)
    if known is None:
        raise refused("calibration_window_not_found", what=f"is called {desk}/{window} in config/desks"[:120])
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
            raise refused("profile_exists", id=name)
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
        document.get("calibrate", {}).pop(PROMPT, None)

    return change(home, work)


def new_pane_profile(home: Home, program: str) -> str:
    """Write a profile for this program in panes, whose prompt is still to be learned (`calibrate_pane`); return its
    name. A profile of this name that works in panes stays as it is; another one stays beside the new one."""
    files, name = read_profiles(home.root, []), window_name(Path(program).stem)
    kind = files.kinds.get(name)
    if kind is not None and not isinstance(in_pane(kind), tuple):
        return name
    base = name if kind is not None and "terminal" in kind.data else GENERIC_TERMINAL
    own = f"{name[:24]}_pane" if name in files.named else name

    def work(edit: Edit) -> None:
        document: Any = tomlkit.parse(tomlkit.dumps(edit.document(f"profiles/{base}.toml")))
        document.setdefault("terminal", tomlkit.table())["prompt"] = tomlkit.string("(?!)", literal=True)
        document["terminal"]["prompt"].comment("matches nothing until `octet calibrate` finds the prompt")
        document.setdefault("calibrate", tomlkit.table())[PROMPT] = "what begins the composer's first line and no other"
        edit.write(f"profiles/{own}.toml", tomlkit.dumps(document))

    change(home, work)
    return own


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTemplate:
    """What new desks are made of; {agent} and {number} in program, title and directory are replaced for each."""

    program: Sequence[str]
    profile: str
    directory: str = ""
    title: str = "{agent}"
    size: str = "1920x1080"

    def fill(self, text: str, agent: str, number: int) -> str:
        return text.replace("{agent}", agent).replace("{number}", str(number))


def write_displays(home: Home, agents: int, template: DeskTemplate) -> list[str]:
    """Write a desk with a virtual display for each of the first `agents` agents that have none, and move them there;
    return lines about it. Where the profile still needs measuring, the desks have no window yet and the agents stay.
    Raises template_missing or ConfigWrong, and then changes nothing."""
    files = {number: f"desks/desk-{number}.toml" for number in range(1, agents + 1)}
    files = {number: file for number, file in files.items() if not (home.config / file).exists()}
    if not files:
        return []
    if not template.program or not template.profile:
        file = f"config/{next(iter(files.values()))}"
        raise refused("template_missing", file=file, agents=agents, agent="{agent}", number="{number}")
    kind = read_profiles(home.root, []).kinds.get(template.profile)
    is_measured = kind is None or not any(one.is_needed for one in kind.wanted())
    lines: list[str] = []

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        for number, file in files.items():
            desk, agent = f"desk-{number}", agent_of_number(listed, number) if is_measured else None
            name = str(agent["name"]) if agent else f"Agent-{number}"
            edit.write(file, _desk(template, name, number, has_window=is_measured))
            lines.append(f"wrote {home.config / file}; ")
            if agent:
                came_from = _send(edit, agent, "window", desk, WINDOW)
                lines[-1] += f"{name} works there now{came_from and f' (it was at {came_from})'}"
            else:
                lines[-1] += f"once it is up, `octet calibrate {desk}` measures its window and sends an agent there"

    change(home, work)
    return lines


def write_panes(home: Home, templates: Sequence[DeskTemplate], *, replaces: bool = False) -> list[str]:
    """Write a pane by each template, for the agent of its place in the order that has none, and move the agents there;
    return lines about it. `replaces`: rewrite panes that differ. Raises program_missing, working_folder_missing or
    ConfigWrong."""
    lines: list[str] = []
    sent: dict[str, list[str]] = {}  # names of agents, by the desk from which they came

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        desk: Any = _described(edit, f"desks/{PANES}.toml", _ABOVE_PANES)
        desk.setdefault("tmux", {"session": "octet"})
        windows: Any = desk.setdefault("windows", tomlkit.aot())
        places = {str(window.get("name")): place for place, window in enumerate(windows)}
        missing = [one for number, one in enumerate(templates, start=1) if f"agent-{number}" not in places]
        if not all(one.program and one.profile for one in missing):
            raise refused("program_missing", count=len(missing), agents=len(templates))
        for number, template in enumerate(templates, start=1):
            name = f"agent-{number}"
            if name not in places:
                agent = agent_of_number(listed, number)
                windows.append(_pane(template, str(agent["name"]), number, home.root))
                sent.setdefault(_send(edit, agent, "terminal", PANES, name), []).append(str(agent["name"]))
            elif replaces:
                at = (one["name"] for one in listed if one.get("window") == name and one.get("desk") == PANES)
                pane = _pane(template, str(next(at, f"Agent-{number}")), number, home.root)
                before = windows[places[name]].unwrap()
                if pane.unwrap() != {key: before.get(key) for key in pane}:
                    windows[places[name]] = pane
                    lines.append(f"changed the pane {name} of desk {PANES}; `octet desk down` ends its program")

    change(home, work)
    return [*(_moved(names, came_from) for came_from, names in sent.items()), *lines]


def _moved(names: Sequence[str], came_from: str) -> str:
    if len(names) == 1:
        return f"{names[0]} works in a pane of desk {PANES} now{came_from and f' (it was at {came_from})'}"
    before = f" (they were at {came_from})" if came_from else ""
    return f"{names[0]} to {names[-1]} work in {len(names)} panes of desk {PANES} now{before}"


def has_only_examples(edit: Edit, desk: str) -> bool:
    """Tell whether all windows of this desk are those of the demo, which a new home has as examples."""
    name = f"desks/{desk}.toml"
    document: Any = edit.document(name) if edit.has(name) else {}
    windows: Any = document.get("windows", [])
    return bool(windows) and all(str(one.get("profile", "")).startswith(DEMO) for one in windows)


def _described(edit: Edit, name: str, about: str) -> Any:
    """Return the file to change; a new one begins with what it is about."""
    is_new = not edit.has(name)
    document: Any = edit.document(name)
    for line in about.splitlines() if is_new else ():
        document.add(tomlkit.comment(line))
    return document


def agent_of_number(agents: Any, number: int) -> Any:
    """Find the agent with this number, or write new ones up to it."""
    while len(agents) < number:
        _add_agent(agents, f"Agent-{len(agents) + 1}")
    return agents[number - 1]


def _add_agent(agents: Any, name: str) -> Any:
    new: Any = tomlkit.table()
    new.update({"name": name, "role": "builder", "capabilities": ["code"]})
    agents.append(new)
    return agents[-1]


def _send(edit: Edit, agent: Any, lane: str, desk: str, window: str) -> str:
    """Move the agent to this window; return the user's desk that it came from, or nothing."""
    came_from = str(agent.get("desk", ""))
    agent["lane"], agent["desk"], agent["window"] = lane, desk, window
    return "" if has_only_examples(edit, came_from) else came_from


def _desk(template: DeskTemplate, agent: str, number: int, *, has_window: bool) -> str:
    program = [template.fill(word, agent, number) for word in template.program]
    lines = [
        f"# A virtual display for {agent}: `octet desk up` starts it, and so does `octet run`.",
        "[virtual]",
        f"size = {_spelt(template.size)}",
        "# The agent's program and its arguments, without a shell.",
        f"program = {_spelt(program)}",
    ]
    if template.directory:
        lines.append(f"directory = {_spelt(template.fill(template.directory, agent, number))}")
    if has_window:
        width, _, height = template.size.partition("x")
        box = Box(x=0, y=0, width=int(width), height=int(height))
        values = {"name": WINDOW, "profile": template.profile, "title": template.fill(template.title, agent, number)}
        lines += ["", "[[windows]]", *(f"{key} = {_spelt(value)}" for key, value in {**values, "box": box}.items())]
    return "\n".join([*lines, ""])


def _pane(template: DeskTemplate, agent: str, number: int, root: Path) -> Any:
    """Describe a pane; folders count from `root`."""
    pane: Any = tomlkit.table()
    pane.update({"name": f"agent-{number}", "profile": template.profile})
    pane.add("program", [template.fill(word, agent, number) for word in template.program])
    if template.directory:
        folder = template.fill(template.directory, agent, number)
        if not (root / Path(folder).expanduser()).is_dir():
            raise refused("working_folder_missing", folder=folder, agent=agent)
        pane.add("directory", folder)
    return pane


def _keep_anchor(folder: Path, one: CalibratedWindow) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in ("empty-*", "at-*", *(f"{act.value}*" for act in Act)):  # the worker cuts the acts' buttons again
        for picture in folder.glob(f"{anchor_file(folder, one.window.name).stem}.{old}.png"):
            picture.unlink()
    for number, png in enumerate(one.tried.empties, start=1):
        write_private(anchor_file(folder, f"{one.window.name}.empty-{number}"), png)
    for box, png in one.tried.candidates:
        place = f"{box.x}-{box.y}-{box.width}-{box.height}"
        write_private(anchor_file(folder, f"{one.window.name}.at-{place}"), png)
    file = anchor_file(folder, one.window.name)
    for kept, content in ((file.with_suffix(".tag"), one.tried.tag.encode()), (file, one.tried.anchor_png)):
        if content:
            write_private(kept, content)
        else:
            kept.unlink(missing_ok=True)


def _put_window(windows: Any, one: CalibratedWindow) -> None:
    window = one.window
    values: dict[str, object] = {name: getattr(window, name) for name in ("name", "profile", "title", "box")}
    if window.match_by is not MatchBy.TITLE:
        values["match_by"] = window.match_by.value
    table: Any = next((table for table in windows if table.get("name") == window.name), None)
    # Written as users would write it, then parsed: so it has their spaces and lines.
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


def _without_examples(windows: Any, agents: Any, desk: str, connected: Sequence[CalibratedWindow]) -> None:
    """Remove the demo's windows and agents, which a new home has as examples, once the user connects windows."""
    mine = {(one.window.name, one.window.profile) for one in connected}
    names = {one.agent.casefold() for one in connected}
    gone = {
        str(table.get("name"))
        for table in windows
        if str(table.get("profile", "")).startswith(DEMO)
        and "calibrated" not in table
        and (table.get("name"), table.get("profile")) not in mine
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
    """Return the value as users write it on one line of a file."""
    return tomlkit.parse(f"value = {_spelt(value)}")["value"]


def _spelt(value: object) -> str:
    if isinstance(value, Box):
        value = asdict(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_spelt(one)}" for key, one in cast("dict[str, object]", value).items())
        return f"{{ {inner} }}"
    return tomlkit.item(value).as_string()
