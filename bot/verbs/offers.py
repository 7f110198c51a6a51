"""What a user can do about what needs them, on a page: each way with its label and the request that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bot.verbs import agents, deliveries, desks, messages, tasks
from bot.verbs.declare import Verb
from bot.verbs.naming import on_the_page
from bot.verbs.results import ACT_LABELS, DECISION_LABELS
from core.dispatch.model import Decision
from core.fleet.model import Need, NeedKind
from core.profiles.model import Act
from core.security.model import Actor, allows

_SAID_BY_OFFERS = {NeedKind.QUESTION, NeedKind.NEEDS_ANSWER, NeedKind.DELIVERY_UNKNOWN, NeedKind.STORM, NeedKind.DESK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way to settle something."""

    label: str
    call: str  # the request below /api/v2 that does it, such as `POST /tasks/T-1/retry`
    body: Mapping[str, str | int]
    asks: str = ""  # the field of the body that the user writes


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedNeed:
    """One thing that waits for a user, with what this user can do about it."""

    need: Need
    next: str  # what to do; empty where the offers say it
    offers: tuple[Offer, ...]


def offered(need: Need, by: Actor) -> OfferedNeed:
    """Add what this user may do about it, and write its next step in the words of the page."""
    found = tuple(offer for verb, offer in _offers(need) if _may(verb, by, need.requester))
    is_said = found and need.kind in _SAID_BY_OFFERS
    return OfferedNeed(need=need, next="" if is_said else on_the_page(need.next), offers=found)


def _may(verb: Verb, by: Actor, requester: str) -> bool:
    return verb.permission is not None and allows(by, verb.permission, owner=requester if verb.own else "")


def _offers(need: Need) -> list[tuple[Verb, Offer]]:
    about, task = need.about, need.task or ""
    cancel, retry = _offer("Cancel", tasks.cancel, task=task), _offer("Retry", tasks.retry, task=task)
    match need.kind:
        case NeedKind.QUESTION if about:
            asked = f"M-{about.removeprefix('question:')}"
            choices = [_offer(one, messages.answer, question=asked, text=one) for one in need.choices]
            return [*choices, _offer("Answer …", messages.answer, question=asked, text="")]
        case NeedKind.NEEDS_ANSWER if about and not need.desk:
            return [_offer(one, agents.choose, dialog=about, number=at) for at, one in enumerate(need.choices, 1)]
        case NeedKind.NEEDS_ANSWER if about:
            acts = [(ACT_LABELS[Act(one)], one) for one in need.choices]
            given = {"agent": need.agent or "", "dialog": about}
            return [_offer(label, agents.answer, **given, answer=act) for label, act in acts]
        case NeedKind.DELIVERY_UNKNOWN if about:
            decisions = [(DECISION_LABELS[Decision(one)], one) for one in need.choices]
            return [_offer(label, deliveries.resolve, delivery=about, decision=one) for label, one in decisions]
        case NeedKind.STORM:
            trace = f"M-{about.removeprefix('trace:')}"
            stop = _offer("Keep it stopped", messages.stop_trace, message=trace)
            return [stop, _offer("Let them continue", messages.resume_trace, message=trace)]
        case NeedKind.QUESTION if task:
            return [_offer("Answer", messages.send, task=task, text=""), cancel]
        case NeedKind.PARKED if task and not need.more:
            return [retry, cancel]
        case NeedKind.CHECKS if task and not need.more:
            accept = _offer("Accept", tasks.accept, task=task)
            return [accept, _offer("Reject …", tasks.reject, task=task, why=""), retry, cancel]
        case NeedKind.IDLE if task:
            nudge = _offer("Ask for the answer", tasks.nudge, task=task)
            return [nudge, retry, _offer("Done", tasks.done, task=task, text="")]
        case NeedKind.DESK if need.desk and need.by:
            return [_offer("Release", desks.release, desk=need.desk)]
        case _:
            return []


def _offer(label: str, verb: Verb, **given: str | int) -> tuple[Verb, Offer]:
    """Make an offer of a verb with these values; the user writes the one that is empty."""
    method, path = verb.route.split()
    call = f"{method} {path.format(**{name: quote(str(value), safe='') for name, value in given.items()})}"
    asks = next((name for name, value in given.items() if value == ""), "")
    body = {name: value for name, value in given.items() if value != "" and f"{{{name}}}" not in path}
    return verb, Offer(label=label, call=call, body=body, asks=asks)
