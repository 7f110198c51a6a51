"""Reads a prompt as the scripted agent understands it: its task, the line to answer by, and its `demo:` words."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from enum import StrEnum

_DONE_LINE = re.compile(
    r"""^(?:.*?(?:When\ finished|To\ answer):)?\s*
    (?P<command>\S.*?\s(?P<verb>done|reply)\s+(?P<subject>T-\d+|M-[0-9A-Z]{26})\s.*?--file\s+(?P<file>"[^"]*"|'[^']*'|\S+))""",
    re.VERBOSE,
)
_HINTS = ("While you work:", "To share the work:", "If stuck:")  # they do not belong to the body
_HEADER = re.compile(r"^\[(?P<label>[A-Z0-9]+)\] (?P<sender>.*?) →")
_DEMO = re.compile(r"^\s*demo:\s*(?P<word>[a-z]+)\b\s*(?P<rest>.*?)\s*$")
_MARKERS = re.compile(r"^No shell\?.*\s(?P<opening><<<[a-z0-9]+) and (?P<closing>[a-z0-9]+>>>)\s*$")
_IN_WINDOW = re.compile(r"^\s*answer:\s*in the window\s*$")
_LIE = re.compile(r"^\s*lie:\s*(?P<rest>\S.*?)\s*$")
_ASK_PERSON = re.compile(r"^\s*ask person:\s*(?P<rest>\S.*?)\s*$")
_TELL = re.compile(r"^\s*talk:\s*(?P<to>[\w.:-]+):\s*(?P<text>\S.*?)\s*$")
_GOAL = re.compile(r"^\s*goal:\s*(?P<name>[a-z]+)\s*$")
_ASK = re.compile(r"^\s*ask:\s*(?P<rest>\S.*?)\s*$")
LONGEST_WAIT_S = 600.0
MOST_STOPS = 20
_DIRECTS = re.compile(r"^\s*(?:demo|ask|ask person|talk|goal|lie|answer):.*\n?", re.MULTILINE)
CONTINUES = "Your user continues it, and says now:"
_ENDS = {"done", "failed", "reply"}


class TalkKind(StrEnum):
    """What an agent does over MCP before it answers."""

    ASK_PERSON = "ask person"  # `ask person: QUESTION | CHOICE | CHOICE`: ask the user of the task, and wait
    GOAL = "goal"  # `goal: release`: split it into subtasks, wait for them, and sum them up; see `goals`
    TELL = "talk"  # `talk: AGENT: TEXT`: send a message, and look for the reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One line of a prompt that makes the agent talk."""

    kind: TalkKind
    text: str
    to: str = ""
    choices: tuple[str, ...] = ()


