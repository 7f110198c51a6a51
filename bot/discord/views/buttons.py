"""The buttons of Octet's messages. Their ids carry everything, so that they work after any restart; menus too."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, Self, TypeVar

import discord
from discord import ui

from bot.discord import errors, replies
from bot.discord.bot import Bot
from bot.discord.channel_client import origin_of
from bot.discord.parts import MARKED, Attachment, Parts
from bot.discord.text import FORM, fence, inline, plain
from bot.discord.views.new_task import DoneForm, ReplyForm, accepted
from bot.verbs import agents, desks, fleet, tasks
from bot.verbs.declare import Verb
from bot.verbs.moments import local_time
from bot.verbs.results import ACT_LABELS, DECISION_LABELS, pressed_lines
from core.agent_actions.model import ActionResult
from core.coordinator import Coordinator
from core.deliveries.model import Delivery, DeliveryId
from core.desks.model import Glance
from core.dispatch.model import Decision
from core.fleet.model import BoardKind
from core.profiles.model import Act
from core.security.model import Actor, Permission, require
from core.tasks.model import ENDED, TaskId, TaskState

_DECISION_STYLES = {
    Decision.ARRIVED: discord.ButtonStyle.success,
    Decision.SEND_AGAIN: discord.ButtonStyle.primary,
    Decision.DROP: discord.ButtonStyle.danger,
}
STOPPABLE = frozenset({TaskState.WORKING, TaskState.BLOCKED})
FOLLOW_S, FOLLOW_EVERY_S = 600.0, 2.0
_GLANCE_CHARS = 1_500
LABEL_CHARS = 80
_GREY = discord.ButtonStyle.secondary
_STYLES = {
    Act.APPROVE: discord.ButtonStyle.success,
    Act.DENY: discord.ButtonStyle.danger,
    Act.CONTINUE: discord.ButtonStyle.primary,
}


_Item = TypeVar("_Item", bound=ui.Button[ui.LayoutView] | ui.Select[ui.LayoutView])


class Pressed(ui.DynamicItem[_Item], template="none"):
    """Acknowledges a press and answers its errors. Only the message's writer changes the message."""

    def __init_subclass__(cls, *, template: str) -> None:
        super().__init_subclass__(template=template + MARKED)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button of an old message again: its constructor takes the groups of its template."""
        given: dict[str, Any] = match.groupdict()
        del given["marker"]
        return cls(**given)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        try:
            await self.answer(interaction)
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs unexpected errors
            await errors.answer(interaction, error)

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Acknowledge the press and act on it."""
        await replies.defer(interaction)
        await replies.say(interaction, await self.press(interaction, await interaction.client.actor(interaction)))

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts | str:
        """Call core, which checks the permission; return the private answer. Not called where `answer` does more."""
        raise NotImplementedError


class MessageButton(Pressed[ui.Button[ui.LayoutView]], template="none"):
    """A button of a message."""

    def __init__(self, custom_id: str, label: str, style: discord.ButtonStyle = _GREY) -> None:
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))


class TaskButton(MessageButton, template="none"):
    """A button about one task. Each class has its word in the id, and a label, in which `{}` is the task."""

    _act: str
    _label: str
    _style: discord.ButtonStyle

    def __init_subclass__(cls, *, act: str, label: str, style: discord.ButtonStyle = _GREY) -> None:
        super().__init_subclass__(template=rf"v1:task:{act}:(?P<task>T-[1-9][0-9]{{0,9}})")
        cls._act, cls._label, cls._style = act, label, style

    def __init__(self, task: str, *, label: str = "") -> None:
        super().__init__(f"v1:task:{self._act}:{task}", label or self._label.format(task), self._style)
        self.task = TaskId(task)


class VerbButton(TaskButton, act="none", label=""):
    """Calls a verb with its task."""

    _verb: Verb

    def __init_subclass__(cls, *, verb: Verb, label: str, style: discord.ButtonStyle = _GREY) -> None:
        super().__init_subclass__(act=verb.name, label=label, style=style)
        cls._verb = verb

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        return self._verb.sentence(await self._verb.call(interaction.client.coordinator, self.task, by=by), str)


class ResolveUnknown(
    MessageButton,
    template=r"v1:unknown:(?P<decision>arrived|again|drop):(?P<delivery>[0-9A-Z]{26}):(?P<fence>[0-9]{1,9})",
):
    """Settles an unknown delivery, if the user may decide and nothing else has settled it before."""

    def __init__(self, decision: str, delivery: str, fence: int | str, *, label: str = "") -> None:
        self.decision, self.delivery, self.fence = Decision(decision), DeliveryId(delivery), int(fence)
        label, style = label or DECISION_LABELS[self.decision], _DECISION_STYLES[self.decision]
        super().__init__(f"v1:unknown:{self.decision.value}:{delivery}:{fence}", label, style)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        unknowns = interaction.client.coordinator.unknowns
        after = await unknowns.resolve(self.delivery, self.decision, by=by, fence=self.fence)
        what, agent = after.task or "the message", inline(after.agent, 60)
        if after.act is not None:
            return f"Recorded. You can interrupt and answer {agent} as before."
        match self.decision:
            case Decision.ARRIVED:
                return f"Recorded that {what} arrived at {agent}."
            case Decision.SEND_AGAIN:
                return f"Octet sends {what} again as soon as a window is usable."
            case Decision.DROP:
                return f"Dropped {what}."


