"""The sentences of notices, written once in the form of each interface. Buttons, pictures and layout are its own."""

from __future__ import annotations

from collections.abc import Sequence

from bot.verbs import results
from bot.verbs.results import ACT_LABELS, Form
from core import remedies
from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView, AtDue, Question, QuestionState, QuestionView
from core.deliveries.model import Delivery, DeliveryState, Reason
from core.limits import PROGRESS
from core.messages.model import Message, Source
from core.notices.model import (
    AgentReports,
    BlockedWindow,
    Digest,
    EndCause,
    Halt,
    JournalHead,
    Notice,
    NoticeKind,
    Resolution,
    StoppedChain,
    Undelivered,
    UserAct,
)
from core.reasons import AnyReason
from core.remedies import next_step, sentence
from core.supervision.model import ScreenLock
from core.tasks.model import Task, TaskState, TaskView

SHOWN_AGENTS = 40
_DEEDS = {
    "cancelled": "cancelled {task}.",
    "stopped": "stopped the follow-up on {task}. Its last answer stays.",
    "undone": "put {task} back.",
    "wrong": "marked {task} as wrong.",
}
STOPS = frozenset({"cancelled", "stopped"})  # acts after which the agent may still be at work
STATES: dict[DeliveryState, str] = {
    **dict.fromkeys((DeliveryState.LEASED, DeliveryState.STAGING), "being delivered"),
    **dict.fromkeys((DeliveryState.STAGED, DeliveryState.SUBMITTING), "being delivered"),
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.SENT: "sent",
    DeliveryState.UNKNOWN: "Octet does not know whether it arrived",
    DeliveryState.REFUSED: "refused",
    DeliveryState.FAILED: "failed",
    DeliveryState.CANCELLED: "not delivered",
    DeliveryState.EXPIRED: "not delivered",
    DeliveryState.SUPERSEDED: "sent again",
}
_SETTLED: dict[str, str] = {
    "arrived": "{who} said that its prompt arrived.",
    "again": "{who} said that its prompt did not arrive; Octet sends it again.",
    "dropped": "{who} dropped it.",
    "answered": "its agent answered, so its prompt arrived.",
    "reported": "its agent's program reported that the prompt arrived.",
    "ended": "{who} ended it.",
}
_SETTLED_WORDS: dict[str, str] = {
    "arrived": "{who} said that it arrived.",
    "again": "{who} said that it did not arrive; Octet sends it again.",
    "dropped": "{who} dropped it.",
    "answered": "its agent answered, so it arrived.",
    "reported": "its agent's program reported that it arrived.",
    "ended": "no decision needed: {reason}.",
}
_SETTLED_ACT: dict[str, str] = {
    "arrived": "{who} said that Octet pressed {act} for {agent}.",
    "dropped": "{who} does not need {act} for {agent} any more.",
    "ended": "{act} for {agent} no longer needs a decision.",
}
_ENDED_QUESTION: dict[str, str] = {
    QuestionState.ANSWERED.value: "{answered} · {who}",
    "late": "{answered} · {who}. {task} ended before Octet typed it.",
    QuestionState.UNANSWERED.value: "No answer came in time: {agent} decides.",
    QuestionState.CANCELLED.value: "No answer needed: {task} has ended.",
}
_READ: dict[Source, str] = {
    Source.WINDOW: " · read in its window, *unverified*",
    Source.HOOK: " · by its program's hook, *unverified*",
    Source.ACP: " · the last message of its turn, by ACP, *unverified*",
}
_PUSHED = {
    NoticeKind.QUESTION: "an agent asks you a question",
    NoticeKind.NEEDS_ANSWER: "an agent's window waits for an answer",
    NoticeKind.HELD: "Octet does not know whether its prompt arrived; decide",
    NoticeKind.IN_DOUBT: "Octet may have pressed a key and does not know; decide",
    NoticeKind.UNDELIVERED: "Octet does not know whether a message arrived; decide",
    NoticeKind.STORM: "Octet stopped a chain of messages between agents; decide",
    NoticeKind.BLOCKED: "an agent's window cannot be used",
    NoticeKind.LOCKED: "a screen is locked and work waits",
}
REPLY_HINT = "Press Reply to say more."
_TRY_IT = (
    "Press an example, or type `/task new`. `/help` explains the rest, and `/fleet board` keeps a live board here."
)
_NEXT = (
    "Unlock it, or close its open menu. To avoid this, use virtual displays (`octet desk up`), which never lock; "
    "`octet doctor` says how to keep this one from locking. `/task assign` moves a task to an agent elsewhere."
)


