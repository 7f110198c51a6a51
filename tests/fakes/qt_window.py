"""A Qt chat window for tests, as gtk_window.py. Run by the system's Python: qt_window.py TITLE LOG X Y [BUSY_MS]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from PyQt5.QtCore import Qt, QTimer  # pyright: ignore[reportMissingImports] the system's Python has it
from PyQt5.QtWidgets import (  # pyright: ignore[reportMissingImports] the same
    QApplication,
    QLabel,
    QPlainTextEdit,
    QWidget,
)

from tests.fakes.window_log import WindowLog

WIDTH, HEIGHT = 400, 300
LAMP = "background: {}; border: 0"
OFF, ON = "#404040", "#d08000"
ENTER = (Qt.Key_Return, Qt.Key_Enter)


class Composer(QPlainTextEdit):
    """Enter sends; Shift with Enter is a new line."""

    def __init__(self, chat: Chat, parent: Any) -> None:
        super().__init__(parent)
        self._chat = chat
        self.setAccessibleName("Message")

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 Qt calls it so
        self._chat.note_key(event)
        if event.key() in ENTER and not event.modifiers() & Qt.ShiftModifier:
            self._chat.send()
        else:
            super().keyPressEvent(event)


class Chat(QWidget):
    def __init__(self, title: str, log: Path, busy_ms: int) -> None:
        super().__init__()
        self._log, self._busy_ms = WindowLog(log), busy_ms
        self.setWindowTitle(title)
        self.setFixedSize(WIDTH, HEIGHT)
        header, self._lamp = QLabel(title, self), QLabel("", self)
        header.setGeometry(0, 0, 340, 30)
        header.setStyleSheet("background: #203040; color: #ffffff")
        self._lamp.setGeometry(340, 0, 60, 30)
        self._lamp.setStyleSheet(LAMP.format(OFF))
        self._said = QPlainTextEdit(self)
        self._said.setReadOnly(True)
        self._said.setGeometry(0, 30, WIDTH, 170)
        self._composer = Composer(self, self)
        self._composer.setGeometry(0, 200, WIDTH, 100)
        self._composer.setStyleSheet("background: #ffffff; color: #000000; border: 0")
        self._composer.setFocus()

    def note_key(self, event: Any) -> None:
        self._log.key(event.key(), event.text(), int(event.modifiers()))

    def send(self) -> None:
        text = self._composer.toPlainText()
        self._log.submit(text)
        self._composer.clear()
        self._said.appendPlainText(text)
        self._lamp.setStyleSheet(LAMP.format(ON))
        brought = self._log.brought()
        QTimer.singleShot(self._busy_ms, lambda: self._rest(brought))

    def _rest(self, brought: str) -> None:
        """Put the lamp out, but not before the hands that brought the text stopped looking for it (see tk_window)."""
        if brought and self._log.brought() == brought:
            QTimer.singleShot(20, lambda: self._rest(brought))
        else:
            self._lamp.setStyleSheet(LAMP.format(OFF))


if __name__ == "__main__":
    title, log, x, y, *more = sys.argv[1:]
    app = QApplication(["octetqt"])
    chat = Chat(title, Path(log), int(more[0]) if more else 300)
    chat.move(int(x), int(y))
    chat.show()
    app.exec_()
