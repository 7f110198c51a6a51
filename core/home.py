"""The home: the folder that one Octet lives in, and how it is found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.remedies import refused

HOME = "OCTET_HOME"  # the variable of the environment that names it
OCTET_TOML = "config/octet.toml"
ENV_FILE = ".env"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _Place:
    """Where something lies in the home."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __get__(self, home: Home, kind: object) -> Path:
        return home.root / self._path


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder that one Octet lives in, and the places inside. Naming a place does not make it."""

    root: Path

    def __post_init__(self) -> None:
        if _CONTROL.search(str(self.root)):
            raise refused("home_refused", path=ascii(str(self.root)))

    config = _Place("config")  # what users write: octet.toml, agents.toml, desks/, profiles/
    env_file = _Place(ENV_FILE)  # secrets, and settings that belong to this machine only
    db = _Place("octet.db")  # the database: tasks, messages, deliveries, the journal
    lock = _Place("octet.lock")  # held by the one coordinator of this home
    run_json = _Place("run.json")  # address, port and operator's token of the running coordinator; 0600
    audit_key = _Place("audit.key")  # the key of the journal's chain; 0600
    codes_key = _Place("codes.key")  # the key that tasks' answer codes are checked with; 0600
    push_key = _Place("push.key")  # by which push services know this Octet again; 0600
    answers = _Place("answers")  # answers that agents left while no coordinator ran
    refused_answers = _Place("answers/refused")  # those of them that could not be used
    briefs = _Place("briefs")  # prompts too long for their window; files are 0600
    attachments = _Place("attachments")  # files that go with tasks and messages, a folder for each; 0700
    anchors = _Place("anchors")  # pictures of the part of each window that always looks the same
    learned = _Place("learned")  # what Octet learned of windows automatically, a file for each desk; 0700
    log = _Place("log/octet.log")  # what `octet run` reports, without secrets; with its folder for this account only
    vaults = _Place("vaults")  # Octet's own bare repository of each project; 0700
    workspaces = _Place("workspaces")  # the folders in which agents work on tasks of projects; 0700
    checks = _Place("checks")  # copies of folders in which commands of checks run; 0700
    acp = _Place("acp")  # a folder for each ACP agent: its conversation, its program's output; 0700
    # One folder per virtual display: its owner, its status, its cookie, its programs' output; 0700.
    displays = _Place("displays")


def find_home(home: Path | None, env: Mapping[str, str], cwd: Path) -> Home:
    """Return `home` (--home), else $OCTET_HOME, else `cwd` if it has config/octet.toml, else the user's data folder."""
    if home is None and env.get(HOME):
        home = Path(env[HOME])
    if home is not None:
        return Home(root=(cwd / home.expanduser()).resolve())
    if (cwd / OCTET_TOML).is_file():
        return Home(root=cwd)
    return Home(root=platformdirs.user_data_path("octet", appauthor=False))


def environ_file(folder: Path, window: str) -> Path:
    """Return where the variables for the program of a desk's pane are; without a name, for that of its display."""
    return folder / f"{window or 'program'}.env"


def hooks_file(folder: Path) -> Path:
    """Return the settings with Octet's hooks, for Claude Code in a desk's own panes."""
    return folder / "claude_code.json"


def anchor_file(folder: Path, window: str) -> Path:
    """Return where the worker looks for a window's anchor picture."""
    return folder / (re.sub(r"[^\w.-]", "_", window) + ".png")
