"""API keys: shown once, recognised by a hash, valid until they expire or are revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.kit.redaction import redacted
from core.limits import OutOfRange
from core.security.model import (
    OPERATOR,
    ROLE_ALLOWS,
    ActorKind,
    HolderId,
    Permission,
    Role,
)
from core.store.errors import StoreUnavailable
from tests.builders import entries_of, make_agent, make_person, open_coordinator, refuses
from tests.fakes.clock import FakeClock

ADMIN = make_person(4, "Dora", Role.ADMIN)
DORA = HolderId(ADMIN.id)
READS = frozenset({Permission.TASK_READ, Permission.AGENT_READ})
DAY_S = 24 * 3600


async def test_a_key_is_an_actor_with_its_scopes_also_after_a_restart(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        made = await octet.api_keys.make("ci", READS, days=1, by=ADMIN)
        assert made.secret.startswith("octet_")
        assert len(made.secret) == len("octet_") + 43
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        actor = await octet.api_keys.actor(made.secret)
        assert actor is not None
        assert (actor.kind, actor.id, actor.permissions) == (ActorKind.KEY, "key:ci", READS)
        for wrong in (made.secret[:-1], made.secret + "x", made.secret.upper(), "octet_", "", "\ud800"):
            assert await octet.api_keys.actor(wrong) is None


async def test_a_key_is_in_no_file_of_the_home_no_log_line_and_no_journal_row(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
            await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
            made = await octet.api_keys.make("ci", READS, days=1, by=ADMIN)
            await octet.api_keys.actor(made.secret)
            await octet.api_keys.revoke("ci", by=ADMIN)
            entries = await entries_of(octet.journal, "key:ci")
    files = {one.name: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}  # noqa: ASYNC240 - small files
    assert b"key:ci" in files["octet.db"], "the test reads what Octet writes"
    random_part = made.secret.removeprefix("octet_")
    assert [name for name, content in files.items() if random_part.encode() in content] == []
    assert random_part not in str([lines, entries, made])
    assert [one.name for one in entries] == ["ApiKeyMade", "ApiKeyRevoked"]


def test_a_log_hides_what_looks_like_a_key_of_any_octet() -> None:
    assert redacted(f"sent octet_{'aB3-_' * 8}xyz to it") == "sent … to it"


async def test_a_revoked_or_expired_key_is_refused_at_once_and_its_name_is_free(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        keys = octet.api_keys
        first = await keys.make("ci", READS, days=1, by=ADMIN)
        with refuses("api_key_exists"):
            await keys.make("ci", READS, days=1, by=ADMIN)
        await keys.revoke("ci", by=ADMIN)
        assert await keys.actor(first.secret) is None
        with refuses("api_key_not_found"):
            await keys.revoke("ci", by=ADMIN)
        second = await keys.make("ci", READS, days=1, by=ADMIN)
        assert await keys.actor(first.secret) is None
        assert await keys.actor(second.secret) is not None
        clock.advance(DAY_S)
        assert await keys.actor(second.secret) is None
        assert await keys.make("ci", READS, days=1, by=ADMIN)


async def test_a_key_may_at_most_what_its_maker_may(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        with refuses("scopes_too_wide", match=r"desk\.see owner\.name"):
            await octet.api_keys.make("ci", frozenset(Permission), days=1, by=ADMIN)
        for name in ("", "a b", "x" * 33, "-x", "é"):
            with refuses("invalid_key_name"):
                await octet.api_keys.make(name, READS, days=1, by=ADMIN)
        for days in (0, 3651):
            with pytest.raises(OutOfRange):
                await octet.api_keys.make("ci", READS, days=days, by=ADMIN)
        assert await octet.api_keys.list(by=ADMIN) == ()
        assert (await octet.api_keys.make("all", frozenset(Permission), days=1, by=OPERATOR)).key.scopes == (
            ROLE_ALLOWS[Role.OWNER]
        )


async def test_the_last_use_is_known_to_the_hour_also_while_the_database_takes_no_writes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        keys = octet.api_keys
        secret = (await keys.make("ci", READS, days=1, by=ADMIN)).secret

        async def used_ms() -> int | None:
            (key,) = await keys.list(by=ADMIN)
            return key.used_ms

        assert await used_ms() is None
        await keys.actor(secret)
        first = await used_ms()
        assert first == clock.now_ms()
        clock.advance(3599)
        await keys.actor(secret)
        assert await used_ms() == first

        async def refused(_work: object) -> None:
            raise StoreUnavailable(why="the test took it away")

        octet.store.write = refused  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
        clock.advance(1)
        assert await keys.actor(secret) is not None
        assert await used_ms() == clock.now_ms()
        del octet.store.write
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        await octet.people.bind(DORA, Role.ADMIN, by=OPERATOR)
        assert [key.used_ms for key in await octet.api_keys.list(by=ADMIN)] == [first]
