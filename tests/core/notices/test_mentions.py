"""Users choose whether Octet mentions them at once, once an hour in a digest, or never."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from core.notices.mentions import DIGEST_EVERY_MS, Mentions
from core.notices.model import DISCORD, Digest, MentionMode, NoticeKind, Place
from core.notices.service import Notices
from core.security.model import Role
from core.store.engine import Store
from tests.builders import make_person
from tests.fakes.clock import FakeClock

ADA = make_person(1, "Ada", Role.MEMBER)
HERE = Place(channel="10", guild="1")


async def test_a_digest_lists_within_the_hour_what_a_user_missed_and_survives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        mentions = Mentions(notices, store=store, clock=clock)
        assert mentions.wakes(ADA.id)
        await mentions.choose(MentionMode.DIGEST, by=ADA)
        assert not mentions.wakes(ADA.id)
        for task in ("T-1", "T-2", "T-1"):
            await mentions.missed(ADA.id, task, HERE)
        assert await mentions.send_digests() == DIGEST_EVERY_MS / 1000
        assert await notices.on(DISCORD).due() == ()
        clock.advance(DIGEST_EVERY_MS / 1000)
        mentions = Mentions(notices, store=store, clock=clock)
        await mentions.load()
        await mentions.send_digests()
        await mentions.send_digests()
        (digest,) = await notices.on(DISCORD).due()
        assert (digest.kind, digest.subject, digest.detail, digest.place) == (
            NoticeKind.DIGEST,
            ADA.id,
            Digest(number=3, newest=("T-1", "T-2")),
            HERE,
        )


async def test_silence_keeps_nothing_and_mentions_send_the_digest_at_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        mentions = Mentions(notices, store=store, clock=clock)
        await mentions.choose(MentionMode.SILENCE, by=ADA)
        await mentions.missed(ADA.id, "T-1", HERE)
        await mentions.choose(MentionMode.DIGEST, by=ADA)
        await mentions.missed(ADA.id, "T-2", HERE)
        await mentions.choose(MentionMode.MENTIONS, by=ADA)
        await mentions.send_digests()
        assert [one.detail for one in await notices.on(DISCORD).due()] == [Digest(number=1, newest=("T-2",))]
        assert mentions.wakes(ADA.id)


async def test_a_time_zone_stays_beside_the_mode_and_over_a_restart(tmp_path: Path) -> None:
    clock, berlin = FakeClock(), ZoneInfo("Europe/Berlin")
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        mentions = Mentions(notices, store=store, clock=clock)
        assert mentions.zone_of(ADA.id) is None
        await mentions.choose(MentionMode.SILENCE, by=ADA)
        await mentions.choose(zone=berlin, by=ADA)
        mentions = Mentions(notices, store=store, clock=clock)
        await mentions.load()
        assert (mentions.zone_of(ADA.id), mentions.wakes(ADA.id)) == (berlin, False)
        await mentions.choose(MentionMode.MENTIONS, by=ADA)
        assert (mentions.zone_of(ADA.id), mentions.wakes(ADA.id)) == (berlin, True)
        await mentions.choose(zone="machine", by=ADA)
        assert mentions.zone_of(ADA.id) is None


async def test_octet_remembers_who_knows_reply_and_their_mode_stays(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Store.open(tmp_path / "octet.db") as store:
        notices = Notices(store=store, clock=clock)
        mentions = Mentions(notices, store=store, clock=clock)
        await mentions.choose(MentionMode.SILENCE, by=ADA)
        assert not mentions.has_replied(ADA.id)
        await mentions.replied(ADA.id)
        mentions = Mentions(notices, store=store, clock=clock)
        await mentions.load()
        assert (mentions.has_replied(ADA.id), mentions.wakes(ADA.id)) == (True, False)
