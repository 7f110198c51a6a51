"""Tasks and what happens to them as message parts: cards, news, details. Pure: nothing here asks or sends."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

from discord import ui

from bot.discord.parts import AMBER, BLUE, GREEN, GREY, RED, Attachment, Button, Marker, Parts, boxed, framed, written
from bot.discord.text import (
    CONTENT_LIMIT,
    FORM,
    LAYOUT_LIMIT,
    NAME_LIMIT,
    cut,
    fence,
    fits_fence,
    fitting,
    inline,
    link,
    plain,
    quote,
    size,
)
from bot.discord.views.buttons import (
    EXAMPLES,
    STOPPABLE,
    AcceptWork,
    CancelTask,
    FollowWindow,
    MarkWrong,
    PickAnswer,
    RunAgain,
    ShowWindow,
    StopTask,
    TellAgent,
    TryExample,
    UndoCancel,
    idle_buttons,
)
from bot.discord.views.menus import Reassign
from bot.verbs import news as news_of
from bot.verbs.news import REPLY_HINT, STOPS, alone, of_task, who
from bot.verbs.results import PROOFS, TASK_STATES, attempt, held_up, parts_awaited
from bot.verbs.results import idle as idle_since
from bot.verbs.types import PRIORITIES
from core.deliveries.model import Delivery
from core.limits import PROGRESS
from core.messages.model import Message, Source, text_for_people
from core.notices.model import Notice, NoticeKind, UserAct
from core.reasons import BY_CHECKS, AnyReason, BlockCause, ParkCause, Reason, WaitReason
from core.receipts.model import Receipt
from core.remedies import sentence
from core.tasks.model import ENDED, UNDO_MS, PartsKind, Task, TaskState, TaskView

_MARGIN = 300  # characters kept free in each message for buttons and for what Discord may count otherwise
_BRIEF_CHARS = 600
_SHOWN_PARTS = 10
_FIRST_WORDS = 200  # of an answer, on its card
_ANSWER_CHARS = 1_700
_SHOWN_ATTEMPTS = 5
_EVIDENCE_CHARS = 500  # of the evidence below an answer
UNCHECKED = "-# Evidence, reported by the agent, not checked:"
_SHOWN_DELIVERIES = 5
_SHOWN_ANSWERS = 5
_SHOWN_RECEIPTS = 3
_EVEN_BYTES = 7  # of an unfiltered picture of two colours, with the byte that begins its rows
USUAL_PRIORITY = 2
_AT_AGENT = frozenset(
    {TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.BLOCKED, TaskState.PARKED}
)
OFFERING = frozenset({NoticeKind.PROGRESS, NoticeKind.HELD, NoticeKind.REPORT})
"""News whose buttons leave once the task continues or ends."""
_OVER = frozenset({TaskState.DONE, TaskState.CANCELLED})
_CODE = re.compile(r"(--code[\s=]+)\S+")

_COLOURS = {"⚪": GREY, "🔵": BLUE, "🟠": AMBER, "🔴": RED, "🟢": GREEN, "⚫": GREY}
STATES = {state: (_COLOURS[sign], sign, words) for state, (sign, words) in TASK_STATES.items()}
"""Each state's colour, sign and words."""


def card(view: TaskView, *, marker: Marker, server: str = "", owner: str = "", now_ms: int = 0) -> Parts:
    """Build the task's card. Only a dry-run card shows the prompt with its code: there the user plays the agent.

    It links to its thread on `server`, and names the requester unless that is the `owner` of this Octet."""
    task = view.task
    is_dry = is_dry_run(task)
    blocks, files = _head(view, owner), list[Attachment]()
    if parts := _parts(view):
        blocks.insert(-1, parts)
    if is_dry and view.prompt:
        room = LAYOUT_LIMIT - _MARGIN - sum(size(block) for block in blocks)
        if fits_fence(view.prompt, room):
            blocks.insert(-1, fence(view.prompt, room))
        else:
            files.append(Attachment(name=f"{task.id}-prompt.txt", data=view.prompt.encode()))
    elif rest := _first_words(view):
        blocks.insert(-1, rest)
    elif task.state not in ENDED and (rest := _below_title(task)):
        blocks.insert(-1, fence(rest, _BRIEF_CHARS))
    needs_user = task.idle_ms is not None or task.reason is WaitReason.PICK
    colour = GREY if is_dry else AMBER if needs_user else STATES[task.state][0]
    return _layout(blocks, files, colour=colour, marker=marker, buttons=card_buttons(view, server, now_ms))


