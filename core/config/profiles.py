"""Reads config/profiles/*.toml, and makes a profile whole with what was measured at a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import with_config

from core.config.profile_checks import AT_WORK, checked
from core.config.provenance import EVERY, MARKS, Kind, Wanted, merged, value_paths
from core.config.toml import TomlTable, read_folder
from core.config.validation import editor_schema, validate_partly
from core.kit.field_types import CHECKED, Limits, Text
from core.kit.problems import Problem, show, suggest
from core.profiles.model import AT, Habits, Normalise, PaneProfile, Profile

PROFILES = "config/profiles"
_FOR_WINDOWS = frozenset({"match_class", "composer", "paste", "selection", "readback"})
"""What a profile of a program that is only driven in panes need not say."""
_Words = Annotated[Text, Limits(min_length=1, max_length=500)]


@with_config(CHECKED)
@dataclass(frozen=True, slots=True, kw_only=True)
class _Consent:
    by: Annotated[Text, Limits(min_length=1, max_length=100)]  # Who said yes
    at: Annotated[Text, Limits(min_length=1, max_length=40)]  # When, in UTC


@with_config(CHECKED)
@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """How much is known of a profile's values."""

    disabled: _Words = ""  # Why this profile may not be used without its owner's yes
    enabled: _Consent | None = None  # Who said yes to that, and when
    sources: Mapping[str, _Words] = field(default_factory=dict[str, str])  # Where each value is known from, by its path
    calibrate: Mapping[str, _Words] = field(default_factory=dict[str, str])
    """What is measured at each user's own window, by its path, and what it is."""


def json_schema() -> dict[str, Any]:
    """Return what editors need to complete and check a profile."""
    found = editor_schema(Profile, "A profile of Octet: how one kind of window is driven")
    marks = editor_schema(_Marks, "")
    found["properties"] |= marks["properties"]
    found["$defs"] |= marks["$defs"]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFiles:
    """What the folder says."""

    profiles: Mapping[str, Profile]  # Those that need nothing measured any more
    kinds: Mapping[str, Kind]  # All whose file is right, also what is still to calibrate and what is disabled
    named: frozenset[str]  # The names of all files there, also of those that are wrong
    files: Mapping[str, TomlTable]
    folder: Path


def read_profiles(root: Path, problems: list[Problem]) -> ProfileFiles:
    """Return the profiles of the home `root`; what is wrong is added to `problems`."""
    files, _ = read_folder(root, PROFILES, problems)
    folder = root / PROFILES
    profiles: dict[str, Profile] = {}
    kinds: dict[str, Kind] = {}
    for name, file in files.items():
        kind = _kind(name, file)
        is_open = {one.path for one in kind.wanted() if one.is_needed}
        if "terminal" in file.data and not _FOR_WINDOWS & file.data.keys():
            is_open |= _FOR_WINDOWS  # a profile for panes alone: no window is driven by it
        profile = checked(name, file.with_data(kind.data), folder, {*is_open, *kind.calibrate.keys() & AT_WORK})
        if profile is not None:
            kinds[name] = kind
            if not is_open:
                profiles[name] = profile
    named = frozenset(path.stem for path in folder.glob("*.toml"))
    return ProfileFiles(profiles=profiles, kinds=kinds, named=named, files=files, folder=folder)


def at_window(files: ProfileFiles, kind: Kind, window: str, measured: TomlTable) -> Profile | None:
    """Return the profile of one window, called `window`, with what was measured there: a table of its desk's file."""
    return checked(f"{kind.name}{AT}{window}", measured.with_data(merged(kind.data, measured.data)), files.folder)


def complete(kind: Kind, measured: Mapping[str, object], folder: Path) -> Profile | tuple[str, ...]:
    """Return the whole profile with what was measured at a window that no desk has yet, or why there is none.

    `folder` is where the pictures of its dialogs are: config/profiles of the home."""
    if open_ := _still_open(kind.wanted(measured)):
        return open_
    whole = replace(kind.file, data=merged(kind.data, measured), problems=[])
    profile = checked(kind.name, whole, folder)
    return profile or tuple(f"{one.key}: {one.text}" for one in whole.problems)


def in_pane(kind: Kind, measured: Mapping[str, object] | None = None) -> PaneProfile | tuple[str, ...]:
    """Return how its program is driven in a terminal's pane, or why it cannot be."""
    if open_ := _still_open(kind.wanted(measured, in_pane=True)):
        return open_
    whole = replace(kind.file, data=merged(kind.data, measured or {}), problems=[])
    profile, _ = validate_partly(Profile, whole)
    if whole.problems:
        return tuple(f"{one.key}: {one.text}" for one in whole.problems)
    if profile.terminal is None:
        return ("it has no table [terminal], which says how its program looks on a screen",)
    habits: dict[str, Any] = {one.name: getattr(profile, one.name) for one in fields(Habits)}
    chords = {act: press for act, press in profile.all_acts.items() if press.chord}
    # Its program breaks lines as it likes, whatever a window of it does.
    habits |= {"name": kind.name, "normalise": Normalise.BLANKS, "acts": chords, "store_full_window": False}
    return PaneProfile(terminal=profile.terminal, **habits)


def _still_open(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    return tuple(f"{one.path} is still to calibrate: {one.what}" for one in wanted if one.is_needed)


def _kind(name: str, file: TomlTable) -> Kind:
    """Return what the file says about itself and its values."""
    marks, _ = validate_partly(_Marks, file.with_data({key: file.data[key] for key in MARKS if key in file.data}))
    sources, asked = (_words(file.table(key).data) for key in ("sources", "calibrate"))
    for table, said in (("sources", sources), ("calibrate", asked)):
        for path in said:
            if path not in value_paths() and not (path == EVERY and table == "sources"):
                text = f"{show(path)} is no value of a profile; {suggest(path, value_paths())}"
                file.report((table, path), "unknown_value", text)
    for path in asked.keys() & sources.keys():
        text = f"{show(path)} is known too, says [sources]; a value has one mark"
        file.report(("calibrate", path), "two_marks", text)
    yes = marks.enabled
    if isinstance(file.data.get("enabled"), dict) and "disabled" not in file.data:
        file.report(("enabled",), "not_disabled", "says yes to what is not disabled; remove this line")
    # Without a prompt no composer is found on a screen.
    screen = file.data.get("terminal")
    if isinstance(screen, dict) and "prompt" not in screen and "terminal.prompt" not in asked:
        text = "is missing: regular expression for what stands before the text in the composer"
        file.report(("terminal", "prompt"), "missing", text)
    return Kind(
        name=name,
        file=file,
        sources=sources,
        calibrate=asked,
        disabled="" if yes else marks.disabled,
        enabled=f"by {yes.by}, {yes.at}" if yes else "",
    )


def _words(table: Mapping[str, object]) -> dict[str, str]:
    return {key: value for key, value in table.items() if isinstance(value, str)}
