"""Reads config/desks/*.toml and config/profiles/*.toml into desks and profiles, and checks that they fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from core.config.desk_schemas import DeskSchema, PaneDeskSchema, PaneSchema, WindowSchema, published
from core.config.profiles import ProfileFiles, in_pane, read_profiles
from core.config.provenance import Kind, Wanted
from core.config.toml import TomlFile, TomlPart, read_folder
from core.config.validation import check
from core.desks.model import VIRTUAL, Desk, Virtual, Window
from core.kit.problems import KeyPath, Problem, known, show
from core.profiles.model import Box, Profile
from core.profiles.panes import PaneProfile

DESKS = "config/desks"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFiles:
    """What both folders say."""

    desks: tuple[Desk, ...]
    profiles: Mapping[str, Profile]
    """Those that are whole, also of single windows at which something was measured."""
    windows: Mapping[str, frozenset[str]] | None
    """Names of each desk's windows, also of those that are wrong elsewhere; None when a desk cannot be read at all."""
    kinds: Mapping[str, Kind]
    """Every file in config/profiles that is right in itself, also what is still to calibrate or disabled."""
    wanted: Mapping[tuple[str, str], tuple[Wanted, ...]]
    """By desk and window, what is needed there and still to calibrate."""
    measured: Mapping[tuple[str, str], Mapping[str, object]]
    """By desk and window, what was measured there, as its file has it; empty where nothing was."""
    panes: Mapping[str, PaneProfile]
    """What drives the panes of desks of terminals, by the names that those have for it."""
    terminals: frozenset[str]
    """The desks with [tmux], also those that are wrong elsewhere."""


def json_schema() -> dict[str, object]:
    """What editors need to complete and check a file in config/desks."""
    return published()


def read_desks(root: Path, problems: list[Problem]) -> DeskFiles:
    """The desks and profiles of the home `root`; what is wrong is added to `problems`."""
    known_profiles = read_profiles(root, problems)
    desk_files, desks_read = read_folder(root, DESKS, problems)
    desks: dict[str, Desk] = {}
    for name, file in desk_files.items():
        of_panes = "tmux" in file.data
        make = partial(_pane_desk, root=root) if of_panes else _desk
        if desk := make(name, file, known_profiles.named, problems):
            desks[name] = desk
    _check_displays(desks, desk_files, problems)
    profiles, wanted = dict(known_profiles.profiles), dict[tuple[str, str], tuple[Wanted, ...]]()
    panes: dict[str, PaneProfile] = {}
    measured: dict[tuple[str, str], Mapping[str, object]] = {}
    for name, desk in desks.items():
        if desk.tmux is not None:
            panes |= _pane_profiles(desk, desk_files[name], known_profiles, problems)
            continue
        windows = _Windows(desk=desk, file=desk_files[name], known=known_profiles, problems=problems)
        desks[name] = replace(desk, windows=tuple(windows.driven()))
        profiles |= windows.profiles
        wanted |= windows.wanted
        measured |= windows.measured
    _check_stop_keys(desks, profiles, desk_files, problems)
    names = {name: _window_names(file) for name, file in desk_files.items()}
    return DeskFiles(
        desks=tuple(desks.values()),
        profiles=profiles,
        windows=names if desks_read else None,
        kinds=known_profiles.kinds,
        wanted=wanted,
        measured=measured,
        panes=panes,
        terminals=frozenset(name for name, file in desk_files.items() if "tmux" in file.data),
    )


