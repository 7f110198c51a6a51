"""Files are checked before they are sent; what is too large is left out, and the message says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from discord import ui

from bot.discord import parts
from bot.discord.channel_client import ChannelClient
from bot.discord.errors import MessageRejected
from bot.discord.parts import FILE_LIMIT, Attachment, Parts, framed, within_limits
from bot.discord.send_limits import SendLimits
from core.kit.clock import SystemClock
from tests.bot.discord.town import Town, make_bot, settings_for
from tests.fakes.channels import said


def test_a_picture_that_is_too_large_leaves_the_message_which_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FILE_LIMIT", 100)
    shots = tuple(Attachment(name=f"{name}.png", data=b"x" * size) for name, size in (("small", 10), ("large", 101)))
    fitting = within_limits(framed("Look", "m", colour=1, shots=shots))
    assert [one.name for one in fitting.attachments] == ["small.png"]
    assert "large.png" in said(fitting)
    assert fitting.view is not None
    [gallery] = [item for item in fitting.view.walk_children() if isinstance(item, ui.MediaGallery)]
    assert [item.media.url for item in gallery.items] == ["attachment://small.png"]
    alone = within_limits(framed("Look", "m", colour=1, shots=shots[1:]))
    assert alone.view is not None
    assert not [item for item in alone.view.walk_children() if isinstance(item, ui.MediaGallery)]
    assert "large.png" in within_limits(Parts(content="Look", attachments=shots)).content


def test_the_files_of_one_message_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "REQUEST_LIMIT", 25)
    shots = tuple(Attachment(name=f"{name}.png", data=b"x" * 10) for name in "abc")
    assert [one.name for one in within_limits(Parts(content="x", attachments=shots)).attachments] == ["a.png", "b.png"]


async def test_discord_takes_a_message_whose_picture_was_too_large(
    quiet_town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, channel = settings_for(quiet_town.sandbox), quiet_town.sandbox.world.home.id
    assert settings.discord_token is not None
    bot, channels = make_bot(quiet_town), ChannelClient(SendLimits(SystemClock()))
    large = (Attachment(name="window.png", data=bytes(FILE_LIMIT + 1)),)
    async with bot:
        await bot.login(settings.discord_token.get_secret_value())
        channels.use_bot(bot)
        posted = await channels.post_message(channel, Parts(content="Look", attachments=large), nonce="n1")
        assert posted.is_as_requested
        monkeypatch.setattr(parts, "FILE_LIMIT", 2 * FILE_LIMIT)
        with pytest.raises(MessageRejected, match="40005"):
            await channels.post_message(channel, Parts(content="Look", attachments=large), nonce="n2")
    [message] = await quiet_town.sandbox.messages()
    assert "window.png" in message["content"]
