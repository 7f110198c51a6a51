"""Away from the desk: what locks the screen or puts the machine to sleep, what holds that off, log-in, the ping."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bot.cli.doctor.model import Finding, ok, warning

if TYPE_CHECKING:
    from automation.desktop.power.idle_settings import IdleAction
    from automation.desktop.power.inhibitors import SleepInhibitor
    from bot.cli.autostart import AutostartBackend
    from core.config.loader import Config
    from core.desks.model import Desk
    from core.settings.model import Settings


def survey(config: Config) -> Iterator[Finding]:
    """What this machine does while nobody touches it, where that matters to the desks."""
    desks = config.used_desks()
    if not desks:
        return
    from automation.desktop.power.idle_settings import find_idle_actions, this_machine
    from core.config.settings import environment

    screens = [desk.display for desk in desks if desk.is_users_screen]
    yield from habits(find_idle_actions(this_machine(environment()), screens), desks)


def habits(found: Iterable[IdleAction], desks: Iterable[Desk]) -> Iterator[Finding]:
    """Each of them, judged by what the desks are: only screens that people use can be locked, every machine sleeps."""
    from automation.desktop.power.idle_settings import IdleEffect

    has_screen = any(desk.is_users_screen for desk in desks)
    awake = [desk.name for desk in desks if desk.user_activity.stay_awake]
    is_quiet = True
    for habit in found:
        if habit.does is IdleEffect.BLANKS:
            yield ok(f"{habit}; what is typed arrives all the same")
        elif habit.does is IdleEffect.UNREAD:
            is_quiet = False
            yield warning(str(habit), habit.cure)
        elif habit.does is IdleEffect.LOCKS:
            is_quiet = is_quiet and not has_screen
            if has_screen:
                yield warning(f"{habit}; nothing is typed behind a lock", habit.cure)
            else:
                yield ok(f"{habit}; no agent works on a screen that can be locked")
        elif awake and habit.after_s is not None:
            yield ok(f"{habit}, but not while work waits at desk {', '.join(awake)} (stay_awake)")
        else:
            is_quiet = False
            or_else = "" if habit.after_s is None else "; or stay_awake = true in [user_activity] of the desk's file"
            yield warning(f"{habit}, and everything then stands still", f"{habit.cure}{or_else}")
    if is_quiet:
        yield ok("nothing was found that would lock a desk's screen, or put this machine to sleep")


def inhibitor(config: Config, hold: SleepInhibitor | None = None) -> Iterator[Finding]:
    """Whether this machine can be kept awake where a desk asks for it: it is tried for a moment."""
    names = [desk.name for desk in config.used_desks() if desk.user_activity.stay_awake]
    if not names:
        return
    from automation.desktop.power.inhibitors import NotInhibited
    from automation.desktop.power.keep_awake import find_inhibitor

    what = f"desk {', '.join(names)}: stay_awake"
    tried = hold or find_inhibitor()
    if tried is None:
        yield warning(f"{what}: nothing is known that keeps {sys.platform} awake", "Switch sleep off in its settings.")
        return

    async def try_it() -> None:
        await tried.take()
        await tried.give()

    try:
        asyncio.run(try_it())
    except NotInhibited as refused:
        yield warning(f"{what}: {refused.why}", "Else switch sleep off in this machine's own settings.")
    else:
        yield ok(f"{what}: this machine can be kept awake while work waits")


def at_login(way: AutostartBackend) -> Finding:
    if way.is_installed():
        return ok(f"Octet starts at log-in: {way.description}")
    return ok("Octet does not start at log-in by itself; `octet autostart install` sets that up")


def ping(settings: Settings) -> Finding:
    if settings.alarm.ping_url is None:
        return ok("nobody outside hears it when Octet dies; OCTET_ALARM__PING_URL in .env changes that")
    from automation.heartbeat.ping import where

    return ok(f"while all is well, {where(settings.alarm.ping_url.get_secret_value())} is pinged every minute")
