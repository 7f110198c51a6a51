"""Which projects and checks there are, and how a task names them: `tests`, or `tests(path=src)`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from core.kit.problems import known
from core.remedies import refused
from core.settings.projects import Check, CheckParameter, CommandCheck, ParameterType, PersonCheck, Project

_USE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})\s*(?:\(([^()]*)\))?\s*")
_VALUES = {
    ParameterType.PATH: re.compile(r"(?![-/])(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\\,()=]{1,500}"),
    ParameterType.NUMBER: re.compile(r"-?\d{1,15}(\.\d{1,15})?"),
    ParameterType.WORD: re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"),
}
_MOST = 20  # checks of one task


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """A check of a task with the values of its parameters."""

    name: str
    given: str  # as the task gives it
    check: Check
    command: tuple[str, ...] = ()  # of a CommandCheck, with the values in place

    @property
    def definition(self) -> str:
        """Return the SHA-256 of what it does, by which two runs of it are known as the same."""
        what = {"command": self.command, **asdict(self.check)}
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=sorted).encode()).hexdigest()


class Plans:
    """The projects and checks of the present configuration. Both files are written by the machine's owner only."""

    def __init__(self, projects: Mapping[str, Project], checks: Mapping[str, Check]) -> None:
        self.use(projects, checks)

    def use(self, projects: Mapping[str, Project], checks: Mapping[str, Check]) -> None:
        """Take over a changed configuration."""
        self.projects, self.checks = projects, checks

    def of_task(self, project: str | None, checks: Sequence[str]) -> tuple[str, ...]:
        """Return the checks of a new task: its own, else those of its project. Raises unknown_project, unknown_check,
        bad_check_value, check_needs_project or too_many_checks."""
        if project is not None and project not in self.projects:
            raise refused("unknown_project", name=project, known=known(self.projects))
        given = tuple(checks) or (self.projects[project].checks if project is not None else ())
        if len(given) > _MOST:
            raise refused("too_many_checks", most=_MOST)
        for one in given:
            check = self.planned(one).check
            if project is None and not isinstance(check, PersonCheck):
                raise refused("check_needs_project", name=one)
        return given

    def planned(self, given: str) -> PlannedCheck:
        """Read how a task names a check. Raises unknown_check or bad_check_value."""
        match = _USE.fullmatch(given)
        name = match[1] if match else given
        check = self.checks.get(name)
        if match is None or check is None:
            raise refused("unknown_check", name=name, known=known(self.checks))
        values = _read_values(given, match[2] or "")
        if not isinstance(check, CommandCheck):
            if values:
                raise refused("bad_check_value", given=given, why="this check has no parameters")
            return PlannedCheck(name=name, given=given, check=check)
        command = _fill(given, check, values)
        return PlannedCheck(name=name, given=given, check=check, command=command)


def _read_values(given: str, text: str) -> dict[str, str]:
    values = dict[str, str]()
    for pair in filter(str.strip, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or key.strip() in values:
            raise refused("bad_check_value", given=given, why="write each value once, as NAME=VALUE")
        values[key.strip()] = value.strip()
    return values


def _fill(given: str, check: CommandCheck, values: Mapping[str, str]) -> tuple[str, ...]:
    if unknown := values.keys() - check.parameters.keys():
        raise refused("bad_check_value", given=given, why=f"it has no parameter {min(unknown)}")
    filled = {name: _checked(given, name, one, values.get(name)) for name, one in check.parameters.items()}
    slots = {"{" + name + "}": value for name, value in filled.items()}
    return tuple(slots.get(argument, argument) for argument in check.command)


def _checked(given: str, name: str, parameter: CheckParameter, value: str | None) -> str:
    value = parameter.default if value is None else value
    if value is None:
        raise refused("bad_check_value", given=given, why=f"give {name} a value")
    if not _VALUES[parameter.type].fullmatch(value) or (parameter.choices and value not in parameter.choices):
        wanted = known(parameter.choices) if parameter.choices else f"it takes a {parameter.type.value}"
        raise refused("bad_check_value", given=given, why=f"{name} does not take that; {wanted}")
    return value


def with_project(needs: frozenset[str], project: str | None) -> frozenset[str]:
    """Return what the agent of a task must have: with a project, a folder of that."""
    return needs | {f"project:{project}"} if project is not None else needs
