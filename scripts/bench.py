"""Runs benchmarks: one by name, or all. Each ends with one line of JSON; SAVE=1 keeps those lines under their date."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCHES = ROOT / "bench"


def main() -> None:
    """Exit 1 when a benchmark failed or did not end with its line."""
    there = sorted(path.stem for path in BENCHES.glob("*.py") if not path.stem.startswith("_"))
    names = sys.argv[1:] or there
    if not names or not set(names) <= set(there):
        sys.exit(f"[bench] there is: {' '.join(there) or 'none yet'}")
    results = [result for name in names if (result := run(name))]
    if os.environ.get("SAVE"):
        today = datetime.datetime.now(datetime.UTC).date()
        record = BENCHES / "records" / f"{today}.json"
        record.parent.mkdir(exist_ok=True)
        record.write_text("".join(f"{json.dumps(result)}\n" for result in results), encoding="utf-8")
        print(f"[bench] saved {record.relative_to(ROOT)}")
    if len(results) < len(names):
        sys.exit("[bench] not every benchmark came to its end")


def run(name: str) -> dict[str, object] | None:
    """Show a benchmark's lines as they come; return what its last one says."""
    print(f"[bench] {name}", flush=True)
    last = ""
    command = [sys.executable, "-m", f"bench.{name}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    try:
        result = json.loads(last)
    except ValueError:
        return None
    return result if process.returncode == 0 and isinstance(result, dict) else None


if __name__ == "__main__":
    main()
