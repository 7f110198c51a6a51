"""What a user may do to an agent, the dialogs and blocked windows of agents, and how each ends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from core.deliveries.model import Delivery, DeliveryId, DeliveryState, PermissionChoice
from core.desks.model import DeskEvent
from core.profiles.model import Act, Activity
from core.reasons import BlockCause, Reason
from core.remedies import refused

DialogId = NewType("DialogId", str)  # A ULID

ACTION_TTL_MS = 30_000  # An act that is not done in this time expires: its user meant what was there then
NEEDS_ANSWER: dict[Activity, Reason | BlockCause] = {
    Activity.NEEDS_INPUT: BlockCause.APPROVAL,
    Activity.ERROR: Reason.WINDOW_ERROR,
    Activity.LIMITED: Reason.WINDOW_LIMIT,
}
"""What a window shows when its agent cannot continue without a user, and the code for that."""
ANSWERS = frozenset({Act.APPROVE, Act.DENY, Act.CONTINUE})  # Acts that answer a dialog, and only the one shown
NOTHING_PRESSED = frozenset(
    {DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.EXPIRED}
)
"""How an act may end without a key or button having been pressed."""


class DialogEnding(StrEnum):
    """How a dialog came to an end."""

    ANSWERED = "answered"  # by an act of Octet's that was seen to be done, or with one of the agent's own choices
    IN_DOUBT = "in_doubt"  # By an act that may have been done. What the window shows afterwards is another dialog
    GONE = "gone"  # it closed, or a user at the machine closed it
    CHANGED = "changed"  # the window shows another dialog now


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDialog:
    """An agent's window that waits for an answer, met an error or reached a limit, from when to when; or an agent that
    asks for permission in its turn. That one has no window, and choices."""

    id: DialogId
    agent: str
    desk: str
    window: str
    activity: Activity
    mark: str  # by which the lane knows this very dialog again
    answers: tuple[Act, ...]  # the acts that answer it
    choices: tuple[PermissionChoice, ...] = ()  # the agent's own, in its order; once answered, the chosen one
    text: str  # what the dialog says, if Octet can read it; deleted when it ends
    task: str | None  # what the agent was working on
    press: DeliveryId | None  # the act that a user asked for and that has not ended, or that ended the dialog
    ending: DialogEnding | None  # none as long as it lasts
    since_ms: int

    @property
    def asks_permission(self) -> bool:
        return not self.window


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDialogView:
    """A dialog with all that a user needs to decide."""

    dialog: AgentDialog
    png: bytes  # the picture of the window; empty if there is none, or none any more
    allowed_actions: frozenset[Act]  # what the machine's owner allows for this agent
    press: Delivery | None  # the act named by the dialog
    asker: str  # the id of the actor who asked for that act
    wakes: str  # the id of the actor who asked for the task


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """An act, and how it ended; or its state, if it has not ended in time."""

    act: Act
    agent: str
    delivery: Delivery
    asker: str  # the id of the actor who asked for it

    @property
    def state(self) -> DeliveryState:
        """`delivered` when it was done and its effect seen; one of NOTHING_PRESSED; `unknown`."""
        return self.delivery.state


def check_allowed(act: Act, agent: str, allowed_actions: Collection[str]) -> None:
    """Raise action_not_allowed unless the machine's owner allows this act for this agent."""
    if act.value not in allowed_actions:
        wanted = [one.value for one in Act if one.value in allowed_actions or one is act]
        raise refused("action_not_allowed", act=act.value, agent=agent, allowed=", ".join(f'"{one}"' for one in wanted))


NOT_HERE = frozenset(
    {Reason.LOCKED, Reason.DISPLAY_HELD, Reason.BUSY, Reason.PERSON_TYPING, Reason.QUIET_HOURS, Reason.DIALOG}
)
"""What passes without a user, or is reported as something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBlocked(DeskEvent):
    """An agent's window can no longer be used, or for another reason than before."""

    window: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUnblocked(DeskEvent):
    """An agent's window can be used again, or no agent has it any more."""

    window: str
