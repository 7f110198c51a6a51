"""What a check of a task leaves: evidence, on a rung; and what all the evidence together says of the task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.journal.model import Event
from core.kit.field_types import Text
from core.reasons import Diagnostic
from core.workspaces.model import FileChange


class Rung(StrEnum):
    """What a claim of done rests on, in rising order."""

    CLAIMED = "claimed"
    AGENT_RAN = "agent_ran"
    HOOK_SAW = "hook_saw"
    OCTET_RAN = "octet_ran"
    CI = "ci"


class CheckState(StrEnum):
    """How far a run of a check is. The last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    ASKED = "asked"  # a person was asked
    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"  # Octet could not run it as it must
    CANCELLED = "cancelled"


CHECK_STEPS: dict[CheckState, frozenset[CheckState]] = {
    CheckState.QUEUED: frozenset({CheckState.RUNNING, CheckState.ASKED, CheckState.CANCELLED}),
    CheckState.RUNNING: frozenset(set(CheckState) - {CheckState.RUNNING}),
    CheckState.ASKED: frozenset({CheckState.PASSED, CheckState.FAILED, CheckState.CANCELLED}),
}
"""A run that was interrupted is queued again."""

OPEN_CHECKS = frozenset({CheckState.QUEUED, CheckState.RUNNING, CheckState.ASKED})


class CheckFault(StrEnum):
    """Why a check failed otherwise than by its exit code, or was refused."""

    NO_SANDBOX = "no_sandbox"  # refused: commands cannot be confined on this machine
    NO_COMMAND = "no_command"  # refused: its program is not there
    NO_SHARE = "no_share"  # refused: a folder to share is not there
    NOT_CONFIGURED = "not_configured"  # refused: config/checks.toml has no such check any more
    TOO_LONG = "took_too_long"
    TOO_MUCH_MEMORY = "too_much_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    TOO_MUCH_DISK = "too_much_disk"
    PROTECTED = "protected"  # the work changed a file that decides the check
    OUT_OF_SCOPE = "out_of_scope"
    TOO_LARGE = "too_large"  # the diff
    TESTS_REMOVED = "tests_removed"
    TESTS_SKIPPED = "tests_skipped"
    SECRET_FOUND = "secret_found"  # noqa: S105 - a code, no password
    MISSING = "missing"  # a file, or a text in it
    NOT_CLEAN = "not_clean"
    FEW_COMMITS = "few_commits"
    WRONG_AUTHOR = "wrong_author"
    REJECTED = "rejected"  # by a person
    INTERNAL_ERROR = "internal_error"  # refused
    NO_FOLDER = "no_folder"  # refused: git could not read the folder, or its commits


class ControlResult(StrEnum):
    """What the same check said of the tree before the work."""

    FAILED = "failed"  # so that passing now shows something
    PASSED = "passed"  # it proves nothing about the work
    NONE = "none"  # it was not run there


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One run of one check of a task, on one commit."""

    id: int
    task: str
    fence: int
    round: int  # 1 for the first time that the agent said done within its lease
    name: str  # of the check in config/checks.toml
    given: str  # as the task gives it: `tests` or `tests(path=src)`
    kind: str
    state: CheckState
    fault: CheckFault | None
    note: Diagnostic  # what exactly was seen
    snapshot: str  # the commit that it looked at
    base: str  # the commit before the work
    definition: str  # SHA-256 of the check as it was configured, with the values of its parameters
    control: ControlResult
    exit_code: int | None
    output: Text  # cleaned, and cut to its beginning and end
    output_size: int
    output_sha256: str
    environment: str  # what confined it
    began_ms: int | None
    ended_ms: int | None

    @property
    def rung(self) -> Rung:
        """What this evidence is worth; it counts only on the newest snapshot."""
        return Rung.OCTET_RAN if self.state is CheckState.PASSED else Rung.CLAIMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What a task changed: the files, and the patch as far as users get it."""

    task: str
    branch: str
    base: str
    head: str
    files: tuple[FileChange, ...]
    patch: Text
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEnded(Event):
    """A run of a check has ended."""

    SUBJECT = "task:{0.task}"
    task: str
    check: str
    state: str
    commit: str
