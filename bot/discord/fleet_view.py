"""The fleet at a glance: what needs a person, and the board, made to be read on a phone. Pure."""

from __future__ import annotations

from bot.discord.lists import AGENT_STATES, DESK_STATES
from bot.discord.parts import BLUE, GREEN, RED, Parts, boxed
from bot.discord.text import LAYOUT_LIMIT, cut, inline, seen, size
from bot.discord.views.buttons import RemoveBoard
from bot.discord.views.calibration import Recalibrate
from core.agents.model import AgentState
from core.desks.model import DeskStatus
from core.fleet.model import AtWork, Board, Need, NeedKind, Needs
from core.remedies import explain, sentence
from core.tasks.model import TaskState, TaskSummary

_MARGIN = 200  # characters kept free for what is added at the end, and for what Discord may count otherwise
_TAIL = 800  # of the board's room this much is for tasks and desks, however many agents there are
_BUTTONS = 5  # Discord takes no more in a row

_NEED_SIGNS: dict[NeedKind, str] = {
    NeedKind.STORE: "🔴",
    NeedKind.DELIVERY_UNKNOWN: "🔴",
    NeedKind.PARKED: "🔴",
    NeedKind.QUESTION: "🟠",
    NeedKind.NEEDS_ANSWER: "🟠",
    NeedKind.DESK: "🟠",
    NeedKind.WINDOW: "🟠",
    NeedKind.AGENT: "🟠",
    NeedKind.WAITING: "🟡",
    NeedKind.DRY_RUN: "⚪",
    NeedKind.UNTOLD: "🟡",
    NeedKind.ANSWER_REFUSED: "🟡",
    NeedKind.BOARD_GONE: "⚪",
}
_DOES: dict[TaskState, str] = {
    TaskState.ASSIGNED: "gets",
    TaskState.DELIVERING: "is being given",
    TaskState.WORKING: "works on",
    TaskState.REVIEW: "works on",
    TaskState.BLOCKED: "needs an answer for",
}
_COUNTED: tuple[tuple[str, frozenset[TaskState]], ...] = (
    (
        "under way",
        frozenset({TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.REVIEW}),
    ),
    ("need an answer", frozenset({TaskState.BLOCKED})),
    ("stopped", frozenset({TaskState.PARKED})),
    ("waiting", frozenset({TaskState.WAITING})),
    ("in the queue", frozenset({TaskState.READY})),
    ("done", frozenset({TaskState.DONE})),
    ("failed", frozenset({TaskState.FAILED, TaskState.EXPIRED})),
    ("cancelled", frozenset({TaskState.CANCELLED})),
)


def needs(found: Needs, *, guild: int | None) -> Parts:
    """What needs a person, for one reader, with links; as much as one message takes, and how much is left out."""
    if not found.total:
        return Parts(view=boxed(["### Nothing needs a person", "Everything goes on by itself."], colour=GREEN))
    number = "1 thing needs" if found.total == 1 else f"{found.total} things need"
    head = f"### {number} a person"
    room, shown = LAYOUT_LIMIT - _MARGIN - size(head), list[str]()
    for need in found.shown:
        block = _need(need, guild)
        room -= size(block) + 2
        if room < 0:
            break
        shown.append(block)
    if len(shown) < found.total:
        shown.append(f"… and {found.total - len(shown)} more. `octet fleet needs-me` shows a longer list.")
    buttons = [Recalibrate(need.desk, need.window) for need in found.shown if need.window and need.desk]
    return Parts(view=boxed([head, "\n\n".join(shown)], colour=RED, buttons=buttons[:_BUTTONS]))


def board(now: Board, *, marker: str) -> Parts:
    """The live board's message."""
    is_busy = any(one.status.state is AgentState.BUSY for one in now.agents)
    colour = RED if now.needs else BLUE if is_busy else GREEN
    # Discord keeps the time current: the message needs no edit for it.
    small = f"-# Updated <t:{now.at_ms // 1000}:R>\n-# {marker}"
    return Parts(view=boxed([*blocks(now), small], colour=colour, buttons=(RemoveBoard(),)))


