"""Reads config/desks/*.toml and config/profiles/*.toml into desks and profiles, and checks that they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.desks._schemas import DeskSchema, WindowSchema
from core.desks.model import VIRTUAL, Desk, Virtual, Window
from core.kit.problems import Problem, known, show
from core.kit.schemas import check
from core.kit.toml import TomlFile, read_folder
from core.profiles.config import ProfileFiles, read_profiles
from core.profiles.model import Box, Profile

DESKS = "config/desks"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFiles:
    """What both folders say."""

    desks: tuple[Desk, ...]
    profiles: Mapping[str, Profile]
    windows: Mapping[str, frozenset[str]] | None
    """Names of each desk's windows, also of those that are wrong elsewhere; None when a desk cannot be read at all."""


def read_desks(root: Path, problems: list[Problem]) -> DeskFiles:
    """The desks and profiles of the home `root`; what is wrong is added to `problems`."""
    known_profiles = read_profiles(root, problems)
    desk_files, desks_read = read_folder(root, DESKS, problems)
    desks: dict[str, Desk] = {}
    for name, file in desk_files.items():
        desk = _desk(name, file, known_profiles.named, problems)
        if desk:
            desks[name] = desk
    _check_displays(desks, desk_files, problems)
    _check_boxes_inside(desks, known_profiles, problems)
    _check_stop_keys(desks, known_profiles.profiles, desk_files, problems)
    windows = {name: _window_names(file) for name, file in desk_files.items()}
    return DeskFiles(
        desks=tuple(desks.values()), profiles=known_profiles.profiles, windows=windows if desks_read else None
    )


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
    manners, virtual = parsed.manners.model(), parsed.virtual.model() if parsed.virtual else None
    if virtual is None:
        return Desk(
            name=name, display=parsed.display, windows=tuple(windows.values()), manners=manners, hold=parsed.hold
        )
    _check_on_display(file, windows, virtual, problems)
    return Desk(
        name=name, display=VIRTUAL, windows=tuple(windows.values()), virtual=virtual, manners=manners, hold=False
    )


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
        for place, chord in enumerate(desk.manners.stop_keys):
            for name in sorted({window.profile for window in desk.windows}):
                profile = profiles.get(name)
                if profile is not None and chord in profile.chords():
                    text = f"{show(chord)} is a chord that Octet presses in windows of profile {show(name)}"
                    problems.append(files[desk.name].problem(("manners", "stop_keys", place), text))


def _check_boxes_inside(desks: Mapping[str, Desk], profiles: ProfileFiles, problems: list[Problem]) -> None:
    for desk in desks.values():
        for window in desk.windows:
            if (profile := profiles.profiles.get(window.profile)) is not None:
                called = f"window {show(window.name)} of desk {show(desk.name)}"
                profiles.check_window(profile, window.box, called, problems)
