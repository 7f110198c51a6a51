"""Makes the picture of docs/desktop.md: opens nine unfamiliar windows and connects them as a user would.

`.venv/bin/python -m scripts.desktop_pictures` also prints what the console said, and how long it took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure.octet import environment
from bench.measure.unfamiliar.desktop import NINE, desktop
from bench.measure.unfamiliar.person import talk

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "images"


def main() -> None:
    """Write docs/images/desktop-numbered.png."""
    with tempfile.TemporaryDirectory(prefix="octet-pictures-") as name, desktop(Path(name), NINE) as opened:
        home = Path(name) / "home"
        environ = environment(os.environ, home) | {"PYTHONPATH": str(ROOT)} | opened.session
        octet = [sys.executable, "-m", "bot"]
        subprocess.run([*octet, "init", "--home", home], env=environ, stdin=subprocess.DEVNULL, check=True)
        picture = DOCS / "desktop-numbered.png"
        picture.unlink(missing_ok=True)
        argv = [*octet, "calibrate", "--home", str(home)]
        subprocess.run([*argv, "--list", "--picture", picture], env=environ, stdin=subprocess.DEVNULL, check=True)
        picture.chmod(0o644)
        said = talk(argv, environ)
        print(said.words)
        print(f"{said.seconds:.0f} s, {len(said.answers)} questions")


if __name__ == "__main__":
    main()
