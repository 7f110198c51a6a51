"""A sandbox for each test, with discord.py pointed at it and every exchange checked against Discord's description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.sandbox.discord.spec import SpecChecker
from tests.sandbox.discord.trial_bot import TrialBot, redirect, running


@asynccontextmanager
async def checked_sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    checker = SpecChecker()
    async with open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as opened:
        opened.record.listeners.append(checker.check)
        redirect(monkeypatch, opened)
        yield opened
        checker.raise_if_any()
        assert opened.record.problems == []


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with checked_sandbox(monkeypatch) as opened:
        yield opened


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[TrialBot]:
    async with running(sandbox) as ready:
        yield ready
