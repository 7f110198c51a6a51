"""Which texts are secrets, by their shape or because Octet made or read them, and how a log shows them."""

from __future__ import annotations

import re

HIDDEN = "…"
_SHAPES = re.compile(
    r"\b[a-z2-9]{6}\.[A-Z2-7]{26}\b"  # an agent's answer code
    r"|octet-reply\.[\w.~-]{0,64}\.[0-9a-f]{64}"  # a reply key
    r"|\boctet_[\w-]{43}"  # an API key
    r"|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # a bot token of Discord's
    r"|(?<=Bearer )[\w.~+/=-]{8,}|(?<=Bot )[\w.~+/=-]{30,}"  # what a request carries
)
_WRAP = r"(?:[ \t|│┃]*\n[ \t|│┃]*)?"
CODE_ON_SCREEN = re.compile(_WRAP.join([r"(?<![a-z2-9])[a-z2-9]", *["[a-z2-9]"] * 5, r"\.", *["[A-Z2-7]"] * 26]))
"""An answer code as a window shows it: broken over lines, with a frame around them."""
_HINT = re.compile(r"octet_|\.[A-Z2-7]{26}|\.[\w-]{6,7}\.[\w-]{27}|\.[0-9a-f]{64}|(?:Bearer|Bot) ")
"""A part of each shape that is quick to look for: most lines have none."""
_SHORTEST = 8  # hiding a shorter text would hide words that are not secret
_known: set[str] = set()


def remember(secret: str) -> str:
    """Return the secret; from now on `redacted` hides it, too."""
    if len(secret) >= _SHORTEST:
        _known.add(secret)
    return secret


def redacted(text: str) -> str:
    """Return `text` with every secret in it hidden."""
    for secret in tuple(_known):  # another thread may add one
        text = text.replace(secret, HIDDEN)
    return _SHAPES.sub(HIDDEN, text) if _HINT.search(text) else text
