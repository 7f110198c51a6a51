"""Part of `make docs`: writes web/src/words.json, the page's words and colours of states, acts, decisions and events,
from Octet's own tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import core.coordinator  # noqa: F401  defines all events
from bot.verbs.results import (
    ACT_LABELS,
    AGENT_STATES,
    APPROVERS,
    CHECK_STATES,
    DECISION_LABELS,
    DESK_STATES,
    ENTRY_STATES,
    KNOWN_BY,
    PROOFS,
    TASK_STATES,
)
from core.deliveries.model import DeliveryState
from core.journal.model import Event
from core.messages.model import EvidenceKind, MessageKind
from core.profiles.model import Activity
from core.reasons import IdleSource
from core.remedies import sentence
from core.security.model import Permission
from core.tasks.model import AttemptOutcome

FILE = Path(__file__).resolve().parent.parent / "web/src/words.json"
COLOURS = {"🟢": "green", "✅": "green", "🔴": "red", "🟠": "orange", "🟡": "orange", "🔵": "blue"}  # others are grey
_NAMES = {
    "message": MessageKind,
    "evidence": EvidenceKind,
    "activity": Activity,
    "outcome": AttemptOutcome,
}
DELIVERIES = {DeliveryState.DELIVERED: "green", DeliveryState.UNKNOWN: "orange", DeliveryState.REFUSED: "red"}


def content() -> str:
    found = {
        kind: {state.value: (words, COLOURS.get(sign, "gray")) for state, (sign, words) in states.items()}
        for kind, states in (
            ("task", {**TASK_STATES, **PROOFS}),
            ("check", CHECK_STATES),
            ("agent", AGENT_STATES),
            ("desk", DESK_STATES),
            ("approver", APPROVERS),
        )
    }
    found["idle"] = {one.value: (sentence(one), "gray") for one in IdleSource}
    for kind, names in _NAMES.items():
        found[kind] = {one.value: (one.value.replace("_", " ").capitalize(), "gray") for one in names}
    found["delivery"] = {one.value: (one.value.capitalize(), DELIVERIES.get(one, "gray")) for one in DeliveryState}
    permissions = {one: one.act for one in Permission}
    labels = {"act": ACT_LABELS, "decision": DECISION_LABELS, "entry": ENTRY_STATES, "permission": permissions}
    labels |= {"event": events(), "known_by": KNOWN_BY}
    found |= {kind: {value: (words, "gray") for value, words in table.items()} for kind, table in labels.items()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def events(of: type[Event] = Event) -> dict[str, str]:
    """Return what each event says, by its name: how its docstring begins."""
    found = dict[str, str]()
    for one in of.__subclasses__():  # tests have events of their own
        own = {one.__name__: re.split(r"[.:;]", one.__doc__ or "")[0]} if one.__module__.startswith("core.") else {}
        found |= events(one) | own
    return {name: said for name, said in sorted(found.items()) if not name.endswith("Event")}


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
    print(f"wrote {FILE.name}")
