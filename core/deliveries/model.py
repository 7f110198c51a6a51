"""What a delivery is, the steps it may take, and what a lane says about how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from core.deliveries.message_parts import WHOLE_MESSAGE, MessagePart
from core.journal.model import Event
from core.kit.errors import Conflict
from core.kit.filters import ListInMemory, words_of
from core.kit.ids import MessageId
from core.profiles.model import Act
from core.reasons import AnyReason, Diagnostic, Reason

DeliveryId = NewType("DeliveryId", str)  # A ULID


class DeliveryState(StrEnum):
    """How far a delivery has come. Typing can be undone; Enter cannot: `submitting` is the line between."""

    QUEUED = "queued"
    LEASED = "leased"
    STAGING = "staging"
    STAGED = "staged"
    SUBMITTING = "submitting"
    DELIVERED = "delivered"
    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


_S = DeliveryState
DELIVERY_STEPS: dict[DeliveryState, frozenset[DeliveryState]] = {
    _S.QUEUED: frozenset({_S.LEASED, _S.CANCELLED, _S.EXPIRED, _S.SUPERSEDED}),
    _S.LEASED: frozenset(
        {_S.QUEUED, _S.STAGING, _S.SUBMITTING, _S.REFUSED, _S.FAILED, _S.CANCELLED, _S.EXPIRED, _S.SUPERSEDED}
    ),
    _S.STAGING: frozenset({_S.STAGED, _S.QUEUED, _S.REFUSED, _S.FAILED, _S.CANCELLED}),
    _S.STAGED: frozenset({_S.SUBMITTING, _S.QUEUED, _S.REFUSED, _S.FAILED, _S.CANCELLED, _S.SUPERSEDED}),
    _S.SUBMITTING: frozenset({_S.DELIVERED, _S.SENT, _S.QUEUED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.DELIVERED, _S.QUEUED, _S.CANCELLED}),
    **dict.fromkeys(
        (_S.DELIVERED, _S.SENT, _S.REFUSED, _S.FAILED, _S.CANCELLED, _S.EXPIRED, _S.SUPERSEDED),
        frozenset[DeliveryState](),
    ),
}
"""leased → submitting is for control acts only; the service refuses it for prompts."""

OPEN_STATES = frozenset(state for state, steps in DELIVERY_STEPS.items() if steps)  # Deliveries with steps before them
BEFORE_ENTER = frozenset({_S.LEASED, _S.STAGING, _S.STAGED})  # states in which Enter was certainly not pressed
PAST_ENTER = frozenset({_S.DELIVERED, _S.SENT, _S.UNKNOWN})  # verdicts on an attempt for which Enter was asked


class Assurance(StrEnum):
    """What `delivered` rests on."""

    EXACT = "exact"
    """The window's transcript or the program's hook has the whole text, or the window's document gained it when the
    composer emptied."""
    RECEIPT = "receipt"  # The window's program took the text; then the composer was empty and the busy sign shown
    WEAK = "weak"  # the composer emptied, and either the busy sign was there or Octet still held the user's devices
    ANSWERED = "answered"
    PERSON = "person"


class Result(StrEnum):
    """How an attempt of a lane ended."""

    DELIVERED = "delivered"
    SENT = "sent"
    BOUNCED = "bounced"  # it failed before Enter for a reason that passes without a user; our draft is cleared
    REFUSED = "refused"  # it failed before Enter for a reason that needs a user; our draft is cleared
    STOPPED = "stopped"  # cancelled or the desk stopped, before Enter; our draft is cleared
    FAILED = "failed"
    NOT_ARRIVED = "not_arrived"
    """Enter was asked for, and it is certain that the text did not arrive: no key was pressed (focus taken, stopped,
    the go-ahead always late), or it was seen not to be there. Our draft is cleared; the row goes back to `queued`."""
    UNKNOWN = "unknown"
    REHEARSED = "rehearsed"  # A rehearsal: the whole text was staged, read back and cleared. Enter was never asked for.


MOST_PICTURE_BYTES = 500_000  # Of one picture kept with a receipt; the worker makes larger ones smaller


class PictureArea(StrEnum):
    """What a picture shows."""

    COMPOSER = "composer"
    WINDOW = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the target window, and of nothing else on the screen. What its profile masks, and what may show an
    answer code, is painted over."""

    moment: Moment
    png: bytes
    part: PictureArea = PictureArea.WINDOW

    @property
    def name(self) -> str:
        return name_of(self.moment, self.part)


class Moment(StrEnum):
    """When a picture was taken."""

    STAGED = "staged"  # the composer had the whole text, before Enter
    LAST_SEEN = "last_seen"  # when Octet gave up finding out the result
    AFTERWARDS = "afterwards"  # after Enter, when it was seen to have arrived; or after an act was done to the agent


