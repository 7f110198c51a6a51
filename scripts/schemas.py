"""`make schemas`: writes config/schemas/*.json, by which editors complete and check the files of config/."""

from __future__ import annotations

import json
from pathlib import Path

from core.config.agents import agents_schema, models_schema, programs_schema
from core.config.desks import json_schema as of_desk
from core.config.profiles import json_schema as of_profile
from core.config.projects import checks_schema, projects_schema

FOLDER = Path(__file__).parents[1] / "config" / "schemas"
PUBLISHED = {
    "profile": of_profile,
    "desk": of_desk,
    "agents": agents_schema,
    "models": models_schema,
    "programs": programs_schema,
    "projects": projects_schema,
    "checks": checks_schema,
}
"""Each file there, and what it holds."""


def text(name: str) -> str:
    """Return what this file has to hold."""
    return json.dumps(PUBLISHED[name](), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name in PUBLISHED:
        (FOLDER / f"{name}.json").write_text(text(name), encoding="utf-8")
        print(f"wrote config/schemas/{name}.json")


if __name__ == "__main__":
    main()
