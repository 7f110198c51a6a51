"""The list of all verbs."""

from __future__ import annotations

from bot.verbs import tasks
from bot.verbs.declare import Verb

MODULES = (tasks,)
"""In the order in which help and docs show them."""
VERBS: tuple[Verb, ...] = tuple(one for module in MODULES for one in vars(module).values() if isinstance(one, Verb))
ABOUT: dict[str, str] = {
    one.group: str(vars(module)["ABOUT"])
    for module in MODULES
    for one in vars(module).values()
    if isinstance(one, Verb)
}
"""What each group is for."""
