"""Events and journal rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from core.kit.errors import Misconfigured
from core.kit.filters import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, named in the past tense. Its fields are ids, states, counts and hashes; never bodies."""

    SUBJECT: ClassVar[str]  # what it happened to, as `kind:id`; `{0.name}` is a field of the event

    @property
    def subject(self) -> str:
        return self.SUBJECT.format(self)


E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[E_co]):
    """What happened, its place in the journal, when, and the id of the actor who did it."""

    seq: int
    at_ms: int
    event: E_co
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One row of the journal, as it is stored."""

    seq: int
    at_ms: int
    name: str
    subject: str
    actor: str
    data: dict[str, object]
    hash: str


FIELDS: Fields = dict.fromkeys(("event", "about", "subject", "by"))
"""What the list of the journal's rows can be filtered by."""


class TailMissing(Misconfigured):
    """{path}, which records the journal's last row, does not match the database: rows were removed from the
    journal's end, the database is an older copy, or the file was changed. If you restored a backup, delete {path}:
    Octet then writes a new one. Otherwise keep a copy of the whole home, and restore a backup."""
