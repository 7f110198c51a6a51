"""Repositories of a test's own: an owner's, made by git as users make them, and Octet's gateway to it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from automation.git.gateway import Git
from core.settings.projects import Project
from core.workspaces.model import Repository

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(folder: Path, *arguments: str | bytes, check: bool = True, **environment: str) -> str:
    """Run plain git as a user or an agent does, with all that the repository's configuration says."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT | environment, check=check, capture_output=True
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)


def commit(folder: Path, files: dict[str, str | bytes], subject: str = "Change") -> str:
    """Commit these files as a user does, and return the commit."""
    write(folder, files)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@dataclass
class World:
    """An owner's repository, the vault that Octet has of it, and a place for agents' folders."""

    root: Path
    octet: Git
    repository: Repository

    @property
    def owner(self) -> Path:
        return Path(self.repository.source)

    @property
    def vault(self) -> Path:
        return Path(self.repository.vault)

    @property
    def folder(self) -> Path:
        return self.root / "folders" / "T-1"

    async def begin(self, branch: str = "octet/T-1") -> str:
        """Fetch and make the folder; return the base."""
        base = await self.octet.fetch(self.repository)
        await self.octet.make_folder(self.repository, str(self.folder), commit=base, branch=branch)
        return base

    async def save(self, parent: str) -> str:
        return (await self.octet.snapshot(self.repository, str(self.folder), parent=parent, subject="Save")).commit


@pytest.fixture
def world(tmp_path: Path) -> World:
    source = tmp_path / "owner"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    commit(source, {"a.txt": "one\n", "lib/b.py": "x = 1\n", "run.sh": "#!/bin/sh\n"}, "First")
    repository = Repository(
        name="apollo", project=Project(repository=str(source)), source=str(source), vault=str(tmp_path / "vault")
    )
    return World(tmp_path, Git(), repository)
