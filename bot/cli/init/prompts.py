"""Questions to the person at the terminal. Each can be answered by an option too; without a terminal it must be."""

from __future__ import annotations

import getpass
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bot.cli.operator import printable
from core.kit.errors import Invalid

MARK = "? "  # how each question begins on the screen


class NoTerminal(Invalid):
    """Nobody can be asked here: {question} Answer it by {option}, or run `octet init` in a terminal. What was answered
    before is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptChoice:
    """One of the things to choose from."""

    value: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Asks, and takes no answer that it did not offer."""

    is_terminal: bool

    @classmethod
    def at_terminal(cls) -> Prompts:
        """Asks whoever sits at standard input, if somebody does."""
        return cls(is_terminal=sys.stdin is not None and sys.stdin.isatty())

    def secret(self, question: str) -> str:
        """What is typed, unseen; without a terminal the first line of standard input. Empty: no answer."""
        if self.is_terminal:
            return getpass.getpass(f"{MARK}{question}: ").strip()
        return sys.stdin.readline().strip() if sys.stdin is not None else ""

    def text(self, question: str, *, option: str, default: str = "") -> str:
        """A line of text; Enter alone is `default`, where there is one."""
        while True:
            answer = self._line(f"{question}{f' [{default}]' if default else ''}", question, option) or default
            if answer:
                return answer

    def words(self, question: str, *, option: str, default: str = "") -> list[str]:
        """A command and its arguments, with the quotes that a shell takes; no shell ever reads them."""
        while True:
            try:
                if words := shlex.split(self.text(question, option=option, default=default)):
                    return words
            except ValueError as wrong:
                print(f"  {str(wrong)[:1].upper()}{str(wrong)[1:]}; type it again.")

    def number(self, question: str, *, option: str, default: int, most: int = 500) -> int:
        """A whole number from 1 to `most`."""
        while True:
            answer = self.text(question, option=option, default=str(default))
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= most:
                return int(answer)
            print(f"  Type a number from 1 to {most}.")

    def choose(self, question: str, choices: Sequence[PromptChoice], *, option: str, default: int = 0) -> str:
        """The value of one of the choices, by its number or its value; Enter alone is the default."""
        for number, choice in enumerate(choices, start=1):
            print(f"    {number}  {printable(choice.text)}")
        while True:
            answer = self._line(f"{question} [{default + 1}]", question, option) or str(default + 1)
            for number, choice in enumerate(choices, start=1):
                if answer.casefold() in {str(number), choice.value.casefold()}:
                    return choice.value
            print(f"  Type a number from 1 to {len(choices)}.")

    def confirm(self, question: str, *, option: str, default: bool = True) -> bool:
        """Yes or no; Enter alone is the default."""
        while True:
            answer = self._line(f"{question} [{'Y/n' if default else 'y/N'}]", question, option).casefold()
            if not answer:
                return default
            if answer in {"y", "yes", "n", "no"}:
                return answer.startswith("y")
            print("  Type y or n.")

    def _line(self, shown_question: str, question: str, option: str) -> str:
        if not self.is_terminal:
            raise NoTerminal(question=question if question.endswith(("?", ".")) else f"{question}.", option=option)
        print(f"{MARK}{shown_question}: ", end="", flush=True)
        line = sys.stdin.readline()  # not input(): a Ctrl-C right after its prompt is lost in there
        if not line:
            raise EOFError
        return line.strip()
