"""What is said on the console while windows are connected."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from bot.cli.calibrate import command
from bot.cli.calibrate.console import Console
from core.calibration import texts
from core.calibration.model import (
    Answer,
    CalibrationFailed,
    CalibrationOptions,
    CalibrationResult,
    FailedWindow,
    FoundWindow,
    PointAt,
    Question,
)
from core.calibration.session import QuestionSession
from core.home import Home
from core.profiles.model import Box
from core.reasons import Reason
from tests.builders import refuses
from tests.fakes.calibrations import CONNECTED


def test_a_title_can_do_nothing_to_the_console_it_is_told_on(capsys: pytest.CaptureFixture[str]) -> None:
    Console(is_person=False).say("“\x1b[2Jgone\r” is not connected\nA")
    assert capsys.readouterr().out == "“�[2Jgone�” is not connected\nA\n"


FAILED = FailedWindow(called="“chat”", agent="Agent-2", code=Reason.NO_COMPOSER, note="no composer.")


@pytest.mark.parametrize(
    ("result", "is_person", "said"),
    [
        (CalibrationResult(desk="main", connected=(CONNECTED,)), True, ""),
        (CalibrationResult(desk="main", connected=(CONNECTED,), failed=(FAILED,) * 2), True, "2 windows are not"),
        (
            CalibrationResult(desk="main", failed=(FAILED,)),
            True,
            "Empty its composer, then run `octet calibrate --home",
        ),
        (CalibrationResult(desk="main", failed=(FAILED,)), False, "Empty its composer, then run `octet calibrate"),
        (CalibrationResult(desk="main"), True, "To choose, run `octet calibrate --home"),
    ],
)
async def test_the_end_of_a_calibration_names_the_next_step(
    result: CalibrationResult,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_person: bool,
) -> None:
    @asynccontextmanager
    async def dialog(*_: object) -> AsyncGenerator[QuestionSession]:
        async def work() -> AsyncGenerator[Question | CalibrationResult, Answer]:
            yield result

        session = QuestionSession(work(), [])
        await session.start()
        yield session

    monkeypatch.setattr(command, "_open_dialog", dialog)
    console = Console(is_person=is_person)
    monkeypatch.setattr("bot.cli.calibrate.console.typed_lines", nullcontext)
    work = command.calibrate_windows(Home(root=tmp_path), CalibrationOptions(), console)
    last = ""
    if result.connected:
        assert await work == bool(result.failed)
    else:
        with refuses("nothing_connected") as ended:
            await work
        last = ended.value.message
    shown = capsys.readouterr().out + last
    assert said in shown
    assert ("not connected." in shown) is bool(result.failed)
    assert last == last.rstrip()


def test_the_question_for_a_composer_names_no_option() -> None:
    """Where a user types x,y, `composer=x,y` answers nothing."""
    box = Box(x=0, y=0, width=9, height=9)
    window = FoundWindow(id=1, kind="Chat", title="chat", program="", box=box, is_shown=True)
    note = CalibrationFailed(Reason.NO_COMPOSER).message
    asks = texts.asks(PointAt(number=1, window=window, agent="Agent-1", note=note), {})
    assert "composer=" not in asks
