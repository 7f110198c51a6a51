"""The code in a prompt: the right to answer one task as long as its lease lasts, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from core.security import _store
from core.security.model import WrongCode
from core.store.engine import Tx

_CODE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHolder:
    """For which task, and which lease of it, a code was made."""

    task: str
    fence: int
    agent: str
    """Who was given the task by that lease; empty for codes from before leases."""


class TaskCodes:
    """Makes and recognises codes `<home id>.<128 bits>`. A code is derived, not stored: only its hash is."""

    def __init__(self, *, home_id: str, key: bytes) -> None:
        """`key` is the home's key for codes."""
        self._home_id = home_id
        self._key = key

    def code(self, task: str, fence: int) -> str:
        """The code for the lease of this task that has this fence; always the same one."""
        digest = hmac.new(self._key, f"{task}:{fence}".encode(), hashlib.sha256).digest()
        return f"{self._home_id}.{base64.b32encode(digest[:_CODE_BYTES]).decode().rstrip('=')}"

    def masked(self) -> str:
        """What people see in place of a code."""
        return f"{self._home_id}.…"

    def grant(self, tx: Tx, task: str, fence: int, *, agent: str) -> None:
        """From the commit on, the code of this lease is recognised as that of `agent`."""
        row = {"hash": _hash(self.code(task, fence)), "task": task, "fence": fence, "agent": agent}
        tx.execute(_store.ADD_CODE, row)

    def holder(self, tx: Tx, code: str) -> CodeHolder:
        """Whom the code belongs to. Raises WrongCode for anything that was never granted."""
        row = tx.execute(_store.CODE, {"hash": _hash(code.strip())}).first()
        if row is None:
            raise WrongCode
        return CodeHolder(task=row.task, fence=row.fence, agent=row.agent)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
