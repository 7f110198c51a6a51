"""The lines that show results to users, written once, in the form of each interface.

Each interface itself presents what differs by more than its form: lists, and tasks with their texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from core.agent_actions.model import ActionResult, AgentDialog
from core.agent_messages.model import QuestionView, Trace
from core.agents.model import OFF_DUTY, AgentState, AgentStatus
from core.calibration.model import AgentProposal
from core.deliveries.model import Approver, DeliveryState, ProgramStatus, Reason
from core.desks.model import DeskState, DeskStatus, LearnedFact
from core.dispatch.model import Decision
from core.fleet.model import AgentDetails, AtWork, Board, Need, NeedKind, Ping, QueuedWork, Wellness
from core.journal.model import JournalRow
from core.kit.clock import as_datetime
from core.maintenance.model import Ailment, AuditReport, Configuration, Diagnosis, NotReloaded, Placed, Reloaded, Tried
from core.messages.model import EntryState, InboxEntry, Message, text_for_people
from core.profiles.model import Act, Activity
from core.proofs.model import CheckRun, CheckState, ControlResult, Diff
from core.reasons import AnyReason, BlockCause, WaitReason
from core.remedies import explain, next_step, sentence
from core.security.model import HUB, ApiKey, Binding, LogIn, NewApiKey
from core.tasks.model import ENDED, KnownBy, PartsKind, ProofOfDone, Task, TaskAttempt, TaskState, TaskSummary, TaskView
from core.workspaces.model import FileChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an interface writes the parts of a line."""

    text: Callable[[str, int], str]  # makes a text from outside harmless, and cuts it where room is scarce
    strong: Callable[[str], str]
    sign: Callable[[str], str]  # a coloured sign with a space, where the interface shows signs
    id: Callable[[str], str]  # an id with a space, where users type ids
    at: Callable[[int], str]  # a moment
    time: Callable[[int], str]  # a moment of late, to the second
    ago: Callable[[int], str]  # a moment, by how long ago it was
    named: Callable[[str], str]  # a user, a role or a channel by its id, such as `discord:1`
    code: Callable[[str], str]  # what users copy
    small: str  # begins a line in small print
    quote: str  # begins a line that quotes a window
    good: str
    bad: str
    warning: str

    def seen(self, note: str, limit: int) -> str:
        """Quote what Octet saw at a window; any program may have written it."""
        return f"{self.quote}Octet saw: {self.text(note, limit)}"

    def note(self, task: Task, limit: int) -> list[str]:
        """Quote what a task's agent asks, or what Octet saw at its window."""
        note = explain(task.cause, task.note)
        if note and task.reason is BlockCause.QUESTION:
            return [f"{self.quote}{self.text(note, limit)}"]
        return [self.seen(note, limit)] if note else []


