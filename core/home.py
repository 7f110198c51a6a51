"""The home: the folder that one Octet lives in, and how it is found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.kit.errors import Invalid

HOME = "OCTET_HOME"  # the variable of the environment that names it
OCTET_TOML = "config/octet.toml"
ENV_FILE = ".env"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class HomeRefused(Invalid):
    """The path of the home holds a line break or another control character: {path}. It would end a line in scripts and
    messages. Choose another folder with --home, or rename this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder that one Octet lives in, and the places inside. Naming a place does not make it."""

    root: Path

    def __post_init__(self) -> None:
        if _CONTROL.search(str(self.root)):
            raise HomeRefused(path=ascii(str(self.root)))

    @property
    def config(self) -> Path:
        """What people write: octet.toml, agents.toml, desks/, profiles/."""
        return self.root / "config"

    @property
    def env_file(self) -> Path:
        """Secrets, and settings that belong to this machine only."""
        return self.root / ENV_FILE

    @property
    def db(self) -> Path:
        """The database: tasks, messages, deliveries, the journal."""
        return self.root / "octet.db"

    @property
    def lock(self) -> Path:
        """Held by the one coordinator of this home."""
        return self.root / "octet.lock"

    @property
    def run_json(self) -> Path:
        """Address, port and operator's token of the running coordinator; 0600."""
        return self.root / "run.json"

    @property
    def audit_key(self) -> Path:
        """The key of the journal's chain; 0600."""
        return self.root / "audit.key"

    @property
    def codes_key(self) -> Path:
        """The key that tasks' answer codes are checked with; 0600."""
        return self.root / "codes.key"

    @property
    def answers(self) -> Path:
        """Answers that agents left while no coordinator ran."""
        return self.root / "answers"

    @property
    def briefs(self) -> Path:
        """Prompts that are longer than their window takes; files are 0600."""
        return self.root / "briefs"

    @property
    def anchors(self) -> Path:
        """Pictures of the part of each window that always looks the same."""
        return self.root / "anchors"

    @property
    def learned(self) -> Path:
        """What Octet learned of windows automatically, a file for each desk; 0700."""
        return self.root / "learned"

    @property
    def displays(self) -> Path:
        """One folder per virtual display: who keeps it, how it stands, its cookie, its programs' words; 0700."""
        return self.root / "displays"


def find_home(home: Path | None, env: Mapping[str, str], cwd: Path) -> Home:
    """`home` (--home), else $OCTET_HOME, else `cwd` if it holds config/octet.toml, else the user's data folder."""
    if home is None and env.get(HOME):
        home = Path(env[HOME])
    if home is not None:
        return Home(root=(cwd / home.expanduser()).resolve())
    if (cwd / OCTET_TOML).is_file():
        return Home(root=cwd)
    return Home(root=platformdirs.user_data_path("octet", appauthor=False))


def anchor_file(folder: Path, window: str) -> Path:
    """Where the worker looks for a window's anchor picture."""
    return folder / (re.sub(r"[^\w.-]", "_", window) + ".png")
