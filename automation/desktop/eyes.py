"""Looking at a desk's windows, touching nothing: which one is it, is it at its place, uncovered, unchanged, empty."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from PIL import Image

from automation.desktop import pictures
from automation.desktop.album import meets, painted
from automation.desktop.anchors import Anchors
from automation.desktop.ears import Ears, Heard
from automation.desktop.screen import Screen
from automation.desktop.signs import DIALOGS, View, is_busy, is_resting, part, place_of
from automation.desktop.x11.windows import Seen, Windows
from automation.protocol.ports import Bounced, Refused
from core.deliveries.model import Reason
from core.desks.model import Desk, WindowStatus
from core.profiles.model import Box, Dialog, Modal, Profile

DEEPEST = 8
"""Dialogs of dialogs that are followed to the window they are for."""
LOCKED = "a lock screen, or a menu that is open, takes keys and clicks for itself"


class Eyes:
    """All that can be seen of one desk. Belongs to one thread."""

    def __init__(
        self,
        *,
        desk: Desk,
        profiles: dict[str, Profile],
        windows: Windows,
        screen: Screen,
        anchors: Anchors,
        ears: Ears,
    ) -> None:
        self.windows = windows
        self._screen = screen
        self._anchors = anchors
        self._ears = ears
        self._configured = {window.name: window for window in desk.windows}
        self._profiles = profiles
        self._known: dict[str, int] = {}
        self._placed: dict[str, tuple[int, Seen]] = {}
        """Windows that were seen at their place, and the count of changes on the display when that began."""
        self._apart: dict[str, int] = {}
        """By name, the dialog that was seen last as a window of its own."""
        self._fresh: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """The names of the configured windows, in their order."""
        return tuple(self._configured)

    def profile(self, name: str) -> Profile:
        """How the window is driven."""
        return self._profiles[self._configured[name].profile]

    def box(self, name: str, part: Box) -> Box:
        """A part of the window, given relative to its corner, as a place on the screen."""
        corner = self._configured[name].box
        return replace(part, x=corner.x + part.x, y=corner.y + part.y)

    def ids(self) -> dict[str, int]:
        """The X windows that were found for the configured ones so far."""
        return dict(self._known)

    def drawn(self, windows: Collection[int]) -> set[str]:
        """The names of those of which one of these X windows is a part: themselves, or their dialogs."""
        return {name for known in (self._known, self._apart) for name, window in known.items() if window in windows}

    def followed(self) -> set[int]:
        """The X windows in which it matters that something is drawn."""
        return {*self._known.values(), *self._apart.values()}

    def identify(self, name: str) -> Seen:
        """Find the window by what it is: class and title; among several, the one we know, or the one at the place."""
        configured = self._configured[name]
        still = self._still(name)
        if still is not None:
            return still
        found = self.windows.find(self.profile(name).match_class, configured.title)
        if not found:
            self._known.pop(name, None)
            raise Refused(Reason.CLOSED, self._why_none())
        if len(found) > 1:
            known = [seen for seen in found if seen.id == self._known.get(name)]
            found = known or [seen for seen in found if seen.box == configured.box]
        if len(found) != 1:
            note = "several windows match, and not exactly one of them stands at the configured place"
            raise Refused(Reason.AMBIGUOUS, note)
        self._known[name] = found[0].id
        return found[0]

    def _still(self, name: str) -> Seen | None:
        """The window we know, if the manager still cares for it and it is who it was: then no other one counts."""
        known = self._known.get(name)
        if known is None or known not in self.windows.managed():
            return None
        seen = self.windows.see(known)
        kind, title = self.profile(name).match_class, self._configured[name].title
        fits = seen is not None and re.fullmatch(kind, seen.kind) and re.search(title, seen.title)
        return seen if fits else None

    def place(self, name: str, *, just_asked: bool = False) -> Seen:
        """The window, shown, at its place, of its size, and nothing over it. With `just_asked` as of the last answer of
        the server, unless something changed before that."""
        changes = self.windows.changes
        if changes is None:
            return self._place(name)[0]
        count = changes.count() if just_asked else changes.now()
        before, seen = self._placed.get(name, (-1, None))
        if seen is not None and before == count:
            return seen  # the server would have told
        self._placed.pop(name, None)
        seen, chain = self._place(name)
        if changes.follow(chain):
            self._placed[name] = (count, seen)
        return seen

    def _place(self, name: str) -> tuple[Seen, list[int]]:
        """The same, asked anew; and the windows that hold it."""
        seen, configured = self.identify(name), self._configured[name]
        if not seen.is_viewable or not self.windows.is_on_this_workspace(seen.id):
            raise Refused(Reason.HIDDEN)
        if (seen.box.width, seen.box.height) != (configured.box.width, configured.box.height):
            raise Refused(Reason.RESIZED, f"it is {_size(seen.box)}, configured is {_size(configured.box)}")
        if seen.box != configured.box:
            raise Bounced(Reason.MOVED, f"it stands at {_corner(seen.box)}, configured is {_corner(configured.box)}")
        if not _lies_in(seen.box, self.windows.screen()):
            raise Refused(Reason.MOVED, "its configured place is not wholly on the screen")
        chain = self.windows.chain_of(seen.id)
        cover = self.windows.over(seen, chain=chain)
        if cover is not None:
            # Whose title stands on a screen is not for the channel that reads how a task goes.
            kind = f"a window of {cover.kind}" if cover.kind else "another window"
            title = f"“{cover.title}”" if cover.title else kind
            raise Bounced(Reason.COVERED, f"by {kind}", private=f"by {title}")
        return seen, chain

    def _place_or_dialog(self, name: str) -> Seen:
        """As `place`; of a window that its own dialog lies over, this is what is said."""
        try:
            return self.place(name)
        except Bounced as trouble:
            if trouble.reason is Reason.COVERED:
                apart = self.apart(name)
                if apart is not None:
                    raise Refused(Reason.DIALOG, DIALOGS[apart[0].shows]) from trouble
            raise

    def unlocked(self) -> None:
        """See that no lock screen, and no open menu, takes the keys for itself."""
        if self.windows.is_keyboard_taken():
            raise Bounced(Reason.LOCKED, LOCKED)

    def recognise(self, name: str) -> Seen:
        """The window at its place, its anchor unchanged, whatever else it shows; the screen not locked. Cuts a missing
        anchor."""
        self.unlocked()
        seen, profile = self._place_or_dialog(name), self.profile(name)
        anchor = self._screen.take(self.box(name, profile.anchor))
        if not self._anchors.has(name):
            self._anchors.keep(name, anchor)
            self._fresh.add(name)
        difference = self._anchors.difference(name, anchor)
        if difference:
            raise Refused(Reason.CHANGED, difference)
        return seen

    def preflight(self, name: str, *, may_be_busy: bool = False, may_be_written: bool = False) -> Seen:
        """Everything that must hold before the first click."""
        seen = self.recognise(name)
        if (asked := self.asks(name)) is not None:
            raise Refused(Reason.DIALOG, DIALOGS[asked.shows])
        if not may_be_busy and self.is_busy(name):
            raise Bounced(Reason.BUSY, "its busy sign is shown")
        if not may_be_written and not self.is_composer_empty(name):
            raise Refused(Reason.COMPOSER_NOT_EMPTY, "what stands there was left untouched; send or delete it")
        return seen

    def status(self, name: str) -> WindowStatus:
        """How the window is now, for people; an agent at work is nothing to complain about."""
        reason = ""
        try:
            self.recognise(name)
            self.preflight(name, may_be_busy=True, may_be_written=self.is_busy(name))
        except (Bounced, Refused) as trouble:
            seen = trouble.private if isinstance(trouble, Bounced) else trouble.note
            reason = f"{trouble.reason}: {seen}" if seen else str(trouble.reason)
        kept = "cut now" if name in self._fresh else "kept"
        return WindowStatus(
            name=name,
            usable=not reason,
            reason=reason,
            anchor=kept if self._anchors.has(name) else "",
        )

    def take_in_news(self) -> None:
        """Ask the server something, and take from its line what it has told meanwhile: it would grow there."""
        self.windows.active()
        if self.windows.changes is not None:
            self.windows.changes.count()

    def is_ready(self, name: str) -> bool:
        """Whether a delivery could begin now."""
        try:
            self.preflight(name)
        except (Bounced, Refused):
            return False
        return True

    def at(self, place: Box) -> Image.Image:
        """What is seen now at a place of the screen."""
        return self._screen.take(place)

    def composer(self, name: str) -> Image.Image:
        """A picture of the composer."""
        return self._screen.take(self.box(name, self.profile(name).composer.box))

    def is_masked(self, name: str) -> bool:
        """Whether a part of the composer may not be shown to anybody."""
        profile = self.profile(name)
        return any(meets(profile.composer.box, one) for one in profile.masks)

    def is_composer_empty(self, name: str) -> bool:
        """Whether the composer shows its background and at most a caret."""
        composer = self.profile(name).composer
        return pictures.is_blank(self.composer(name), composer.background, composer.caret_px)

    def is_busy(self, name: str) -> bool:
        """Whether a busy sign is shown, or told of; False for a profile without one."""
        profile = self.profile(name)
        there = None if profile.busy is None else self._screen.take(self.box(name, profile.busy.box))
        if is_busy(profile, there, Heard()):
            return True
        return profile.busy_told is not None and is_busy(profile, None, self._listen(name, self._picture(name)))

    def asks(self, name: str) -> Dialog | None:
        """The first of its profile's dialogs that is there now; those inside it must be uncovered to be seen. Raises
        Bounced where its program does not tell what the profile listens for."""
        profile = self.profile(name)
        apart = self.apart(name)
        if apart is not None:
            return apart[0]
        if not profile.listens and all(one.window is not None for one in profile.dialogs):
            return None
        frame, seen = self._picture(name), self._now(name)
        heard = self._ears.listen(name, seen, frame, profile)
        found = next((one for one in profile.dialogs if place_of(one, frame, heard, seen) is not None), None)
        if found is None and heard.why_not:
            raise Bounced(Reason.NOT_TOLD, heard.why_not)
        return found

    def apart(self, name: str) -> tuple[Dialog, Seen] | None:
        """The first of its profile's dialogs that are windows of their own, if one is there, and that window."""
        self._apart.pop(name, None)
        for dialog in self.profile(name).dialogs:
            if dialog.window is not None and (modal := self._modal(name, dialog.window)) is not None:
                self._apart[name] = modal.id
                return dialog, modal
        return None

    def view(self, name: str) -> View:
        """One look at all that the window shows; raises nothing for what is in the way."""
        profile = self.profile(name)
        try:
            apart = self.apart(name)
            if apart is not None:
                dialog, modal = apart
                crop = self._screen.take(modal.box)
                if self.apart(name) != apart:
                    raise Bounced(Reason.COVERED)  # what came meanwhile is not in the picture
                return View(dialog=profile.dialogs.index(dialog), crop=crop, modal=modal)
            frame, seen = self._quickly(name)
        except (Bounced, Refused) as trouble:
            return View(why_not=trouble.reason.value, reason=trouble.reason)
        heard = self._ears.listen(name, seen, frame, profile)
        places = [place_of(one, frame, heard, seen) for one in profile.dialogs]
        found = next((number for number, box in enumerate(places) if box is not None), None)
        box = None if found is None else places[found]
        composer = profile.composer
        return View(
            unheard=heard.why_not,
            strange=heard.strange,
            frame=frame,
            dialog=found,
            crop=None if box is None else part(frame, box),
            box=box,
            is_busy=is_busy(profile, None if profile.busy is None else part(frame, profile.busy.box), heard),
            is_resting=is_resting(profile, frame, heard),
            is_empty=pictures.is_blank(part(frame, composer.box), composer.background, composer.caret_px),
        )

    def text(self, name: str, view: View) -> str | None:
        """What stands in the dialog of this view, but for what is masked; empty where it cannot be read. None when
        something else is to be seen by now: what was read may be of that."""
        if view.dialog is None or view.crop is None:
            return ""
        profile = self.profile(name)
        if view.modal is not None:
            text = self._ears.window_text(view.modal)
        else:
            dialog, seen = profile.dialogs[view.dialog], self._now(name)
            heard = Heard() if view.frame is None else self._ears.listen(name, seen, view.frame, profile)
            told = None if dialog.accessible is None else heard.parts.get(dialog.accessible)
            text = self._ears.dialog_text(seen, told, dialog.box, profile.masks)
        now = self.view(name)
        is_same = now.crop is not None and pictures.is_same(now.crop, view.crop, profile.composer.caret_px)
        return text if is_same and now.dialog == view.dialog else None

    def _listen(self, name: str, frame: Image.Image) -> Heard:
        return self._ears.listen(name, self._now(name), frame, self.profile(name))

    def _picture(self, name: str) -> Image.Image:
        """What is seen at the window's place."""
        return self._screen.take(self._configured[name].box)

    def _now(self, name: str) -> Seen:
        """The window, at whatever place."""
        known = self._known.get(name)
        seen = None if known is None else self.windows.see(known)
        return seen or self.identify(name)

    def _quickly(self, name: str) -> tuple[Image.Image, Seen]:
        """A picture of the window, nothing over it before and after; it is searched for only if it is not as it was."""
        self._known_place(name)
        frame = self._picture(name)
        return frame, self._known_place(name)

    def _known_place(self, name: str) -> Seen:
        changes = self.windows.changes
        if changes is not None and name in self._placed and self._placed[name][0] == changes.now():
            return self._placed[name][1]
        known = self._known.get(name)
        seen = None if known is None else self.windows.see(known)
        configured = self._configured[name]
        is_ours = seen is not None and re.search(configured.title, seen.title) is not None
        if (
            seen is None
            or not is_ours
            or not seen.is_viewable
            or seen.box != configured.box
            or self.windows.over(seen) is not None
        ):
            return self.place(name)
        return seen

    def _modal(self, name: str, modal: Modal) -> Seen | None:
        """The window of its own that stands in the way of this one: of the same program, whole, and nothing over it."""
        known = self._known.get(name)
        if known is None:
            known = self.identify(name).id
        for seen in self.windows.find(modal.match_class, modal.title, client=self.windows.client_of(known)):
            is_whole = seen.id != known and seen.is_viewable and _lies_in(seen.box, self.windows.screen())
            if is_whole and self._is_for(seen.id, known) and self.windows.over(seen) is None:
                return seen
        return None

    def _is_for(self, modal: int, window: int) -> bool:
        """Whether a dialog is for this window, not for another one of the same program; one that does not say whom it
        is for may be for any."""
        others = set(self._known.values()) - {window}
        here = modal
        for _ in range(DEEPEST):
            here = self.windows.transient_for(here)
            if here in others:
                return False
            if here in {0, window}:
                return True
        return True

    def picture(self, name: str) -> Image.Image:
        """The whole window, which nothing may cover, as it may leave this process: what is masked is painted over."""
        box = self.place(name).box
        picture = self._screen.take(box)
        self.place(name)  # still uncovered: what came meanwhile is not in the picture
        return painted(picture, replace(box, x=0, y=0), self.profile(name).masks)

    def whole(self) -> Image.Image:
        """The whole display, with what is masked of any configured window painted over, wherever that stands."""
        screen = self.windows.screen()
        masks = self._masks()
        picture = self._screen.take(screen)
        return painted(picture, screen, [*masks, *self._masks()])  # one may have been moved meanwhile

    def _masks(self) -> list[Box]:
        """The masked parts of all configured windows, as places on the screen."""
        return [
            replace(mask, x=seen.box.x + mask.x, y=seen.box.y + mask.y)
            for name, window in self._configured.items()
            if self.profile(name).masks
            for seen in self.windows.find(self.profile(name).match_class, window.title)
            for mask in self.profile(name).masks
        ]

    def shares_client(self, name: str) -> bool:
        """Whether another configured window belongs to the same X client, or that cannot be ruled out."""
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

    def _why_none(self) -> str:
        if not self.windows.has_manager():
            return "no window manager on this display says which windows there are"
        return "no window has its class and title"


def _lies_in(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x
        and inner.y >= outer.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def _size(box: Box) -> str:
    return f"{box.width}×{box.height}"


def _corner(box: Box) -> str:
    return f"{box.x},{box.y}"