def _below_title(task: Task) -> str:
    """Return the brief without its first line, if that is the title."""
    return text_for_people(task.brief, task.text_expired_ms).strip().removeprefix(task.title).strip()


def _first_words(view: TaskView) -> str:
    """Quote the beginning of the answer that ended the task."""
    last = next((one for one in reversed(view.answers) if one.final and not one.late), None)
    if last is None or last.expired_ms is not None or view.task.state is not TaskState.DONE:
        return ""
    return quote(cut(last.body.strip(), _FIRST_WORDS), 2 * _FIRST_WORDS)


def card_buttons(view: TaskView, server: str = "", now_ms: int = 0) -> list[Button]:
    task, shown = view.task, list[Button]()
    if task.parts is PartsKind.BEST_OF and task.state not in ENDED:
        done = [part.id for part in view.parts if part.state is TaskState.DONE]
        shown += [PickAnswer(part) for part in done[:_SHOWN_PARTS]]
    if view.thread and server:
        shown.append(ui.Button(label="Open thread", url=f"https://discord.com/channels/{server}/{view.thread}"))
    shown += _for_agent(task)
    if task.state is TaskState.DONE and task.is_whole:
        shown.append(TellAgent(task.id))
    if view.left_with:
        shown.append(StopTask(task.id))
    if task.reason in BY_CHECKS:
        shown.append(AcceptWork(task.id))
    if task.state not in ENDED:
        shown.append(CancelTask(task.id))
    if task.state is TaskState.CANCELLED and now_ms - task.changed_ms < UNDO_MS:
        shown.append(UndoCancel(task.id))
    elif task.state in ENDED or task.state is TaskState.PARKED:
        shown.append(RunAgain(task.id, label="Run again" if task.state in _OVER else "Retry"))
    if view.is_assignable:
        shown.append(Reassign(task.id))
    if task.state is TaskState.DONE and task.wrong is None:
        shown.append(MarkWrong(task.id))
    return shown


def _for_agent(task: Task) -> list[Button]:
    if task.idle_ms is not None:
        return [*idle_buttons(task.id), TellAgent(task.id)]
    shown: list[Button] = [ShowWindow(task.id)] if task.state in _AT_AGENT else []
    if task.state in STOPPABLE:
        shown += [FollowWindow(task.id), TellAgent(task.id), StopTask(task.id)]
    return shown


def details(
    view: TaskView, receipts: Sequence[Receipt] = (), *, has_all: bool = False, buttons: Sequence[Button] = ()
) -> Parts:
    """Show a task to one user on one screen; with `has_all` also the evidence, with masked codes."""
    task, files = view.task, list[Attachment]()
    blocks = _head(view, "")
    if has_all or task.state not in ENDED:
        blocks.append(fence(text_for_people(task.brief, task.text_expired_ms), _BRIEF_CHARS))
    if parts := _parts(view):
        blocks.append(parts)
    if task.choice is not None:
        blocks.append(inline(task.choice.words if has_all else task.choice.short, 600))
    if view.answers:
        body, more = quoted_answer(view.answers[-1], f"{task.id}-answer.md")
        blocks.append(f"{_answer_head(view.answers[-1])}\n{body}")
        files += more
    if view.attempts:
        blocks.append("**Attempts**\n" + "\n".join(attempt(one, FORM) for one in view.attempts[-_SHOWN_ATTEMPTS:]))
    if named := [*task.attachments, *(view.answers[-1].attachments if view.answers else ())]:
        blocks.append("**Files**\n" + "\n".join(inline(one.line, 300) for one in named))
    if view.thread:
        blocks.append(f"Thread: <#{view.thread}>")
    if has_all:
        blocks += _proofs(view, receipts)
        if view.prompt:
            files.append(Attachment(name=f"{task.id}-prompt.txt", data=mask(view.prompt).encode()))
        shots = [one for one in (receipts[-1].pictures if receipts else ()) if _shows_anything(one.png)]
        files += [Attachment(name=f"{task.id}-{one.name}.png", data=one.png) for one in shots]
        blocks += ["-# What the window's profile masks is grey."] if shots else []
    return _layout(blocks, files, colour=STATES[task.state][0], buttons=buttons)


