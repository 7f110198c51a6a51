"""What can be seen of a desk's panes, as whoever tidies up and takes pictures asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal import screen
from automation.terminal.panes import Panes, PaneSnapshot
from automation.terminal.picture import drawn
from core.profiles.panes import PaneProfile


class PaneInspector:
    """Touches nothing; belongs to the worker's thread."""

    def __init__(self, panes: Panes) -> None:
        self._panes = panes
        self.seen: Mapping[str, PaneSnapshot | PermanentFailure] = {}
        """The last look at all panes: one question for all of them."""

    def names(self) -> tuple[str, ...]:
        """The panes."""
        return self._panes.names()

    def profile(self, name: str) -> PaneProfile:
        """How it is driven."""
        return self._panes.profile(name)

    def picture(self, name: str) -> Image.Image:
        """One pane's text, drawn, what is masked covered."""
        return drawn(screen.hidden(self._panes.look(name).view.lines, self.profile(name).terminal))

    def whole(self) -> Image.Image:
        """All panes, one below the other."""
        return drawn(self._panes.shown())

    def is_composer_empty(self, name: str) -> bool:
        """Whether nothing stands in its composer. Raises PermanentFailure."""
        return self._panes.look(name).view.is_empty

    def is_busy(self, name: str) -> bool:
        """Whether its busy sign is shown. Raises PermanentFailure."""
        return self._panes.look(name).view.is_busy

    def why_unusable(
        self, name: str, seen: PaneSnapshot | PermanentFailure
    ) -> TransientFailure | PermanentFailure | None:
        """Why no delivery could begin in what was seen of it."""
        if isinstance(seen, PermanentFailure):
            return seen
        try:
            self._panes.preflight(name, seen)
        except (TransientFailure, PermanentFailure) as trouble:
            return trouble
        return None

    def is_ready(self, name: str) -> bool:
        """Whether a delivery could have begun when all panes were looked at last."""
        seen = self.seen.get(name)
        return seen is not None and self.why_unusable(name, seen) is None
