"""Checks that only look: at the files of a commit, at what changed, at the task's commits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.proofs.model import CheckFault
from core.reasons import Diagnostic
from core.settings.projects import DiffCheck, FilesCheck, GitCheck
from core.workspaces.model import ChangeKind, Commit, FileChange

_SKIPS = re.compile(
    r"@pytest\.mark\.(skip|skipif|xfail)\b|\bpytest\.(skip|xfail)\(|\bunittest\.(skip|expectedFailure)"
    r"|\b(it|test|describe)\.(skip|only|todo)\b|\bx(it|describe|test)\(|@(Ignore|Disabled)\b|\bt\.Skip(Now)?\(|#\[ignore"
)
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bsk-[A-Za-z0-9_-]{32,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bglpat-[A-Za-z0-9_-]{20}\b|\bAIza[0-9A-Za-z_-]{35}\b"
)
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """What speaks against the work, and what exactly was seen."""

    fault: CheckFault
    note: Diagnostic


def is_matched(path: str, patterns: Iterable[str]) -> bool:
    """Return whether the path matches a pattern. `**` matches any folders, also none; `*` a part of a name."""
    return any(_as_expression(pattern).fullmatch(path) for pattern in patterns)


def find_protected(changes: Sequence[FileChange], patterns: Sequence[str]) -> CheckFinding | None:
    """Find changed files that decide a check."""
    found = [
        one.path for one in changes if is_matched(one.path, patterns) or (one.was and is_matched(one.was, patterns))
    ]
    return CheckFinding(fault=CheckFault.PROTECTED, note=_listed(found)) if found else None


def look_at_files(check: FilesCheck, files: Sequence[str], texts: Mapping[str, str | None]) -> CheckFinding | None:
    """Look for files, and texts in them; `texts` has those of the files that the check reads, None for one missing."""
    missing = [pattern for pattern in check.exists if not any(is_matched(path, [pattern]) for path in files)]
    if missing:
        return CheckFinding(fault=CheckFault.MISSING, note=_listed(missing))
    for path, wanted in check.contains.items():
        if wanted not in (texts.get(path) or ""):
            return CheckFinding(fault=CheckFault.MISSING, note=f"{path} lacks the text {wanted[:100]!r}")
    for path, pattern in check.matches.items():
        if not re.search(pattern, texts.get(path) or "", re.MULTILINE):
            return CheckFinding(fault=CheckFault.MISSING, note=f"{path} matches no {pattern[:100]!r}")
    return None


def look_at_diff(check: DiffCheck, changes: Sequence[FileChange], patch: str, *, is_whole: bool) -> CheckFinding | None:
    """Look at what the work changed."""
    lines = sum((one.added or 0) + (one.deleted or 0) for one in changes)
    if check.most_files is not None and len(changes) > check.most_files:
        return CheckFinding(
            fault=CheckFault.TOO_LARGE, note=f"{len(changes)} files changed; at most {check.most_files}"
        )
    if not is_whole or (check.most_lines is not None and lines > check.most_lines):
        most = f"at most {check.most_lines}" if check.most_lines is not None else "too many to look at"
        return CheckFinding(fault=CheckFault.TOO_LARGE, note=f"{lines} lines changed; {most}")
    if outside := [one.path for one in changes if check.scope and not is_matched(one.path, check.scope)]:
        return CheckFinding(fault=CheckFault.OUT_OF_SCOPE, note=_listed(outside))
    if found := find_protected(changes, check.protects):
        return found
    gone = [one.was or one.path for one in changes if one.kind in {ChangeKind.DELETED, ChangeKind.RENAMED}]
    if removed := [path for path in gone if is_matched(path, check.tests)]:
        return CheckFinding(fault=CheckFault.TESTS_REMOVED, note=_listed(removed))
    for path, added in _added_lines(patch):
        if is_matched(path, check.tests) and _SKIPS.search(added):
            return CheckFinding(fault=CheckFault.TESTS_SKIPPED, note=f"{path}: {added.strip()[:100]}")
        if check.no_secrets and _SECRETS.search(added):
            return CheckFinding(fault=CheckFault.SECRET_FOUND, note=path)  # never the secret itself
    return None


def look_at_commits(check: GitCheck, commits: Sequence[Commit], *, is_clean: bool) -> CheckFinding | None:
    """Look at the commits that the agent made."""
    if check.clean and not is_clean:
        return CheckFinding(fault=CheckFault.NOT_CLEAN, note="the folder has changes that are not committed")
    if len(commits) < check.least_commits:
        return CheckFinding(fault=CheckFault.FEW_COMMITS, note=f"{len(commits)} of at least {check.least_commits}")
    wrong = [one.author for one in commits if check.author and not re.fullmatch(check.author, one.author)]
    return CheckFinding(fault=CheckFault.WRONG_AUTHOR, note=_listed(wrong)) if wrong else None


def _added_lines(patch: str) -> Iterator[tuple[str, str]]:
    path = ""
    for line in patch.split("\n"):
        if line.startswith("+++ "):
            path = line[4:].strip('"').removeprefix("b/")
        elif line.startswith("+"):
            yield path, line[1:]


def _as_expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return f"{shown} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else shown
