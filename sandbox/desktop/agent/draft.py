"""The terminal program's composer: keys and pastes in, a draft out. Long pastes are shown by their size and head."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.desktop.agent.textgrid import shown

PASTE_BEGINS = b"\x1b[200~"
PASTE_ENDS = b"\x1b[201~"
COLLAPSE_CHARS = 240
COLLAPSE_LINES = 3
_HEAD_CHARS = 60
_ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)", re.DOTALL)
_ESCAPE_BEGINS = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*|O)?$")
_UTF8_LONGEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPart:
    """A stretch of the draft: typed characters, or one paste."""

    text: str
    pasted: bool

    @property
    def is_collapsed(self) -> bool:
        return self.pasted and (len(self.text) > COLLAPSE_CHARS or self.text.count("\n") >= COLLAPSE_LINES)

    def seen(self) -> str:
        if not self.is_collapsed:
            return shown(self.text)
        lines = self.text.count("\n") + 1
        counted = f"[pasted {len(self.text):,} characters, {lines:,} line{'s' if lines > 1 else ''}]"
        head = " ".join(shown(self.text[:_HEAD_CHARS]).split())
        return f"{counted} {head}…"


@dataclass(slots=True)
class TerminalDraft:
    """The composer's content. `feed` takes the terminal's bytes and returns the entered texts."""

    parts: list[DraftPart] = field(default_factory=list[DraftPart])
    answers_to: str = ""  # keys that answer a dialog, while one is open; they do not go into the draft
    answers: list[str] = field(default_factory=list[str])  # the pressed ones; the asker removes them
    _waiting: bytes = b""
    _pasting: bool = False

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)

    def seen(self) -> str:
        return "".join(part.seen() for part in self.parts)

    def clear(self) -> None:
        self.parts.clear()

    @property
    def holds_escape(self) -> bool:
        """Escape has come, and nothing after it yet that makes a longer key."""
        return self._waiting == b"\x1b"

    def forget_escape(self) -> None:
        """Drop a lone Escape key, which means nothing to the composer."""
        self._waiting = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes. Return the draft's text at each Enter; the caller decides whether to clear it."""
        self._waiting += data
        entered: list[str] = []
        while self._waiting:
            if self._pasting:
                if not self._take_paste():
                    break
            elif self._waiting.startswith(PASTE_BEGINS):
                self._waiting = self._waiting[len(PASTE_BEGINS) :]
                self._pasting = True
            elif self._waiting[0] == 0x1B:
                if not self._take_escape():
                    break
            elif self._waiting[0] < 0x20 or self._waiting[0] == 0x7F:
                key, self._waiting = self._waiting[0], self._waiting[1:]
                if key == 0x0D:
                    entered.append(self.text)
                else:
                    self._control(key)
            elif not self._take_typed():
                break
        return entered

    def _take_paste(self) -> bool:
        end = self._waiting.find(PASTE_ENDS)
        if end < 0:
            return False
        raw, self._waiting = self._waiting[:end], self._waiting[end + len(PASTE_ENDS) :]
        self._pasting = False
        # The terminal sends each line end of a paste as a carriage return.
        text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        if text:
            self.parts.append(DraftPart(text=text, pasted=True))
        return True

    def _take_escape(self) -> bool:
        """Skip a key the composer has no use for (arrows, function keys). False while its bytes are not all there."""
        match = _ESCAPE.match(self._waiting)
        if match is None or _ESCAPE_BEGINS.match(self._waiting):
            return False
        self._waiting = self._waiting[match.end() :]
        return True

    def _take_typed(self) -> bool:
        """Take plain characters up to the next control byte. False while only half a character is there."""
        end = next((place for place, byte in enumerate(self._waiting) if byte < 0x20 or byte == 0x7F), None)
        raw = self._waiting if end is None else self._waiting[:end]
        if end is None:
            raw = raw[: len(raw) - _half_character(raw)]
            if not raw:
                return False
        self._waiting = self._waiting[len(raw) :]
        typed = raw.decode("utf-8", "replace")
        if len(typed) == 1 and typed in self.answers_to:
            self.answers.append(typed)
            return True
        if self.parts and not self.parts[-1].pasted:
            typed = self.parts.pop().text + typed
        self.parts.append(DraftPart(text=typed, pasted=False))
        return True

    def _control(self, key: int) -> None:
        if key == 0x15:  # Ctrl+U clears the whole input
            self.clear()
        elif key in {0x08, 0x7F} and self.parts:  # Backspace; a collapsed paste goes as one
            last = self.parts.pop()
            if not last.is_collapsed and len(last.text) > 1:
                self.parts.append(DraftPart(text=last.text[:-1], pasted=last.pasted))


def _half_character(raw: bytes) -> int:
    """Count the bytes at the end of a character whose rest has not come yet."""
    for back in range(1, min(_UTF8_LONGEST, len(raw) + 1)):
        byte = raw[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
