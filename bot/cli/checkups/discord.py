"""Discord: whether it takes the token. Nothing here ever prints the token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from bot.cli.checkups.finding import Finding, ok, problem, warning

if TYPE_CHECKING:
    from core.settings.model import Settings

API = "https://discord.com/api/v10"
_ONLINE_S = 10


def token(settings: Settings, *, online: bool, api: str = API) -> Finding:
    """Whether there is a token and, if asked, whether Discord takes it. It is never printed."""
    if settings.discord_token is None:
        return warning(
            "there is no OCTET_DISCORD_TOKEN: Octet works, without Discord",
            "Put OCTET_DISCORD_TOKEN=… into .env of the home (discord.com/developers, Bot, Reset Token).",
        )
    if not online:
        return ok("there is a token; `octet doctor --online` shows it to Discord")
    return _shown(settings.discord_token.get_secret_value(), settings.discord.api_base or api)


def _shown(secret: str, api: str) -> Finding:
    headers = {"Authorization": f"Bot {secret}", "User-Agent": "DiscordBot (octet doctor)"}
    request = urllib.request.Request(f"{api}/users/@me", headers=headers)  # noqa: S310 - the pattern of api_base is http
    try:
        with urllib.request.urlopen(request, timeout=_ONLINE_S) as answer:  # noqa: S310 - as above
            name = json.load(answer).get("username", "?")
    except urllib.error.HTTPError as refused:
        if refused.code == 401:
            return problem(
                "Discord does not take this token",
                "Reset it (discord.com/developers, Bot, Reset Token) and put the new one into .env of the home.",
            )
        return warning(f"Discord answers with status {refused.code}", "Try again later.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        cure = "Look at this machine's way to the internet (proxy, firewall) and try again."
        return problem(f"Discord cannot be reached: {reason}", cure)
    return ok(f"Discord takes the token; the bot is called {name}")
