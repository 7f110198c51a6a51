"""What drafts find out: the chord that pastes, what a program cannot take, where a terminal's prompt stands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.calibration.calibrator import TRIES, CalibratedWindow, Calibrator, WindowChoice
from core.calibration.model import POINTING_HELPS, TERMINAL, CalibrationFailed, Measurement, Point, TrialResult
from core.desks.model import Window
from core.home import Home
from core.profiles.model import Box, Newline, Profile, Readback, Selection
from core.reasons import Reason
from tests.fakes.display_probe import FakeDisplayProbe

ROOT = Path(__file__).parents[3]
AREA = Box(x=10, y=0, width=370, height=400)
DRAWN = Box(x=27, y=60, width=160, height=15)
Answer = Callable[[Profile, str], TrialResult]


class Program(FakeDisplayProbe):
    """A terminal, or a window with a field; it answers each draft as the test says."""

    def __init__(self, answer: Answer, *, is_terminal: bool = False, by_line: bool = False) -> None:
        super().__init__("Strange")
        self.answer = answer
        self.is_terminal = is_terminal
        self.by_line = by_line
        self.texts: list[str] = []

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
        if self.is_terminal:
            found = Measurement(window=window, composer=AREA, background="#000000", anchors=(), by=TERMINAL, hint=True)
            return replace(found, by_line=self.by_line)
        return replace(await super().measure(window, point or (100, 350), avoid), anchors=())

    async def trial(
        self,
        window: Window,
        profile: Profile,
        *,
        anchors: tuple[Box, ...],
        text: str,
        known: int = 0,
    ) -> TrialResult:
        self.texts.append(text)
        return self.answer(profile, text)


async def connected(tmp_path: Path, program: Program, said: list[str] | None = None) -> CalibratedWindow:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    lines = [] if said is None else said

    async def rest(_: float) -> None: ...

    calibration = Calibrator(home=Home(root=tmp_path), scout=program, say=lines.append, rest=rest)
    await calibration.look()
    profile = "generic_terminal" if program.is_terminal else "generic"
    wanted = WindowChoice(window=1, profile=profile, name="agent-1", agent="Agent-1")
    return await calibration.connect(wanted, "apollo")


def taken(profile: Profile, text: str) -> TrialResult:
    del profile, text
    return TrialResult(ok=True, read_by="pixels", drawn=DRAWN)


async def test_the_first_chord_that_pastes_is_kept(tmp_path: Path) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        is_it = (profile.paste, profile.selection) == ("ctrl+shift+v", Selection.CLIPBOARD)
        return (
            taken(profile, text) if is_it else TrialResult(ok=False, is_not_pasted=True, reason=Reason.PASTE_NOT_READ)
        )

    done = await connected(tmp_path, Program(answer, is_terminal=True))
    assert (done.calibrated["paste"], done.calibrated["selection"]) == ("ctrl+shift+v", "clipboard")


async def test_other_chords_that_cleared_a_draft_are_kept(tmp_path: Path) -> None:
    chords = ["ctrl+u", "backspace"]

    def answer(profile: Profile, text: str) -> TrialResult:
        is_other = len(text) > 100 and list(profile.clear) != chords
        return replace(taken(profile, text), quirks={"clear": chords} if is_other else {})

    one = await connected(tmp_path, Program(answer, is_terminal=True))
    assert one.calibrated["clear"] == chords


async def test_a_busy_machine_is_named_with_the_number_of_the_try(tmp_path: Path) -> None:
    said: list[str] = []
    results = iter([TrialResult(ok=False, is_transient=True, reason=Reason.TOO_SLOW)])

    def answer(profile: Profile, text: str) -> TrialResult:
        return next(results, None) or taken(profile, text)

    await connected(tmp_path, Program(answer), said)
    assert f"agent-1: the machine is slow; trying again (2 of {TRIES})" in said


async def test_the_caret_that_was_measured_beats_that_of_the_profile(tmp_path: Path) -> None:
    caret = Box(x=27, y=60, width=18, height=28)

    def answer(profile: Profile, text: str) -> TrialResult:
        if profile.composer.caret_px < caret.width * caret.height:
            return TrialResult(ok=False, reason=Reason.COMPOSER_NOT_EMPTY, caret=caret)
        return taken(profile, text)

    done = await connected(tmp_path, Program(answer, is_terminal=True))
    assert done.calibrated["composer"]["caret_px"] == 20 * 30  # type: ignore[index] # it is a table


async def test_a_draft_that_no_chord_pastes_is_a_wrong_place(tmp_path: Path) -> None:
    with pytest.raises(CalibrationFailed) as trouble:
        await connected(
            tmp_path, Program(lambda *_: TrialResult(ok=False, is_not_pasted=True, reason=Reason.PASTE_NOT_READ))
        )
    assert trouble.value.reason in POINTING_HELPS


async def test_what_the_program_makes_of_the_long_draft_is_taken_over_until_it_comes_back(tmp_path: Path) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        if "\n" in text and profile.newline is Newline.KEEP:
            return TrialResult(ok=False, note="it differs", quirks={"newline": "collapse"})
        if len(text) > 800:
            return TrialResult(ok=False, note="it differs", quirks={"max_chars": 800})
        return TrialResult(ok=True, read_by="copy")

    program = Program(answer)
    done = await connected(tmp_path, program)
    assert (done.calibrated["newline"], done.calibrated["max_chars"]) == ("collapse", 800)
    assert [len(text) > 10_000 for text in program.texts] == [False, True, True, False]


PART = 1279
"""Characters of a long draft that the accessibility bus tells of an editor that draws only the visible lines."""


@pytest.mark.parametrize(
    ("copied", "calibrated", "most"),
    [
        (100_000, {"readback": ["copy"]}, 20_000),
        (0, {"max_chars": PART}, PART),
        (900, {"max_chars": 900}, 900),
    ],
    ids=["copy reads all", "copy fails", "the program cuts the text off"],
)
async def test_an_editor_that_tells_only_a_part_is_read_by_copy_or_gets_what_it_tells_whole(
    tmp_path: Path, copied: int, calibrated: dict[str, object], most: int
) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        by = profile.readback[0]
        if by is Readback.ACCESSIBILITY:
            if len(text) <= PART:
                return TrialResult(ok=True, read_by=by)
            return TrialResult(ok=False, note="a part", quirks={"readback": ["copy"]}, read_chars=PART)
        if len(text) <= copied:
            return TrialResult(ok=True, read_by=by)
        return TrialResult(ok=False, note="cut off", quirks={"max_chars": copied} if copied else {}, read_chars=copied)

    program = Program(answer)
    done = await connected(tmp_path, program)
    assert {key: done.calibrated[key] for key in ("readback", "max_chars") if key in done.calibrated} == calibrated
    assert most - 100 < len(program.texts[-1]) <= most


async def test_the_looks_of_an_empty_composer_before_the_first_draft_are_kept_too(tmp_path: Path) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        return TrialResult(ok=True, read_by="copy", empties=(b"blank",) if "\n" in text else (b"hint",))

    done = await connected(tmp_path, Program(answer))
    assert done.tried.empties == (b"hint", b"blank")


async def test_a_draft_that_comes_back_otherwise_for_no_known_reason_is_refused(tmp_path: Path) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        return TrialResult(ok="\n" not in text, note="it differs", read_by="copy")

    with pytest.raises(CalibrationFailed, match="it differs"):
        await connected(tmp_path, Program(answer))


async def test_the_prompt_is_what_stands_before_the_draft_as_high_as_the_caret(tmp_path: Path) -> None:
    caret = Box(x=26, y=59, width=9, height=17)
    program = Program(lambda *_: TrialResult(ok=True, drawn=DRAWN, caret=caret, ground="#fafafa"), is_terminal=True)
    done = await connected(tmp_path, program)
    assert done.measured.prompt == Box(x=10, y=59, width=16, height=17)
    assert done.measured.background == "#fafafa", "much of a terminal may be shown in reverse"
    assert done.calibrated["confirm"] == ["composer_empty", "busy_seen"]
    assert len(program.texts[-1]) <= 600


async def test_a_program_that_reads_line_by_line_gets_no_newline(tmp_path: Path) -> None:
    def answer(profile: Profile, text: str) -> TrialResult:
        assert profile.newline is Newline.COLLAPSE
        return taken(profile, text)

    done = await connected(tmp_path, Program(answer, is_terminal=True, by_line=True))
    assert done.calibrated["newline"] == "collapse"


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [(replace(DRAWN, height=300), Reason.SCROLLED), (replace(DRAWN, x=10), Reason.NO_COMPOSER)],
)
async def test_a_terminal_whose_prompt_cannot_be_found_is_refused_with_the_cause(
    tmp_path: Path, drawn: Box, reason: Reason
) -> None:
    with pytest.raises(CalibrationFailed) as trouble:
        await connected(tmp_path, Program(lambda *_: TrialResult(ok=True, drawn=drawn), is_terminal=True))
    assert trouble.value.reason is reason


async def test_a_composer_that_the_first_letter_moves_is_measured_again(tmp_path: Path) -> None:
    moved = Box(x=4, y=307, width=370, height=93)

    class Page(Program):
        async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
            found = await super().measure(window, point, avoid)
            return replace(found, by="accessibility", composer=moved if self.texts else found.composer)

    def answer(profile: Profile, text: str) -> TrialResult:
        beside = Box(x=0, y=290, width=386, height=110)
        return TrialResult(ok=profile.composer.box == moved, note="not cleared", drawn=beside, read_by="accessibility")

    done = await connected(tmp_path, Page(answer))
    assert done.measured.composer == moved
