"""The port of the loop: one display, or one tmux server, as the parts that know how things are done there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from PIL import Image

from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.messages import Calibrating, CallResult, Mode
from automation.protocol.dialog_action import ActionPort
from automation.protocol.ports import Cancelled, ClearResult, WindowPort
from core.deliveries.model import Reason
from core.desks.model import Arranged, Shown, Transcribed, WindowStatus
from core.profiles.model import Driven
from core.remedies import sentence


class EyesPort(Protocol):
    """The windows that there are here, and what is seen of them, without touching them. Raises DeliveryFailure."""

    def names(self) -> tuple[str, ...]: ...
    def profile(self, name: str) -> Driven: ...  # How this window is driven
    def is_composer_empty(self, name: str) -> bool: ...
    def is_busy(self, name: str) -> bool: ...  # Whether its busy sign is shown
    def is_ready(self, name: str) -> bool: ...  # Whether a delivery could begin now; raises nothing that is in its way
    def picture(self, name: str) -> Image.Image: ...  # One window
    def whole(self) -> Image.Image: ...  # The whole display. Raises PermanentFailure where that may not be.


class WatcherPort(Protocol):
    """Looks at the windows: what each shows, which cannot be used, and whatever is new of that is told by it."""

    def begin(self) -> None: ...  # Before the worker says that it is ready: see to what an earlier one left behind
    def report_usable(self) -> None: ...  # Right after it has said so: tell which windows can be used
    # How long the next job may be waited for before `look_when_due` is called; None: without end.
    def due_in_s(self) -> float | None: ...
    def look_when_due(self) -> None: ...  # It is due
    # Something about the windows changed, or may have: look at those that could not be used.
    def recheck_soon(self) -> None: ...
    # Each window, for people; `closely`: also whether each can be read as its profile wants it.
    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]: ...
    def shown(self, name: str) -> Shown: ...  # What this window shows of its agent, by a fresh look
    # An order for this window ended: a text went in; or none could, or an act was done, and it is followed.
    def ended(self, name: str, *, was_used: bool) -> None: ...


class DraftsPort(Protocol):
    """Drafts of ours that may stand in the windows."""

    def names(self) -> tuple[str, ...]: ...  # Windows in which one may stand
    def know(self, name: str, marks: tuple[str, ...]) -> None: ...  # Further marks of a draft of ours in this window
    # Clear the window if our draft alone stands there; whether that is settled.
    def clear(self, name: str) -> bool: ...
    def forget(self, name: str) -> None: ...  # The window was seen empty


class UserActivityPort(Protocol):
    """Whoever sits at the display."""

    def why_not(self) -> Reason | None: ...  # Why no delivery may begin now
    # Say there that we are about to type into this window; False where nothing was said, and no time passed.
    def announce(self, window: str, /) -> bool: ...
    def end_announcement(self) -> None: ...  # What was said is taken away


class DraftPort(WindowPort, Protocol):
    """A window in which a draft of ours may stand."""

    # Whether nobody types and nothing changes in the composer for so long.
    def wait_until_still(self, seconds: float, *, within_s: float) -> bool: ...
    # Whether all that stands in the composer came from us, as nobody else was there since.
    def is_untouched(self) -> bool: ...
    # Remove our own draft; with `if_untouched` only as long as it is that. Raises nothing.
    def clear(self, *, if_untouched: bool = False) -> ClearResult: ...


class WorkerBackend(ABC):
    """What the loop works with: one display, or one tmux server. What a backend cannot do it refuses by a sentence that
    says why, and what people can do instead."""

    inbox: Inbox
    eyes: EyesPort
    lookout: WatcherPort
    drafts: DraftsPort
    user_activity: UserActivityPort
    noun = "window"
    path = ""  # what receipts say of the backend; empty for that on X11
    remark = ""
    ends: tuple[type[Exception], ...] = ()  # they show that the display is gone, and end the worker
    no_acts = no_reading = no_arranging = no_calibration = ""

    @abstractmethod
    def open_window(self, name: str) -> DraftPort:
        """Open this window for one delivery; nothing is held before its first verb."""

    def open_action(self, name: str) -> ActionPort:
        """Open this window for one control act."""
        raise Cancelled(self.no_acts)

    def hands_off(self) -> str:
        """Return why no window may be touched now; empty if it may."""
        if self.inbox.mode is not Mode.OPEN:
            return f"the desk is {self.inbox.mode}"
        return sentence(self.user_activity.why_not())

    def read(self, name: str) -> Transcribed:
        """Read what was said in this window. Raises TransientFailure or PermanentFailure; and Cancelled where it would
        have to touch something although nothing may be touched now."""
        raise Cancelled(self.no_reading)

    def arrange(self, names: tuple[str, ...]) -> tuple[Arranged, ...]:
        """Put these windows back to their places. Raises as `read`."""
        raise Cancelled(self.no_arranging)

    def calibrate(self, job: Calibrating) -> CallResult:
        """Answer a question of a calibration."""
        raise Cancelled(self.no_calibration)

    def release_keys(self) -> None:  # noqa: B027 where a chord is one call nothing is ever left down
        """Release what Octet holds down."""

    def measured(self) -> Mapping[str, float]:
        """Return what was measured since the last call."""
        return {}