class PressAct(MessageButton, template=r"v1:press:(?P<act>approve|deny|continue):(?P<standstill>[0-9A-Z]{26})"):
    """Answers the dialog that the message shows, and no other."""

    def __init__(self, act: str, standstill: str) -> None:
        self.act, self.standstill = Act(act), standstill
        super().__init__(f"v1:press:{self.act.value}:{standstill}", ACT_LABELS[self.act], _STYLES[self.act])

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        core = interaction.client.coordinator
        return await ended(await core.agent_actions.answer_dialog(self.standstill, self.act, by=by), core=core, by=by)


class Choose(MessageButton, template=r"v1:choose:(?P<number>[0-9]{1,2}):(?P<dialog>[0-9A-Z]{26})"):
    """Answers an agent's question with one of its choices. All look alike: Octet recommends none."""

    def __init__(self, number: int | str, dialog: str, *, label: str = "…") -> None:
        self.number, self.dialog = int(number), dialog
        style = discord.ButtonStyle.primary
        super().__init__(f"v1:choose:{number}:{dialog}", plain(label, LABEL_CHARS), style)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        core = interaction.client.coordinator
        return agents.choose.sentence(await agents.choose.call(core, self.dialog, self.number, by=by), str)


class LookAtWindow(MessageButton, template=r"v1:look:(?P<standstill>[0-9A-Z]{26})"):
    """Shows the whole window as it is now, to a user who may see it."""

    def __init__(self, standstill: str) -> None:
        super().__init__(f"v1:look:{standstill}", "Screenshot")
        self.standstill = standstill

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        require(by, Permission.DESK_LOOK)
        core = interaction.client.coordinator
        dialog = (await core.agent_actions.show_dialog(self.standstill, by=by)).dialog
        shown = Attachment(name="window.png", data=await core.desks.screenshot(dialog.desk, dialog.window, by=by))
        return Parts(content=f"The window of {dialog.agent}:", attachments=(shown,))


class ShowWindow(TaskButton, act="window", label="Screenshot"):
    """Shows the window of the task's agent as it is now, to a user who may see it."""

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        require(by, Permission.DESK_LOOK)
        core = interaction.client.coordinator
        agent = (await core.tasks.show(self.task, by=by)).task.agent
        shown = await desks.screenshot.call(core, agent=agent, by=by)
        return Parts(content=f"{shown.of}:", attachments=(Attachment(name=shown.name, data=shown.png),))


class FollowWindow(TaskButton, act="follow", label="Follow"):
    """Shows what the window of the task's agent shows, again and again, to a user who may see it."""

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Edit one private answer until the task stops, ten minutes are over, or the user dismisses it."""
        await replies.defer(interaction)
        shown = Glance()
        ends_s = asyncio.get_running_loop().time() + FOLLOW_S
        until = f"<t:{int(time.time() + FOLLOW_S)}:t>"
        while asyncio.get_running_loop().time() < ends_s:
            core, by = interaction.client.coordinator, await interaction.client.actor(interaction)
            task = (await core.tasks.show(self.task, by=by)).task
            if task.state not in STOPPABLE:
                break
            who = core.agents.in_window(task.agent or "")
            now = await core.desks.glance(who.desk or "", who.window or "", by=by, is_first=shown == Glance())
            if now != shown:
                shown = now
                head = f"The window of {inline(who.name, 60)}, kept up to date until {until}:"
                if not await replies.say(interaction, _glanced(now, head)):
                    return
            await asyncio.sleep(FOLLOW_EVERY_S)
        await replies.say(interaction, _glanced(shown, f"What the window of {self.task} showed last:"))


class CancelTask(VerbButton, verb=tasks.cancel, label="Cancel", style=discord.ButtonStyle.danger):
    """Ends the task, if the user may and the task has not ended yet."""


class AcceptWork(VerbButton, verb=tasks.accept, label="Accept", style=discord.ButtonStyle.success):
    """Accepts the work of a task whose checks ask the user, failed or could not run."""


EXAMPLES = (
    ("Ask for a poem", "Write a poem of four lines about the moon and a keyboard."),
    ("Ask for a sum", "What is 17 × 23 + 4? Explain it in one sentence."),
    ("Ask for a joke", "Tell me a joke about a very short prompt."),
)


class TryExample(MessageButton, template=r"v1:example:(?P<number>[0-2])"):
    """Creates an example task, if the user may create tasks."""

    def __init__(self, number: int | str) -> None:
        self.number = int(number)
        super().__init__(f"v1:example:{number}", EXAMPLES[self.number][0], discord.ButtonStyle.primary)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        core = interaction.client.coordinator
        draft = tasks.TaskRequest(EXAMPLES[self.number][1]).draft(origin_of(interaction), local_time(core, by))
        return accepted(await core.tasks.new(draft, by=by), interaction.channel_id)


class StopTask(TaskButton, act="stop", label="Stop", style=discord.ButtonStyle.danger):
    """Interrupts the agent that works on the task, also after the task was cancelled."""

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        core = interaction.client.coordinator
        return await ended(await core.agent_actions.interrupt_task(self.task, by=by), core=core, by=by)


class UndoCancel(VerbButton, verb=tasks.undo, label="Undo"):
    """Puts a cancelled task back, within a minute."""


class RunAgain(VerbButton, verb=tasks.retry, label="Run again"):
    """Makes a stopped task ready again, or a new task of one that is done."""


class PickAnswer(VerbButton, verb=tasks.pick, label="Pick {}", style=discord.ButtonStyle.primary):
    """Ends a best-of task by the answer of this part."""


class MarkWrong(VerbButton, verb=tasks.wrong, label="Wrong"):
    """Marks the result of a task that is done as wrong."""


class AskForAnswer(VerbButton, verb=tasks.nudge, label="Ask for the answer", style=discord.ButtonStyle.primary):
    """Asks the task's agent for its answer, once more."""


