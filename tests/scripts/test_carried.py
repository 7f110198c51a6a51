"""A fresh root learns where packages come from, and nothing else of this machine."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from scripts import carried


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make a user with pip's settings, and no other variables than those of the test."""
    for name in carried.environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".config/pip"
    folder.mkdir(parents=True)
    return folder / "pip.conf"


def test_proxies_and_certificates_are_carried_and_secrets_are_not(
    monkeypatch: pytest.MonkeyPatch, settings: Path
) -> None:
    assert settings.parent.is_dir()
    for name in ("https_proxy", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "somewhere")
    for name in ("OCTET_DISCORD_TOKEN", "AWS_SECRET_ACCESS_KEY", "DISPLAY", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "private")
    assert set(carried.environment()) == {
        "https_proxy",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "PIP_FIND_LINKS",
    }


def test_a_folder_of_wheels_and_a_local_index_are_shown_inside(settings: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    index = tmp_path / "index"
    (index / "simple").mkdir(parents=True)
    wheels.mkdir()
    settings.write_text(f"[global]\nfind-links = {wheels} {tmp_path}/absent\nextra-index-url = file://{index}/simple\n")
    assert {wheels, index} <= carried.named_paths()
    assert tmp_path / "absent" not in carried.named_paths()


def test_a_file_replaces_the_link_that_was_there_and_leaves_its_target_alone(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/resolv.conf").symlink_to(tmp_path / "outside")
    (tmp_path / "source").write_text("carried")
    carried.copy(tmp_path / "source", tmp_path / "root/resolv.conf")
    assert (tmp_path / "root/resolv.conf").read_text() == "carried"
    assert (tmp_path / "outside").read_text() == "mine"


@pytest.mark.parametrize("value", ["plain", "two words", "it's", 'a "quote"', "$HOME `id`"])
def test_a_variable_arrives_as_it_left(value: str) -> None:
    read_back = subprocess.run(
        ["sh", "-c", f'set -a; X={carried.quoted(value)}; printf %s "$X"'],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert read_back.stdout == value
    assert shlex.split(carried.quoted(value)) == [value]
