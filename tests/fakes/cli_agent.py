"""A CLI agent for tests, a real program for a real terminal: an editor with bracketed paste that wraps words itself, a
busy phase, dialogs, a limit, long pastes shown by a sign. What was submitted is logged.

Run inside a terminal: cli_agent.py NAME LOG [OPTION…]. `busy=S`: how long it works. `plain`: no brackets, each newline
of a paste sends. `collapse=N`: pastes of more lines are shown as a sign. `asks`: a prompt that says "ask first" is
answered by a question first. `done=FILE`: answers by the command of its prompt, once FILE is there. `answers`: writes
an answer between the markers of its prompt. `deaf=S`: reads nothing for so long after its start. `slow=S`: draws only
after so long. `streams=S`: writes its answer for so long, without a busy sign. `keeps=S`: shows what was sent in its
composer for so long. `renders`: shows what was sent without its backquotes. `trust`: asks at its start.
`twice`: stops at the second Esc. Ctrl+D ends it, Ctrl+N begins a new conversation; the text "limit" shows a limit.
Its log is for the test only; the driver must not know it.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.fakes.raw_terminal import Keyboard, raw

_MARKER = re.compile(r"<<<(\w{8})")
_DONE = re.compile(r"When finished: +(\S.*? done T-\d+ --code \S+)")


def wrapped(text: str, width: int) -> list[str]:
    """Return the text in lines of at most so many letters, broken at blanks, as programs break lines themselves."""
    lines: list[str] = []
    for whole in text.split("\n"):
        line = ""
        for word in re.split(r"( )", whole):
            rest = word
            while len(line) + len(rest) > width:
                if line.strip():
                    lines.append(line)
                    line, rest = "", rest.lstrip(" ")
                else:
                    lines.append(rest[:width])
                    rest = rest[width:]
            line += rest
        lines.append(line)
    return lines


class CliAgent:
    def __init__(self, name: str, log: Path, options: dict[str, str]) -> None:
        self._name, self._log, self._options = name, log, options
        self._busy_s = float(options.get("busy", "0.3"))
        self._draft = ""
        self._sign = ""
        self._said: list[str] = [f"{name} is ready."]
        self._busy_until = 0.0
        self._dialog = "Do you trust this folder?" if "trust" in options else ""
        self._keyboard = Keyboard()
        self._pastes = 0
        self._is_limited = False
        self._kept, self._kept_until = "", 0.0
        self._streams_until = 0.0
        self._answer = ""
        self._wake, self._woken = os.pipe()

    def run(self) -> None:
        signal.signal(signal.SIGWINCH, lambda *_: os.write(self._woken, b"w"))
        with raw():
            time.sleep(float(self._options.get("deaf", "0")))  # what the option asks for
            os.write(1, b"\x1b[?1049h" + (b"" if "plain" in self._options else b"\x1b[?2004h"))
            self._draw()
            while self._step():
                pass
            os.write(1, b"\x1b[?2004l\x1b[?1049l")

    def _step(self) -> bool:
        left = self._busy_until - time.monotonic()
        if self._busy_until and left <= 0:
            self._busy_until = 0.0
            if self._answer:
                self._said += self._answer.split("\n")
                self._answer = ""
            self._draw()
        if self._streams_until:
            self._said[-1] += " word"
            self._streams_until *= time.monotonic() < self._streams_until
            self._draw()
        if self._kept and time.monotonic() >= self._kept_until:
            self._kept = ""
            self._draw()
        rest_s = 0.2 if self._kept or self._streams_until else None
        ready, _, _ = select.select([0, self._wake], [], [], min(left, 0.2) if self._busy_until else rest_s)
        if self._wake in ready:
            os.read(self._wake, 100)
        if 0 in ready and not self._take(os.read(0, 65536)):
            return False
        time.sleep(float(self._options.get("slow", "0")))  # what the option asks for
        self._draw()
        return True

    def _take(self, data: bytes) -> bool:
        if not data:
            return False
        for text, is_pasted in self._keyboard.read(data):
            if is_pasted:
                self._paste(text)
            elif not self._key(text):
                return False
        return True

    def _paste(self, text: str) -> None:
        if self._dialog:
            return
        most = int(self._options.get("collapse", "0"))
        if most and text.count("\n") >= most and not self._draft:
            self._pastes += 1
            self._sign = f"[Pasted text #{self._pastes} +{text.count(chr(10))} lines]"
        elif self._sign:
            self._sign = ""
        self._draft += text

    def _key(self, key: str) -> bool:
        with self._log.with_suffix(".keys").open("a", encoding="utf-8") as keys:
            keys.write(json.dumps(key) + "\n")
        if self._dialog:
            if key in "12\x1b":
                self._dialog = ""
                self._busy_until = time.monotonic() + self._busy_s if key == "1" else 0.0
            return True
        if key == "\r":
            return self._submit()
        if key == "\x15":
            self._draft = self._sign = ""
        elif key == "\x1b" and "twice" in self._options:
            del self._options["twice"]
        elif key == "\x1b":
            self._busy_until = self._streams_until = 0.0
        elif key == "\x0e":
            self._said, self._busy_until = [f"{self._name} begins anew."], 0.0
        elif key == "\x04":
            return False
        elif key in "\x7f\x08":
            self._draft, self._sign = self._draft[:-1], ""
        elif key >= " ":
            self._draft, self._sign = self._draft + key, ""
        return True

    def _submit(self) -> bool:
        if not self._draft:
            return True
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(self._draft) + "\n")
        shown = self._draft.replace("`", "") if "renders" in self._options else self._draft
        self._said += [f"you: {line}" for line in shown.split("\n")]
        text, self._draft, self._sign = self._draft, "", ""
        if "keeps" in self._options:
            self._kept, self._kept_until = text, time.monotonic() + float(self._options["keeps"])
        self._is_limited = text == "limit"
        if "streams" in self._options:
            self._said.append("")
            self._streams_until = time.monotonic() + float(self._options["streams"])
            return True
        if "answers" in self._options and (found := _MARKER.search(text)):
            self._answer = f"<<<{found[1]}\nan answer of {self._name}\n{found[1]}>>>"
        if "done" in self._options and (found := _DONE.search(text)):
            self._answer_when_there(found[1], Path(self._options["done"]))
        if "asks" in self._options and "ask first" in text:
            self._dialog = "Run this command?"
            return True
        self._busy_until = time.monotonic() + self._busy_s
        return True

    def _answer_when_there(self, command: str, file: Path) -> None:
        answer = self._log.with_suffix(".answer.md")
        answer.write_text(f"hello from {self._name}")
        waits = f"until [ -e {shlex.quote(str(file))} ]; do sleep 0.1; done"
        with self._log.with_suffix(".command").open("ab") as said:
            words = ["sh", "-c", f"{waits}; {command} --file {shlex.quote(str(answer))}"]
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def _draw(self) -> None:
        columns, rows = shutil.get_terminal_size((80, 24))
        width = max(10, columns - 4)
        box = [] if self._dialog else self._box(width)
        status = "✻ Working… (esc to interrupt)" if self._busy_until else ""
        below: list[str] = ["", status, *box]
        if self._dialog:
            below = ["", self._dialog, "  rm -rf build", "❯ 1. Yes", "  2. No"]
            if "trust" in self._options:  # as Claude Code asks at its start
                below = ["─" * 20, self._dialog, " ❯ Yes, I trust this folder", "   No, exit"]
                below.append(" Enter to confirm · Esc to cancel")
        if self._is_limited:
            below = ["You've reached your limit until 3pm", *below]
        said = [part for line in self._said[-200:] for part in wrapped(line, columns - 1)]
        lines = [*said, *below][-rows:]
        os.write(1, ("\x1b[?25l\x1b[2J\x1b[H" + "\r\n".join(lines) + "\x1b[?25h").encode())

    def _box(self, width: int) -> list[str]:
        rule = "─" * (width + 4 - 1)
        draft = self._draft or self._kept
        if self._sign:
            text = [self._sign]
        elif not draft:
            return [rule, '❯ \x1b[2mTry "fix the tests"\x1b[0m', rule]
        else:
            text = wrapped(draft, width)
        return [rule, *(("❯ " if n == 0 else "  ") + line for n, line in enumerate(text)), rule]


if __name__ == "__main__":
    said, log, *more = sys.argv[1:]
    given: dict[str, str] = {}
    for option in more:
        key, _, value = option.partition("=")
        given[key] = value
    CliAgent(said, Path(log), given).run()
