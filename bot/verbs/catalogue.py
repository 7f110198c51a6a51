"""The list of all verbs."""

from __future__ import annotations

from bot.verbs import admin, agents, deliveries, desks, fleet, messages, profiles, receipts, replies, tasks
from bot.verbs.declare import Verb

MODULES = (tasks, messages, deliveries, receipts, agents, desks, fleet, profiles, admin, replies)
"""In the order in which help and docs show them."""
_FOUND = [(module.ABOUT, one) for module in MODULES for one in vars(module).values() if isinstance(one, Verb)]
VERBS = tuple(verb for _, verb in _FOUND)
ABOUT = {verb.group: about for about, verb in _FOUND}  # what each group is for
