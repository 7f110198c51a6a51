"""What the desk worker's process writes to its log: names and values, never a frame's variables."""

from __future__ import annotations

import subprocess
import sys

from tests.pace import patience

# The worker as `octet desk run` starts it, with hands that break while they hold a prompt.
_BREAKS = """
import sys
from automation.desktop.x11 import worker

def run(desk):
    prompt = "When finished:  octet done T-1 --code " + "k3v9x2." + "A" * 26
    try:
        raise RuntimeError
    except RuntimeError:
        worker.log.exception("delivery_failed", delivery=desk)
    return 0

worker.run = run
from bot.cli import commands
sys.exit(commands.main(["desk", "run", "--desk", "main"]))
"""


def test_an_error_in_the_worker_does_not_print_the_prompt_it_held() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _BREAKS], capture_output=True, text=True, timeout=patience(60), check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "delivery_failed" in ended.stderr + ended.stdout
    assert "A" * 26 not in ended.stderr + ended.stdout