ACT_LABELS: dict[Act, str] = {
    Act.INTERRUPT: "Stop",
    Act.APPROVE: "Approve",
    Act.DENY: "Deny",
    Act.CONTINUE: "Continue",
    Act.NEW_CHAT: "New conversation",
}
DECISION_LABELS: dict[Decision, str] = {
    Decision.ARRIVED: "Arrived",
    Decision.SEND_AGAIN: "Not arrived, send again",
    Decision.DROP: "Drop",
}
TASK_STATES: dict[TaskState, tuple[str, str]] = {
    TaskState.READY: ("⚪", "Queued"),
    TaskState.WAITING: ("⚪", "Waiting"),
    TaskState.ASSIGNED: ("🔵", "Starting"),
    TaskState.DELIVERING: ("🔵", "Starting"),
    TaskState.WORKING: ("🔵", "Working"),
    TaskState.BLOCKED: ("🟠", "Needs an answer"),
    TaskState.REVIEW: ("🔵", "In review"),
    TaskState.PARKED: ("🟠", "Parked"),
    TaskState.FAILED: ("🔴", "Failed"),
    TaskState.EXPIRED: ("🔴", "Expired"),
    TaskState.DONE: ("🟢", "Done (not checked)"),
    TaskState.CANCELLED: ("⚫", "Cancelled"),
}
"""Green: done; red: failed; amber: needs you; blue: at work; grey: waits. `done` is an agent's claim: its words say so,
and it has no tick."""
PROOFS: dict[ProofOfDone, tuple[str, str]] = {
    ProofOfDone.PROVEN: ("✅", "Done (proven)"),
    ProofOfDone.ACCEPTED: ("🟢", "Done (accepted)"),
}
"""The signs and words of tasks that are done by more than their agent's claim. Only checks that passed make a tick."""
AGENT_STATES: dict[AgentState, tuple[str, str]] = {
    AgentState.OFFLINE: ("⚪", "offline"),
    AgentState.IDLE: ("🟢", "idle"),
    AgentState.BUSY: ("🔵", "busy"),
    AgentState.NEEDS_INPUT: ("🟠", "needs an answer"),
    AgentState.LIMITED: ("⚪", "at its limit"),
    AgentState.PAUSED: ("⏸️", "paused"),
    AgentState.DRAINING: ("⏳", "finishing, gets no new tasks"),
    AgentState.HELD: ("🟠", "held"),
    AgentState.UNKNOWN: ("🟠", "unknown"),
}
DESK_STATES: dict[DeskState, tuple[str, str]] = {
    DeskState.STARTING: ("⏳", "starting"),
    DeskState.READY: ("🟢", "ready"),
    DeskState.HELD: ("⏸️", "on hold"),
    DeskState.STOPPED: ("⏸️", "stopped"),
    DeskState.UNAVAILABLE: ("🔴", "not available"),
}
"""Each state's sign and words. Words go with every sign, for users who do not see colours."""
_NEED_SIGNS: dict[NeedKind, str] = {
    **dict.fromkeys(NeedKind, "🟠"),
    NeedKind.STORE: "🔴",
    **dict.fromkeys((NeedKind.WAITING, NeedKind.DRY_RUN, NeedKind.BOARD_GONE), "⚪"),
}
_OUTPUT_LINES = 12
_FILES_SHOWN = 30
_CLOSED = frozenset({DeskState.HELD, DeskState.STOPPED, DeskState.UNAVAILABLE})
_HEADED = frozenset(
    {NeedKind.NEEDS_ANSWER, NeedKind.IDLE, NeedKind.DESK, NeedKind.WINDOW, NeedKind.AGENT, NeedKind.UNTOLD}
)
_DOES: dict[TaskState, str] = {
    TaskState.ASSIGNED: "gets",
    TaskState.DELIVERING: "is getting",
    TaskState.WORKING: "works on",
    TaskState.REVIEW: "works on",
    TaskState.BLOCKED: "needs an answer for",
}
_COUNTED: tuple[tuple[str, frozenset[TaskState]], ...] = (
    ("under way", frozenset({TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.REVIEW})),
    ("awaiting an answer", frozenset({TaskState.BLOCKED})),
    ("parked", frozenset({TaskState.PARKED})),
    ("waiting", frozenset({TaskState.WAITING})),
    ("in the queue", frozenset({TaskState.READY})),
    ("done", frozenset({TaskState.DONE})),
    ("failed", frozenset({TaskState.FAILED, TaskState.EXPIRED})),
    ("cancelled", frozenset({TaskState.CANCELLED})),
)
_READ_BY = {
    "accessibility": "read back over the accessibility bus",
    "copy": "copied back and compared",
    "screen": "read back from the pane's screen",
    "placeholder": "shown by a sign with the right count; Octet cannot read its text",
    "pixels": "seen to appear; Octet cannot read its text",
    "none": "taken by its program; Octet cannot see what it did with it",
}
_NOT_PRESSED: dict[AnyReason | None, str] = {
    Reason.CHANGED: "the window has changed since you looked. Look again with `/desk screenshot`",
    Reason.DESK_STOPPED: "the desk was stopped",
    Reason.RESTARTED: "Octet restarted before it could",
}
"""Why Octet pressed nothing, where the sentence of the lane's reason is not enough."""


_ACTIVITIES = {Activity.IDLE: "idle", Activity.BUSY: "at work", Activity.NEEDS_INPUT: "asks"}


_ABOUT_CHARS = 60


def agent_line(row: AgentStatus, form: Form, *, link: str = "") -> str:
    still = ", still" if row.state in OFF_DUTY else ""
    doing = f"{still} with {link or form.text(row.task, 20)}" if row.task else ""
    since = f" · {form.ago(row.since_ms)}" if row.since_ms else ""
    name, state = form.strong(form.text(row.agent.name, 60)), AGENT_STATES[row.state][1]
    return f"{name}: {state}{doing}{_why(row, form, 200)}{since} · {form.text(row.agent.about, _ABOUT_CHARS)}"


def held_up(rows: Iterable[AgentStatus], form: Form) -> str:
    """Say which agents hold a task up, and how."""
    return ", ".join(f"{form.text(row.agent.name, 60)} ({AGENT_STATES[row.state][1]})" for row in rows)


def _why(row: AgentStatus, form: Form, limit: int) -> str:
    reason = row.note or sentence(row.reason)
    if row.until_ms is not None:
        reason += f", until {as_datetime(row.until_ms):%d %b %H:%M} UTC"
    return f" ({form.text(reason, limit)})" if reason else ""