class StopKind(StrEnum):
    """What an agent stops for."""

    ASK = "ask"  # it wants to run a command, and waits for a yes or a no
    ERROR = "error"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A question that the window shows until a user answers it: approve or deny a command, or continue."""

    kind: StopKind
    text: str

    @property
    def title(self) -> str:
        """The dialog's first line."""
        return {
            StopKind.ASK: "Run this command?",
            StopKind.ERROR: "Something went wrong",
            StopKind.LIMIT: "Usage limit reached",
        }[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneLine:
    """The command that brings the answer back, as words for a program start without a shell.

    A brief's command is `done` and ends the task; the one of a user's message is `reply` and does not."""

    subject: str
    """The number of the task, or the code name of a message about no task."""
    words: tuple[str, ...]
    file: str

    @property
    def verb(self) -> str:
        return next(word for word in self.words if word in _ENDS)

    def failed(self) -> DoneLine:
        """Return the command that gives the task up; a message has no such command and is answered all the same."""
        return replace(self, words=tuple("failed" if word == "done" else word for word in self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How this prompt directs the demo, by lines that begin with `demo:`."""

    wait_s: float | None = None
    fail: str | None = None
    silent: bool = False
    window: bool = False  # answer between the markers that the prompt names, as an agent without a shell does
    half: bool = False  # the same, but stop in the middle
    long: bool = False
    mcp: bool = False  # bring the answer over MCP, not by the command
    talks: tuple[Talk, ...] = ()  # in the order of the prompt
    lie: str = ""  # claim this in place of an answer; from a line `lie: WORDS`
    stops: tuple[Stop, ...] = ()
    """In the order of the prompt; the command of an `ask` may also be on a line `ask: COMMAND`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPrompt:
    """One prompt as it was submitted, taken apart."""

    text: str
    body: str
    said: str
    """What the user says in it: without the words that direct the demo, of a task that continues only the newest."""
    done: DoneLine | None
    markers: tuple[str, str] | None = None
    """The marks around an answer in this window; None where the prompt offers no such answer."""
    script: Script = field(default_factory=Script)


def read_prompt(text: str) -> ReceivedPrompt:
    """Take a submitted text apart. The last line that answers counts: a prompt ends with it, a body may quote one.

    A user's message (its header does not name the hub as the sender) never ends a task, even if it quotes `done`."""
    lines = text.splitlines()
    header = _HEADER.match(lines[0]) if lines else None
    verbs = {"reply"} if header and header["sender"] != "hub" else {"done"}
    done: DoneLine | None = None
    done_at = len(lines)
    for number, line in enumerate(lines):
        found = _read_done(line, verbs)
        if found is not None:
            done, done_at = found, number
    while done is not None and done_at and lines[done_at - 1].startswith(_HINTS):
        done_at -= 1
    first = 1 if header else 0
    body = "\n".join(lines[first:done_at]).strip()
    if header and (header["label"], header["sender"]) == ("A2A", "hub"):  # work from a chief, quoted line by line
        body = "\n".join(line.removeprefix("> ") for line in body.splitlines())
    said = _DIRECTS.sub("", body.rpartition(CONTINUES)[2]).strip()
    return ReceivedPrompt(
        text=text, body=body, said=said, done=done, markers=_read_markers(lines[done_at:]), script=_read_script(body)
    )


def _read_done(line: str, verbs: set[str]) -> DoneLine | None:
    match = _DONE_LINE.match(line)
    if match is None or match["verb"] not in verbs:
        return None
    try:
        words = tuple(shlex.split(match["command"]))
        file = shlex.split(match["file"])[0]
    except (ValueError, IndexError):
        return None  # unbalanced quotes: no valid command
    if "--code" not in words or "/" in file or file in {"", ".", ".."}:
        return None
    return DoneLine(subject=match["subject"], words=words, file=file)


def _read_markers(lines: list[str]) -> tuple[str, str] | None:
    """Find the markers after the body, which may name others."""
    for line in reversed(lines):
        if match := _MARKERS.match(line):
            return match["opening"], match["closing"]
    return None


def _read_script(body: str) -> Script:
    wait_s: float | None = None
    fail: str | None = None
    lie = ""
    flags: set[str] = set()
    stops: list[Stop] = []
    talks: list[Talk] = []
    for line in body.splitlines():
        if _IN_WINDOW.match(line):
            flags.add("window")
        if claimed := _LIE.match(line):
            lie = claimed["rest"]
        if wanted := _ASK_PERSON.match(line):
            question, *choices = (part.strip() for part in wanted["rest"].split(" | "))
            talks.append(Talk(kind=TalkKind.ASK_PERSON, text=question, choices=tuple(choices)))
        if told := _TELL.match(line):
            talks.append(Talk(kind=TalkKind.TELL, text=told["text"], to=told["to"]))
        if goal := _GOAL.match(line):
            talks.append(Talk(kind=TalkKind.GOAL, text=goal["name"]))
        if asked := _ASK.match(line):
            stops.append(Stop(kind=StopKind.ASK, text=asked["rest"]))
        match = _DEMO.match(line)
        if match is None:
            continue
        word, rest = match["word"], match["rest"]
        if word == "wait":
            wait_s = _seconds(rest)
        elif word == "fail":
            fail = rest or "the prompt asked for a failure"
        elif word in set(StopKind):
            stops.append(Stop(kind=StopKind(word), text=rest or "the prompt asked for this"))
        else:
            flags.add(word)
    named = {flag: flag in flags for flag in ("silent", "window", "half", "long", "mcp")}
    first_stops, first_talks = tuple(stops[:MOST_STOPS]), tuple(talks[:MOST_STOPS])
    return Script(wait_s=wait_s, fail=fail, lie=lie, stops=first_stops, talks=first_talks, **named)


def _seconds(text: str) -> float | None:
    number = re.match(r"\d{1,6}(?:\.\d{1,6})?", text)
    return None if number is None else min(float(number[0]), LONGEST_WAIT_S)
