"""Reads a .env file's names with the line of each, so that a problem can name its place; sets one of its variables."""

from __future__ import annotations

import io
from pathlib import Path

from dotenv.parser import parse_stream

from core.kit.errors import Invalid
from core.kit.files import write_private
from core.kit.problems import BYTE_ORDER_MARK, WITHOUT_BOM, Problem


class EnvFileNotRead(Invalid):
    """{file} cannot be read: {why}. Nothing was written."""


def read_env_file(file: Path, name: str, problems: list[Problem]) -> dict[str, int]:
    """The line of each variable, by its upper-case name; nothing when there is no such file.

    What cannot be read is added to `problems`.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(
            Problem(file=name, code="unreadable", text=f"cannot be read: {(error.strerror or str(error)).lower()}")
        )
        return {}
    if raw.startswith(BYTE_ORDER_MARK):  # it would become a part of the first name, which nobody finds then
        problems.append(Problem(file=name, line=1, code="byte_order_mark", text=WITHOUT_BOM))
        return {}
    try:
        bindings = list(parse_stream(io.StringIO(raw.decode("utf-8"))))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file=name, line=line, code="not_utf8", text="is not UTF-8; save it as UTF-8"))
        return {}
    text = "cannot be read; write NAME=value, and quotes around a value with blanks or #"
    problems.extend(
        Problem(file=name, line=binding.original.line, code="syntax", text=text)
        for binding in bindings
        if binding.error
    )
    return {binding.key.upper(): binding.original.line for binding in bindings if binding.key and not binding.error}


def set_variable(file: Path, name: str, value: str) -> None:
    """Write `name`=`value` in the place where it stood, else at the end; every other line stays as it is, and only the
    file's owner can read it. The value may hold no blanks, quotes or #. Raises EnvFileNotRead."""
    try:
        text = file.read_bytes().decode("utf-8") if file.exists() else ""
    except UnicodeDecodeError as error:
        raise EnvFileNotRead(file=file, why="it is not UTF-8; save it as UTF-8") from error
    end = "\r\n" if "\r\n" in text else "\n"
    line = f"{name}={value}{end}"
    parts: list[str] = []
    is_set = False
    for binding in parse_stream(io.StringIO(text)):
        old = binding.original.string
        if binding.error or (binding.key or "").upper() != name.upper():
            parts.append(old)
        elif not is_set:  # a second one of the same name goes: it would win over this one
            parts.append(old[: len(old) - len(old.lstrip())] + line)
            is_set = True
    if not is_set:
        if parts and not parts[-1].endswith("\n"):
            parts[-1] += end
        parts.append(line)
    write_private(file.resolve(), "".join(parts))  # a link stays a link