def _agent(row: AgentStatus, form: Form) -> list[str]:
    who = row.agent
    place = f"{form.text(who.desk or '?', 60)}, window {form.text(who.window or '?', 60)}"
    about = f", {form.text(who.about, 300)}" if len(who.about) > _ABOUT_CHARS else ""  # else the first line has it all
    lines = [
        agent_line(row, form),
        f"Job: {who.job.value}{about}",
        f"Can: {form.text(', '.join(sorted(who.capabilities)) or 'nothing named', 600)}",
        f"Lane: {who.lane.value}" + (f" · Desk: {place}" if who.desk or who.window else ""),
    ]
    return [*lines, *([f"Next: {row.cure}"] if row.cure else [])]


def _details(row: AgentDetails, form: Form) -> list[str]:
    waiting = [f"Waits for {form.text(row.agent.name, 60)}:"] if row.queue else []
    said = [*(_program(row.program, form) if row.program is not None else []), *_hook(row, form)]
    return [*_agent(row, form), *said, *waiting, *(f"- {_queued(one, form)}" for one in row.queue)]


APPROVERS: dict[Approver, tuple[str, str]] = {
    Approver.USER: ("🟢", "It asks users before it acts."),
    Approver.NO_ONE: ("🟠", "It acts without asking any user."),
    Approver.UNKNOWN: ("🟠", "Octet does not know whether it asks users before it acts."),
}


def _program(now: ProgramStatus, form: Form) -> list[str]:
    """Say what the agent's program is, and who approves what it does."""
    named = form.text(f"{now.program} {now.version}".strip(), 100)
    if not named and not now.reason:
        return ["Program: not started yet. The agent's first task starts it."]
    mode = f" · mode {form.text(now.mode, 60)}" if now.mode else ""
    conversation = f" · conversation {form.text(now.conversation, 80)}" if now.conversation else ""
    sign, words = APPROVERS[now.approves]
    why = [form.text(explain(now.reason, now.note), 300)] if now.reason else []
    return [f"Program: {named or 'not started yet'}{mode}{conversation}", f"{form.sign(sign)}{words}", *why]


def _hook(row: AgentDetails, form: Form) -> list[str]:
    """Say what the agent's hook says, and whether its window shows something else: neither decides alone."""
    if row.hook is None:
        return []
    asks = f" {form.text(row.hook.text, 300)}" if row.hook.text else ""
    said = f"Its hook says: {_ACTIVITIES[row.hook.shows]}{asks} · {form.ago(row.hook.at_ms)}"
    differs = row.shows in _ACTIVITIES and row.shows is not row.hook.shows
    return [f"{said} · its window shows otherwise: {_ACTIVITIES[row.shows]}" if differs else said]


def _queued(one: QueuedWork, form: Form) -> str:
    title, since = form.text(one.title, 80), form.ago(one.since_ms)
    if one.message is None:
        return f"{form.strong(one.task or '')} {title} · {since}"
    about = f" about {one.task}" if one.task else ""
    why = f" ({sentence(one.reason)})" if one.reason else ""
    return f"{form.id(one.message)}message{about}: {title}{why} · {since}"


def idle(row: Task | TaskSummary, form: Form) -> str:
    """Say by what Octet knows that an agent rests, and since when."""
    return f"{sentence(row.idle_by)} {form.ago(row.idle_ms or 0)}"


def at_work(one: AtWork, form: Form) -> str:
    """Say in one line of the board what an agent does."""
    status, task = one.status, one.task
    sign, words = AGENT_STATES[status.state]
    since = form.ago(status.since_ms) if status.since_ms else ""
    if task is not None and task.idle_ms is not None:
        sign, work = "🟠", f"{sentence(Reason.LOOKS_IDLE)} {_title(task, form)} · {idle(task, form)}"
    elif status.state is AgentState.BUSY and task is not None:
        work = f"{_DOES.get(task.state, 'has')} {_title(task, form)}" + (f" · began {since}" if since else "")
        if task.last_seen_ms is not None:
            work += f" · last sign {form.ago(task.last_seen_ms)}"
    else:
        still = f", still with {_title(task, form)}" if task is not None else ""
        is_quiet = status.state is AgentState.IDLE or not since
        work = f"{words}{_why(status, form, 120)}{still}" + ("" if is_quiet else f" · {since}")
    return f"{form.sign(sign)}{form.strong(form.text(status.agent.name, 60))} {work}"


def _title(task: TaskSummary, form: Form) -> str:
    return f"{form.strong(task.id)} {form.text(task.title, 60)}"


