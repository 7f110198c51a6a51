"""Logs to standard error, by names and values, without bodies and secrets."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO, cast

import structlog

from core.kit.console import without_secrets
from core.kit.redaction import HIDDEN

_SECRET_NAMES = re.compile(r"token|secret|code$|password|authorization", re.IGNORECASE)


class Unfailing:
    """A stream that drops the text that a full disk or a lost reader does not take."""

    def __init__(self, stream: TextIO, *, shown: Callable[[str], str] = str) -> None:
        """Pass each text through `shown` before the stream gets it."""
        self._stream = stream
        self._shown = shown

    def write(self, text: str) -> int:
        """Write if the stream takes it, without a buffer, which would fail again at the end of the process."""
        with contextlib.suppress(OSError, ValueError):
            try:
                handle = self._stream.fileno()
            except io.UnsupportedOperation:
                self._stream.write(self._shown(text))
            else:
                os.write(handle, self._shown(text).encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def log_to_stderr(level: str) -> None:
    """Send every log line, also of libraries, to standard error, and hide secrets there."""
    sys.stderr = cast("TextIO", Unfailing(sys.stderr, shown=without_secrets))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # it warns that it has no voice, which Octet never uses
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the frames' local variables: they hold texts and secrets.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
            if level == "debug"
            else structlog.processors.format_exc_info,
            scrub,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def scrub(_logger: object, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values with a secret's name; `without_secrets` hides secrets in every part of the line."""
    for name in line:
        if _SECRET_NAMES.search(name) and name != "close_code":
            line[name] = HIDDEN
    return line
