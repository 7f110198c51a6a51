"""Reads TOML files, and finds the line of a key, so that a problem can name its place."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core.kit.problems import KeyPath, Problem, spell

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlTable:
    """A TOML file, or a table in it, and the list in which its problems are collected."""

    name: str  # Relative to the home, with slashes: `config/desks/main.toml`.
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    text: str = ""  # The whole file
    at: KeyPath = ()  # The place of the table in the file
    problems: list[Problem] = field(default_factory=list[Problem], compare=False)

    def table(self, *path: str | int) -> TomlTable:
        """Return the table at `path`, without keys where the file has none there; problems name the whole path."""
        found: Any = self.data
        try:
            for part in path:
                found = found[part]
        except (KeyError, IndexError, TypeError):
            found = {}
        return self.with_data(cast("dict[str, object]", found) if isinstance(found, dict) else {}, *path)

    def with_data(self, data: Mapping[str, object], *path: str | int) -> TomlTable:
        """Return the table at `path` with other data than the file's."""
        return TomlTable(name=self.name, data=data, text=self.text, at=(*self.at, *path), problems=self.problems)

    def without(self, *keys: str) -> TomlTable:
        return self.with_data({key: value for key, value in self.data.items() if key not in keys})

    def tables(self, key: str) -> dict[int, TomlTable]:
        """Return the tables of an array by their places; other entries are left out."""
        listed = self.data.get(key)
        entries = cast("list[object]", listed) if isinstance(listed, list) else []
        return {place: self.table(key, place) for place, entry in enumerate(entries) if isinstance(entry, dict)}

    def report(self, path: KeyPath, code: str, text: str) -> None:
        path = (*self.at, *path)
        line = line_of(self.text, path)
        self.problems.append(Problem(file=self.name, line=line, key=spell(path), text=text, code=code))


def read_text(file: Path, name: str, problems: list[Problem]) -> str | None:
    """Return the text of a file; None and one more problem if it is unreadable. Raises FileNotFoundError."""
    raw, line = b"", None
    try:
        raw = file.read_bytes()
        if not raw.startswith(codecs.BOM_UTF8):  # it would become a part of the first name
            return raw.decode("utf-8")
        line, code, text = 1, "byte_order_mark", "begins with a byte order mark; save it as UTF-8 without BOM"
    except FileNotFoundError:
        raise
    except OSError as error:
        code, text = "unreadable", f"cannot be read: {(error.strerror or str(error)).lower()}"
    except UnicodeDecodeError as error:
        line, code, text = raw.count(b"\n", 0, error.start) + 1, "not_utf8", "is not UTF-8; save it as UTF-8"
    problems.append(Problem(file=name, line=line, code=code, text=text))
    return None


def read_toml(root: Path, name: str, problems: list[Problem]) -> TomlTable | None:
    """Return the file `name` of the home `root`; None, and one problem more, where it cannot be read."""
    try:
        text = read_text(root / name, name, problems)
    except FileNotFoundError:
        problems.append(Problem(file=name, code="missing_file", text="is missing; `octet init` writes one"))
        return None
    if text is None:
        return None
    text = text.replace("\r\n", "\n")
    try:
        return TomlTable(name=name, data=tomllib.loads(text), text=text, problems=problems)
    except RecursionError:
        problems.append(Problem(file=name, code="too_deep", text="is nested too deeply"))
    except ValueError as error:  # TOMLDecodeError, and a few plain ones of tomllib
        problems.append(_syntax_problem(name, text, str(error)))
    return None


def read_folder(root: Path, folder: str, problems: list[Problem]) -> tuple[dict[str, TomlTable], bool]:
    """Return each readable `folder`/NAME.toml by its NAME, and whether all were readable; none without a folder."""
    files: dict[str, TomlTable] = {}
    names = sorted(path.stem for path in (root / folder).glob("*.toml"))
    for stem in names:
        name = f"{folder}/{stem}.toml"
        if not _FILE_NAME.fullmatch(stem):
            text = "the file's name is not valid: use up to 32 letters, digits, - and _, without spaces; rename it"
            problems.append(Problem(file=name, code="bad_name", text=text))
        if file := read_toml(root, name, problems):
            files[stem] = file
    return files, len(files) == len(names)


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line of a key, or of the deepest table above it that the file has; None where it has none of them."""
    holder: Any = None
    item: Any = _document(text)
    key: str | int = ""
    for part in path:
        try:
            holder, item, key = item, item[part], part
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(item, str):  # its letters have no lines
            break
    while holder is not None:
        if line := _line_of_item(text, holder, key):
            return line
        # A table without a header, or an array of tables: its first entry has the line.
        holder, key = item, 0 if isinstance(item, list) else next(iter(item))
        item = holder[key]
    return None


@lru_cache(maxsize=8)
def _document(text: str) -> TOMLDocument:
    import tomlkit

    return tomlkit.parse(text)


def _line_of_item(text: str, holder: Any, key: str | int) -> int:
    """Mark the item, write the document, and count the lines above the mark; 0 where the item is not written itself."""
    from tomlkit.container import OutOfOrderTableProxy
    from tomlkit.items import AoT, Table

    item, mark, document = holder[key], "octet_marks_this_line", _document(text)
    if isinstance(item, AoT | OutOfOrderTableProxy):
        return 0
    if isinstance(item, Table):
        before, item.trivia.comment = item.trivia.comment, f"#{mark}"
        written = document.as_string()
        item.trivia.comment = before
    else:
        holder[key] = mark
        written = document.as_string()
        holder[key] = item
    above, found, _ = written.partition(mark)
    return above.count("\n") + 1 if found else 0


def _syntax_problem(name: str, text: str, message: str) -> Problem:
    what, _, where = message.rpartition(" (at ")
    at_line = re.match(r"line (\d+)", where)
    line = int(at_line[1]) if at_line else max(1, len(text.rstrip().split("\n"))) if what else None
    what = _PLAINER.get(what or message, what or message)
    return Problem(file=name, line=line, code="syntax", text=f"this is not TOML: {what[:1].lower()}{what[1:]}")


_PLAINER = {
    "Cannot overwrite a value": "duplicate key",
    "Illegal character '\\n'": "a text has no closing quote on its line",
}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
