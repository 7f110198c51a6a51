"""Every limit on what agents, members and programs may send: one table, and the checks by it.

Every interface checks by these rows before Octet stores or writes anything. The agents' commands read them too, so this
module imports little."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from core.kit.errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limit:
    """One row: from `least` to `most` of `unit`; of a list, `each` bounds its items."""

    bounds: str
    most: int
    unit: str = "characters"
    least: int = 0
    is_name: bool = False  # one line of visible characters; any other text also takes line breaks and tabs
    is_output: bool = False  # Octet removes control characters and does not refuse them: a finished answer is not lost
    each: Limit | None = None

    @property
    def whole(self) -> Limit:
        """What bounds a text with all items of this list, separated by commas."""
        each = self.each or self
        return replace(each, most=self.most * (each.most + 2), least=0)

    @property
    def range(self) -> str:
        each = f", each {self.each.range}" if self.each else ""
        return f"{f'{self.least:,} to ' if self.least else 'at most '}{self.most:,} {self.unit}{each}"


# Texts
NAME = Limit("a name, an id, a code or a key", 200, is_name=True)
SEARCH = Limit("a text to search for", 500)
BRIEF = Limit("a brief, or a message to an agent", 100_000)
IMPORT = Limit("the text of an import, or of the parts of a task", 1_000_000)
ANSWER = Limit("an agent's answer", 1_000_000, least=1, is_output=True)
VIEW_ADDRESS = Limit("a saved view of the page, or a template of tasks", 4_000)
PROGRESS = Limit("an agent's report of progress, or why a result is wrong", 300)
TITLE = Limit("a task's title, the first line of its brief", 80, is_name=True)
LABEL = Limit("a task's label", 40, is_name=True)
CHOICE = Limit("an answer that a question offers", 80, is_name=True, least=1)
REASON = Limit("what a temporary role is for", 200, is_name=True, least=1)
EVIDENCE_TEXT = Limit("the text of one item of evidence", 500, least=1)
FILE_NAME = Limit("the name of a file", 300, is_name=True)

# Lists
NAMES = Limit("a list of tasks, messages, capabilities or names", 100, "items", each=NAME)
CHECKS = Limit("the checks of a task", 20, "checks", each=NAME)
LABELS = Limit("the labels of a task", 20, "labels", each=LABEL)
CHOICES = Limit("the answers that a question offers", 10, "choices", each=CHOICE)
EVIDENCE = Limit("the evidence of an answer", 20, "items")
IMPORTED = Limit("the tasks of one import", 500, "tasks")
IMPORTED_LINKS = Limit("the links between the tasks of one import", 5_000, "links")
LINKS = Limit("what one task waits for, its parts included", 2_000, "tasks")
FILES = Limit("the files of one request", 5, "files")
VIEWS = Limit("the views of the page that a user saves", 50, "views")
FILE_BYTES = Limit("all files of one request", 8_000_000, "bytes")
AGENT_FILE_BYTES = Limit("all files that Octet keeps of one agent", 500_000_000, "bytes")
HOME_FILE_BYTES = Limit("all files that Octet keeps", 2_000_000_000, "bytes")
BODY_BYTES = Limit("a request over HTTP without files and answers", 2_000_000, "bytes")
SPOOLED_BYTES = Limit("an answer with its files that waits in the home", 20_000_000, "bytes")

# Rates and connections
QUESTIONS_OPEN = Limit("an agent's open questions about one task", 5, "questions")
QUESTIONS_PER_HOUR = Limit("an agent's questions within an hour", 20, "questions")
CONNECTIONS = Limit("open connections over HTTP", 1000, "connections")
CONNECTIONS_WITHOUT_TOKEN = Limit("open connections that have shown no token", 100, "connections")
CONNECTIONS_OF_AGENT = Limit("open connections with one agent's token", 100, "connections")
REQUESTS = Limit("requests over HTTP of one log-in or API key within a minute", 6_000, "requests")
CHANGES = Limit("requests of one log-in or API key that change something, within a minute", 600, "changes")
BATCH = Limit("the requests of one batch", 100, "requests", least=1)
LIVE_LISTENERS = Limit("pages and streams of one user that listen at the same time", 20, "listeners")
LIVE_WINDOWS = Limit("agents that one page shows live", 50, "agents", each=NAME)
WAITING = Limit("the messages that wait for one agent", 200, "messages")

# Numbers
ROWS = Limit("the rows of one page of a list", 500, "rows", least=1)
PRIORITY = Limit("a priority", 4, "(0 is the most urgent)")
BEST_OF = Limit("how many agents do a task separately", 20, "agents", least=2)
CHOICE_NUMBER = Limit("the number of an agent's own choice", 20, "choices", least=1)
MINUTES = Limit("a time in minutes", 7 * 24 * 60, "minutes")
GRANT_HOURS = Limit("how long a temporary role lasts", 30 * 24, "hours", least=1)
TIMELINE_HOURS = Limit("how far back the timeline goes", 7 * 24, "hours", least=1)
KEY_DAYS = Limit("how long an API key lasts", 3650, "days", least=1)
COUNTER = Limit("a place in an inbox, or the number of an attempt", 2**53, "steps")
PIXELS = Limit("a place of a screen", 100_000, "pixels", least=-100_000)
TIME_MS = Limit("a time; the latest is the end of the year 9999", 253_402_300_799_000, "milliseconds since 1970")


class EmptyText(Invalid):
    """`{field}` is empty. Write its text."""


class TextTooLong(Invalid):
    """`{field}` has {length} characters; the limit is {limit}. Shorten it."""


class TooManyItems(Invalid):
    """`{field}` has {count} {unit}; the limit is {limit}. Leave some out, or send several requests."""


class OutOfRange(Invalid):
    """`{field}` must be {least} to {most} {unit}, not {value}. Choose a number in this range."""


class PriorityOutOfRange(OutOfRange):
    """Priority is P0 to P{most}."""


class BestOfOutOfRange(OutOfRange):
    """Best of needs {least} to {most} agents."""


class ControlCharacters(Invalid):
    """`{field}` has a control character (U+{code} at position {position}), which a window could take for a key. Remove
    it; line breaks and tabs are fine."""


class HiddenCharacters(Invalid):
    """`{field}` has a line break, a tab or an invisible character (U+{code} at position {position}). Write it on one
    line, without invisible characters."""


class BrokenCharacter(Invalid):
    """`{field}` contains half a character (U+{code} at position {position}), which Octet cannot store. Save it as
    UTF-8 again."""


_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_INVISIBLE = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"  # direction of text, and tags
_CONTROL_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # with a terminal's colours
_NOT_IN_TEXTS = re.compile(f"[{_CONTROLS}]")
_NOT_IN_NAMES = re.compile(f"[{_CONTROLS}{_INVISIBLE}\t\n\u2028\u2029]")
_HIDES = re.compile(f"[{_CONTROLS}{_INVISIBLE}\u00ad\u180e\u200b-\u200d\u2028\u2029\u2060-\u2065\ufeff\ufff9-\ufffb]")
_NOT_IN_QUOTES = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")


def rows() -> dict[str, Limit]:
    """Return the whole table by name."""
    return {name.lower(): one for name, one in globals().items() if isinstance(one, Limit)}


def check(field: str, value: T, limit: Limit) -> T:
    """Return what came for `field`, a text with LF as line ends. Raises the error for its breach of `limit`."""
    found: Any = value
    if isinstance(found, str):
        return cast("T", _text(field, found, limit))
    if isinstance(found, int | float) and not isinstance(found, bool) and not limit.least <= found <= limit.most:
        error = {PRIORITY: PriorityOutOfRange, BEST_OF: BestOfOutOfRange}.get(limit, OutOfRange)
        raise error(field=field, least=limit.least, most=limit.most, unit=limit.unit, value=str(found)[:30])
    if isinstance(found, Collection):
        items = cast("Collection[object]", found)
        if len(items) > limit.most:
            raise TooManyItems(field=field, count=len(items), limit=limit.most, unit=limit.unit)
        for one in items if limit.each else ():
            check(field, one, limit.each or limit)
    return value


def clean_text(text: str, limit: Limit, *, field: str = "text") -> str:
    """Return `text` with LF as line ends, without empty lines around it and trailing blanks, else unchanged. Raises
    EmptyText or as `check`."""
    text = _with_lf(text).strip("\n").rstrip()
    if not visible(text).strip():
        raise EmptyText(field=field)
    return check(field, text, limit)


def storable(text: str) -> str:
    """Return a text that Octet read in a window, or that a model wrote, without what no text may have."""
    return _NOT_IN_TEXTS.sub("", _CONTROL_SEQUENCES.sub("", _with_lf(text)))


def visible(line: str) -> str:
    """Return `line` without what a window could take for a key, what hides, and what turns the order of text around."""
    return _NOT_IN_QUOTES.sub("", line)


def exposed(text: str) -> str:
    """Return `text` with everything written out that hides in it or changes how it reads, for a user to decide on."""
    return _HIDES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(field: str, text: str, limit: Limit) -> str:
    text = _CONTROL_SEQUENCES.sub("", _with_lf(text)) if limit.is_output else _with_lf(text)
    if len(text) > limit.most:
        raise TextTooLong(field=field, length=len(text), limit=limit.most)
    if len(text.strip()) < limit.least:
        raise EmptyText(field=field)
    if found := (_NOT_IN_NAMES if limit.is_name else _NOT_IN_TEXTS).search(text):
        error = BrokenCharacter if "\ud800" <= found[0] <= "\udfff" else ControlCharacters
        error = HiddenCharacters if limit.is_name and error is ControlCharacters else error
        raise error(field=field, code=f"{ord(found[0]):04X}", position=found.start())
    return text