def who(actor: str, form: Form) -> str:
    """Name the user who did something."""
    return "the operator of this machine" if actor == "operator" else form.named(actor) or "another user"


def of_task(notice: Notice, view: TaskView, form: Form, message: Message | None = None) -> list[str]:
    """Say that a task ended or halted, what a user did to it, what its agent reports, or whose `message` follows the
    first line."""
    task = view.task
    match notice.detail:
        case UserAct(act=act, by=by) if notice.kind is NoticeKind.REPORT:
            deed = form.strong(f"{who(by, form)} {_DEEDS.get(act, 'changed {task}.').format(task=task.id)}")
            left = form.text(view.left_with, 60) if act in STOPS and view.left_with else ""
            return [
                deed,
                *([f"{left} is still working on it, and gets nothing new until its window is idle."] if left else []),
            ]
        case AgentReports(agent=agent, reports=reports):
            head = f"{form.strong(form.text(agent, 60))} reports on {task.id}:"
            return [head, *(f"{form.time(one.at_ms)} {form.text(one.text, PROGRESS.most)}" for one in reports)]
        case Halt() as halt:
            lines = [_halt(task, halt, form) if message is None else f"{_speaker(message, form)} asks:"]
        case why if notice.kind is NoticeKind.ENDED or message is None:
            lines = [_end(task, why, message, form)]
        case _:
            return [_unfinished(notice, view, message, form)]
    # Else the task's cause and cure belong to a later event.
    is_end = notice.kind is NoticeKind.ENDED and task.state is not TaskState.DONE
    if is_end or notice.detail == Halt(state=task.state, reason=task.reason):
        lines += form.note(task, 400)
        lines += [f"Next: {task.cure}"] if task.cure else []
    return lines


def _end(task: Task, why: object, message: Message | None, form: Form) -> str:
    if task.follow_up and isinstance(why, EndCause):
        return f"{form.strong(f'The follow-up on {task.id} ended without an answer:')} the last answer stays."
    if message is not None and not isinstance(why, EndCause):
        return f"{form.strong(f'{_name(message, form)} finished {task.id}')}{read_there(message)}"
    if message is not None and isinstance(why, EndCause) and why.reason is Reason.AGENT_FAILED:
        return form.strong(f"{_name(message, form)} gave up {task.id}:")
    has = task.state in {TaskState.FAILED, TaskState.EXPIRED}
    head = form.strong(f"{task.id} {'has' if has else 'is'} {task.state.value}.")
    return f"{head} {form.text(_end_cause(why), 800)}".strip() if isinstance(why, EndCause) else head


def _unfinished(notice: Notice, view: TaskView, message: Message, form: Form) -> str:
    """Say whose words these are that end nothing."""
    task, speaker = view.task, _speaker(message, form)
    if notice.kind is NoticeKind.LATE:
        return f"{speaker} answered {task.id} late: the task had ended, or had another agent."
    if message.source is Source.WINDOW:
        return f"{speaker} began an answer to {task.id} in its window (*unverified*: the end is missing)"
    if message.supersedes:
        return f"{speaker} sent another answer to {task.id} than Octet read in its window:"
    return f"{speaker} on {task.id}:"


def read_there(message: Message) -> str:
    """Say that an answer was read in the agent's window."""
    return _READ.get(message.source, "")


def replied(message: Message, form: Form) -> str:
    """Head the answer of an agent to a user's message about no task."""
    again = " · another answer than Octet read in its window" if message.supersedes else ""
    return f"{form.strong(f'{_name(message, form)} answers')}{read_there(message)}{again}"


def answered(number: int) -> str:
    return "1 agent has answered" if number == 1 else f"{number} agents have answered"


def _name(message: Message, form: Form) -> str:
    return form.named(message.sender.partition(":")[2] or message.sender)


def _speaker(message: Message, form: Form) -> str:
    return form.strong(_name(message, form))


def _halt(task: Task, halt: Halt, form: Form) -> str:
    """Say what halted the task. The notice keeps that state and reason; the task may have others by now."""
    if halt.state == TaskState.READY:
        return f"{form.strong(f'{task.id} is ready for another agent:')} its agent was silent for too long."
    halted = "needs attention" if halt.state == TaskState.PARKED else "waits"
    return f"{form.strong(f'{task.id} {halted}:')} {sentence(halt.reason)}"


def _end_cause(why: EndCause) -> str:
    dropped = f"{why.by} dropped it: Octet did not know whether its prompt had arrived"
    return dropped if why.by else sentence(why.reason)