def _proofs(view: TaskView, receipts: Sequence[Receipt]) -> list[str]:
    """List the newest deliveries, receipts and earlier answers."""
    found = {
        "Deliveries": [_delivery_line(row) for row in view.deliveries[-_SHOWN_DELIVERIES:]],
        "Receipts": [_receipt_line(one) for one in receipts[-_SHOWN_RECEIPTS:]],
        "Earlier answers": [_answer_line(row) for row in view.answers[:-1][-_SHOWN_ANSWERS:]],
    }
    return ["\n".join([f"**{head}**", *lines]) for head, lines in found.items() if lines]


def _shows_anything(png: bytes) -> bool:
    """Tell whether a picture is more than an even ground, masked or not: such pixels have few different bytes."""
    data, at = b"", 8
    while at + 8 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        data += png[at + 8 : end] if png[at + 4 : at + 8] == b"IDAT" else b""
        at = end + 4
    return bool(png) and (not data or len(set(zlib.decompress(data))) > _EVEN_BYTES)


def news(
    notice: Notice, view: TaskView, *, message: Message | None, marker: Marker, knows_reply: bool = False
) -> Parts:
    """Build a message of the task's thread: an answer, an end with its answer, a halt, a late answer, a report. Its
    reader `knows_reply`, the button, or gets a hint."""
    task, lines, files = view.task, of_task(notice, view, FORM, message), tuple[Attachment, ...]()
    buttons = _news_buttons(notice, view)
    if message is not None:
        file = f"{task.id}-{'late' if notice.kind is NoticeKind.LATE else 'answer'}.md"
        answer, files = quoted_answer(message, file)
        lines.insert(1, answer)
    is_done = notice.kind is NoticeKind.ENDED and task.state is TaskState.DONE and task.is_whole
    lines += [f"{FORM.small}{REPLY_HINT}"] if is_done and message is not None and not knows_reply else []
    is_view = bool(buttons) or notice.kind in OFFERING
    text, wakes = (
        cut("\n".join(lines), (LAYOUT_LIMIT if is_view else CONTENT_LIMIT) - _MARGIN),
        _wakes(notice, task, message),
    )
    return written(text, marker, wakes=wakes, files=files, buttons=buttons, is_view=is_view)


def parts(view: TaskView, threads: Mapping[str, str], *, server: str, marker: Marker) -> Parts:
    """Show what the agent of a task gave to others: a line for each part, with a link to its thread."""
    lines = list[str]()
    for part in view.parts:
        row = [f"{STATES[part.state][1]} **{part.id}**", inline(part.title, 100), inline(part.agent or "", 60)]
        thread = threads.get(part.id, "")
        lines.append(" · ".join(filter(None, row)) + (f" {link('Open', server, thread)}" if thread and server else ""))
    return written("\n".join(fitting(lines, CONTENT_LIMIT - _MARGIN)), marker)


