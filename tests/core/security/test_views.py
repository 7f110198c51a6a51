"""Saved views of the page: each user's own, under a name that stands for one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.kit.errors import Invalid
from core.limits import VIEWS
from core.security.model import NotAllowed, SavedView
from tests.builders import ADA, BEN, CAROL, make_agent, open_coordinator


async def test_users_save_replace_and_remove_views_of_their_own(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.views.save("Late", "/tasks?state=parked", by=ADA)
        await octet.views.save("Mine", "/agents", by=ADA)
        await octet.views.save("Late", "/tasks?state=failed", by=ADA)
        assert await octet.views.list(by=CAROL) == ()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        mine, late = SavedView(name="Mine", address="/agents"), SavedView(name="Late", address="/tasks?state=failed")
        assert await octet.views.list(by=ADA) == (mine, late)
        assert await octet.views.save("Mine", "", by=ADA) == (late,)


async def test_there_are_not_too_many_and_users_without_a_role_have_none(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        for number in range(VIEWS.most):
            await octet.views.save(f"View {number}", "/", by=ADA)
        with pytest.raises(Invalid):
            await octet.views.save("One more", "/", by=ADA)
        with pytest.raises(NotAllowed):
            await octet.views.save("Mine", "/", by=BEN)
