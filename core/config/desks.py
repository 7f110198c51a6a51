"""Reads config/desks/*.toml, and checks that desks, windows and profiles fit together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from core.config.profile_checks import check_fits
from core.config.profiles import Kind, ProfileFiles, at_window, in_pane, read_profiles
from core.config.toml import TomlTable, read_folder
from core.config.validation import editor_schema, hints_of, missing, refuse_keys, validate, validate_partly
from core.desks.model import DESK_KINDS, NOWHERE, Desk, DeskKind, Pane, Window
from core.kit.problems import Problem, show, suggest
from core.profiles.model import Act, Box, PaneProfile, Profile

DESKS = "config/desks"
MOST_WINDOWS = 500
_OF_WINDOWS = ("title", "box", "match_by", "calibrated")
_OF_PANES = ("program", "directory", "pane")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFiles:
    """What both folders say."""

    kinds: Mapping[str, Kind]  # Every file in config/profiles that is valid, also if it is incomplete or disabled
    profiles: dict[str, Profile]  # Those that are whole, also of single windows at which something was measured
    windows: Mapping[str, frozenset[str]] | None  # Names of each desk's windows; None if a desk is unreadable
    desk_kinds: Mapping[str, DeskKind]  # Of each desk, also of those that are wrong elsewhere
    desks: tuple[Desk, ...] = ()
    measured: dict[tuple[str, str], Mapping[str, object]] = field(
        default_factory=dict[tuple[str, str], Mapping[str, object]]
    )
    """By desk and window, what was measured there, as its file has it; empty where nothing was."""
    panes: dict[str, PaneProfile] = field(default_factory=dict[str, PaneProfile])  # Profiles of panes, by name

    def acts_at(self, desk: object, window: object) -> Collection[Act] | None:
        """Return what can be pressed in this window or pane, also in its dialogs; None where its profile is unknown."""
        here = (one for place in self.desks if place.name == desk for one in place.windows if one.name == window)
        found = next(here, None)
        if found is None:
            return None
        if found.pane is not None and (pane := self.panes.get(found.profile)):
            return frozenset(pane.acts).union(*(dialog.acts for dialog in pane.terminal.dialogs))
        profile = self.profiles.get(found.profile)
        return frozenset(profile.acts).union(*(dialog.acts for dialog in profile.dialogs)) if profile else None


def json_schema() -> dict[str, Any]:
    """Return what editors need to complete and check a file in config/desks, with the keys of windows and panes."""
    desk = editor_schema(Desk, "A desk of Octet: one display and the windows on it")
    window, pane, profile = (editor_schema(one, "") for one in (Window, Pane, Profile))
    for one in (desk, window, pane, profile):
        desk["$defs"] |= one.pop("$defs", {})
    window["properties"] |= pane["properties"]
    window["properties"]["calibrated"] = {"$ref": "#/$defs/Profile"}
    desk["$defs"] |= {"Window": window, "Profile": profile}
    desk["properties"]["windows"] = {"type": "array", "items": {"$ref": "#/$defs/Window"}}
    return desk


def read_desks(root: Path, problems: list[Problem]) -> DeskFiles:
    """Return the desks and profiles of the home `root`; add each problem to `problems`."""
    profiles = read_profiles(root, problems)
    files, are_all_read = read_folder(root, DESKS, problems)
    named = {name: [one.data.get("name") for one in file.tables("windows").values()] for name, file in files.items()}
    names = {name: frozenset(one for one in listed if isinstance(one, str)) for name, listed in named.items()}
    found = DeskFiles(
        kinds=profiles.kinds,
        profiles=dict(profiles.profiles),
        windows=names if are_all_read else None,
        desk_kinds={name: _kind(file) for name, file in files.items()},
    )
    desks: dict[str, Desk] = {}
    for name, file in files.items():
        windows = _windows(name, file, profiles, found)
        if desk := _desk(name, file, root):
            desks[name] = replace(desk, windows=tuple(windows.values()))
            if (own := desk.virtual) is None:
                continue
            for place, window in windows.items():
                if not window.box.fits_into(Box(x=0, y=0, width=own.width, height=own.height)):
                    text = f"reaches beyond the display, which is {own.width} × {own.height} pixels"
                    file.report(("windows", place, "box"), "outside", text)
    _check_displays(desks, files)
    for desk in desks.values():
        _check_kill_switch(desk, found.profiles, files[desk.name])
    return replace(found, desks=tuple(desks.values()))


def _kind(file: TomlTable) -> DeskKind:
    return next(kind for kind in DESK_KINDS if not kind.table or kind.table in file.data)


def _desk(name: str, file: TomlTable, root: Path) -> Desk | None:
    before, kind = len(file.problems), _kind(file)
    for key in kind.without:
        if key in file.data:
            text = f"a desk with [{kind.table}] {kind.has}; remove `{key}`, or [{kind.table}]"
            file.report((key,), "other_display", text)
    desk, _ = validate_partly(Desk, file.without("windows", *kind.without))
    if "display" not in {*kind.without, *file.data}:
        file.report(("display",), "missing", missing(Desk, ("display",)))
    listed = file.data.get("windows", [])
    if not isinstance(listed, list):
        file.report(("windows",), "tuple_type", f"must be a list, not {show(listed)}")
    elif len(entries := cast("list[object]", listed)) > MOST_WINDOWS:
        file.report(("windows",), "too_long", f"must have at most {MOST_WINDOWS} entries")
    else:
        for place, entry in enumerate(entries):
            if not isinstance(entry, dict):
                file.report(("windows", place), "dict_type", f"must be a table, not {show(entry)}")
    if len(file.problems) > before:
        return None
    desk = replace(desk, name=name, display=kind.table or desk.display)  # Octet knows a virtual one once it is up
    if (tmux := desk.tmux) is None:
        return desk
    # Each desk of each home has a separate server; a home that moved to another folder has a new one.
    home = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:6]
    tmux = replace(tmux, server=f"octet-{home}-{name}")
    return replace(desk, display=f"tmux {tmux.socket or tmux.server}", block_user_input=False, tmux=tmux)


def _no_profile(name: str, file: TomlTable, files: ProfileFiles) -> str:
    more = sum(table.data.get("profile") == name for table in file.tables("windows").values()) - 1
    also = f" (and {more} more {'window names' if more == 1 else 'windows name'} it)" if more else ""
    return f"there is no profile {show(name)}{also}; {suggest(name, files.named)}"


def _windows(desk: str, file: TomlTable, files: ProfileFiles, found: DeskFiles) -> dict[int, Window]:
    """Return the windows of a desk that are right, by their places, each with the profile that drives it."""
    windows: dict[int, Window] = {}
    names: dict[str, int] = {}
    unknown = set[str]()
    for place, table in file.tables("windows").items():
        profile, name = table.data.get("profile"), table.data.get("name")
        if isinstance(profile, str) and profile not in files.named:
            if profile not in unknown:  # one line for all windows that name it
                table.report(("profile",), "unknown_profile", _no_profile(profile, file, files))
            unknown.add(profile)
        if isinstance(name, str) and (first := names.setdefault(name.casefold(), place)) != place:
            text = f"{show(name)} is also the name of windows[{first}] too; names must differ in more than case"
            table.report(("name",), "same_name", text)
        window = _pane(file, table, files.root) if found.desk_kinds[desk].has_panes else _window(table)
        if window is None:
            continue
        for other in windows.values():
            if window.box.overlaps(other.box):
                text = f"covers the window {show(other.name)}; move one of them"
                table.report(("box",), "overlap", text)
        windows[place] = _driven(desk, window, table, files, found)
    return windows


def _window(table: TomlTable) -> Window | None:
    refuse_keys(table, _OF_PANES, [*hints_of(Window), "calibrated"])
    before, measured = len(table.problems), table.data.get("calibrated", {})
    if not isinstance(measured, dict):
        table.report(("calibrated",), "dict_type", f"must be a table, not {show(measured)}")
    window = validate(Window, table.without(*_OF_PANES, "calibrated"))
    for key in ("title", "box"):
        if key not in table.data:
            table.report((key,), "missing", missing(Window, (key,)))
    return window if len(table.problems) == before else None


def _pane(file: TomlTable, table: TomlTable, home: Path) -> Window | None:
    before = len(table.problems)
    refuse_keys(table, _OF_WINDOWS, ["name", "profile", *_OF_PANES])
    window = validate(Window, table.without(*_OF_WINDOWS, *_OF_PANES))
    pane = validate(Pane, table.with_data({key: table.data[key] for key in _OF_PANES if key in table.data}))
    if window is None or pane is None or len(table.problems) > before:
        return None
    if bool(pane.program) == bool(pane.target):
        text = 'needs a program, which Octet keeps running, or a pane of yours, such as "work:1.0"'
        table.report((), "not_one", text)
    elif pane.target and not file.table("tmux").data.get("socket"):
        text = "is a pane of yours, but [tmux] names no socket: `tmux display -p '#{socket_path}'` prints yours"
        table.report(("pane",), "no_socket", text)
    if len(table.problems) > before:
        return None
    folder = str((home / Path(pane.directory).expanduser()).resolve())
    return replace(window, title="", box=NOWHERE, pane=replace(pane, directory=folder))


def _driven(desk: str, window: Window, table: TomlTable, files: ProfileFiles, found: DeskFiles) -> Window:
    """Return the window with the name of its profile: that of its kind, or that with its own values."""
    kind = files.kinds.get(window.profile)
    measured = table.table("calibrated")
    if window.pane is None:
        found.measured[desk, window.name] = measured.data
    if kind is None:
        return window  # its file is wrong or missing, which is reported already
    if kind.disabled:
        text = f"{show(kind.name)} is disabled: {kind.disabled} `octet profile enable {kind.name}` asks you once"
        table.report(("profile",), "disabled", text)
    if window.pane is not None:
        pane = in_pane(kind)
        if isinstance(pane, PaneProfile):
            found.panes[window.profile] = pane
        else:
            text = f"{show(kind.name)} does not work in a pane: {'; '.join(pane)}"
            table.report(("profile",), "not_for_panes", text)
        return window
    if open_ := [one.path for one in kind.wanted(measured.data) if one.is_needed]:
        listed = " and ".join(filter(None, (", ".join(open_[:-1]), open_[-1])))
        text = (
            f"{show(kind.name)} leaves {listed} to be measured at this window; "
            f"`octet calibrate {desk} {window.name}` does that with you"
        )
        table.report(("profile",), "to_calibrate", text)
        return window
    called, at = f"window {show(window.name)} of desk {show(desk)}", files.files[kind.name]
    profile = files.profiles.get(kind.name)
    if measured.data:
        profile, at = at_window(kind, f"{desk}.{window.name}", measured), measured
    if profile is None:
        return window
    found.profiles[profile.name] = profile
    check_fits(profile, window.box, called, at)
    return replace(window, profile=profile.name)


def _check_displays(desks: Mapping[str, Desk], files: Mapping[str, TomlTable]) -> None:
    """Check that each display belongs to one desk: it has one keyboard and one pointer."""
    owners: dict[str, str] = {}
    for name, desk in desks.items():
        display = re.sub(r"^([^ :]*):0*(\d+)(\.\d+)?$", r"\1:\2", desk.display)  # `:0.1` is a screen of `:0`
        if desk.kind.owns and (owner := owners.setdefault(display, name)) != name:
            text = f"{show(desk.display)} belongs to desk {show(owner)}, too; put all its windows on one desk"
            files[name].report(desk.kind.owns, "same_display", text)


def _check_kill_switch(desk: Desk, profiles: Mapping[str, Profile], file: TomlTable) -> None:
    for place, chord in enumerate(desk.user_activity.kill_switch_keys):
        for name in sorted({window.profile for window in desk.windows}):
            profile = profiles.get(name)
            if profile is not None and chord in profile.chords():
                text = f"{show(chord)} is also a chord that Octet presses in windows of profile {show(name)}"
                file.report(("user_activity", "kill_switch_keys", place), "kill_switch_pressed", text)
