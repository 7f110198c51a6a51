"""The port of the loop: one display, or one tmux server, as the parts that know how things are done there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from automation.desktop.worker.messages import Calibrating, CallResult
from automation.protocol.dialog_action import ActionPort
from automation.protocol.ports import WindowPort
from core.deliveries.model import Reason
from core.desks.model import Arranged, Shown, Transcribed, WindowStatus
from core.profiles.model import Driven


class EyesPort(Protocol):
    """The windows that there are here, and their pictures."""

    def names(self) -> tuple[str, ...]: ...
    def profile(self, name: str) -> Driven: ...  # How this window is driven
    def picture(self, name: str) -> Image.Image: ...  # One window. Raises TransientFailure or PermanentFailure.
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

    def know(self, name: str, marks: tuple[str, ...]) -> None: ...  # Further marks of a draft of ours in this window
    def clear(self, name: str) -> object: ...  # Clear the window if our draft alone stands there
    def forget(self, name: str) -> None: ...  # The window was seen empty


class UserActivityPort(Protocol):
    """Whoever sits at the display."""

    def why_not(self) -> Reason | None: ...  # Why no delivery may begin now
    # Say there that we are about to type into this window; False where nothing was said, and no time passed.
    def announce(self, window: str, /) -> bool: ...
    def end_announcement(self) -> None: ...  # What was said is taken away


Acting = Callable[[str], ActionPort]
ReadingOut = Callable[[str, str], Transcribed]
"""What was said in the window of this name. Raises TransientFailure or PermanentFailure; and Cancelled where it would
have to touch
something although the second word, why nothing may be touched now, is not empty."""
PuttingBack = Callable[[tuple[str, ...], str], tuple[Arranged, ...]]
Connecting = Callable[[Calibrating], CallResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBackend:
    """The hands of one worker. A verb that they have not has the sentence in its place that people get to read: why it
    cannot be done here, and what they can do instead."""

    eyes: EyesPort
    lookout: WatcherPort
    drafts: DraftsPort
    user_activity: UserActivityPort
    open_window: Callable[[str], WindowPort]  # new for each delivery; holds nothing before its first verb
    release_keys: Callable[[], None]
    act: Acting | str
    read: ReadingOut | str
    arrange: PuttingBack | str
    calibrate: Connecting | str
    noun: str = "window"
    path: str = ""  # what receipts say of the hands; empty for those on X11
    remark: str = ""
    measured: Callable[[], Mapping[str, float]] = dict[str, float]  # since the last call
    ends: tuple[type[Exception], ...] = ()  # they show that the display is gone, and end the worker
