"""Proves `make demo` and `make test` on a fresh Debian: a root made by mmdebstrap, with python3, git and make only.

Needs root. What this machine's apt, pip and npm know about where packages come from is carried in, so that it works
behind a mirror too; nothing else is. The base root is kept in ~/.cache/octet/fresh, every step starts from a copy.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from scripts import carried

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "octet" / "fresh"
PACKAGES = ("python3", "git", "make", "sudo", "ca-certificates")
USER = "1000"
HOME = Path("/home/octet")
SUDOERS = Path("etc/sudoers.d/octet")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

TOLD = ("PYTEST_ADDOPTS",)
"""What of this shell's environment the commands inside are told: how much the tests say."""
WHOLE_S = 4800.0
"""What does not end within it has gone wrong: `make test` takes about half an hour on two cores, set up and all."""


class Failed(Exception):
    """A step did not end as promised."""


class Ended(NamedTuple):
    """How a command in the root ended."""

    code: int
    seconds: float
    lines: list[str]


# ── the root ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def base_root(suite: str) -> Path:
    """Return the packed base root for this suite and these sources, made once."""
    sources = carried.apt_sources()
    key = hashlib.sha256(repr((suite, PACKAGES, sources)).encode()).hexdigest()[:12]
    packed = CACHE / f"{suite}-{key}.tar"
    if packed.exists():
        print(f"[fresh] base root: {packed} (delete it for a newer one)", flush=True)
        return packed
    CACHE.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    print(f"[fresh] base root: making {suite} with {' '.join(PACKAGES)} …", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        options = Path(folder) / "apt.conf"
        options.write_text(carried.apt_options())
        making = Path(folder) / packed.name
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={','.join(PACKAGES)}"]
        subprocess.run([*command, f"--aptopt={options}", suite, making, "-"], input=sources, text=True, check=True)
        making.rename(packed)
    print(f"[fresh] base root: made in {time.monotonic() - began:.0f} s", flush=True)
    return packed


@contextmanager
def fresh_root(packed: Path, *, may_sudo: bool):
    """Make a copy of the base root with a user, a clone of this repository's HEAD, and the carried settings."""
    root = Path(tempfile.mkdtemp(prefix="root-", dir=CACHE))
    try:
        root.chmod(0o755)
        subprocess.run(["tar", "--extract", "--file", packed, "--directory", root], check=True)
        add_line(root / "etc/passwd", f"octet:x:{USER}:{USER}:a new user:{HOME}:/bin/bash")
        add_line(root / "etc/group", f"octet:x:{USER}:")
        add_line(root / "etc/shadow", "octet:*:19000:0:99999:7:::")
        home = inside(root, HOME)
        home.mkdir(parents=True)
        allow_sudo(root, allowed=may_sudo)
        environment = carried.carry(root, home)
        environment |= {"HOME": str(HOME), "USER": "octet", "LOGNAME": "octet", "PATH": PATH, "LANG": "C.UTF-8"}
        environment |= {key: os.environ[key] for key in TOLD if key in os.environ}
        (root / ".env").write_text("".join(f"{key}={carried.quoted(value)}\n" for key, value in environment.items()))
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, home / "octet"], check=True)
        subprocess.run(["chown", "--recursive", f"{USER}:{USER}", home], check=True)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def add_line(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def allow_sudo(root: Path, *, allowed: bool) -> None:
    """Give the user sudo without a password, or take it away."""
    rule = root / SUDOERS
    rule.unlink(missing_ok=True)
    if allowed:
        keep = " ".join(sorted(carried.environment()))
        rule.write_text(f'octet ALL=(ALL) NOPASSWD: ALL\nDefaults:octet env_keep += "{keep}"\n')
        rule.chmod(0o440)


class Running:
    """A command inside a root, its lines shown and kept as they come."""

    def __init__(self, root: Path, command: list[str], *, user: str = USER, network: bool = True) -> None:
        namespaces = ["unshare", "--mount", "--propagation", "private", "--pid", "--ipc", "--fork", "--kill-child"]
        environment = dict(os.environ)
        if not network:
            namespaces.append("--net")
            environment["FRESH_NETWORK_CUT"] = "1"
        self.began = time.monotonic()
        self.lines: list[str] = []
        folder = HOME / "octet"
        self.process = subprocess.Popen(
            [*namespaces, "sh", ROOT / "scripts/enter_root.sh", root, user, folder, "/.env", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment,
            start_new_session=True,
        )

    def read(self, until: Callable[[str], bool] | None = None) -> str | None:
        """Show lines until one fits or none comes any more."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            print(f"    {time.monotonic() - self.began:6.1f} │ {line}", end="", flush=True)
            if until and until(line):
                return line
        return None

    def interrupt(self) -> None:
        """Ctrl-C: the whole foreground group hears it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, limit_s: float = 30) -> Ended:
        """Read to the end; what does not end by itself is killed and has failed."""
        killer = threading.Timer(limit_s, self.kill)
        killer.start()
        self.read()
        code = self.process.wait()
        killer.cancel()
        return Ended(code, time.monotonic() - self.began, self.lines)


# ── the steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def refused(packed: Path) -> str:
    """Without the right to install: exit 1 within ten seconds, one line that names what is missing."""
    told = []
    with fresh_root(packed, may_sudo=False) as root:
        for target in ("demo", "test"):
            ended = Running(root, ["make", target]).end()
            words = [line for line in ended.lines if line and not line.startswith("make: ***")]
            if ended.code == 0 or ended.seconds > 10 or len(words) != 1 or "xvfb" not in words[0]:
                seen = f"exit {ended.code}, {ended.seconds:.1f} s, {len(words)} lines"
                raise Failed(f"make {target} without sudo: {seen}")
            told.append(f"{target} {ended.seconds:.1f} s")
    return f"exit 1 with one line: {', '.join(told)}"


def demo(packed: Path) -> str:
    """`make demo` on a fresh machine, then once more with the network cut, then as a user who may not sudo."""
    with fresh_root(packed, may_sudo=True) as root:
        first = run_demo(root)
        again = run_demo(root, network=False)
        if again > 10:
            raise Failed(f"the second make demo took {again:.1f} s to start")
        allow_sudo(root, allowed=False)
        shutil.rmtree(inside(root, HOME / "octet/.venv"))
        unprivileged = run_demo(root)
    later = f"again without network {again:.1f} s; without sudo, new .venv {unprivileged:.0f} s"
    return f"{first:.0f} s to its address; {later}"


def run_demo(root: Path, *, network: bool = True) -> float:
    """Seconds until the address; then fetch the page, press Ctrl-C, and see that nothing is left."""
    running = Running(root, ["make", "demo"], network=network)
    line = running.read(lambda line: "http://127.0.0.1:" in line)
    took = time.monotonic() - running.began
    if line is None:
        raise Failed(f"make demo ended without an address: exit {running.end().code}")
    if network:
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(address, timeout=20) as page:  # noqa: S310 — a loopback address, checked above
            if "<html" not in page.read().decode().lower():
                raise Failed(f"{address} shows no page")
    running.interrupt()
    ended = running.end()
    if left := [line for line in ended.lines if line.startswith("LEFT BEHIND")]:
        raise Failed(left[0])
    return took


def first_use(packed: Path) -> str:
    """From `octet init` to a delivered task, as a new user: packages there, no right to install, the network cut."""
    tiers = ["env", "OCTET_TIERS=display browser"]
    story = [".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e/test_first_use.py"]
    with fresh_root(packed, may_sudo=True) as root:
        ready = Running(root, [*tiers, "python3", "-B", "-m", "scripts.bootstrap", "test"]).end(limit_s=1800)
        if ready.code:
            raise Failed(f"setting up: exit {ready.code}")
        allow_sudo(root, allowed=False)
        tried = Running(root, [*tiers, *story], network=False).end(limit_s=300)
        if tried.code:
            raise Failed(f"octet init did not come to a delivered task: exit {tried.code}")
        if left := [line for line in tried.lines if line.startswith("LEFT BEHIND")]:
            raise Failed(left[0])
    return f"set up in {ready.seconds:.0f} s; then {tried.seconds:.0f} s to a delivered task, without network"


def test(packed: Path) -> str:
    """`make test` on a fresh machine; a second run is at its first check within ten seconds, the network cut."""
    with fresh_root(packed, may_sudo=True) as root:
        first = Running(root, ["make", "test"]).end(limit_s=WHOLE_S)
        if first.code:
            raise Failed(f"make test: exit {first.code}")
        second = Running(root, ["make", "test"], network=False)
        second.read(lambda line: line.startswith("[check]"))
        again = time.monotonic() - second.began
        second.kill()
        second.end()
        if again > 10:
            raise Failed(f"the second make test took {again:.1f} s to start")
    summary = next((line for line in reversed(first.lines) if " passed" in line), "")
    return f"{first.seconds:.0f} s ({summary.strip('= ')}); again without network: first check after {again:.1f} s"


def test_without_sudo(packed: Path) -> str:
    """`make test` of a user who may not install, with the packages installed by root."""
    with fresh_root(packed, may_sudo=False) as root:
        ready = Running(root, ["python3", "-B", "-m", "scripts.bootstrap", "test", "--only-system"], user="0")
        if code := ready.end(limit_s=1800).code:
            raise Failed(f"installing by root: exit {code}")
        ended = Running(root, ["make", "test"]).end(limit_s=WHOLE_S)
        if ended.code:
            raise Failed(f"make test without sudo: exit {ended.code}")
    summary = next((line for line in reversed(ended.lines) if " passed" in line), "")
    return f"{ended.seconds:.0f} s ({summary.strip('= ')})"


STEPS = {
    "refused": refused,
    "demo": demo,
    "first_use": first_use,
    "test": test,
    "test_without_sudo": test_without_sudo,
}


def main() -> None:
    """Run the steps and print one line for each; exit 1 when one failed."""
    parser = argparse.ArgumentParser(prog="make fresh", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="*", help=f"of: {' '.join(STEPS)} (default: all)")
    parser.add_argument("--suite", default=carried.suite(), help="Debian's codename (default: this machine's)")
    options = parser.parse_args()
    if unknown := set(options.steps) - set(STEPS):
        parser.error(f"no such step: {' '.join(sorted(unknown))}; there are: {' '.join(STEPS)}")
    if os.geteuid() != 0:
        sys.exit("[fresh] needs root to make and enter another root: sudo make fresh")
    for program in ("mmdebstrap", "unshare", "git", "tar"):
        if not shutil.which(program):
            sys.exit(f"[fresh] {program} is missing: apt-get install {program}")
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout:
        print("[fresh] uncommitted changes are not part of it: HEAD is tried", flush=True)
    packed = base_root(options.suite)
    results = {name: attempt(name, packed) for name in options.steps or STEPS}
    print()
    for name, (is_green, words) in results.items():
        print(f"[fresh] {name:17} {'ok    ' if is_green else 'FAILED'} {words}")
    sys.exit(0 if all(is_green for is_green, _ in results.values()) else 1)


def attempt(name: str, packed: Path) -> tuple[bool, str]:
    """One step, its failure told in one line."""
    print(f"[fresh] {name}: {(STEPS[name].__doc__ or '').strip()}", flush=True)
    try:
        return True, STEPS[name](packed)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        return False, str(error)[:300]


if __name__ == "__main__":
    main()
