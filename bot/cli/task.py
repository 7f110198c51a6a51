"""`octet task`: tasks from the command line, as their owner at this machine."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable, table

if TYPE_CHECKING:
    from bot.web.schemas.answers import MessageAnswer, TaskAnswer, TaskViewAnswer

app = typer.Typer(help="Tasks: new, list, show, cancel, done, retry, assign, priority.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]
FileOption = Annotated[
    str | None, typer.Option("--file", metavar="FILE", help="Take the text from this file; `-`: from standard input.")
]
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Such as T-142.", show_default=False)]


@app.command()
def new(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What is to be done.")] = None,
    *,
    file: FileOption = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent may do it.")] = None,
    needs: Annotated[list[str] | None, typer.Option(help="What the agent must be able to do; repeat it.")] = None,
    priority: Annotated[int, typer.Option("--priority", "-p", help="0 (most urgent) to 4.")] = 2,
    key: Annotated[str | None, typer.Option(help="The same key never makes a second task.")] = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Ask for work. The text is the argument, a file, or standard input."""
    from bot.web.schemas.answers import TaskAnswer
    from core.messages.model import MAX_BRIEF_CHARS

    body = {"brief": text_of(text, file, MAX_BRIEF_CHARS), "agent": agent, "needs": needs or [], "priority": priority}
    ask(home_of(home), "POST", "/tasks", TaskAnswer, _line, json=json, body=body, key=key or secrets.token_hex(16))


@app.command("list")
def list_tasks(
    state: Annotated[list[str] | None, typer.Option(help="Only tasks in this state; repeat it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many, the newest.")] = 50,
    before: Annotated[str | None, typer.Option(metavar="TASK", help="Only tasks older than this one.")] = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """The newest tasks, the newest first."""
    from bot.web.schemas.answers import TaskAnswer
    from bot.web.schemas.cursor import cursor_after
    from core.tasks.model import parse_task_id

    page = [("cursor", cursor_after(parse_task_id(before)))] if before else []
    query = urlencode([("limit", str(limit)), *page, *(("state", one) for one in state or [])])

    def text(tasks: list[TaskAnswer]) -> str:
        more = f"\nolder tasks: add --before {tasks[-1].id}" if len(tasks) == limit else ""
        return table([_columns(task) for task in tasks]) + more if tasks else "no tasks"

    ask(home_of(home), "GET", f"/tasks?{query}", list[TaskAnswer], text, json=json)


@app.command()
def show(task: TaskArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """One task with its prompt, its way to the agent, and the answers."""
    from bot.web.schemas.answers import TaskViewAnswer

    ask(home_of(home), "GET", f"/tasks/{quote(task, safe='')}", TaskViewAnswer, _page, json=json)


@app.command()
def done(
    task: TaskArgument,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="How it ended.")] = None,
    *,
    file: FileOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """End a task yourself, with words. (Agents use `octet done` with the code of their prompt.)"""
    from bot.web.schemas.answers import TaskAnswer
    from core.messages.model import MAX_ANSWER_CHARS

    body = {"text": text_of(text, file, MAX_ANSWER_CHARS)}
    ask(home_of(home), "POST", f"/tasks/{quote(task, safe='')}/done", TaskAnswer, _line, json=json, body=body)


@app.command()
def retry(task: TaskArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Let a task that failed, expired or is parked be done again."""
    _changed(home, task, "retry", None, json=json)


@app.command()
def assign(
    task: TaskArgument,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Such as Agent-3.", show_default=False)],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Give a task that is ready, waiting or parked to this agent only."""
    _changed(home, task, "assign", {"agent": agent}, json=json)


@app.command()
def priority(
    task: TaskArgument,
    value: Annotated[int, typer.Argument(metavar="PRIORITY", help="0 (most urgent) to 4.", show_default=False)],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Change how urgent a task is."""
    _changed(home, task, "priority", {"priority": value}, json=json)


def _changed(home: Path | None, task: str, verb: str, body: dict[str, object] | None, *, json: bool) -> None:
    from bot.web.schemas.answers import TaskAnswer

    def text(after: TaskAnswer) -> str:
        agent = f"for {after.wanted}" if after.wanted else "for the first free agent"
        return f"{_line(after)}\n{agent} · priority {after.priority} · attempt {after.attempt}"

    path = f"/tasks/{quote(task, safe='')}/{verb}"
    ask(home_of(home), "POST", path, TaskAnswer, text, json=json, body=body)


def text_of(text: str | None, file: str | None, limit: int) -> str:
    """What a verb is given to say: its argument, a file, or standard input."""
    from bot.cli.words import Unusable, read_words

    if text is not None and file is not None:
        raise typer.BadParameter("Give the text as an argument or by --file, not both.")
    if text is not None and text != "-":
        return text
    try:
        return read_words(file, limit=limit)
    except Unusable as problem:
        raise typer.BadParameter(str(problem)) from problem


def _line(task: TaskAnswer) -> str:
    return f"{task.id} is {_state(task)}: {printable(task.title)}"


def _columns(task: TaskAnswer) -> tuple[str, ...]:
    return task.id, _state(task), f"P{task.priority}", task.agent or task.wanted or "-", task.title


def _state(task: TaskAnswer) -> str:
    return f"{task.state} ({task.reason})" if task.reason else task.state


def _page(view: TaskViewAnswer) -> str:
    from core.kit.clock import as_datetime
    from core.messages.model import text_for_people

    task = view.task
    asked = f"asked by {printable(task.requester_name)} at {as_datetime(task.created_ms):%Y-%m-%d %H:%M} UTC"
    agent = task.agent or "none yet"
    lines = [_line(task), f"priority {task.priority} · agent {agent} · attempt {task.attempt} · {asked}"]
    if task.note:
        lines.append(printable(task.note))
    if task.cure:
        lines.append(f"what to do: {printable(task.cure)}")
    if task.heard_ms is not None:
        lines.append(f"last sign of its agent {as_datetime(task.heard_ms):%Y-%m-%d %H:%M} UTC: {printable(task.sign)}")
    lines += ["", "Brief:", _indented(text_for_people(task.brief, task.text_expired_ms))]
    if view.prompt:
        lines += ["", "Prompt:", _indented(view.prompt)]
    for delivery in view.deliveries:
        reason = " · ".join(part for part in (delivery.reason, delivery.assurance or "", delivery.note) if part)
        where = f"{delivery.desk}/{delivery.window}" if delivery.window else "no window"
        how = " ".join(filter(None, (delivery.part, delivery.state)))
        lines.append(f"\nDelivery to {delivery.agent} ({where}): {how}{f' ({printable(reason)})' if reason else ''}")
    for answer in view.answers:
        how = _how(answer)
        lines += ["", f"{answer.sender} ({how}):", _indented(text_for_people(answer.body, answer.expired_ms))]
    return "\n".join(lines)


def _how(answer: MessageAnswer) -> str:
    if answer.late:
        return "late"
    if answer.source == "window":
        return "read in its window, unverified" if answer.final else "read in its window, unverified and partial"
    return "done, reported and not checked" if answer.final else "reply"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in printable(text, keep_lines=True).split("\n"))
