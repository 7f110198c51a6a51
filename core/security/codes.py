"""What an agent answers with: the code in its prompt, valid for one lease of one task or for one message, and a reply
key. The code is visible in the argument list of a command; without a reply key it is useless."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from core.kit.ids import Ids, MessageId
from core.security import _store
from core.security.model import EVERY_AGENT, WrongAgent, WrongCode
from core.store.engine import Executable, Row, Store, Tx

_CODE_BYTES = 16
_PREFIX = "octet-reply."
_HOME_ID = "home_id"
_HOME_ID_CHARS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHolder:
    """For which task, and which lease of it, a code was made."""

    task: str
    fence: int
    agent: str  # who was given the task by that lease; empty for codes from before leases


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCode:
    """For which message to which agent a code was made, and until when it is valid."""

    message: MessageId
    agent: str
    expires_ms: int


class TaskCodes:
    """Makes and recognises codes `<home id>.<128 bits>`. They are derived; only their hashes are stored."""

    def __init__(self, *, home_id: str, key: bytes) -> None:
        """`key` is the home's key for codes."""
        self.home_id, self.key = home_id, key

    def code(self, task: str, fence: int) -> str:
        """Return the code for the lease of this task that has this fence; always the same one."""
        return self._made_of(f"{task}:{fence}")

    def message_code(self, message: str, agent: str) -> str:
        """Return the code by which this agent answers this message; always the same one."""
        return self._made_of(f"message:{message}:{agent}")

    def _made_of(self, subject: str) -> str:
        digest = hmac.new(self.key, subject.encode(), hashlib.sha256).digest()
        return f"{self.home_id}.{base64.b32encode(digest[:_CODE_BYTES]).decode().rstrip('=')}"

    def masked(self) -> str:
        """Return what users see in place of a code."""
        return f"{self.home_id}.…"

    def grant(self, tx: Tx, task: str, fence: int, *, agent: str) -> None:
        """Recognise the code of this lease as that of `agent`, from the commit on."""
        code = self.code(task, fence)
        tx.execute(_store.ADD_CODE, {"hash": _hash(code), "task": task, "fence": fence, "agent": agent})

    def holder(self, tx: Tx, code: str, *, agent: str) -> CodeHolder:
        """Return the lease of this code, for a request with the reply key of `agent` (or EVERY_AGENT). Raises WrongCode
        for an unknown code, WrongAgent for that of another agent."""
        row = _find(tx, _store.CODE, code, agent)
        return CodeHolder(task=row.task, fence=row.fence, agent=row.agent)

    def grant_message(self, tx: Tx, message: str, *, agent: str, expires_ms: int) -> None:
        """Recognise the code of this message to `agent`, from the commit on, until `expires_ms`."""
        row = {"hash": _hash(self.message_code(message, agent)), "message": message, "agent": agent}
        tx.execute(_store.ADD_MESSAGE_CODE, row | {"expires_ms": expires_ms})

    def message_holder(self, tx: Tx, code: str, *, agent: str) -> MessageCode:
        """Return the message of this code. Raises as `holder`."""
        return _message_code(_find(tx, _store.MESSAGE_CODE, code, agent))

    def shift(self, tx: Tx, by_ms: int, *, now_ms: int) -> None:
        """Move the expiry of messages' codes with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT, {"by": by_ms, "since": now_ms - abs(by_ms)})

    def valid_for(self, tx: Tx, agent: str, *, now_ms: int) -> list[MessageCode]:
        """List the messages to this agent whose codes have not expired, newest first."""
        return [_message_code(row) for row in tx.execute(_store.VALID_FOR, {"of_agent": agent, "now": now_ms})]


class ReplyKeys:
    """Makes and recognises reply keys `octet-reply.<agent>.<256 bits>`. They are derived, not stored."""

    def __init__(self, *, key: bytes) -> None:
        """`key` is the home's key for codes: reply keys stay valid as long as codes do."""
        self._key = key
        self._granted: dict[str, str] = {}  # by agent: the name that the key of its present conversation has

    def grant(self, agent: str) -> str:
        """Make a key for one conversation of this agent. That of its conversation before is of no use from now on, and
        none outlives this process."""
        self._granted[agent] = f"{agent}~{secrets.token_hex(8)}"
        return self.key(self._granted[agent])

    def revoke(self, agent: str) -> None:
        """Accept the key of the agent's conversation no longer."""
        self._granted.pop(agent, None)

    def key(self, agent: str = EVERY_AGENT) -> str:
        """Return the reply key of this agent; always the same one."""
        digest = hmac.new(self._key, f"reply key:{agent}".encode(), hashlib.sha256).hexdigest()
        return f"{_PREFIX}{agent}.{digest}"

    def proof(self, agent: str, challenge: str) -> str:
        """Return what only this Octet and the holder of the agent's reply key can make of `challenge`."""
        return hmac.new(self.key(agent).encode(), challenge.encode(), hashlib.sha256).hexdigest()

    def holder(self, shown: str) -> str | None:
        """Return the agent, or EVERY_AGENT, whose reply key this is; None for any other text."""
        name = shown.removeprefix(_PREFIX).rpartition(".")[0]
        if not hmac.compare_digest(shown.encode(), self.key(name).encode()):
            return None
        agent = name.partition("~")[0]
        return agent if agent == name or self._granted.get(agent) == name else None


def _message_code(row: Row) -> MessageCode:
    return MessageCode(message=MessageId(row.message), agent=row.agent, expires_ms=row.expires_ms)


def _find(tx: Tx, statement: Executable, code: str, agent: str) -> Row:
    row = tx.execute(statement, {"hash": _hash(code.strip())}).first()
    if row is None:
        raise WrongCode
    if agent not in {EVERY_AGENT, row.agent}:
        raise WrongAgent(agent=agent)
    return row


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


async def home_id(store: Store, ids: Ids) -> str:
    """Return this home's id, made once and kept in the database: codes, nonces and markers begin with it."""

    def find_or_make(tx: Tx) -> str:
        row = tx.execute(_store.FACT, {"name": _HOME_ID}).first()
        if row is not None:
            return str(row.value)
        made = ids.marker(_HOME_ID_CHARS)
        tx.execute(_store.ADD_FACT, {"name": _HOME_ID, "value": made})
        return made

    return await store.write(find_or_make)
