"""Finds which of a display's windows is which of a desk's, and whether it is at its place and uncovered."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from automation.desktop.observation.window_pixels import ConfiguredWindows
from automation.desktop.ports import WindowsPort
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, MatchBy
from core.profiles.model import Box, Dialog, Modal, Profile

NEAR_PX = 8  # A window of its size at most that far from its place, in each direction, is used where it is
RECALIBRATE = "`octet calibrate` measures it again"
DEEPEST = 8  # dialogs of dialogs that are followed to the window they are for


class WindowLocator(ConfiguredWindows):
    """The desk's windows and their dialogs, found on the display. Belongs to one thread."""

    def __init__(
        self, *, desk: Desk, profiles: dict[str, Profile], windows: WindowsPort, tag_of: Callable[[str], str]
    ) -> None:
        """`tag_of` returns the tag of the window that a user connected under a name; empty without one."""
        super().__init__(desk=desk, profiles=profiles)
        self.windows = windows
        self._tag_of = tag_of
        self._learned: dict[str, Profile] = {}
        self._known: dict[str, int] = {}
        self._placed: dict[str, tuple[int, WindowInfo]] = {}  # seen at their place, and the count of changes then
        self._followed_to: dict[str, Box] = {}
        self._apart: dict[str, int] = {}

    def profile(self, name: str) -> Profile:
        return self._learned.get(name) or super().profile(name)

    def current_box(self, name: str) -> Box:
        """Return the window's place: where it belongs, or where Octet followed it."""
        return self._followed_to.get(name, self._configured[name].box)

    def ids(self) -> dict[str, int]:
        """Return the X windows found for the configured ones so far."""
        return dict(self._known)

    def drawn(self, windows: Collection[int]) -> set[str]:
        """Return the names of the windows that are, or whose dialogs are, among these X windows."""
        return {name for known in (self._known, self._apart) for name, window in known.items() if window in windows}

    def followed(self) -> set[int]:
        """Return the X windows whose drawing matters."""
        return {*self._known.values(), *self._apart.values()}

    def identify(self, name: str) -> WindowInfo:
        """Find the window by class and title; among several, the known one, or the one at the place."""
        configured = self._configured[name]
        is_by_place = configured.match_by is MatchBy.PLACE
        still = None if is_by_place else self._still(name)
        if still is not None:
            return still
        found = self.windows.find(self.profile(name).match_class, configured.title)
        program = self.profile(name).match_program
        # A program that cannot be known is another one.
        strangers = [seen for seen in found if program and not re.fullmatch(program, self.windows.program_of(seen.id))]
        found = [seen for seen in found if seen not in strangers]
        if not found:
            self._known.pop(name, None)
            raise PermanentFailure(Reason.CLOSED, self._why_none(strangers))
        if is_by_place or len(found) > 1:
            found = self._of_several(name, found)
        if len(found) != 1:
            self._known.pop(name, None)
            raise PermanentFailure(Reason.AMBIGUOUS, "no window is certainly the one that was connected")
        self._known[name] = found[0].id
        return found[0]

    def _of_several(self, name: str, found: Collection[WindowInfo]) -> list[WindowInfo]:
        """Choose among windows with this class and title: the one with the connected window's tag, wherever it is.
        Without a tag, the known one, or the one at the place. Windows that differ in nothing else (MatchBy.PLACE)
        always need the tag."""
        if self._tag_of(name) or self._configured[name].match_by is MatchBy.PLACE:
            return [seen for seen in found if self.is_tagged(name, seen)]
        known = [seen for seen in found if seen.id == self._known.get(name)]
        return known or [seen for seen in found if seen.box == self._configured[name].box]

    def is_tagged(self, name: str, seen: WindowInfo) -> bool:
        """Return whether this is the very window that was connected, open ever since."""
        tag = self._tag_of(name)
        return bool(tag) and self.windows.name_tag(seen.id) == tag

    def _still(self, name: str) -> WindowInfo | None:
        known = self._known.get(name)
        if known is None or known not in self.windows.managed():
            return None
        seen = self.windows.see(known)
        kind, title = self.profile(name).match_class, self._configured[name].title
        fits = seen is not None and re.fullmatch(kind, seen.kind) and re.search(title, seen.title)
        return seen if fits else None

    def place(self, name: str, *, just_asked: bool = False) -> WindowInfo:
        """Return the window, shown, at its place and uncovered. `just_asked`: as of the server's last answer."""
        changes = self.windows.changes
        if changes is None:
            return self._place(name)[0]
        count = changes.count() if just_asked else changes.now()
        before, seen = self._placed.get(name, (-1, None))
        if seen is not None and before == count:
            return seen  # the server would have reported a change
        self._placed.pop(name, None)
        seen, chain = self._place(name)
        if changes.follow(chain):
            self._placed[name] = (count, seen)
        return seen

    def _place(self, name: str) -> tuple[WindowInfo, list[int]]:
        seen, configured = self.identify(name), self._configured[name]
        if not seen.is_viewable or not self.windows.is_on_this_workspace(seen.id):
            raise PermanentFailure(Reason.HIDDEN)
        if (seen.box.width, seen.box.height) != (configured.box.width, configured.box.height):
            sizes = f"it is {_size(seen.box)}; give it {_size(configured.box)}"
            raise PermanentFailure(Reason.RESIZED, f"{sizes}, or {RECALIBRATE}")
        if seen.box != configured.box and not self._may_be_at(name, seen.box):
            raise TransientFailure(Reason.MOVED, f"it is at {_corner(seen.box)}, not at {_corner(configured.box)}")
        if not seen.box.fits_into(self.windows.screen()):
            raise PermanentFailure(Reason.MOVED, "its place is not wholly on the screen")
        self._followed_to[name] = seen.box
        chain = self.windows.chain_of(seen.id)
        cover = self.windows.find_cover(seen, chain=chain)
        if cover is not None:
            # Other windows' titles do not belong into the channel that reads how a task goes.
            kind = f"a window of {cover.kind}" if cover.kind else "another window"
            title = f"“{cover.title}”" if cover.title else kind
            raise TransientFailure(Reason.COVERED, f"by {kind}", private=f"by {title}")
        return seen, chain

    def _may_be_at(self, name: str, box: Box) -> bool:
        """Return whether the window may be used away from its place: it is near, or its profile allows it, and no other
        window has its class and title. `recognise` decides whether it certainly is the one."""
        belongs = self._configured[name].box
        is_near = abs(box.x - belongs.x) <= NEAR_PX and abs(box.y - belongs.y) <= NEAR_PX
        return (is_near or self.profile(name).follow_moved_window) and self.is_alone(name)

    def is_alone(self, name: str) -> bool:
        """Return whether no other window has its class and title; a window matched by place has its tag."""
        if self._configured[name].match_by is MatchBy.PLACE:
            return True
        return len(self.windows.find(self.profile(name).match_class, self._configured[name].title)) == 1

    def find_dialog_window(self, name: str) -> tuple[Dialog, WindowInfo] | None:
        """Find the first of its profile's dialogs that is a separate window, and that window."""
        self._apart.pop(name, None)
        for dialog in self.profile(name).dialogs:
            if dialog.window is not None and (modal := self._modal(name, dialog.window)) is not None:
                self._apart[name] = modal.id
                return dialog, modal
        return None

    def _now(self, name: str) -> WindowInfo:
        known = self._known.get(name)
        seen = None if known is None else self.windows.see(known)
        return seen or self.identify(name)

    def _modal(self, name: str, modal: Modal) -> WindowInfo | None:
        known = self._known.get(name)
        if known is None:
            known = self.identify(name).id
        for seen in self.windows.find(modal.match_class, modal.title, client=self.windows.client_of(known)):
            is_whole = seen.id != known and seen.is_viewable and seen.box.fits_into(self.windows.screen())
            if is_whole and self._is_for(seen.id, known) and self.windows.find_cover(seen) is None:
                return seen
        return None

    def _is_for(self, modal: int, window: int) -> bool:
        """Return whether a dialog is for this window and not another of its program; one may name none."""
        others = set(self._known.values()) - {window}
        here = modal
        for _ in range(DEEPEST):
            here = self.windows.transient_for(here)
            if here in others:
                return False
            if here in {0, window}:
                return True
        return True

    def shares_client(self, name: str) -> bool:
        """Return whether another configured window belongs to the same X client, or that cannot be ruled out."""
        known = self._known.get(name)
        if known is None:
            return True
        mine = self.windows.client_of(known)
        if not any(window != known and self.windows.client_of(window) == mine for window in self.windows.managed()):
            return False
        for other in self._configured:
            if other == name:
                continue
            title = self._configured[other].title
            if any(seen.id != known for seen in self.windows.find(self.profile(other).match_class, title, client=mine)):
                return True
        return False

    def _why_none(self, strangers: Collection[WindowInfo]) -> str:
        if strangers:
            return "the window that has its class and title belongs to another program"
        if not self.windows.has_manager():
            return "no window manager on this display says which windows there are"
        return "no window has its class and title"


def _size(box: Box) -> str:
    return f"{box.width}×{box.height}"


def _corner(box: Box) -> str:
    return f"{box.x},{box.y}"
