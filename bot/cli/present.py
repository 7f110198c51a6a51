"""How each type of result is shown on the command line: one table, and another of the results that exit with 1."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from bot.cli.operator import printable, table
from bot.verbs.lists import Page
from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView
from core.agents.model import AgentStatus
from core.deliveries.model import Delivery, DeliveryState
from core.desks.model import DeskStatus, LearnedFact
from core.fleet.model import AtWork, Board, Need, Needs, Wellness
from core.kit.clock import as_datetime
from core.maintenance.model import Ailment, Diagnosis, Placed, Reloaded, Tried
from core.messages.model import Message, Source, text_for_people
from core.receipts.model import Receipt
from core.remedies import explain, next_step, sentence
from core.tasks.model import Task, TaskView

# Tasks


def _task(task: Task) -> str:
    return f"{task.id} is {_state(task)}: {printable(task.title)}"


def _task_row(task: Task) -> tuple[str, ...]:
    return task.id, _state(task), f"P{task.priority}", task.agent or task.wanted or "-", task.title


def _state(row: Task | AgentStatus) -> str:
    why = (row.note if isinstance(row, AgentStatus) else "") or sentence(row.reason)
    return f"{row.state} ({printable(why)})" if why else row.state.value


def _view(view: TaskView) -> str:
    task = view.task
    asked = f"asked by {printable(task.requester_name)} at {_time(task.created_ms)}"
    agent = task.agent or "none yet"
    lines = [_task(task), f"priority {task.priority} · agent {agent} · attempt {task.attempt} · {asked}"]
    if note := explain(task.cause, task.note):
        lines.append(printable(note))
    if task.cure:
        lines.append(f"what to do: {printable(task.cure)}")
    if task.last_seen_ms is not None:
        lines.append(f"last sign of its agent {_time(task.last_seen_ms)}: {printable(task.last_sign)}")
    lines += ["", "Brief:", _indented(text_for_people(task.brief, task.text_expired_ms))]
    if view.prompt:
        lines += ["", "Prompt:", _indented(view.prompt)]
    for delivery in view.deliveries:
        where = f"{delivery.desk}/{delivery.window}" if delivery.window else "no window"
        lines.append(f"\nDelivery to {delivery.agent} ({where}): {_progress(delivery, ' · ')}")
    for answer in view.answers:
        text = text_for_people(answer.body, answer.expired_ms)
        lines += ["", f"{answer.sender} ({_how(answer)}):", _indented(text)]
    return "\n".join(lines)


def _how(answer: Message) -> str:
    if answer.late:
        return "late"
    if answer.source is Source.WINDOW:
        return "read in its window, unverified" if answer.final else "read in its window, unverified and partial"
    return "done, reported and not checked" if answer.final else "reply"


def _progress(delivery: Delivery, between: str = ": ") -> str:
    why = between.join(part for part in (sentence(delivery.reason), delivery.assurance or "", delivery.note) if part)
    how = " ".join(filter(None, (delivery.share.words, delivery.state)))
    return f"{how} ({printable(why)})" if why else how


# Messages and deliveries


def _words(view: AgentMessageView) -> str:
    said = view.message
    about = f" about {said.task}" if said.task else ""
    lines = [f"{said.id} from {printable(said.sender_name)}{about}:"]
    lines += [f"  {printable(one.agent)}: {_progress(one)}" for one in view.deliveries]
    lines += [f"  {printable(name)}: left out: {printable(why)}" for name, why in view.left_out]
    return "\n".join([*lines, "", printable(text_for_people(said.body, said.expired_ms), keep_lines=True)])


def _delivery(one: Delivery) -> str:
    return f"{one.task or one.id} to {printable(one.agent)} is {_progress(one)}"


def _delivery_row(one: Delivery) -> tuple[str, ...]:
    window = f"{one.desk}/{one.window}" if one.window else "-"
    return one.task or "-", one.agent, window, one.id, one.note or sentence(one.reason)


def receipt(one: Receipt) -> str:
    """Say what one receipt holds."""
    what = f"Delivery {one.delivery.id}, attempt {one.fence}, to {printable(one.delivery.agent)}"
    about = f" for {one.delivery.task}" if one.delivery.task else ""
    verdict = f"{one.state}{f' ({one.assurance})' if one.assurance else ''}"
    lines = [f"{what}{about}: {verdict} at {as_datetime(one.at_ms):%Y-%m-%d %H:%M:%S} UTC", f"  {one.claim}"]
    seen = f"Seen: {printable(one.note)}" if one.note else ""
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


# Agents


def _agent(row: AgentStatus) -> str:
    agent = row.agent
    window = f", window {agent.desk}/{agent.window}" if agent.window else ""
    lines = [
        f"{printable(agent.name)} is {_state(row)}: {printable(agent.role)}",
        f"can {', '.join(sorted(agent.capabilities)) or 'nothing in particular'}",
        f"lane {agent.lane}{window}",
        f"task {row.task or 'none'}",
    ]
    return "\n".join([*lines, *([f"what to do: {row.cure}"] if row.cure else [])])


def _agent_row(row: AgentStatus) -> tuple[str, ...]:
    agent = row.agent
    place = f"{agent.desk}/{agent.window}" if agent.window else agent.lane.value
    return agent.name, _state(row), row.task or "-", place, agent.role


def _pressed(pressed: ActionResult) -> str:
    said = pressed.delivery
    what = {
        DeliveryState.DELIVERED: f"{pressed.act} was pressed for {pressed.agent}",
        DeliveryState.UNKNOWN: f"it is not known whether {pressed.act} was pressed for {pressed.agent}; Octet does not "
        "press it again",
    }.get(pressed.state, f"nothing was pressed for {pressed.agent}: {sentence(said.reason)}")
    seen = [f"seen: {printable(said.note)}"] if said.note else []
    may_show = pressed.state in {DeliveryState.DELIVERED, DeliveryState.UNKNOWN}
    look = [f"its window afterwards: octet receipt {said.id} --pictures DIR"] if may_show else []
    return "\n".join([what, *seen, *look])


# Desks


def _desk(row: DeskStatus) -> str:
    why = f": {printable(explain(row.reason, row.note))}" if row.reason else ""
    windows = [
        (f"  {one.name}", "usable" if one.usable else explain(one.reason, one.note) or "not usable")
        for one in row.windows
    ]
    lines = [f"{printable(row.desk.name)} ({printable(row.desk.display)}) is {row.state}{why}"]
    lines += [table(windows)] if windows else []
    lines += [
        f"  {one.window}: learned {one.what.words} on {time.strftime('%d %b, %H:%M', time.localtime(one.at_ms / 1000))}"
        for one in row.learned
    ]
    lines += [f"  {printable(said)}" for said in (row.unread, row.awake) if said]
    return "\n".join(lines)


def _forgotten(facts: Iterable[LearnedFact]) -> str:
    gone = ", ".join(one.what.words for one in facts) or "what it could not read"
    return f"Octet forgot {gone} and restarted the desk's worker"


def _tried(row: Tried) -> str:
    again = f", at the {row.tries}. try" if row.tries > 1 else ""
    good = f"read back ({row.by}) and cleared in {row.took_ms:.0f} ms{again}" if row.is_good else ""
    return _checked(row, good)


def _placed(row: Placed) -> str:
    done = f"{printable(', '.join(row.done))}; " if row.done else ""
    return _checked(row, f"{done}stands at its place" if row.is_right else "", done)


def _checked(row: Tried | Placed, good: str, done: str = "") -> str:
    whose = printable(f"{row.desk} {row.window}" + (f" ({row.agent})" if row.agent else ""))
    return f"ok       {whose}: {good}" if good else f"problem  {whose}: {done}{_why(row)}"


def _why(row: Tried | Placed | Ailment) -> str:
    return f"{printable(explain(row.reason, row.note))}\n         → {next_step(row.reason)}"


def _diagnosis(row: Diagnosis) -> str:
    head = f"{printable(row.desk)} is {row.state}, {row.windows} windows looked at"
    lines = [head if row.ailments else f"{head}: all is well"]
    for one in row.ailments:
        whose = printable(one.agent or one.window)
        level = "problem" if one.stops else "warning"
        lines.append(f"{level:<8} {f'{whose}: ' if whose else ''}{_why(one)}")
    return "\n".join(lines)


def _reloaded(what: Reloaded) -> str:
    parts = {
        "agents that are new or different": [name for name in what.agents if name not in what.gone],
        "agents that are gone": what.gone,
        "desks whose workers begin anew": what.desks,
        "needs a restart of Octet to count": what.restart,
    }
    lines = [f"{said}: {printable(', '.join(names))}" for said, names in parts.items() if names]
    return "\n".join(lines) or "nothing in config/ differs from what Octet works by"


# The fleet


def _needs(found: Needs) -> str:
    if not found.total:
        return "Nothing needs a person."
    left = found.total - len(found.shown)
    return "\n\n".join([*map(_need, found.shown), *([f"… and {left} more; --limit shows more"] if left else [])])


def _need(need: Need) -> str:
    more = f" and {need.more} more" if need.more else ""
    who = f"{need.task}{more} ({printable(need.title)})" if need.task else ""
    agent = f"agent {need.agent}" if need.agent else ""
    when = f"since {_ago(need.since_ms)}" if need.since_ms else ""
    head = ", ".join(part for part in (who, agent, when) if part)
    lines = [
        f"{printable(need.what)[:1].upper()}{printable(need.what)[1:]}",
        head,
        printable(need.seen),
        f"-> {printable(need.next)}",
    ]
    return "\n  ".join(line for line in lines if line)


def _board(now: Board) -> str:
    agents = table([_at_work(one) for one in now.agents]) if now.agents else "no agents; config/agents.toml names them"
    counts = ", ".join(f"{number} {state}" for state, number in now.tasks.items() if number)
    lines = [agents, f"tasks: {counts or 'none yet'}"]
    if now.queue:
        lines.append("next: " + ", ".join(f"{one.id} ({printable(one.title)}, P{one.priority})" for one in now.queue))
    lines += [
        f"desk {one.desk.name}: {one.state}{f' ({printable(explain(one.reason, one.note))})' if one.reason else ''}"
        for one in now.desks
    ]
    needs = "1 thing needs" if now.needs == 1 else f"{now.needs} things need" if now.needs else "nothing needs"
    return "\n".join([*lines, f"{needs} a person" + (": octet fleet needs-me" if now.needs else "")])


def _at_work(one: AtWork) -> tuple[str, ...]:
    status, task = one.status, one.task
    since = f"since {_ago(status.since_ms)}" if status.since_ms else ""
    heard = f", last sign {_ago(task.last_seen_ms)} ago" if task is not None and task.last_seen_ms is not None else ""
    doing = (
        f"{task.id} ({task.state}{heard}) {task.title}" if task is not None else status.note or sentence(status.reason)
    )
    return status.agent.name, status.state.replace("_", " "), since, doing or "-"


def _health(now: Wellness) -> str:
    lines = ["All is well." if now.is_well else "Not all is well."]
    for one in now.troubles:
        passing = "" if one.counts else ", which may pass by itself"
        lines += [f"{printable(one.what)} (for {_ago(one.since_ms)}{passing})", f"  -> {printable(one.next)}"]
    return "\n".join([*lines, _ping(now)])


def _ping(now: Wellness) -> str:
    ping = now.ping
    if not ping.is_wanted:
        return "Nobody is pinged: OCTET_ALARM__PING_URL in .env names who should hear that all is well."
    last = f"{_ago(ping.last_ms)} ago" if ping.last_ms else "never yet"
    if ping.is_held_back:
        return f"The ping to {ping.where} is held back until all is well; it went out last {last}."
    if ping.note:
        return f"The ping to {ping.where} is not taken: {ping.note} (for {_ago(ping.failing_since_ms)}; last {last})."
    return f"The ping to {ping.where} was taken {last}."


# Forms


def _page(row: Callable[[Any], tuple[str, ...]], empty: str) -> Callable[[Page[Any]], str]:
    def shown(page: Page[Any]) -> str:
        more = f"\nmore: add --cursor {page.next}" if page.next else ""
        return table([row(one) for one in page.items]) + more if page.items else empty

    return shown


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in printable(text, keep_lines=True).split("\n"))


def _time(ms: int) -> str:
    return f"{as_datetime(ms):%Y-%m-%d %H:%M} UTC"


def _ago(since_ms: int) -> str:
    """`3 min`: how long ago, for people."""
    seconds = max(0, time.time_ns() // 1_000_000 - since_ms) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _lines(one: Callable[[Any], str], empty: str = "") -> Callable[[Iterable[Any]], str]:
    return lambda rows: "\n".join(map(one, rows)) or empty


PRESENT: dict[Any, Callable[[Any], str]] = {
    Task: _task,
    Page[Task]: _page(_task_row, "no tasks"),
    TaskView: _view,
    AgentMessageView: _words,
    Delivery: _delivery,
    Page[Delivery]: _page(_delivery_row, "no delivery waits for a decision"),
    tuple[Receipt, ...]: lambda found: "\n\n".join(map(receipt, found)),
    AgentStatus: _agent,
    Page[AgentStatus]: _page(_agent_row, "no agents; config/agents.toml names them"),
    ActionResult: _pressed,
    tuple[DeskStatus, ...]: _lines(_desk, "no desks; config/desks describes them"),
    tuple[LearnedFact, ...]: _forgotten,
    tuple[Tried, ...]: _lines(_tried),
    tuple[Placed, ...]: _lines(_placed),
    tuple[Diagnosis, ...]: _lines(_diagnosis, "no desks; config/desks describes them"),
    Reloaded: _reloaded,
    Needs: _needs,
    Board: _board,
    Wellness: _health,
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
