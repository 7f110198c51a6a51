"""One request from an agent to the Octet whose code it was given, again and again until that answers or time is up.

Standard library only, and nothing of ours that needs more: an agent waits for this at every word.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeGuard
from urllib.parse import urlsplit

from bot.cli.client import HttpAnswer, NoOctet, NotOctet, exchange
from bot.cli.words import Unusable
from bot.runfile import Run, home_of, is_home_id, pointer_folders, running

URL = "OCTET_URL"
KEY = "OCTET_REPLY_KEY"
OK = 0
REFUSED = 1
USAGE = 2
TRY_LATER = 75
_PAUSES_S = (0.1, 0.2, 0.5)  # rests between tries; the last one repeats
_UNHEARD = frozenset({429, 500, 502, 503, 504, 507})  # statuses that say nothing about the words themselves
_WHY = "What answers at the address of Octet is not Octet, or does not know your reply key"
_NOT_OCTETS = HttpAnswer(status=502, body=f'{{"error": {{"message": "{_WHY}"}}}}'.encode())
"""In place of a response that Octet cannot have written: the words are not received."""


def home_id_in(code: str) -> str:
    """The id of the home that gave the code out. Raises Unusable for what is no code."""
    home_id, dot, secret = code.strip().partition(".")
    if not dot or not secret or not is_home_id(home_id) or not code.isascii():
        raise Unusable("This is not a code of Octet. Copy the whole command from your prompt again.")
    return home_id


def named_in(environ: Mapping[str, str]) -> Run | None:
    """Return the Octet that the agent's environment names, with the agent's own key; None where it names none. Raises
    Unusable where the variables are not as `octet agent env` prints them."""
    url, key = (environ.get(name, "").strip() for name in (URL, KEY))
    if not url and not key:
        return None
    if not (key.startswith("octet-reply.") and key.isascii() and key.isprintable()):
        raise Unusable(f"{KEY} is not a reply key. Set it and {URL} as `octet agent env NAME` prints them, or neither.")
    try:
        address, port = _loopback(url)
    except ValueError as error:
        raise Unusable(
            f"{URL} must be like http://127.0.0.1:8321: Octet listens on loopback only, and a container must share the "
            f"host's network. Set it and {KEY} as `octet agent env NAME` prints them, or neither."
        ) from error
    return Run(
        pid=0, address=address, port=port, token="", home="", home_id="", version="", started_ms=0, reply_key=key
    )


def _loopback(url: str) -> tuple[str, int]:
    """Return the address and the port in `url`. Raises ValueError where no Octet can listen."""
    import ipaddress

    parts = urlsplit(url)
    address = ipaddress.ip_address("127.0.0.1" if parts.hostname == "localhost" else parts.hostname or "")
    if parts.scheme != "http" or not address.is_loopback or not parts.port or parts.path not in {"", "/"}:
        raise ValueError(url)
    return str(address), parts.port


def post(path: str, body: Mapping[str, object], timeout_s: float) -> HttpAnswer | None:
    """Try once, with the Octet that the environment names, else with the one that gave out the code in `body`; None if
    no Octet answered. Its address is read each time: Octet may have come back on another port."""
    run = named_in(os.environ)
    if run is None:
        home_id = home_id_in(str(body["code"]))
        home = home_of(home_id, pointer_folders(os.environ))
        run = running(home) if home else None
        if run is None or run.home_id != home_id:
            return None
    try:
        key = {"Authorization": f"Bearer {run.reply_key}"}
        response = exchange(run, "POST", path, body=body, headers=key, timeout_s=timeout_s)
    except NotOctet:
        return _NOT_OCTETS
    except NoOctet:
        return None
    return response if _is_octets(response, str(body["task"])) else _NOT_OCTETS


def _is_octets(response: HttpAnswer, task: str) -> bool:
    """Tell whether Octet may have written this response. What it accepts, it confirms with the task's id and state."""
    if not response.is_good:
        return bool(response.error_code) or response.status in _UNHEARD
    match response.json():
        case {"task": str(named), "state": str()}:
            return named == f"T-{task.strip().lstrip('Tt').lstrip('-')}"
        case _:
            return False


def is_heard(response: HttpAnswer | None) -> TypeGuard[HttpAnswer]:
    """Whether Octet took note of the words, if only to refuse them. Else the response says why it could not."""
    return response is not None and response.status not in _UNHEARD


def why_not(response: HttpAnswer | None) -> str:
    """Why the words were not heard, as the beginning of a sentence."""
    return response.error_message.rstrip(".") if response else "Octet does not answer"


def within(wait_s: float, send: Callable[[float], HttpAnswer | None]) -> HttpAnswer | None:
    """What `send` (given its time limit) got at last. When nobody heard it for so long: None, or why it was not."""
    limit = time.monotonic() + wait_s
    tries = 0
    while True:
        response = send(max(1.0, limit - time.monotonic()))
        left_s = limit - time.monotonic()
        after_s = response.after_s if response else 0
        if is_heard(response) or left_s <= after_s:
            return response
        if tries == 0:
            say(
                f"octet: {why_not(response) if response else 'Octet does not answer yet'}; waiting up to {wait_s:g} s …"
            )
        time.sleep(min(max(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)], after_s), left_s))
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
