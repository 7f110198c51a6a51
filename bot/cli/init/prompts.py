"""Questions to the user at the terminal. An option can answer each; without a terminal it must."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bot.cli.operator import printable
from core.remedies import refused

T = TypeVar("T")
MARK = "? "  # how each question begins on the screen


class AgentPlace(StrEnum):
    """Where the agents are, and so how prompts reach them."""

    WINDOWS = "windows"
    TERMINALS = "terminals"
    ACP = "acp"
    DISPLAYS = "displays"
    DRY_RUN = "dryrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """The answers that options of `octet init` give; it asks for the others."""

    guild: int | None = None
    channel: int | None = None
    owner: str | None = None  # a user's id, `application` for its owner, or `none`
    agents: AgentPlace | None = None
    login: bool | None = None  # whether Octet starts at log-in
    wait_s: float = 600.0  # how long to wait for the bot's invitation
    answer_s: float = 120.0  # how long to wait for the test task's answer
    send_task: bool = True  # whether to start Octet and send one test task
    keep_running: bool = True  # whether Octet then runs until Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Asks, and takes only valid answers."""

    is_terminal: bool

    @classmethod
    def at_terminal(cls) -> Prompts:
        return cls(is_terminal=sys.stdin is not None and sys.stdin.isatty())

    def secret(self, question: str) -> str:
        """Read a hidden line; without a terminal the first line of standard input. Empty: no answer."""
        if self.is_terminal:
            return getpass.getpass(f"{MARK}{question}: ").strip()
        return sys.stdin.readline().strip() if sys.stdin is not None else ""

    def ask(self, question: str, parse: Callable[[str], T], *, option: str, default: str = "", hint: str = "") -> T:
        """Ask until `parse` takes the line; it raises ValueError with the correction. Enter alone is `default`."""
        if not self.is_terminal:
            raise refused(
                "no_terminal", question=question if question.endswith(("?", ".")) else f"{question}.", option=option
            )
        shown = f" [{hint or default}]" if hint or default else ""
        while True:
            print(f"{MARK}{question}{shown}: ", end="", flush=True)
            line = sys.stdin.readline()  # not input(): a Ctrl-C right after its prompt is lost in there
            if not line:
                raise EOFError
            try:
                if answer := line.strip() or default:
                    return parse(answer)
            except ValueError as wrong:
                print(f"  {wrong}")

    def number(self, question: str, *, option: str, default: int, most: int = 500) -> int:
        def parse(answer: str) -> int:
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= most:
                return int(answer)
            raise ValueError(f"Type a number from 1 to {most}.")

        return self.ask(question, parse, option=option, default=str(default))

    def choose(self, question: str, choices: Mapping[str, str], *, option: str, default: int = 0) -> str:
        """Ask for one of the choices, which have a text each, by its number or its name."""

        def parse(answer: str) -> str:
            for number, choice in enumerate(choices, start=1):
                if answer.casefold() in {str(number), choice.casefold()}:
                    return choice
            raise ValueError(f"Type a number from 1 to {len(choices)}.")

        for number, text in enumerate(choices.values(), start=1):
            print(f"    {number}  {printable(text)}")
        return self.ask(question, parse, option=option, default=str(default + 1))

    def confirm(self, question: str, *, option: str, default: bool = True) -> bool:
        def parse(answer: str) -> bool:
            if answer.casefold() in {"y", "yes", "n", "no"}:
                return answer.casefold().startswith("y")
            raise ValueError("Type y or n.")

        hint = "Y/n" if default else "y/N"
        return self.ask(question, parse, option=option, default="y" if default else "n", hint=hint)
