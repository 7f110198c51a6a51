"""The port of the loop: one display, or one tmux server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from PIL import Image

from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.messages import Calibrating, CallResult
from automation.desktop.worker.user_presence import UserActivityGate
from automation.protocol.dialog_action import ActionPort
from automation.protocol.ports import Cancelled, ClearResult, WindowPort
from core.calibration.model import FoundPane
from core.desks.model import Arranged, DeskMode, LiveView, Shown, Transcribed, WindowStatus
from core.profiles.model import Driven
from core.remedies import sentence


class InspectorPort(Protocol):
    """The windows that there are, and what Octet sees of them without touching them. Raises DeliveryFailure."""

    def names(self) -> tuple[str, ...]: ...
    def profile(self, name: str) -> Driven: ...  # How Octet drives this window
    def is_composer_empty(self, name: str) -> bool: ...
    def is_busy(self, name: str) -> bool: ...  # Whether its busy sign is shown
    def is_ready(self, name: str) -> bool: ...  # Whether a delivery could begin now; raises nothing for an obstacle
    def picture(self, name: str) -> Image.Image: ...  # One window
    # One window for users who watch it and know what has this mark; of a pane its text
    def live(self, name: str, known: str) -> LiveView: ...
    def whole(self) -> Image.Image: ...  # The whole display. Raises PermanentFailure where that may not be.


class WatcherPort(Protocol):
    """Looks at the windows and reports what is new: what each shows, and which cannot be used."""

    def begin(self) -> None: ...  # Before the worker says that it is ready: see to what an earlier one left behind
    def report_usable(self) -> None: ...  # Right after it has said so: report which windows can be used
    # How long to wait for the next job before `look_when_due` is called; None: without end.
    def due_in_s(self) -> float | None: ...
    def look_when_due(self) -> None: ...  # It is due
    # Something about the windows changed, or may have: look at those that could not be used.
    def recheck_soon(self) -> None: ...
    # Each window, for users; `closely`: also whether each can be read as its profile wants it.
    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]: ...
    def shown(self, name: str) -> Shown: ...  # What this window shows of its agent, by a fresh look
    # An order for this window ended: a text went in; or none could, or an act was done, and it is followed.
    def ended(self, name: str, *, was_used: bool) -> None: ...


class DraftsPort(Protocol):
    """Drafts of ours that may be left in the windows."""

    def names(self) -> tuple[str, ...]: ...  # Windows in which one may be left
    def know(self, name: str, marks: tuple[str, ...]) -> None: ...  # Further marks of a draft of ours in this window
    # Clear the window if it holds our draft alone; return whether that is settled.
    def clear(self, name: str) -> bool: ...
    def forget(self, name: str) -> None: ...  # The window was seen empty


class DraftPort(WindowPort, Protocol):
    """A window in which a draft of ours may be left."""

    # Wait until no user types and nothing changes in the composer for `seconds`; return whether that came.
    def wait_until_still(self, seconds: float, *, within_s: float) -> bool: ...
    # Return whether all that the composer holds came from Octet, as no other input came since.
    def is_untouched(self) -> bool: ...
    # Remove our own draft; with `if_untouched` only as long as it is that. Raises nothing.
    def clear(self, *, if_untouched: bool = False) -> ClearResult: ...


class WorkerBackend(ABC):
    """What the loop works with: one display, or one tmux server. A backend refuses what it cannot do with a sentence
    that says why, and what users can do instead."""

    inbox: Inbox
    inspector: InspectorPort
    watcher: WatcherPort
    drafts: DraftsPort
    user_activity: UserActivityGate
    noun = "window"
    path = ""  # what receipts say of the backend; empty for that on X11
    remark = ""
    ends: tuple[type[Exception], ...] = ()  # they show that the display is gone, and end the worker
    no_acts = no_reading = no_arranging = no_calibration = ""

    @abstractmethod
    def open_window(self, name: str) -> DraftPort:
        """Open this window for one delivery; nothing is held before its first verb."""

    def open_action(self, name: str) -> ActionPort:
        raise Cancelled(self.no_acts)

    def hands_off(self) -> str:
        """Return why no window may be touched now; empty if it may."""
        if self.inbox.mode is not DeskMode.OPEN:
            return f"the desk is {self.inbox.mode}"
        return sentence(self.user_activity.why_not())

    def read(self, name: str, *, may_touch: bool = True) -> Transcribed:
        """Read what was said in this window, without `may_touch` only by looking. Raises TransientFailure or
        PermanentFailure, or Cancelled where it would have to touch something although nothing may be touched now."""
        raise Cancelled(self.no_reading)

    def arrange(self, names: tuple[str, ...]) -> tuple[Arranged, ...]:
        """Restore these windows to their places. Raises as `read`."""
        raise Cancelled(self.no_arranging)

    def calibrate(self, job: Calibrating) -> CallResult:
        raise Cancelled(self.no_calibration)

    def unused_panes(self) -> tuple[FoundPane, ...]:
        """Return the panes of its tmux server that no Octet uses. Touches nothing."""
        return ()

    def release_keys(self) -> None:  # noqa: B027 where a chord is one call nothing is ever left down
        """Release what Octet holds down."""

    def measured(self) -> Mapping[str, float]:
        """Return what was measured since the last call."""
        return {}
