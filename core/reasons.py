"""Why something did not go, waits or ended: the codes that windows, lanes and deliveries share."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

Diagnostic: TypeAlias = str
"""What exactly Octet saw, with a code: for users, as the `detail` of a problem in RFC 9457. No code decides by it."""


class Reason(StrEnum):
    """A code. core/remedies.py says what it means and what to do next."""

    CLOSED = "closed"
    COVERED = "covered"
    MOVED = "moved"
    RESIZED = "resized"
    CHANGED = "changed"
    HIDDEN = "hidden"
    AMBIGUOUS = "ambiguous"
    LOCKED = "locked"
    COMPOSER_NOT_EMPTY = "composer_not_empty"
    NOT_CLEARED = "not_cleared"
    FOCUS_TAKEN = "focus_taken"
    CLIPBOARD_TAKEN = "clipboard_taken"
    CLIPBOARD_FROZEN = "clipboard_frozen"
    KEYS_DOWN = "keys_down"
    NO_SUCH_KEY = "no_such_key"
    DISPLAY_HELD = "display_held"
    TOO_SLOW = "too_slow"
    PASTE_NOT_READ = "paste_not_read"
    NOT_READABLE = "not_readable"
    PANE_NOT_READABLE = "pane_not_readable"
    OUT_OF_REACH = "out_of_reach"
    READ_BACK_DIFFERS = "read_back_differs"
    BOUNCED_TOO_LONG = "bounced_too_long"
    BUSY = "busy"
    PERSON_TYPING = "person_typing"
    QUIET_HOURS = "quiet_hours"
    DIALOG = "dialog"
    LATE = "late"
    TEXT_REFUSED = "text_refused"
    TOO_LONG = "too_long"
    NOT_TOLD = "not_told"
    NOT_SEEN = "not_seen"
    WORKER_LOST = "worker_lost"
    NO_WORKER = "no_worker"
    POISON = "poison"
    RESTARTED = "restarted"
    DESK_STOPPED = "desk_stopped"
    DRY_RUN = "dry_run"
    NOT_WRITTEN_DOWN = "not_written_down"
    BRIEF_NOT_WRITTEN = "brief_not_written"
    PROMPT_CHANGED = "prompt_changed"
    DROPPED = "dropped"
    NO_WINDOW = "no_window"
    RATE_LIMITED = "rate_limited"
    MODEL_DENIED = "model_denied"
    UNREACHABLE = "unreachable"
    ANSWER_LOST = "answer_lost"
    ANSWER_CUT = "answer_cut"
    EVIDENCE_MISSING = "evidence_missing"
    AGENT_FAILED = "agent_failed"
    REFUSED = "refused"
    WINDOW_ERROR = "window_error"
    WINDOW_LIMIT = "window_limit"
    REFUSED_BETWEEN_PARTS = "refused_between_parts"
    TASK_UNASSIGNED = "task_unassigned"
    OFF_DUTY = "off_duty"
    EARLIER_UNKNOWN = "earlier_unknown"
    DESK_UNUSABLE = "desk_unusable"
    BRIEF_FIRST = "brief_first"
    EARLIER_FIRST = "earlier_first"
    TASK_ENDED = "task_ended"
    TASK_MOVED = "task_moved"
    AGENT_GONE = "agent_gone"
    REMOVED = "removed"
    AGENT_AT_WORK = "agent_at_work"
    NOT_AT_WORK = "not_at_work"
    CONFIG_CHANGED = "config_changed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    INTERNAL_ERROR = "internal_error"
    SIGN_GIVEN = "sign_given"
    LOOKS_IDLE = "looks_idle"  # an agent with a task, which has not answered
    ANSWERED = "answered"
    NO_AGENT_THERE = "no_agent_there"
    WORKER_STARTING = "worker_starting"
    STARTING_LONG = "starting_long"
    UNTIL_RELEASED = "until_released"
    STOPPED_THERE = "stopped_there"
    NO_X11 = "no_x11"
    NO_DISPLAY = "no_display"
    DISPLAY_SILENT = "display_silent"
    DISPLAY_TAKEN = "display_taken"
    DISPLAY_STARTING = "display_starting"
    DISPLAY_DOWN = "display_down"
    DISPLAY_ENDED = "display_ended"
    WAYLAND = "wayland"
    WRONG_XLIB = "wrong_xlib"
    WORKER_NOT_STARTED = "worker_not_started"
    WORKER_SILENT = "worker_silent"
    OTHER_VERSION = "other_version"
    DRAFTS_UNKNOWN = "drafts_unknown"
    NO_TMUX = "no_tmux"
    NO_COMPOSER = "no_composer"
    SEVERAL_COMPOSERS = "several_composers"
    WRONG_PLACE = "wrong_place"
    MARGIN = "margin"
    SCROLLED = "scrolled"
    OFF_SCREEN = "off_screen"
    READ_IN_WINDOW = "read_in_window"
    SAID_BY_HOOK = "said_by_hook"
    ENDED_TURN = "ended_turn"
    TURN_TOO_LONG = "turn_too_long"
    TURN_REFUSED = "turn_refused"
    TURN_FAILED = "turn_failed"
    TURN_LOST = "turn_lost"
    TURN_TOO_EXPENSIVE = "turn_too_expensive"
    STILL_ON_CANCELLED = "still_on_cancelled"
    AVOIDED = "avoided"
    ACCOUNT_LIMIT = "account_limit"
    FAILS_OFTEN = "fails_often"
    HELD_UNTIL = "held_until"
    ACKNOWLEDGED = "acknowledged"
    TRACE_STOPPED = "trace_stopped"
    LOOP = "loop"
    TOO_MANY_HOPS = "too_many_hops"
    PAIR_TOO_OFTEN = "pair_too_often"
    LINE_FULL = "line_full"
    TEXT_LONG = "text_long"
    SEVERAL_REQUESTS = "several_requests"
    NO_ANSWER_FORM = "no_answer_form"
    PROGRAM_NOT_STARTED = "program_not_started"
    PROGRAM_FAILED = "program_failed"
    NOT_LOGGED_IN = "not_logged_in"
    NOT_OFFERED = "not_offered"
    FOLDER_NOT_READY = "folder_not_ready"
    CHECKS_AGAIN = "checks_again"  # they failed, and its agent repairs its work


AT_A_LIMIT = frozenset({Reason.RATE_LIMITED, Reason.WINDOW_LIMIT, Reason.ACCOUNT_LIMIT})
UNVERIFIED = frozenset({Reason.READ_IN_WINDOW, Reason.SAID_BY_HOOK, Reason.ENDED_TURN})  # answers without their code
NEVER_FITS = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})  # refusals that a usable window does not change


class WaitReason(StrEnum):
    """Why a ready task is held."""

    DEPENDENCY = "dependency"
    DEPENDENCY_FAILED = "dependency_failed"  # a task that it needs ended otherwise than done
    PICK = "pick"  # the answers to its parts wait for a user's choice
    NOT_BEFORE = "not_before"  # a user set the time at which it may start
    WINDOW = "window"
    DESK = "desk"
    QUOTA = "quota"
    HOLD = "hold"
    DRY_RUN = "dry_run"
    AGENT = "agent"  # no agent of the present config can do it
    PAUSED = "paused"  # users paused all agents that could do it
    FOLDER = "folder"  # Octet cannot make the folder of its agent ready


class BlockCause(StrEnum):
    """What the agent of a blocked task needs."""

    APPROVAL = "approval"  # its window waits for a user's answer
    QUESTION = "question"  # the agent asked a user or another agent (`octet ask`, `octet blocked`)


class ParkCause(StrEnum):
    """Why a task needs a user."""

    WINDOW = "window_refused"
    WORKER = "worker"  # the worker of its desk ended over its prompt each time
    DELIVERY_UNKNOWN = "delivery_unknown"
    LOST = "lost"  # no delivery to its agent is under way any more, for an unknown reason
    INTERRUPTED = "interrupted"  # its agent was interrupted and is free; the task stays its agent's to continue
    CHECKS_FAILED = "checks_failed"  # its checks failed each time that its agent may try
    CHECKS_REFUSED = "checks_refused"  # Octet cannot run its checks as it must
    CHECK_ASKS = "check_asks"  # a check asks a person
    SILENT = "silent"  # its agent gave no sign for too long; the task stays its agent's


BY_CHECKS = frozenset({ParkCause.CHECKS_FAILED, ParkCause.CHECKS_REFUSED, ParkCause.CHECK_ASKS})


class TaskActivity(StrEnum):
    """By what Octet last knew that the agent of a task is at work."""

    WINDOW_CHANGED = "window_changed"
    REPLIED = "replied"
    BEGAN_ANSWER = "began_answer"
    PROGRESS = "progress"  # its report, in its own words


class IdleSource(StrEnum):
    """By what Octet knows that an agent rests."""

    SCREEN = "screen"
    ACCESSIBILITY = "accessibility"
    TURN = "turn"  # its program said that its turn is over
    HOOK = "hook"  # its program's hook said that it stopped, and its window does not show otherwise


AnyReason = Reason | WaitReason | BlockCause | ParkCause
_BY_CODE: dict[str, AnyReason] = {
    one.value: one for kind in (ParkCause, BlockCause, WaitReason, Reason) for one in kind
}


def reason_of(code: str) -> AnyReason | None:
    """Read a code from the database; None for the empty one."""
    return _BY_CODE[code] if code else None
