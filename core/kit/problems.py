"""Problems in what people wrote: where each stands, what to do about it. They are collected, none is thrown alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from core.kit.errors import Misconfigured

KeyPath = tuple[str | int, ...]  # where a value stands in its file: `("windows", 2, "profile")`


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `file` is relative to the home; `text` says what is wrong and what would be right."""

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
    """The configuration is not right: {why}. Mend it and run `octet check` again; nothing was started."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep every problem, in the order of files and lines, none twice."""
        self.problems = tuple(
            sorted(set(problems), key=lambda problem: (problem.file, problem.line or 0, problem.key, problem.text))
        )
        super().__init__(why="; ".join(str(problem) for problem in self.problems))


def spell(path: KeyPath) -> str:
    """A key as people write it: `windows[2].profile`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def suggest(word: str, right: Iterable[str]) -> str:
    """What the writer may have meant: `did you mean "port"?`, else all that would be right."""
    names = sorted(right)
    close = difflib.get_close_matches(word, names, n=1)
    return f'did you mean "{close[0]}"?' if close else known(names)


def known(names: Iterable[str]) -> str:
    """All the names that would be right, as long as that is readable."""
    listed = sorted(names)
    if not listed:
        return "none is known"
    rest = f" and {len(listed) - 20} more" if len(listed) > 20 else ""
    return f"known: {', '.join(listed[:20])}{rest}"


def show(value: object) -> str:
    """A value as it may stand in a problem's line: short, on one line."""
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