class _Windows:
    """The windows of one desk, each with the profile that drives it: that of its kind, or that with its own values."""

    def __init__(self, *, desk: Desk, file: TomlFile, known: ProfileFiles, problems: list[Problem]) -> None:
        self._desk = desk
        self._file = file
        self._known = known
        self._problems = problems
        self.profiles: dict[str, Profile] = {}
        """Those of single windows."""
        self.wanted: dict[tuple[str, str], tuple[Wanted, ...]] = {}
        """By desk and window, what is needed there and still to calibrate."""
        self.measured: dict[tuple[str, str], Mapping[str, object]] = {}
        """By desk and window, what was measured there."""

    def driven(self) -> Iterator[Window]:
        """Each window with the name of its profile."""
        tables = cast("list[Mapping[str, object]]", self._file.data.get("windows", []))
        places = {str(table.get("name")): index for index, table in enumerate(tables) if isinstance(table, dict)}
        for window in self._desk.windows:
            measured = cast("dict[str, object]", tables[places[window.name]].get("calibrated", {}))
            self.measured[self._desk.name, window.name] = measured
            yield self._driven(window, ("windows", places[window.name]), measured)

    def _driven(self, window: Window, at: KeyPath, measured: dict[str, object]) -> Window:
        kind = self._known.kinds.get(window.profile)
        if kind is None:
            return window  # its file is wrong, or missing: that is said already
        self._check_allowed(kind, at)
        missing = tuple(one for one in kind.wanted(measured) if one.is_needed)
        if missing:
            self.wanted[self._desk.name, window.name] = missing
            text = (
                f"{show(kind.name)} leaves {_listed([one.path for one in missing])} to be measured at this window; "
                f"`octet calibrate {self._desk.name} {window.name}` does that with you"
            )
            self._problems.append(self._file.problem((*at, "profile"), text))
            return window
        called, part = f"window {show(window.name)} of desk {show(self._desk.name)}", None
        profile = self._known.profiles.get(kind.name)
        if measured:
            own = f"{self._desk.name}.{window.name}"
            part = TomlPart(name=self._file.name, data=measured, of=self._file, at=(*at, "calibrated"))
            profile = self._known.at_window(kind, own, measured, part, self._problems)
            if profile is not None:
                self.profiles[profile.name] = profile
        if profile is None:
            return window
        self._known.check_window(profile, window.box, called, self._problems, part)
        return replace(window, profile=profile.name)

    def _check_allowed(self, kind: Kind, at: KeyPath) -> None:
        if kind.disabled:
            text = f"{show(kind.name)} is disabled: {kind.disabled} `octet profile enable {kind.name}` asks you once"
            self._problems.append(self._file.problem((*at, "profile"), text))


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _window_names(file: TomlFile) -> frozenset[str]:
    listed = file.data.get("windows")
    tables = cast("list[object]", listed) if isinstance(listed, list) else []
    names = [cast("dict[str, object]", table).get("name") for table in tables if isinstance(table, dict)]
    return frozenset(name for name in names if isinstance(name, str))


def _desk(name: str, file: TomlFile, profiles: frozenset[str], problems: list[Problem]) -> Desk | None:
    data = dict(file.data)
    if "virtual" in data:
        if "display" in data:
            text = "a desk with [virtual] gets a display of its own; remove this line, or that table"
            problems.append(file.problem(("display",), text))
        data["display"] = ":0"  # any: which one it gets is known once it is up
    parsed = check(DeskSchema, data, file)
    listed = file.data.get("windows")
    windows = _windows(file, cast("list[object]", listed) if isinstance(listed, list) else [], profiles, problems)
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    virtual = parsed.virtual.model() if parsed.virtual else None
    if virtual is not None:
        _check_on_display(file, windows, virtual, problems)
    return Desk(
        name=name,
        display=parsed.display if virtual is None else VIRTUAL,
        windows=tuple(windows.values()),
        virtual=virtual,
        user_activity=parsed.user_activity.model(),
        block_user_input=parsed.block_user_input,
    )


def _pane_desk(
    name: str, file: TomlFile, profiles: frozenset[str], problems: list[Problem], *, root: Path
) -> Desk | None:
    """A desk whose windows are panes of tmux."""
    for key in ("display", "virtual"):
        if key in file.data:
            text = f"a desk with [tmux] has no display; remove {'this line' if key == 'display' else 'that table'}"
            problems.append(file.problem((key,), text))
    parsed = check(
        PaneDeskSchema, {key: file.data[key] for key in file.data if key not in {"display", "virtual"}}, file
    )
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    windows: dict[str, Window] = {}
    for index, table in enumerate(parsed.windows):
        pane = check(PaneSchema, table, file, ("windows", index))
        profile = table.get("profile")
        if isinstance(profile, str) and profile not in profiles:
            text = f"there is no profile {show(profile)}; {known(profiles)}"
            problems.append(file.problem(("windows", index, "profile"), text))
        if isinstance(pane, list):
            problems.extend(pane)
            continue
        _check_pane(file, index, pane, has_own_server=not parsed.tmux.socket, problems=problems)
        other = windows.setdefault(pane.name.casefold(), pane.model(root))
        if other.name != pane.name or other != pane.model(root):
            text = f"{show(pane.name)} is the name of another pane too; names must differ in more than case"
            problems.append(file.problem(("windows", index, "name"), text))
    # Two homes, and two desks of one, have servers of their own; a home that moved to another folder has a new one.
    home = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:6]
    tmux = parsed.tmux.model(f"octet-{home}-{name}")
    return Desk(
        name=name,
        display=f"tmux {tmux.socket or tmux.server}",
        windows=tuple(windows.values()),
        user_activity=parsed.user_activity.model(),
        block_user_input=False,
        tmux=tmux,
    )


