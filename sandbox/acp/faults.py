"""What may be wrong with a program that speaks ACP: each fault was seen in a real one, or in a client's bug list."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFaults:
    """Written as words, with a number where one is needed: `start=3 forgets huge=6`."""

    start: float = 0  # seconds before it answers `initialize`
    new: bool = False  # it never answers `session/new`
    outlives: float = 0  # it ignores the end of its input and SIGTERM, and writes its history so many seconds later
    forgets: bool = False  # it keeps no history
    late: bool = False  # it writes its history only when it has answered
    silent: bool = False  # it takes a prompt and never reports anything
    repeats: bool = False  # it sends the user's own text after the first words of the answer
    huge: float = 0  # one line of so many MB in each turn
    replay: float = 0  # `session/load` sends so many MB of earlier messages first
    kinds: bool = False  # its options for a permission are of unknown kinds; the SDK's client refuses the question
    subagent: bool = False  # it asks for permission in a conversation that the client did not open
    chatter: bool = False  # it reports commands, mode and usage before and between turns
    dies: float = 0  # it exits after so many words of an answer
    login: bool = False  # it wants `authenticate` first
    loads: bool = False  # it cannot load a conversation
    deaf: bool = False  # it ignores `session/cancel`

    @classmethod
    def read(cls, words: str) -> ProgramFaults:
        """Read the words. Raises ValueError for one that does not exist."""
        known = {one.name: one.type for one in fields(cls)}
        found: dict[str, float | bool] = {}
        for word in words.replace(",", " ").split():
            name, _, number = word.partition("=")
            if name not in known:
                raise ValueError(f"{name} is not a fault; the faults are {', '.join(known)}")
            found[name] = True if known[name] == "bool" else float(number or 1)
        return replace(cls(), **found)  # type: ignore[arg-type]  # each word has the type of its field
