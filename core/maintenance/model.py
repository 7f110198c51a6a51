"""The results of maintaining a desk's windows and of reloading config/."""

from __future__ import annotations

from dataclasses import dataclass

from core.desks.model import DeskEvent, DeskState
from core.journal.model import Event, JournalRow
from core.kit.errors import Invalid
from core.kit.problems import ConfigWrong
from core.reasons import AnyReason, Diagnostic, Reason
from core.settings.model import ConfigItem


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The journal, after every row was verified."""

    rows: int
    entries: tuple[JournalRow, ...]  # the newest ones, oldest first; the last one's hash is the head of the chain
    is_posted: bool  # Octet posts the head daily

    @property
    def head(self) -> str:
        return self.entries[-1].hash if self.entries else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One window, tried out by a text that was staged, read back and cleared."""

    desk: str
    window: str
    agent: str  # whose window it is; empty if it is not an agent's
    is_good: bool  # the whole text was read back, and then seen to be gone
    by: str = ""  # how it was read: `accessibility`, `copy`, `pixels`, `none`; empty when it was not
    took_ms: float = 0.0  # of the try that counted, from the first look to the empty composer
    tries: int = 1
    reason: AnyReason | None = None  # None where it is good, or its lane gave none
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One window after it was arranged."""

    desk: str
    window: str
    agent: str
    is_right: bool  # it has its place and size, and nothing covers it
    done: tuple[str, ...] = ()
    reason: AnyReason | None = None
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """One thing that is wrong; core/remedies.py says what to do about it."""

    reason: AnyReason | None
    note: Diagnostic = ""
    window: str = ""  # empty for a problem of the desk itself
    agent: str = ""
    stops: bool = True  # nothing is typed because of it; else it only deserves to be known


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One desk, looked over."""

    desk: str
    state: DeskState
    windows: int  # how many were looked at
    ailments: tuple[Ailment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What a reload read again, and what changed by it."""

    agents: tuple[str, ...] = ()  # agents that came, went or changed
    gone: tuple[str, ...] = ()  # those of them that config/ does not name any more
    desks: tuple[str, ...] = ()  # desks whose workers were started, restarted or ended
    restart: tuple[str, ...] = ()  # settings that are different now and count from the next start only
    groups: tuple[str, ...] = ()  # of commands, that came or went in Discord

    @property
    def is_nothing(self) -> bool:
        return not (self.agents or self.desks or self.restart or self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What config/ says now, and what a reload would change."""

    items: tuple[ConfigItem, ...]
    change: Reloaded | None  # None: it is invalid, and a reload would change nothing
    problems: tuple[str, ...] = ()  # each with its file and line


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTried(DeskEvent):
    """A user had a window tried out; nothing was sent."""

    window: str
    result: str
    reason: Reason | None
    readback: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskArranged(DeskEvent):
    """A user had a desk's windows put back to their places."""

    windows: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReloaded(Event):
    """What config/ says was taken over while Octet ran."""

    SUBJECT = "config:home"
    agents: tuple[str, ...]
    gone: tuple[str, ...]
    desks: tuple[str, ...]
    restart: tuple[str, ...]
    groups: tuple[str, ...] = ()


class NotReloaded(Invalid):
    """Invalid configuration: {why}. Octet changed nothing and continues with the old one. Fix it, then reload again."""

    head = "The configuration is invalid, so Octet changed nothing and continues with the old one:"

    def __init__(self, wrong: ConfigWrong) -> None:
        """`lines` are the problems, one a line."""
        self.lines = tuple(str(problem) for problem in wrong.problems)
        super().__init__(why="\n".join(self.lines))

    @property
    def message(self) -> str:
        return "\n".join([self.head, *self.lines])
