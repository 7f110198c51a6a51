"""Windows that cannot be used: cleared of what is ours, told when they can be used again, never asked in haste."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from automation.desktop.worker import messages
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import FrameWriter, Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, RecoveringWindows
from automation.desktop.worker.messages import WindowUsable
from automation.protocol.ports import ClearResult
from core.desks.model import DeskMode

ONE, TWO = "agent-1", "agent-2"


class DisplayGone(Exception):
    pass


@dataclass(slots=True)
class Window:
    """Both windows, and whatever is seen and done in them."""

    ready: set[str] = field(default_factory=set[str])
    drafted: bool = True
    ours: bool = True
    trouble: Exception | None = None
    acts: list[str] = field(default_factory=list[str])

    def names(self) -> tuple[str, ...]:
        return (ONE, TWO)

    def is_ready(self, name: str) -> bool:
        return name in self.ready

    def is_composer_empty(self, name: str) -> bool:
        assert name in self.names()
        return not self.drafted

    def is_busy(self, name: str) -> bool:
        assert name in self.names()
        return False

    def find(self) -> None:
        self.acts.append("find")
        if self.trouble is not None:
            raise self.trouble

    def wait_until_still(self, seconds: float, *, within_s: float) -> bool:
        return seconds < within_s

    def is_untouched(self) -> bool:
        return False

    def matches_draft(self, marks: Sequence[str]) -> bool:
        self.acts.append("read")
        return self.ours and "mark" in marks

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        assert not if_untouched
        self.acts.append("clear")
        self.ready.add(ONE)
        return ClearResult.SEEN

    def restore_user_state(self) -> None:
        self.acts.append("give back")


@dataclass(slots=True)
class Scene:
    """Windows that are waited for, the first of them with a draft of ours."""

    window: Window = field(default_factory=Window)
    out: io.BytesIO = field(default_factory=io.BytesIO)
    release_keys: list[str] = field(default_factory=list[str])
    rest_s: float = 0.0

    def made(self) -> tuple[RecoveringWindows, LeftoverDrafts]:
        backend = SimpleNamespace(
            inbox=Inbox(io.BytesIO(), FrameWriter(self.out), DeskMode.OPEN),
            inspector=self.window,
            open_window=lambda _: self.window,
            hands_off=lambda: "",
            release_keys=lambda: self.release_keys.append("let go"),
            ends=(DisplayGone,),
        )
        tidy = backend.drafts = LeftoverDrafts({ONE: ("mark",)}, cast("WorkerBackend", backend))
        waiting = RecoveringWindows(cast("WorkerBackend", backend), rest_s=self.rest_s)
        waiting.note_unusable([ONE, TWO])
        return waiting, tidy

    def told(self) -> list[str]:
        """Return the windows that were told to be usable."""
        written, found = self.out.getvalue(), list[str]()
        while written:
            size = messages.length(written[:4])
            frame = messages.from_worker(written[4 : 4 + size])
            assert isinstance(frame, WindowUsable)
            found.append(frame.window)
            written = written[4 + size :]
        return found


def test_what_is_ours_is_cleared_and_the_window_told_and_the_other_one_is_waited_for() -> None:
    on = Scene()
    waiting, tidy = on.made()
    waiting.look_when_due()
    assert (on.told(), waiting.names(), tidy.names()) == ([ONE], {TWO}, ()), "it was seen empty"


def test_a_persons_draft_is_read_once_and_left() -> None:
    on = Scene(window=Window(ours=False))
    waiting, _ = on.made()
    for _ in range(3):
        waiting.look_when_due()
    assert (on.window.acts.count("read"), on.window.acts.count("clear"), on.told()) == (1, 0, [])


def test_a_window_that_was_just_refused_is_left_alone_for_a_while() -> None:
    on = Scene(window=Window(ready={TWO}), rest_s=1_000.0)
    waiting, _ = on.made()
    assert waiting.ended(TWO, was_used=False)
    waiting.look_when_due()
    assert on.told() == [ONE]


def test_a_window_that_was_used_is_not_waited_for_unless_a_draft_of_ours_is_there() -> None:
    waiting, _ = Scene().made()
    assert not waiting.ended(TWO, was_used=True)
    assert waiting.ended(ONE, was_used=True)
    assert waiting.names() == {ONE}


def test_a_window_that_cannot_be_tidied_ends_no_worker_and_keeps_no_key_down() -> None:
    on = Scene(window=Window(trouble=KeyError("a text")))
    waiting, tidy = on.made()
    waiting.look_when_due()
    assert on.release_keys == ["let go"]
    assert tidy.names() == (ONE,), "it is tried again later"
    waiting.look_when_due()
    assert on.window.acts.count("find") == 1, "and not at once"


def test_the_end_of_the_display_is_not_taken_for_a_window_that_cannot_be_tidied() -> None:
    waiting, _ = Scene(window=Window(trouble=DisplayGone())).made()
    with pytest.raises(DisplayGone):
        waiting.look_when_due()
