"""How prompts reach the agents: asked once, while agents.toml is still the template; changed later by asking for it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tomlkit

from bot.cli.first_use.questions import MARK, Choice, Questions
from bot.cli.first_use.templates import template_of
from bot.cli.first_use.wishes import Kind, Wishes
from core.config_files import Edit, change
from core.settings.sources import environment

if TYPE_CHECKING:
    from core.home import Home

AGENTS = "agents.toml"
_TEXTS = {
    Kind.WINDOWS: "in windows on this screen: show them to Octet now",
    Kind.DRY_RUN: "not yet: prompts are shown in Discord and typed nowhere (dry run)",
}


def settle(home: Home, wishes: Wishes, questions: Questions) -> None:
    """See that the agents have a way, or keep the one they have."""
    if wishes.agents is None and not is_template(home):
        print(f"Agents: kept as config/agents.toml has them: {summary(home)}.")
        return
    kind = wishes.agents or _asked(questions)
    _SETTLERS[kind](home, questions)
    print(f"Agents: {summary(home)}.")


def is_template(home: Home) -> bool:
    """Whether agents.toml is as it was shipped: with the demo's windows, which nobody has."""
    return (home.config / AGENTS).read_bytes() == template_of(AGENTS).read_bytes()


def summary(home: Home) -> str:
    """`3 in windows, 5 on the dry run`."""
    listed = tomlkit.parse((home.config / AGENTS).read_text(encoding="utf-8")).unwrap().get("agents", [])
    lanes = Counter(str(agent.get("lane")) for agent in listed)
    return ", ".join(f"{number} {_LANES.get(lane, lane)}" for lane, number in lanes.items()) or "none"


_LANES = {"window": "in windows", "dryrun": "on the dry run"}


def to_dry_run(document: Any) -> None:
    """Let the prompts of all agents of agents.toml be shown and sent nowhere."""
    for agent in document.get("agents", []):
        agent["lane"] = "dryrun"
        for key in ("desk", "window", "may_press"):
            agent.pop(key, None)


def _asked(questions: Questions) -> Kind:
    kinds = [kind for kind in _TEXTS if kind is not Kind.WINDOWS or _has_screen()]
    choices = [Choice(value=kind.value, text=_TEXTS[kind]) for kind in kinds]
    return Kind(questions.choose("Where your agents are", choices, option="--agents"))


def _has_screen() -> bool:
    """Whether there is a screen to show windows on; without one nobody need read of it."""
    return not sys.platform.startswith("linux") or bool(environment().get("DISPLAY"))


def _windows(home: Home, questions: Questions) -> None:
    """By `octet calibrate`, with its own questions."""
    from bot.cli.choosing import Wishes as WindowWishes
    from bot.cli.connecting import connect_windows, finished
    from bot.cli.pointing import Asker

    class Marked(Asker):
        """Its questions begin as all others here."""

        async def line(self, question: str) -> str:
            return await super().line(f"{MARK}{question.strip()}:")

    finished(connect_windows(home, WindowWishes(), Marked(is_person=questions.is_terminal)))


def _dry_run(home: Home, _: Questions) -> None:
    def work(edit: Edit) -> None:
        to_dry_run(edit.document(AGENTS))

    change(home, work)


_SETTLERS: dict[Kind, Callable[[Home, Questions], None]] = {Kind.WINDOWS: _windows, Kind.DRY_RUN: _dry_run}
