"""The live boards. They are not notices: a board belongs to no task, and must never delay a notice."""

from __future__ import annotations

from core.fleet import _store
from core.fleet.model import BoardGivenUp, BoardId, BoardKind, BoardPlaced, BoardRemoved, BoardState, LiveBoard
from core.journal.service import Journal
from core.kit.clock import SteadyClock
from core.kit.from_attributes import from_attributes
from core.notices.model import Place
from core.remedies import refused
from core.security.model import HUB, Actor, Permission, require
from core.store.engine import Row, Store, Tx


class Boards:
    """The live boards, at most one of each kind in a channel."""

    def __init__(self, store: Store, journal: Journal, clock: SteadyClock) -> None:
        self._store, self._journal, self._clock = store, journal, clock

    async def place(self, place: Place, kind: BoardKind = BoardKind.FLEET, *, by: Actor) -> LiveBoard:
        """Put a board at the end of this channel; the one of this kind that is there leaves."""
        require(by, Permission.FLEET_BOARD)

        def put(tx: Tx) -> LiveBoard:
            here = _at(place.channel, kind)
            tx.execute(_store.FORGET_GIVEN_UP, here)
            tx.execute(_store.LEAVE, here)
            self._journal.append(tx, BoardPlaced(channel=place.channel, kind=kind), by=by.id)
            return self._add(tx, place, kind, by)

        return await self._store.write(put)

    async def remove(self, channel: str, kind: BoardKind = BoardKind.FLEET, *, by: Actor) -> None:
        """Remove the board of this kind from this channel. Raises no_board."""
        require(by, Permission.FLEET_BOARD)

        def leave(tx: Tx) -> None:
            if tx.execute(_store.STANDING, _at(channel, kind)).first() is None:
                raise refused("no_board")
            tx.execute(_store.LEAVE, _at(channel, kind))
            self._journal.append(tx, BoardRemoved(channel=channel, kind=kind), by=by.id)

        await self._store.write(leave)

    async def all(self) -> tuple[LiveBoard, ...]:
        return tuple(self._store.aside.readable("board", await self._store.fetch(_store.ALL), _board))

    async def posted(self, board: BoardId, message: str) -> None:
        await self._store.write(lambda tx: tx.execute(_store.POSTED, {"board": board, "posted": message}))

    async def pinned(self, board: BoardId) -> None:
        await self._store.write(lambda tx: tx.execute(_store.PINNED, {"board": board}))

    async def anew(self, board: BoardId) -> None:
        """Replace the board, whose message is gone or takes no more edits, if it is still wanted."""

        def replace(tx: Tx) -> None:
            row = tx.execute(_store.ONE, {"board": board}).first()
            if row is not None and row.state == BoardState.STANDS:
                old = _board(row)
                tx.execute(_store.LEAVE, _at(row.channel, old.kind))
                self._add(tx, old.place, old.kind, HUB)

        await self._store.write(replace)

    async def left(self, board: BoardId) -> None:
        """Forget the board: its message is deleted, or never existed."""
        await self._store.write(lambda tx: tx.execute(_store.FORGET, {"board": board}))

    async def no_access(self, board: BoardId, *, error: str) -> None:
        """Note that Discord refuses the board's channel for `error`; empty: it takes the board again."""
        await self._store.write(lambda tx: tx.execute(_store.NO_ACCESS, {"board": board, "why": error}))

    async def given_up(self, board: BoardId, *, error: str) -> None:
        """Give the board up: its channel is gone, or may not be written. Octet keeps the reason for users."""

        def note(tx: Tx) -> None:
            row = tx.execute(_store.ONE, {"board": board}).first()
            if row is not None and row.state == BoardState.STANDS:
                to, now_ms = BoardState.GIVEN_UP.value, self._clock.now_ms()
                tx.update_row(_store.boards.c.id, board, state=to, error=error, since_ms=now_ms)
                self._journal.append(tx, BoardGivenUp(channel=row.channel, kind=BoardKind(row.kind)), by=HUB.id)

        await self._store.write(note)

    def _add(self, tx: Tx, place: Place, kind: BoardKind, by: Actor) -> LiveBoard:
        row = {
            "kind": kind.value,
            "channel": place.channel,
            "guild": place.guild,
            "posted_message": "",
            "is_pinned": False,
            "state": BoardState.STANDS.value,
            "error": "",
            "actor": by.id,
            "since_ms": self._clock.now_ms(),
        }
        return _board(tx.execute(_store.ADD, row).one())


def _at(channel: str, kind: BoardKind) -> dict[str, str]:
    return {"place": channel, "of_kind": kind.value}


def _board(row: Row) -> LiveBoard:
    return from_attributes(LiveBoard, row, place=Place(channel=row.channel, guild=row.guild))
