"""The terminal program (standard library only, made for xterm): header, transcript, busy line, composer."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from dataclasses import dataclass, field

from sandbox.desktop.agent.arguments import Arguments, read_arguments
from sandbox.desktop.agent.draft import TerminalDraft
from sandbox.desktop.agent.prompt import Stop, StopKind
from sandbox.desktop.agent.textgrid import fitted, rows, shown, width
from sandbox.desktop.agent.work import Finished, Said, ScriptedAgent, Voice

COMPOSER_ROWS = 5
DIALOG_ROWS = 4
SIGN = "> "
PROMPT_ROWS_SHOWN = 8
TRANSCRIPT_KEPT = 500
INK, FAINT, GREEN, BLUE = "#d8dee9", "#8a93a5", "#a3be8c", "#88c0d0"
PAPER = "#1d2026"
HEADER_PAPER = "#3b4252"
COMPOSER_PAPER = "#2a2e38"
IDLE_INK, IDLE = "#aab2c0", "#323844"
WAITS = "#4a3f6b"
BUSY_INK, BUSY = "#1d2026", "#ebb447"
EDGES = {StopKind.ASK: "#6d4fc2", StopKind.ERROR: "#b3364a", StopKind.LIMIT: "#8a6d1f"}
"""The colour of a dialog's first line."""
DIALOG_PAPER = "#0f1115"
KEYS = {"y": True, "n": False}
WAITING = "waiting for your answer · Esc interrupts"
IDLE_HINT = "ready · Enter sends, Ctrl+U clears"
# Bracketed paste; the other screen; no line wrap; a steady block as cursor, because pixels must not change.
_BEGIN = "\x1b[?2004h\x1b[?1049h\x1b[?7l\x1b[2 q\x1b[2J"
_END = "\x1b[?2004l\x1b[?7h\x1b[?1049l"


def _colours(ink: str, paper: str) -> str:
    parts = [str(int(colour[at : at + 2], 16)) for colour in (ink, paper) for at in (1, 3, 5)]
    return f"\x1b[38;2;{';'.join(parts[:3])};48;2;{';'.join(parts[3:])}m"


@dataclass(slots=True)
class TerminalScreen:
    """Draws only rows that have changed."""

    drawn: list[str] = field(default_factory=list[str])

    def show(self, wanted: list[str], *, cursor: tuple[int, int], force: bool) -> None:
        if force or len(wanted) != len(self.drawn):
            self.drawn = [""] * len(wanted)
        changes = [f"\x1b[{place + 1};1H{row}" for place, row in enumerate(wanted) if row != self.drawn[place]]
        self.drawn = wanted
        column, line = cursor
        sys.stdout.write("".join(changes) + f"\x1b[{line};{column}H")
        sys.stdout.flush()


