"""How agents' answers get to the Octet of their code: read, written into its home, sent, and sent again.

Its imports are the standard library and `core.limits` only: an agent waits for this each time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, cast

from bot.answer_spool import SpooledAnswer, spool_answer
from bot.cli.client import HttpAnswer, NoOctet, NoSockets, NotOctet, exchange
from bot.runfile import Run, home_of, is_home_id, last_announced, pointer_folders
from core import limits
from core.kit.files import read_regular

URL = "OCTET_URL"
KEY = "OCTET_AGENT_TOKEN"
OLD_KEY = "OCTET_REPLY_KEY"  # its name before 0.4
HOME = "OCTET_HOME"  # as in core.home, which is too heavy to import here
OK = 0
REFUSED = 1
USAGE = 2
TRY_LATER = 75
_EVIDENCE_KINDS = ("command", "file", "commit", "url", "note")  # as in core.messages.model, which imports much
_MOST_FILES = f"{limits.FILES.most} files with {limits.FILE_BYTES.most // 1_000_000} MB in all"
_PAUSES_S = (0.1, 0.2, 0.5)  # rests between tries; the last one repeats
_UNHEARD = frozenset({429, 500, 502, 503, 504, 507})  # statuses that do not judge the text itself
_WHY = "The program at Octet's address is not Octet, or does not know your reply key"
NOT_OCTETS = HttpAnswer(status=502, body=f'{{"detail": "{_WHY}"}}'.encode())
"""Replaces a response that Octet cannot have written: Octet does not have the text."""
_SANDBOX = "This sandbox forbids connections. Use the MCP tool of the server octet instead (report_done, ask, …)"
FORBIDDEN = HttpAnswer(status=503, body=f'{{"detail": "{_SANDBOX}"}}'.encode())
"""Replaces a response where the agent's sandbox forbids connections: waiting changes nothing."""
_KEPT_LATE = frozenset({"task_ended", "lease_revoked", "wrong_task", "task_not_started"})
"""Errors after which Octet has the text all the same; their messages say so."""
_NO_TOKEN = f"{KEY} is not an agent's token. Set it and {URL} as `octet agent env NAME` prints them, or neither."
_STDIN = "standard input"
_AFTER = {
    "blocked": "The task waits for the answer, which comes into your window.",
    "failed": "The task has failed. Stop working on it.",
}
ANSWERS = ("done", "reply", "blocked", "failed")
"""The commands whose text must not be lost."""


class Unusable(Exception):
    """The input cannot be sent; the message says why."""


def read_given_text(file: str | None, *, limit: int) -> str:
    """Read the whole text of `file`, or of standard input for `-` and None. Raises Unusable with a plain reason."""
    most_bytes = 4 * limit + 1
    if file in {None, "-"}:
        if sys.stdin.isatty():
            raise Unusable("There is nothing to send: pass a file with --file, or pipe your text in.")
        name, content = _STDIN, sys.stdin.buffer.read(most_bytes)
    else:
        name = str(file)
        try:
            content = read_regular(Path(name), most_bytes)
        except OSError as error:
            raise Unusable(f"{name} cannot be read: {error.strerror}.") from error
    too_long = f"{name} has more than {limit:,} characters. Shorten it, or put the rest into a file and name it."
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) == most_bytes:
            raise Unusable(too_long) from error
        byte, position = content[error.start], error.start
        raise Unusable(f"{name} is not UTF-8 (byte 0x{byte:02x} at position {position}). Save it as UTF-8.") from error
    if len(text) > limit:
        raise Unusable(too_long)
    if not text.strip():
        raise Unusable(f"{name} is empty. Write your text there first.")
    return text


def read_evidence(text: str) -> dict[str, str | bool | None]:
    """Read `KIND: WHAT` with `: passed` or `: failed` behind it or not. Raises Unusable."""
    kind, _, what = (part.strip() for part in text.partition(":"))
    rest, _, end = (part.strip() for part in what.rpartition(":"))
    ok = {"passed": True, "failed": False}.get(end.lower()) if rest else None
    what = what if ok is None else rest
    if kind.lower() not in _EVIDENCE_KINDS or not what or len(what) > limits.EVIDENCE_TEXT.most:
        raise Unusable(
            f"This is not evidence: {text[:60]!r}. Write KIND: WHAT, or KIND: WHAT: passed. KIND is one of "
            f"{', '.join(_EVIDENCE_KINDS)}; WHAT has 1 to {limits.EVIDENCE_TEXT.most} characters."
        )
    return {"kind": kind.lower(), "text": what, "ok": ok}


