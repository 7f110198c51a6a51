"""Which Octet this is, and on which machine."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """Return the version of this Octet; `unknown` in a checkout that was never installed."""
    try:
        return metadata.version("octet-dispatch")
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def host() -> str:
    """Return how receipts name this machine: a short hash, which does not reveal its name."""
    try:
        name = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        name = ""
    return hashlib.sha256(f"octet:{name or platform.node()}".encode()).hexdigest()[:12]
