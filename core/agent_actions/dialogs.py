"""Dialogs of agents' windows (a question, an error, a limit): opened by the desks' news, shown to users, ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.agent_actions import _store
from core.agent_actions.model import NEEDS_ANSWER, AgentDialog, DialogEnding
from core.agents.model import Agent, AgentEvent
from core.deliveries.model import DeliveryId, PermissionAsk, PermissionChoice
from core.desks.model import Shown
from core.kit.clock import as_datetime
from core.kit.from_attributes import from_attributes
from core.limits import CHOICE_NUMBER, exposed
from core.notices.model import NoticeKind
from core.profiles.model import Act, Activity, Driven
from core.reasons import BlockCause
from core.remedies import refused
from core.security.model import HUB
from core.store.engine import Row, Tx
from core.tasks.model import ENDED, TaskState
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_TEXT_CHARS = 4_000  # Octet keeps so much of a dialog's text: more than one message shows
_ASK_CHARS = 200_000  # of what an agent wants to do
_NAME_CHARS = 200


def mark_hash(mark: str) -> str:
    """Return the name by which the journal knows a dialog: it tells nothing of its text."""
    return hashlib.sha256(mark.encode()).hexdigest()[:16] if mark else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogOpened(AgentEvent):
    """An agent's window waits for an answer, met an error or reached a limit."""

    dialog: str
    task: str
    activity: str
    mark_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogEnded(AgentEvent):
    """A dialog of an agent's window is over."""

    dialog: str
    task: str
    mark_hash: str
    how: str


