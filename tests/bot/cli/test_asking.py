"""What is said on the console while windows are connected."""

from __future__ import annotations

import pytest

from bot.cli.calibrate.console import Console


def test_a_title_can_do_nothing_to_the_console_it_is_told_on(capsys: pytest.CaptureFixture[str]) -> None:
    Console(is_person=False).say("“\x1b[2Jgone\r” is not connected\nA")
    assert capsys.readouterr().out == "“�[2Jgone�” is not connected\nA\n"