def _news_buttons(notice: Notice, view: TaskView) -> list[Button]:
    task, detail = view.task, notice.detail
    is_done = task.state is TaskState.DONE
    match notice.kind:
        case NoticeKind.ENDED if is_done:
            reply = [TellAgent(task.id)] if task.is_whole else []
            return [*reply, RunAgain(task.id), *([MarkWrong(task.id)] if task.wrong is None else [])]
        case NoticeKind.ENDED if task.state in ENDED:
            return [RunAgain(task.id, label="Retry")]
        case NoticeKind.ANSWER if (is_done and task.is_whole) or task.state not in ENDED:
            return [TellAgent(task.id)]
        case NoticeKind.PROGRESS if task.state in STOPPABLE:
            return [TellAgent(task.id), FollowWindow(task.id)]
        case NoticeKind.REPORT if isinstance(detail, UserAct) and detail.act in STOPS and view.left_with:
            return [StopTask(task.id)]
        case NoticeKind.HELD if task.reason == ParkCause.INTERRUPTED and task.state is TaskState.PARKED:
            tell = TellAgent(task.id, label="Tell it something")
            return [RunAgain(task.id, label="Retry"), CancelTask(task.id), tell]
        case NoticeKind.HELD if task.reason in BY_CHECKS and task.state is TaskState.PARKED:
            return [AcceptWork(task.id), RunAgain(task.id, label="Retry"), CancelTask(task.id)]
        case NoticeKind.HELD if task.reason == BlockCause.QUESTION:
            return [TellAgent(task.id, label="Answer"), CancelTask(task.id)]
        case _:
            return []


def _wakes(notice: Notice, task: Task, message: Message | None) -> int | None:
    """Return the requester if the news wakes them: an end by others, a halt, or an answer unlike one that was read."""
    is_part_done = task.state is TaskState.DONE and task.parent is not None
    is_theirs = isinstance(notice.detail, UserAct) and notice.detail.by == task.requester
    if is_part_done or is_theirs:  # the end of the whole wakes the user
        return None
    is_news = notice.kind in {NoticeKind.ENDED, NoticeKind.HELD} or (
        notice.kind is NoticeKind.ANSWER and message is not None and message.supersedes is not None
    )
    return person_id(task.requester) if is_news else None


def idle(notice: Notice, view: TaskView, marker: Marker) -> Parts:
    """Build the message that an agent at work looks idle; its buttons go when that is over."""
    is_over = notice.detail is not None or view.task.idle_ms is None
    colour, buttons = (GREY, []) if is_over else (AMBER, idle_buttons(view.task.id))
    wakes = person_id(view.task.requester)
    text = "\n".join(news_of.idle(notice, view, FORM))
    return framed(text, marker, colour=colour, wakes=wakes, buttons=buttons)


def of_its_own(notice: Notice, marker: Marker) -> Parts:
    """Build a message about no task, message or window; for a new owner with example tasks to press."""
    text = "\n".join(alone(notice, FORM))
    if notice.kind is NoticeKind.WELCOME:
        return framed(text, marker, colour=BLUE, buttons=[TryExample(one) for one in range(len(EXAMPLES))])
    return written(text, marker, wakes=person_id(notice.subject) if notice.kind is NoticeKind.DIGEST else None)


def thread_name(task: Task) -> str:
    return plain(f"{task.id} · {task.title}", NAME_LIMIT)


def mask(prompt: str) -> str:
    return _CODE.sub(r"\1••••", prompt)


def person_id(actor: str) -> int | None:
    """Return the Discord user of an actor's id; None for any other actor."""
    kind, _, number = actor.partition(":")
    return int(number) if kind == "discord" and number.isascii() and number.isdigit() else None


def named(actor: str) -> str:
    return who(actor, FORM)


def is_dry_run(task: Task) -> bool:
    """Tell whether the task waits after a dry run: Octet rendered its prompt and typed it nowhere."""
    return task.state is TaskState.WAITING and task.reason == WaitReason.DRY_RUN


_UNVERIFIED: dict[AnyReason | None, str] = {
    Reason.READ_IN_WINDOW: "Done, as read in its agent's window (unverified)",
    Reason.ENDED_TURN: "Done, by the last message of its agent's turn (unverified)",
}


def state_words(task: Task) -> str:
    """Say the task's state, and whose it is, for a list."""
    return " · ".join(_state(task))


