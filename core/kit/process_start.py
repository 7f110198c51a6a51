"""Tells a process from a later one with the same id. Standard library only: agents' commands import it."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int) -> str:
    """Return when a process started, in ticks since the system's start; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
