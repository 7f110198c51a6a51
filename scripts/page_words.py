"""Part of `make docs`: writes web/src/words.json, the page's words and colours of states, from Octet's own tables."""

from __future__ import annotations

import json
from pathlib import Path

from bot.discord.render import AMBER, BLUE, GREEN, GREY, RED, STATES
from core.agents.model import AgentState
from core.deliveries.model import DeliveryState

FILE = Path(__file__).resolve().parent.parent / "web/src/words.json"
COLOURS = {GREEN: "green", RED: "red", AMBER: "orange", BLUE: "blue", GREY: "gray"}
AGENTS = {
    AgentState.IDLE: GREY,
    AgentState.BUSY: BLUE,
    AgentState.NEEDS_INPUT: AMBER,
    AgentState.LIMITED: AMBER,
    AgentState.HELD: AMBER,
    AgentState.OFFLINE: AMBER,
}
DELIVERIES = {DeliveryState.DELIVERED: GREEN, DeliveryState.UNKNOWN: AMBER, DeliveryState.REFUSED: RED}


def content() -> str:
    found = {
        "task": {state.value: (words, COLOURS[colour]) for state, (colour, _, words) in STATES.items()},
        "agent": {one.value: (_words(one), COLOURS[AGENTS.get(one, GREY)]) for one in AgentState},
        "delivery": {one.value: (_words(one), COLOURS[DELIVERIES.get(one, GREY)]) for one in DeliveryState},
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _words(state: str) -> str:
    return state.replace("_", " ").capitalize()


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
    print(f"wrote {FILE.name}")
