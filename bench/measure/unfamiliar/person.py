"""A user at a console: reads what a command asks, and answers as somebody would who wants what it proposes."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.measure.unfamiliar.desktop import KINDS

ANSWER_S = 5.0
"""What a user needs to read a question and to answer it. Added to the time that the command really took."""
_QUIET_S = 0.4
"""A command that says nothing for so long, and whose last line asks, waits for its user."""
_STUCK_S = 60.0
"""A command that says nothing for so long, and asks nothing that the user understands, is ended."""
_MOST_QUESTIONS = 60
_TRIES = 2
"""A user who has pointed so often in vain skips the window."""
_POINTS = re.compile(r"place from the window's corner")
_CHOOSES = re.compile(r"\? = help\]")
_ROW = re.compile(r"(\d+) +\S")
"""A row of the table of windows."""
_ASKS = re.compile(r"(\?|:|\]|>)\s*$")
_TITLE = re.compile(r"“([^”]+)”")


@dataclass(slots=True, kw_only=True)
class Talk:
    """What was said on the console."""

    words: str = ""
    answers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Each question with what the user answered."""
    seconds: float = 0.0
    """From the command's start to its end."""
    code: int = 0

    @property
    def person_s(self) -> float:
        """The user's time: they wait at the console as long as the command runs, and read and answer each question."""
        return self.seconds + ANSWER_S * len(self.answers)


def talk(argv: Sequence[str], environ: Mapping[str, str]) -> Talk:
    """Run a command on a console of its own, with a user who answers."""
    said, began = Talk(), time.monotonic()
    master, slave = pty.openpty()
    with subprocess.Popen(argv, env=dict(environ), stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        asked_at, spoke_s = 0, began
        while time.monotonic() - spoke_s < _STUCK_S and len(said.answers) < _MOST_QUESTIONS:
            if select.select([master], [], [], _QUIET_S)[0]:
                try:
                    read = os.read(master, 65536)
                except OSError:  # the command has ended
                    break
                said.words += read.decode("utf-8", "replace").replace("\r\n", "\n")
                spoke_s = time.monotonic()
            elif (answer := _answer(said.words[asked_at:])) is not None:
                if said.answers.count(answer) >= _TRIES:
                    answer = answer[0], "s"
                said.answers.append(answer)
                asked_at = len(said.words)
                os.write(master, f"{answer[1]}\n".encode())
        else:
            process.terminate()
        said.code = process.wait()
    os.close(master)
    said.seconds = time.monotonic() - began
    return said


def _answer(words: str) -> tuple[str, str] | None:
    """Return what the command asks at the end of `words`, and the answer; None where it asks nothing."""
    lines = [line for line in words.splitlines() if line.strip()]
    if not lines or not _ASKS.search(lines[-1]):
        return None
    last = lines[-1].strip()
    if _POINTS.search(last):
        return last, _place("\n".join(lines[-3:]))
    if _CHOOSES.search(last):
        # Each window of this desktop is an agent's.
        numbers = [int(found[1]) for line in lines if (found := _ROW.match(line))]
        proposed = ",".join(map(str, numbers))
        return last, "" if f"into {proposed}," in last else f"1-{max(numbers, default=1)}"
    return last, ""


def _place(words: str) -> str:
    """Where the composer of the window that is asked about stands, as a user sees it."""
    titles = _TITLE.findall(words)
    for kind in KINDS.values():
        if any(kind.title in title for title in titles):
            return f"{kind.composer[0]},{kind.composer[1]}"
    return "s"
