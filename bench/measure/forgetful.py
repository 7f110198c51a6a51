"""`octet` with an outbox that remembers nothing in Discord: no nonce twice the same, no look for a marker.

The broken variant of `bench/outbox`: the same benchmark on it must double notices, or it proves nothing.
"""

from __future__ import annotations

import secrets

from bot.__main__ import main
from bot.discord import client
from bot.discord.outbox import Outbox
from core.notices.model import Notice


class ForgetfulOutbox(Outbox):
    """Each try looks like a new message."""

    def _nonce(self, notice: Notice, tag: str = "") -> str:
        return secrets.token_hex(10)

    async def _find(self, notice: Notice, channel: int, tag: str = "") -> str | None:
        return None


if __name__ == "__main__":
    client.Outbox = ForgetfulOutbox
    main()
