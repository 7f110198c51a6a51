"""Reads config/profiles/*.toml: the values of each profile, their sources, and what is measured at each window.
Completes a profile with measured values, and enables one that ships disabled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, cast

from core.config.profile_checks import AT_WORK, NEEDED, NEEDED_IN_PANE, checked
from core.config.toml import TomlTable, read_folder
from core.config.validation import editor_schema, hints_of, validate_partly
from core.home import Home
from core.journal.model import Event
from core.kit.clock import as_datetime
from core.kit.field_types import Limits, Text, config_table
from core.kit.files import write_whole
from core.kit.problems import Problem, show, suggest
from core.profiles.model import (
    AT,
    Act,
    Box,
    Composer,
    Habits,
    Normalise,
    PaneProfile,
    Profile,
    StateSigns,
    Terminal,
    Transcript,
)
from core.remedies import refused

PROFILES = "config/profiles"
_FOR_WINDOWS = frozenset({"match_class", "composer", "paste", "selection", "readback"})
"""What a profile of a program that is only driven in panes need not say."""
_Words = Annotated[Text, Limits(min_length=1, max_length=500)]
TABLES: Mapping[str, Iterable[str]] = {
    "composer": hints_of(Composer),
    "busy": hints_of(StateSigns),
    "idle": hints_of(StateSigns),
    "transcript": hints_of(Transcript),
    "acts": tuple(act.value for act in Act if act is not Act.NEW_CHAT),
    "terminal": hints_of(Terminal),
}
"""Tables of a profile whose keys are single values; every other table is one value."""
EVERY = "*"  # In [sources]: all values without a mark.


@config_table
class _Consent:
    by: Annotated[Text, Limits(min_length=1, max_length=100)]  # Who said yes
    at: Annotated[Text, Limits(min_length=1, max_length=40)]  # When, in UTC


@config_table
class _Marks:
    """How much is known of a profile's values."""

    disabled: _Words = ""  # Why this profile may not be used without its owner's yes
    enabled: _Consent | None = None  # Who said yes to that, and when
    sources: Mapping[str, _Words] = field(default_factory=dict[str, str])  # Where each value is known from, by its path
    calibrate: Mapping[str, _Words] = field(default_factory=dict[str, str])
    """What is measured at each user's own window, by its path, and what it is."""


_MARKS = frozenset(hints_of(_Marks))  # what a profile's file says about itself and its values


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A value that is still to calibrate."""

    path: str  # `composer.box`
    what: str  # What it is, in words for people
    is_needed: bool  # Whether nothing can be brought there without it. The others leave one thing unknown each.


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One file of config/profiles: a profile, whole or with values still to calibrate."""

    name: str
    file: TomlTable
    sources: Mapping[str, str] = field(default_factory=dict[str, str])  # Where a value comes from, by path
    calibrate: Mapping[str, str] = field(default_factory=dict[str, str])  # What to measure, by path
    disabled: str = ""  # Why it may not be used until its owner has said yes to that; empty: it may be.
    enabled: str = ""  # Who said yes to that, and when

    @property
    def data(self) -> dict[str, object]:
        return dict(self.file.without(*_MARKS).data)

    def wanted(self, measured: Mapping[str, object] | None = None, *, in_pane: bool = False) -> tuple[Wanted, ...]:
        """Return the values to calibrate that neither the file nor `measured` (a window's `[windows.calibrated]`) has,
        the needed first. A pane needs other values than a window."""
        given = {path for path, _ in leaves(merged(self.data, measured or {}))}
        needed = NEEDED_IN_PANE if in_pane else NEEDED
        open_ = [
            Wanted(path=path, what=what, is_needed=path in needed)
            for path, what in self.calibrate.items()
            if not any(one == path or one.startswith(f"{path}.") for one in given)
        ]
        return tuple(sorted(open_, key=lambda one: not one.is_needed))


@cache
def value_paths() -> frozenset[str]:
    """Return every value that a profile can have, by its path."""
    return frozenset(hints_of(Profile)) | {f"{table}.{key}" for table, keys in TABLES.items() for key in keys}


