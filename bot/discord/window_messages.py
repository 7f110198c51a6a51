"""The messages about windows: a dialog, an action whose outcome is unknown, a blocked window, a locked screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import Attachment, Parts, framed
from bot.discord.render import named, person_id
from bot.discord.text import inline, quote_fence
from bot.discord.views.buttons import ACT_LABELS, LookAtWindow, PressAct, ResolveUnknown, seen
from bot.discord.views.calibration import Recalibrate
from core.agent_actions.model import ActionResult, AgentDialogView, BlockedWindow, DialogEnding
from core.deliveries.model import Picture, Reason, parse_asked
from core.dispatch.model import Decision
from core.notices.model import Notice
from core.profiles.model import Act, Activity
from core.supervision.model import ScreenLock

_RED, _AMBER, _GREY = 0xD13438, 0xE0A800, 0x80848E
_TEXT_CHARS = 1_500
_STANDS: dict[Activity, str] = {
    Activity.NEEDS_INPUT: "{agent} waits for an answer.",
    Activity.ERROR: "the window of {agent} shows an error.",
    Activity.LIMITED: "the window of {agent} says that a limit is reached.",
}
_LOOK = (
    "Look at its window: `/desk screenshot`, agent {agent}. `/agent answer` with `continue` lets it go on, if allowed."
)
_OVER: dict[DialogEnding, str] = {
    DialogEnding.ANSWERED: "{who} pressed **{act}** for {agent}.",
    DialogEnding.IN_DOUBT: "{who} asked for **{act}**, and nobody knows whether it was pressed for {agent}. "
    "It is not pressed again by itself.",
    DialogEnding.GONE: "{agent} does not wait any more: it was answered at the machine, or went on by itself.",
    DialogEnding.CHANGED: "the window of {agent} shows something else now. Nothing was pressed.",
}
_SETTLED: dict[str, str] = {
    "arrived": "{who} said that **{act}** was pressed for {agent}.",
    "dropped": "{who} does not need **{act}** for {agent} any more.",
    "ended": "**{act}** for {agent} needs nobody any more.",
}


def dialog_message(view: AgentDialogView, *, pictures: bool, marker: str) -> Parts:
    """What a window stands still at, with what may be pressed; once it is over, how, and nothing to press."""
    if view.dialog.ending is not None:
        return Parts(view=framed(_ended(view), marker, colour=_GREY))
    now, wakes = view.dialog, person_id(view.wakes)
    agent = inline(now.agent, 60)
    ping = f"<@{wakes}> " if wakes else ""
    lines = [f"{ping}**{_about(now.task)}{_STANDS[now.activity].format(agent=agent)}**"]
    if now.text:
        lines.append(quote_fence(now.text, _TEXT_CHARS))
    shots = (Attachment(name="dialog.png", data=view.png),) if view.png and pictures else ()
    buttons: tuple[PressAct | LookAtWindow, ...] = ()
    if now.activity is Activity.NEEDS_INPUT:
        buttons = (*(PressAct(act, now.id) for act in now.answers if act in view.allowed_actions), LookAtWindow(now.id))
        lines += _how_to_allow(view)
    else:
        lines.append(_LOOK.format(agent=agent))
    return Parts(
        view=framed("\n".join(lines), marker, colour=_AMBER, shots={one.name: "" for one in shots}, buttons=buttons),
        attachments=shots,
        mentions=(wakes,) if wakes else (),
    )


def unknown_action_message(
    notice: Notice, pressed: ActionResult, *, pictures: Sequence[Picture] | None, marker: str
) -> Parts:
    """Tell whoever asked for an act that nobody knows whether it was done; once somebody has said so, their word."""
    agent, act = inline(pressed.agent, 60), ACT_LABELS[pressed.act]
    how, _, who = notice.text.partition(" by ")
    if how in _SETTLED:
        said = f"{_about(notice.task)}{_SETTLED[how].format(who=named(who), act=act, agent=agent)}"
        return Parts(view=framed(said, marker, colour=_GREY))
    wakes = person_id(pressed.asker)
    ping = f"<@{wakes}> " if wakes else ""
    lines = [f"{ping}**{_about(notice.task)}nobody knows whether {act} was pressed for {agent}.**"]
    if said := seen(pressed.delivery):
        lines.append(said)
    lines.append(
        "It is not pressed again by itself. Look at its window (`/desk screenshot`); if it still asks, a new message "
        "has buttons for it."
    )
    shots = tuple(
        Attachment(name=f"window-{one.moment.value.replace(' ', '-')}.png", data=one.png) for one in pictures or ()
    )
    delivery, fence_ = parse_asked(notice.about)
    buttons = [
        ResolveUnknown(Decision.ARRIVED, delivery, fence_, label="It was pressed"),
        ResolveUnknown(Decision.DROP, delivery, fence_, label="Not needed any more"),
    ]
    layout = framed("\n".join(lines), marker, colour=_RED, shots={one.name: "" for one in shots}, buttons=buttons)
    return Parts(view=layout, attachments=shots, mentions=(wakes,) if wakes else ())


def _ended(view: AgentDialogView) -> str:
    now = view.dialog
    assert now.ending is not None
    act = ACT_LABELS[view.press.act] if view.press is not None and view.press.act is not None else "something"
    said = _OVER[now.ending].format(who=named(view.asker), act=act, agent=inline(now.agent, 60))
    more = seen(view.press) if view.press is not None else ""
    return "\n".join([f"{_about(now.task, bold=True)}{said}", *([more] if more else [])])


def _how_to_allow(view: AgentDialogView) -> list[str]:
    """How the machine's owner lets people press what they cannot press from here yet."""
    if all(act in view.allowed_actions for act in view.dialog.answers):
        return []
    listed = ", ".join(f'"{act.value}"' for act in Act if act in {*view.allowed_actions, *view.dialog.answers})
    name = inline(view.dialog.agent, 60)
    said = "Answer it at the machine. To answer from here, its owner writes into config/agents.toml, under"
    return [f"{said} {name}: `allowed_actions = [{listed}]`, and restarts Octet."]


