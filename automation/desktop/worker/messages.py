"""What the coordinator and a desk worker send each other, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import ConfigDict

from automation.desktop.worker.frames import FrameCodec
from automation.desktop.worker.input_lock_state import NOT_SHARED
from core.calibration.model import FoundPane, Measurement, Point, Survey, TrialResult
from core.deliveries.model import DeliveryRequest, Outcome
from core.desks.model import Arranged, Desk, DeskMode, LiveView, Shown, Transcribed, Window, WindowStatus
from core.profiles.model import Box, PaneProfile, Profile, Sign
from core.reasons import Diagnostic, Reason

OK = 0
TRY_LATER = 75  # A worker's exit code that means: nothing is broken here, the display is
TRY_SOON = 76  # the same for what mostly passes within seconds


class DeliveryStep(StrEnum):
    """The states that a worker asks to be committed."""

    STAGING = "staging"
    STAGED = "staged"
    SUBMITTING = "submitting"


class _Frame:
    __slots__ = ()
    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")  # an outcome's pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(_Frame):
    """The first frame: all that a worker needs to know. A worker reads no configuration."""

    desk: Desk
    profiles: tuple[Profile, ...]
    anchors: str  # the folder of this desk's anchor pictures
    locks: str
    mode: DeskMode = DeskMode.OPEN
    drafts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By window, the marks of drafts of ours that may be left there, for the worker to clear."""
    seized_fd: int = NOT_SHARED  # memory of the parent: what the worker has taken from all others
    panes: tuple[PaneProfile, ...] = ()  # the profiles of a desk of terminals, which has no others
    fault_points: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver(_Frame):
    """Carry this order out; with `settles` find out what became of it after an interruption at Enter."""

    order: DeliveryRequest
    settles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp(_Frame):
    """Give this delivery up, if Octet did not ask for Enter yet."""

    delivery: str
    fence: int
    answered: bool = False  # an answer has proven that it arrived: what Enter did need not be watched any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted(_Frame):
    """The requested state with this number is committed, or it is refused for a reason."""

    number: int
    delivery: str
    fence: int
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call(_Frame):
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode(_Call):
    """Hold, stop or release the desk; answered at once."""

    mode: DeskMode
    heard: int = 0  # the count of stops at the machine that the sender knew: this releases none that came later


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectWindows(_Call):
    """Look at each window; answered when the worker is free."""

    closely: bool = False  # see too whether each window can be read as its profile wants it


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrange(_Call):
    """Restore these windows to their places; answered when the worker is free."""

    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePicture(_Call):
    """Take a picture of one window, or without one of the whole display; answered when the worker is free."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLiveView(_Call):
    """Say what one window shows, if its mark is not `known`; answered when the worker is free."""

    window: str
    known: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskShown(_Call):
    """Say what one window shows of its agent; answered when the worker is free."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWindow(_Call):
    """Read what was said in one window, without `may_touch` only by looking; answered when the worker is free."""

    window: str
    may_touch: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPanes(_Call):
    """Which panes of the tmux server no Octet uses?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSurvey(_Call):
    """Say which windows are on the display, and where the pointer is; answered when the worker is free."""

    pointer_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(_Call):
    """Measure the composer in this X window, around this place of the screen, and what does not move in it."""

    window: int
    point: tuple[int, int] | None = None
    avoid: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOut(_Call):
    """Stage a draft in this window, which need be none of the desk's, read it back and clear it."""

    window: Window
    profile: Profile
    anchors: tuple[Box, ...]
    text: str
    known: int = 0  # the display's number of the window, for one that only its place identifies


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_Frame):
    """The worker is ready; or, for this reason, not yet."""

    reason: Reason | None = None
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(_Frame):
    """Commit this state of this delivery, then grant the number."""

    number: int
    delivery: str
    fence: int
    step: DeliveryStep
    sha256: str = ""
    drafts: tuple[str, ...] = ()  # marks by which our draft can be recognised from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(_Frame):
    """The outcome of a delivery."""

    delivery: str
    fence: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult(_Frame):
    """The answer to a call: the result, or why there is none."""

    call: int
    windows: tuple[WindowStatus, ...] = ()
    png: str = ""
    live: LiveView | None = None
    shown: Shown | None = None
    transcript: Transcribed | None = None
    arranged: tuple[Arranged, ...] = ()
    survey: Survey | None = None
    panes: tuple[FoundPane, ...] | None = None
    pointer: Point | None = None
    measured: Measurement | None = None
    tried: TrialResult | None = None
    refused: Diagnostic = ""
    reason: Reason | None = None
    """Why a window could not be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUsable(_Frame):
    """A window that was not usable is so again."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatusChanged(_Frame):
    """Whether a window can be used has changed, and lasted; every worker reports each window once."""

    status: WindowStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShows(_Frame):
    """A window shows another activity or another dialog than Octet reported last."""

    shown: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits(_Frame):
    """Deliveries wait because of `why`; None: they may begin."""

    why: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked(_Frame):
    """The desk's screen is locked, or is not any more."""

    is_locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedHere(_Frame):
    """A user stopped the desk at its machine, by `how`; it is stopped already."""

    number: int
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowActive(_Frame):
    """A window at work changed; reported once in a while."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSignLearned(_Frame):
    """The worker learned this busy sign, or this anchor, of a window, and uses it already."""

    window: str
    value: Sign | Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(_Frame):
    """The worker lives and makes progress."""


Calibrating = AskSurvey | Measure | TryOut
Question = InspectWindows | Arrange | TakePicture | TakeLiveView | AskShown | ReadWindow | AskPanes | Calibrating
ToWorker = Hello | Deliver | GiveUp | Granted | SetMode | Question
OfWindow = WindowUsable | WindowStatusChanged | WindowShows | WindowActive
FromWorker = Started | Ask | Done | CallResult | OfWindow | WindowSignLearned | Waits | Locked | StoppedHere | Beat

FRAMES = FrameCodec[ToWorker, FromWorker](ToWorker, FromWorker)
pack, length, receive = FRAMES.pack, FRAMES.length, FRAMES.receive
for_worker, from_worker = FRAMES.for_worker, FRAMES.from_worker