def _state(task: Task, *, is_starting: bool = False) -> list[str]:
    _, sign, words = STATES[TaskState.ASSIGNED if is_starting else task.state]
    if task.proof is not None and task.state is TaskState.DONE:
        sign, words = PROOFS[task.proof]
    if is_dry_run(task):
        sign, words = "⚪", "Sent (dry run): Octet typed nothing"
    if task.idle_ms is not None:
        sign, words = "🟠", "Looks idle, no answer yet"
    if task.reason is WaitReason.PICK:
        sign, words = "🟠", "Waits for a choice"
    if task.is_unverified:
        words = _UNVERIFIED[task.cause]
    if task.state is TaskState.READY and not is_starting:
        agent = task.wanted or "for the next idle agent"
    else:
        agent = task.agent or (task.wanted if task.state not in ENDED else None)
    return [f"{sign} **{words}**", *([inline(agent, 60)] if agent else [])]


def _parts(view: TaskView) -> str:
    """Show the state of each part; of the best of several also how each answer begins, until the user picks one."""
    lines: list[str] = []
    for part in view.parts[:_SHOWN_PARTS]:
        _, sign, words = STATES[part.state]
        facts = [f"{sign} **{part.id}** {words}", inline(part.agent or part.title, 60)]
        if part.is_chosen is not None:
            facts.append("chosen" if part.is_chosen else "not chosen")
        lines.append(" · ".join(facts))
        if part.answer and view.task.state not in ENDED:
            lines.append(quote(cut(part.answer.strip(), _FIRST_WORDS), 2 * _FIRST_WORDS))
    if left := len(view.parts) - _SHOWN_PARTS:
        lines += [f"… and {left} more parts"] * (left > 0)
    return "\n".join(lines)


def _head(view: TaskView, owner: str) -> list[str]:
    """Return the state, the title with what Octet knows, and small print: the number, and what is unusual."""
    task = view.task
    facts = [" · ".join([*_state(task, is_starting=view.is_starting), f"<t:{task.changed_ms // 1000}:R>"])]
    if task.idle_ms is not None:
        facts.append(f"-# {idle_since(task, FORM)}")
    if view.held_up_by:
        facts.append(f"Held up: {held_up(view.held_up_by, FORM)}. See `/fleet needs-me`.")
    waits = parts_awaited(view)
    if task.reason and not is_dry_run(task):
        facts.append(waits or f"Reason: {sentence(task.reason)}")
    if not is_dry_run(task):
        facts += FORM.note(task, 300)
    if task.cure and not waits and not is_dry_run(task):
        facts.append(f"➜ {task.cure}")
    if task.last_seen_ms is not None and task.state not in ENDED:
        sign = inline(task.last_sign, PROGRESS.most)
        facts.append(f"> {sign}" if task.progress else f"Last sign <t:{task.last_seen_ms // 1000}:t>: {sign}")
    if task.wrong is not None:
        facts.append(f"**Marked as wrong**{f': {inline(task.wrong, PROGRESS.most)}' if task.wrong else ''}")
    return ["\n".join(facts), f"### {inline(task.title, 200)}", f"-# {' · '.join(_small(view, owner))}"]


def _small(view: TaskView, owner: str) -> list[str]:
    task, small = view.task, [str(view.task.id), f"<t:{view.task.created_ms // 1000}:f>"]
    if task.priority != USUAL_PRIORITY:
        small.append(priority_words(task.priority))
    if task.requester != owner:
        small.append(f"asked by {named(task.requester) if task.requester else inline(task.requester_name, 60)}")
    if task.again_of:
        small.append(f"again, after {task.again_of}")
    if view.after and task.state not in ENDED:
        small.append(f"after {cut(', '.join(one.needs for one in view.after), 100)}")
    if task.parent:
        small.append(f"part of {task.parent}" + {None: "", True: " (chosen)", False: " (not chosen)"}[task.is_chosen])
    if task.labels:
        small.append(f"labels: {inline(', '.join(sorted(task.labels)), 200)}")
    if task.due_ms:
        small.append(f"due <t:{task.due_ms // 1000}:F>")
    if task.not_before_ms and task.has_not_begun:
        small.append(f"not before <t:{task.not_before_ms // 1000}:F>")
    if task.needs:
        small.append(f"needs {inline(', '.join(sorted(task.needs)), 200)}")
    return small


