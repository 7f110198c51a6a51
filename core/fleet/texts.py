"""What a person is told of each thing that waits: half a sentence of what happened, and what to do next. Pure."""

from __future__ import annotations

from core.deliveries import cures
from core.deliveries.model import Delivery, Reason
from core.dispatch.model import POLITE, WAITS_FOR_AGENT
from core.fleet.model import NeedKind
from core.notices.model import NoticeState
from core.profiles.model import Activity
from core.tasks.model import BlockCause, BlockedTaskGroup, ParkCause, TaskState, WaitReason

_WAITING: dict[str, tuple[str, str]] = {
    WaitReason.WINDOW: (
        "waits for its agent's window, which cannot be used",
        "",  # by what was seen there
    ),
    WaitReason.DESK: (
        "waits for its agent's desk, which cannot be used",
        "`octet doctor` says how to mend the desk; then it goes on by itself.",
    ),
    WaitReason.HOLD: (
        "waits because its desk or agent is held back",
        "Release the desk by `/desk release`, or settle what its agent is held for.",
    ),
    WaitReason.DRY_RUN: (
        "was sent as a dry run: nothing was typed anywhere",
        "Do what its card says and end it by `/task done`.",
    ),
    WaitReason.AGENT: (
        "can be done by no agent of the present config",
        "Add an agent that can to config/agents.toml, or cancel it by `/task cancel`.",
    ),
    WaitReason.PAUSED: (
        "waits for an agent that is paused",
        "Put the agent back by `/agent resume`, or choose another by `/task assign`.",
    ),
}
_PARKED: dict[str, tuple[str, str]] = {
    ParkCause.WINDOW: (
        "is stopped: its agent's window was refused too often",
        "",  # by what was seen there
    ),
    ParkCause.WORKER: ("is stopped: the worker of its desk ended over it each time", cures.cure(Reason.POISON)),
    ParkCause.LOST: (
        "is stopped: Octet lost track of its prompt",
        "Look at the agent's window; then `/task retry` or `/task cancel`.",
    ),
    ParkCause.SILENT: (
        "is stopped: its agent has been silent for too long",
        "Look at the agent's window. If it still works: `/agent resume`; else `/task retry` or `/task cancel`.",
    ),
    ParkCause.DELIVERY_UNKNOWN: (
        "is stopped: it is not known whether its prompt arrived",
        "Look at the agent's window and decide in the task's thread, or by `octet delivery resolve`.",
    ),
}
STANDS_STILL: dict[Activity, tuple[str, str]] = {
    Activity.NEEDS_INPUT: (
        "{agent} waits for an answer",
        "Answer it by the buttons of its message, by `/agent answer`, or at the machine.",
    ),
    Activity.ERROR: ("the window of {agent} shows an error", "Look at its window; `/agent answer` can let it go on."),
    Activity.LIMITED: (
        "the window of {agent} says that a limit is reached",
        "It goes on when the limit passes, or by `/agent answer`; `/task assign` gives its task to another agent.",
    ),
}
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
AGENTS = {
    "held": "Settle what it is held for: look at its window and at its task.",
    "unknown": "It was silent and its task went to another agent. Look at its window; if it is free, `/agent resume`.",
    "needs_input": "Look at its window and answer it there.",
}
MAY_WORK_MS = 300_000
"""So long an agent may be busy with one part before somebody had better look whether it waits for the next."""
_PART_PASSES = POLITE | {Reason.DESK_STOPPED.value, Reason.RESTARTED.value, Reason.NOT_WRITTEN_DOWN.value}
_BEGAN_EARLY = (
    "Look at its window. An agent that began with the first part is stopped by `/agent interrupt`; then the rest comes."
)
LOOK_AT_AGENT = "`/desk doctor` says what is wrong with its window, and what to do."


def of_held(held: BlockedTaskGroup) -> tuple[NeedKind, str, str] | None:
    """Kind, what happened and what to do; None for what passes without a person."""
    if held.state is TaskState.BLOCKED and held.reason == BlockCause.APPROVAL:
        return None  # what its window asks is told by itself
    if held.state is TaskState.BLOCKED:
        return NeedKind.QUESTION, "waits for an answer", "Open its thread and answer its agent."
    if held.state is TaskState.PARKED:
        kind = NeedKind.DELIVERY_UNKNOWN if held.reason == ParkCause.DELIVERY_UNKNOWN else NeedKind.PARKED
        other = (f"is stopped: {held.reason}", "Open its thread; then `/task retry` or `/task cancel`.")
        what, then = _PARKED.get(held.reason, other)
        return kind, what, f"{_cure(held)} Then `/task retry`." if held.reason == ParkCause.WINDOW else then
    if held.reason not in _WAITING:
        return None  # another task comes first, or a quota comes back: both pass
    kind = NeedKind.DRY_RUN if held.reason == WaitReason.DRY_RUN else NeedKind.WAITING
    what, then = _WAITING[held.reason]
    return kind, what, f"{_cure(held)} It then goes on by itself." if held.reason == WaitReason.WINDOW else then


def of_part(part: Delivery, *, waited_ms: int) -> tuple[str, str] | None:
    """What happened and what to do about a part whose agent has those before it; None for what passes without a
    person."""
    if not part.reason or part.bounces or part.reason in _PART_PASSES:
        return None
    reason = cures.reason_of(part.reason)
    if reason in WAITS_FOR_AGENT and waited_ms < MAY_WORK_MS:
        return None
    cure = _BEGAN_EARLY if reason is Reason.BUSY else cures.cure(reason)
    end = " It then goes on by itself" + ("; `/task cancel` gives it up." if part.is_brief else ".")
    return half_said(part, "its agent's window"), cure + end


def half_said(part: Delivery, what: str) -> str:
    """That a part waits for `what`, as half a sentence."""
    whose = "its prompt" if part.is_brief else f"a message to {part.agent}"
    return f"{part.share.words} of {whose} waits for {what}; what comes before it has arrived"


def _cure(held: BlockedTaskGroup) -> str:
    """What to do about what was seen at the window."""
    return cures.cure(cures.reason_of(held.note))
