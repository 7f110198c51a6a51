"""Logs to standard error and to the home, by names and values, without bodies and secrets; and `octet logs`."""

from __future__ import annotations

import contextlib
import io
import json as json_text
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from datetime import datetime
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import structlog
import typer

from bot.cli.home import HomeOption, JsonOption, home_of
from core.kit.console import without_secrets
from core.kit.redaction import HIDDEN
from core.remedies import refused

_SECRET_NAMES = re.compile(r"token|secret|code$|password|authorization", re.IGNORECASE)
_MAX_BYTES, _FILES = 10_000_000, 5
_LINE = re.compile(
    r"timestamp='(?P<at>[\d:.TZ+-]+)' level='(?P<level>\w+)' event=(?P<q>['\"])(?P<event>.*?)(?P=q)(?P<rest>( .*)?)"
)
_LOOK_S = 0.2  # between two looks for new lines


class Unfailing:
    """A stream that drops the text that a full disk or a lost reader does not take."""

    def __init__(
        self, stream: TextIO, *, shown: Callable[[str], str] = str, also: Callable[[str], None] = lambda _: None
    ) -> None:
        """Pass each text through `shown` before the stream, and `also`, get it."""
        self._stream = stream
        self._shown = shown
        self._also = also

    def write(self, text: str) -> int:
        """Write if the stream takes it, without a buffer, which would fail again at the end of the process."""
        self._also(self._shown(text))
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


class LogFile(RotatingFileHandler):
    """The log in the home, five files of 10 MB, which from their creation only this account can read. What the disk
    does not take is dropped."""

    def __init__(self, file: Path) -> None:
        self._rest = ""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        super().__init__(file, maxBytes=_MAX_BYTES, backupCount=_FILES - 1, encoding="utf-8", errors="backslashreplace")

    def take(self, text: str) -> None:
        """Write each line once it is whole."""
        with self.lock or contextlib.nullcontext():
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self.emit(logging.makeLogRecord({"msg": without_secrets(line)}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  its base calls it so
        """Drop the line: this log is where errors go."""

    def _open(self) -> io.TextIOWrapper:
        raw = io.FileIO(self.baseFilename, "a", opener=_private)  # a buffer would fail again when it is closed
        return io.TextIOWrapper(raw, encoding=self.encoding, errors=self.errors, write_through=True)


def _private(path: str, flags: int) -> int:
    handle = os.open(path, flags, 0o600)
    if sys.platform != "win32":
        os.fchmod(handle, 0o600)
    return handle


def log_to_stderr(level: str, *, file: Path | None = None) -> None:
    """Send every log line, also of libraries, to standard error and to `file`, and hide secrets there."""
    also, trouble = None, ""
    if file is not None:
        try:
            also = LogFile(file).take
        except OSError as error:
            trouble = f"octet: there is no log in {file}: {(error.strerror or str(error)).lower()}"
    sys.stderr = cast("TextIO", Unfailing(sys.stderr, shown=without_secrets, also=also or (lambda _: None)))
    if trouble:
        print(trouble, file=sys.stderr)
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
    """Hide values with a secret's name (`without_secrets` hides secrets in every part of the line), and write codes as
    their values."""
    for name, value in line.items():
        if _SECRET_NAMES.search(name) and name != "close_code":
            line[name] = HIDDEN
        elif isinstance(value, StrEnum):
            line[name] = value.value
    return line


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then show each new line, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show the last lines of the log that `octet run` writes into the home."""
    file = home_of(home).log
    if not file.exists():
        raise refused("no_log", file=file)
    with contextlib.suppress(KeyboardInterrupt):
        for line in _lines(file, lines, follow=follow):
            print(json_text.dumps({"line": line}, ensure_ascii=False) if json else _for_people(line), flush=follow)


def _for_people(line: str) -> str:
    """Return a line of the log with the time of this machine, its level and its event first; another line as it is."""
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    at = datetime.fromisoformat(found["at"]).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S} {found['level']:<7} {found['event']}{found['rest']}"


def _lines(file: Path, most: int, *, follow: bool) -> Generator[str]:
    """Yield the last lines; then, to follow, each new one, also over a change of files."""
    with contextlib.ExitStack() as opened:
        log = opened.enter_context(file.open(encoding="utf-8", errors="replace"))
        last, older = log.read().split("\n"), 1
        while len(last) <= most and (before := file.with_name(f"{file.name}.{older}")).exists():
            last, older = [*before.read_text(encoding="utf-8", errors="replace").splitlines(), *last], older + 1
        rest = last.pop()
        yield from last[max(0, len(last) - most) :]
        while follow:
            was = os.fstat(log.fileno()).st_ino
            is_changed = file.exists() and file.stat().st_ino != was  # asked before the last read of the old file
            *new, rest = (rest + log.read()).split("\n")
            yield from new
            if is_changed:
                opened.close()
                log = opened.enter_context(file.open(encoding="utf-8", errors="replace"))
            elif not new:
                threading.Event().wait(_LOOK_S)
