"""The one writer of live boards: keeps each up to date by at most one edit each second.

It works beside the outbox with separate tasks and rows, and makes at most one call at a time for each board."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from bot.discord import fleet_view
from bot.discord.channel_client import ChannelClient
from bot.discord.errors import ChannelForbidden, ChannelGone, DiscordBusy, MessageGone, MessageRejected, TooOldToEdit
from bot.discord.message_writer import LONGEST_PAUSE_S, MessageWriter, retry_after_s
from bot.discord.parts import Marker, Parts, without_clocks
from bot.discord.send_limits import DiscordBan
from core.coordinator import Coordinator
from core.fleet.model import BoardId, BoardKind, BoardState, LiveBoard
from core.journal.model import Event
from core.kit import faults
from core.kit.clock import Clock
from core.kit.errors import Unavailable
from core.security.model import HUB

log = structlog.get_logger(__name__)

_REST_S = 3600.0
_SPARE_EDITS = {BoardKind.FLEET: 2, BoardKind.NEEDS_ME: 1}
"""How many of a channel's edits a board leaves to cards."""


@dataclass(slots=True)
class _BoardProgress:
    """The progress of one board. Losing it costs one edit."""

    shown: str | None = None  # the text of its message without clocks; None while unknown
    fails: int = 0
    cannot_pin: bool = False  # Discord refused it
    not_before_s: float = 0.0


