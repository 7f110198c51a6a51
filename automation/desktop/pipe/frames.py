"""What the coordinator and a desk worker say to each other: frozen dataclasses as JSON, their length in front."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, BinaryIO, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from automation.desktop.seized import NOT_SHARED
from core.calibration.model import Cause, Measured, Point, Survey, Tried
from core.deliveries.model import Order, Outcome
from core.desks.model import Arranged, Desk, Shown, Transcribed, Window, WindowStatus
from core.kit.errors import Invalid
from core.profiles.model import Box, Profile, Sign
from core.profiles.panes import PaneProfile

MOST_BYTES = 16 * 1024 * 1024
"""A longer frame ends the conversation. The longest honest one is a picture of a window."""
_LENGTH = struct.Struct(">I")
OK = 0
TRY_LATER = 75
"""A worker's exit code that means: nothing is broken here, the display is."""
TRY_SOON = 76
"""The same for what passes by itself within seconds, mostly."""


class Mode(StrEnum):
    """Whether deliveries may begin."""

    OPEN = "open"
    HELD = "held"
    STOPPED = "stopped"


class Step(StrEnum):
    """The states that a worker asks to be committed."""

    STAGING = "staging"
    STAGED = "staged"
    SUBMITTING = "submitting"


class Stage(StrEnum):
    """How far a worker's start has come."""

    WAITING = "waiting"
    READY = "ready"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first frame: all that a worker needs to know. It reads no configuration of its own."""

    kind: Literal["hello"] = "hello"
    desk: Desk
    profiles: tuple[Profile, ...]
    anchors: str
    """The folder of this desk's anchor pictures."""
    locks: str
    """The folder of the display locks, one for this user on this machine."""
    mode: Mode = Mode.OPEN
    drafts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By window, the marks of drafts of ours that may stand there and are to be cleared."""
    seized_fd: int = NOT_SHARED
    """The memory, handed down, in which the worker writes what it has taken from everybody else."""
    panes: tuple[PaneProfile, ...] = ()
    """What drives the panes of a desk of terminals, which has no other profiles."""
    fault_points: str = ""
    """The folder of the tickets for fault points; empty outside of tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Carry this order out."""

    kind: Literal["deliver"] = "deliver"
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Find out what became of this order, which was interrupted after Enter had been asked for."""

    kind: Literal["settle"] = "settle"
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Give this delivery up, if Enter was not asked for yet."""

    kind: Literal["give up"] = "give up"
    delivery: str
    fence: int
    answered: bool = False
    """An answer has proven that it arrived: what Enter did need not be watched any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The state asked for under this number is committed, or it is refused for a reason."""

    kind: Literal["granted"] = "granted"
    number: int
    delivery: str
    fence: int
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode:
    """Hold, stop or release the desk; answered at once."""

    kind: Literal["mode"] = "mode"
    call: int = 0
    """Its number, which the conversation gives it."""
    mode: Mode
    heard: int = 0
    """How many stops at the machine were heard of when this was sent: it releases none that came later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Look at each window; answered when the hands are free."""

    kind: Literal["look"] = "look"
    call: int = 0
    closely: bool = False
    """See too whether each window can be read as its profile wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrange:
    """Put these windows back to their places; answered when the hands are free."""

    kind: Literal["arrange"] = "arrange"
    call: int = 0
    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePicture:
    """Take a picture of one window, or without one of the whole display; answered when the hands are free."""

    kind: Literal["picture"] = "picture"
    call: int = 0
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskShown:
    """Say what one window shows of its agent; answered when the hands are free."""

    kind: Literal["ask shown"] = "ask shown"
    call: int = 0
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWindow:
    """Read what was said in one window; answered when the hands are free."""

    kind: Literal["read"] = "read"
    call: int = 0
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSurvey:
    """Say which windows stand on the display, and where the pointer is; answered when the hands are free."""

    kind: Literal["survey"] = "survey"
    call: int = 0
    pointer_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Look where one writes in this X window, around this place of the screen, and what stands still in it."""

    kind: Literal["measure"] = "measure"
    call: int = 0
    window: int
    point: tuple[int, int] | None = None
    avoid: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOut:
    """Stage a draft in this window, which need be none of the desk's, read it back and clear it."""

    kind: Literal["try out"] = "try out"
    call: int = 0
    window: Window
    profile: Profile
    anchors: tuple[Box, ...]
    text: str
    send: bool = False
    """Press Enter, once, instead of clearing it."""
    known: int = 0
    """The display's number of the window, for one that nothing but its place tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """How far the worker's start has come, and why it does not go on."""

    kind: Literal["started"] = "started"
    stage: Stage
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Commit this state of this delivery, then grant the number."""

    kind: Literal["ask"] = "ask"
    number: int
    delivery: str
    fence: int
    step: Step
    sha256: str = ""
    drafts: tuple[str, ...] = ()
    """Marks by which our draft can be recognised from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A delivery ended like this."""

    kind: Literal["done"] = "done"
    delivery: str
    fence: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a call: what was asked for, or why there is nothing."""

    kind: Literal["answer"] = "answer"
    call: int
    windows: tuple[WindowStatus, ...] = ()
    png: str = ""
    """A picture in base64."""
    shown: Shown | None = None
    said: Transcribed | None = None
    arranged: tuple[Arranged, ...] = ()
    survey: Survey | None = None
    pointer: Point | None = None
    measured: Measured | None = None
    tried: Tried | None = None
    refused: str = ""
    cause: Cause = Cause.OTHER
    """Of a refusal to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUsable:
    """A window that was not usable is so again."""

    kind: Literal["usable"] = "usable"
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeen:
    """Whether a window can be used changed, and has lasted; told of each window once by every worker."""

    kind: Literal["seen"] = "seen"
    status: WindowStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShows:
    """A window shows another activity or another dialog than was told last."""

    kind: Literal["shows"] = "shows"
    shown: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """No delivery begins for now, because of `why`; empty: they may begin again."""

    kind: Literal["waits"] = "waits"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """The desk's screen is locked, or is not any more."""

    kind: Literal["locked"] = "locked"
    is_locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedHere:
    """Somebody stopped the desk at its machine, by `how`; it is stopped already."""

    kind: Literal["stopped here"] = "stopped here"
    number: int
    """Counted from one, since this worker began."""
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStirred:
    """Something goes on in a window at work; told once in a while."""

    kind: Literal["stirred"] = "stirred"
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLearned:
    """The worker learned this busy sign, or this anchor, of a window, and works by it already."""

    kind: Literal["learned"] = "learned"
    window: str
    value: Sign | Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The worker lives and its hands move on."""

    kind: Literal["beat"] = "beat"


Calibrating = AskSurvey | Measure | TryOut
Question = Look | Arrange | TakePicture | AskShown | ReadWindow | Calibrating
ToWorker = Hello | Deliver | Settle | GiveUp | Granted | SetMode | Question
OfWindow = WindowUsable | WindowSeen | WindowShows | WindowStirred | WindowLearned
FromWorker = Started | Ask | Done | Answer | OfWindow | Waits | Locked | StoppedHere | Beat

_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")  # an outcome's pictures, a dialog's
TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="kind")], config=_BYTES)
FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(Annotated[FromWorker, Field(discriminator="kind")], config=_BYTES)


class BadFrame(Invalid):
    """A frame between the coordinator and the desk worker cannot be understood: {why}. Are both of one version?"""


def pack(frame: ToWorker | FromWorker) -> bytes:
    """The frame as bytes, its length first."""
    adapter = FROM_WORKER if isinstance(frame, FromWorker) else TO_WORKER
    body = adapter.dump_json(frame)  # pyright: ignore[reportArgumentType] the line above chose the adapter by the type
    if len(body) > MOST_BYTES:
        raise BadFrame(why=f"{len(body)} bytes are too many")
    return _LENGTH.pack(len(body)) + body


def length(head: bytes) -> int:
    """How many bytes follow these four."""
    size = int(_LENGTH.unpack(head)[0])
    if size > MOST_BYTES:
        raise BadFrame(why=f"{size} bytes are too many")
    return size


def for_worker(body: bytes) -> ToWorker:
    """A frame that came from the coordinator."""
    try:
        return TO_WORKER.validate_json(body)
    except ValidationError as trouble:
        raise BadFrame(why=f"{trouble.error_count()} fields do not fit") from trouble


def from_worker(body: bytes) -> FromWorker:
    """A frame that came from a worker."""
    try:
        return FROM_WORKER.validate_json(body)
    except ValidationError as trouble:
        raise BadFrame(why=f"{trouble.error_count()} fields do not fit") from trouble


def receive(stream: BinaryIO) -> ToWorker | None:
    """The next frame for the worker, waited for; None when the pipe has ended, also in the middle of a frame."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = length(head)
    body = stream.read(size)
    return None if len(body) < size else for_worker(body)