def name_of(moment: Moment, part: PictureArea) -> str:
    return f"{moment.value}-{part.value}".replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdentity:
    """The process that pressed the keys."""

    pid: int
    host: str  # a short hash of the machine's name
    version: str
    path: str = ""  # `portable`: it had only PyAutoGUI, the clipboard and pixels, and could not block users' input


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which window it was, as the display server reported."""

    id: int
    kind: str  # the class part of its WM_CLASS
    title_sha256: str  # a hash, because a title may tell what a user works on
    place: tuple[int, int, int, int]  # x, y, width, height on the screen, without the frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a lane reports of an attempt besides its outcome: who acted where, and how it read the text."""

    readback: str = ""  # The read-back that saw the whole text in the composer before Enter; empty: none
    normalise: str = ""  # which differences that comparison forgave
    sha256: str = ""  # of the text that was read there
    hand: WorkerIdentity | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an answer used, as the model's API reported it."""

    input_tokens: int
    output_tokens: int
    cost_micros: int | None = None  # millionths of a US dollar; None where config/models.toml has no prices


class StopReason(StrEnum):
    """Why a turn ended."""

    END_TURN = "end_turn"  # the agent is done with the prompt
    MAX_TOKENS = "max_tokens"
    MAX_TURN_REQUESTS = "max_turn_requests"
    REFUSAL = "refusal"  # the model refused the prompt; the program may have dropped it from the conversation
    CANCELLED = "cancelled"  # Octet cancelled it
    FAILED = "failed"  # the program answered the prompt with an error after the turn had begun
    LOST = "lost"  # the program or its worker ended during the turn, perhaps with an earlier Octet
    OTHER = "other"  # a reason that this Octet does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFact:
    """Something that happened in an agent's turn. The texts are the agent's, and hostile."""

    agent: str
    delivery: DeliveryId  # The prompt of the turn


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnText(TurnFact):
    """The agent's present message as far as it has come; it takes the place of the text reported before. The whole
    message up to a limit, then its last part."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAct(TurnFact):
    """A tool call or a plan, as it is now. The kind `plan` has the entry at work as its title, and `done` of `total`
    entries are completed. `kind` is the protocol's word."""

    id: str
    title: str
    kind: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnUsage(TurnFact):
    """What the turn cost so far, where the program reports it."""

    cost_micros: int  # millionths of a US dollar


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionChoice:
    """One of the agent's own options. `kind` is the program's word, and may be unknown: Octet decides nothing by it."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionAsk(TurnFact):
    """The agent asks whether it may do something, and waits. It ends with an answer, with its turn, or with the
    program."""

    id: str  # Octet's id of this question, unique
    title: str
    raw: str  # the whole command; or all that the tool would get, as JSON; empty where the agent does not say it
    paths: tuple[str, ...] = ()
    diff: str = ""
    choices: tuple[PermissionChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAccess:
    """How the program of a conversation reaches Octet's tools: over HTTP, else by a command that it starts."""

    url: str
    token: str = field(repr=False)  # For this conversation only
    command: tuple[str, ...]  # Takes the token from the environment
    variables: Mapping[str, str] = field(repr=False)


class Approver(StrEnum):
    """Who allows what an agent does."""

    USER = "user"  # it asks before it acts
    NO_ONE = "no_one"  # the agent, or another model, decides, and no user is asked
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStatus:
    """What an agent's program says about itself; empty where it does not, or has not been started yet."""

    conversation: str = ""
    program: str = ""  # the name and version of what Octet talks to: the program, or an adapter
    version: str = ""
    can_load: bool = False  # whether Octet can find out after a crash what arrived
    mode: str = ""
    modes: tuple[str, ...] = ()
    approves: Approver = Approver.UNKNOWN
    reason: Reason | None = None  # why it could not be used the last time
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAnswer:
    """What an agent answered that is reached by a lane that answers itself. Hostile, as every agent's text."""

    text: str
    is_whole: bool = True
    usage: Usage | None = None  # None where the API reports none


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd(TurnFact):
    """The turn ended, and with it every open question of it. Each turn ends once."""

    stop: StopReason
    said: LaneAnswer  # The agent's last message, empty where it wrote none or it is lost; and what the turn used
    reason: Reason | None = None  # of FAILED, where the error is a known one
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a lane saw. It claims nothing that was not observed."""

    result: Result
    reason: Reason | None = None
    note: Diagnostic = ""
    assurance: Assurance | None = None
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])  # By stage, such as `focus`
    draft_left: bool = False  # A draft of Octet may still be in the composer: the worker could not clear it
    pictures: tuple[Picture, ...] = ()  # The window: for the receipt, and for the user who decides the result
    evidence: Evidence | None = None  # none where no window was touched
    answer: LaneAnswer | None = None  # only of a prompt that arrived
    retry_after_s: float | None = None  # for how long the agent's program asks to be left alone, if it says so


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """All that a lane needs to carry out one delivery."""

    delivery: DeliveryId
    fence: int  # grows with every lease of this delivery; an old holder does not have the present one
    agent: str
    desk: str | None
    window: str | None
    text: str
    sha256: str
    drafts: tuple[str, ...] = ()
    """Marks of our drafts that may be in the window and have to be cleared; for `settle` those of the delivery's own
    draft, which is the evidence."""
    allow_busy: bool = False  # it may be brought while the agent works, where its window keeps input for later
    act: Act | None = None  # An act in place of a text: leased → submitting, done once and never repeated
    expected_dialog: str = ""  # Of an act: the mark of the dialog that the user was shown; else it is refused
    begins_task: bool = False  # it brings the brief of a task
    folder: str = ""  # The folder of this task alone, in which an agent with conversations begins a new one; else empty
    is_dry_run: bool = False  # A harmless text to try the window with: staged, read back, cleared and never sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row: where it goes, how far it came, and why."""

    id: DeliveryId
    message: MessageId
    task: str | None
    agent: str
    desk: str | None
    window: str | None
    state: DeliveryState
    reason: AnyReason | None
    note: Diagnostic
    assurance: Assurance | None
    fence: int
    bounces: int
    bounced_since_ms: int | None  # when the present run of bounces began
    deaths: int  # how many attempts in a row the desk's worker did not outlive
    not_before_ms: int
    priority: int
    sha256: str  # of the text that was last asked for; empty before the first lease
    created_ms: int
    changed_ms: int
    timings_ms: dict[str, float]
    drafts: tuple[str, ...]
    """Marks by which the lane recognises our draft, as long as one may be in the window. Only the lane understands
    them."""
    may_have_arrived: bool = False  # A user had it sent again after an unknown result: its agent may have it already
    act: Act | None = None  # An act in place of a text: leased → submitting, done once and never repeated
    expects: str = ""  # of an act: the mark of the dialog that the user was shown; empty: any dialog
    share: MessagePart = WHOLE_MESSAGE  # Which part of its message it is; the number is fixed at the first lease

    @property
    def is_brief(self) -> bool:
        """Whether it brings the brief of its task; else it is a user's message, or an act."""
        return self.task is not None


