"""What a person is told of each thing that waits: half a sentence of what happened, and what to do next. Pure."""

from __future__ import annotations

from core.deliveries.model import Delivery
from core.dispatch.model import POLITE, WAITS_FOR_AGENT
from core.fleet.model import NeedKind
from core.notices.model import NoticeState
from core.reasons import BlockCause, ParkCause, Reason, WaitReason
from core.remedies import next_step, sentence
from core.tasks.model import BlockedTaskGroup, TaskState

RECALIBRATE = "{cure} Or recalibrate it: `octet calibrate {desk} {window}`, or the owner's button in Discord."
STORE = "Octet can write nothing down, so nothing goes on"
STORE_NEXT = "Mend what is named; then everything goes on by itself."
UNTOLD = {
    NoticeState.DROPPED: "news could not be told in Discord",
    NoticeState.NO_ACCESS: "Discord does not let Octet write in a channel, so messages wait",
    NoticeState.PENDING: "news cannot be told in Discord for some time now",
}
UNTOLD_NEXT = "Fix the cause above. `/task show` lists the unsent messages."
NO_ACCESS = "Give the bot its permissions in that channel (docs/discord.md); Octet then writes what waits."
ANSWER_REFUSED = "Read it in the folder `answers/refused` of Octet's home, then delete it there."
BOARD_GONE = "Give the bot its rights in that channel, then use `/fleet board` there again."
DESKS = {
    "held": "`/desk release` lets it go on.",
    "stopped": "`/desk release` lets it go on.",
}
UNLOCK = "Unlock it at the machine; then everything goes on by itself. `octet doctor` says how to keep it from locking."
MEND_DESK = "`octet doctor` says how to mend it."
MAY_WORK_MS = 300_000
"""So long an agent may be busy with one part before somebody had better look whether it waits for the next."""
_PART_PASSES = POLITE | {Reason.DESK_STOPPED, Reason.RESTARTED, Reason.NOT_WRITTEN_DOWN}
_BEGAN_EARLY = (
    "Look at its window. An agent that began with the first part is stopped by `/agent interrupt`; then the rest comes."
)


def of_held(held: BlockedTaskGroup) -> tuple[NeedKind, str, str] | None:
    """Kind, what happened and what to do; None for what passes without a person."""
    if held.state is TaskState.BLOCKED and held.reason is BlockCause.APPROVAL:
        return None  # what its window asks is told by itself
    if held.state is TaskState.BLOCKED:
        return NeedKind.QUESTION, "waits for an answer", "Open its thread and answer its agent."
    if held.reason in {None, WaitReason.DEPENDENCY, WaitReason.QUOTA}:
        return None  # another task comes first, or a quota comes back: both pass
    what, then = sentence(held.reason), next_step(held.reason, cause=held.cause)
    if held.state is TaskState.PARKED:
        kind = NeedKind.DELIVERY_UNKNOWN if held.reason is ParkCause.DELIVERY_UNKNOWN else NeedKind.PARKED
        return kind, f"is stopped: {what}", then
    if held.reason == WaitReason.DRY_RUN:
        return NeedKind.DRY_RUN, what, then
    return NeedKind.WAITING, f"waits: {what}", then


def of_part(part: Delivery, *, waited_ms: int) -> tuple[str, str] | None:
    """What happened and what to do about a part whose agent has those before it; None for what passes without a
    person."""
    if not part.reason or part.bounces or part.reason in _PART_PASSES:
        return None
    if part.reason in WAITS_FOR_AGENT and waited_ms < MAY_WORK_MS:
        return None
    cure = _BEGAN_EARLY if part.reason is Reason.BUSY else next_step(part.reason)
    end = " It then goes on by itself" + ("; `/task cancel` gives it up." if part.is_brief else ".")
    return half_said(part, "its agent's window"), cure + end


def half_said(part: Delivery, what: str) -> str:
    """That a part waits for `what`, as half a sentence."""
    whose = "its prompt" if part.is_brief else f"a message to {part.agent}"
    return f"{part.share.words} of {whose} waits for {what}; what comes before it has arrived"