def read_files(paths: Sequence[str | Path]) -> tuple[dict[str, str], ...]:
    """Read the files for the user. Raises Unusable."""
    import base64

    files, left = list[dict[str, str]](), limits.FILE_BYTES.most
    for path in paths:
        try:
            content = read_regular(Path(path), left + 1)
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}.") from error
        left -= len(content)
        files.append({"name": Path(path).name, "content": base64.b64encode(content).decode()})
    if left < 0 or len(files) > limits.FILES.most:
        raise Unusable(f"This is more than {_MOST_FILES}. Attach less, or name the path in your text.")
    return tuple(files)


def deliver(verb: str, body: Mapping[str, Any], *, file: str | None, wait_s: float) -> int:
    """Put the answer into the home first, so that it survives the end of this command and of Octet. Where the
    environment names an Octet elsewhere, a text from standard input goes into a new file. Raises Unusable."""
    is_elsewhere = named_in(os.environ) is not None
    trouble = verb if verb == "blocked" or verb == "failed" else ""  # noqa: PLR1714 - a type checker reads it
    answer = SpooledAnswer(**body, final=verb == "done", key=key_of(verb, body), trouble=trouble)
    source = _STDIN if file in {None, "-"} else str(file)
    home_id = answer.code.partition(".")[0]
    home = None if is_elsewhere else home_of(home_id, pointer_folders(os.environ))
    kept, why_not_kept = None, ""
    try:
        if is_elsewhere:
            kept = _write_unsent(answer.text) if source == _STDIN else None
        elif home is not None:
            kept = spool_answer(home, answer)
    except OSError as error:
        why_not_kept = str(error.strerror)
    response = within(wait_s, partial(_send, answer))
    if is_heard(response):
        if kept is not None:
            with contextlib.suppress(OSError):  # Octet would read the file again, and store the answer once
                kept.unlink(missing_ok=True)
        return _tell(answer, response, source)
    why = why_not(response)
    if is_elsewhere:
        place = kept or (Path(source).absolute() if source != _STDIN else None)
        where = f"your text for {answer.task} is in {place}: pass it with --file." if place else _stays(source)
        why += f". Run the command again when Octet runs (it counts once); {where}"
    elif home is None:
        why = f"No Octet on this machine knows the code {home_id}.… Nothing was sent; "
        why += f"{_stays(source)} Run the command again when Octet runs."
    elif kept is None:
        why += f", and {home} takes no file ({why_not_kept}). Nothing was sent; {_stays(source)}"
    else:
        when = "as soon as it can" if response else "when it starts"
        why += f". Your text for {answer.task} is kept in {kept.parent}; Octet reads it {when}. "
        why += "No action needed."
    say(f"octet: {why}")
    return TRY_LATER


def key_of(verb: str, body: Mapping[str, Any]) -> str:
    """Make the key of the content: the same command twice counts once, also when the first one's reply was lost."""
    first = [str(body.get("task", "")), str(body.get("code", "")), verb, str(body.get("text", ""))]  # as 0.2.0 did
    rest = {name: value for name, value in body.items() if value and name not in {"task", "code", "text"}}
    words = "\0".join(first) + (json.dumps(rest) if rest else "")
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()


def _write_unsent(text: str) -> Path:
    """Write the text into a new file that only this account can read."""
    import tempfile

    handle, name = tempfile.mkstemp(prefix="octet-unsent-", suffix=".md")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return Path(name)


def _send(answer: SpooledAnswer, timeout_s: float) -> HttpAnswer | None:
    body = {
        name: value
        for name, value in asdict(answer).items()
        if value or name not in {"trouble", "evidence", "attachments"}
    }
    return post_about_task("/api/v2/replies", body, timeout_s)


def _tell(answer: SpooledAnswer, response: HttpAnswer, source: str) -> int:
    if response.is_good:
        if _is_message(answer.task):
            print(f"Octet received your answer to {answer.task} and shows it to its sender.")
            if "evidence_missing" in cast("dict[str, list[str]]", response.json()).get("hints", ()):
                print("Its sender asked for evidence: next time name it with --evidence.")
            return OK
        outcome = _AFTER.get(answer.trouble) or (
            "The task is done." if answer.final else f"The task continues; end it with `octet done {answer.task} …`."
        )
        print(f"Octet received your text for {answer.task}. {outcome}")
        return OK
    after = "" if response.error_code in _KEPT_LATE else f" Octet kept nothing; {_stays(source)}"
    say(f"octet: {response.error_message}{after}")
    return REFUSED


def _stays(source: str) -> str:
    if source == _STDIN:
        return "your text came through standard input, and Octet has no copy of it."
    return f"your text is still in {source}."