def idle(notice: Notice, view: TaskView, form: Form) -> list[str]:
    """Say that the agent at work on a task looks idle; or, once that is over, that it did."""
    task, agent = view.task, form.text(notice.subject, 60)
    if notice.detail is not None or task.idle_ms is None:
        return [f"{form.strong(agent)} no longer looks idle on {task.id}."]
    asked = " Octet has asked it for the answer." if task.nudge else ""
    said = form.strong(f"{agent} {sentence(Reason.LOOKS_IDLE)} {task.id}.")
    return [f"{said}{asked}", form.text(task.title, 200), f"{form.small}{results.idle(task, form)}"]


def pushed(notice: Notice) -> str:
    """Say in a few words, which anyone who sees a phone's lock screen may read, why a user is needed."""
    return f"{notice.task or 'Octet'}: {_PUSHED.get(notice.kind, 'something waits for you')}"


def alone(notice: Notice, form: Form) -> list[str]:
    """Say what a notice of no task, message or window says: a summary, a digest, the journal's head, a welcome."""
    match notice.detail:
        case Digest(number=number, newest=newest) if notice.kind is NoticeKind.SUMMARY:
            tasks = "1 task" if number == 1 else f"{number} tasks"
            head = form.strong(f"{tasks} ended while Octet was not connected to Discord.")
            return [f"{head} The newest: {', '.join(newest)}.", "See `/task list` and `/task show`."]
        case Digest(number=number, newest=newest):
            things = "1 thing" if number == 1 else f"{number} things"
            named = form.text(", ".join(newest), 400)
            return [f"{things} happened: {named}. `/fleet needs-me` lists what needs you."]
        case JournalHead() as head:
            where = f"Journal on {notice.subject}: row {head.row}, head {form.code(head.hash)}"
            return [f"{form.small}{where}. `/admin audit` verifies the journal."]
        case _:
            welcome = form.strong("Welcome to Octet.")
            return [
                f"{welcome} It gives tasks to your AI agents and brings their answers back to this channel.",
                _TRY_IT,
            ]


def undelivered(then: Undelivered, view: AgentMessageView, form: Form) -> str:
    """Say that a message to an agent did not arrive, or may not have."""
    now = next((one for one in view.deliveries if (one.agent, one.state) == (then.agent, then.state)), None)
    head = form.strong(f"{whose(view.message, form)} to {whom(then.agent, view.message, form)}:")
    return f"{head} {_state_words(then.state, then.reason, now, form)}."


def settled_prompt(now: Resolution, task: Task, form: Form) -> list[str]:
    outcome = _SETTLED[now.how].format(who=who(now.by, form))
    return [f"{form.strong(f'{task.id}:')} {outcome}", form.text(task.title, 200)]


def settled_words(now: Resolution, row: Delivery, message: Message, form: Form) -> str:
    outcome = _SETTLED_WORDS[now.how].format(who=who(now.by, form), reason=sentence(row.reason))
    return f"{form.strong(f'Message to {whom(row.agent, message, form)}:')} {outcome}"


def settled_act(now: Resolution, pressed: ActionResult, form: Form) -> str:
    act, agent = form.strong(ACT_LABELS[pressed.act]), form.text(pressed.agent, 60)
    return _SETTLED_ACT.get(now.how, _SETTLED_ACT["ended"]).format(who=who(now.by, form), act=act, agent=agent)


def question(asked: Question, form: Form, *, is_open: bool) -> str:
    """Say who asks, or asked, and about which task."""
    head = form.strong(f"{form.text(asked.agent, 60)} {'asks' if is_open else 'asked'}")
    return f"{head} · {asked.task}" if asked.task else head


def patience(asked: Question, form: Form) -> str:
    """Say what happens to a question without an answer, and when."""
    then = "Octet reminds you" if asked.at_due is AtDue.WAIT else f"{form.text(asked.agent, 60)} decides"
    return f"If you do not answer, {then} {form.ago(asked.due_ms)}."


def ended_question(now: Resolution, view: QuestionView, form: Form) -> str:
    """Say how a question ended."""
    asked, answered = view.question, form.strong(f"Answered: {form.text(view.answer, 300)}")
    named = {"who": who(now.by, form), "agent": form.text(asked.agent, 60), "task": asked.task or "the task"}
    return _ENDED_QUESTION[now.how].format(answered=answered, **named)


