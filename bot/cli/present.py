"""One table of how the command line shows each type of result, and one of the results that exit with 1."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bot.cli.operator import printable, table
from bot.verbs import results
from bot.verbs.results import TASK_STATES, state_words
from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView
from core.agents.model import AgentStatus
from core.deliveries.model import Delivery, DeliveryState
from core.fleet.model import AtWork, Board, Need, Needs, Overview, Wellness
from core.journal.model import JournalRow
from core.kit.clock import as_datetime
from core.kit.filters import Page
from core.maintenance.model import Diagnosis, Placed, Tried
from core.messages.model import Message, Source, text_for_people
from core.reasons import Reason
from core.receipts.model import Receipt
from core.remedies import explain, sentence
from core.tasks.model import ENDED, Export, Imported, Task, TaskView

_CELL = 60  # so many characters of a cell keep a row on one line
_NO_AGENTS = "no agents; add one in config/agents.toml"


def _task(task: Task) -> str:
    return f"{task.id} · {_state(task)} · {printable(task.title)}"


def _new_task(task: Task) -> str:
    return f"{_task(task)}\nIts answer: octet task show {task.id}"


def _task_row(task: Task) -> tuple[str, ...]:
    return (
        task.id,
        state_words(task),
        f"P{task.priority}",
        task.agent or task.wanted or "-",
        task.title,
    )


def _state(row: Task) -> str:
    why = sentence(row.reason if row.idle_ms is None else Reason.LOOKS_IDLE)
    words = state_words(row)
    return f"{words} ({printable(why)})" if why else words


def _view(view: TaskView) -> str:
    task = view.task
    asked = f"asked by {printable(task.requester_name)} at {time_of(task.created_ms)}"
    agent = task.agent or (f"none yet, only {task.wanted}" if task.wanted else "none yet")
    lines = [_task(task), f"priority {task.priority} · agent {agent} · attempt {task.attempt} · {asked}"]
    if note := explain(task.cause, task.note):
        lines.append(printable(note))
    if then := results.parts_awaited(view) or (f"Next: {printable(task.cure)}" if task.cure else ""):
        lines.append(then)
    if view.held_up_by:
        lines.append(f"Held up: {results.held_up(view.held_up_by, FORM)}. See `octet fleet needs-me`.")
    if task.choice is not None:
        lines.append(f"chosen: {task.choice.short}")
    if task.last_seen_ms is not None:
        lines.append(f"last sign of its agent {time_of(task.last_seen_ms)}: {printable(task.last_sign)}")
    if links := _links(view):
        lines.append(" · ".join(links))
    if task.wrong is not None:
        lines.append(f"marked as wrong{f': {printable(task.wrong)}' if task.wrong else ''}")
    lines += [f"attempt by {results.attempt(one, FORM)}" for one in view.attempts]
    for part in view.parts:
        chosen = {None: "", True: " (chosen)", False: " (not chosen)"}[part.is_chosen]
        lines.append(f"part {part.id} · {TASK_STATES[part.state][1]}{chosen} · {printable(part.agent or part.title)}")
        lines += [_indented(part.answer)] * bool(part.answer)
    lines += ["", "Brief:", _indented(text_for_people(task.brief, task.text_expired_ms))]
    lines += [printable(one.line) for one in task.attachments]
    if view.prompt and task.state not in ENDED:
        lines += ["", "Prompt:", _indented(view.prompt)]
    for delivery in view.deliveries:
        where = f"{delivery.desk}/{delivery.window}" if delivery.window else "no window"
        lines.append(f"\nDelivery to {delivery.agent} ({where}): {_progress(delivery, ' · ')}")
    for answer in view.answers:
        text = text_for_people(answer.body, answer.expired_ms)
        lines += ["", f"{answer.sender.removeprefix('agent:')} ({_how(answer)}):", _indented(text)]
        lines += [_UNCHECKED] * bool(answer.evidence) + [f"  {printable(one.line)}" for one in answer.evidence]
    return "\n".join(lines)


_UNCHECKED = "Evidence (reported by the agent, not checked):"


def _links(view: TaskView) -> list[str]:
    task, found = view.task, [f"after {one.needs} ({TASK_STATES[one.state][1]})" for one in view.after]
    found += [f"part of {task.parent}"] if task.parent else []
    found += [f"labels {printable(', '.join(sorted(task.labels)))}"] if task.labels else []
    found += [f"due {time_of(task.due_ms)}"] if task.due_ms else []
    return found + ([f"not before {time_of(task.not_before_ms)}"] if task.not_before_ms else [])


def _how(answer: Message) -> str:
    if answer.late:
        return "late"
    if answer.source is Source.WINDOW:
        return "read in its window, unverified" if answer.final else "read in its window, unverified and partial"
    if answer.source is Source.ACP:
        return "the last message of its turn, by ACP, unverified"
    return "done, not checked" if answer.final else "reply"


def _progress(delivery: Delivery, between: str = ": ") -> str:
    why = between.join(part for part in (sentence(delivery.reason), delivery.assurance or "", delivery.note) if part)
    how = " ".join(filter(None, (delivery.share.words, delivery.state)))
    return f"{how} ({printable(why)})" if why else how


def _message(view: AgentMessageView) -> str:
    message = view.message
    about = f" about {message.task}" if message.task else ""
    lines = [f"{message.id} from {printable(message.sender_name)}{about}:"]
    lines += [f"  {printable(one.agent)}: {_progress(one)}" for one in view.deliveries]
    lines += [f"  {printable(view.continues)} continues {message.task}"] if view.continues else []
    lines += [f"  {printable(one.agent)}: left out: {printable(one.why)}" for one in view.left_out]
    return "\n".join([*lines, "", printable(text_for_people(message.body, message.expired_ms), keep_lines=True)])


def _delivery(one: Delivery) -> str:
    return f"{one.task or one.id} to {printable(one.agent)} is {_progress(one)}"


def _delivery_row(one: Delivery) -> tuple[str, ...]:
    window = f"{one.desk}/{one.window}" if one.window else "-"
    return one.task or "-", one.agent, window, one.id, one.note or sentence(one.reason)


def receipt(one: Receipt) -> str:
    what = f"Delivery {one.delivery.id}, attempt {one.fence}, to {printable(one.delivery.agent)}"
    about = f" for {one.delivery.task}" if one.delivery.task else ""
    verdict = f"{one.state}{f' ({one.assurance})' if one.assurance else ''}"
    lines = [f"{what}{about}: {verdict} at {as_datetime(one.at_ms):%Y-%m-%d %H:%M:%S} UTC", f"  {one.claim}"]
    seen = f"Octet saw: {printable(one.note)}" if one.note else ""
    lines += [f"  {part}" for part in (one.before_enter, seen) if part]
    lines.append(f"  sha256 of the text asked for: {one.sha256}")
    if one.timings_ms:
        timings = " · ".join(f"{name} {value:g}" for name, value in one.timings_ms.items())
        lines.append(f"  {timings} (ms; grabs, requests: how many)")
    lines += [f"  {line}" for line in _evidence(one)]
    lines += [f"  picture {shot.name}: {shot.shows}" for shot in one.pictures] or ["  no pictures"]
    return "\n".join(lines)


def _evidence(one: Receipt) -> list[str]:
    if one.evidence is None:
        return []
    lines = [f"sha256 of the text read: {one.evidence.sha256}"] if one.evidence.sha256 else []
    if (target := one.evidence.target) is not None:
        lines.append(
            f"window {printable(one.delivery.window or '-')} of desk {printable(one.delivery.desk or '-')}: "
            f"class {printable(target.kind)}, id {target.id}, at {list(target.place)}, "
            f"sha256 of its title {target.title_sha256[:16]}…"
        )
    if (hand := one.evidence.hand) is not None:
        path = f" ({hand.path})" if hand.path else ""
        lines.append(f"typed by process {hand.pid} on host {hand.host}, Octet {hand.version}{path}")
    return lines


def _message_row(one: Message) -> tuple[str, ...]:
    begin = " ".join(text_for_people(one.body, one.expired_ms).split())
    return f"M-{one.id}", time_of(one.created_ms), one.kind, one.sender, one.recipient, one.task or "-", begin


def _journal_row(row: JournalRow) -> tuple[str, ...]:
    return str(row.seq), time_of(row.at_ms), row.name, row.subject, row.actor


def _agent_row(row: AgentStatus) -> tuple[str, ...]:
    agent = row.agent
    place = f"{agent.desk}/{agent.window}" if agent.window else agent.lane.value
    return agent.name, results.AGENT_STATES[row.state][1], row.task or "-", place, agent.about


def _pressed(pressed: ActionResult) -> str:
    lines = results.pressed_lines(pressed, FORM)
    if pressed.state in {DeliveryState.DELIVERED, DeliveryState.UNKNOWN}:
        lines.append(f"its window afterwards: octet receipt {pressed.delivery.id} --pictures DIR")
    return "\n".join(lines)


def _needs(found: Needs) -> str:
    if not found.total:
        return "Nothing needs you right now."
    left = found.total - len(found.shown)
    return "\n\n".join([*map(need, found.shown), *([f"… and {left} more; --limit shows more"] if left else [])])


def need(one: Need) -> str:
    return results.need(one, FORM, link=one.task or "its message")


def _board(now: Board) -> str:
    agents = [] if now.agents else [_NO_AGENTS]
    return "\n".join([*results.at_works(now, FORM), *agents, *_work(now)])


def _work(now: Board) -> list[str]:
    needs = "1 thing needs" if now.needs == 1 else f"{now.needs} things need" if now.needs else "nothing needs"
    more = ": octet fleet needs-me" if now.needs else ""
    return [*results.work(now, FORM), f"{needs} attention{more}"]


def at_work(one: AtWork) -> tuple[str, ...]:
    """Return the row of an agent without causes: its name, its state, since when, its task."""
    row, task = one.status, one.task
    since = ago(row.since_ms) if row.since_ms else "-"
    return row.agent.name, results.AGENT_STATES[row.state][1], since, f"{task.id} {task.title[:40]}" if task else "-"


def _overview(now: Overview) -> str:
    discord = {None: "off", True: "connected", False: "not connected"}[now.is_discord_connected]
    boards = f"live boards: {now.live_boards}" if now.live_boards else "no live board (`/fleet board` there adds one)"
    lines = [f"Discord: {discord}" + ("" if now.is_discord_connected is None else f" · {boards}")]
    lines += [f"problem {printable(one.what)} {one.next}" for one in now.troubles]
    agents = table([at_work(one) for one in now.board.agents]) if now.board.agents else _NO_AGENTS
    return "\n".join([*lines, "", agents, "", *_work(now.board), *(_indented(need(one)) for one in now.needs.shown)])


def _short(cell: str) -> str:
    return cell if len(cell) <= _CELL else f"{cell[: _CELL - 1]}…"


def _page(row: Callable[[Any], tuple[str, ...]], empty: str) -> Callable[[Page[Any]], str]:
    """Show one line for each row, without causes: `show` has these."""

    def shown(page: Page[Any]) -> str:
        more = f"\nmore: add --cursor {page.next}" if page.next else ""
        rows = [tuple(_short(cell) for cell in row(one)) for one in page.items]
        return table(rows) + more if page.items else empty

    return shown


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in printable(text, keep_lines=True).split("\n"))


def time_of(ms: int) -> str:
    return f"{as_datetime(ms):%Y-%m-%d %H:%M} UTC"


def ago(since_ms: int) -> str:
    seconds = max(0, time.time_ns() // 1_000_000 - since_ms) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _lines(kind: Any, result: Any) -> str:
    lines, empty = results.LINES[kind]
    return "\n".join(lines(result, FORM)) or empty


FORM = results.Form(
    text=lambda text, _: printable(text),
    strong=str,
    sign=lambda _: "",
    id="{} ".format,
    at=time_of,
    time=time_of,
    ago=lambda ms: f"{ago(ms)} ago",
    named=printable,
    code=str,
    small="  ",
    quote="  ",
    good="ok      ",
    bad="problem ",
    warning="warning ",
)
PRESENT: dict[Any, Callable[[Any], str]] = {
    **{kind: partial(_lines, kind) for kind in results.LINES},
    Task: _new_task,
    Page[Task]: _page(
        _task_row,
        "no open task matches; octet task new creates one, --state all shows ended ones",
    ),
    TaskView: _view,
    Export: lambda lines: lines.rstrip("\n"),
    Imported: lambda found: f"created {', '.join(found.tasks)}" if found.tasks else "no task is open",
    AgentMessageView: _message,
    Delivery: _delivery,
    Page[Delivery]: _page(_delivery_row, "no delivery waits for a decision"),
    tuple[Receipt, ...]: lambda found: "\n\n".join(map(receipt, found)),
    Page[Message]: _page(_message_row, "no message matches"),
    Page[JournalRow]: _page(_journal_row, "no row of the journal matches"),
    Page[AgentStatus]: _page(_agent_row, _NO_AGENTS),
    ActionResult: _pressed,
    Needs: _needs,
    Board: _board,
    Overview: _overview,
}
"""By the type that a verb returns."""
FAILED: dict[Any, Callable[[Any], bool]] = {
    ActionResult: lambda pressed: pressed.state is not DeliveryState.DELIVERED,
    tuple[Tried, ...]: lambda rows: not all(row.is_good for row in rows),
    tuple[Placed, ...]: lambda rows: not all(row.is_right for row in rows),
    tuple[Diagnosis, ...]: lambda rows: any(one.stops for row in rows for one in row.ailments),
    Wellness: lambda now: not now.is_well,
}
"""Which results make the command exit with 1."""
