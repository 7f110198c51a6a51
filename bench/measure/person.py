"""The person at the machine: looks at windows, says what arrived, clears what nobody else knows, lets work go on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial

from bench.measure.octet import until
from bench.measure.town import Town

_COMPOSER_X, _COMPOSER_Y = 200, 370
"""In the middle of a demo window's composer, counted from its corner."""
_CLEAR = {"OctetChat": ("ctrl+a", "BackSpace"), "OctetTerm": ("ctrl+u",)}
STRANGE = "select name from agents where state = 'offline' and reason = 'composer_not_empty'"
_NOTICED_S = 10.0
_QUIET_S = 3.0
_UNDER_WAY = "('leased', 'staging', 'staged', 'submitting')"


async def help_out(town: Town) -> None:
    """Do what Octet asks a person for, for ever."""
    while True:
        await asyncio.sleep(0.1)
        await say_what_arrived(town)
        await let_parked_go_on(town)
        await clear_strange_drafts(town)


async def say_what_arrived(town: Town) -> None:
    """Settle every `unknown` by a look at its window."""
    for delivery, window, sha256 in town.lives.rows(
        "select id, window, sha256 from deliveries where state = 'unknown'"
    ):
        heard = {hashlib.sha256(text.encode()).hexdigest() for text in await town.desktop.heard(window)}
        decision = "arrived" if sha256 in heard else "again"
        if await town.lives.ask("POST", f"/deliveries/{delivery}/resolve", json={"decision": decision}) is not None:
            town.helped[f"unknown, {decision}"] += 1


async def let_parked_go_on(town: Town) -> None:
    """Retry the tasks of windows that were refused too often."""
    for (number,) in town.lives.rows("select number from tasks where state = 'parked' and reason = 'window_refused'"):
        if await town.lives.ask("POST", f"/tasks/T-{number}/retry") is not None:
            town.helped["window tried again"] += 1


async def clear_strange_drafts(town: Town, go_back: Callable[[], Awaitable[object]] | None = None) -> None:
    """Empty composers that hold letters nobody recognises; the desk is held meanwhile, so that no two hands type. Who
    has a window of their own goes back to it before the hands begin again: they give the focus back to where it was."""
    names = [name for (name,) in town.lives.rows(STRANGE)]
    if not names:
        return
    desks = {desk for (desk,) in town.lives.rows("select distinct desk from deliveries")}
    if not desks:
        return  # Octet just starts, and nobody may read its database
    [desk] = desks
    try:
        if await town.lives.ask("POST", "/desks/hold", json={"desk": desk}) is None:
            return  # it may be held all the same: Octet died over the answer
        # What was interrupted after Enter is looked up only while the desk is open: then drafts are cleared later.
        await until(partial(_is_quiet, town), _QUIET_S)
        for name in names:
            window = next(one for one in town.desktop.windows if one.name == name.lower())
            words = ["mousemove", str(window.box.x + _COMPOSER_X), str(window.box.y + _COMPOSER_Y), "click", "1"]
            await _xdotool(town, *words, "sleep", "0.5", "key", *_CLEAR[window.class_name])
            town.helped["draft cleared"] += 1
    except TimeoutError:
        names = []
    finally:
        if go_back is not None:
            await go_back()
        await until(partial(_is_released, town, desk))
    with contextlib.suppress(TimeoutError):
        await until(partial(_is_noticed, town, names), _NOTICED_S)


async def _is_quiet(town: Town) -> bool:
    return town.lives.octet is None or not town.lives.rows(f"select 1 from deliveries where state in {_UNDER_WAY}")


async def _is_released(town: Town, desk: str) -> bool:
    return await town.lives.ask("POST", "/desks/release", json={"desk": desk}) is not None


async def _is_noticed(town: Town, names: list[str]) -> bool:
    return not {name for (name,) in town.lives.rows(STRANGE)} & set(names)


async def _xdotool(town: Town, *words: str) -> None:
    environ = {**town.lives.environ, **town.desktop.environment}
    process = await asyncio.create_subprocess_exec("xdotool", *words, env=environ)
    assert await process.wait() == 0
