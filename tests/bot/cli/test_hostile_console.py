"""Text that others wrote (an agent, a file, a server) can do nothing to the console, whichever verb prints it."""

import io
import json
import os
import socket
import sys
from functools import partial
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.cli.answers import Unusable, read_files, read_given_text
from bot.cli.verbs import tell
from bot.verbs import tasks
from core.kit.console import speak_utf8

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\x7f"


class _Console:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = {name: io.BytesIO() for name in ("stdout", "stderr")}
        for name, content in self.bytes.items():
            monkeypatch.setattr(sys, name, io.TextIOWrapper(content, encoding="ascii", newline=""))

    def shown(self) -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        return "".join(content.getvalue().decode() for content in self.bytes.values())


def test_an_error_text_of_a_verb_reaches_the_console_without_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = _Console(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["octet", "autostart", "show", "--name", f"A{HOSTILE}", "--home", str(tmp_path)])
    assert main() == 2
    shown = console.shown()
    assert "is not a valid name" in shown
    assert r"A\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\u000d\u007f" in shown
    assert not set(HOSTILE) & set(shown) - {*"0;owned[]2J31m"}


def test_json_for_programs_has_control_characters_as_numbers_and_says_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = _Console(monkeypatch)
    speak_utf8()
    tell(tasks.show, json.dumps({"note": HOSTILE}, ensure_ascii=False), None, json=True)
    shown = console.shown()
    assert json.loads(shown) == {"note": HOSTILE}
    assert not set(HOSTILE) & set(shown) - {*"0;owned[]2J31m"}


def test_a_verb_takes_regular_files_only_and_never_waits_for_another_kind(tmp_path: Path) -> None:
    pipe, folder, link, words = (tmp_path / name for name in ("pipe", "folder", "link", "words.md"))
    os.mkfifo(pipe)
    folder.mkdir()
    words.write_text("done")
    link.symlink_to(words)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for other in (pipe, folder, tmp_path / "socket", Path("/dev/zero")):
            for read in (partial(read_given_text, str(other), limit=100), partial(read_files, [str(other)])):
                with pytest.raises(Unusable, match=r"is not a regular file|No such device"):
                    read()
    assert read_given_text(str(link), limit=100) == "done"
    with pytest.raises(Unusable, match="No such file"):
        read_given_text(str(tmp_path / "missing"), limit=100)
