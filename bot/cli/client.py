"""One HTTP exchange with the Octet that runs on this machine. Standard library only, and without `http.client`: that
imports `ssl` and `email`, and an agent would wait for them each time."""

from __future__ import annotations

import hmac
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from bot.runfile import Run, owns_port

_LINE = 65_536  # no line of an answer's head is longer


class NoOctet(Exception):
    """No Octet took the request."""


class NoSockets(NoOctet):
    """The system forbids this program to connect."""


class NotOctet(NoOctet):
    """Another program listens there, or an Octet that does not know the reply key."""


class AnswerLost(NoOctet):
    """Octet may have carried the request out, but its whole answer did not arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """The response."""

    status: int
    body: bytes = field(repr=False)
    after_s: float = 0  # how long Octet will refuse the same request; 0 where it does not say

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> object:
        """Parse the body as JSON; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def error_code(self) -> str:
        """`wrong_code`, `task_ended`, …; empty after a success."""
        return "" if self.is_good else self._field("code")

    @property
    def error_message(self) -> str:
        return self._field("detail") or f"Octet answered with status {self.status} and no reason."

    def _field(self, name: str) -> str:
        body = self.json()
        return str(cast("dict[str, object]", body).get(name, "")) if isinstance(body, dict) else ""


def exchange(
    run: Run,
    method: str,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 30,
) -> HttpAnswer:
    """Send one request to `run` and read the whole answer.

    Raises NoOctet where nothing was sent, NoSockets where the system forbids it, and NotOctet where another program
    listens: no secret is sent before the listener is known. Raises AnswerLost when the connection does not hold."""
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    sent = {**(headers or {}), **({"Content-Type": "application/json"} if content is not None else {})}
    is_sent = False
    try:
        with (
            socket.create_connection((run.address, run.port), timeout_s) as connection,
            connection.makefile("rb") as stream,
        ):
            # Octet keeps its port while it runs: its owner now is its owner when the connection was made. A proof of
            # this connection does not hold for another one.
            owns = owns_port(run)
            if not (_is_proven(connection, stream, run) if owns is None else owns):
                raise NotOctet
            is_sent = True
            _send(connection, run, f"{method} {path}", {**sent, "Connection": "close"}, content)
            return _read(stream)
    except PermissionError as error:
        raise NoSockets from error
    except (OSError, ValueError) as error:
        raise (AnswerLost if is_sent else NoOctet) from error


def _send(connection: socket.socket, run: Run, asked: str, headers: Mapping[str, str], content: bytes | None) -> None:
    host = f"[{run.address}]" if ":" in run.address else run.address
    fields = {"Host": f"{host}:{run.port}", **headers, "Content-Length": str(len(content or b""))}
    head = asked + " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"{head}\r\n".encode("ascii") + (content or b""))


def _read(stream: BinaryIO, most: int = -1) -> HttpAnswer:
    """Read one answer, whose body has a length or ends with the connection. Raises ValueError where it is not whole."""
    _, status, *_ = stream.readline(_LINE).split()
    fields = dict[bytes, bytes]()
    while (line := stream.readline(_LINE)) not in {b"\r\n", b"\n"}:
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError(line)
        fields[name.lower()] = value.strip()
    length = int(fields.get(b"content-length", most))
    body = stream.read(length if most < 0 else min(most, length))
    if len(body) < length and most < 0:
        raise ValueError(body)
    after = fields.get(b"retry-after", b"")
    return HttpAnswer(status=int(status), body=body, after_s=float(after) if after.isdigit() else 0)


def _is_proven(connection: socket.socket, stream: BinaryIO, run: Run) -> bool:
    """Ask the listener to prove that it knows the reply key, and do not send the key. The address is part of the proof,
    so that another program cannot pass on the proof of an Octet elsewhere on this machine."""
    from urllib.parse import quote

    nonce, agent = os.urandom(16).hex(), run.reply_key.partition(".")[2].rpartition(".")[0]
    _send(connection, run, f"GET /proof/{nonce}?agent={quote(agent)}", {}, None)
    body = _read(stream, 200).json()
    proof = hmac.new(run.reply_key.encode(), f"{nonce} {run.address} {run.port}".encode(), "sha256").hexdigest()
    shown = str(cast("dict[str, object]", body).get("proof")) if isinstance(body, dict) else ""
    return hmac.compare_digest(proof.encode(), shown.encode(errors="replace"))