LISTING: ListInMemory[Delivery] = ListInMemory(
    known={"state": words_of(DeliveryState), **dict.fromkeys(("agent", "task", "desk", "reason"))},
    id_of=lambda row: row.id,
    fields={
        "state": lambda row: (row.state.value,),
        "agent": lambda row: (row.agent,),
        "task": lambda row: (row.task,),
        "desk": lambda row: (row.desk,),
        "reason": lambda row: (row.reason,),
    },
    text_of=lambda row: f"{row.task} {row.note}",
    sorts={
        "created": lambda row: row.created_ms,
        "changed": lambda row: row.changed_ms,
        "agent": lambda row: row.agent,
    },
)


def deaths_after(delivery: Delivery, outcome: Outcome) -> int:
    """Return how many attempts in a row ended its worker, after this one. One that never began does not count."""
    if outcome.reason is Reason.NO_WORKER:
        return delivery.deaths
    return delivery.deaths + 1 if outcome.reason is Reason.WORKER_LOST else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvent(Event):
    """Something that happened to a delivery."""

    SUBJECT = "delivery:{0.delivery}"
    delivery: str
    task: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMoved(DeliveryEvent):
    """A delivery took a step."""

    was: str
    now: str
    reason: AnyReason | None
    assurance: str
    fence: int
    sha256: str
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRetaken(DeliveryEvent):
    """A delivery that was interrupted after Enter had been asked for has a new holder. Its state did not change."""

    fence: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReported(DeliveryEvent):
    """The program's own hook said that it got the prompt of a delivery that Octet saw arrive less surely."""

    was: str
    assurance: str


class NotWanted(Conflict):
    """The task or message of delivery {id} has ended; Octet no longer delivers it."""


class Settled(StrEnum):
    """How it was settled what became of a delivery that had been unknown."""

    ANSWERED = "answered"  # an answer came that bore the prompt's code
    REPORTED = "reported"  # the program's own hook said that it got the prompt
    ARRIVED = "arrived"  # a user said that it arrived
    AGAIN = "again"  # a user said that it did not; the next attempt has its own receipt
    DROPPED = "dropped"  # a user gave it up
    ENDED = "ended"  # its task ended, or it was taken back


_SETTLED_BY: dict[Assurance | None, Settled] = {
    Assurance.PERSON: Settled.ARRIVED,
    Assurance.ANSWERED: Settled.ANSWERED,
}


def settled_as(delivery: Delivery) -> Settled:
    """Say how the delivery was settled, which was unknown or weakly assured before."""
    if delivery.state is DeliveryState.QUEUED:
        return Settled.AGAIN
    if delivery.state is DeliveryState.DELIVERED:
        return _SETTLED_BY.get(delivery.assurance, Settled.REPORTED)
    return Settled.DROPPED if delivery.reason is Reason.DROPPED else Settled.ENDED


def asked_about(delivery: Delivery) -> str:
    """Return how a notice names this unknown: the same delivery may become unknown again, with another fence."""
    return f"{delivery.id}:{delivery.fence}"


def parse_asked(about: str) -> tuple[DeliveryId, int]:
    """Return the delivery and the fence that `asked_about` named."""
    delivery, _, fence = about.partition(":")
    return DeliveryId(delivery), int(fence)