def at_works(now: Board, form: Form) -> list[str]:
    """Say in a line each what agents do. Those whose desk is closed are in the line of that desk."""
    return [at_work(one, form) for one in now.agents if one not in _pausing(now)]


def _pausing(now: Board, desk: str = "") -> list[AtWork]:
    """List the agents that only pause because their desk is closed, or this one is."""
    closed = {one.desk.name for one in now.desks if one.state in _CLOSED}
    return [
        one
        for one in now.agents
        if one.status.state is AgentState.OFFLINE and one.task is None
        if one.status.agent.desk in closed and one.status.agent.desk == (desk or one.status.agent.desk)
    ]


def short_list(names: Iterable[str]) -> str:
    """Write names that end in numbers in short: `Agent-2…6, Agent-8`."""

    def number(name: str) -> str:
        return name[len(name.rstrip("0123456789")) :]

    def run_of(at: tuple[int, str]) -> tuple[str, int]:
        return at[1].removesuffix(number(at[1])), int(number(at[1]) or 0) - at[0]

    runs = [[name for _, name in run] for _, run in groupby(enumerate(names), run_of)]
    return ", ".join(f"{run[0]}{f'…{number(run[-1])}' if len(run) > 1 else ''}" for run in runs)


def _desk(one: DeskStatus, form: Form, limit: int) -> str:
    """Say how a desk does, and who closed it."""
    by = f" by {form.named(one.by)}" if one.by else ""
    why = f" ({form.text(explain(one.reason, one.note), limit)})" if one.reason and not by else ""
    return f"{DESK_STATES[one.state][1]}{by}{why}"


def work(now: Board, form: Form) -> list[str]:
    """Say how many tasks there are, which are next, and how the desks do."""
    counts = [(words, sum(now.tasks.get(state, 0) for state in states)) for words, states in _COUNTED]
    counted = " · ".join(f"{number} {words}" for words, number in counts if number)
    lines = [f"{form.strong('Tasks')}: {counted or 'none yet'}"]
    if now.queue:
        left = now.tasks.get(TaskState.READY, 0) - len(now.queue)
        more = f" … +{left}" if left > 0 else ""
        lines.append(f"{form.strong('Next')}: {', '.join(_title(task, form) for task in now.queue)}{more}")
    for one in now.desks:
        names = short_list(form.text(agent.status.agent.name, 60) for agent in _pausing(now, one.desk.name))
        pause = f" · {names} pause{'' if ',' in names or '…' in names else 's'}" if names else ""
        head = f"{form.sign(DESK_STATES[one.state][0])}Desk {form.strong(form.text(one.desk.name, 60))}"
        lines.append(f"{head} {_desk(one, form, 120)}{pause}")
    return lines


def need(one: Need, form: Form, *, link: str, has_buttons: bool = False) -> str:
    """Say what needs a person; `link` leads to its task or message. Without buttons also what to do."""
    who = f"{link}{f' and {one.more} more' if one.more else ''}" if one.task or one.posted_message else ""
    title = f" {form.text(one.title, 80)}" if one.title and not one.more else ""
    what = form.text(one.what, 200)
    head = form.strong(f"{what[:1].upper()}{what[1:]}")
    if one.kind in _HEADED:
        need = head + (f": {who}{title}" if who else "")
    else:
        need = f"{form.strong(who)}{title}\n{what}" if who else head
    if one.agent and one.kind is not NeedKind.AGENT and one.agent not in one.what:
        need += f" · {form.text(one.agent, 60)}"
    need += f" · by {form.named(one.by)}" if one.by else ""
    since = f" · {form.ago(one.since_ms)}" if one.since_ms else ""
    if one.idle_by is not None:
        since = f" · {sentence(one.idle_by)} {form.ago(one.since_ms)}"
    lines = [f"{form.sign(_NEED_SIGNS[one.kind])}{need}{since}", *([form.seen(one.seen, 200)] if one.seen else [])]
    return "\n".join([*lines, *([] if has_buttons else [f"➜ {one.next}"])])


def _desks(rows: Iterable[DeskStatus], form: Form) -> list[str]:
    lines: list[str] = []
    for row in rows:
        lines.append(f"{form.strong(form.text(row.desk.name, 60))}: {_desk(row, form, 200)}")
        for one in row.windows:
            why = form.text(explain(one.reason, one.note) or "not looked at yet", 200)
            lines.append(f"- {form.text(one.name, 60)}: {'usable' if one.usable else f'not usable: {why}'}")
        lines += [
            f"{form.small}{form.text(one.window, 60)}: learned {one.what.words} on {form.at(one.at_ms)}"
            for one in row.learned
        ]
        lines += [f"{form.small}{form.text(note, 400)}" for note in (row.unread, row.awake) if note]
    return lines


