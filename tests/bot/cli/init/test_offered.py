"""Which ways of having agents `octet init` offers on which platform: none that is not there."""

from __future__ import annotations

import sys

import pytest

from bot.cli.init.agents import offered
from bot.cli.init.prompts import AgentPlace


@pytest.mark.parametrize(
    ("platform", "display", "ways"),
    [
        ("win32", "", {AgentPlace.WINDOWS, AgentPlace.DRY_RUN}),
        ("darwin", "", {AgentPlace.WINDOWS, AgentPlace.TERMINALS, AgentPlace.ACP, AgentPlace.DRY_RUN}),
        ("linux", ":0", set(AgentPlace)),
        ("linux", "", set(AgentPlace) - {AgentPlace.WINDOWS}),
    ],
)
def test_only_what_the_platform_has_is_offered(
    platform: str, display: str, ways: set[AgentPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("DISPLAY", display)
    assert set(offered()) == ways
