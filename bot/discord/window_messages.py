"""The messages about windows: a dialog, an action whose outcome is unknown, a blocked window, a locked screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import AMBER, GREY, RED, Attachment, Marker, Parts, framed
from bot.discord.render import named, person_id
from bot.discord.text import FORM, inline, quote_fence
from bot.discord.views.buttons import LABEL_CHARS, Choose, LookAtWindow, PressAct, ResolveUnknown, quoted_note
from bot.discord.views.calibration import Recalibrate
from bot.verbs.news import blocked, lock, settled_act
from bot.verbs.results import ACT_LABELS, permission
from core.agent_actions.model import NEEDS_ANSWER, ActionResult, AgentDialogView, DialogEnding
from core.deliveries.model import Picture, parse_asked
from core.dispatch.model import Decision
from core.notices.model import BlockedWindow, Notice, Resolution
from core.profiles.model import Act, Activity
from core.remedies import next_step, sentence
from core.supervision.model import ScreenLock

_TEXT_CHARS = 1_500
_OVER: dict[DialogEnding, str] = {
    DialogEnding.ANSWERED: "{who} pressed **{act}** for {agent}.",
    DialogEnding.IN_DOUBT: "{who} asked for **{act}**, and Octet does not know whether it pressed it for {agent}. "
    "It does not press it again.",
    DialogEnding.GONE: "{agent} no longer waits for this answer.",
    DialogEnding.CHANGED: "{agent}'s window has changed, so Octet pressed nothing.",
}
_NOT_AGAIN = (
    "Octet does not press it again. Look at its window (`/desk screenshot`): if it still asks, a new message has "
    "buttons."
)


def dialog_message(view: AgentDialogView, *, settled_by: str = "", pictures: bool, marker: Marker) -> Parts:
    """Show a window's dialog with buttons for the allowed answers, or an agent's question; once it is over, say how."""
    now, agent = view.dialog, inline(view.dialog.agent, 60)
    if now.ending is not None:
        return framed(_ended(view, now.ending, settled_by), marker, colour=GREY)
    if now.asks_permission:
        return _permission_message(view, marker)
    asks = now.activity is Activity.NEEDS_INPUT
    what = " waits for an answer in its window" if asks else f": {sentence(NEEDS_ANSWER[now.activity])}"
    lines = [f"**{_about(now.task)}{agent}{what}.**"]
    if now.text:
        lines.append(quote_fence(now.text, _TEXT_CHARS))
    buttons: tuple[PressAct | LookAtWindow, ...] = ()
    if asks:
        buttons = (*(PressAct(act, now.id) for act in now.answers if act in view.allowed_actions), LookAtWindow(now.id))
        lines += _how_to_allow(view)
    else:
        lines.append(next_step(NEEDS_ANSWER[now.activity]))
    shots = [Attachment(name="dialog.png", data=view.png)] if view.png and pictures else []
    text, wakes = "\n".join(lines), person_id(view.wakes)
    return framed(text, marker, colour=AMBER, wakes=wakes, shots=shots, buttons=buttons)


def unknown_action_message(
    notice: Notice, pressed: ActionResult, *, pictures: Sequence[Picture] | None, marker: Marker
) -> Parts:
    """Tell the requester that the outcome of an action is unknown; once settled, say how."""
    agent, act = inline(pressed.agent, 60), ACT_LABELS[pressed.act]
    if isinstance(now := notice.detail, Resolution):
        text = f"{_about(notice.task)}{settled_act(now, pressed, FORM)}"
        return framed(text, marker, colour=GREY)
    head = f"**{_about(notice.task)}Octet does not know whether it pressed {act} for {agent}.**"
    lines = [head, *quoted_note(pressed.delivery), _NOT_AGAIN]
    shots = [
        Attachment(name=f"window-{one.moment.value.replace('_', '-')}.png", data=one.png) for one in pictures or ()
    ]
    asked = parse_asked(notice.about)
    buttons = [
        ResolveUnknown(Decision.ARRIVED, *asked, label="It was pressed"),
        ResolveUnknown(Decision.DROP, *asked, label="No longer needed"),
    ]
    wakes = person_id(pressed.asker)
    return framed("\n".join(lines), marker, colour=RED, wakes=wakes, shots=shots, buttons=buttons)


def _permission_message(view: AgentDialogView, marker: Marker) -> Parts:
    """Show the whole of what the agent wants to do, in a file if the message has no room, and its own choices."""
    now, text = view.dialog, view.dialog.text
    shown = quote_fence(text, _TEXT_CHARS)
    is_whole = text in shown.replace("\n> ", "\n")
    files = [] if is_whole else [Attachment(name="permission.txt", data=text.encode())]
    lines = [permission(now, FORM), shown]
    lines += [] if is_whole else ["**This is not all of it. Read the file before you choose.**"]
    if any(len(one.name) > LABEL_CHARS for one in now.choices):
        lines += [f"{at}. {inline(one.name, 100)}" for at, one in enumerate(now.choices, 1)]
    buttons = [Choose(at, now.id, label=one.name) for at, one in enumerate(now.choices, 1)]
    wakes = person_id(view.wakes)
    return framed("\n".join(lines), marker, colour=AMBER, wakes=wakes, files=files, buttons=buttons)


def _ended(view: AgentDialogView, ending: DialogEnding, settled_by: str) -> str:
    now, press = view.dialog, view.press
    if now.choices and ending is DialogEnding.ANSWERED:
        about, choice = f"**{now.task}:** " if now.task else "", inline(now.choices[0].name, 100)
        return f"{about}{named(settled_by)} chose **{choice}** for {inline(now.agent, 60)}."
    act = ACT_LABELS[press.act] if press is not None and press.act is not None else "an answer"
    ended = _OVER[ending].format(who=named(view.asker), act=act, agent=inline(now.agent, 60))
    about = f"**{now.task}:** " if now.task else ""
    return "\n".join([f"{about}{ended}", *(quoted_note(press) if press is not None else [])])


def _how_to_allow(view: AgentDialogView) -> list[str]:
    """Say how the machine's owner allows the missing answers."""
    if all(act in view.allowed_actions for act in view.dialog.answers):
        return []
    listed = ", ".join(f'"{act.value}"' for act in Act if act in {*view.allowed_actions, *view.dialog.answers})
    name = inline(view.dialog.agent, 60)
    hint = "Answer it at the machine. To allow answers from here, its owner adds to config/agents.toml, under"
    return [f"{hint} {name}: `allowed_actions = [{listed}]`, and runs `/admin reload`."]


def _about(task: str | None) -> str:
    return f"{task}: " if task else ""


def blocked_message(notice: Notice, *, owner: str, marker: Marker) -> Parts:
    """Report a blocked window to the owner of this Octet, who can recalibrate it; once it is over, say so."""
    now = notice.detail
    assert isinstance(now, BlockedWindow)
    text = "\n".join(blocked(now, FORM))
    if now.over_ms:
        return framed(text, marker, colour=GREY)
    buttons = [Recalibrate(now.desk, now.window)]
    return framed(text, marker, colour=AMBER, wakes=person_id(owner), buttons=buttons)


def lock_message(now: ScreenLock, *, owner: str, marker: Marker) -> Parts:
    """Report a locked screen to the owner of this Octet, who can unlock it; once it is over, say so."""
    text = "\n".join(lock(now, FORM))
    if now.over_ms is not None:
        return framed(text, marker, colour=GREY)
    return framed(text, marker, colour=AMBER, wakes=person_id(owner))