def _forgotten(facts: Iterable[LearnedFact], _: Form) -> list[str]:
    what = ", ".join(one.what.words for one in facts) or "a fact that it could not read"
    return [f"Octet forgot {what} and restarted the desk's worker."]


def parts_awaited(view: TaskView) -> str:
    """Say for how many of its parts a task waits; empty where it waits for something else."""
    left = sum(part.state not in ENDED for part in view.parts)
    if view.task.reason != WaitReason.DEPENDENCY or not left:
        return ""
    what = "answers" if view.task.parts is PartsKind.BEST_OF else "parts"
    return f"Waiting for {left} of {len(view.parts)} {what}."


KNOWN_BY: dict[KnownBy, str] = {
    KnownBy.AGENT: "said by the agent",
    KnownBy.WINDOW: "read by Octet in its window",
    KnownBy.USER: "set by hand",
    KnownBy.OCTET: "seen by Octet",
}


def attempt(one: TaskAttempt, form: Form) -> str:
    """Say who had a task, how that ended, and what it used where the agent's API reports it."""
    ended = one.outcome.value if one.outcome else ""
    used = "" if one.tokens is None else f", {one.tokens:,} tokens"
    cost = "" if one.cost_micros is None else f", ${one.cost_micros / 1_000_000:.4f}"
    return f"{form.text(one.agent, 60)} at {form.at(one.began_ms)}: {ended or 'under way'}{used}{cost}"


def _tried(rows: Iterable[Tried], form: Form) -> list[str]:
    lines: list[str] = []
    for row in rows:
        again = f", at the {row.tries}. try" if row.tries > 1 else ""
        how = _READ_BY.get(row.by, form.text(row.by, 40))
        good = f"{how}; cleared again after {row.took_ms:.0f} ms{again}" if row.is_good else ""
        lines.append(_checked(row, good, form))
    return lines


def _placed(rows: Iterable[Placed], form: Form) -> list[str]:
    lines: list[str] = []
    for row in rows:
        done = f"{form.text(', '.join(row.done), 250)}; " if row.done else ""
        lines.append(_checked(row, "is at its place" if row.is_right else "", form, done))
    return lines


def _proposals(rows: Iterable[AgentProposal], form: Form) -> list[str]:
    def accept(row: AgentProposal) -> str:
        if not row.pane:
            return f"/desk calibrate {row.desk}"
        return f"/agent add NAME lane:terminal desk:{row.desk} pane:{form.text(row.pane, 100)} profile:{row.profile}"

    return [
        f"{form.strong(form.text(row.title or row.pane, 100))} · profile {row.profile} · accept: `{accept(row)}`"
        for row in rows
    ]


def _checked(row: Tried | Placed, good: str, form: Form, done: str = "") -> str:
    whose = form.strong(form.text(row.agent or f"{row.desk} {row.window}", 60))
    mark = form.good if good else form.bad
    return f"{mark} {whose}: {done}{good or _trouble(row, form)}"


def _trouble(row: Tried | Placed | Ailment, form: Form) -> str:
    return f"{form.text(explain(row.reason, row.note), 250)}\n{form.small}→ {next_step(row.reason)}"


def _diagnoses(rows: Iterable[Diagnosis], form: Form) -> list[str]:
    lines: list[str] = []
    for row in rows:
        seen = "1 window" if row.windows == 1 else f"{row.windows} windows"
        fine = "" if row.ailments else ", no problems"
        head = f"{form.strong(form.text(row.desk, 60))} ({DESK_STATES[row.state][1]})"
        lines.append(f"{head}: {seen} checked{fine}")
        for one in row.ailments:
            whose = form.text(one.agent or one.window, 60)
            what = f"{f'{whose}: ' if whose else ''}{_trouble(one, form)}"
            lines.append(f"{form.bad if one.stops else form.warning} {what}")
    return lines


def _reloaded(what: Reloaded, form: Form) -> list[str]:
    if what.is_nothing:
        return ["The configuration is unchanged."]
    is_at_work = bool(what.agents or what.desks or what.groups)
    lines = ["Octet uses the new configuration." if is_at_work else "The rest of the configuration is unchanged."]
    return lines + _changes(what, form)


def _changes(what: Reloaded, form: Form) -> list[str]:
    parts = {
        "Changed agents: {}.": [name for name in what.agents if name not in what.gone],
        "Removed agents: {}. Their waiting tasks go to other agents, or say why not.": what.gone,
        "Desks whose workers restart: {}.": what.desks,
        "Takes effect when Octet restarts: {}.": what.restart,
        "Commands that come or go in Discord: {}.": what.groups,
    }
    return [line.format(", ".join(form.text(one, 60) for one in names)) for line, names in parts.items() if names]


