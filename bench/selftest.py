"""The long form of `octet desk selftest`: deliveries into a scratch window beside thieves, on a virtual display.

The driver's claims are compared with what the window received. The tests run eight deliveries, this runs hundreds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measure.report import Report, below
from tests.display import ROOT, virtual_display
from tests.pace import patience

N = int(os.environ.get("N", "200"))
EACH_S = patience(30.0)
"""The longest that one delivery may take on average before the self-test counts as hung."""
WITHOUT = frozenset({"WAYLAND_DISPLAY", "XDG_SESSION_TYPE"})
"""A virtual display is no Wayland session, whatever the desktop of this machine is."""


def main() -> None:
    """Run the self-test once and end with one line of JSON."""
    began = time.monotonic()
    told = selftest(N)
    deliveries, violations = int(told["deliveries"]), dict(told["violations"])
    report = Report(name="selftest")
    report.add("violations", sum(violations.values()), "", n=deliveries, target=below(1))
    report.add("deliveries", deliveries, "", n=deliveries)
    print("violations: a claim of the driver that the window contradicts, or harm to the person's devices or clipboard")
    print(json.dumps(violations, ensure_ascii=False))
    print(report.line(n=deliveries, seconds=time.monotonic() - began))


def selftest(count: int) -> dict[str, Any]:
    """Run `octet desk selftest` on a display of its own; what its report says."""
    with tempfile.TemporaryDirectory() as folder, virtual_display(Path(folder) / "display") as display:
        report = Path(folder) / "report.json"
        environ = {name: value for name, value in os.environ.items() if name not in WITHOUT}
        subprocess.run(
            [sys.executable, "-m", "bot", "desk", "selftest", "--count", str(count), "--report", str(report)],
            cwd=ROOT,
            env={**environ, "DISPLAY": display.name, "XDG_STATE_HOME": folder, "PYTHONPATH": str(ROOT)},
            stdout=sys.stderr,
            check=False,  # it ends with 1 where it found a violation, which the report names
            timeout=count * EACH_S,
        )
        return json.loads(report.read_text("utf-8"))


if __name__ == "__main__":
    main()
