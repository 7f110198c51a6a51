"""Problems in what users wrote: the place of each, and what to do about it. Octet collects them and reports all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from core.kit.errors import Misconfigured

KeyPath = tuple[str | int, ...]  # the place of a value in its file: `("windows", 2, "profile")`


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error in the config. `file` is relative to the home; `text` states the error and a correct form."""

    file: str
    text: str
    line: int | None = None
    key: str = ""
    code: str = ""  # which rule is broken

    def __str__(self) -> str:
        """One line: `config/desks/main.toml:14: windows[2].profile: there is no profile "x"`."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        line = ": ".join(part for part in (place, self.key, self.text) if part)
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in line)


class ConfigWrong(Misconfigured):
    """Invalid configuration: {why}. Fix it, then run `octet check` again; nothing was started."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep every problem, in the order of files and lines, none twice."""
        self.problems = tuple(sorted(set(problems), key=lambda one: (one.file, one.line or 0, one.key, one.text)))
        super().__init__(why="; ".join(str(problem) for problem in self.problems))


def spell(path: KeyPath) -> str:
    """Return a key as users write it: `windows[2].profile`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def suggest(word: str, right: Iterable[str]) -> str:
    """Suggest what the user meant: `did you mean "port"?`, else list all that would be right."""
    names = sorted(right)
    close = difflib.get_close_matches(word, names, n=1)
    return f'did you mean "{close[0]}"?' if close else known(names)


def known(names: Iterable[str]) -> str:
    """List the names that would be right, at most 20."""
    listed = sorted(names)
    if not listed:
        return "none is known"
    rest = f" and {len(listed) - 20} more" if len(listed) > 20 else ""
    return f"known: {', '.join(listed[:20])}{rest}"


def show(value: object) -> str:
    """Return a value for the line of a problem: short, on one line."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        return "a table"
    elif isinstance(value, list | tuple | set | frozenset):
        return "a list"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "…" + ('"' if isinstance(value, str) else "")
