"""Makes the pictures of docs/desktop.md: opens nine unfamiliar windows, connects them as a user would, and photographs.

`.venv/bin/python -m scripts.desktop_pictures` also prints what the console said, and how long it took.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.measure.octet import environment
from bench.measure.unfamiliar.desktop import NINE, UnfamiliarDesktop, desktop
from bench.measure.unfamiliar.person import talk

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "images"
PAGE = re.compile(rb"http://\S+#\S+")


def main() -> None:
    """Write docs/images/desktop-numbered.png and docs/images/desktop-click.png."""
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
        _photograph_page(argv, environ, opened)
        _photograph_page(argv, environ, opened)
        said = talk(argv, environ)
        print(said.words)
        print(f"{said.seconds:.0f} s, {len(said.answers)} questions")


def _photograph_page(argv: list[str], environ: dict[str, str], opened: UnfamiliarDesktop) -> None:
    """Calibrate a window that does not tell where its composer is, from another display, up to the page to click at."""
    number = 1 + NINE.index("fltk")
    master, slave = pty.openpty()
    with (
        sync_playwright() as playwright,
        subprocess.Popen(
            [*argv, "--display", opened.display.name],
            env=environ | {"DISPLAY": ""},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        ),
    ):
        said = b""
        while not (found := PAGE.search(said)):
            said += os.read(master, 65536)
            if said.endswith(b": ") and b"into" in said:
                os.write(master, f"{number}\n".encode())
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        page.goto(found[0].decode())
        page.wait_for_timeout(2000)  # until the picture is drawn
        page.screenshot(path=DOCS / "desktop-click.png")
        browser.close()
        os.write(master, b"s\n")  # skip the window: the command ends


if __name__ == "__main__":
    main()
