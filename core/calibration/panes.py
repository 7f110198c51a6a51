"""Learns by a draft how a program's composer looks in a pane of tmux, for the program's profile."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import cast

from core.calibration.calibrator import NoSuchProfile
from core.calibration.model import (
    Answer,
    CalibrationResult,
    Candidate,
    ChooseWindows,
    Chosen,
    ConnectedWindow,
    FoundWindow,
    NotProposed,
    Question,
)
from core.calibration.writer import write_terminal
from core.config.profiles import read_profiles
from core.home import Home
from core.profiles.panes import PaneReadback, Terminal

Learn = Callable[[str, Sequence[str]], Awaitable[Terminal]]
"""Pastes a draft, which these chords delete, and finds the patterns. Raises NotMeasured."""


async def calibrate_pane(
    home: Home, pane: FoundWindow, profile: str, learn: Learn, lines: list[str]
) -> AsyncGenerator[Question | CalibrationResult, Answer]:
    """Work for `session.Steps`: ask once, try a draft, and write into the profile how its program looks."""
    why_not = None if profile else NotProposed.NO_PROFILE
    shown = Candidate(number=1, window=pane, profile=profile, why_not=why_not)
    answer = yield ChooseWindows(desk="", candidates=(shown,), monitors=())
    assert isinstance(answer, Chosen)
    if not answer.picks:
        yield CalibrationResult(desk="")
        return
    profile = answer.picks[0].profile or profile
    kinds = read_profiles(home.root, []).kinds
    if profile not in kinds:
        raise NoSuchProfile(profile=profile[:60], known=", ".join(sorted(kinds)))
    clear = cast("Sequence[str]", kinds[profile].data.get("clear", ()))
    found = await learn(f"octet calibration {secrets.token_hex(3)}", clear)
    patterns: dict[str, str] = {name: getattr(found, name) for name in ("prompt", "bar", "tail", "end", "placeholder")}
    lines += [f"{name} = {pattern}" for name, pattern in patterns.items() if pattern]
    changed = await asyncio.to_thread(write_terminal, home, profile, patterns)
    title, by = pane.title, PaneReadback.SCREEN
    one = ConnectedWindow(window=title, title=title, agent=title, profile=profile, read_by=by, is_told=False)
    yield CalibrationResult(desk="", connected=(one,), files=tuple(map(str, changed.files)))
