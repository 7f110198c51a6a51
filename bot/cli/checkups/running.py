"""The Octet that runs in this home, or what it would meet when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.cli.checkups.finding import Finding, ok, warning

if TYPE_CHECKING:
    from core.home import Home
    from core.settings.model import Settings


def port(home: Home, settings: Settings) -> Finding:
    """Whether the port of the configuration can be had."""
    from bot.runfile import running
    from bot.web.server import listening

    run = running(home.root)
    if run is not None:
        return ok(f"Octet {run.version} runs in this home: process {run.pid}, {run.address}:{run.port}")
    with listening(settings.http.host, settings.http.port) as listener:
        if listener.is_other_port:
            return warning(
                f"port {settings.http.port} is taken; Octet will take another one and say which",
                "Nothing need be done; `port` in [http] of config/octet.toml names another one for good.",
            )
    return ok(f"port {settings.http.port} is free" if settings.http.port else "a free port will be taken")
