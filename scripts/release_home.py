"""Makes the home that tests/core/store/test_releases.py upgrades: `make release-home`, once for each release.

It runs this Octet in a new home, as a user would, and writes the database as SQL, with its keys, into
tests/data/releases/VERSION. Texts stay readable in review, and nothing in them is secret.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib import metadata
from pathlib import Path

RELEASES = Path(__file__).resolve().parent.parent / "tests" / "data" / "releases"
KEYS = ("audit.key", "codes.key", "journal.head")
DRY_RUN = "\n".join(
    f'[[agents]]\nname = "Agent-{number}"\nrole = "builder"\ncapabilities = ["code"]\nlane = "dryrun"\n'
    for number in range(1, 9)
)
"""config/agents.toml with eight agents that no window needs to be there for."""
WORK = (
    ("task", "new", "Count the birds"),
    ("task", "new", "Count the bees", "--priority", "0"),
    ("task", "done", "T-1", "There were seven"),
    ("task", "new", "Count the trees"),
    ("task", "cancel", "T-3"),
    ("agent", "pause", "Agent-8"),
    ("msg", "send", "Look at the sky", "--agent", "Agent-2"),
)


def main() -> None:
    """Write the home of this version."""
    target = RELEASES / metadata.version("octet-dispatch")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_home(home)
        write_release(home, target)
    print(f"wrote {target.relative_to(Path.cwd())}")


def make_home(home: Path) -> None:
    """Run Octet in a new home, with all agents on the dry-run lane, and give it some work."""
    environ = {**os.environ, "OCTET_HTTP__PORT": "0"}
    octet = [sys.executable, "-m", "bot"]
    here = ("--home", str(home))
    subprocess.run([*octet, "init", "--no-input", *here], check=True, stdout=subprocess.DEVNULL)
    (home / "config" / "agents.toml").write_text(DRY_RUN, encoding="utf-8")
    run = subprocess.Popen([*octet, "run", *here], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert run.stdout is not None
        while b"is ready" not in (line := run.stdout.readline()):
            assert line, "Octet did not start"
        for words in WORK:
            subprocess.run([*octet, *words, *here], check=True, stdout=subprocess.DEVNULL)
    finally:
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)


def write_release(home: Path, target: Path) -> None:
    """Write the database as SQL and copy the keys that its journal is checked with."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with closing(sqlite3.connect(home / "octet.db")) as database:
        target.joinpath("octet.sql").write_text("\n".join(database.iterdump()) + "\n", encoding="utf-8")
    for name in KEYS:
        shutil.copy(home / name, target / name)


def read_release(release: Path, home: Path) -> None:
    """Make a home again of what `write_release` wrote."""
    home.mkdir()
    with closing(sqlite3.connect(home / "octet.db")) as database:
        database.executescript((release / "octet.sql").read_text(encoding="utf-8"))
        database.execute("PRAGMA journal_mode=WAL")
    for name in KEYS:
        shutil.copy(release / name, home / name)


if __name__ == "__main__":
    main()
