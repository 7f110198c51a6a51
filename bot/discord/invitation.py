"""What Octet asks for where it is invited: the one list of its permissions, and the link that asks for no others."""

from __future__ import annotations

from urllib.parse import urlencode

NEEDED = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Create Public Threads": 1 << 35,
    "Send Messages in Threads": 1 << 38,
    "Attach Files": 1 << 15,
    "Embed Links": 1 << 14,
    "Read Message History": 1 << 16,
}
"""By the names that Discord shows; the last one is for finding Octet's own messages after a lost connection."""
PERMISSIONS = sum(NEEDED.values())
ADMINISTRATOR = 1 << 3
"""Whoever has it needs none of the others. Octet never asks for it."""


def invite_link(application_id: str) -> str:
    """The address at which somebody who may manage a server lets the bot in, with these permissions and no others."""
    asked = {"client_id": application_id, "scope": "bot applications.commands", "permissions": PERMISSIONS}
    return f"https://discord.com/oauth2/authorize?{urlencode(asked)}"


def missing_permissions(permissions: int) -> tuple[str, ...]:
    """The names of what is missing among these permissions."""
    if permissions & ADMINISTRATOR:
        return ()
    return tuple(name for name, bit in NEEDED.items() if not permissions & bit)