def leaves(data: Mapping[str, object], under: str = "") -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        path = f"{under}{key}"
        if not under and key in TABLES and isinstance(value, dict):
            yield from leaves(cast("dict[str, object]", value), f"{path}.")
        else:
            yield path, value


def merged(profile: Mapping[str, object], measured: Mapping[str, object]) -> dict[str, object]:
    """Return the profile's values with the measured ones: tables key by key, all else whole. A window whose composer
    was measured has the anchor that was found there, or none."""
    found = dict(profile)
    composer = measured.get("composer")
    if isinstance(composer, dict) and "box" in composer:
        found.pop("anchor", None)
    for key, value in measured.items():
        before = found.get(key)
        if key in TABLES and isinstance(value, dict) and isinstance(before, dict):
            found[key] = {**cast("dict[str, object]", before), **cast("dict[str, object]", value)}
        else:
            found[key] = value
    return found


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by their paths as the tables of a file: `[windows.calibrated]`, or a profile."""
    found: dict[str, object] = {}
    for path, value in values.items():
        table, _, key = path.rpartition(".")
        holder = cast("dict[str, object]", found.setdefault(table, {})) if table else found
        holder[key] = asdict(value) if isinstance(value, Box) else value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEnabled(Event):
    """A user enabled a profile that ships disabled."""

    SUBJECT = "profile:{0.profile}"
    profile: str
    who: str


def json_schema() -> dict[str, Any]:
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
    root: Path  # the home


def read_profiles(root: Path, problems: list[Problem]) -> ProfileFiles:
    """Return the profiles of the home `root`; add what is wrong to `problems`."""
    files, _ = read_folder(root, PROFILES, problems)
    profiles: dict[str, Profile] = {}
    kinds: dict[str, Kind] = {}
    for name, file in files.items():
        kind = _kind(name, file)
        is_open = {one.path for one in kind.wanted() if one.is_needed}
        if "terminal" in file.data and not _FOR_WINDOWS & file.data.keys():
            is_open |= {*_FOR_WINDOWS, "normalise", "confirm"}  # a profile for panes only
        profile = checked(name, file.with_data(kind.data), {*is_open, *kind.calibrate.keys() & AT_WORK})
        if profile is not None:
            kinds[name] = kind
            if not is_open:
                profiles[name] = profile
    named = frozenset(path.stem for path in (root / PROFILES).glob("*.toml"))
    return ProfileFiles(profiles=profiles, kinds=kinds, named=named, files=files, root=root)


def at_window(kind: Kind, window: str, measured: TomlTable) -> Profile | None:
    """Return the profile of one window with what was measured there, a table of its desk's file."""
    return checked(f"{kind.name}{AT}{window}", measured.with_data(merged(kind.data, measured.data)))


def complete(kind: Kind, measured: Mapping[str, object]) -> Profile | tuple[str, ...]:
    """Return the profile with what was measured at a new window, or why it is incomplete."""
    if open_ := _still_open(kind.wanted(measured)):
        return open_
    whole = replace(kind.file, data=merged(kind.data, measured), problems=[])
    profile = checked(kind.name, whole)
    return profile or tuple(f"{one.key}: {one.text}" for one in whole.problems)


def in_pane(kind: Kind) -> PaneProfile | tuple[str, ...]:
    """Return how Octet drives its program in a pane, or why it cannot."""
    if open_ := _still_open(kind.wanted(in_pane=True)):
        return open_
    whole = replace(kind.file, data=kind.data, problems=[])
    profile, _ = validate_partly(Profile, whole)
    if whole.problems:
        return tuple(f"{one.key}: {one.text}" for one in whole.problems)
    if profile.terminal is None:
        return ("it has no table [terminal], which describes its program's screen",)
    habits: dict[str, Any] = {one.name: getattr(profile, one.name) for one in fields(Habits)}
    chords = {act: press for act, press in profile.all_acts.items() if press.chord}
    # In a pane its program breaks lines as it likes.
    habits |= {"name": kind.name, "normalise": Normalise.BLANKS, "acts": chords, "store_full_window": False}
    return PaneProfile(terminal=profile.terminal, **habits)


