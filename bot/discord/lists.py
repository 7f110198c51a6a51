"""Tasks, agents, desks and windows as lists for one reader. Pure: nothing here asks or sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bot.discord.render import priority_words, state_words
from bot.discord.text import CONTENT_LIMIT, inline, size
from core.agents.model import OFF_DUTY, AgentState, AgentStatus
from core.desks.model import DeskState, DeskStatus, LearnedFact
from core.fleet.model import Ping, Wellness
from core.maintenance.model import Ailment, Diagnosis, Placed, Reloaded, Tried
from core.remedies import explain, next_step, sentence
from core.tasks.model import Task

_ROOM = CONTENT_LIMIT - 100

AGENT_STATES: dict[AgentState, tuple[str, str]] = {
    AgentState.OFFLINE: ("⚪", "offline"),
    AgentState.IDLE: ("🟢", "free"),
    AgentState.BUSY: ("🔵", "busy"),
    AgentState.NEEDS_INPUT: ("🟠", "needs an answer"),
    AgentState.LIMITED: ("🟡", "at its limit"),
    AgentState.PAUSED: ("⏸️", "paused"),
    AgentState.DRAINING: ("⏳", "finishing, takes nothing new"),
    AgentState.HELD: ("🔴", "held"),
    AgentState.UNKNOWN: ("🔴", "unknown"),
}
"""Each state's sign and words. A sign is beside words always: a user need not know or see colours."""
DESK_STATES: dict[DeskState, tuple[str, str]] = {
    DeskState.STARTING: ("⏳", "starting"),
    DeskState.READY: ("🟢", "ready"),
    DeskState.HELD: ("⏸️", "on hold: starts nothing new"),
    DeskState.STOPPED: ("🔴", "stopped: presses no key"),
    DeskState.UNAVAILABLE: ("🔴", "not available"),
}
READ_BY = {
    "accessibility": "read back over the accessibility bus",
    "copy": "copied back and compared",
    "screen": "read back from the pane's screen",
    "placeholder": "shown by a sign that counted right; its text cannot be read back",
    "pixels": "seen to appear; its text cannot be read back",
    "none": "taken by its program; nothing shows what it did with it",
}


def agent(row: AgentStatus) -> str:
    """All that is known of one agent."""
    who = row.agent
    place = f"{inline(who.desk or '?', 60)}, window {inline(who.window or '?', 60)}"
    lines = [
        _agent_line(row),
        f"Role: {inline(who.role, 300)}",
        f"Can: {inline(', '.join(sorted(who.capabilities)) or 'nothing named', 600)}",
        f"Lane: {who.lane.value} · Desk: {place if who.desk or who.window else 'none'}",
    ]
    if row.cure:
        lines.append(f"What to do: {row.cure}")
    return fit(lines, empty="")


def desks(rows: Iterable[DeskStatus]) -> str:
    """Each desk with its windows."""
    lines: list[str] = []
    for row in rows:
        why = f" ({inline(explain(row.reason, row.note), 200)})" if row.reason else ""
        lines.append(f"**{inline(row.desk.name, 60)}**: {DESK_STATES[row.state][1]}{why}")
        for one in row.windows:
            why = inline(explain(one.reason, one.note) or "not looked at yet", 200)
            lines.append(f"- {inline(one.name, 60)}: {'usable' if one.usable else f'not usable: {why}'}")
        lines += [f"-# {inline(fact.window, 60)}: {learned(fact)}" for fact in row.learned]
        lines += [f"-# {inline(said, 400)}" for said in (row.unread, row.awake) if said]
    return fit(lines, empty="No desks. They are described in config/desks.")


def learned(fact: LearnedFact) -> str:
    """What Octet learned of a window, and when."""
    return f"learned {fact.what.words} on <t:{fact.at_ms // 1000}:f>"


def health(now: Wellness) -> str:
    """Whether all is well, what is not, and how the ping does."""
    lines = ["🟢 All is well." if now.is_well else "🔴 **Not all is well.**"]
    for one in now.troubles:
        passing = "" if one.counts else ", and may pass by itself"
        lines += [f"{inline(one.what, 300)} · <t:{one.since_ms // 1000}:R>{passing}", f"-# {one.next}"]
    return fit([*lines, _ping(now.ping)], empty="")


