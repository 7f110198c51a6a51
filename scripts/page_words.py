"""Part of `make docs`: writes web/src/words.json, the page's words and colours of states, from Octet's own tables."""

from __future__ import annotations

import json
from pathlib import Path

from bot.verbs.results import AGENT_STATES, TASK_STATES
from core.deliveries.model import DeliveryState

FILE = Path(__file__).resolve().parent.parent / "web/src/words.json"
COLOURS = {"🟢": "green", "🔴": "red", "🟠": "orange", "🟡": "orange", "🔵": "blue"}  # others are grey
DELIVERIES = {DeliveryState.DELIVERED: "green", DeliveryState.UNKNOWN: "orange", DeliveryState.REFUSED: "red"}


def content() -> str:
    found = {
        kind: {state.value: (words, COLOURS.get(sign, "gray")) for state, (sign, words) in states.items()}
        for kind, states in (("task", TASK_STATES), ("agent", AGENT_STATES))
    }
    found["delivery"] = {one.value: (one.value.capitalize(), DELIVERIES.get(one, "gray")) for one in DeliveryState}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
    print(f"wrote {FILE.name}")
