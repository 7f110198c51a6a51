"""The prompt an agent reads: header, body, how to show that it is at work, and, last, how to answer. Pure."""

from __future__ import annotations

from pathlib import Path

from core.messages.model import Message, label


def render(message: Message, *, agent: str, code: str, command: str, file: Path | None = None) -> str:
    """The whole text that is brought to the agent. `command` is how `octet` is called on the agent's machine.

    With `file` the body stands there, and the text says so.
    """
    task = message.task or ""
    header = f"[{label(message)}] hub → {agent} · task {task} · P{message.priority}"
    body = message.body if file is None else _elsewhere(message.body, file)
    working = f'{command} progress {task} --code {code} "what you are doing"'
    done = f"{command} done {task} --code {code} --file answer.md"
    return f"{header}\n{body}\nWhile you work: {working}\nWhen finished:  {done}"


def _elsewhere(body: str, file: Path) -> str:
    said = f"Your task has {len(body):,} characters, too many for this window. Read the whole of this file and do it:"
    return f"{said}\n{file}"