def _configuration(found: Configuration, form: Form) -> list[str]:
    lines: list[str] = []
    for one in found.items:
        value = f" = {form.code(form.text(one.value, 200))}" if one.value else "" if one.is_set else ": not set"
        place = f"{one.file}:{one.line}" if one.line else one.file or "default"
        lines.append(f"{one.kind.value} {form.text(one.name, 100)}{value} · {form.text(place, 100)}")
    if found.change is None:
        return [*lines, f"{form.bad} {NotReloaded.head}", *(form.text(one, 300) for one in found.problems)]
    if found.change.is_nothing:
        return [*lines, "A reload would change nothing."]
    return [*lines, "A reload would change this:", *_changes(found.change, form)]


def _health(now: Wellness, form: Form) -> list[str]:
    bad = f"{form.sign('🔴')}{form.strong('Something is wrong.')}"
    partly = f"{form.sign('🟠')}{form.strong('Octet works, but not everywhere.')}"
    lines = [f"{form.sign('🟢')}Everything works." if now.is_well else partly if now.pings else bad]
    for one in now.troubles:
        passing = "" if one.counts else ", may pass without action"
        lines += [f"{form.text(one.what, 300)} · {form.ago(one.since_ms)}{passing}", f"{form.small}{one.next}"]
    return [*lines, ping(now.ping, form)]


def ping(ping: Ping, form: Form) -> str:
    if not ping.is_wanted:
        return f"{form.small}Outage alerts are off. Set `OCTET_ALARM__PING_URL` in .env to turn them on."
    last = form.ago(ping.last_ms) if ping.last_ms else "never yet"
    what = f"The ping to {form.text(ping.where, 100)}"
    if ping.is_held_back:
        return f"{what} is paused until everything works; the last one was {last}."
    if ping.note:
        since, why = form.ago(ping.failing_since_ms), form.text(ping.note, 200)
        return f"{form.sign('🔴')}{what} fails: {why} (since {since}; last success {last})."
    return f"{what} last succeeded {last}."


def pressed_lines(pressed: ActionResult, form: Form) -> list[str]:
    act, agent, note = form.strong(ACT_LABELS[pressed.act]), form.text(pressed.agent, 60), pressed.delivery.note
    seen = [form.seen(note, 500)] if note else []
    match pressed.state:
        case DeliveryState.DELIVERED | DeliveryState.SENT:
            goes_on = "" if note or pressed.act is Act.INTERRUPT else " The agent continues."
            return [f"Octet pressed {act} for {agent}.{goes_on}", *seen]
        case DeliveryState.UNKNOWN:
            again = "Octet does not press it again. Look at the window: if it still asks, a new message has buttons."
            return [f"Octet does not know whether it pressed {act} for {agent}.", *seen, again]
        case DeliveryState.QUEUED | DeliveryState.LEASED | DeliveryState.SUBMITTING:
            return [f"{act} for {agent} takes longer than it should. See `/agent show` and `/fleet needs-me`."]
        case _:
            reason = pressed.delivery.reason
            return [f"Octet pressed nothing for {agent}: {_NOT_PRESSED.get(reason, sentence(reason))}.", *seen]


def _binding(one: Binding, form: Form) -> str:
    there = f" in {form.named(f'channel:{one.channel}')}" if one.channel else ""
    ends = f" until {form.at(one.expires_ms)}: {form.text(one.purpose, 200)}" if one.expires_ms else ""
    name = f" ({form.text(one.name, 60)})" if one.name else ""
    return f"{form.named(one.holder)}{name}: {form.strong(one.role.value)}{there}{ends}"


def _roles(rows: tuple[Binding, ...], form: Form) -> list[str]:
    lines = [f"{_binding(one, form)} · by {form.named(one.bound_by)}" for one in rows]
    hint = "Discord can hide each command from roles and channels: Server Settings → Integrations → this bot"
    return [*lines, f"{form.small}{hint}. Octet itself decides by this list."] if rows else []


def _key(one: ApiKey, form: Form) -> str:
    used = f"last used {form.ago(one.used_ms)}" if one.used_ms else "never used"
    ends = f"revoked {form.ago(one.revoked_ms)}" if one.revoked_ms else f"valid until {form.at(one.expires_ms)}"
    scopes = " ".join(sorted(scope.value for scope in one.scopes))
    return f"{form.strong(form.text(one.name, 40))}: {ends} · {used} · by {form.named(one.made_by)} · {scopes}"


def _log_in(one: LogIn, form: Form) -> str:
    browser = form.text(one.browser, 60)
    return f"{form.strong(one.id)}: {form.named(one.who)} · since {form.ago(one.since_ms)} · {browser}"


