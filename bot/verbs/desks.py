"""`desk`: the displays with the agents' windows, and the switch that stops Octet's typing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from bot.verbs.types import AgentName, DeskName
from core.calibration.model import CalibrationStep
from core.desks.model import DeskState, DeskStatus, LearnedFact
from core.maintenance.model import Diagnosis, Placed, Tried
from core.remedies import refused
from core.security.model import Actor, Permission, require

ABOUT = "The displays on which prompts are typed"
WindowName = Annotated[str, ParameterKind(help="Which window, as `/desk status` names it")]
AnyDesk = Annotated[DeskName | None, "Which desk; default: all"]
_SwitchVerb = partial(Verb, "desk", Permission.DESK_USE, says=lambda desks: "\n".join(map(_is, desks)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Png:
    """A picture; over HTTP it is the answer itself."""

    name: str
    of: str
    png: bytes


@Verb("desk", Permission.DESK_READ, "GET /desks", discord="group")
async def status(octet: Coordinator, *, by: Actor) -> tuple[DeskStatus, ...]:
    """Show all desks and their windows.

    Octet checks each window now."""
    return await octet.desks.status(by=by)


@Verb("desk", Permission.DESK_LOOK, "GET /desks/screenshot", on=On.HTTP, discord="default")
async def screenshot(
    octet: Coordinator,
    *,
    agent: Annotated[AgentName | None, "Whose window"] = None,
    desk: Annotated[DeskName | None, "The whole display of this desk; for the owner only"] = None,
    window: Annotated[str | None, ParameterKind(help="Only this window of the desk", for_programs=True)] = None,
    by: Actor,
) -> Png:
    """See an agent's window, or the whole display of a desk with a virtual display.

    A desk of terminals shows all its panes. Only the owner may see a whole display, and none that people use."""
    require(by, Permission.DESK_LOOK)
    if (agent is None) == (desk is None):
        raise refused("name_one")
    if desk is not None and window is None:
        return Png(name="display.png", of=f"The display of {desk}", png=await octet.desks.picture(desk, by=by))
    if desk is None:
        who = octet.agents.in_window(agent or "")
        desk, window = who.desk, who.window
    png = await octet.desks.screenshot(desk or "", window or "", by=by)
    return Png(name="window.png", of=f"The window of {agent}" if agent else f"Window {window} of {desk}", png=png)


@Verb("desk", Permission.DESK_USE, "POST /desks/test", name="test", is_slow=True, discord="group")
async def try_out(
    octet: Coordinator,
    desk: Annotated[DeskName | None, "All windows of this desk"] = None,
    *,
    agent: Annotated[AgentName | None, "Whose window; default: all"] = None,
    by: Actor,
) -> tuple[Tried, ...]:
    """Test windows: paste a harmless line, read it back and clear it; never send it.

    For each window it says how Octet read the line back, or what is wrong and what to do. It leaves a window alone that
    is busy or whose composer is not empty."""
    return await octet.maintenance.try_out(agent=agent, desk=desk, by=by)


@Verb("desk", Permission.DESK_USE, "POST /desks/{desk}/arrange", is_slow=True, discord="group")
async def arrange(octet: Coordinator, desk: DeskName, *, by: Actor) -> tuple[Placed, ...]:
    """Put a desk's windows back to their places.

    Octet restores each window's size, raises it and says where it is now. Octet moves nothing while the desk is on hold
    or a user types there."""
    return await octet.maintenance.arrange(desk, by=by)


@Verb("desk", Permission.DESK_SEE, name="calibrate", on=On.NO_PROGRAM, discord="group")
async def connect(octet: Coordinator, desk: DeskName, *, by: Actor) -> CalibrationStep:
    """Connect agents' windows: Octet numbers them, tests each with a draft and saves the result.

    Octet shows the whole display, only to you, and asks which windows belong to agents. It uses them at once."""
    require(by, Permission.DESK_SEE)
    calibrate = octet.maintenance.calibrate
    return await calibrate.start(desk, by=by)


@Verb("desk", Permission.CONFIG_RELOAD, "POST /desks/{desk}/windows/{window}/forget", discord="off")
async def forget(octet: Coordinator, desk: DeskName, window: WindowName, *, by: Actor) -> tuple[LearnedFact, ...]:
    """Forget the facts that Octet learned about a window.

    Such as its busy sign or another anchor; `/desk status` shows them, and since when. The desk's worker restarts with
    the values of config/."""
    return await octet.maintenance.forget(desk, window, by=by)


@Verb("desk", Permission.DESK_READ, "GET /desks/doctor", is_slow=True, discord="group")
async def doctor(octet: Coordinator, desk: AnyDesk = None, *, by: Actor) -> tuple[Diagnosis, ...]:
    """Find problems of desks and windows, with a fix for each."""
    return await octet.maintenance.doctor(desk, by=by)


@_SwitchVerb("POST /desks/stop", undo="release", discord="default")
async def stop(octet: Coordinator, desk: AnyDesk = None, *, by: Actor) -> tuple[DeskStatus, ...]:
    """Stop before the next key is pressed."""
    return await _each(octet, desk, octet.desks.stop, by)


@_SwitchVerb("POST /desks/hold", undo="release", discord="group")
async def hold(octet: Coordinator, desk: AnyDesk = None, *, by: Actor) -> tuple[DeskStatus, ...]:
    """Finish the current prompt, then start no new one."""
    return await _each(octet, desk, octet.desks.hold, by)


@_SwitchVerb("POST /desks/release", undo="hold", discord="default")
async def release(octet: Coordinator, desk: AnyDesk = None, *, by: Actor) -> tuple[DeskStatus, ...]:
    """Resume a desk after stop or hold."""
    return await _each(octet, desk, octet.desks.release, by)


_IS = {
    DeskState.READY: "is running.",
    DeskState.HELD: "is on hold: it finishes the current prompt. `/desk release` resumes it.",
    DeskState.STOPPED: "is stopped: Octet presses no key there. `/desk release` resumes it.",
}


def _is(one: DeskStatus) -> str:
    return f"Desk {one.desk.name} {_IS.get(one.state, f'is {one.state.value}: see `/desk status`.')}"


async def _each(
    octet: Coordinator, desk: str | None, act: Callable[..., Awaitable[DeskStatus]], by: Actor
) -> tuple[DeskStatus, ...]:
    """Act on one desk, or on all at once: a desk whose worker hangs must not keep the others from being stopped."""
    require(by, Permission.DESK_USE)
    names = [desk] if desk else [one.desk.name for one in octet.desks.known()]
    after = await asyncio.gather(*(act(name, by=by) for name in names), return_exceptions=True)
    for one in after:
        if isinstance(one, BaseException):
            raise one
    return tuple(one for one in after if isinstance(one, DeskStatus))
