"""Reads config/projects.toml and config/checks.toml, and checks what projects and agents name there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from core.agents.model import Agent, Lane
from core.config.agents import AGENTS_TOML, tables
from core.config.validation import editor_schema, validate
from core.kit.problems import Problem, known, show, suggest
from core.settings.model import Schema
from core.settings.projects import (
    Check,
    CommandCheck,
    DiffCheck,
    FilesCheck,
    GitCheck,
    PersonCheck,
    Project,
)

PROJECTS_TOML = "config/projects.toml"
CHECKS_TOML = "config/checks.toml"
_KINDS: Mapping[str, type[Check]] = {
    "command": CommandCheck,
    "files": FilesCheck,
    "diff": DiffCheck,
    "git": GitCheck,
    "person": PersonCheck,
}


class _ProjectsFile(Schema):
    projects: dict[str, Project] = Field(description="one table [projects.NAME] for each project")


class _ChecksFile(Schema):
    checks: dict[str, Check] = Field(description="one table [checks.NAME] for each check")


def projects_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/projects.toml."""
    return editor_schema(_ProjectsFile, "The projects of Octet")


def checks_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/checks.toml."""
    return editor_schema(_ChecksFile, "The checks of Octet")


def read_checks(root: Path, problems: list[Problem]) -> dict[str, Check]:
    """Return the checks of the home `root`; add each problem to `problems`."""
    found = dict[str, Check]()
    for name, table in tables(root, CHECKS_TOML, "checks", problems).items():
        kind = table.data.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            table.report(
                ("kind",), "unknown_kind", f"{show(kind)} is not a kind of check; {suggest(str(kind), _KINDS)}"
            )
            continue
        check = validate(_KINDS[kind], table)
        if isinstance(check, CommandCheck):
            slots = {one[1:-1] for one in check.command if one.startswith("{") and one.endswith("}")}
            for unknown in sorted(slots - check.parameters.keys()):
                table.report(("command",), "unknown_slot", f"{{{unknown}}} is not among `parameters`; add it there")
        if check is not None:
            found[name] = check
    return found


def read_projects(root: Path, checks: Iterable[str], problems: list[Problem]) -> dict[str, Project]:
    """Return the projects of the home `root`; add each problem to `problems`."""
    found, right = dict[str, Project](), sorted(checks)
    for name, table in tables(root, PROJECTS_TOML, "projects", problems).items():
        project = validate(Project, table)
        for place, check in enumerate(project.checks if project is not None else ()):
            if check.partition("(")[0].strip() not in right:
                text = f"there is no check {show(check)} in config/checks.toml; {known(right)}"
                table.report(("checks", place), "unknown_check", text)
        if project is not None:
            found[name] = project
    return found


def check_projects_of(agents: Iterable[Agent], projects: Iterable[str], problems: list[Problem]) -> None:
    """Check that each agent's projects exist, and that it has a folder to work in."""
    right = sorted(projects)
    for agent in agents:
        wrong = sorted(agent.projects - set(right))
        if wrong:
            text = f"{agent.name} names the project {show(wrong[0])}, which config/projects.toml lacks; {known(right)}"
        elif agent.projects and agent.lane in {Lane.MODEL, Lane.DRYRUN}:
            text = f'{agent.name} has lane "{agent.lane.value}", which changes no files; leave `projects` out'
        elif agent.projects and agent.abilities.has_window and (len(agent.projects) > 1 or not agent.folder):
            text = f"{agent.name} works in one folder; give it one project, and that folder as `folder`"
        else:
            continue
        problems.append(Problem(file=AGENTS_TOML, code="bad_project", text=text))