def _check_pane(file: TomlFile, index: int, pane: PaneSchema, *, has_own_server: bool, problems: list[Problem]) -> None:
    at = ("windows", index)
    if bool(pane.program) == bool(pane.pane):
        text = 'needs either a program, which Octet keeps running, or the pane of yours that it is, such as "work:1.0"'
        problems.append(file.problem(at, text))
    elif pane.pane and has_own_server:
        text = "is a pane of yours, but [tmux] names no socket: `tmux display -p '#{socket_path}'` tells yours"
        problems.append(file.problem((*at, "pane"), text))


def _pane_profiles(desk: Desk, file: TomlFile, files: ProfileFiles, problems: list[Problem]) -> dict[str, PaneProfile]:
    """What drives each pane of this desk."""
    tables = cast("list[Mapping[str, object]]", file.data.get("windows", []))
    places = {str(table.get("name")): index for index, table in enumerate(tables)}
    found: dict[str, PaneProfile] = {}
    for window in desk.windows:
        kind, at = files.kinds.get(window.profile), ("windows", places[window.name], "profile")
        if kind is None:
            continue  # its file is wrong, or missing: that is said already
        if kind.disabled:
            text = f"{show(kind.name)} is disabled: {kind.disabled} `octet profile enable {kind.name}` asks you once"
            problems.append(file.problem(at, text))
        profile = in_pane(kind)
        if isinstance(profile, PaneProfile):
            found[window.profile] = profile
        else:
            problems.append(file.problem(at, f"{show(kind.name)} cannot be used in a pane: {'; '.join(profile)}"))
    return found


def _check_on_display(file: TomlFile, windows: Mapping[int, Window], virtual: Virtual, problems: list[Problem]) -> None:
    """A window's place must lie wholly on its display, whose size is known here."""
    for index, window in windows.items():
        if not window.box.fits_into(Box(x=0, y=0, width=virtual.width, height=virtual.height)):
            text = f"reaches beyond the display, which is {virtual.width} × {virtual.height} pixels"
            problems.append(file.problem(("windows", index, "box"), text))


def _windows(
    file: TomlFile, listed: list[object], profiles: frozenset[str], problems: list[Problem]
) -> dict[int, Window]:
    windows: dict[int, Window] = {}
    names: dict[str, int] = {}
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict):
            continue  # the desk's schema says so
        table = cast("dict[str, object]", entry)
        parsed = check(WindowSchema, table, file, ("windows", index))
        profile, name = table.get("profile"), table.get("name")
        if isinstance(profile, str) and profile not in profiles:
            text = f"there is no profile {show(profile)}; {known(profiles)}"
            problems.append(file.problem(("windows", index, "profile"), text))
        if isinstance(name, str) and names.setdefault(name.casefold(), index) != index:
            first = names[name.casefold()]
            text = f"{show(name)} is the name of windows[{first}] too; names must differ in more than case"
            problems.append(file.problem(("windows", index, "name"), text))
        if isinstance(parsed, list):
            problems.extend(parsed)
            continue
        window = parsed.model()
        for other in windows.values():
            if window.box.overlaps(other.box):
                text = f"lies over the window {show(other.name)}; a covered window cannot be used, so move one of them"
                problems.append(file.problem(("windows", index, "box"), text))
        windows[index] = window
    return windows


def _check_displays(desks: Mapping[str, Desk], files: Mapping[str, TomlFile], problems: list[Problem]) -> None:
    """A display has one pair of hands, so it belongs to one desk."""
    owners: dict[str, str] = {}
    for name, desk in desks.items():
        if desk.virtual:
            continue
        if desk.tmux is not None:
            owner = owners.setdefault(desk.display, name)
            if owner != name:
                text = f"is the server of desk {show(owner)} too; put all its panes on one desk"
                problems.append(files[name].problem(("tmux", "socket"), text))
            continue
        host, _, number = desk.display.partition(":")
        owner = owners.setdefault(f"{host}:{int(number.partition('.')[0])}", name)
        if owner != name:
            text = f"{show(desk.display)} is the display of desk {show(owner)} too; put all its windows on one desk"
            problems.append(files[name].problem(("display",), text))


def _check_stop_keys(
    desks: Mapping[str, Desk], profiles: Mapping[str, Profile], files: Mapping[str, TomlFile], problems: list[Problem]
) -> None:
    """What stops a desk may be nothing that Octet itself presses there: it would stop itself."""
    for desk in desks.values():
        for place, chord in enumerate(desk.user_activity.kill_switch_keys):
            for name in sorted({window.profile for window in desk.windows}):
                profile = profiles.get(name)
                if profile is not None and chord in profile.chords():
                    text = f"{show(chord)} is a chord that Octet presses in windows of profile {show(name)}"
                    problems.append(files[desk.name].problem(("user_activity", "kill_switch_keys", place), text))