def _new_key(made: NewApiKey, form: Form) -> list[str]:
    return [form.code(made.secret), "Copy it now: Octet does not show it again.", _key(made.key, form)]


def _audit(found: AuditReport, form: Form) -> list[str]:
    same = [list(rows) for _, rows in groupby(found.entries, key=lambda one: (one.name, one.actor))]
    posts = "The head is posted to the admin channel daily."
    if not found.is_posted:
        posts = "The head isn't posted anywhere. To post it daily, set admin_channel_id in [discord] of octet.toml."
    head = f"{form.good} The journal is complete: {found.rows} rows, head {form.code(found.head)}"
    return [head, posts, *(_happened(rows, form) for rows in same)]


_ACTED: dict[str, str] = {
    "DeskWished": "set the mode of {} desk",
    "DisplayPictured": "looked at {} display",
    "RoleBound": "gave {} role",
    "RoleUnbound": "took {} role",
    "ScreenshotTaken": "looked at {} window",
    "WindowTried": "tested {} window",
}
"""What a user did, where the name of the event does not say it."""


def _happened(rows: list[JournalRow], form: Form) -> str:
    """Say who did what, of equal rows in a row how often; of what Octet did, what happened."""
    last, number = rows[-1], len(rows)
    *noun, verb = re.findall("[A-Z][a-z]+", last.name)
    subjects = {form.named(re.sub("^(task|person|desk):", "", one.subject)) for one in rows}
    about = f" ({subjects.pop()})" if len(subjects) == 1 else ""
    if last.actor == HUB.id:
        text = f"{' '.join([*noun, verb]).capitalize()}{f' {number} times' if number > 1 else ''}"
    else:
        acted = _ACTED.get(last.name, f"{verb.lower()} {{}} {' '.join(noun).lower()}")
        text = f"{form.named(last.actor)} {acted.format(number)}{'s' if number > 1 else ''}"
    return f"{text}{about} · {form.at(last.at_ms)}"


ENTRY_STATES: dict[EntryState, str] = {
    EntryState.HELD: "held until its time",
    EntryState.UNREAD: "unread",
    EntryState.READ: "read",
    EntryState.ACKED: "acknowledged",
    EntryState.DROPPED: "dropped",
}


def _entry_state(state: EntryState, reason: Reason | None) -> str:
    return f"{ENTRY_STATES[state]}{f' ({sentence(reason)})' if reason else ''}"


def _message_line(one: Message, form: Form) -> str:
    """Name a message, its sender and its source, and show how it begins."""
    agents = " (agent)" if one.sender.startswith("agent:") else ""
    who = form.strong(form.text(one.sender_name or one.sender, 60))
    text = " ".join(text_for_people(one.body, one.expired_ms).split())[:120]
    return f"M-{one.id} {who}{agents}, {one.kind}: {form.text(text, 120)}"


def message_line(one: Message, form: Form) -> str:
    """Show a message in a list: also to whom it went."""
    to = form.text(one.recipient.removeprefix("agent:"), 60)
    return f"{_message_line(one, form)} → {to} · {form.ago(one.created_ms)}"


def journal_line(row: JournalRow, form: Form) -> str:
    """Show a row of the journal in a list."""
    what = f"{row.seq} {form.strong(row.name)} {form.named(row.subject)}"
    return f"{what} · {form.named(row.actor)} · {form.time(row.at_ms)}"


def _inbox(rows: Iterable[InboxEntry], form: Form) -> list[str]:
    return [f"{_message_line(one.message, form)} · {_entry_state(one.state, one.reason)}" for one in rows]


def _trace(trace: Trace, form: Form) -> list[str]:
    stopped = ", stopped by Octet" if trace.stopped_by == "hub" else ", stopped by hand" if trace.stopped_by else ""
    lines = [f"Chain {form.strong(trace.id)}: {trace.texts} of at most {trace.most} messages of agents{stopped}"]
    for step in trace.steps:
        to = ", ".join(f"{form.text(name, 60)} {_entry_state(state, why)}" for name, state, why in step.inboxes)
        lines.append(f"{'· ' * step.depth}{_message_line(step.message, form)}{f' → {to}' if to else ''}")
    return lines


def _answered(view: QuestionView, form: Form) -> list[str]:
    return [f"{form.text(view.question.agent, 60)} gets your answer: {form.text(view.answer, 200)}"]


def permission(one: AgentDialog, form: Form) -> str:
    """Say who asks for permission, and for which task."""
    about = f" · {one.task}" if one.task else ""
    return f"{form.strong(f'{form.text(one.agent, 60)} asks for permission')}{about}"


