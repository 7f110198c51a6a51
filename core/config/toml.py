"""Reads a TOML file together with the line of each key, so that a problem can name its place.

tomllib parses; it gives no lines. A second walk over the text, which is known to be valid by then, finds them.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from core.kit.problems import BYTE_ORDER_MARK, WITHOUT_BOM, KeyPath, Problem, spell


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """One file that was read: its data, and on which line each key stands."""

    name: str
    """Relative to the home, with slashes: `config/desks/main.toml`."""
    data: dict[str, object] = field(default_factory=dict[str, object])
    lines: dict[KeyPath, int] = field(default_factory=dict[KeyPath, int])

    def line(self, path: KeyPath) -> int | None:
        """The line of this key, else of the table it would stand in; None when that is the whole file."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return None

    def problem(self, path: KeyPath, text: str) -> Problem:
        """A problem with this key of this file."""
        return Problem(file=self.name, line=self.line(path), key=spell(path), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlPart(TomlFile):
    """A table of a file, whose keys count from itself; what is wrong in it is said of the whole file."""

    of: TomlFile
    at: KeyPath

    def problem(self, path: KeyPath, text: str) -> Problem:
        """A problem with this key of this table."""
        return self.of.problem((*self.at, *path), text)


def read_toml(file: Path, name: str) -> TomlFile | Problem:
    """The file's data and lines, or the one problem for which it cannot be read."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Problem(file=name, text="is missing; `octet init` writes one")
    except OSError as error:
        return Problem(file=name, text=f"cannot be read: {(error.strerror or str(error)).lower()}")
    if raw.startswith(BYTE_ORDER_MARK):
        return Problem(file=name, line=1, text=WITHOUT_BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Problem(file=name, line=raw.count(b"\n", 0, error.start) + 1, text="is not UTF-8; save it as UTF-8")
    text = text.replace("\r\n", "\n")
    try:
        data = cast("dict[str, object]", tomllib.loads(text))
        return TomlFile(name=name, data=data, lines=_Walk(text).document())
    except RecursionError:
        return Problem(file=name, text="is nested too deeply")
    except ValueError as error:  # TOMLDecodeError, and the few plain ones that tomllib lets through
        return _syntax_problem(name, text, str(error))


def read_folder(root: Path, folder: str, problems: list[Problem]) -> tuple[dict[str, TomlFile], bool]:
    """Each readable `folder`/NAME.toml under `root` by its NAME, and whether all were readable.

    A folder that is not there has no files.
    """
    files: dict[str, TomlFile] = {}
    is_complete = True
    for path in sorted((root / folder).glob("*.toml")):
        name = f"{folder}/{path.name}"
        if not _FILE_NAME.fullmatch(path.stem):
            text = "the file's name is a name too: up to 32 letters, digits, - and _, without blanks; rename it"
            problems.append(Problem(file=name, text=text))
        file = read_toml(path, name)
        if isinstance(file, Problem):
            problems.append(file)
            is_complete = False
        else:
            files[path.stem] = file
    return files, is_complete


def _syntax_problem(name: str, text: str, message: str) -> Problem:
    what, _, where = message.rpartition(" (at ")
    at_line = re.match(r"line (\d+)", where)
    line = int(at_line[1]) if at_line else max(1, len(text.rstrip().split("\n"))) if what else None
    what = _PLAINER.get(what or message, what or message)
    return Problem(file=name, line=line, text=f"this is not TOML: {what[:1].lower()}{what[1:]}")


_PLAINER = {
    "Cannot overwrite a value": "this key stands twice",
    "Illegal character '\\n'": "a text has no closing quote on its line",
}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def _under(path: KeyPath, part: str | int) -> KeyPath:
    return (*path, part)


class _Walk:
    """One pass over a valid TOML text that notes the line of each key, table and array element."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip() < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> KeyPath:
        """`[a.b]` or `[[a.b]]`: a table's path, with the index of the newest element of each array of tables."""
        is_array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        parts = self._key()
        for place, part in enumerate(parts, start=1):
            path = _under(path, part)
            self._lines.setdefault(path, line)
            if is_array and place == len(parts):
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = _under(path, self._counts[path] - 1)
                self._lines.setdefault(path, line)
        self._skip()
        self._at += 2 if is_array else 1
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = _under(path, part)
            self._lines.setdefault(path, line)
        self._skip()
        self._at += 1  # =
        self._skip()
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip()
            if self._text[self._at] in "\"'":
                quoted = self._take(_STRING)
                parts.append(cast("str", tomllib.loads(f"k = {quoted}")["k"]))
            else:
                parts.append(self._take(_BARE))
            self._skip()
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        first = self._text[self._at]
        if first in "\"'":
            self._take(_STRING)
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._take(_PLAIN)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        count = 0
        while self._text[self._skip()] != "]":
            self._lines.setdefault(_under(path, count), self._line())
            self._value(_under(path, count))
            count += 1
            if self._text[self._skip()] == ",":
                self._at += 1
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._text[self._skip()] != "}":
            self._pair(path)
            if self._text[self._skip()] == ",":
                self._at += 1
        self._at += 1

    def _skip(self) -> int:
        self._take(_BLANK)
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, "tomllib accepted this text"
        self._at = match.end()
        return match[0]

    def _line(self) -> int:
        return bisect_right(self._ends, self._at) + 1
