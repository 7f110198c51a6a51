"""What a fresh root is given from this machine: only what its package clients know about where packages come from.

That is apt's sources, keys and Acquire options; pip's and npm's settings; certificates; the variables that name
proxies and certificates; name resolution. Folders and files that these name are shown inside at the same place.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

ETC = (
    "etc/resolv.conf",
    "etc/hosts",
    "etc/pip.conf",
    "etc/npmrc",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/local/share/ca-certificates",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/apt/auth.conf",
    "etc/apt/auth.conf.d",
    "etc/apt/preferences.d",
    "etc/apt/trusted.gpg.d",
    "etc/apt/keyrings",
    "usr/share/keyrings",
)
OF_THE_USER = (".config/pip/pip.conf", ".pip/pip.conf", ".npmrc")
VARIABLES = re.compile(r"^(?:PIP_\w+|\w*_proxy|\w*_PROXY|\w*CERT\w*|\w*_CA_\w+|\w*_CAINFO)$")


def carry(root: Path, home: Path) -> dict[str, str]:
    """Copy the settings into a root and note what to show inside it; return the variables its user needs."""
    shutil.rmtree(root / "etc/apt/sources.list.d")  # as mmdebstrap wrote them: the same ones under other names
    for name in ETC:
        copy(Path("/") / name, root / name)
    for name in OF_THE_USER:
        copy(Path.home() / name, home / name)
    (root / "etc/apt/apt.conf.d/99carried").write_text(apt_options())
    shown = sorted({str(path) for path in named_paths() if not (root / path.relative_to("/")).exists()})
    (root / ".binds").write_text("".join(f"{path}\n" for path in shown))
    return environment()


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder over what is there, links resolved; nothing when there is no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    elif source.is_file():
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)


def suite() -> str:
    """Return the codename of this machine's Debian."""
    words = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=(\w+)", words, re.MULTILINE)
    return found[1] if found else "stable"


def apt_sources() -> str:
    """All of this machine's apt sources, in the one-line form or in the newer one, whichever mmdebstrap is to read."""
    folder = Path("/etc/apt")
    newer = "\n\n".join(path.read_text() for path in sorted(folder.glob("sources.list.d/*.sources")))
    if newer.strip():
        return newer
    older = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    return "\n".join(path.read_text() for path in older if path.is_file())


def apt_options() -> str:
    """How apt fetches here: proxies, certificates, checks. Hooks and habits stay outside."""
    dump = subprocess.run(["apt-config", "dump"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    wanted = [line for line in dump.splitlines() if line.startswith("Acquire::") and not line.endswith(' "";')]
    return "\n".join(line for line in wanted if "IndexTargets" not in line) + "\n"


def environment() -> dict[str, str]:
    """Return the variables that name proxies, certificates and pip's settings."""
    return {key: value for key, value in os.environ.items() if VARIABLES.match(key) and key != "PIP_CONFIG_FILE"}


def named_paths() -> set[Path]:
    """Files and folders that pip's settings and the variables name, such as a folder of wheels."""
    values = list(environment().values())
    for path in (Path("/etc/pip.conf"), *(Path.home() / name for name in OF_THE_USER[:2])):
        settings = configparser.RawConfigParser()
        settings.read(path)
        values += [value for section in settings.sections() for _, value in settings.items(section)]
    words = [word.removeprefix("file://") for value in values for word in value.split()]
    return {top(Path(word)) for word in words if word.startswith("/") and Path(word).exists()}


def top(path: Path) -> Path:
    """Return the folder above `simple`: an index links to files beside it."""
    return path.parent if path.name == "simple" else path


def quoted(value: str) -> str:
    return shlex.quote(value)