class TerminalAgent:
    """One terminal window: reads keys, shows the agent's words."""

    def __init__(self, arguments: Arguments) -> None:
        self._who = arguments
        self._agent = ScriptedAgent(
            name=arguments.agent, folder=arguments.folder, work_seconds=arguments.work_seconds, queues=True
        )
        self._draft = TerminalDraft()
        self._screen = TerminalScreen()
        self._said: list[tuple[str, str]] = []
        self._started = 0.0
        self._resized = True
        self._note("A scripted demo agent. What you send here is counted, and answered through its octet done line.")

    def run(self) -> None:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
        signal.signal(signal.SIGWINCH, self._on_resize)
        try:
            tty.setraw(keyboard)
            sys.stdout.write(f"{_BEGIN}\x1b]2;{self._who.agent} — {self._who.workspace}\x07")
            self._draw()
            while self._step(keyboard):
                self._draw()
        finally:
            sys.stdout.write(_END)
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    def _on_resize(self, _signal: int, _frame: object) -> None:
        self._resized = True

    def _step(self, keyboard: int) -> bool:
        """Wait for keys or the agent; False when the terminal is gone."""
        limit = 0.02 if self._draft.holds_escape else 0.1 if self._agent.busy else 5.0
        ready, _, _ = select.select([keyboard], [], [], limit)
        if ready:
            data = os.read(keyboard, 65_536)
            if not data:
                return False
            for text in self._draft.feed(data):
                self._enter(text)
            for key in self._draft.answers:
                self._agent.answer(allowed=KEYS.get(key, True))
            self._draft.answers.clear()
        elif self._draft.holds_escape:
            self._draft.forget_escape()
            self._agent.interrupt()
        self._hear()
        return True

    def _enter(self, text: str) -> None:
        was_busy = self._agent.busy
        if self._agent.submit(text):
            self._draft.clear()
            if not was_busy:
                self._started = time.monotonic()

    def _hear(self) -> None:
        for news in self._agent.news():
            if isinstance(news, Finished):
                self._agent.rest()
                self._started = time.monotonic()
            elif isinstance(news, Said):
                self._append(news)
            # What it asks is `self._agent.stop`, for as long as it asks.
        stop = self._agent.stop
        self._draft.answers_to = "" if stop is None else "yn" if stop.kind is StopKind.ASK else "c"

    def _append(self, said: Said) -> None:
        ink = {Voice.PROMPT: INK, Voice.AGENT: GREEN, Voice.COMMAND: BLUE}[said.voice]
        self._said.append((FAINT, f"\n{time.strftime('%H:%M:%S')} {said.speaker(self._who.agent)}"))
        self._said.append((ink, shown(said.text.rstrip("\n"))))
        del self._said[:-TRANSCRIPT_KEPT]

    def _note(self, text: str) -> None:
        self._said.append((FAINT, text))

    def _draw(self) -> None:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        force, self._resized = self._resized, False
        transcript_rows = max(1, lines - COMPOSER_ROWS - 2)
        composer, cursor_column, cursor_row = self._composer(columns)
        wanted = [
            self._header(columns),
            *self._transcript(columns, transcript_rows),
            self._busy_line(columns),
            *composer,
        ]
        cursor_line = transcript_rows + 3 + cursor_row
        self._screen.show(wanted, cursor=(cursor_column, cursor_line), force=force)

    def _header(self, columns: int) -> str:
        text = f" {self._who.agent}  {self._who.workspace} · terminal"
        return "\x1b[1m" + _colours(INK, HEADER_PAPER) + fitted(text, columns) + "\x1b[0m"

    def _transcript(self, columns: int, count: int) -> list[str]:
        found: list[tuple[str, str]] = []
        for ink, text in self._said[-count * 2 :]:
            cut = rows(text, columns - 2)
            if ink == INK and len(cut) > PROMPT_ROWS_SHOWN:
                more = len(cut) - PROMPT_ROWS_SHOWN + 1
                cut = (*cut[: PROMPT_ROWS_SHOWN - 1], f"… {more} more rows")
            found += [(ink, row) for row in cut]
        seen = [(INK, ""), *found[-(count - 2) :]]
        seen += [(INK, "")] * (count - len(seen))
        drawn = [_colours(ink, PAPER) + fitted(" " + row, columns) for ink, row in seen]
        stop = self._agent.stop
        return drawn if stop is None else drawn[:-DIALOG_ROWS] + self._dialog(stop, columns)

    def _dialog(self, stop: Stop, columns: int) -> list[str]:
        """Draw the agent's question over the end of the transcript."""
        ask = stop.kind is StopKind.ASK
        text = rows(shown(f"$ {stop.text}" if ask else stop.text), columns - 2)[: DIALOG_ROWS - 2]
        keys = "[y] approve   [n] deny" if ask else "[c] continue"
        plain = _colours(INK, DIALOG_PAPER)
        body = [plain + fitted(" " + row, columns) for row in (*text, *[""] * (DIALOG_ROWS - 2 - len(text)), keys)]
        return [_colours("#ffffff", EDGES[stop.kind]) + fitted(" " + stop.title, columns), *body]

    def _busy_line(self, columns: int) -> str:
        if not self._agent.busy:
            return _colours(IDLE_INK, IDLE) + fitted(" " + IDLE_HINT, columns)
        if self._agent.stop is not None:
            return _colours(INK, WAITS) + fitted(" " + WAITING, columns)
        seconds = time.monotonic() - self._started
        text = f" working on {self._agent.label} · {seconds:.0f} s"
        return _colours(BUSY_INK, BUSY) + fitted(text, columns)

    def _composer(self, columns: int) -> tuple[list[str], int, int]:
        """Return the composer's rows with the draft, or its end, and the cursor's column and row in them."""
        room = columns - len(SIGN) - 1
        cut = rows(self._draft.seen(), room)[-COMPOSER_ROWS:]
        paper = _colours(INK, COMPOSER_PAPER)
        drawn = [
            paper + (SIGN if place == 0 else " " * len(SIGN)) + fitted(cut[place] if place < len(cut) else "", room + 1)
            for place in range(COMPOSER_ROWS)
        ]
        return drawn, len(SIGN) + width(cut[-1]) + 1, len(cut) - 1


if __name__ == "__main__":
    TerminalAgent(read_arguments()).run()
