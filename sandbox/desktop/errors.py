"""What can go wrong, said so that the reader knows what to do next."""

from __future__ import annotations


class DesktopFailed(Exception):
    """The virtual desktop could not start or stopped working; the text says what to do."""


class VerbRefused(Exception):
    """A command on standard input that cannot be done; the text says why."""
