"""The prompt an agent reads: header, body, and how to answer. Pure."""

from __future__ import annotations

from core.messages.model import Message, label


def render(message: Message, *, agent: str, code: str, command: str) -> str:
    """The whole text that is brought to the agent. `command` is how `octet` is called on the agent's machine."""
    task = message.task or ""
    header = f"[{label(message)}] hub → {agent} · task {task} · P{message.priority}"
    done = f"{command} done {task} --code {code} --file answer.md"
    return f"{header}\n{message.body}\nWhen finished:  {done}"