def _about(task: str | None, *, bold: bool = False) -> str:
    if not task:
        return ""
    return f"**{task}:** " if bold else f"{task}: "


def blocked_message(now: BlockedWindow, *, owner: str, marker: str) -> Parts:
    """One message for one time; it mentions the owner of this Octet, who can recalibrate the window."""
    who, agent = named(now.tried_by), inline(now.agent, 60)
    where = f"the window {inline(now.window, 60)} of {agent} on desk {inline(now.desk, 60)}"
    if now.over_ms:
        how = f" {who} had it recalibrated." if now.tried_by and not now.tried else ""
        said = f"{where[:1].upper()}{where[1:]} is not blocked any more; it was for "
        return Parts(view=framed(f"{said}{duration(now.over_ms - now.since_ms)}.{how}", marker, colour=_GREY))
    wakes = person_id(owner)
    ping = f"<@{wakes}> " if wakes else ""
    # Titles of other windows are not for the channel.
    seen = now.reason.value if now.reason is Reason.COVERED else now.seen
    lines = [f"{ping}**Octet cannot use {where}: {inline(seen, 400)}**", now.cure]
    if now.tried:
        lines.append(f"{who} had it recalibrated, which did not work: {inline(now.tried, 600)}")
        lines.append(f"At the machine, `octet calibrate {now.desk} {now.window}` asks where one writes.")
    elif now.tried_by:
        lines.append(f"{who} had it recalibrated; Octet looks whether it can be used now.")
    button = Recalibrate(now.desk, now.window)
    view = framed("\n".join(lines), marker, colour=_AMBER, buttons=(button,))
    return Parts(view=view, mentions=(wakes,) if wakes else ())


_NEXT = (
    "Unlock it, or close the menu that stands open on it; all goes on by itself then. Displays of the agents' own "
    "(`octet desk up`) never lock, `octet doctor` says how to keep this one from locking, and `/task assign` gives a "
    "task to an agent elsewhere."
)


def lock_message(lock: ScreenLock, *, owner: str, marker: str) -> Parts:
    """One message for one lock; it mentions the owner of this Octet, who can do something about it."""
    desk = inline(lock.desk, 60)
    if lock.over_ms is not None:
        lasted = duration(lock.over_ms - lock.since_ms)
        said = f"The screen of desk **{desk}** is not locked any more; it was for {lasted}."
        return Parts(view=framed(said, marker, colour=_GREY))
    wakes = person_id(owner)
    ping = f"<@{wakes}> " if wakes else ""
    waits = "one thing waits" if lock.waiting == 1 else f"{lock.waiting} things wait"
    lines = [f"{ping}**The screen of desk {desk} is locked, and {waits} for it.**", _NEXT]
    return Parts(view=framed("\n".join(lines), marker, colour=_AMBER), mentions=(wakes,) if wakes else ())


def duration(for_ms: int) -> str:
    """`2 h 5 min`: how long something lasted."""
    minutes = round(for_ms / 60_000)
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)