def _still_open(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    return tuple(f"{one.path} is still to calibrate: {one.what}" for one in wanted if one.is_needed)


def _kind(name: str, file: TomlTable) -> Kind:
    marks, _ = validate_partly(_Marks, file.with_data({key: file.data[key] for key in _MARKS if key in file.data}))
    tables = (file.table(key).data for key in ("sources", "calibrate"))
    sources, asked = ({path: text for path, text in one.items() if isinstance(text, str)} for one in tables)
    for table, values in (("sources", sources), ("calibrate", asked)):
        for path in values:
            if path not in value_paths() and not (path == EVERY and table == "sources"):
                text = f"{show(path)} is not a key of a profile; {suggest(path, value_paths())}"
                file.report((table, path), "unknown_value", text)
    for path in asked.keys() & sources.keys():
        text = f"{show(path)} is also in `known` of [sources]; a value has one mark"
        file.report(("calibrate", path), "two_marks", text)
    yes = marks.enabled
    if isinstance(file.data.get("enabled"), dict) and "disabled" not in file.data:
        file.report(("enabled",), "not_disabled", "enables a profile that is not disabled; remove this line")
    # Without a prompt no composer is found on a screen.
    screen = file.data.get("terminal")
    if isinstance(screen, dict) and "prompt" not in screen and "terminal.prompt" not in asked:
        text = "is missing: a regular expression for the sign before the text in the composer"
        file.report(("terminal", "prompt"), "missing", text)
    return Kind(
        name=name,
        file=file,
        sources=sources,
        calibrate=asked,
        disabled="" if yes else marks.disabled,
        enabled=f"by {yes.by}, {yes.at}" if yes else "",
    )


def disabled_kind(home: Home, name: str) -> Kind:
    """Return this disabled profile. Raises profile_not_found, profile_wrong or profile_not_disabled."""
    problems: list[Problem] = []
    files = read_profiles(home.root, problems)
    if name not in files.named:
        raise refused("profile_not_found", id=name, known=suggest(name, files.named))
    wrong = [str(one) for one in problems if one.file == f"{PROFILES}/{name}.toml"]
    if wrong or name not in files.kinds:
        raise refused("profile_wrong", id=name, why="; ".join(wrong) or "it cannot be read")
    kind = files.kinds[name]
    if not kind.disabled:
        raise refused("profile_not_disabled", id=name, why=f" (enabled {kind.enabled})" if kind.enabled else "")
    return kind


def enable(home: Home, name: str, *, who: str, now_ms: int) -> ProfileEnabled:
    """Write into the profile's file that `who` enabled it, change nothing else, and return the event for the journal.
    Raises as `disabled_kind`, and profile_not_writable."""
    disabled_kind(home, name)
    at = f"{as_datetime(now_ms):%Y-%m-%dT%H:%M:%SZ}"
    file = home.root / PROFILES / f"{name}.toml"
    account = json.dumps("".join(filter(str.isprintable, who))[:100], ensure_ascii=False)
    try:
        before = file.read_bytes().decode("utf-8")
        lines = before.splitlines(keepends=True)
        place = next((n for n, line in enumerate(lines) if line.partition("=")[0].strip() == "disabled"), 0)
        end = "\r\n" if "\r\n" in before else "\n"
        lines.insert(place, f'enabled = {{ by = {account}, at = "{at}" }}{end}')
        write_whole(file, "".join(lines))
        written = read_profiles(home.root, []).kinds.get(name)
        if written is None or not written.enabled:
            write_whole(file, before)
            raise refused("profile_wrong", id=name, why="the line `disabled` could not be found in its file")
    except OSError as trouble:
        raise refused("profile_not_writable", file=file, why=(trouble.strerror or str(trouble)).lower()) from trouble
    return ProfileEnabled(profile=name, who=who)