def chain(notice: Notice, form: Form) -> list[str]:
    """Say that Octet stopped a chain of messages between agents; once a user has decided, how."""
    now = notice.detail
    if isinstance(now, Resolution):
        deed = "stopped it" if now.how == "stopped" else "let its agents continue"
        return [f"{form.strong('Agents sent each other many messages.')} {who(now.by, form)} {deed}."]
    agents = now.agents if isinstance(now, StoppedChain) else ()
    return [
        f"{form.strong('Octet stopped a chain of messages between agents')}, because it has reached its limit.",
        f"Agents: {form.text(', '.join(agents), 300)}",
        f"{form.small}`/msg trace M-{notice.subject}` shows the messages.",
    ]


def blocked(now: BlockedWindow, form: Form) -> list[str]:
    """Say that a window cannot be used, and what was tried; once it is over, how long it lasted."""
    actor, agent = who(now.tried_by, form), form.text(now.agent, 60)
    where = f"the window {form.text(now.window, 60)} of {agent} on desk {form.text(now.desk, 60)}"
    if now.over_ms:
        how = f" {actor} had it recalibrated." if now.tried_by and not now.tried else ""
        text = f"{where[:1].upper()}{where[1:]} works again; it was blocked for "
        return [f"{text}{duration(now.over_ms - now.since_ms)}.{how}"]
    # Titles of other windows are not for the channel.
    why = sentence(now.reason) if now.reason is Reason.COVERED else remedies.explain(now.reason, now.seen)
    lines = [form.strong(f"Octet cannot use {where}: {form.text(why, 400)}"), now.cure]
    if now.tried:
        lines.append(f"{actor} had it recalibrated, which failed: {form.text(now.tried, 600)}")
        lines.append(f"At the machine, `octet calibrate {now.desk} {now.window}` asks for the input box.")
    elif now.tried_by:
        lines.append(f"{actor} had it recalibrated; Octet is checking it.")
    return lines


def lock(lock: ScreenLock, form: Form) -> list[str]:
    """Say that a screen is locked and work waits; once it is over, how long it lasted."""
    desk = form.text(lock.desk, 60)
    if lock.over_ms is not None:
        text = f"The screen of desk {form.strong(desk)} is unlocked; it was locked for "
        return [f"{text}{duration(lock.over_ms - lock.since_ms)}."]
    waits = "one thing waits" if lock.waiting == 1 else f"{lock.waiting} things wait"
    return [form.strong(f"The screen of desk {desk} is locked, and {waits} for it."), _NEXT]


def how(deliveries: Sequence[Delivery], form: Form) -> str:
    """Write the progress of the deliveries, agents with the same progress on one line."""
    found: dict[str, list[str]] = {}
    for one in deliveries:
        found.setdefault(_state_words(one.state, one.reason, one, form), []).append(one.agent)
    return "\n".join(f"{_names(names, form)}: {words}" for words, names in found.items())


def whose(message: Message, form: Form) -> str:
    if message.sender.startswith("agent:"):
        return f"The message of {form.text(message.sender_name, 60)}"
    return "Octet's message" if message.sender.startswith("system:") else "Your message"


def whom(agent: str, message: Message, form: Form) -> str:
    return form.text(agent, 60) + (f" about {message.task}" if message.task else "")


def duration(for_ms: int) -> str:
    """Write how long something lasted, such as `2 h 5 min`."""
    minutes = round(for_ms / 60_000)
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)


def _state_words(state: str, reason: AnyReason | None, delivery: Delivery | None, form: Form) -> str:
    note = f" ({form.text(delivery.note, 200)})" if delivery is not None and delivery.note else ""
    if state == DeliveryState.QUEUED:
        if delivery is None:  # it has gone on meanwhile
            return "has been waiting for a long time"
        if not delivery.reason:
            return "on the way"
        return f"waits: {sentence(delivery.reason)}{note}. {next_step(delivery.reason)}"
    if state == DeliveryState.SENT and reason == Reason.DRY_RUN:
        return "sent (dry run): Octet typed nothing"
    words = STATES[DeliveryState(state)]
    if state == DeliveryState.DELIVERED:
        return f"{words} ({delivery.assurance.value})" if delivery is not None and delivery.assurance else words
    if delivery is not None and delivery.state == state == DeliveryState.UNKNOWN:
        return f"{words}{note}. Decide with the buttons below"
    return f"{words}{': ' if reason else ''}{sentence(reason)}{note}"


def _names(names: Sequence[str], form: Form) -> str:
    more = f" and {len(names) - SHOWN_AGENTS} more" if len(names) > SHOWN_AGENTS else ""
    return f"{', '.join(form.text(name, 60) for name in names[:SHOWN_AGENTS])}{more}"
