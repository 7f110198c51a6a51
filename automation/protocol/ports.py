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
        """`note` says for users what exactly was seen; `private` the same for those who may look at the desk."""
        super().__init__(reason=sentence(reason), note=note)
        self.reason = reason
        self.note = note
        self.private = private or note


class TransientFailure(DeliveryFailure, Unavailable):
    """The attempt ended before Enter and Octet retries: {reason}. {note}"""


class PermanentFailure(DeliveryFailure, Conflict):
    """The attempt ended before Enter and Octet does not retry: {reason}. {note}"""


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
    """The whole text of the composer; None where it could not be read, or this way reads no text."""
    taken: bool = False  # the target's program itself took the text from the selection after the paste chord
    landed: bool = False  # all that this way can see without the text says that the composer holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitEvidence:
    """What one look at the window after Enter gave."""

    is_empty: bool
    is_busy: bool
    is_guarded: bool = False  # since before Enter, and until after this look, the input guard held the user's devices
    has_gained: bool | None = None
    """Whether the composer emptied, and the rest of the window gained the whole text, once. None: not reported."""


class ClearResult(StrEnum):
    """What became of our own draft."""

    SEEN = "seen"
    UNSEEN = "unseen"
    """The clearing chords went into the target, but its composer could not be seen: covered, or moved."""
    FAILED = "failed"


class WindowPort(Protocol):
    """One window, ready for one delivery. A verb raises TransientFailure or PermanentFailure; none waits long."""

    # See that it may be used: at its place, uncovered, unchanged, idle, its composer empty. Touches nothing. With
    # `may_be_busy` it need not be idle. Returns whether its busy sign is shown.
    def look(self, *, may_be_busy: bool = False) -> bool: ...
    # See that it is the window, at its place, uncovered, unchanged, whatever it shows. Touches nothing.
    def find(self) -> None: ...
    # Give the composer the focus; the window under the point and the active window are then both the target.
    def focus(self) -> None: ...
    # Whether the composer has been ours alone since it got the focus, and will be for a while: the user's devices are
    # held. If not, it needs the focus again before a key, and a new readback.
    def is_held(self) -> bool: ...
    # Put `text` into the composer by one paste. From here on there is a draft of ours to clear.
    def stage(self, text: str) -> None: ...
    def read(self) -> ReadbackResult: ...  # Look once whether the composer holds the whole text
    # See that a key pressed now goes into the target, and that the staged text is still there.
    def guard(self) -> None: ...
    # Press the submit chord once. Raises Cancelled or TransientFailure only when nothing was pressed: stopped,
    # something in the way, or (LATE) `by_s` on the clock of the pace was over.
    def submit(self, *, by_s: float) -> None: ...
    def is_at_work(self) -> bool: ...  # Whether its agent is seen at work now; False where that cannot be seen
    def confirm(self) -> SubmitEvidence: ...  # Look once whether Enter had its effect
    # Wait so long, or until something is drawn in the window after the last look at it, or briefly where the platform
    # does not report drawing.
    def wait_for_redraw(self, seconds: float) -> None: ...
    # The target's own program took the text, and no other configured window belongs to that program.
    def has_receipt(self) -> bool: ...
    # Marks of our draft besides its text, as the composer shows it now.
    def marks(self) -> tuple[str, ...]: ...
    # Whether these marks were made in this very window, and not in one opened since.
    def is_same_window(self, marks: Sequence[str]) -> bool: ...
    # Whether the composer holds a whole draft with one of these marks. Leaves it as it is.
    def matches_draft(self, marks: Sequence[str]) -> bool: ...
    # Copy the transcript's text and return the focus to the composer. None when there is no text.
    def transcript(self) -> str | None: ...
    # Keep in mind what the window shows now, as the picture of that moment; nothing when it cannot be seen whole.
    # Raises nothing.
    def remember(self, moment: Moment) -> None: ...
    # The remembered pictures: of the composer, and with `whole` of the window too. Raises nothing.
    def pictures(self, *, whole: bool) -> tuple[Picture, ...]: ...
    # Identify the window, as the display server described it when Octet found it; None when it never did.
    def target_identity(self) -> Target | None: ...
    # Remove our own draft; return what was seen of that. Never called after Enter. Raises nothing.
    def clear(self) -> ClearResult: ...
    def restore_user_state(self) -> None: ...  # Selection, pointer and focus go back to where they were


class CommitPort(Protocol):
    """Asks to commit the delivery's next state. Returns when it is; raises Cancelled when it may not be."""

    # Before the first click. By the marks `drafts` our draft can be recognised from now on.
    def staging(self, drafts: tuple[str, ...]) -> None: ...
    # After the whole text was read back equal; `sha256` is of the text that was read, `drafts` are more marks.
    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None: ...
    def submitting(self) -> None: ...  # Before Enter. What this grants is good for 250 ms, counted from the asking.
    # Ask for what `submitting` then waits for, where the state is committed already and came too late to press.
    def ask_ahead(self) -> None: ...
    # Whether an answer has proven the delivery since: its arrival needs no other proof.
    def is_answered(self) -> bool: ...


class DeliveryClock(Protocol):
    """Time and the stop button."""

    def now_s(self) -> float: ...  # Seconds that never jump; only differences mean anything
    def rest(self, seconds: float) -> None: ...  # Wait so long, less when the user asks to stop
    def check(self) -> None: ...  # Raise Cancelled when the user asked to stop
