"""How prompts reach the agents: asked once, while agents.toml is still the template; changed later by asking for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tomlkit

from bot.cli.first_use.questions import Choice, Questions
from bot.cli.first_use.templates import template_of
from bot.cli.first_use.wishes import Kind, Wishes

if TYPE_CHECKING:
    from pathlib import Path

    from core.home import Home

AGENTS = "agents.toml"


_TEXTS = {
    Kind.DRY_RUN: "not yet: prompts are shown in Discord and typed nowhere (dry run)",
}


def settle(home: Home, wishes: Wishes, questions: Questions) -> None:
    """See that the agents have a way, or keep the one they have."""
    if wishes.agents is None and not is_template(home):
        print(f"Agents: kept as config/agents.toml has them: {summary(home)}.")
        return
    choices = [Choice(value=kind.value, text=text) for kind, text in _TEXTS.items()]
    kind = wishes.agents or Kind(questions.choose("How prompts reach your agents", choices, option="--agents"))
    _SETTLERS[kind](home, questions)
    print(f"Agents: {summary(home)}.")


def is_template(home: Home) -> bool:
    """Whether agents.toml is as it was shipped: with the demo's windows, which nobody has."""
    return (home.config / AGENTS).read_bytes() == template_of(AGENTS).read_bytes()


def summary(home: Home) -> str:
    """`8 with lane "dryrun"`."""
    listed = _parsed(home.config / AGENTS).get("agents", [])
    lanes = Counter(str(agent.get("lane")) for agent in listed)
    return ", ".join(f'{number} with lane "{lane}"' for lane, number in lanes.items()) or "none"


def to_dry_run(config: Path) -> None:
    """Let the prompts of all agents be shown and sent nowhere."""
    file = config / AGENTS
    document = _parsed(file)
    for agent in document.get("agents", []):
        agent["lane"] = "dryrun"
        for key in ("desk", "window", "may_press"):
            agent.pop(key, None)
    file.write_text(tomlkit.dumps(document), encoding="utf-8")


def _parsed(file: Path) -> Any:
    return tomlkit.parse(file.read_text(encoding="utf-8"))


def _dry_run(home: Home, _: Questions) -> None:
    to_dry_run(home.config)


_SETTLERS: dict[Kind, Callable[[Home, Questions], None]] = {Kind.DRY_RUN: _dry_run}