def _ping(ping: Ping) -> str:
    if not ping.is_wanted:
        return "-# Nobody is pinged: `OCTET_ALARM__PING_URL` in .env names who hears that all is well."
    last = f"<t:{ping.last_ms // 1000}:R>" if ping.last_ms else "never yet"
    place = inline(ping.where, 100)
    if ping.is_held_back:
        return f"The ping to {place} is held back until all is well; it went out last {last}."
    if ping.note:
        since = f"<t:{ping.failing_since_ms // 1000}:R>"
        return f"🟡 The ping to {place} is not taken: {inline(ping.note, 200)} (since {since}; last taken {last})."
    return f"The ping to {place} was taken {last}."


def _task_line(row: Task) -> str:
    return f"**{row.id}** {inline(row.title, 90)} · {state_words(row)} · {priority_words(row.priority)}"


def _agent_line(row: AgentStatus) -> str:
    still = ", still" if row.state in OFF_DUTY else ""
    doing = f"{still} with {inline(row.task, 20)}" if row.task else ""
    reason = row.note or sentence(row.reason)
    why = f" ({inline(reason, 200)})" if reason else ""
    since = f" · <t:{row.since_ms // 1000}:R>" if row.since_ms else ""
    name, state = inline(row.agent.name, 60), AGENT_STATES[row.state][1]
    return f"**{name}**: {state}{doing}{why}{since} · {inline(row.agent.role, 60)}"


def fit(lines: list[str], *, empty: str) -> str:
    """As many lines as one message takes, and how many are left out."""
    shown: list[str] = []
    room = _ROOM
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        shown.append(line)
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - len(shown)} more.")
    return "\n".join(shown) or empty


def diagnoses(rows: Iterable[Diagnosis]) -> str:
    """Each desk with what is wrong there, the cure behind it."""
    lines: list[str] = []
    for row in rows:
        seen = "1 window" if row.windows == 1 else f"{row.windows} windows"
        fine = f"{seen} looked at, all is well" if not row.ailments else f"{seen} looked at"
        lines.append(f"**{inline(row.desk, 60)}** ({DESK_STATES[row.state][1]}): {fine}")
        for one in row.ailments:
            whose = inline(one.agent or one.window, 60)
            mark = "✗" if one.stops else "!"
            lines.append(f"{mark} {f'{whose}: ' if whose else ''}{_why(one)}")
    return fit(lines, empty="No desks. They are described in config/desks.")


def reloaded(what: Reloaded) -> str:
    """What became different, and what only a restart takes over."""
    if what.is_nothing:
        return "Nothing in config/ differs from what Octet works by."
    is_at_work = bool(what.agents or what.desks)
    parts = {
        "Agents that are new or different: {}.": [name for name in what.agents if name not in what.gone],
        "Agents that are gone: {}. What waited for them waits for others, or says why.": [
            name for name in what.agents if name in what.gone
        ],
        "Desks whose workers begin anew: {}.": what.desks,
        "Needs a restart of Octet to count: {}.": what.restart,
    }
    lines = ["Octet works by the new config/ now." if is_at_work else "Nothing else in config/ differs."]
    lines += [said.format(", ".join(inline(one, 60) for one in names)) for said, names in parts.items() if names]
    return fit(lines, empty="")


def _why(row: Tried | Placed | Ailment) -> str:
    return f"{inline(explain(row.reason, row.note), 250)}\n-# → {next_step(row.reason)}"


def _tried(row: Tried) -> str:
    whose = f"**{inline(row.agent or row.window, 60)}**"
    if row.is_good:
        again = f", at the {row.tries}. try" if row.tries > 1 else ""
        return f"✓ {whose}: {READ_BY.get(row.by, inline(row.by, 40))} in {row.took_ms:.0f} ms{again}, then cleared"
    return f"✗ {whose}: {_why(row)}"


def _placed(row: Placed) -> str:
    whose, done = f"**{inline(row.agent or row.window, 60)}**", inline(", ".join(row.done), 250)
    if row.is_right:
        return f"✓ {whose}: {f'{done}; ' if done else ''}stands at its place"
    return f"✗ {whose}: {f'{done}; ' if done else ''}{_why(row)}"


def _each(line: Callable[[Any], str], *, empty: str) -> Callable[[Iterable[Any]], str]:
    return lambda rows: fit([line(row) for row in rows], empty=empty)


tasks = _each(_task_line, empty="No tasks. `/task new` makes one.")
agents = _each(_agent_line, empty="No agents. They are described in config/agents.toml.")
tried = _each(_tried, empty="There is no window to try out.")
placed = _each(_placed, empty="There is no window to arrange.")