class AgentDialogs:
    """The open dialogs of agents' windows. Verbs that change take the open transaction."""

    def __init__(
        self, services: TaskServices, tasks: TaskRepository, profile_of: Callable[[str], Driven | None]
    ) -> None:
        self._profile_of = profile_of
        self._services, self._agents, self._tasks = services, services.agents, tasks
        self._seen = asyncio.Event()  # set when a window was seen; who waits for one clears it
        self._newest: dict[str, Shown] = {}  # by agent, what its window showed last

    def update_window(self, tx: Tx, desk: str, shown: Shown) -> None:
        """Note what a window shows. One that cannot be seen counts as showing what it showed before."""
        if shown.activity is Activity.UNKNOWN:
            return
        for agent in self._agents.at(desk, shown.window):
            self._newest[agent.name] = shown
            tx.after_commit(self._seen.set)
            self._agent_shows(tx, agent, shown)

    async def wait_while_busy(self, agent: Agent) -> None:
        """Wait until the agent's window was seen to do something else than to work."""
        while (shown := self._newest.get(agent.name)) is not None and shown.activity is Activity.BUSY:
            self._seen.clear()
            await self._seen.wait()

    def recheck_window(self, tx: Tx, name: str) -> None:
        """Note what this agent's window was said to show while an act was under way that pressed nothing."""
        agent, shown = self._agents.named(name), self._newest.get(name)
        if agent is not None and shown is not None and shown.window == agent.window:
            self._agent_shows(tx, agent, shown)

    def _agent_shows(self, tx: Tx, agent: Agent, shown: Shown) -> None:
        is_dialog = shown.activity in NEEDS_ANSWER
        now = self.open_for(tx, agent.name)
        if now is not None:
            if now.press is not None or (now.activity, now.mark) == (shown.activity, shown.mark):
                return  # of an act under way its end decides, and then `recheck_window` looks again
            self.end(tx, now, DialogEnding.CHANGED if is_dialog else DialogEnding.GONE)
        if is_dialog:
            self._begin(tx, agent, shown)
            self.block_task(tx, agent.name)

    def hook_asks(self, tx: Tx, name: str, what: str) -> None:
        """Show users a question that the agent's hook reported and its window did not show. It blocks nothing, has no
        buttons, and ends with the next thing that the window shows."""
        agent = self._agents.named(name)
        if agent is not None and agent.window and self.open_for(tx, name) is None:
            text = f"By its hook: {what}"
            self._begin(tx, agent, Shown(window=agent.window, activity=Activity.NEEDS_INPUT, mark="hook", text=text))

    def block_task(self, tx: Tx, agent: str) -> None:
        """Block the agent's task if its window waits for an answer. Call it whenever a dialog or a task begins."""
        now = self.open_for(tx, agent)
        if now is None or now.activity is not Activity.NEEDS_INPUT:
            return
        held_by = self._agents.status(tx, agent).task
        if held_by is not None and self._tasks.find(tx, held_by).state is TaskState.WORKING:
            self._tasks.move(tx, held_by, TaskState.BLOCKED, reason=BlockCause.APPROVAL)
            self._agents.waits_for_input(tx, agent, is_so=True)

    def _unblock_task(self, tx: Tx, agent: str) -> None:
        """Undo `block_task`: the task is worked on, with a new deadline."""
        if self._agents.named(agent) is None:
            return
        held_by = self._agents.status(tx, agent).task
        task = self._tasks.find(tx, held_by) if held_by is not None else None
        if task is not None and (task.state, task.reason) == (TaskState.BLOCKED, BlockCause.APPROVAL):
            self._tasks.move(tx, task.id, TaskState.WORKING)
        self._agents.waits_for_input(tx, agent, is_so=False)

    def open_for(self, tx: Tx, agent: str) -> AgentDialog | None:
        """Find the open dialog of this agent's window; None where there is none."""
        row = tx.execute(_store.OPEN_OF, {"of_agent": agent}).first()
        return None if row is None else _dialog(row)

    def activities(self, tx: Tx) -> dict[str, Activity]:
        """Return, by agent, what each blocked window shows now."""
        return {row.agent: Activity(row.activity) for row in tx.execute(_store.ACTIVITIES)}

    def find(self, tx: Tx, dialog: str) -> AgentDialog:
        """Find a dialog, open or over. Raises dialog_not_found."""
        row = tx.execute(_store.ONE, {"dialog": dialog}).first()
        if row is None:
            raise refused("dialog_not_found")
        return _dialog(row)

    async def get(self, dialog: str) -> tuple[AgentDialog, bytes]:
        """Fetch a dialog with its picture. Raises dialog_not_found."""
        rows = await self._services.store.fetch(_store.ONE, {"dialog": dialog})
        if not rows:
            raise refused("dialog_not_found")
        return _dialog(rows[0]), rows[0].png or b""

    async def list_open(self) -> tuple[AgentDialog, ...]:
        store = self._services.store
        return tuple(store.aside.readable("dialog", await store.fetch(_store.OPEN), _dialog))

    def set_press(self, tx: Tx, now: AgentDialog, press: DeliveryId | None) -> None:
        """Note the act that answers the dialog; None once that act ended without pressing anything."""
        tx.update_row(_store.standstills.c.id, now.id, press=press)

    def end(
        self,
        tx: Tx,
        now: AgentDialog,
        how: DialogEnding,
        *,
        chosen: PermissionChoice | None = None,
        by: str = HUB.id,
    ) -> None:
        """End the dialog: its message says so, and Octet deletes its text and picture. `chosen` is what `by` chose."""
        kept = {} if chosen is None else {"answers": json.dumps([asdict(chosen)])}
        tx.update_row(_store.standstills.c.id, now.id, ending=how.value, text="", png=None, **kept)
        task, mark = now.task or "", mark_hash(now.mark)
        event = DialogEnded(dialog=now.id, agent=now.agent, task=task, mark_hash=mark, how=how.value)
        self._services.journal.append(tx, event, by=by)
        self._services.notices.settled(tx, about=now.id, how=how.value, by=by)
        self._unblock_task(tx, now.agent)

    def follow_config(self, tx: Tx, *, is_restart: bool = False) -> None:
        """End the dialogs of agents that are gone or have another window; a new window reports its own. After a restart
        no agent waits for its permission any more: its program ended with the earlier Octet."""
        for row in tx.execute(_store.OPEN):
            agent = self._agents.named(row.agent)
            place = None if agent is None else (agent.desk or "", agent.window or "")
            if place != (row.desk, row.window) or (is_restart and not row.window):
                self.end(tx, _dialog(row), DialogEnding.GONE)

    def ask_permission(self, tx: Tx, agent: Agent, ask: PermissionAsk) -> None:
        """Open a dialog that has the whole of what the agent wants to do, and its own choices; block its task."""
        seen = dict.fromkeys(filter(None, (ask.title, ask.raw, *ask.paths, ask.diff)))
        text = exposed("\n".join(seen))
        if len(text) > _ASK_CHARS:
            text = f"{text[:_ASK_CHARS]}\n… {len(text) - _ASK_CHARS}"
        choices = [
            asdict(replace(one, name=exposed(one.name)[:_NAME_CHARS] or one.id))
            for one in ask.choices[: CHOICE_NUMBER.most]
        ]
        shown = Shown(window="", activity=Activity.NEEDS_INPUT, mark=ask.id, text=text)
        self._begin(tx, agent, shown, choices)
        self.block_task(tx, agent.name)

    def _begin(self, tx: Tx, agent: Agent, shown: Shown, choices: Sequence[Mapping[str, str]] = ()) -> None:
        task = self._agents.status(tx, agent.name).task
        if task is not None and self._tasks.find(tx, task).state in ENDED:
            task = None
        values = {"of_agent": agent.name, "shows": shown.activity.value, "marked": shown.mark, "of_task": task}
        was_told = tx.execute(_store.TOLD, values).first() is not None
        dialog = self._services.ids.ulid()
        row = {
            "id": dialog,
            "agent": agent.name,
            "desk": agent.desk or "",
            "window": shown.window,
            "activity": shown.activity.value,
            "mark": shown.mark,
            "answers": json.dumps([*choices] or [act.value for act in shown.answers]),
            "text": shown.text if choices else shown.text[:_TEXT_CHARS],
            "png": shown.png or None,
            "task": task,
            "press": None,
            "ending": "",
            "since_ms": self._services.clock.now_ms(),
        }
        tx.execute(_store.ADD, row)
        event = DialogOpened(
            dialog=dialog,
            agent=agent.name,
            task=task or "",
            activity=shown.activity.value,
            mark_hash=mark_hash(shown.mark),
        )
        self._services.journal.append(tx, event, by=HUB.id)
        if shown.activity is Activity.LIMITED and (profile := self._profile_of(agent.name)) is not None:
            now = as_datetime(self._services.clock.now_ms()).astimezone()  # programs say it by the machine's clock
            if (ends := profile.limit_ends_at(shown.text, now)) is not None:
                self._agents.limit_account(tx, agent.name, until_ms=round(ends.timestamp() * 1000))
        # Octet posts a question each time, because a user has to answer it; the same error or limit only once.
        if shown.activity is Activity.NEEDS_INPUT or not was_told:
            self._services.notices.notify(tx, NoticeKind.NEEDS_ANSWER, task, subject=dialog, about=dialog)


def _dialog(row: Row) -> AgentDialog:
    found: list[Any] = json.loads(row.answers)
    choices = tuple(PermissionChoice(**one) for one in found) if found and not isinstance(found[0], str) else ()
    return from_attributes(AgentDialog, row, choices=choices, answers=() if choices else tuple(map(Act, found)))