def _dialog(one: AgentDialog, form: Form) -> list[str]:
    """Show a dialog: its whole text, and the choices with the numbers by which users name them."""
    head = permission(one, form) if one.asks_permission else f"{form.text(one.agent, 60)}: {one.activity.value}"
    choices = [f"{number}. {form.text(choice.name, 200)}" for number, choice in enumerate(one.choices, 1)]
    over = [f"It is over: {one.ending.value}."] if one.ending else []
    return [head, *(form.text(line, 2_000) for line in one.text.splitlines()), *choices, *over]


def state_words(task: Task) -> str:
    """Return the words of a task's state."""
    return (PROOFS[task.proof] if task.proof and task.state is TaskState.DONE else TASK_STATES[task.state])[1]


CHECK_STATES: dict[CheckState, tuple[str, str]] = {
    CheckState.QUEUED: ("⚪", "queued"),
    CheckState.RUNNING: ("🔵", "running"),
    CheckState.ASKED: ("🟠", "asks you"),
    CheckState.PASSED: ("✅", "passed"),
    CheckState.FAILED: ("🔴", "failed"),
    CheckState.REFUSED: ("🟠", "not run"),
    CheckState.CANCELLED: ("⚫", "not needed any more"),
}


def _checks(runs: tuple[CheckRun, ...], form: Form) -> list[str]:
    lines = list[str]()
    for one in runs:
        sign, words = CHECK_STATES[one.state]
        why = f": {sentence(one.fault)}" if one.fault else f": exit code {one.exit_code}" if one.exit_code else ""
        on = f" · on {one.snapshot[:12]}" if one.snapshot else ""
        nothing = one.control is ControlResult.PASSED and one.state is CheckState.PASSED
        proves = " · it passed before the work too, so it proves nothing about it" if nothing else ""
        lines.append(f"{form.sign(sign)}{form.strong(form.text(one.given, 100))} {words}{why}{on}{proves}")
        lines += [form.seen(one.note, 300)] if one.note else []
        last = one.output.strip().splitlines()[-_OUTPUT_LINES:] if one.state is CheckState.FAILED else []
        lines += [f"{form.quote}{form.text(line, 200)}" for line in last]
    return lines


def _diff(diff: Diff, form: Form) -> list[str]:
    head = f"{form.strong(diff.task)}: branch {form.code(diff.branch)}, {len(diff.files)} files since {diff.base[:12]}"
    files = [f"{form.text(one.path, 200)}: {one.kind.value}{_counts(one)}" for one in diff.files[:_FILES_SHOWN]]
    more = len(diff.files) - len(files)
    return [head, *files, *([f"{form.small}and {more} more"] if more > 0 else [])]


def _counts(one: FileChange) -> str:
    return "" if one.added is None else f", +{one.added} −{one.deleted or 0}"


LINES: dict[Any, tuple[Callable[[Any, Form], list[str]], str]] = {
    AgentStatus: (_agent, ""),
    AgentDetails: (_details, ""),
    ActionResult: (pressed_lines, ""),
    AgentDialog: (_dialog, ""),
    tuple[DeskStatus, ...]: (_desks, "No desks. Add one in config/desks."),
    tuple[LearnedFact, ...]: (_forgotten, ""),
    tuple[Tried, ...]: (_tried, "There is no window to test."),
    tuple[Placed, ...]: (_placed, "There is no window to arrange."),
    tuple[AgentProposal, ...]: (_proposals, "No window looks like an agent that Octet does not know."),
    tuple[Diagnosis, ...]: (_diagnoses, "No desks. Add one in config/desks."),
    Reloaded: (_reloaded, ""),
    Configuration: (_configuration, ""),
    Binding: (lambda one, form: [_binding(one, form)], ""),
    tuple[Binding, ...]: (_roles, "No one has a role in Octet yet."),
    tuple[ApiKey, ...]: (lambda rows, form: [_key(one, form) for one in rows], "No API keys."),
    NewApiKey: (_new_key, ""),
    tuple[LogIn, ...]: (lambda rows, form: [_log_in(one, form) for one in rows], "No browser is logged in."),
    AuditReport: (_audit, ""),
    tuple[InboxEntry, ...]: (_inbox, "This inbox is empty."),
    InboxEntry: (lambda one, form: _inbox([one], form), ""),
    Trace: (_trace, ""),
    QuestionView: (_answered, ""),
    Wellness: (_health, ""),
    tuple[CheckRun, ...]: (_checks, "This task has no checks, or its agent has not said done yet."),
    Diff: (_diff, ""),
}
"""By the type that a verb returns: its lines, and the text where there are none."""
