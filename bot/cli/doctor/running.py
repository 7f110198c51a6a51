"""The Octet that runs in this home and how it does, or what it would meet when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bot.cli.doctor.model import Finding, ok, problem, warning

if TYPE_CHECKING:
    from bot.runfile import Run
    from core.desks.model import DeskStatus
    from core.fleet.model import Wellness
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


def at_work(home: Home) -> Iterator[Finding]:
    """How the Octet that runs here does: what is not well, its ping, its desks. Nothing where none runs."""
    from bot.cli.client import NoOctet
    from bot.runfile import running

    run = running(home.root)
    if run is None:
        return
    try:
        yield from _asked(run)
    except NoOctet:
        yield problem(
            f"process {run.pid} is said to be Octet, but does not answer at {run.address}:{run.port}",
            "Look at its log. If it hangs, end that process and start Octet again: nothing acknowledged is lost.",
        )


def _asked(run: Run) -> Iterator[Finding]:
    from pydantic import TypeAdapter, ValidationError

    from bot.cli.client import exchange
    from core.desks.model import DeskStatus
    from core.fleet.model import Wellness

    headers = {"Authorization": f"Bearer {run.token}"}
    health = exchange(run, "GET", "/api/v2/fleet/health", headers=headers)
    desks = exchange(run, "GET", "/api/v2/desks", headers=headers)
    try:
        yield from health_of(TypeAdapter(Wellness).validate_json(health.body))
        yield from desks_of(TypeAdapter(tuple[DeskStatus, ...]).validate_json(desks.body))
    except ValidationError:
        yield warning(
            f"the Octet that runs (version {run.version}) is not understood by this one", "Start it again, once."
        )


def health_of(now: Wellness) -> Iterator[Finding]:
    """What is not well, and how the ping does."""
    for one in now.troubles:
        say = problem if one.counts else warning
        yield say(f"running: {one.what}", one.next)
    if now.is_well:
        yield ok("running: all is well")
    ping = now.ping
    if not ping.is_wanted:
        return
    if ping.is_held_back:
        yield warning(f"the ping to {ping.where} is held back, because not all is well", "Mend what is named above.")
    elif ping.why:
        cure = "Look whether OCTET_ALARM__PING_URL is right, and whether its service and the way there are up."
        yield warning(f"the ping to {ping.where} is not taken: {ping.why}", cure)
    else:
        yield ok(f"the ping to {ping.where} is taken")


def desks_of(desks: Iterable[DeskStatus]) -> Iterator[Finding]:
    """Each desk, and the windows of it that cannot be used."""
    for desk in desks:
        name = desk.desk.name
        bad = [window for window in desk.windows if not window.usable]
        for window in bad:
            yield warning(
                f"running: desk {name}: window {window.name} cannot be used: {window.reason}",
                f"octet desk doctor {name} says what to do",
            )
        if desk.state == "ready" and not bad:
            yield ok(f"running: desk {name} is ready, {len(desk.windows)} windows can be used")
        elif desk.state != "ready":
            is_wish = desk.state in {"held", "stopped"}
            cure = f"octet desk release {name}" if is_wish else f"octet desk doctor {name} says what to do"
            yield warning(f"running: desk {name} is {desk.state}: {desk.reason}", cure)
        if desk.awake:
            yield ok(f"running: desk {name}: {desk.awake}")
