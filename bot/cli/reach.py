"""One request from an agent to the Octet whose code it was given, again and again until that answers or time is up.

Standard library only, and nothing of ours that needs more: an agent waits for this at every word.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.cli.client import NobodyAnswers, Response, exchange
from bot.cli.words import Unusable
from bot.runfile import home_of, is_home_id, running

OK = 0
REFUSED = 1
USAGE = 2
TRY_LATER = 75
_PAUSES_S = (0.1, 0.2, 0.5)
"""Rests between tries; the last one repeats."""
_UNHEARD = frozenset({429, 500, 502, 503, 504})
"""Statuses that say nothing about the words themselves."""


def home_id_in(code: str) -> str:
    """The id of the home that gave the code out. Raises Unusable for what is no code."""
    home_id, dot, secret = code.strip().partition(".")
    if not dot or not secret or not is_home_id(home_id) or not code.isascii():
        raise Unusable("This is not a code of Octet. Copy the whole command from your prompt again.")
    return home_id


def post(
    home_id: str, folders: Sequence[Path], path: str, body: Mapping[str, object], *, timeout_s: float = 5
) -> Response | None:
    """One try; None when nobody heard it. The address is read each time: Octet may have come back on another port."""
    home = home_of(home_id, folders)
    run = running(home) if home else None
    if run is None or run.home_id != home_id:
        return None
    try:
        response = exchange(run, "POST", path, body=body, timeout_s=timeout_s)
    except NobodyAnswers:
        return None
    return None if response.status in _UNHEARD else response


def within(wait_s: float, send: Callable[[float], Response | None]) -> Response | None:
    """What `send` (given its time limit) got at last; None when it got nothing for so long."""
    limit = time.monotonic() + wait_s
    tries = 0
    while True:
        response = send(max(1.0, limit - time.monotonic()))
        left_s = limit - time.monotonic()
        if response is not None or left_s <= 0:
            return response
        if tries == 0:
            say(f"octet: Octet does not answer yet; waiting up to {wait_s:g} s …")
        time.sleep(min(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)], left_s))
        tries += 1


def seconds(text: str) -> float:
    """An option that is a number of seconds."""
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("0 to 3600 seconds")
    return value


def say(text: str) -> None:
    """Tell whoever runs the command."""
    print(text, file=sys.stderr)
