"""What core needs from a desk's worker. automation has the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from core.desks.model import Arranged, DeskMode, DeskNow, LearnedFact, LiveView, Shown, Transcribed, WindowStatus
from core.reasons import Reason


class DeskWorkerPort(Protocol):
    """One desk's worker. A verb raises DeskUnavailable when the worker does not answer."""

    # The name of the worker's desk.
    @property
    def desk(self) -> str: ...
    # HELD: start nothing new; finish a delivery under way. STOPPED: stop before the next key, and clear a draft that
    # was not submitted. OPEN: deliveries may begin again, and a worker that could not start tries now; raises
    # DeskStoppedHere if a user has just stopped the desk at its machine. Later workers heed it too.
    async def set_mode(self, mode: DeskMode) -> None: ...
    # Check each configured window now, without touching anything.
    async def look(self) -> tuple[WindowStatus, ...]: ...
    # As `look`, and closer: whether each window can be read as its profile wants it, too.
    async def examine(self) -> tuple[WindowStatus, ...]: ...
    # Have the window manager put these windows back to their configured places, and check them afterwards. Types
    # nothing, and moves nothing while the desk is held or a user types there: raises DeskUnavailable then.
    async def arrange(self, windows: Sequence[str]) -> tuple[Arranged, ...]: ...
    # A PNG of this window only. Raises WindowNotSeen when it is covered or gone.
    async def picture(self, window: str) -> bytes: ...
    # What this window shows, for users who watch it; `known` is the mark of what they see already. None while the
    # worker types: nothing may delay it. Raises as `picture`.
    async def live_view(self, window: str, *, known: str) -> LiveView | None: ...
    # A PNG of the whole display, what profiles mask painted over. Only of a display without users. Raises
    # DeskUnavailable.
    async def whole_picture(self) -> bytes: ...
    # What this window shows of its agent now, by a fresh look; `unknown` with a note when it cannot be seen.
    async def shows(self, window: str) -> Shown: ...
    # The whole transcript of this window, by accessibility, else copied while no user types and its agent rests; never
    # copied without `may_touch`. Raises WindowNotSeen when it cannot be read now.
    async def transcript(self, window: str, *, may_touch: bool = True) -> Transcribed: ...


Leftovers: TypeAlias = Callable[[str], Awaitable[Mapping[str, tuple[str, ...]]]]
"""By window, the marks of Octet's drafts that interrupted deliveries may have left on this desk.
Never those of a delivery in `submitting` or `unknown`: there the draft is the evidence. Raises Unavailable."""


class DeskNews:
    """Listens to the desks' workers. A listener overrides what concerns it."""

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        """Note that the desk's worker came up, went away, or cannot be used."""

    async def desk_waits(self, desk: str, why: Reason | None) -> None:
        """Note that deliveries wait there because of `why`, which passes; None: they may begin again."""

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        """Note whether the desk's screen takes all keys, as a lock screen does. Each new worker reports it once."""

    async def desk_stopped(self, desk: str, how: str) -> None:
        """Note that a user stopped the desk at its machine by `how`. It stays stopped until it is released."""

    async def window_usable(self, desk: str, window: str) -> None:
        """Note that this window is usable, and empty of Octet's drafts: forget their marks."""

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        """Note that a window became usable or unusable for some time. Each worker reports each window once."""

    async def window_shows(self, desk: str, shown: Shown) -> None:
        """Note that a window shows another activity, or another dialog."""

    async def window_stirred(self, desk: str, window: str) -> None:
        """Note that in a window at work more changed than its signs and a caret; at most once a minute."""

    async def window_learned(self, fact: LearnedFact) -> None:
        """Note what the worker learned of a window, and uses already."""
