"""Which ways of having agents `octet init` offers on which platform: none that is not there."""

from __future__ import annotations

import sys

import pytest

from bot.cli.first_use.agents import _works_here
from bot.cli.first_use.wishes import Kind


@pytest.mark.parametrize(
    ("platform", "display", "offered"),
    [
        ("win32", "", {Kind.WINDOWS, Kind.DRY_RUN}),
        ("darwin", "", {Kind.WINDOWS, Kind.TERMINALS, Kind.DRY_RUN}),
        ("linux", ":0", set(Kind)),
        ("linux", "", set(Kind) - {Kind.WINDOWS}),
    ],
)
def test_only_what_the_platform_has_is_offered(
    platform: str, display: str, offered: set[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("DISPLAY", display)
    assert {kind for kind in Kind if _works_here(kind)} == offered
