"""`octet hook PROGRAM`: passes on what an agent's program says by a hook. It never fails the program, which waits for
it: no output, exit code 0, and where no Octet answers the event is dropped.

Light imports only, as `bot.cli.answers`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from urllib.parse import quote

from bot.cli import answers
from core.limits import ANSWER

WAIT_S = 2.0
_MOST_BYTES = 4 * ANSWER.most


def main(argv: Sequence[str]) -> int:
    with contextlib.suppress(Exception, SystemExit):  # a program may take an exit code for a refusal
        _pass_on(argv)
    return answers.OK


def _pass_on(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="octet hook", description="Tell Octet what an agent's program says by a hook, as JSON on standard input."
    )
    parser.add_argument("program", metavar="PROGRAM", help="claude_code, codex or gemini_cli")
    parser.add_argument("event", nargs="?", help="the event, for programs that pass it as an argument")
    parser.add_argument("--home", default=os.environ.get(answers.HOME), help="Octet's home")
    given = parser.parse_args(argv)
    event = given.event if given.event is not None else sys.stdin.buffer.read(_MOST_BYTES + 1)
    if given.home and len(event) <= _MOST_BYTES:
        os.environ[answers.HOME] = given.home
        answers.post(f"/hooks/{quote(given.program, safe='')}", json.loads(event), WAIT_S)
