"""What the rules need from a desk's hands. automation/desktop has the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.desks.model import Arranged, DeskNow, LearnedFact, Shown, Transcribed, WindowStatus
from core.reasons import Reason


class Hands(Protocol):
    """One display's hands. A verb raises DeskUnavailable when the worker cannot answer."""

    # The name of the desk these hands belong to.
    @property
    def desk(self) -> str: ...
    # Start nothing new; a delivery under way is finished. A later worker heeds it too.
    async def hold(self) -> None: ...
    # Deliveries may begin again after `hold` or `stop`; hands that could not start try now. Raises DeskStoppedHere when
    # somebody has just stopped the desk at its machine.
    async def release(self) -> None: ...
    # Stop before the next key. A draft of ours that was not submitted is cleared. A later worker heeds it too.
    async def stop(self) -> None: ...
    # Look at each configured window now, without touching anything.
    async def look(self) -> tuple[WindowStatus, ...]: ...
    # As `look`, and closer: whether each window can be read as its profile wants it, too.
    async def examine(self) -> tuple[WindowStatus, ...]: ...
    # Have the window manager put these windows back to their configured places, and look at them afterwards. Types
    # nothing, and moves nothing while the desk is held or somebody types there: raises DeskUnavailable then.
    async def arrange(self, windows: Sequence[str]) -> tuple[Arranged, ...]: ...
    # A PNG of this window only. Raises WindowNotSeen when it is covered or gone.
    async def picture(self, window: str) -> bytes: ...
    # A PNG of the whole display, what profiles mask painted over. Asked only of a display without people. Raises
    # DeskUnavailable.
    async def whole_picture(self) -> bytes: ...
    # What this window shows of its agent now, by a fresh look; `unknown` with a note when it cannot be seen.
    async def shows(self, window: str) -> Shown: ...
    # All that was said in this window, by accessibility, else copied out of it while nobody types and its agent rests.
    # Raises WindowNotSeen when it cannot be read now.
    async def transcript(self, window: str) -> Transcribed: ...


class Leftovers(Protocol):
    """Who knows what interrupted deliveries may have left in the windows."""

    # By window, the marks of drafts of ours that may still stand there and are to be cleared. Never those of a delivery
    # in `submitting` or `unknown`: there the draft is the evidence. Raises Unavailable.
    async def drafts(self, desk: str) -> Mapping[str, tuple[str, ...]]: ...


class DeskNews:
    """Whom the hands tell what they notice. A listener overrides what concerns it."""

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        """The desk's worker came up, went away, or cannot be used."""

    async def desk_waits(self, desk: str, why: Reason | None) -> None:
        """No delivery begins there for now because of `why`, which passes by itself; empty: they may begin again."""

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        """The desk's screen takes all keys for itself for some time already, as a lock screen does; or it does not any
        more. Told when it changes, and once by each new worker."""

    async def desk_stopped(self, desk: str, how: str) -> None:
        """Somebody stopped the desk at its machine; `how` says by what. It stays stopped until it is released."""

    async def window_usable(self, desk: str, window: str) -> None:
        """This window was seen to be usable, its composer empty if a draft of ours might have stood there: the marks
        that Leftovers told for it are worth nothing any more."""

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        """Whether a window can be used changed, and has lasted. Told of each window once by every worker."""

    async def window_shows(self, desk: str, shown: Shown) -> None:
        """A window shows something else than it did when this was told last: another activity, or another dialog."""

    async def window_stirred(self, desk: str, window: str) -> None:
        """In a window at work more changed than its signs and a caret. Told once a minute at most."""

    async def window_learned(self, fact: LearnedFact) -> None:
        """The worker learned something of a window, and works by it already."""
