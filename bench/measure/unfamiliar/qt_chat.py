"""A dark chat in Qt 5, run by the system's Python: qt_chat.py HEARD ANSWER_S. A hint shows while it is empty."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, QTimer  # pyright: ignore[reportMissingImports] the system's Python has it
from PyQt5.QtWidgets import (  # pyright: ignore[reportMissingImports] the same
    QApplication,
    QLabel,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

STYLE = """
QWidget { background: #1b1d23; color: #d8dee9 }
QTextEdit, QTextBrowser { background: #242730; border: 1px solid #3b4252; border-radius: 6px; padding: 4px }
"""
SHOWN = 400
"""The transcript shortens longer messages."""


class QtComposer(QTextEdit):
    """Enter sends; Shift with Enter is a new line."""

    def __init__(self, chat: QtChat) -> None:
        super().__init__()
        self._chat = chat
        self.setAcceptRichText(False)
        self.setFixedHeight(56)
        self.setPlaceholderText("Ask me anything…")

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 Qt calls it so
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and not event.modifiers() & Qt.ShiftModifier:
            self._chat.send()
        else:
            super().keyPressEvent(event)


class QtChat(QWidget):
    """The window, with its transcript and composer."""

    def __init__(self, heard: Path, answer_s: float) -> None:
        super().__init__()
        self._heard, self._answer_s = heard, answer_s
        self.setWindowTitle("Kontor")
        self.resize(440, 340)
        self._state = QLabel("ready")
        self._transcript = QTextBrowser()
        self._composer = QtComposer(self)
        column = QVBoxLayout(self)
        for widget in (self._state, self._transcript, self._composer):
            column.addWidget(widget)
        self._composer.setFocus()

    def send(self) -> None:
        text = self._composer.toPlainText()
        if not text:
            return
        with self._heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps(text) + "\n")
        self._composer.clear()
        self._say("You", text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
        self._state.setText("thinking …")
        QTimer.singleShot(round(self._answer_s * 1000), lambda: self._answer(len(text)))

    def _answer(self, count: int) -> None:
        self._say("Kontor", f"That was a message of {count} characters.")
        self._state.setText("ready")

    def _say(self, who: str, text: str) -> None:
        self._transcript.setPlainText(f"{self._transcript.toPlainText()}{who}\n{text}\n\n")
        bar = self._transcript.verticalScrollBar()
        bar.setValue(bar.maximum())


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    application.setStyleSheet(STYLE)
    chat = QtChat(Path(sys.argv[1]), float(sys.argv[2]))
    chat.show()
    sys.exit(application.exec_())