def blocks(now: Board) -> list[str]:
    """What the board says, without the moment at which it says so: two that are equal need no edit."""
    number = "1 thing needs" if now.needs == 1 else f"{now.needs} things need"
    head = (
        f"### The fleet\n🔴 **{number} a person**: `/fleet needs-me`" if now.needs else "### The fleet\n🟢 All is well."
    )
    tail = "\n".join([*_work(now), *(_desk(one) for one in now.desks)])
    room, lines = LAYOUT_LIMIT - _MARGIN - _TAIL - size(head), list[str]()
    for one in now.agents:
        line = _agent(one)
        room -= size(line) + 1
        if room < 0:
            lines.append(f"… and {len(now.agents) - len(lines)} more: `/agent list`")
            break
        lines.append(line)
    return [head, "\n".join(lines) or "No agents.", cut(tail, _TAIL)]


def jump(guild: int | str, channel: str) -> str:
    """The address of a channel or thread in Discord."""
    return f"https://discord.com/channels/{guild}/{channel}"


def _need(need: Need, guild: int | None) -> str:
    since = f" · <t:{need.since_ms // 1000}:R>" if need.since_ms else ""
    more = f" and {need.more} more" if need.more else ""
    who = f"{_link(need, guild)}{more}" if need.task or need.posted_message else ""
    title = f" {inline(need.title, 80)}" if need.title and not need.more else ""
    what = inline(need.what, 200)
    if need.kind in {NeedKind.NEEDS_ANSWER, NeedKind.DESK, NeedKind.WINDOW, NeedKind.AGENT, NeedKind.UNTOLD}:
        said = f"**{what[:1].upper()}{what[1:]}**" + (f": {who}{title}" if who else "")
    elif who:
        said = f"**{who}**{title}\n{what}"
    else:
        said = f"**{what[:1].upper()}{what[1:]}**"
    if need.agent and need.kind is not NeedKind.AGENT and need.agent not in need.what:
        said += f" · {inline(need.agent, 60)}"
    lines = [f"{_NEED_SIGNS[need.kind]} {said}{since}"]
    if need.seen:
        lines.append(seen(need.seen, 200))
    return "\n".join([*lines, f"➜ {need.next}"])


def _link(need: Need, guild: int | None) -> str:
    server, channel = need.place.guild or guild, need.thread or need.place.channel
    said = need.task or "its message"
    if not server or not channel:
        return said
    return f"[{said}]({jump(server, channel)}{f'/{need.posted_message}' if need.posted_message else ''})"


def _agent(one: AtWork) -> str:
    status, task = one.status, one.task
    sign, words = AGENT_STATES[status.state]
    name, since = inline(status.agent.name, 60), f"<t:{status.since_ms // 1000}:R>" if status.since_ms else ""
    if status.state is AgentState.BUSY and task is not None:
        said = f"{_DOES.get(task.state, 'has')} {_title(task)}" + (f" · began {since}" if since else "")
        if task.last_seen_ms is not None:
            said += f" · last sign <t:{task.last_seen_ms // 1000}:R>"
    else:
        still = f", still with {_title(task)}" if task is not None else ""
        reason = status.note or sentence(status.reason)
        why = f" ({inline(reason, 120)})" if reason else ""
        is_quiet = status.state is AgentState.IDLE or not since
        said = f"{words}{why}{still}" + ("" if is_quiet else f" · {since}")
    return f"{sign} **{name}** {said}"


def _title(task: TaskSummary) -> str:
    return f"**{task.id}** {inline(task.title, 60)}"


def _work(now: Board) -> list[str]:
    counts = [(words, sum(now.tasks.get(state, 0) for state in states)) for words, states in _COUNTED]
    said = " · ".join(f"{number} {words}" for words, number in counts if number)
    lines = [f"**Tasks**: {said or 'none yet'}"]
    if now.queue:
        left = now.tasks.get(TaskState.READY, 0) - len(now.queue)
        lines.append("**Next**: " + ", ".join(_title(task) for task in now.queue) + (f" … +{left}" if left > 0 else ""))
    return lines


def _desk(status: DeskStatus) -> str:
    why = f" ({inline(explain(status.reason, status.note), 120)})" if status.reason else ""
    sign, words = DESK_STATES[status.state]
    return f"{sign} Desk **{inline(status.desk.name, 60)}** {words}{why}"
