"""`octet mcp serve`: passes MCP messages from standard input to the running Octet, and its answers back.

Standard library only: each agent's program keeps one of these. Octet answers; the bridge proves that it is Octet before
it sends the token, and finds it again after a restart on another port."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast
from urllib.parse import quote

from bot.cli.answers import KEY, NOT_OCTETS, REFUSED, URL, USAGE, Unusable, named_in, say, token_in, within
from bot.cli.client import HttpAnswer, NoOctet, NotOctet, exchange
from bot.runfile import Run, running

WAIT_S = 10.0
_PARSE_ERROR, _INTERNAL_ERROR = -32700, -32603
_ACCEPTED = {"Accept": "application/json, text/event-stream"}
_VERSION = "io.modelcontextprotocol/protocolVersion"  # in `_meta`, since the protocol has no handshake
_SILENT = "Octet does not answer. Call again when it runs, or use the command in your prompt, which keeps your text."


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="octet mcp serve", description="Speak MCP on standard input and output.")
    parser.add_argument("--agent", help=f"the agent; default: the one of {KEY}")
    parser.add_argument("--home", type=Path, default=os.environ.get("OCTET_HOME"), help="Octet's home, for --agent")
    given = parser.parse_args(argv)
    try:
        own = token_in(os.environ).partition(".")[2].rpartition(".")[0]
        if given.home and (agent := given.agent or ("" if os.environ.get(URL) else own)):
            bridge = Bridge(Path(given.home), agent, None)
        elif (named := named_in(os.environ)) is not None and not given.agent:
            bridge = Bridge(None, "", named)
        else:
            raise Unusable(f"Set {URL} and {KEY} as `octet agent env NAME` prints them, or pass --agent and --home.")
    except Unusable as problem:
        say(f"octet: {problem}")
        return USAGE
    try:
        bridge.serve(sys.stdin.buffer, sys.stdout)
    except BrokenPipeError:
        return REFUSED
    return 0


class Bridge:
    """Passes the messages of one client on, one after the other."""

    def __init__(self, home: Path | None, agent: str, named: Run | None) -> None:
        """Speak for `agent` to the Octet in `home`, or to the one that the environment names, with its token."""
        self._home, self._agent, self._named = home, agent, named
        self._version = ""  # what client and Octet agreed on, in a protocol with a handshake

    def serve(self, lines: Iterable[bytes], out: TextIO) -> None:
        for line in lines:
            if line.strip() and (answer := self._answer(line)) is not None:
                print(json.dumps(answer, ensure_ascii=False, separators=(",", ":")), file=out, flush=True)

    def _answer(self, line: bytes) -> object:
        """Return Octet's answer to one message; None where it needs none."""
        try:
            message = json.loads(line)
        except ValueError:
            return _error(None, _PARSE_ERROR, "This is not JSON. Send one message per line.")
        response = within(WAIT_S, partial(self._send, message))
        if response is not None and response.status == 202:
            return None
        answer: Any = response.json() if response is not None else None
        if isinstance(answer, dict) and "jsonrpc" in answer:
            result: Any = cast("dict[str, Any]", answer).get("result")
            if isinstance(result, dict) and "protocolVersion" in result:
                self._version = str(cast("dict[str, Any]", result)["protocolVersion"])
            return cast("object", answer)
        its_id: Any = cast("dict[str, Any]", message).get("id") if isinstance(message, dict) else None
        why = response.error_message if response is not None else _SILENT
        return None if its_id is None else _error(its_id, _INTERNAL_ERROR, why, response)

    def _send(self, message: object, timeout_s: float) -> HttpAnswer | None:
        """Try once; None if no Octet answered."""
        try:
            run = self._run(timeout_s)
            if isinstance(run, HttpAnswer):
                return run
            headers = {"Authorization": f"Bearer {run.reply_key}", **_ACCEPTED, **self._headers(message)}
            return exchange(run, "POST", "/mcp", body=message, headers=headers, timeout_s=timeout_s)
        except NotOctet:
            return NOT_OCTETS
        except NoOctet:
            return None

    def _run(self, timeout_s: float) -> Run | HttpAnswer:
        """Return the running Octet with this agent's token, or its refusal. Raises NoOctet."""
        if self._home is None:
            return cast("Run", self._named)
        run = running(self._home)
        if run is None:
            raise NoOctet
        if self._named is None or (self._named.port, self._named.started_ms) != (run.port, run.started_ms):
            path = f"/api/v2/agents/{quote(self._agent, safe='')}/env"
            headers = {"Authorization": f"Bearer {run.token}"}
            response = exchange(run, "GET", path, headers=headers, timeout_s=timeout_s)
            if not response.is_good:
                return response
            self._named = replace(run, reply_key=cast("dict[str, str]", response.json())[KEY])
        return self._named

    def _headers(self, message: object) -> Mapping[str, str]:
        """Return what the protocol wants in headers over HTTP: its version, and since the version without a handshake
        also the method and the name that a message holds."""
        body = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
        params: dict[str, Any] = body["params"] if isinstance(body.get("params"), dict) else {}
        meta: dict[str, Any] = params["_meta"] if isinstance(params.get("_meta"), dict) else {}
        if _VERSION not in meta:
            return {"MCP-Protocol-Version": self._version} if self._version else {}
        name = params.get("name", params.get("uri"))
        found = {"MCP-Protocol-Version": meta[_VERSION], "Mcp-Method": body.get("method"), "Mcp-Name": name}
        return {key: one for key, one in found.items() if isinstance(one, str) and one.isascii() and one.isprintable()}


def _error(its_id: object, code: int, why: str, response: HttpAnswer | None = None) -> dict[str, object]:
    data = {"data": {"code": response.error_code}} if response is not None and response.error_code else {}
    return {"jsonrpc": "2.0", "id": its_id, "error": {"code": code, "message": why, **data}}
