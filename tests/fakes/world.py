"""A window that exists only here, with the journal and the clock of a delivery into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from automation.protocol.ports import Cancelled, ClearResult, ReadbackResult, SubmitEvidence, TransientFailure
from automation.protocol.text import mark
from core.deliveries.model import Moment, Picture, PictureArea, Reason, Target
from core.profiles.model import Normalise, Readback


@dataclass(slots=True)
class World:
    """A window, a journal and a clock in one; everything that happens is put into `acts` in its order."""

    acts: list[str] = field(default_factory=list)
    when: dict[str, Callable[[int], None]] = field(default_factory=dict)
    box: str = ""
    now: float = 100.0
    held_until: float = float("inf")
    grant_takes: list[float] = field(default_factory=list)
    busy_after: float | None = 0.01
    empties: bool = True
    empties_after: float = 0.0
    guarded_until: float = 0.0
    """Until then the input guard holds the user's devices."""
    answered_after: float = float("inf")
    """An answer comes so long after Enter."""
    gains_after: float | None = None
    """The document tells so long after Enter that it gained the text; None: it tells nothing."""
    damages: Callable[[str], str] = str
    lands_after: float = 0.0
    receipt: bool = True
    clears: ClearResult = ClearResult.SEEN
    copies: bool = True
    pixels_still: bool = True
    by: Readback = Readback.COPY
    """How this world says that it reads back."""
    halted: Cancelled | None = None
    hashes: list[str] = field(default_factory=list)
    drafts: tuple[str, ...] = ()
    said: str | None = None
    """The transcript, if it can be copied."""
    records: bool = False
    """Enter puts the text into the transcript."""
    is_busy: bool = False
    works: bool = False
    """The agent works before anything is sent."""
    identity: str = "window:1"
    _granted: float | None = None
    """When a question that was asked ahead is answered."""
    _landed: float = 0.0
    _pressed: float = 0.0
    _remembered: list[Moment] = field(default_factory=list)

    def _act(self, name: str) -> None:
        self.acts.append(name)
        if name in self.when:
            self.when[name](self.acts.count(name))

    # WindowPort
    def look(self, *, may_be_busy: bool = False) -> bool:
        self._act("look")
        if self.works and not may_be_busy:
            raise TransientFailure(Reason.BUSY)
        return self.works

    def focus(self) -> None:
        self._act("focus")

    def is_held(self) -> bool:
        return self.now < self.held_until

    def stage(self, text: str) -> None:
        self._act("stage")
        self.box += self.damages(text)
        self._landed = self.now + self.lands_after

    def read(self) -> ReadbackResult:
        self._act("read")
        self.now += 0.01
        there = self.now >= self._landed
        return ReadbackResult(
            text=self.box if there and self.box and self.copies else None,
            taken=there,
            landed=there and self.pixels_still and not self.copies,
            by=self.by,
        )

    def guard(self) -> None:
        self._act("guard")

    def submit(self, *, by_s: float) -> None:
        self._act("submit")
        self._pressed = self.now
        if self.records and self.said is not None:
            self.said += f"me\n{self.box}\n"
        self._empty()

    def _empty(self) -> None:
        if self.empties and self._pressed and self.now - self._pressed >= self.empties_after:
            self.box = ""

    def is_at_work(self) -> bool:
        return self.works

    def confirm(self) -> SubmitEvidence:
        self.now += 0.01
        self._empty()
        after = self.busy_after is not None and self._pressed > 0 and self.now - self._pressed >= self.busy_after
        gained = None if self.gains_after is None else self.now - self._pressed >= self.gains_after
        return SubmitEvidence(
            is_empty=not self.box,
            is_busy=self.is_busy or after,
            is_guarded=self.now < self.guarded_until,
            has_gained=gained,
        )

    def wait_for_redraw(self, seconds: float) -> None:
        self.rest(seconds)

    def has_receipt(self) -> bool:
        return self.receipt

    def find(self) -> None:
        self._act("find")

    def marks(self) -> tuple[str, ...]:
        return (self.identity, *(() if self.copies else (f"picture:{self.box}",)))

    def is_same_window(self, marks: Sequence[str]) -> bool:
        return self.identity in marks

    def matches_draft(self, marks: Sequence[str]) -> bool:
        self._act("is ours")
        return (mark(self.box, Normalise.RAW) if self.copies else f"picture:{self.box}") in marks

    def transcript(self) -> str | None:
        self._act("transcript")
        return self.said

    def remember(self, moment: Moment) -> None:
        self._act(f"remember {moment}")
        self._remembered = list(dict.fromkeys([*self._remembered, moment]))

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        parts = (PictureArea.COMPOSER, PictureArea.WINDOW) if whole else (PictureArea.COMPOSER,)
        return tuple(Picture(moment=one, part=part, png=one.encode()) for part in parts for one in self._remembered)

    def target_identity(self) -> Target | None:
        return Target(id=1, kind="Fake", title_sha256="aa", place=(0, 0, 1, 1))

    def clear(self) -> ClearResult:
        self._act("clear")
        if self.clears is not ClearResult.FAILED:
            self.box = ""
        return self.clears

    def restore_user_state(self) -> None:
        self._act("give back")

    # Journal
    def staging(self, drafts: tuple[str, ...]) -> None:
        self.drafts += drafts
        self._act("staging")

    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None:
        self.drafts += drafts
        self.hashes.append(sha256)
        self._act("staged")

    def ask_ahead(self) -> None:
        self._act("ask ahead")
        self._granted = self.now + (self.grant_takes.pop(0) if self.grant_takes else 0.01)

    def submitting(self) -> None:
        self._act("submitting")
        if self._granted is None:
            self.now += self.grant_takes.pop(0) if self.grant_takes else 0.01
        else:
            self.now, self._granted = max(self.now, self._granted), None

    def is_answered(self) -> bool:
        return self._pressed > 0 and self.now - self._pressed >= self.answered_after

    # Pace
    def now_s(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds

    def check(self) -> None:
        if self.halted is not None:
            raise self.halted


def raises(trouble: Exception, at: int = 1) -> Callable[[int], None]:
    """For `World.when`: raise this the `at`th time."""

    def happen(count: int) -> None:
        if count == at:
            raise trouble

    return happen
