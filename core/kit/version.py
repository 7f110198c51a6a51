"""Which Octet this is."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """The version of this Octet; `unknown` in a checkout that was never installed."""
    try:
        return metadata.version("octet-dispatch")
    except metadata.PackageNotFoundError:
        return "unknown"