class BoardWriter(MessageWriter):
    """Posts, edits, moves and deletes the boards' messages, as their rows say."""

    rest_s = 1.0  # between two queries of the fleet, and so between two edits of a board

    def __init__(self, coordinator: Coordinator, channels: ChannelClient, *, clock: Clock) -> None:
        """Wake this writer at each commit to the journal."""
        super().__init__("boards", channels, clock)
        self._coordinator = coordinator
        self._fleet = coordinator.fleet
        self._progress: dict[BoardId, _BoardProgress] = {}
        coordinator.journal.listen(Event, lambda _entry: self._news.set())

    def access_changed(self) -> None:
        """Try to pin again: permissions may have changed, or the connection is new."""
        for progress in self._progress.values():
            progress.cannot_pin = False
        self.wake()

    async def _sweep(self, group: asyncio.TaskGroup) -> float:
        if (closed_s := self._limits.banned_for_s()) > 0:
            return closed_s
        rows = [row for row in await self._fleet.boards.all() if row.state is not BoardState.GIVEN_UP]
        self._progress = {row.id: self._progress.get(row.id, _BoardProgress()) for row in rows}
        if not rows:
            return _REST_S
        shown, pause_s = await self._show(rows), _REST_S
        unposted = {_spot(row) for row in rows if row.state is BoardState.STANDS and not row.posted_message}
        for row in rows:
            if row.id in self._busy or self._is_closing:
                continue
            progress = self._progress[row.id]
            is_edit = row.state is BoardState.STANDS and row.posted_message
            if is_edit and progress.shown == without_clocks(shown[row.id]) and not _is_pin_due(row, progress):
                continue
            if row.state is BoardState.LEAVES and _spot(row) in unposted:
                continue  # the new board first: the channel always shows one
            refusal = self._limits.refusal_of(row.place.channel)
            wait_s = refusal[1] if refusal else progress.not_before_s - self._clock.monotonic_s()
            if wait_s <= 0 and is_edit and not self._limits.take_edit(row.place.channel, spare=_SPARE_EDITS[row.kind]):
                wait_s = self.rest_s
            if wait_s > 0:
                pause_s = min(pause_s, wait_s)
                continue
            write = partial(self._write, row, shown[row.id], progress)
            self._begin(group, row.id, channel=row.place.channel, write=write)
        return pause_s

    async def _show(self, rows: Iterable[LiveBoard]) -> dict[BoardId, Parts]:
        """Make the boards' messages as they must be now."""
        kinds, shown = {row.kind for row in rows}, dict[BoardId, Parts]()
        if BoardKind.FLEET in kinds:
            now = await self._fleet.board(by=HUB)
            shown |= {
                row.id: fleet_view.board(now, marker=self._marker(row)) for row in rows if row.kind is BoardKind.FLEET
            }
        if BoardKind.NEEDS_ME in kinds:
            found = await self._fleet.needs_me(by=HUB)
            shown |= {
                row.id: fleet_view.needs(found, guild=row.place.guild, marker=self._marker(row))
                for row in rows
                if row.kind is BoardKind.NEEDS_ME
            }
        return shown

    async def _write(self, row: LiveBoard, parts: Parts, progress: _BoardProgress) -> None:
        """Make one board's message match its row. A crash at any point loses and duplicates nothing."""
        try:
            await self._write_and_record(row, parts, progress)
        except Unavailable as error:
            # Octet finds a posted message again by its nonce or its marker.
            self._pause(progress, self.failed_rest_s)
            log.warning("board_not_recorded", board=row.id, why=error.message)
        except Exception:  # the outer edge of one board: the others must be written
            self._pause(progress, LONGEST_PAUSE_S)
            log.exception("board_failed", board=row.id)

    async def _write_and_record(self, row: LiveBoard, parts: Parts, progress: _BoardProgress) -> None:
        try:
            if row.state is BoardState.LEAVES:
                await self._delete_board(row)
            else:
                message = await self._post_or_edit(row, parts)
                if message and _is_pin_due(row, progress):
                    await self._pin(row, message, progress)
            progress.shown, progress.fails = without_clocks(parts), 0
            self._limits.note_success(row.place.channel)
            if row.error:
                await self._fleet.boards.no_access(row.id, error="")
        except DiscordBan as ban:
            self._limits.note_ban(ban.message, ban.after_s)
        except ChannelForbidden as refused:
            self._limits.note_refusal(row.place.channel, refused.message)
            await self._fleet.boards.no_access(row.id, error=refused.message)
        except DiscordBusy as busy:
            self._pause(progress, retry_after_s(busy, progress.fails))
            log.warning("board_waits", board=row.id, why=busy.message)
        except (ChannelGone, MessageRejected) as lost:
            log.warning("board_given_up", board=row.id, channel=row.place.channel, why=lost.message)
            if row.state is BoardState.LEAVES:
                await self._fleet.boards.left(row.id)
            else:
                await self._fleet.boards.given_up(row.id, error=lost.message)

    async def _post_or_edit(self, row: LiveBoard, parts: Parts) -> str:
        """Return the id of the board's message; empty where another takes its place."""
        channel = int(row.place.channel)
        if row.posted_message:
            try:
                await self._channels.edit_message(channel, row.posted_message, parts)
            except (MessageGone, TooOldToEdit) as gone:
                log.info("board_reposted", board=row.id, why=gone.message)
                await self._fleet.boards.anew(row.id)
                return ""
            return row.posted_message
        found = await self._find(row)
        if found is None:
            nonce = f"o{self._coordinator.home_mark}b{row.id}"
            faults.point("board.post", may_fail=True)
            posted = await self._channels.post_message(channel, parts, nonce=nonce)
            faults.point("board.posted", may_fail=True)
            await self._fleet.boards.posted(row.id, posted.id)
            faults.point("board.noted", may_fail=True)
            if posted.is_as_requested:
                return posted.id
            found = posted.id
        await self._channels.edit_message(channel, found, parts)
        await self._fleet.boards.posted(row.id, found)
        return found

    async def _pin(self, row: LiveBoard, message: str, progress: _BoardProgress) -> None:
        """Pin the board's message, once. Where Discord refuses that the board works unpinned."""
        try:
            faults.point("board.pin", may_fail=True)
            await self._channels.pin_message(int(row.place.channel), message)
            faults.point("board.pinned", may_fail=True)
        except (ChannelForbidden, MessageGone, MessageRejected) as refused:
            progress.cannot_pin = True
            log.warning("board_not_pinned", board=row.id, channel=row.place.channel, why=refused.message)
        else:
            await self._fleet.boards.pinned(row.id)

    async def _delete_board(self, row: LiveBoard) -> None:
        message = row.posted_message or await self._find(row)  # Octet may have posted it and lost Discord's answer
        if message:
            faults.point("board.delete", may_fail=True)
            try:
                await self._channels.delete_message(int(row.place.channel), message)
                faults.point("board.deleted", may_fail=True)
            except MessageGone:
                log.debug("board_already_deleted", board=row.id)
        await self._fleet.boards.left(row.id)

    async def _find(self, row: LiveBoard) -> str | None:
        return await self._channels.find_message(int(row.place.channel), self._marker(row).code, after_ms=0)

    def _pause(self, progress: _BoardProgress, pause_s: float) -> None:
        progress.fails += 1
        progress.not_before_s = self._clock.monotonic_s() + pause_s

    def _marker(self, row: LiveBoard) -> Marker:
        return Marker(code=f"o{self._coordinator.home_mark}.b{row.id}")


def _spot(row: LiveBoard) -> tuple[str, BoardKind]:
    return row.place.channel, row.kind


def _is_pin_due(row: LiveBoard, progress: _BoardProgress) -> bool:
    return row.kind is BoardKind.NEEDS_ME and not row.is_pinned and not progress.cannot_pin
