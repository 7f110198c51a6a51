"""Runs every check that needs no test: linter, formatter, types, imports. All of them, then says which failed."""

from __future__ import annotations

import subprocess
import sys
import time
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
    """Exit 1 when any check failed; show a check's words only then."""
    failed = []
    for name, command in CHECKS.items():
        began = time.monotonic()
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        verdict = "failed" if done.returncode else "ok"
        print(f"[check] {name}: {verdict} ({time.monotonic() - began:.1f} s)", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout, flush=True)
    if failed:
        sys.exit(f"[check] failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
