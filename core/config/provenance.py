"""A profile as its file stands: which of its values are known and from where, and which are measured at each window.

What is to calibrate has no value, or one to start with. Without those that are needed nothing is driven by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import cast

from core.config.toml import TomlTable
from core.config.validation import hints_of
from core.profiles.model import Act, Box, Composer, Profile, StateSigns, Terminal, Transcript

TABLES: Mapping[str, Iterable[str]] = {
    "composer": hints_of(Composer),
    "busy": hints_of(StateSigns),
    "idle": hints_of(StateSigns),
    "transcript": hints_of(Transcript),
    "acts": tuple(act.value for act in Act if act is not Act.NEW_CHAT),
    "terminal": hints_of(Terminal),
}
"""Tables of a profile whose keys are values of their own; every other value is one, whole."""
EVERY = "*"  # In [sources]: all values that have no mark of their own.
MARKS = ("sources", "calibrate", "disabled", "enabled")  # What a profile's file says about itself and its values
_EVERYWHERE = frozenset({"submit", "newline", "normalise", "clear"})
NEEDED = _EVERYWHERE | {
    "match_class",
    "composer.box",
    "composer.background",
    "paste",
    "selection",
    "readback",
    "confirm",
}
"""Without these no window is driven."""
NEEDED_IN_PANE = _EVERYWHERE | {"terminal.prompt"}


class Mark(StrEnum):
    """How much is known of a value."""

    KNOWN = "known"  # It holds for every window of this kind; its note says from where that is known.
    CALIBRATE = "to calibrate"  # Each person measures it at their own window; its note says what it is.
    MEASURED = "measured"  # It was measured at this very window
    OWN = "yours"  # Whoever wrote the file says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A value that is still to calibrate."""

    path: str  # `composer.box`
    what: str  # What it is, in words for people
    is_needed: bool  # Whether nothing can be brought there without it. The others leave one thing unknown each.


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a profile and how much is known of it."""

    path: str
    value: object  # As the file has it; None where there is none yet.
    mark: Mark
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One file of config/profiles: a profile, whole or with values still to calibrate."""

    name: str
    file: TomlTable
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where a value is known from, by its path or the path of its table."""
    calibrate: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is measured at each person's window, by its path, and what it is."""
    disabled: str = ""  # Why it may not be used until its owner has said yes to that; empty: it may be.
    enabled: str = ""  # Who said yes to that, and when

    @property
    def data(self) -> dict[str, object]:
        """The profile's own values."""
        return {key: value for key, value in self.file.data.items() if key not in MARKS}

    def wanted(self, measured: Mapping[str, object] | None = None, *, in_pane: bool = False) -> tuple[Wanted, ...]:
        """What neither the file nor `measured` gives of what is to calibrate, the needed first.

        `measured` has a window's own values, as `[windows.calibrated]` of its desk. In a terminal's pane, which has no
        box and no colour, other values are needed than in a window.
        """
        given = {path for path, _ in leaves(merged(self.data, measured or {}))}
        needed = NEEDED_IN_PANE if in_pane else NEEDED
        open_ = [
            Wanted(path=path, what=what, is_needed=path in needed)
            for path, what in self.calibrate.items()
            if not any(one == path or one.startswith(f"{path}.") for one in given)
        ]
        return tuple(sorted(open_, key=lambda one: not one.is_needed))

    def values(self, measured: Mapping[str, object] | None = None) -> tuple[Value, ...]:
        """Every value there is, and every one to calibrate, each with its one mark, in the order of the file."""
        own = dict(leaves(measured or {}))
        found = [
            Value(path=path, value=value, mark=Mark.MEASURED if path in own else mark, note="" if path in own else note)
            for path, value in leaves(merged(self.data, measured or {}))
            for mark, note in [self._mark(path)]
        ]
        missing = [
            Value(path=one.path, value=None, mark=Mark.CALIBRATE, note=one.what) for one in self.wanted(measured)
        ]
        return (*found, *missing)

    def _mark(self, path: str) -> tuple[Mark, str]:
        known, asked = _nearest(path, self.sources), _nearest(path, self.calibrate)
        if asked and (len(asked) > len(known) or known == EVERY):
            return Mark.CALIBRATE, self.calibrate[asked]
        return (Mark.KNOWN, self.sources[known]) if known else (Mark.OWN, "")


@cache
def value_paths() -> frozenset[str]:
    """Return every value that a profile can have, by its path."""
    return frozenset(hints_of(Profile)) | {f"{table}.{key}" for table, keys in TABLES.items() for key in keys}


def leaves(data: Mapping[str, object], under: str = "") -> Iterator[tuple[str, object]]:
    """Every value with its path."""
    for key, value in data.items():
        path = f"{under}{key}"
        if not under and key in TABLES and isinstance(value, dict):
            yield from leaves(cast("dict[str, object]", value), f"{path}.")
        else:
            yield path, value


def merged(profile: Mapping[str, object], measured: Mapping[str, object]) -> dict[str, object]:
    """The profile's values with those measured at one window in their place: tables key by key, all else whole. A
    window whose composer was measured has the anchor that was found there, or none."""
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
    """Values by their paths, as the tables that files have: `[windows.calibrated]`, or a profile."""
    found: dict[str, object] = {}
    for path, value in values.items():
        table, _, key = path.rpartition(".")
        holder = cast("dict[str, object]", found.setdefault(table, {})) if table else found
        holder[key] = _plain(value)
    return found


def _plain(value: object) -> object:
    if isinstance(value, Box):
        return {"x": value.x, "y": value.y, "width": value.width, "height": value.height}
    return value


def _nearest(path: str, marks: Mapping[str, str]) -> str:
    """The longest of the marked paths that this one is, or lies under."""
    fitting = [one for one in marks if one == path or path.startswith(f"{one}.")]
    return max(fitting, key=len, default=EVERY if EVERY in marks else "")
