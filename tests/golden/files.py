"""The golden files: structure.json and sentences.txt are tests; cli_help.txt and openapi.json are for review only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
STRUCTURE, SENTENCES = FOLDER / "structure.json", FOLDER / "sentences.txt"
CLI_HELP, OPENAPI = FOLDER / "cli_help.txt", FOLDER / "openapi.json"


@cache
def structure() -> dict[str, list[dict[str, Any]]]:
    """Each scene's messages without their words."""
    return json.loads(STRUCTURE.read_text("utf-8"))


@cache
def sentences() -> dict[str, list[str]]:
    """Each scene's messages as text."""
    found: dict[str, list[str]] = {}
    for scene in SENTENCES.read_text("utf-8").split("\n# "):
        name, _, rest = scene.removeprefix("# ").partition("\n")
        found[name] = [f"» {one}".rstrip("\n") for one in rest.split("\n» ")[1:]]
    return found


def write(structures: Mapping[str, Sequence[dict[str, Any]]], texts: Mapping[str, Sequence[str]]) -> None:
    """Write both files that are tests."""
    STRUCTURE.write_text(_json_lines(structures), "utf-8")
    scenes = [f"# {name}\n\n" + "".join(f"{one}\n" for one in found) for name, found in texts.items()]
    SENTENCES.write_text("\n".join(scenes), "utf-8")


def _json_lines(structures: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    """Write one line for each message, so that a difference is one line."""
    scenes = [
        f"{json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in found) + "\n]"
        for name, found in structures.items()
    ]
    return "{\n" + ",\n".join(scenes) + "\n}\n"
