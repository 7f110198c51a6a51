"""Applies small mutations to the code, one at a time, and reports which of them the tests detect.

The list is tests/data/mutations.toml. Each mutation is applied to a copy of the checkout, or of a commit (`--rev`), and
the tests that the list names run there until one fails. Nothing in the checkout itself changes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "data" / "mutations.toml"
LIMIT_S = 1800.0
TEST_TIMEOUT_S = 120
"""A mutation may make a test hang, which counts as detected."""
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", re.MULTILINE)


class Stale(Exception):
    """The list names a text that does not occur exactly once in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One small change that some test must detect."""

    name: str
    """What the mutated program does wrong."""
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the tests made of one mutation."""

    name: str
    verdict: str
    """`detected`, `survived`, `stale` or `not tested`."""
    by: str = ""
    """The first test that failed, or what went wrong."""
    seconds: float = 0.0


def main() -> None:
    """Exit 1 unless every mutation was detected."""
    parser = argparse.ArgumentParser(prog="scripts.mutations", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rev", help="mutate this commit, with its own tests, instead of the checkout")
    parser.add_argument("--list", type=Path, default=LIST, help="another list of mutations")
    parser.add_argument("--only", default="", help="only mutations whose name contains these words")
    parser.add_argument("--save", type=Path, help="write the results to this file, as JSON")
    parser.add_argument("--against", type=Path, help="results saved before: fail only for what was detected then")
    given = parser.parse_args()
    before = detected_in(given.against) if given.against else None
    chosen = [one for one in read(given.list) if given.only in one.name]
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="octet-mutations-") as folder:
        root = Path(folder)
        copy(root, given.rev)
        for number, mutation in enumerate(chosen, 1):
            results.append(result := attempt(root, mutation))
            by = f" by {result.by}" if result.by else ""
            print(
                f"[mutations] {number}/{len(chosen)} {result.verdict}{by} ({result.seconds:.0f} s): {result.name}",
                flush=True,
            )
            if given.save:
                given.save.write_text(json.dumps({one.name: one.verdict for one in results}, indent=1) + "\n")
    missed = [one.name for one in results if one.verdict != "detected" and (before is None or one.name in before)]
    print(f"[mutations] {sum(one.verdict == 'detected' for one in results)} of {len(results)} were detected")
    if missed:
        sys.exit("[mutations] not detected:\n" + "\n".join(f"  {name}" for name in missed))


def read(path: Path) -> list[Mutation]:
    """Read a list of mutations."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**{**row, "tests": tuple(row["tests"])}) for row in rows]


def detected_in(path: Path) -> frozenset[str]:
    """Read which mutations an earlier run detected."""
    return frozenset(name for name, verdict in json.loads(path.read_text()).items() if verdict == "detected")


def copy(to: Path, rev: str | None) -> None:
    """Copy the tracked and new files of the checkout, or those of a commit; the packages are shared."""
    if rev is None:
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        there = b"\0".join(name for name in names.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file())
        packed = subprocess.run(
            ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, check=True, input=there, stdout=subprocess.PIPE
        )
    else:
        packed = subprocess.run(["git", "archive", rev], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x"], cwd=to, check=True, input=packed.stdout)
    (to / ".venv").symlink_to(ROOT / ".venv")


def mutated(source: str, mutation: Mutation) -> str:
    """Return the file's text with the mutation in it. Raises Stale unless the old text occurs exactly once."""
    count = source.count(mutation.old)
    if count != 1:
        raise Stale(f"{mutation.file} has the old text {count} times")
    return source.replace(mutation.old, mutation.new)


def attempt(root: Path, mutation: Mutation) -> Result:
    """Apply one mutation below `root`, run its tests, and undo it."""
    path = root / mutation.file
    began = time.monotonic()
    try:
        source = path.read_text(encoding="utf-8")
        path.write_text(mutated(source, mutation), encoding="utf-8")
    except (OSError, Stale) as error:
        return Result(name=mutation.name, verdict="stale", by=str(error))
    try:
        verdict, by = run_tests(root, mutation.tests)
    finally:
        path.write_text(source, encoding="utf-8")
    return Result(name=mutation.name, verdict=verdict, by=by, seconds=time.monotonic() - began)


def run_tests(root: Path, tests: tuple[str, ...]) -> tuple[str, str]:
    """Run these tests until one fails; the verdict, and the test that failed."""
    there = [test for test in tests if (root / test.partition("::")[0]).exists()]
    if not there:
        return "not tested", f"there is no {' '.join(tests)}"
    options = ["-x", "-q", "-p", "no:cacheprovider", "-o", f"timeout={TEST_TIMEOUT_S}"]
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", *options, *there],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "OCTET_TIERS": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "not tested", f"the tests did not end within {LIMIT_S:.0f} s"
    if done.returncode == 0:
        return "survived", ""
    failed = FAILED.search(done.stdout)
    if done.returncode == 1 and failed:
        return "detected", failed[1]
    return "not tested", f"pytest ended with {done.returncode}: {(done.stdout.splitlines() or [''])[-1]}"


if __name__ == "__main__":
    main()
