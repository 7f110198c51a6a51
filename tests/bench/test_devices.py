"""What is left down, or dead, on a display is seen from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Xlib import X

from tests.display import VirtualDisplay, virtual_display
from tests.pace import patience

pytestmark = pytest.mark.display
ROOT = Path(__file__).parents[2]


@pytest.fixture
def display(tmp_path: Path) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display") as found:
        yield found


def look(display: VirtualDisplay) -> dict[str, Any]:
    words = [sys.executable, "-m", "bench.measure.devices"]
    said = subprocess.run(
        words, cwd=ROOT, env=display.environ, check=True, stdout=subprocess.PIPE, timeout=patience(60)
    )
    return json.loads(said.stdout)


def test_a_display_that_nobody_touched_has_nothing_left_down(display: VirtualDisplay) -> None:
    assert look(display) == {"keys_down": [], "buttons_down": False, "dead_selections": []}


def test_a_key_and_a_button_that_were_left_down_are_seen(display: VirtualDisplay) -> None:
    display.xdotool("keydown", "shift", "mousedown", "1")
    seen = look(display)
    assert len(seen["keys_down"]) == 1
    assert seen["buttons_down"]
    display.xdotool("keyup", "shift", "mouseup", "1")
    assert look(display)["keys_down"] == []


def test_a_clipboard_whose_owner_does_not_answer_is_seen(display: VirtualDisplay) -> None:
    owner = display.connection.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    owner.set_selection_owner(display.connection.intern_atom("CLIPBOARD"), X.CurrentTime)
    display.connection.sync()  # and from here on nobody reads what this connection is asked
    assert look(display)["dead_selections"] == ["CLIPBOARD"]