class MarkDone(TaskButton, act="done", label="Done", style=discord.ButtonStyle.success):
    """Opens a field for the result, with which the task ends."""

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Open the field; core checks the permission when the user sends it."""
        await interaction.response.send_modal(DoneForm(self.task))


class ReadAnswer(TaskButton, act="read", label="Read the answer in the window"):
    """Takes the answer that the agent wrote in its window as its prompt says; else shows the end of the window."""

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts | str:
        core = interaction.client.coordinator
        task = await core.reading.read_now(self.task, by=by)
        if task.state in ENDED:
            return f"{task.id} is {task.state.value}. Its answer is in its thread."
        who = core.agents.in_window(task.agent or "")
        now = await core.desks.glance(who.desk or "", who.window or "", by=by)
        head = f"The end of the window of {inline(who.name, 60)}. To end {task.id} with it, copy it and press *Done*."
        return _glanced(now, head)


def idle_buttons(task: str) -> list[TaskButton]:
    """Return what a user can do about an agent that looks idle."""
    return [ShowWindow(task), AskForAnswer(task), ReadAnswer(task), RunAgain(task, label="Retry"), MarkDone(task)]


class TellAgent(TaskButton, act="tell", label="Reply", style=discord.ButtonStyle.primary):
    """Opens a field for a message to the agent of the task."""

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Open the field; core checks the permission when the user sends it."""
        await interaction.response.send_modal(ReplyForm(self.task))


class AnswerAgent(MessageButton, template=r"v1:msg:reply:(?P<message>[0-9A-Z]{26})"):
    """Opens a field for a reply to an agent's answer about no task."""

    def __init__(self, message: str, *, label: str = "Reply") -> None:
        super().__init__(f"v1:msg:reply:{message}", label[:LABEL_CHARS], discord.ButtonStyle.primary)
        self.message = message

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Open the field; core checks the permission when the user sends it."""
        await interaction.response.send_modal(ReplyForm(in_reply_to=self.message))


class RemoveBoard(MessageButton, template=r"v1:fleet:board:remove(?::(?P<kind>needs-me))?"):
    """Removes the board of this channel, if the user may."""

    def __init__(self, kind: str | None = None) -> None:
        self.kind = BoardKind(kind or BoardKind.FLEET)
        end = "" if self.kind is BoardKind.FLEET else f":{self.kind.value}"
        super().__init__(f"v1:fleet:board:remove{end}", "Remove")

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        boards = interaction.client.coordinator.fleet.boards
        await boards.remove(str(interaction.channel_id), self.kind, by=by)
        return fleet.REMOVED


BUTTONS = (
    AcceptWork,
    AnswerAgent,
    AskForAnswer,
    CancelTask,
    Choose,
    FollowWindow,
    LookAtWindow,
    MarkDone,
    MarkWrong,
    PickAnswer,
    PressAct,
    ReadAnswer,
    RemoveBoard,
    ResolveUnknown,
    RunAgain,
    ShowWindow,
    StopTask,
    TellAgent,
    TryExample,
    UndoCancel,
)


def _glanced(seen: Glance, head: str) -> Parts:
    shown = (Attachment(name="window.png", data=seen.png),) if seen.png else ()
    return Parts(content=f"{head}\n{fence(seen.text, _GLANCE_CHARS) if seen.text else ''}", attachments=shown)


async def ended(pressed: ActionResult, *, core: Coordinator, by: Actor) -> Parts:
    """Say how an action ended, with a picture of the window for users who may see it."""
    shots = await core.receipts.afterwards(pressed.delivery, by=by)
    attached = tuple(Attachment(name=f"{one.name}.png", data=one.png) for one in shots)
    return Parts(content="\n".join(pressed_lines(pressed, FORM)), attachments=attached)


def quoted_note(delivery: Delivery) -> list[str]:
    return [FORM.seen(delivery.note, 500)] if delivery.note else []
