"""Copies the shipped configuration into a home, without overwriting a file."""

from __future__ import annotations

from pathlib import Path

from bot.cli.errors import writing

AGENTS = "agents.toml"


def copy_templates(target: Path) -> list[Path]:
    """Copy each shipped file of config/ that the folder `target` lacks, the example desk only with its agents; return
    their names, relative to it."""
    source, written = template_of(""), list[Path]()
    agents = target / AGENTS
    has_own = agents.exists() and agents.read_bytes() != template_of(AGENTS).read_bytes()
    for template in sorted(path for path in source.rglob("*") if path.is_file()):
        name = template.relative_to(source)
        file = target / name
        if file.exists() or (has_own and name.parts[0] == "desks"):
            continue
        with writing(file, "Choose another folder with --home."):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the home
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as copy:  # x: never over a file that is there
                copy.write(template.read_bytes())
        written.append(name)
    return written


def template_of(name: str) -> Path:
    """Return a shipped file of config/: inside the installed package, else in the source tree that this file is in."""
    packed = Path(__file__).parents[1] / "templates"
    return (packed if packed.is_dir() else Path(__file__).parents[3] / "config") / name
