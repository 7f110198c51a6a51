"""The prompt an agent reads: header, body, how to show that it is at work, and, last, how to answer. Pure."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from core.messages.markers import instruction
from core.messages.model import Message, MessageKind, label

_NAME_CHARS = 60
_MARK_CHARS = 6


def render(
    message: Message, *, agent: str, code: str, command: str, file: Path | None = None, is_read: bool = False
) -> str:
    """The whole text that is brought to the agent: a task's brief, or somebody's words.

    `command` is how `octet` is called on the agent's machine; without a `code` there is no way to answer words.
    With `file` the body stands there, and the text says so. `is_read`: answers are read in the agent's window too.
    """
    body = message.body if file is None else _elsewhere(message, file)
    about = f" · task {message.task}" if message.task else ""
    if message.kind is MessageKind.TASK:
        head = f"[{label(message)}] hub → {agent}{about} · P{message.priority}"
        working = f'{command} progress {message.task} --code {code} "what you are doing"'
        done = f"{command} done {message.task} --code {code} --file answer.md"
        here = f"\n{instruction(message.marker)}" if is_read and message.marker else ""
        return f"{head}\n{body}\nWhile you work: {working}\nWhen finished:  {done}{here}"
    to = "everybody" if message.recipient == "all" else agent
    # Somebody may say the same twice: each must be known by itself in a window's transcript.
    head = f"[{label(message)}] {_name(message)} → {to}{about} · P{message.priority} · #{message.id[-_MARK_CHARS:]}"
    answer = f"\nTo answer:  {command} reply {message.task} --code {code} --file answer.md" if code else ""
    return f"{head}\n{body}{answer}"


def _name(message: Message) -> str:
    """Who speaks, on one line: people choose their names themselves."""
    line = " ".join(message.sender_name.split())
    kept = "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cf", "Cs"})
    return kept[:_NAME_CHARS] or message.sender


def _elsewhere(message: Message, file: Path) -> str:
    what, to_do = ("Your task", " and do it") if message.kind is MessageKind.TASK else ("This message", "")
    said = f"{what} has {len(message.body):,} characters, too many for this window. Read the whole of this file{to_do}:"
    return f"{said}\n{file}"
