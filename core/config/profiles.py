"""Reads config/profiles/*.toml, and checks that each profile fits together with itself and with its windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from core.config.profile_checks import boxes, checked
from core.config.profile_schema import EVERY, PATHS, ProfileFileSchema, ProfileSchema
from core.config.provenance import NEEDED_IN_PANE, Kind, Wanted, merged, nested
from core.config.toml import TomlFile, read_folder
from core.config.validation import check
from core.kit.problems import Problem, show, suggest
from core.profiles.model import AT, Box, Profile
from core.profiles.panes import PaneProfile

PROFILES = "config/profiles"


_STAND_INS: Mapping[str, object] = {
    "match_class": "^stand-in$",
    "composer.box": {"x": -100_000, "y": -99_000, "width": 1, "height": 1},
    "composer.background": "#000000",
    "paste": "ctrl+v",
    "selection": "clipboard",
    "submit": "enter",
    "newline": "keep",
    "readback": "copy",
    "normalise": "raw",
    "clear": ["ctrl+a", "backspace"],
    "confirm": ["composer_empty"],
}
"""What stands in the place of a value that is still to calibrate while the rest of its profile is checked, and only
then: nothing is ever driven by it."""
_FOR_WINDOWS = frozenset(path.partition(".")[0] for path in _STAND_INS) - NEEDED_IN_PANE - {"confirm"}
"""What a profile of a program that is only driven in panes need not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFiles:
    """What the folder says."""

    profiles: Mapping[str, Profile]
    """Those that need nothing measured any more."""
    kinds: Mapping[str, Kind]
    """All whose file is right, also what is still to calibrate and what is disabled."""
    named: frozenset[str]
    """The names of all files there, also of those that are wrong."""
    files: Mapping[str, TomlFile]
    folder: Path

    def at_window(
        self, kind: Kind, window: str, measured: Mapping[str, object], part: TomlFile, problems: list[Problem]
    ) -> Profile | None:
        """The profile of one window, called `window`, with what was measured there: `part` of its desk's file."""
        whole = replace(part, data=merged(kind.data, measured))
        return checked(f"{kind.name}{AT}{window}", ProfileSchema, whole, self.folder, problems)

    def check_window(
        self, profile: Profile, window: Box, called: str, problems: list[Problem], file: TomlFile | None = None
    ) -> None:
        """What a profile looks at must lie inside each window that is driven by it; `called` names the window.

        `file` is where that stands, if not in the profile's own."""
        inside = Box(x=0, y=0, width=window.width, height=window.height)
        for path, box in boxes(profile).items():
            if not box.fits_into(inside):
                text = f"reaches beyond {called}, which is {window.width} × {window.height} pixels"
                problems.append((file or self.files[profile.name]).problem(path, text))


def read_profiles(root: Path, problems: list[Problem]) -> ProfileFiles:
    """The profiles of the home `root`; what is wrong is added to `problems`."""
    files, _ = read_folder(root, PROFILES, problems)
    folder = root / PROFILES
    profiles: dict[str, Profile] = {}
    kinds: dict[str, Kind] = {}
    for name, file in files.items():
        kind = _kind(name, file, problems)
        missing = {one.path for one in kind.wanted() if one.is_needed}
        _check_prompt(kind, problems)
        if "terminal" in file.data and not _FOR_WINDOWS & file.data.keys():
            missing |= _FOR_WINDOWS  # a profile for panes alone: no window is driven by it
        stand_ins = nested({path: value for path, value in _STAND_INS.items() if _is_in(path, missing)})
        whole = replace(file, data=merged(stand_ins, file.data))
        profile = checked(name, ProfileFileSchema, whole, folder, problems)
        if profile is not None:
            kinds[name] = kind
            if not missing:
                profiles[name] = profile
    named = frozenset(path.stem for path in folder.glob("*.toml"))
    return ProfileFiles(profiles=profiles, kinds=kinds, named=named, files=files, folder=folder)


def complete(kind: Kind, measured: Mapping[str, object], folder: Path) -> Profile | tuple[str, ...]:
    """The whole profile with what was measured at a window that no desk has yet, or why there is none.

    `folder` is where the pictures of its dialogs are: config/profiles of the home."""
    missing = _missing(kind.wanted(measured))
    if missing:
        return missing
    problems: list[Problem] = []
    whole = TomlFile(name=kind.file.name, data=merged(kind.data, measured), lines=kind.file.lines)
    profile = checked(kind.name, ProfileSchema, whole, folder, problems)
    return profile if profile is not None and not problems else tuple(f"{one.key}: {one.text}" for one in problems)


def in_pane(kind: Kind, measured: Mapping[str, object] | None = None) -> PaneProfile | tuple[str, ...]:
    """How its program is driven in a terminal's pane, or why it cannot be."""
    values = merged(kind.data, measured or {})
    missing = _missing(kind.wanted(measured, in_pane=True))
    if missing:
        return missing
    whole = merged(nested(_STAND_INS), values)
    parsed = check(ProfileSchema, whole, kind.file)
    if isinstance(parsed, list):
        return tuple(f"{one.key}: {one.text}" for one in parsed)
    pane = parsed.pane(kind.name)
    return pane if pane is not None else ("it has no table [terminal], which says how its program looks on a screen",)


def _check_prompt(kind: Kind, problems: list[Problem]) -> None:
    """Without it no composer is found on a screen; where it is still to calibrate only panes cannot be driven."""
    screen = kind.data.get("terminal")
    if isinstance(screen, dict) and "prompt" not in screen and "terminal.prompt" not in kind.calibrate:
        text = "is missing: regular expression for what stands before the text in the composer"
        problems.append(kind.file.problem(("terminal", "prompt"), text))


def _is_in(path: str, missing: AbstractSet[str]) -> bool:
    return path in missing or path.partition(".")[0] in missing


def _missing(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    return tuple(f"{one.path} is still to calibrate: {one.what}" for one in wanted if one.is_needed)


def _kind(name: str, file: TomlFile, problems: list[Problem]) -> Kind:
    """What the file says about itself and its values. What has another type is said by the schema."""
    sources, asked = _words(file.data.get("sources")), _words(file.data.get("calibrate"))
    for table, marks in (("sources", sources), ("calibrate", asked)):
        for path in marks:
            if path not in PATHS and not (path == EVERY and table == "sources"):
                text = f"{show(path)} is no value of a profile; {suggest(path, PATHS)}"
                problems.append(file.problem((table, path), text))
    for path in asked:
        if path in sources:
            text = f"{show(path)} is known too, says [sources]; a value has one mark"
            problems.append(file.problem(("calibrate", path), text))
    reason, yes = file.data.get("disabled"), file.data.get("enabled")
    said = _words(yes)
    if isinstance(yes, dict) and reason is None:
        problems.append(file.problem(("enabled",), "says yes to what is not disabled; remove this line"))
    enabled = f"by {said['by']}, {said['at']}" if {"by", "at"} <= said.keys() else ""
    return Kind(
        name=name,
        file=file,
        sources=sources,
        calibrate=asked,
        disabled=reason if isinstance(reason, str) and not enabled else "",
        enabled=enabled,
    )


def _words(given: object) -> dict[str, str]:
    table = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    return {key: value for key, value in table.items() if isinstance(value, str)}
