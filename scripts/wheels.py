"""Fills dist/ with all that pipx installs: Octet, and every locked package, checked by its hash, built by locked tools.

pipx cannot check hashes itself: pip then asks for one of Octet's own wheel. pipx also insists on every package that
another one names, and on its first use installs a current pip from the same folder. PyAutoGUI names python3-xlib, whose
files would overwrite those of python-xlib (requirements/overrides.txt): an empty package takes that name.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

from scripts.bootstrap import ROOT, locked, say, step

WHEELS = ROOT / "dist"
_EMPTY = "python3_xlib-0.15+empty.dist-info"
_FILES = {
    "METADATA": "Metadata-Version: 2.1\nName: python3-xlib\nVersion: 0.15+empty\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: octet\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": f"{_EMPTY}/METADATA,,\n{_EMPTY}/WHEEL,,\n{_EMPTY}/RECORD,,\n",
}


def main(*, is_alone: bool = False) -> None:
    """Make the wheels, or Octet's own alone, and print its hash and the command that installs it."""
    if not is_alone:
        shutil.rmtree(WHEELS, ignore_errors=True)
    for old in WHEELS.glob("octet_dispatch-*"):
        old.unlink()
    build = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(WHEELS)]
    if not is_alone:
        step("checking and building the locked packages", [*build, *locked("build"), *locked("runtime")])
    step("building Octet", [*build, "--no-index", str(ROOT)])
    [own] = WHEELS.glob("octet_dispatch-*.whl")
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    own.with_name(f"{own.name}.sha256").write_text(f"{digest}  {own.name}\n", encoding="ascii")
    say(f"sha256 {digest}  {own}")
    if is_alone:
        return
    write_empty(WHEELS)
    source = f"--no-index --find-links={shlex.quote(str(WHEELS))}"
    python = getattr(sys, "_base_executable", sys.executable)
    say("install it, without asking any package host, by")
    print(shlex.join(["pipx", "install", "--python", python, f"--pip-args={source}", str(own)]))


def write_empty(folder: Path) -> None:
    """Write a package into `folder` that is called python3-xlib and has no module."""
    with zipfile.ZipFile(folder / "python3_xlib-0.15+empty-py3-none-any.whl", "w") as wheel:
        for name, text in _FILES.items():
            wheel.writestr(f"{_EMPTY}/{name}", text)


if __name__ == "__main__":
    main(is_alone="--own" in sys.argv[1:])
