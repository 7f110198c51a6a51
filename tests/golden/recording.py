"""Turns what the local Discord received into lines. What differs between two runs is replaced by its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_BUTTON_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link"}
_VARIES = [
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (re.compile(r"<t:\d+(:\w)?>"), r"<t\1>"),
    (re.compile(r"\bo[0-9a-z]+\.b?\d+"), "<marker>"),
    (re.compile(r"\bsha256 [0-9a-f]{12}\b"), "sha256 <hash>"),
    (re.compile(r"https://discord\.com/channels/\d+/(\d+)(/\d+)?"), r"<link to \1>"),
]


def recorded_message(message: Json, names: Mapping[str, str]) -> Json:
    """Record who sees a message, whom it pings, and what it shows."""
    about = message["sandbox"]
    only_for = about["only_for"]
    shows = [*message["content"].split("\n")] if message["content"] else []
    shows += [line for part in message["components"] for line in _lines(part)]
    return {
        "to": f"only {names[only_for]}" if only_for else names[message["channel_id"]],
        "pings": [names[one] for one in about["pings"]],
        "shows": [plain(line, names) for line in shows],
        "files": [one["filename"] for one in about["files"]],
    }


def recorded_dialog(modal: Json) -> Json:
    return {"title": modal["title"], "shows": [line for part in modal["components"] for line in _lines(part)]}


def plain(text: str, names: Mapping[str, str]) -> str:
    """Replace times, ids, hashes and markers by their kind, and users and channels by their names."""
    for pattern, kind in _VARIES:
        text = pattern.sub(kind, text)
    return re.sub(r"\d{15,}", lambda found: names.get(found[0], "<id>"), text)


def texts(message: Json) -> list[str]:
    """All texts of a message."""
    return [line["content"] for line in walk(message["components"]) if "content" in line]


def walk(parts: list[Json]) -> Iterator[Json]:
    """Yield the components and all that they contain."""
    for part in parts:
        yield part
        yield from walk([*part.get("components", []), *([part["component"]] if "component" in part else [])])


def _lines(part: Json) -> Iterator[str]:
    """Describe a component and everything in it."""
    match part["type"]:
        case 1:
            yield "row"
        case 2:
            yield f"button {_BUTTON_STYLES[part['style']]} [{part['label']}] {part.get('custom_id') or part['url']}"
        case 3:
            offered = ", ".join(one["label"] for one in part["options"])
            yield f"menu [{part['placeholder']}] {part['custom_id']}: {offered}"
        case 4:
            yield f"text input {part['custom_id']}, style {part['style']}, at most {part['max_length']} characters"
        case 10:
            yield from part["content"].split("\n")
        case 12:
            yield f"pictures: {', '.join(item['description'] or '?' for item in part['items'])}"
        case 13:
            yield f"file: {part['name']}"
        case 17:
            yield f"container #{part['accent_color']:06x}"
        case 18:
            yield f"label: {part['label']} {part['description']}"
        case kind:
            raise ValueError(f"no words for a component of type {kind}")
    for child in [*part.get("components", []), *([part["component"]] if "component" in part else [])]:
        yield from _lines(child)
