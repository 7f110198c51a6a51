"""What `config/projects.toml` and `config/checks.toml` say: the repositories that agents work in, and the checks that
decide whether their work is done. Only the owner of the machine writes these files."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from core.kit.field_types import IS_NAME, Bool, Float, Int, Limits, Text, config_table, matching

_Argument = Annotated[Text, Limits(min_length=1, max_length=4000)]
_Command = Annotated[tuple[_Argument, ...], Limits(min_length=1, max_length=100)]
_IS_INSIDE = matching(
    r"(?!/)(?!(.*/)?\.\.?(/|$))[^\x00-\x1f\\]{1,500}", "bad_path", "must be a path inside the folder, without .. in it"
)
_Inside = Annotated[Text, _IS_INSIDE]
_Glob = Annotated[Text, Limits(min_length=1, max_length=500)]
_Globs = Annotated[tuple[_Glob, ...], Limits(max_length=100)]


class WorkMode(StrEnum):
    """Where an agent works on the tasks of a project."""

    WORKTREE = "worktree"  # a folder for each task; its agent begins a fresh conversation there
    AGENT = "agent"  # each agent has its own folder, whose branch Octet switches for each task


@config_table
class Project:
    """`[projects.NAME]`: a repository, and how agents work in it."""

    repository: Annotated[Text, Limits(min_length=1, max_length=1000)]
    """The folder of your git repository, absolute or relative to the home. Octet fetches from it into
    another repository and never changes your files."""
    base: Annotated[Text, Limits(min_length=1, max_length=200)] = "main"  # The branch that tasks begin from
    mode: WorkMode | None = None
    """Where agents work: `worktree` or `agent`. Default: `worktree` for agents that speak ACP, `agent` for those in
    windows and panes."""
    checks: Annotated[tuple[Text, ...], Limits(max_length=20)] = ()
    """The checks of each of its tasks that names none, for example `["tests", "lint"]`."""
    share: Annotated[tuple[_Inside, ...], Limits(max_length=20)] = ()
    """Folders of your repository that copies use read-only, for example `[".venv", "node_modules"]`."""


class ParameterType(StrEnum):
    """What the value of a check's parameter may be."""

    PATH = "path"  # a path inside the folder
    NUMBER = "number"
    WORD = "word"  # letters, digits, - _ and .


@config_table
class CheckParameter:
    """A value that a task may give to a check."""

    type: ParameterType  # `path`, `number` or `word`
    default: Text | None = None  # Its value for tasks that give none; without it each task gives one.
    choices: Annotated[tuple[Text, ...], Limits(max_length=50)] = ()  # The only values, if any are listed


@config_table
class CommandCheck:
    """Runs a command in a copy of the folder, confined by bubblewrap. Exit code 0 passes."""

    kind: Literal["command"]
    command: _Command
    """The program with its arguments, for example `["python3", "-m", "pytest", "-q", "{path}"]`. `{NAME}` alone is an
    argument that takes a parameter's value; no shell reads it."""
    parameters: dict[Text, CheckParameter] = field(default_factory=dict[str, CheckParameter], hash=False)
    time_s: Annotated[Float, Limits(gt=0, le=86_400)] = 600.0  # How long it may take, in seconds
    memory_mb: Annotated[Int, Limits(ge=16, le=1_000_000)] = 2_000  # Megabytes for all its processes together
    processes: Annotated[Int, Limits(ge=1, le=100_000)] = 200  # How many processes it may have at once
    disk_mb: Annotated[Int, Limits(ge=1, le=1_000_000)] = 1_000  # Megabytes that it may write
    network: Bool = False  # Whether it may use the network
    environment: dict[Text, Text] = field(default_factory=dict[str, str], hash=False)  # The only variables beside PATH
    protects: _Globs = ()
    """Files that decide this check, for example `["tests/**", "pyproject.toml"]`: work that changes one fails it."""
    control: Bool = True
    """Whether Octet also runs it on the tree before the work. A check that passes there proves nothing about it."""


@config_table
class FilesCheck:
    """Looks at files of the folder."""

    kind: Literal["files"]
    exists: _Globs = ()  # For each of these patterns there is a file
    contains: dict[Text, Text] = field(default_factory=dict[str, str], hash=False)  # Path → text that the file has
    matches: dict[Text, Text] = field(default_factory=dict[str, str], hash=False)  # Path → regular expression


@config_table
class DiffCheck:
    """Looks at what the work changed."""

    kind: Literal["diff"]
    most_lines: Annotated[Int, Limits(ge=1)] | None = None  # How many lines may be added and deleted in all
    most_files: Annotated[Int, Limits(ge=1)] | None = None  # How many files may change
    scope: _Globs = ()  # Only files that match one of these may change
    protects: _Globs = ()  # No file that matches one of these may change
    tests: _Globs = ()  # Files with tests: none may be deleted, and none gains a mark that skips a test
    no_secrets: Bool = True  # Whether added lines are searched for secrets


@config_table
class GitCheck:
    """Looks at the commits of the task's branch."""

    kind: Literal["git"]
    clean: Bool = True  # Whether everything is committed
    least_commits: Annotated[Int, Limits(ge=0)] = 1  # How many commits there are since the base
    author: Text = ""  # A regular expression that each author, `NAME <ADDRESS>`, matches


@config_table
class PersonCheck:
    """Asks a person, who approves or rejects with a reason."""

    kind: Literal["person"]
    question: Annotated[Text, Limits(min_length=1, max_length=500)]  # What the person decides


Check: TypeAlias = Annotated[
    CommandCheck | FilesCheck | DiffCheck | GitCheck | PersonCheck,
    Field(discriminator="kind"),
]
"""`[checks.NAME]`: one check. A task names it and gives values to its parameters, and never a command."""

CheckName = Annotated[Text, IS_NAME]
