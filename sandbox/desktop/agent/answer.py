"""What the scripted agent answers: things it can count in the prompt, and plainly that no model read it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sandbox.desktop.agent.prompt import ReceivedPrompt, Stop, StopKind

LONG_ANSWER_CHARS = 6_000
_QUOTED = 160


def write_answer(agent: str, prompt: ReceivedPrompt, verdicts: Sequence[tuple[Stop, bool]] = ()) -> str:
    """Write the answer in Markdown, always the same for one prompt. `verdicts` are on the agent's questions."""
    body = prompt.body
    lines = body.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    task = "this prompt" if prompt.done is None else prompt.done.task
    answer = [
        f"# {task}: answer of {agent}",
        "",
        "I am a scripted demo agent: no model has read this. What follows was counted, not understood.",
        "",
    ]
    if prompt.script.fail is not None:
        answer += [f"**I could not do it:** {prompt.script.fail}", ""]
    for stop, allowed in verdicts:
        if stop.kind is StopKind.ASK:
            said = "approved; a demo agent runs nothing" if allowed else "denied, so nothing was run"
            answer += [f"- asked whether to run `{_shortened(stop.text)}`: {said}"]
    answer += [
        f"- first line: “{_shortened(first)}”",
        f"- size: {_counted(body, 'character')}, {_counted(body.split(), 'word')}, {_counted(lines, 'line')}",
        f"- sha256 of the body: `{hashlib.sha256(body.encode('utf-8', 'surrogatepass')).hexdigest()}`",
    ]
    text = "\n".join(answer) + "\n"
    return _lengthened(text, lines) if prompt.script.long else text


def _counted(things: Sequence[str], what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}"


def _shortened(line: str) -> str:
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def _lengthened(text: str, lines: list[str]) -> str:
    """Exactly LONG_ANSWER_CHARS: the prompt's own lines, numbered, round and round."""
    quotes = [_shortened(line) for line in lines if line.strip()] or ["(the body is empty)"]
    parts = [text, "\nThe prompt asked for a long answer, so here are its lines again:\n\n"]
    length = sum(map(len, parts))
    number = 0
    while length < LONG_ANSWER_CHARS:
        number += 1
        parts.append(f"{number}. {quotes[(number - 1) % len(quotes)]}\n")
        length += len(parts[-1])
    return "".join(parts)[: LONG_ANSWER_CHARS - 1] + "\n"