def home_id_in(code: str) -> str:
    """Return the id of the home that made the code. Raises Unusable for an invalid code."""
    home_id, dot, secret = code.strip().partition(".")
    if not dot or not secret or not is_home_id(home_id) or not code.isascii():
        raise Unusable("This is not an Octet code. Copy the whole command from your prompt again.")
    return home_id


def named_in(environ: Mapping[str, str]) -> Run | None:
    """Return the Octet that the agent's environment names, with the agent's token in place of the reply key; None where
    it names none, or by its home. Raises Unusable where the variables are not as `octet agent env` prints them."""
    url, key = environ.get(URL, "").strip(), token_in(environ)
    if not url and (not key or environ.get(HOME)):
        return None
    if not key:
        raise Unusable(_NO_TOKEN)
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


def token_in(environ: Mapping[str, str]) -> str:
    """Return the agent's token of this environment; empty where it has none. Raises Unusable for another text."""
    key = environ.get(KEY, "").strip() or environ.get(OLD_KEY, "").strip()
    if key and not (key.startswith("octet-reply.") and key.isascii() and key.isprintable()):
        raise Unusable(_NO_TOKEN)
    return key


def _loopback(url: str) -> tuple[str, int]:
    """Return the address and the port in `url`. Raises ValueError where no Octet can listen."""
    import ipaddress
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    address = ipaddress.ip_address("127.0.0.1" if parts.hostname == "localhost" else parts.hostname or "")
    if parts.scheme != "http" or not address.is_loopback or not parts.port or parts.path not in {"", "/"}:
        raise ValueError(url)
    return str(address), parts.port


def post_about_task(path: str, body: Mapping[str, object], timeout_s: float) -> HttpAnswer | None:
    """Try once, with the Octet that the environment names, else with the one that gave out the code in `body`; None if
    no Octet answered. Its address is read each time: Octet may have come back on another port."""
    response = post(path, body, timeout_s)
    return response if response is None or _is_octets(response, str(body["task"])) else NOT_OCTETS


def post(path: str, body: Mapping[str, object], timeout_s: float) -> HttpAnswer | None:
    """Try once as `post_about_task`, without looking at what a success says."""
    run = named_in(os.environ)
    if run is None:
        code, token = str(body.get("code", "")), token_in(os.environ)
        home_id = home_id_in(code) if code else ""
        home = home_of(home_id, pointer_folders(os.environ)) if code else Path(os.environ[HOME])
        run = last_announced(home) if home else None  # a sandbox may hide its process: the listener must prove itself
        if run is None or home_id not in {"", run.home_id}:
            return None
        run = replace(run, reply_key=token or run.reply_key)
    try:
        key = {"Authorization": f"Bearer {run.reply_key}"}
        return exchange(run, "POST", path, body=body, headers=key, timeout_s=timeout_s)
    except NotOctet:
        return NOT_OCTETS
    except NoSockets:
        return FORBIDDEN
    except NoOctet:
        return None


def _is_octets(response: HttpAnswer, task: str) -> bool:
    """Tell whether Octet may have written this response. What it accepts, it confirms with the task's id and state."""
    if not response.is_good:
        return bool(response.error_code) or response.status in _UNHEARD
    match response.json():
        case {"task": str(named), "state": None}:
            return _is_message(task) and named == task.strip().upper()
        case {"task": str(named), "state": str()}:
            return named == f"T-{task.strip().lstrip('Tt').lstrip('-')}"
        case _:
            return False


def _is_message(task: str) -> bool:
    return task.strip()[:2].upper() == "M-"


def is_heard(response: HttpAnswer | None) -> TypeGuard[HttpAnswer]:
    """Tell whether Octet received the text, also if it refused it. Else the response says why not."""
    return response is not None and response.status not in _UNHEARD


def why_not(response: HttpAnswer | None) -> str:
    return response.error_message.rstrip(".") if response else "Octet does not answer"


def within(wait_s: float, send: Callable[[float], HttpAnswer | None]) -> HttpAnswer | None:
    """Repeat `send`, which gets its time limit, until Octet has the text or the wait ends; return its last response."""
    limit = time.monotonic() + wait_s
    tries = 0
    while True:
        response = send(max(1.0, limit - time.monotonic()))
        left_s = limit - time.monotonic()
        after_s = response.after_s if response else 0
        if is_heard(response) or response is FORBIDDEN or left_s <= after_s:
            return response
        if tries == 0:
            why = why_not(response) if response else "Octet does not answer yet"
            say(f"octet: {why}; waiting up to {wait_s:g} s …")
        time.sleep(min(max(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)], after_s), left_s))
        tries += 1


def say(text: str) -> None:
    print(text, file=sys.stderr)