def priority_words(priority: int) -> str:
    return f"P{priority}, {PRIORITIES[priority]}" if 0 <= priority < len(PRIORITIES) else f"P{priority}"


def _layout(
    blocks: list[str],
    files: list[Attachment],
    *,
    colour: int,
    marker: Marker | None = None,
    buttons: Sequence[Button] = (),
) -> Parts:
    room, shown = LAYOUT_LIMIT - _MARGIN, list[str]()
    for block in blocks:
        if part := cut(block, room):
            shown.append(part)
            room -= size(part)
    items = [ui.File[ui.LayoutView](f"attachment://{file.name}") for file in files]
    view = boxed(shown, colour=colour, items=items, buttons=buttons, marker=marker)
    return Parts(view=view, attachments=tuple(files))


def quoted_answer(message: Message, name: str) -> tuple[str, tuple[Attachment, ...]]:
    """Quote what an agent says, with its evidence; what is long is also attached, under names like this one."""
    evidence, files = _evidence(message, name)
    body, more = quoted(text_for_people(message.body, message.expired_ms), name, _ANSWER_CHARS - size(evidence))
    return "\n".join(filter(None, (body, evidence))), (*more, *files)


def _evidence(message: Message, name: str) -> tuple[str, tuple[Attachment, ...]]:
    lines = [f"> {inline(one.line, _EVIDENCE_CHARS // 2)}" for one in message.evidence]
    if not lines:
        return "", ()
    shown, files = fitting(lines, _EVIDENCE_CHARS), tuple[Attachment, ...]()
    whole = "".join(f"{one.line}\n" for one in message.evidence)
    if len(shown) < len(lines) or len(whole) > _EVIDENCE_CHARS // 2:
        files = (Attachment(name=f"{name.rpartition('.')[0]}-evidence.txt", data=whole.encode(errors="replace")),)
    return "\n".join([UNCHECKED, *shown]), files


def quoted(text: str, name: str, room: int = _ANSWER_CHARS) -> tuple[str, tuple[Attachment, ...]]:
    """Quote an agent's text; a long one is also attached as a file of this name."""
    body = quote(text, 2 * _ANSWER_CHARS)
    if len(text) <= room and size(body) <= room:
        return body, ()
    body = f"{quote(text, 900)}\n-# The whole answer is attached ({len(text)} characters)."
    return body, (Attachment(name=name, data=text.encode(errors="replace")),)


def _speaker(message: Message) -> str:
    name = message.sender.partition(":")[2] or message.sender
    person = person_id(name)
    return f"<@{person}>" if person else inline(name, 60)


def _delivery_line(row: Delivery) -> str:
    why = f" ({sentence(row.reason)})" if row.reason else ""
    sure = f", {row.assurance.value}" if row.assurance else ""
    bounced = f", bounced {row.bounces}×" if row.bounces else ""
    part = f"{row.share.words} " if row.share.words else ""
    return f"<t:{row.changed_ms // 1000}:T> {inline(row.agent, 60)}: {part}{row.state.value}{sure}{why}{bounced}"


def _receipt_line(row: Receipt) -> str:
    when = f"<t:{row.at_ms // 1000}:T> {inline(row.delivery.agent, 60)}"
    return f"{when}: {inline(row.line, 200)}\n-# {inline(row.claim, 300)}"


def _answer_head(row: Message) -> str:
    late = " (late)" if row.late else ""
    if row.source is Source.WINDOW:
        late = " (read in its window, unverified)" if row.final else " (read in its window, partial)"
    elif row.source is Source.ACP:
        late = " (the last message of its turn, by ACP, unverified)"
    elif row.source is Source.MODEL:
        late = f" (the model's own answer{', late' if row.late else ''})"
    return f"<t:{row.created_ms // 1000}:T> {_speaker(row)}{late}:"


def _answer_line(row: Message) -> str:
    return f"{_answer_head(row)}\n> {inline(text_for_people(row.body, row.expired_ms), 120)}"
