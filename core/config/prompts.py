"""Reads config/prompts: the texts around the body of each prompt, with slots that Octet fills. An edit may add to them
and change their words; it cannot remove a slot, because these carry the code, the marker and the part numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.config.toml import read_text
from core.kit.problems import Problem, suggest

FOLDER = "config/prompts"
TASK, MESSAGE = "task", "message"
_STUCK = "If stuck: as below with `blocked` and your question, or with `failed` and why, instead of `done`."
BUILT_IN: Mapping[str, str] = {
    TASK: "{head}\n{body}\nWhile you work: {progress}\n" + _STUCK + "\nWhen finished:  {done}\n{window}",
    MESSAGE: "{head}\n{body}\nTo answer:  {answer}\n{window}",
}
"""By name, what Octet uses where the home has no file. `{head}` names the sender, the task and the part, `{done}` and
`{answer}` have the code, `{window}` the markers for an answer in the window."""
_SLOT = re.compile(r"\{(\w+)\}")


def read_prompts(root: Path, problems: list[Problem]) -> dict[str, str]:
    """Return the template of each prompt in the home `root`; add each problem to `problems`."""
    found = dict(BUILT_IN)
    for name, built_in in BUILT_IN.items():
        file = f"{FOLDER}/{name}.md"
        try:
            text = read_text(root / file, file, problems)
        except FileNotFoundError:
            continue
        if text is None:
            continue
        needed, slots = _slots(built_in), _slots(text)
        for slot in needed:
            if slots.count(slot) != 1:
                what = "appears more than once" if slot in slots else "is missing"
                problems.append(Problem(file=file, code="slot", text=f"{{{slot}}} {what}; write it exactly once"))
        for slot in sorted(set(slots) - set(needed)):
            unknown = f"Octet fills no {{{slot}}}; {suggest(slot, needed)}"
            problems.append(Problem(file=file, code="unknown_slot", text=unknown))
        found[name] = text.strip("\n")
    return found


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put the values into the slots. A line whose slots are all empty is left out; a value's own braces stay."""
    lines = list[str]()
    for line in template.splitlines():
        slots = _slots(line)
        if not slots or any(values[slot] for slot in slots):
            lines.append(_SLOT.sub(lambda slot: values[slot[1]], line))
    return "\n".join(lines)


def _slots(text: str) -> list[str]:
    return _SLOT.findall(text)
