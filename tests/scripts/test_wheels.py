"""What pipx installs: everything was checked against the locks, and nothing is asked of a package host."""

from __future__ import annotations

import shlex
import zipfile
from hashlib import sha256
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from scripts import wheels


def test_packages_are_checked_and_built_by_what_is_locked_and_pipx_takes_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commands = tmp_path / "with space" / "dist", list[list[str]]()

    def built(_title: str, command: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "octet_dispatch-0.2.0-py3-none-any.whl").touch()
        commands.append(command)

    monkeypatch.setattr(wheels, "WHEELS", folder)
    monkeypatch.setattr(wheels, "step", built)
    wheels.main()
    packages, own = commands
    assert {"--require-hashes", "--no-build-isolation", "--no-deps"} <= set(packages)
    locks = [Path(word).name for word in packages if word.endswith(".txt")]
    assert locks == ["build.txt", "runtime.txt"], "on its first use pipx installs pip from the same folder"
    assert {"--no-index", "--no-build-isolation", "--no-deps"} <= set(own)
    install = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert install[:2] == ["pipx", "install"]
    [pip] = [word.partition("=")[2] for word in install if word.startswith("--pip-args=")]
    assert shlex.split(pip) == ["--no-index", f"--find-links={folder}"]
    assert (folder / "octet_dispatch-0.2.0-py3-none-any.whl.sha256").read_text().split()[0] == sha256(b"").hexdigest()
    assert install[-1] == str(folder / "octet_dispatch-0.2.0-py3-none-any.whl")


def test_the_other_xlib_is_there_by_name_only(tmp_path: Path) -> None:
    wheels.write_empty(tmp_path)
    [file] = tmp_path.iterdir()
    with zipfile.ZipFile(file) as wheel:
        [folder] = {name.partition("/")[0] for name in wheel.namelist()}
        found = PathDistribution(zipfile.Path(wheel, f"{folder}/"))
        assert (found.name, found.version) == ("python3-xlib", "0.15+empty")
        assert {str(path) for path in found.files or ()} == {
            name for name in wheel.namelist() if not name.endswith("/")
        }
