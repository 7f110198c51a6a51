"""Turns what the local Discord received into two texts: the structure of each message, and its sentences.

Ids, times, codes and nonces are replaced by their kind, so that two runs of one tour give the same texts."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord

Json = dict[str, Any]

_ROW, _BUTTON, _TEXT, _GALLERY, _FILE, _CONTAINER = 1, 2, 10, 12, 13, 17
_KINDS = {
    _ROW: "row",
    3: "select",
    4: "text input",
    9: "section",
    _TEXT: "text",
    11: "thumbnail",
    _GALLERY: "gallery",
    _FILE: "file",
    14: "separator",
    _CONTAINER: "container",
    18: "label",
}
_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link"}
_OPTIONS = {3: "string", 4: "integer", 5: "boolean", 10: "number"}
_ID_KINDS = [
    (re.compile(r"[0-9A-HJKMNP-TV-Z]{26}"), "<ulid>"),
    (re.compile(r"T-[1-9]\d*"), "<task>"),
    (re.compile(r"(?<=:)\d+(?=:|$)"), "<number>"),
]
_VARIES = [
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (re.compile(r"<t:\d+(:\w)?>"), r"<t\1>"),
    (re.compile(r"(--code[\s=]+)[^\s•`]+"), r"\1<code>"),
    (re.compile(r"\bo[0-9a-zA-Z]+·b?\d+(·c)?"), "<marker>"),
    (re.compile(r" · #[0-9A-Z]{6}$", re.MULTILINE), " · <mark>"),
    (re.compile(r"\d+(\.\d+)? ms\b"), "<n> ms"),
    (re.compile(r"\bat \d\d:\d\d UTC\b"), "at <time> UTC"),
    (re.compile(r"\bsha256 [0-9a-f]{12}\b"), "sha256 <hash>"),
    (re.compile(r"https://discord\.com/channels/\d+/(\d+)(/\d+)?"), r"<link to \1>"),
    (re.compile(re.escape(f"discord.py {discord.__version__}")), "discord.py <version>"),
    (re.compile(re.escape(f"Python {platform.python_version()}")), "Python <version>"),
]


@dataclass(slots=True, kw_only=True)
class Recording:
    """What one scene of the tour showed, in its order."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    """The name of each user and channel by its id."""
    hidden: dict[str, str] = field(default_factory=dict[str, str])
    """What else differs between two runs, and the kind that stands for it."""
    structure: list[Json] = field(default_factory=list[Json])
    sentences: list[str] = field(default_factory=list[str])
    said: str = ""
    """The last words."""

    def message(self, step: str, message: Json, *, files: Mapping[str, bytes] | None = None) -> None:
        """Add one message: what it is made of here, what it says there."""
        about = message["sandbox"]
        where = self.names.get(str(message["channel_id"]), "?")
        only_for, pings = about["only_for"], [self.names[one] for one in about["pings"]]
        shown: Json = {"step": self.plain(step), "to": f"only {self.names[only_for]}" if only_for else where}
        if pings:
            shown["pings"] = pings
        if message["mention_everyone"]:
            shown["pings everyone"] = True
        if message["content"]:
            shown["content"] = "text"
        if message["embeds"]:
            shown["embeds"] = len(message["embeds"])
        if message["components"]:
            shown["parts"] = [self.part(one) for one in message["components"]]
        if about["files"]:
            shown["files"] = [self.plain(one["filename"]) for one in about["files"]]
        self.structure.append(shown)
        lines = [self.plain(text) for text in texts(message)]
        for name, data in (files or {}).items():
            if name.endswith((".txt", ".md")):
                lines.append(f"[{self.plain(name)}] {self.plain(cut(data.decode()))}")
        self.say(step, "\n".join(lines))

    def modal(self, step: str, modal: Json) -> None:
        """Add a dialog that opened."""
        fields = [field for label in modal["components"] for field in parts_of(label) if "custom_id" in field]
        inputs = [{key: one.get(key) for key in ("custom_id", "style", "required", "max_length")} for one in fields]
        self.structure.append({"step": self.plain(step), "modal": self.id_kind(modal["custom_id"]), "fields": inputs})
        labels = [f"{one.get('label')}: {one.get('description')}" for one in modal["components"]]
        self.say(step, "\n".join([str(modal["title"]), *labels]))

    def choices(self, step: str, choices: Sequence[Json]) -> None:
        """Add what an autocompletion offered."""
        self.structure.append({"step": self.plain(step), "choices": [self.plain(str(one["value"])) for one in choices]})
        self.say(step, "\n".join(self.plain(one["name"]) for one in choices))

    def command(self, name: str, command: Json) -> None:
        """Add a synced command with its options."""
        options = command.get("options") or []
        self.structure.append({"command": name, "options": [_option(one) for one in options]})
        lines = [command["description"]]
        for one in options:
            names = [str(choice["name"]) for choice in one.get("choices") or []]
            lines.append(f"{one['name']}: {one['description']}" + (f" ({' | '.join(names)})" if names else ""))
        self.say(f"/{name}", "\n".join(lines))

    def say(self, step: str, text: str) -> None:
        """Add the words of a step; words that were just said are not repeated."""
        words = "\n".join(f"  {line}".rstrip() for line in (text or "(nothing)").split("\n"))
        before, self.said = self.said, words
        self.sentences.append(f"» {self.plain(step)}\n{'  (the same)' if words == before else words}")

    def part(self, part: Json) -> Any:
        """One component without its words."""
        kind = part["type"]
        if kind == _BUTTON:
            return f"button {_STYLES[part['style']]} {self.id_kind(part.get('custom_id', 'link'))}" + (
                " disabled" if part.get("disabled") else ""
            )
        if kind == _GALLERY:
            return f"gallery of {len(part['items'])}"
        name = _KINDS[kind]
        if kind == _CONTAINER:
            colour = part.get("accent_color")
            name += "" if colour is None else f" #{colour:06x}"
        children = [*part.get("components", []), *([part["accessory"]] if "accessory" in part else [])]
        return {name: [self.part(one) for one in children]} if children else name

    def plain(self, text: str) -> str:
        """The text with everything that differs between two runs replaced by its kind."""
        for pattern, kind in _VARIES:
            text = pattern.sub(kind, text)
        for value, kind in self.hidden.items():
            text = text.replace(value, kind)
        return re.sub(r"\d{15,}", lambda found: self.names.get(found[0], "<id>"), text)

    def id_kind(self, custom_id: str) -> str:
        """A custom id with its parameters replaced by their kinds; the library's own random ids are one kind."""
        if re.fullmatch(r"[0-9a-f]{32}", custom_id):
            return "<random>"
        for pattern, kind in _ID_KINDS:
            custom_id = pattern.sub(kind, custom_id)
        return custom_id


