"""Why a machine cannot confine commands, by what its kernel says, and what its owner does about that."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.bubblewrap.refusals import refusal


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "/etc/apparmor.d/bwrap"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1"),
        ("proc/sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces=15000"),
        (".dockerenv", "", "--security-opt seccomp=unconfined"),
        ("proc/sys/user/max_user_namespaces", "100\n", "bwrap --version"),
    ],
)
def test_each_cause_has_its_repair(file: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    found = refusal(b"bwrap: No permissions\n", tmp_path)
    assert (words in found.cure, "(No permissions)" in found.what) == (True, True), found
