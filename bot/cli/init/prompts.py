"""Questions to the user at the terminal. An option can answer each; without a terminal it must."""

from __future__ import annotations

import getpass
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.cli.operator import printable
from core.kit.errors import Invalid

MARK = "? "  # how each question begins on the screen


class NoTerminal(Invalid):
    """Nobody can be asked here: {question} Answer it by {option}, or run `octet init` in a terminal. What was answered
    before is kept."""


class AgentPlace(StrEnum):
    """The ways in which prompts reach agents."""

    WINDOWS = "windows"
    TERMINALS = "terminals"
    DISPLAYS = "displays"
    DRY_RUN = "dryrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What the caller of `octet init` says beforehand, by options. Octet asks for the rest."""

    guild: int | None = None
    channel: int | None = None
    owner: str | None = None  # A person's id, `application` for its owner, or `none`
    agents: AgentPlace | None = None
    login: bool | None = None  # whether Octet starts at log-in
    wait_s: float = 600.0  # how long to wait for the bot's invitation
    answer_s: float = 120.0  # how long to wait for the test task's answer
    send_task: bool = True  # Octet is started, and one test task sent
    keep_running: bool = True  # afterwards it runs until Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Asks, and takes no answer that it did not offer."""

    is_terminal: bool

    @classmethod
    def at_terminal(cls) -> Prompts:
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
        while True:
            answer = self.text(question, option=option, default=str(default))
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= most:
                return int(answer)
            print(f"  Type a number from 1 to {most}.")

    def choose(self, question: str, choices: Mapping[str, str], *, option: str, default: int = 0) -> str:
        """One of the choices, which have a text each, by its number or its name; Enter alone is the default."""
        for number, text in enumerate(choices.values(), start=1):
            print(f"    {number}  {printable(text)}")
        while True:
            answer = self._line(f"{question} [{default + 1}]", question, option) or str(default + 1)
            for number, choice in enumerate(choices, start=1):
                if answer.casefold() in {str(number), choice.casefold()}:
                    return choice
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