def parts_of(part: Json) -> list[Json]:
    """A component and everything in it."""
    children = [*part.get("components", []), *[part[key] for key in ("accessory", "component") if key in part]]
    return [part, *(found for child in children for found in parts_of(child))]


def texts(message: Json) -> list[str]:
    """All words of a message: its text, then its buttons and the descriptions of its pictures."""
    found = [message["content"]] if message["content"] else []
    for part in [one for top in message["components"] for one in parts_of(top)]:
        if part["type"] == _TEXT:
            found.append(part["content"])
        elif part["type"] == _BUTTON:
            found.append(f"[{part.get('label')}]")
        elif part["type"] == _GALLERY:
            found += [f"[picture: {item.get('description')}]" for item in part["items"]]
    return found


def cut(text: str, most: int = 400) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else f"{text[:most]}…"


def _option(option: Json) -> str:
    words = [option["name"], _OPTIONS[option["type"]]]
    words += ["required"] if option.get("required") else []
    words += ["completed"] if option.get("autocomplete") else []
    words += [f"{key.replace('_', ' ')} {option[key]}" for key in ("min_length", "max_length") if key in option]
    choices = [str(one["value"]) for one in option.get("choices") or []]
    return " ".join(words) + (f" ({' | '.join(choices)})" if choices else "")
