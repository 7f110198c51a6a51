"""What a person may do to an agent, what an agent's window stands still at, and how either ends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from core.deliveries.model import Delivery, DeliveryId, DeliveryState
from core.desks.model import DeskEvent
from core.kit.errors import Conflict, Denied, NotFound
from core.profiles.model import Act, Activity
from core.reasons import BlockCause, Reason
from core.remedies import next_step

DialogId = NewType("DialogId", str)  # A ULID

ACTION_TTL_MS = 30_000
"""An act that could not be done within this time is given up: whoever asked for it meant what was there then."""
NEEDS_ANSWER: dict[Activity, Reason | BlockCause] = {
    Activity.NEEDS_INPUT: BlockCause.APPROVAL,
    Activity.ERROR: Reason.WINDOW_ERROR,
    Activity.LIMITED: Reason.WINDOW_LIMIT,
}
"""What a window shows when its agent does not go on by itself, and the code for that."""
ANSWERS = frozenset({Act.APPROVE, Act.DENY, Act.CONTINUE})
"""Acts that answer what a window asks; they are good for the very dialog that a person was shown."""
NOTHING_PRESSED = frozenset(
    {DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.EXPIRED}
)
"""How an act may end without a key or button having been pressed."""


class DialogEnding(StrEnum):
    """How a dialog came to an end."""

    ANSWERED = "answered"  # by an act of Octet's that was seen to be done
    IN_DOUBT = "in_doubt"
    """By an act of which nobody knows whether it was done. What the window shows afterwards is another dialog."""
    GONE = "gone"  # by itself, or by somebody at the machine
    CHANGED = "changed"  # the window stands still at something else now


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDialog:
    """An agent's window that waits for an answer, met an error or reached a limit, from when to when."""

    id: DialogId
    agent: str
    desk: str
    window: str
    activity: Activity
    mark: str  # by which the lane knows this very dialog again
    answers: tuple[Act, ...]  # the acts that answer it
    text: str  # what stands there, where it can be read; forgotten when it is over
    task: str | None  # what the agent was working on
    press: DeliveryId | None  # the act that a person asked for and that is not over yet, or that ended it
    ending: DialogEnding | None  # none as long as it lasts
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDialogView:
    """A dialog with all that a person needs to decide."""

    dialog: AgentDialog
    png: bytes  # the picture of what the window stands still at; empty where there is none, or not any more
    allowed_actions: frozenset[Act]  # what the machine's owner allows for this agent
    press: Delivery | None  # the act named by the dialog
    asker: str  # the id of the actor who asked for that act
    wakes: str  # the id of the actor who asked for the task


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """An act, and how it ended; or how it stands, if it has not ended in time."""

    act: Act
    agent: str
    delivery: Delivery
    asker: str  # the id of the actor who asked for it

    @property
    def state(self) -> DeliveryState:
        """`delivered` when it was done and its effect seen; one of NOTHING_PRESSED; `unknown`."""
        return self.delivery.state


class ActionNotAllowed(Denied):
    """Octet may not press {act} for {agent}. The owner of this machine allows it in config/agents.toml, under
    name = "{agent}": allowed_actions = [{allowed}]; then Octet has to be restarted."""


class AgentBusy(Conflict):
    """Nothing was pressed: {agent} {why}. A new conversation would take from it what it works with: wait until it is
    done, or stop it by `/agent interrupt` and end its task."""


class NoWindowForAction(Conflict):
    """{agent} has no window in which something could be pressed. `/agent show` says how it is reached."""


class DeskNotReady(Conflict):
    """Nothing was pressed: {why}. `/desk status` shows it."""


class NoOpenDialog(Conflict):
    """Nothing was pressed: the window of {agent} does not wait for an answer. `/fleet needs-me` shows who does."""


class AnswerNotOffered(Conflict):
    """Nothing was pressed: {act} does not answer what the window of {agent} shows. It takes: {answers}."""


class DialogClosed(Conflict):
    """Nothing was pressed: {agent} does not wait for this any more ({how})."""


class ActionUnderway(Conflict):
    """Nothing more was pressed: {act} for {agent} was asked for just before and is not over yet."""


class DialogNotFound(NotFound):
    """There is no such dialog. `/fleet needs-me` shows who waits for an answer."""


class ActionNotRepeated(Conflict):
    """A press is never repeated by itself. Look at the window; if it still asks, `/agent answer` or the newest message
    with buttons answers it."""


def check_allowed(act: Act, agent: str, allowed_actions: Collection[str]) -> None:
    """Raise ActionNotAllowed unless the machine's owner allows this act for this agent."""
    if act.value not in allowed_actions:
        wanted = [one.value for one in Act if one.value in allowed_actions or one is act]
        raise ActionNotAllowed(act=act.value, agent=agent, allowed=", ".join(f'"{one}"' for one in wanted))


NOT_HERE = frozenset(
    {Reason.LOCKED, Reason.DISPLAY_HELD, Reason.BUSY, Reason.PERSON_TYPING, Reason.QUIET_HOURS, Reason.DIALOG}
)
"""What passes without a user, or is told of as something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedWindow:
    """A window that cannot be used, or could not until `over_ms`."""

    desk: str
    window: str
    agent: str
    reason: Reason
    seen: str  # what exactly was seen, for those who may look at the desk
    since_ms: int
    tried_by: str = ""  # who had it recalibrated last
    tried: str = ""  # why that did not work; empty while that is not known
    over_ms: int = 0

    @property
    def key(self) -> str:
        """How its notice names it."""
        return blocked_key(self.desk, self.window)

    @property
    def cure(self) -> str:
        """What a user does about it."""
        return next_step(self.reason)


def blocked_key(desk: str, window: str) -> str:
    """Return how notices name a window."""
    return f"window:{desk}/{window}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBlocked(DeskEvent):
    """An agent's window can no longer be used, or for another reason than before."""

    window: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUnblocked(DeskEvent):
    """An agent's window can be used again, or no agent has it any more."""

    window: str
