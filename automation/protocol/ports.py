"""What the steps of a delivery need from a window, from the journal, and from the stop button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.deliveries.model import Moment, Picture, Reason, Target
from core.kit.errors import Conflict, OctetError, Unavailable
from core.profiles.model import AnyReadback
from core.remedies import sentence


class DeliveryFailure(OctetError):
    """The attempt ended before Enter: {reason}. {note}"""

    def __init__(self, reason: Reason, note: str = "", *, private: str = "") -> None:
        """`note` says for people what exactly was seen; `private` the same for those who may look at the desk."""
        super().__init__(reason=sentence(reason), note=note)
        self.reason = reason
        self.note = note
        self.private = private or note


class TransientFailure(DeliveryFailure, Unavailable):
    """The attempt ended before Enter for a cause that passes: {reason}. {note}"""


class PermanentFailure(DeliveryFailure, Conflict):
    """The attempt ended before Enter for a cause that does not pass: {reason}. {note}"""


class Cancelled(Conflict):
    """The delivery was stopped: {note}."""

    def __init__(
        self, note: str, *, reason: Reason | None = None, denied: bool = False, orphaned: bool = False
    ) -> None:
        """`denied`: the journal said no. `orphaned`: no process is left that could tell whether Enter was granted."""
        super().__init__(note=note)
        self.note = note
        self.reason = reason
        self.denied = denied
        self.orphaned = orphaned


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadbackResult:
    """What one look at the staged text gave."""

    by: AnyReadback
    text: str | None = None
    """The whole text of the composer; None while there is nothing to be had, or this way tells no text."""
    taken: bool = False  # the target's program itself took the text from the selection after the paste chord
    landed: bool = False  # all that this way can tell without the text says that it stands in the composer


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitEvidence:
    """What one look at the window after Enter gave."""

    is_empty: bool
    is_busy: bool
    is_guarded: bool = False  # since before Enter, and until after this look, the input guard held the user's devices
    has_gained: bool | None = None
    """Whether its program tells that the composer emptied, and that the rest of the window gained the whole text, once.
    None where it does not tell what stands there."""


class ClearResult(StrEnum):
    """What became of our own draft."""

    SEEN = "seen"
    UNSEEN = "unseen"
    """The chords that clear went into the target, but its composer could not be looked at: covered, or elsewhere."""
    FAILED = "failed"


class WindowPort(Protocol):
    """One window, ready for one delivery. A verb raises TransientFailure or PermanentFailure with what it saw; none
    waits for long."""

    # See that it may be used: at its place, uncovered, unchanged, idle, its composer empty. Touches nothing. With
    # `may_be_busy` it need not be idle. Returns whether its busy sign is shown.
    def look(self, *, may_be_busy: bool = False) -> bool: ...
    # See that it is the window, at its place, uncovered, unchanged, whatever it shows. Touches nothing.
    def find(self) -> None: ...
    # Give the composer the focus; the window under the point and the active window are then both the target.
    def focus(self) -> None: ...
    # Whether the composer has been ours alone since it was given the focus, and is for some while yet: the person's
    # devices are held. If not, it needs the focus anew before a key, and what stands there is read again.
    def is_held(self) -> bool: ...
    # Put `text` into the composer by one paste. From here on there is a draft of ours to clear.
    def stage(self, text: str) -> None: ...
    def read(self) -> ReadbackResult: ...  # Look once whether the whole text stands in the composer
    # See that a key pressed now goes into the target, and that what was staged is still what is there.
    def guard(self) -> None: ...
    # Press the submit chord once. Raises Cancelled or TransientFailure only when nothing was pressed: stopped,
    # something in the way, or (LATE) `by_s` on the clock of the pace was over.
    def submit(self, *, by_s: float) -> None: ...
    def is_at_work(self) -> bool: ...  # Whether its agent is seen at work now; False where that cannot be seen
    def confirm(self) -> SubmitEvidence: ...  # Look once whether Enter had its effect
    # Let that much time pass, less when something is drawn in the window after the last look at it, or where the
    # platform does not tell of drawing.
    def wait_for_redraw(self, seconds: float) -> None: ...
    # The target's own program took the text, and no other configured window belongs to that program.
    def has_receipt(self) -> bool: ...
    # By what else than its text our draft can be recognised, as it stands in the composer now.
    def marks(self) -> tuple[str, ...]: ...
    # Whether this is the very window in which these marks were made, and not one opened since.
    def is_same_window(self, marks: Sequence[str]) -> bool: ...
    # Whether what stands in the composer, whole, is a draft with one of these marks. Leaves it as it is.
    def matches_draft(self, marks: Sequence[str]) -> bool: ...
    # The text of the transcript, copied out, the focus back in the composer; None when nothing was to be had.
    def transcript(self) -> str | None: ...
    # Keep in mind what the window shows now, as the picture of that moment; nothing when it cannot be seen whole.
    # Raises nothing.
    def remember(self, moment: Moment) -> None: ...
    # What was kept in mind: of the composer, and with `whole` of the window too. Raises nothing.
    def pictures(self, *, whole: bool) -> tuple[Picture, ...]: ...
    # Which window it is, as the display server told when it was looked for; None when it never was found.
    def target_identity(self) -> Target | None: ...
    # Remove our own draft and say what was seen of that. Never called after Enter. Raises nothing.
    def clear(self) -> ClearResult: ...
    def restore_user_state(self) -> None: ...  # Selection, pointer and focus go back to where they were


class CommitPort(Protocol):
    """Asks that the delivery's next state be committed. Returns when it is; raises Cancelled when it may not be."""

    # Before the first click. By the marks `drafts` our draft can be recognised from now on.
    def staging(self, drafts: tuple[str, ...]) -> None: ...
    # After the whole text was read back equal; `sha256` is of the text that was read, `drafts` are more marks.
    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None: ...
    def submitting(self) -> None: ...  # Before Enter. What this grants is good for 250 ms, counted from the asking.
    # Whether an answer has proven the delivery since: its arrival needs no other proof.
    def is_answered(self) -> bool: ...


class DeliveryClock(Protocol):
    """Time and the stop button."""

    def now_s(self) -> float: ...  # Seconds that never jump; only differences mean anything
    def rest(self, seconds: float) -> None: ...  # Let that much time pass, less when the user asks to stop
    def check(self) -> None: ...  # Raise Cancelled when the user asked to stop
