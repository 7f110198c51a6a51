"""The home's id: which Octet a code, a nonce or a marker belongs to."""

from __future__ import annotations

from core.kit.ids import Ids
from core.security import _store
from core.store.engine import Store, Tx

_CHARS = 6
_NAME = "home_id"


async def home_id(store: Store, ids: Ids) -> str:
    """This home's id: six characters, made once, kept in the database."""

    def find_or_make(tx: Tx) -> str:
        row = tx.execute(_store.FACT, {"name": _NAME}).first()
        if row is not None:
            return str(row.value)
        made = ids.marker(_CHARS)
        tx.execute(_store.ADD_FACT, {"name": _NAME, "value": made})
        return made

    return await store.write(find_or_make)
