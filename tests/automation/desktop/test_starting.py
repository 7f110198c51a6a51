"""Before a worker works: the right Xlib, one owner per display, a standard output that is the coordinator's alone."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import Xlib

from automation.desktop.gui import keys_of
from automation.desktop.worker import messages
from automation.desktop.worker.process import DisplayLock
from automation.desktop.x11.connection import NoDisplay, WrongXlib, check_xlib, open_display
from core.reasons import Reason
from tests.fakes.desk import ROOT
from tests.pace import patience


def test_the_old_fork_of_xlib_is_named_with_the_command_that_repairs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    check_xlib()
    monkeypatch.setattr(Xlib, "__version__", (0, 15))
    with pytest.raises(WrongXlib) as wrong:
        check_xlib()
    assert "0.15" in wrong.value.message
    assert f"{sys.executable} -m pip install" in wrong.value.message


@pytest.mark.parametrize(("name", "word"), [(":992", ":992"), ("", "names none"), ("no colon", "not the name")])
def test_a_display_that_is_not_there_is_named_in_one_sentence(name: str, word: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # python-xlib leaves the socket that did not connect
        with pytest.raises(NoDisplay) as missing:
            open_display(name)
        missing.value.__cause__ = missing.value.__context__ = None
        gc.collect()
    assert missing.value.message.startswith("no display")
    assert word in missing.value.message
    assert "\n" not in missing.value.message


def test_two_names_of_one_display_are_one_lock(tmp_path: Path) -> None:
    first = DisplayLock(tmp_path, ":3")
    assert first.take()
    assert first.take(), "it is ours"
    assert not DisplayLock(tmp_path, ":3.0").take()
    assert DisplayLock(tmp_path, ":4").take()
    assert DisplayLock(tmp_path, "host:3").take()
    assert first.path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(
    ("chord", "keys"),
    [
        ("enter", ["enter"]),
        ("ctrl+v", ["ctrl", "v"]),
        ("Ctrl+Shift+V", ["ctrl", "shift", "V"]),
        ("ctrl++", ["ctrl", "+"]),
        ("+", ["+"]),
    ],
)
def test_chords_are_read_as_people_write_them(chord: str, keys: list[str]) -> None:
    assert keys_of(chord) == keys


def test_what_anything_prints_goes_to_standard_error_and_not_into_the_frames() -> None:
    script = (
        "import automation.desktop.worker.process as w, os, sys\n"
        "def serve(desk, inlet, outlet, work, *, excuses, passing):\n"
        "    print('stray'); os.write(1, b'raw'); outlet.write(b'frame'); outlet.flush(); return 0\n"
        "w.serve = serve\n"
        "sys.exit(w.run('main', None, excuses=()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=patience(30),
    )
    assert ran.stdout == b"frame"
    assert b"stray" in ran.stderr
    assert b"raw" in ran.stderr


@pytest.mark.parametrize(
    ("said", "code", "told"), [(b"", 0, None), (struct.pack(">I", 2) + b"{}", 75, Reason.OTHER_VERSION)]
)
def test_a_worker_that_gets_nothing_sensible_ends_and_says_why(said: bytes, code: int, told: Reason | None) -> None:
    script = "import sys; from automation.desktop.x11.worker import run; sys.exit(run('main'))"
    argv = [sys.executable, "-c", script]
    ran = subprocess.run(argv, input=said, capture_output=True, cwd=ROOT, timeout=patience(30), check=False)
    assert ran.returncode == code
    assert bool(ran.stdout) is (told is not None)
    if told is not None:
        started = messages.from_worker(ran.stdout[4:])
        assert isinstance(started, messages.Started)
        assert started.reason is told
