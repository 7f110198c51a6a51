"""What Octet learned of windows (a busy sign, another anchor), kept in the home next to config/. A learned value
replaces the configured one until config/ says something else of its window, or a user forgets it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from core.desks.model import Desk, Learnable, LearnedFact, Window
from core.home import Home, anchor_file
from core.kit.files import write_private
from core.profiles.model import AT, Box, Confirm, Driven, Profile, Sign
from core.store.errors import of_system

log = structlog.get_logger(__name__)

MOST_BYTES = 1_000_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


_FACTS: TypeAdapter[tuple[LearnedFact, ...]] = TypeAdapter(tuple[LearnedFact, ...])


class Learned:
    """The folder `learned` of one home: a file for each desk, readable by its owner only."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def file(self, desk: str) -> Path:
        return self._home.learned / f"{desk}.json"

    def read(self, desk: str) -> tuple[tuple[LearnedFact, ...], str]:
        """Return what Octet learned of the desk's windows, and why that cannot be read; empty if it can."""
        file = self.file(desk)
        try:
            if not file.exists():
                return (), ""
            if not file.is_file() or file.stat().st_size > MOST_BYTES:
                raise ValueError("it is not one of Octet's files")
            facts = _FACTS.validate_json(file.read_bytes())
        except OSError as error:
            why = error.strerror or type(error).__name__
        except ValidationError as error:
            why = f"{error.error_count()} values do not fit"
        except ValueError as error:
            why = str(error)
        else:
            return tuple(fact for fact in facts if fact.desk == desk), ""
        return (), f"{file} is unreadable ({why}), so Octet ignores what it learned; `octet desk forget` removes it"

    def keep(self, fact: LearnedFact) -> None:
        """Keep this fact in place of an earlier one of its kind. Raises Unavailable."""
        facts = [one for one in self.read(fact.desk)[0] if (one.window, one.what) != (fact.window, fact.what)]
        with self._or_unavailable(fact.desk):
            self._write(fact.desk, [*facts, fact])

    def forget(self, desk: str, window: str) -> tuple[LearnedFact, ...] | None:
        """Remove what was learned of this window, or an unreadable file, and the picture of a learned anchor; return
        None if there was nothing. Raises Unavailable."""
        facts, trouble = self.read(desk)
        gone = tuple(fact for fact in facts if fact.window == window)
        with self._or_unavailable(desk):
            if trouble:
                self.file(desk).unlink()
            elif gone:
                self._write(desk, [fact for fact in facts if fact.window != window])
            if any(fact.what is Learnable.ANCHOR for fact in gone):
                anchor_file(self._home.anchors / desk, window).unlink(missing_ok=True)
        return gone if gone or trouble else None

    def applied(self, desk: Desk, profiles: Sequence[Driven]) -> tuple[Desk, tuple[Driven, ...]]:
        """Return the desk and its profiles with what Octet learned, and remove what no longer counts."""
        facts, trouble = self.read(desk.name)
        if trouble:
            log.warning("learned_facts_ignored", desk=desk.name, why=trouble)
        current = calibrations(desk, profiles)
        good = [fact for fact in facts if current.get(fact.window) == fact.calibration]
        if len(good) < len(facts):
            with suppress(OSError):  # then it stays there, and counts no more than before
                self._write(desk.name, good)
        by_name, windows = {profile.name: profile for profile in profiles}, list[Window]()
        for window in desk.windows:
            profile = by_name.get(window.profile)
            for fact in good:
                if fact.window == window.name and isinstance(profile, Profile) and fits(fact.value, window.box):
                    profile = learn(profile, fact.value)
            if profile is None or profile is by_name.get(window.profile):
                windows.append(window)
                continue
            own = replace(profile, name=f"{window.kind}{AT}{desk.name}.{window.name}")
            by_name[own.name] = own
            windows.append(replace(window, profile=own.name))
        used = {window.profile for window in windows}
        return replace(desk, windows=tuple(windows)), tuple(one for one in by_name.values() if one.name in used)

    @contextmanager
    def _or_unavailable(self, desk: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise of_system(error, self.file(desk)) from error

    def _write(self, desk: str, facts: Sequence[LearnedFact]) -> None:
        self._home.learned.mkdir(mode=0o700, exist_ok=True)
        write_private(self.file(desk), _FACTS.dump_json(tuple(facts), indent=1).decode())


def learn(profile: Profile, value: Sign | Box) -> Profile:
    """Return the profile with this busy sign, which then proves a delivery too, or with this anchor."""
    if isinstance(value, Box):
        return replace(profile, anchor=value)
    busy = replace(profile.busy, box=value.box, colour=value.colour, share=value.share, is_learned=True)
    return replace(profile, busy=busy, confirm=profile.confirm | {Confirm.BUSY_SEEN})


def fits(value: Sign | Box, window: Box) -> bool:
    """Return whether the value is possible in a window of this size."""
    box = value.box if isinstance(value, Sign) else value
    is_sign = not isinstance(value, Sign) or (bool(_COLOUR.fullmatch(value.colour)) and 0 < value.share <= 1)
    return is_sign and box.has_area and box.fits_into(replace(window, x=0, y=0))


def calibrations(desk: Desk, profiles: Sequence[Driven]) -> Mapping[str, str]:
    """Return, by window, the fingerprint of all that config/ says of how it is found and looked at."""
    by_name = {profile.name: profile for profile in profiles if isinstance(profile, Profile)}
    found: dict[str, str] = {}
    for window in desk.windows:
        if profile := by_name.get(window.profile):
            values = (window, profile.match_class, profile.composer, profile.anchor, profile.busy)
            found[window.name] = hashlib.sha256(repr(values).encode()).hexdigest()[:16]
    return found
