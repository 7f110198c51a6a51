"""Why commands cannot be confined on a machine, and what its owner does about that."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Refusal(NamedTuple):
    """What forbids it, and the repair."""

    what: str
    cure: str


NOT_LINUX = Refusal("only Linux has the namespaces that confine a command", "Run Octet on Linux to have such checks.")
NOT_INSTALLED = Refusal("bubblewrap is not installed", "Install it: sudo apt install bubblewrap")
_SYSCTLS = (
    (
        *("kernel/apparmor_restrict_unprivileged_userns", "1"),
        "Ubuntu's AppArmor forbids user namespaces to bubblewrap",
        "Allow them to bubblewrap by the profile /etc/apparmor.d/bwrap (docs/inside/security.md shows it).",
    ),
    (
        *("kernel/unprivileged_userns_clone", "0"),
        "the kernel's settings forbid user namespaces",
        "Allow them: sudo sysctl kernel.unprivileged_userns_clone=1 (to keep it, in /etc/sysctl.d/octet.conf)",
    ),
    (
        *("user/max_user_namespaces", "0"),
        "the kernel's settings forbid user namespaces",
        "Allow them: sudo sysctl user.max_user_namespaces=15000 (to keep it, in /etc/sysctl.d/octet.conf)",
    ),
)
_CONTAINERS = (".dockerenv", "run/.containerenv")


def last_words(output: bytes) -> str:
    """Return why bubblewrap did not begin a command: it has written this and nothing else."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("bwrap: ") if lines else "it ended without a word"


def refusal(output: bytes, root: Path = Path("/")) -> Refusal:
    """Find the cause of a trial that failed. `output` is what bubblewrap wrote; `root` has /proc."""
    said = last_words(output)
    for setting, forbids, what, cure in _SYSCTLS:
        file = root / "proc/sys" / setting
        if file.exists() and file.read_text().strip() == forbids:
            return Refusal(f"{what} ({said})", cure)
    if any((root / name).exists() for name in _CONTAINERS):
        options = (
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
        )
        return Refusal(
            f"the container forbids user namespaces ({said})", f"Start it with {options}, or run Octet outside."
        )
    return Refusal(
        f"bubblewrap cannot confine a command ({said})", "Octet needs bubblewrap 0.8 or newer: bwrap --version"
    )
