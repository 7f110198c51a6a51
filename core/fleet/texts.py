"""What a user reads of each thing that waits: half a sentence of what happened, and what to do next. Pure."""

from __future__ import annotations

from core.deliveries.model import Delivery
from core.dispatch.model import POLITE, WAITS_FOR_AGENT
from core.fleet.model import NeedKind
from core.notices.model import NoticeState
from core.reasons import BY_CHECKS, BlockCause, ParkCause, Reason, WaitReason
from core.remedies import next_step, sentence
from core.tasks.model import BlockedTaskGroup, TaskState

RECALIBRATE = "`/desk calibrate {desk}` (or `octet calibrate {desk} {window}`)"
STORE = "Octet cannot write its database, so it has stopped"
STORE_NEXT = "Fix the cause. Octet then continues."
UNTOLD = {
    NoticeState.DROPPED: "Octet could not post a message in Discord",
    NoticeState.NO_ACCESS: "Octet may not write in a Discord channel, so messages wait",
    NoticeState.PENDING: "Octet has not been able to post messages in Discord for some time",
}
UNTOLD_NEXT = "Fix the cause above. `/task show` lists the unsent messages."
NO_ACCESS = "Give the bot its permissions in that channel (docs/discord.md); Octet then posts the waiting messages."
ANSWER_REFUSED = "Read it in the folder `answers/refused` of Octet's home, then delete it there."
BOARD_GONE = "Give the bot its permissions in that channel, then use `/fleet board` there again."
DESKS = {
    "held": "Resume it with `/desk release`.",
    "stopped": "Resume it with `/desk release`.",
}
PERMISSION = "{agent} asks for permission"
CHOOSE = "Answer with the buttons of its message, or read `octet agent dialog {dialog}`, then `octet agent choose`."
ANSWER = "Answer it with `/msg answer {question}`."
STORM = "Octet stopped a chain of messages between agents, because it has reached its limit"
STORM_NEXT = "Look at it with `/msg trace {trace}`. Then use `/msg stop-trace {trace}`, or `/msg resume-trace {trace}`."
UNLOCK = "Unlock it at the machine. `octet doctor` says how to keep it from locking."
MEND_DESK = "`octet doctor` says how to fix it."
MAY_WORK_MS = 300_000
"""After this time a user should check whether an agent that is busy with one part waits for the next."""
_PART_PASSES = POLITE | {Reason.DESK_STOPPED, Reason.RESTARTED, Reason.NOT_WRITTEN_DOWN}
_BEGAN_EARLY = (
    "Look at its window. If the agent began with the first part, stop it with `/agent interrupt`. Octet then sends the "
    "rest."
)


def of_held(held: BlockedTaskGroup) -> tuple[NeedKind, str, str] | None:
    """Return the kind, what happened and what to do; None for what passes without a user."""
    if held.state is TaskState.BLOCKED and held.reason is BlockCause.APPROVAL:
        return None  # the dialog is listed separately
    if held.state is TaskState.BLOCKED:
        return NeedKind.QUESTION, "waits for an answer", "Open its thread and answer its agent."
    if held.reason in {None, WaitReason.DEPENDENCY, WaitReason.NOT_BEFORE, WaitReason.QUOTA}:
        return None  # another task comes first, its time comes, or a quota comes back: these pass
    what, then = sentence(held.reason), next_step(held.reason, cause=held.cause)
    if held.state is TaskState.PARKED:
        kind = NeedKind.DELIVERY_UNKNOWN if held.reason is ParkCause.DELIVERY_UNKNOWN else NeedKind.PARKED
        kind = NeedKind.CHECKS if held.reason in BY_CHECKS else kind
        return kind, f"is stopped: {what}", then
    if held.reason == WaitReason.DRY_RUN:
        return NeedKind.DRY_RUN, what, then
    return NeedKind.WAITING, f"waits: {what}", then


def of_part(part: Delivery, *, waited_ms: int) -> tuple[str, str] | None:
    """Return what happened to a later part and what to do about it; None for what passes without a user."""
    if not part.reason or part.bounces or part.reason in _PART_PASSES:
        return None
    if part.reason in WAITS_FOR_AGENT and waited_ms < MAY_WORK_MS:
        return None
    cure = _BEGAN_EARLY if part.reason is Reason.BUSY else next_step(part.reason)
    end = " Octet then continues" + ("; `/task cancel` ends the task." if part.is_brief else ".")
    return half_said(part, "its agent's window"), cure + end


def half_said(part: Delivery, what: str) -> str:
    """Say that a part waits for `what`, as half a sentence."""
    whose = "its prompt" if part.is_brief else f"a message to {part.agent}"
    return f"{part.share.words} of {whose} waits for {what}; the parts before it have arrived"
