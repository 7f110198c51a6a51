"""One draft into a window that is being connected: staged, read back and cleared by the steps of a delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from PIL import Image, ImageChops

from automation.desktop.calibration.composer_detection import ground
from automation.desktop.observation import image_diff
from automation.desktop.observation.image_diff import place_of_line
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import to_png
from automation.desktop.target.delivery_window import DeliveryWindow
from automation.protocol.ports import ClearResult, DeliveryClock, DeliveryFailure, ReadbackResult, WindowPort
from automation.protocol.text import equal, normalise, prepare
from core.calibration.model import NO_PROMPT, TrialResult
from core.deliveries.model import Moment, Outcome, Reason, Result
from core.profiles.model import AnyReadback, Box, Newline, Normalise, Profile, Readback

ASIDE = (240, 80)  # so many pixels around the composer Octet looks for a draft beside it
STAYS = frozenset(
    {Reason.PASTE_NOT_READ, Reason.MOVED, Reason.COVERED, Reason.NOT_READABLE, Reason.NOT_TOLD, Reason.NO_SUCH_KEY}
)
"""A delivery waits for these to pass; during calibration they name the trouble."""
MOST_CANDIDATES = 3
COMPARED = frozenset({Readback.ACCESSIBILITY.value, Readback.COPY.value})
"""With these ways Octet reads the whole text, and sees that the composer held nothing but the draft."""
DIFFERS = frozenset({Reason.READ_BACK_DIFFERS, Reason.PASTE_NOT_READ})
SOON_S = 0.01
DRAWN_S = 1.0  # drawing a draft that was read back takes at most so long
CLEARS: dict[bool, tuple[tuple[str, ...], ...]] = {
    True: (("ctrl+u", "backspace") * 20,),  # line by line
    False: (("ctrl+a", "backspace"), ("ctrl+home", "ctrl+shift+end", "delete")),
}
"""Other chords that may empty a composer: of programs that clear with Ctrl+U, and of all others."""


class TrialJournal:
    """Grants every step: a trial has no journal. A rehearsal never asks for Enter."""

    def staging(self, drafts: tuple[str, ...]) -> None: ...
    def staged(self, sha256: str, drafts: tuple[str, ...]) -> None: ...
    def submitting(self) -> None: ...
    def ask_ahead(self) -> None: ...
    def is_answered(self) -> bool:
        return False


class TrialObserver:
    """What Octet sees while a window takes a draft on trial. The window reports each step."""

    def __init__(self, *, name: str, inspector: WindowInspector, pace: DeliveryClock) -> None:
        self._name = name
        self._inspector = inspector
        self._pace = pace
        self._profile = inspector.profile(name)
        self.first: Image.Image | None = None  # before the composer had the focus, which some programs show around it
        self.before: Image.Image | None = None
        self.staged: Image.Image | None = None
        self.after: Image.Image | None = None
        self.reading = ReadbackResult(by=self._profile.readback[0])  # the last readback
        self._empties: tuple[Image.Image, ...] = ()
        self._cleared_by = self._profile.clear

    @property
    def is_terminal(self) -> bool:
        """Tell whether the composer has a prompt, and nothing reads its text."""
        return self._profile.composer.has_placeholder and self._profile.readback[0] is Readback.PIXELS

    def looks(self) -> None:
        """Look before anything is touched. A hint counts as empty: the draft, read back alone, proves it is one."""
        self.first = self._shot()
        self._keep_empty(self.first)

    def stages(self) -> None:
        self.before = self._shot()
        self._keep_empty(self.before)

    def refuses(self) -> None:
        """Look at a composer that does not seem empty once it has the focus: its caret may be larger than expected."""
        box, shot = self._profile.composer.box.edges, self._shot()
        if self.first is not None and self.before is None and shot is not None:
            mask = image_diff.differing(self.first.crop(box), now := shot.crop(box))
            self.before = shot if image_diff.is_caret(now, mask, now.width * now.height) else None

    def has_staged(self, rest: Callable[[float], None]) -> None:
        """Look after the readback, until the draft is drawn: programs report a text before they draw it."""
        end = self._pace.now_s() + DRAWN_S
        while not self._shows() and self._pace.now_s() < end:
            rest(SOON_S)

    def has_cleared(self, by: tuple[str, ...]) -> None:
        """Look after these chords."""
        self.after = self._shot()
        self._cleared_by = by

    def tried(self, outcome: Outcome, *, text: str, anchors: Sequence[Box]) -> TrialResult:
        """Return what was seen, and what the user can do about it; `text` is the staged text."""
        drawn = self._drawn()
        went = outcome.result is Result.REHEARSED
        anchor = next((box for box in anchors if self._stood_still(box)), None)
        reason, note = outcome.reason, outcome.note
        if went and self.staged is not None and not self._is_seen(drawn):
            went, reason, note = False, Reason.WRONG_PLACE, "the draft was read back, but it does not show there"
        read, read_by = self.reading.text or "", "" if outcome.evidence is None else outcome.evidence.readback
        found = quirks(text, read, self._profile, self.reading.by) if read and outcome.reason in DIFFERS else {}
        if went and self._empties and read_by not in COMPARED and not self.is_terminal:
            went, reason, note = False, Reason.COMPOSER_NOT_EMPTY, "nothing proves that its text is only a hint"
        if not went and self._is_without_prompt():
            reason, note = Reason.NO_COMPOSER, NO_PROMPT
        if outcome.draft_left and reason is not Reason.NOT_CLEARED:
            note = f"{note}; the draft may still be there: delete it".removeprefix("; ")
        return TrialResult(
            ok=went,
            reason=None if went else reason,
            note="" if went else note,
            quirks={"clear": list(self._cleared_by)} if went and self._cleared_by != self._profile.clear else found,
            read_chars=len(read),
            is_transient=outcome.result is Result.BOUNCED and outcome.reason not in STAYS,
            is_not_pasted=outcome.reason is Reason.PASTE_NOT_READ,
            read_by=read_by,
            drawn=drawn,
            ground="" if drawn is None or self.before is None else ground(self.before.crop(drawn.edges)),
            caret=self._caret(),
            hint=not self._stood_blank(drawn),
            empties=tuple(to_png(look) for look in self._empties) if went else (),
            anchor=anchor if went else None,
            anchor_png=b"" if anchor is None or self.before is None else to_png(self.before.crop(anchor.edges)),
            candidates=self._candidates(anchors, anchor) if went else (),
        )

    def _candidates(self, anchors: Sequence[Box], anchor: Box | None) -> tuple[tuple[Box, bytes], ...]:
        found = [] if anchor is None else [anchor]
        for box in anchors:
            if len(found) <= MOST_CANDIDATES and not any(box.overlaps(one) for one in found) and self._stood_still(box):
                found.append(box)
        before = self.before
        return () if before is None else tuple((box, to_png(before.crop(box.edges))) for box in found[1:])

    def _keep_empty(self, shot: Image.Image | None) -> None:
        if self._profile.composer.has_placeholder and shot is not None:
            composer = self._profile.composer
            look = shot.crop((place_of_line(composer, composer.prompt) if composer.prompt else composer.box).edges)
            self._inspector.keep_empty(self._name, look)
            self._empties = (*self._empties, look)

    def _stood_blank(self, drawn: Box | None) -> bool:
        composer = self._profile.composer
        if drawn is None or self.before is None:
            return True
        return image_diff.is_blank(self.before.crop(drawn.edges), composer.background, composer.caret_px)

    def _shows(self) -> bool:
        self.staged = self._shot()
        return self.staged is not None and self._is_seen(self._drawn())

    def _shot(self) -> Image.Image | None:
        """Take a picture of the whole window without masks: it does not leave this process."""
        try:
            box = self._inspector.place(self._name).box
        except DeliveryFailure:
            return None
        return self._inspector.at(box)

    def _is_without_prompt(self) -> bool:
        prompt, colour = self._profile.composer.prompt, self._profile.composer.background
        return (
            prompt is not None
            and self.first is not None
            and image_diff.is_blank(self.first.crop(prompt.edges), colour, 0)
        )

    def _caret(self) -> Box | None:
        if self.first is None or self.before is None:
            return None
        composer = self._profile.composer.box
        change = image_diff.differing(self.first.crop(composer.edges), self.before.crop(composer.edges)).getbbox()
        return None if change is None else Box.of_edges(*change).on_screen(composer)

    def _drawn(self) -> Box | None:
        if self.before is None or self.staged is None:
            return None
        composer = self._profile.composer.box
        around = composer.grown(*ASIDE).shared(Box.of_edges(0, 0, *self.before.size))
        change = image_diff.differing(self.before.crop(around.edges), self.staged.crop(around.edges)).getbbox()
        return None if change is None else Box.of_edges(*change).on_screen(around)

    def _is_seen(self, drawn: Box | None) -> bool:
        """Return whether a composer with the draft in it does not pass for an empty one."""
        composer = self._profile.composer
        if drawn is None or self.staged is None or not drawn.overlaps(composer.box):
            return False
        return not self._inspector.is_empty_in(self._name, self.staged.crop(composer.box.edges))

    def _stood_still(self, box: Box) -> bool:
        shots = (self.first, self.before, self.staged, self.after)
        seen = [picture for picture in shots if picture is not None]
        if not seen:
            return True
        first = seen[0].crop(box.edges)
        return all(ImageChops.difference(first, other.crop(box.edges)).getbbox() is None for other in seen[1:])


class TrialPort(WindowPort, Protocol):
    """A window that is tried."""

    @property
    def trial(self) -> TrialObserver: ...  # What was seen meanwhile


class TrialWindow(DeliveryWindow[WindowInspector]):
    """One draft's view of one window. It comes before a platform's own window among the bases of a class."""

    _trial: TrialObserver | None = None

    @property
    def trial(self) -> TrialObserver:
        self._trial = self._trial or TrialObserver(name=self._name, inspector=self._inspector, pace=self._pace)
        return self._trial

    def look(self, *, may_be_busy: bool = False) -> bool:
        self.trial.looks()
        return super().look(may_be_busy=may_be_busy)

    def stage(self, text: str) -> None:
        self.trial.stages()
        super().stage(text)

    def remember(self, moment: Moment) -> None:
        super().remember(moment)
        if moment is Moment.STAGED:
            self.trial.has_staged(self._wait)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        """Try other chords where those of the profile leave something."""
        cleared = ClearResult.FAILED
        for chords in (self._profile.clear, *CLEARS["ctrl+u" in self._profile.clear]):
            self._profile = replace(self._profile, clear=chords)
            cleared = super().clear(if_untouched=if_untouched)
            if cleared is not ClearResult.FAILED:
                break
        self.trial.has_cleared(self._profile.clear)
        return cleared


SHORTEST = 500  # characters; what keeps less of a draft takes no prompt, not even one that names a file
_Made = Callable[[str], str]
_TAB, _LINE = {"tab": Newline.COLLAPSE.value}, {"newline": Newline.COLLAPSE.value}
_TABS: tuple[tuple[dict[str, str], _Made], ...] = (
    ({}, lambda text: text),
    (_TAB, lambda text: text.replace("\t", "")),
    (_TAB, lambda text: text.replace("\t", " ")),
    (_TAB, lambda text: text.replace("\t", "    ")),
    (_TAB, lambda text: text.expandtabs(8)),
)
_LINES: tuple[tuple[dict[str, str], _Made], ...] = (
    ({}, lambda text: text),
    (_LINE, lambda text: text.replace("\n", "")),
    (_LINE, lambda text: text.replace("\n", " ")),
    (_LINE, lambda text: text.partition("\n")[0]),
)


def quirks(text: str, read: str, profile: Profile, by: AnyReadback | None = None) -> dict[str, object]:
    """Explain what was read back of `text`, `by` this way, as a setting of its profile (`[windows.calibrated]`); empty
    where nothing explains it. Some editors report only the visible lines over the accessibility bus: where only a cut
    explains the difference, Octet copies the draft back."""
    asked = prepare(text, profile)
    for level in (profile.normalise, Normalise.NL, Normalise.NBSP, Normalise.LINES):
        for found, made in _made(asked):
            more = {} if level is profile.normalise else {"normalise": level.value}
            if equal(made, read, level):
                return {**found, **more}
    if by is Readback.ACCESSIBILITY and Readback.COPY in profile.readback:
        return {"readback": [Readback.COPY.value]}
    for found, made in _made(asked):
        kept = normalise(read, Normalise.NL)
        if len(kept) >= SHORTEST and normalise(made, Normalise.NL).startswith(kept):
            return {**found, "max_chars": len(kept)}
    return {}


def _made(asked: str) -> Iterator[tuple[dict[str, object], str]]:
    """Yield what a program may turn a text into, with the setting that its profile then needs."""
    for of_lines, lines in _LINES:
        for of_tabs, tabs in _TABS:
            yield {**of_lines, **of_tabs}, tabs(lines(asked))
