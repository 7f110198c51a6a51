"""Writes the tables of docs/configuration.md, from the models by which `core.config` reads the files of config/, and
from `core.limits`; and the table of docs/inside/metrics.md."""

from __future__ import annotations

import json
from typing import Any

from bot.web.metrics import METRICS
from core.agents.model import Agent, Program
from core.config.validation import classes_in, descriptions, editor_schema, hints_of
from core.desks.model import Desk, Pane, Tmux, UserActivityPolicy, Virtual, Window
from core.limits import rows
from core.profiles.model import (
    Accessible,
    Composer,
    Dialog,
    NewChat,
    Press,
    Profile,
    Sign,
    StateSigns,
    Terminal,
    Transcript,
)
from core.settings.model import Model, Settings
from core.settings.projects import (
    CheckParameter,
    CommandCheck,
    DiffCheck,
    FilesCheck,
    GitCheck,
    PersonCheck,
    Project,
)
from scripts.verb_tables import table_of, write

_FILES: dict[str, dict[str, Any]] = {
    "config/agents.toml": {"[[agents]]": Agent},
    "config/programs.toml": {"[programs.NAME]": Program},
    "config/models.toml": {"[models.NAME]": Model},
    "config/projects.toml": {"[projects.NAME]": Project},
    "config/checks.toml": {
        '[checks.NAME] with kind = "command"': CommandCheck,
        "parameters.NAME of it": CheckParameter,
        '[checks.NAME] with kind = "files"': FilesCheck,
        '[checks.NAME] with kind = "diff"': DiffCheck,
        '[checks.NAME] with kind = "git"': GitCheck,
        '[checks.NAME] with kind = "person"': PersonCheck,
    },
    "config/desks/NAME.toml": {
        "": Desk,
        "[user_activity]": UserActivityPolicy,
        "[virtual]": Virtual,
        "[tmux]": Tmux,
        "[[windows]]": Window,
        "[[windows]] of a desk with [tmux]": Pane,
    },
    "config/profiles/NAME.toml": {
        "": Profile,
        "[composer]": Composer,
        "[busy], [idle]": StateSigns,
        "[transcript]": Transcript,
        "[new_chat]": NewChat,
        "[[dialogs]]": Dialog,
        "[acts]": Press,
        "[terminal]": Terminal,
        "sign": Sign,
        "accessible": Accessible,
    },
}
"""Each file with its tables."""
_OF_LIMITS = (
    "No file changes these. Octet refuses what agents, members and programs send beyond them, the same over every "
    "interface, before it stores anything. A text has no control characters except line breaks and tabs; Octet removes "
    "them from agents' answers. A name, label or choice is one line without invisible characters."
)
_MANY = 20  # from so many values on, the page does not list them


def main() -> None:
    """Write the tables."""
    write(PAGES)


def configuration_page() -> str:
    """List every key of every file."""
    sections = {f"[{name}]": next(classes_in(hint)) for name, hint in hints_of(Settings).items() if [*classes_in(hint)]}
    parts: list[str] = []
    for file, tables in {"config/octet.toml": sections, **_FILES}.items():
        parts.append(f"## {file}\n\n")
        for name, kind in tables.items():
            parts += [f"### {name}\n\n" if name else "", _keys(kind), "\n"]
    table = table_of(("limit", "of", "value"), [(name, one.bounds, one.range) for name, one in rows().items()])
    return "".join([*parts, "## Limits\n\n", f"{_OF_LIMITS}\n\n", table, "\n"])


def metrics_page() -> str:
    """List what /metrics has."""
    rows = [(f"`{one.name}`", one.kind, ", ".join(one.labels), one.about) for one in METRICS]
    return table_of(("metric", "kind", "labels", "meaning"), rows)


def _keys(kind: Any) -> str:
    schema, about = editor_schema(kind, ""), descriptions(kind)
    rows: list[tuple[str, str, str]] = []
    for key, one in schema["properties"].items():
        said = about.get("target" if key == "pane" else key, "")  # its field has another name
        values = [f"`{value}`" for value in _values(one, schema.get("$defs", {}))]
        if len(values) < _MANY and not all(value in said for value in values):
            said = f"{said} One of {', '.join(values)}."
        rows.append((f"`{key}`", "required" if key in schema.get("required", ()) else _default(one), said.strip()))
    return table_of(("key", "default", "meaning"), rows)


def _default(one: dict[str, Any]) -> str:
    default = one.get("default")
    return "" if default in (None, "", []) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _values(one: dict[str, Any], defined: dict[str, Any]) -> list[str]:
    """Return the values of a key that takes one of a few."""
    parts = [one, *one.get("anyOf", ()), *one.get("allOf", ())]
    targets = [defined.get(str(part.get("$ref", "")).rpartition("/")[2], part) for part in parts]
    return next((target["enum"] for target in targets if "enum" in target), [])


PAGES = {"configuration.md": configuration_page, "inside/metrics.md": metrics_page}


if __name__ == "__main__":
    main()
