"""The rules of the outbox hold for each route of notices: nothing is lost or doubled, and tasks keep their order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.notices.model import DISCORD, Halt, NoticeKind
from core.notices.posts import NoticePosts
from core.reasons import WaitReason
from tests.bot.discord.house import LOST, House, always, house, never, once
from tests.fakes.mail_route import MAIL, Mailbox, MailRoute

WAITS = Halt(state="waiting", reason=WaitReason.WINDOW)
ROUTES = pytest.mark.parametrize("route", [DISCORD, MAIL])


@dataclass
class Routes:
    """Both routes of one Octet."""

    here: House
    box: Mailbox = field(default_factory=Mailbox)
    forgets_ids: bool = False

    def __post_init__(self) -> None:
        octet = self.here.coordinator
        octet.notices._posts[MAIL] = NoticePosts(MAIL, store=octet.store, clock=self.here.clock)
        self.restart()

    def restart(self) -> None:
        """Begin the next process of both routes."""
        self.here.restart()
        posts = self.here.coordinator.notices.on(MAIL)
        self.mail = MailRoute(posts, self.box, forgets_ids=self.forgets_ids)

    async def sweep(self, times: int = 1) -> None:
        for _ in range(times):
            self.here.clock.advance(2)
            await self.here.sweep()
            await self.mail.sweep()

    def came(self, route: str) -> list[int]:
        """Return the notices whose messages came on this route, in order."""
        if route == MAIL:
            return list(self.box.letters.values())
        return [int(one.marker.rpartition(".")[2]) for one in self.here.channels.messages]

    def fail(self, route: str, when: str, fault: Callable[[str], None]) -> None:
        setattr(self.box if route == MAIL else self.here.channels, when, fault)


@asynccontextmanager
async def routes(tmp_path: Path, *, forgets_ids: bool = False) -> AsyncGenerator[Routes]:
    async with house(tmp_path) as here:
        yield Routes(here, forgets_ids=forgets_ids)


def error_of(route: str) -> BaseException:
    return OSError("connection lost") if route == MAIL else LOST


async def begin(both: Routes) -> list[int]:
    """Make two tasks with news; return the notices of the first, oldest first."""
    first, second = await both.here.ask(), await both.here.ask("Count the bees")
    for task in (first, second):
        await both.here.tell(task, NoticeKind.HELD, WAITS)
        await both.here.tell(task, NoticeKind.ENDED)
    rows = [row for row in await both.here.rows() if row.route == MAIL]
    return [row.id for row in rows if row.task == first.id]


@ROUTES
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_loses_doubles_and_reorders_nothing(tmp_path: Path, route: str, when: str) -> None:
    async with routes(tmp_path) as both:
        mine = await begin(both)
        both.fail(route, when, once("post", error_of(route)))
        await both.sweep(2)
        both.restart()
        await both.sweep(8)
        came = both.came(route)
        assert len(came) == len(set(came)) == 6
        assert [one for one in came if one in mine] == mine
        assert {row.state for row in await both.here.rows()} == {"sent"}


async def test_a_route_that_forgets_what_it_sent_is_found(tmp_path: Path) -> None:
    async with routes(tmp_path, forgets_ids=True) as both:
        await begin(both)
        both.fail(MAIL, "after", once("post", error_of(MAIL)))
        await both.sweep(8)
        assert len(both.came(MAIL)) > len(set(both.came(MAIL)))


@ROUTES
async def test_a_route_that_fails_does_not_hold_up_the_other(tmp_path: Path, route: str) -> None:
    async with routes(tmp_path) as both:
        await begin(both)
        (other,) = {DISCORD, MAIL} - {route}
        both.fail(other, "before", always(error_of(other)))
        await both.sweep(8)
        assert (len(both.came(route)), both.came(other)) == (6, [])
        both.fail(other, "before", never)
        both.here.clock.advance(3600)
        await both.sweep(8)
        assert sorted(both.came(other)) == sorted(both.came(route))


async def test_news_of_a_task_that_is_older_than_the_route_come_without_its_card(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        both = Routes(here)
        await here.tell(task, NoticeKind.ENDED)
        await both.sweep(3)
        assert len(both.came(DISCORD)) == 2
        assert len(both.came(MAIL)) == 1
