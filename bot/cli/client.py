"""One HTTP exchange with the Octet that runs on this machine. Standard library only."""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import quote

from bot.runfile import Run, owns_port


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
    connection = http.client.HTTPConnection(run.address, run.port, timeout=timeout_s)
    is_sent = False
    try:
        connection.connect()
        connection.auto_open = 0  # a proof of this connection does not hold for another one
        # Octet keeps its port while it runs: its owner now is its owner when the connection was made.
        owns = owns_port(run)
        if not (_is_proven(connection, run) if owns is None else owns):
            raise NotOctet
        is_sent = True
        connection.request(method, path, body=content, headers=sent)
        answer = connection.getresponse()
        after = answer.getheader("Retry-After", "")
        return HttpAnswer(status=answer.status, body=answer.read(), after_s=float(after) if after.isdecimal() else 0)
    except PermissionError as error:
        raise NoSockets from error
    except (OSError, http.client.HTTPException) as error:
        raise (AnswerLost if is_sent else NoOctet) from error
    finally:
        connection.close()


def _is_proven(connection: http.client.HTTPConnection, run: Run) -> bool:
    """Ask the listener to prove that it knows the reply key, and do not send the key. The address is part of the proof,
    so that another program cannot pass on the proof of an Octet elsewhere on this machine."""
    nonce, agent = secrets.token_hex(16), run.reply_key.partition(".")[2].rpartition(".")[0]
    connection.request("GET", f"/proof/{nonce}?agent={quote(agent)}")
    body = HttpAnswer(status=200, body=connection.getresponse().read(200)).json()
    proof = hmac.new(run.reply_key.encode(), f"{nonce} {run.address} {run.port}".encode(), "sha256").hexdigest()
    shown = str(cast("dict[str, object]", body).get("proof")) if isinstance(body, dict) else ""
    return hmac.compare_digest(proof.encode(), shown.encode(errors="replace"))
