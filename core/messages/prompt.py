"""The prompt an agent reads: header, body, how to show that it is at work, and, last, how to answer. Pure."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from core.deliveries.message_parts import WHOLE, Share
from core.messages.answer_markers import instruction
from core.messages.model import Message, MessageKind, label

_NAME_CHARS = 60
_MARK_CHARS = 6


def render(
    message: Message,
    *,
    agent: str,
    code: str,
    command: str,
    file: Path | None = None,
    lost: str = "",
    is_read: bool = False,
    share: Share = WHOLE,
) -> str:
    """The whole text that is brought to the agent: a task's brief, or somebody's words.

    `command` is how `octet` is called on the agent's machine. Without a `code` the prompt tells no way to answer: words
    cannot be answered, or the lane returns the answer itself.
    With `file` the body stands there, and the text says so, and why: it is too long, or its window loses what `lost`
    names. `is_read`: answers are read in the agent's window too.
    Of one that comes in parts it is this `share`. Only the last tells how to answer: whoever has the code may end the
    task, and an answer with it proves that the prompt arrived; neither may be so before the whole of it is there.
    """
    body = _framed(share.of(message.body), share) if file is None else _elsewhere(message, file, lost)
    about = (f" · task {message.task}" if message.task else "") + f" · P{message.priority}"
    part = f" · {share.words}" if share.words else ""
    if message.kind is MessageKind.TASK:
        head = f"[{label(message)}] hub → {agent}{about}{part}"
        if not share.is_last or not code:
            return f"{head}\n{body}"
        working = f'{command} progress {message.task} --code {code} "what you are doing"'
        done = f"{command} done {message.task} --code {code} --file answer.md"
        here = f"\n{instruction(message.marker)}" if is_read and message.marker else ""
        return f"{head}\n{body}\nWhile you work: {working}\nWhen finished:  {done}{here}"
    to = "everybody" if message.recipient == "all" else agent
    # Somebody may say the same twice: each must be known by itself in a window's transcript.
    head = f"[{label(message)}] {_name(message)} → {to}{about} · #{message.id[-_MARK_CHARS:]}{part}"
    is_answered = bool(code) and share.is_last
    answer = f"\nTo answer:  {command} reply {message.task} --code {code} --file answer.md" if is_answered else ""
    return f"{head}\n{body}{answer}"


def _framed(body: str, share: Share) -> str:
    """A part says at both ends that it is one, and whether to begin."""
    if not share.cuts:
        return body
    if share.is_last:
        begin = "Put them together, each directly after the one before, and begin."
        return f"(The last of {share.total} parts. {begin})\n{body}"
    wait = f'Do not begin yet: answer only "ok", and wait for part {share.number + 1}.'
    return f"(This text comes in {share.total} parts. {wait})\n{body}\n(End of part {share.number}. {wait})"


def _name(message: Message) -> str:
    """Who speaks, on one line: people choose their names themselves."""
    line = " ".join(message.sender_name.split())
    kept = "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cf", "Cs"})
    return kept[:_NAME_CHARS] or message.sender


def _elsewhere(message: Message, file: Path, lost: str) -> str:
    what, to_do = ("Your task", " and do it") if message.kind is MessageKind.TASK else ("This message", "")
    long = f"{len(message.body):,} characters, too many for this window"
    why = f"{lost}, which this window cannot take" if lost else long
    return f"{what} has {why}. Read the whole of this file{to_do}:\n{file}"
