"""Runs every check that needs no test: linter, formatter, types, imports. All of them, then says which failed."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "basedpyright": ["basedpyright", "--pythonpath", sys.executable],
    "import-linter": ["lint-imports", "--no-logo"],
}


def main() -> None:
    """Run the checks beside each other. Exit 1 when any check failed; show a check's words only then."""
    failed = []
    with ThreadPoolExecutor(len(CHECKS)) as threads:
        for name, (done, took_s) in zip(CHECKS, threads.map(_run, CHECKS.values()), strict=True):
            verdict = "failed" if done.returncode else "ok"
            print(f"[check] {name}: {verdict} ({took_s:.1f} s)", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout, flush=True)
    if failed:
        sys.exit(f"[check] failed: {', '.join(failed)}")


def _run(command: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return done, time.monotonic() - began


if __name__ == "__main__":
    main()
