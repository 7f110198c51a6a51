"""A second route of notices: letters in memory, which cannot be edited, with the failures a test asks for."""

from __future__ import annotations

from collections.abc import Callable

from core.notices.model import NoticeId, NoticePost, Route
from core.notices.posts import NoticePosts

MAIL = Route("mail")


class Mailbox:
    """What arrived. Like a mail server it takes a letter with a known id once, and remembers that over crashes."""

    def __init__(self) -> None:
        self.letters: dict[str, NoticeId] = {}
        self.before: Callable[[str], None] = lambda _verb: None
        self.after: Callable[[str], None] = lambda _verb: None

    def take(self, letter: str, notice: NoticeId) -> None:
        self.before("post")
        self.letters.setdefault(letter, notice)
        self.after("post")


class MailRoute:
    """Sends each due notice as a letter. With `forgets_ids` it is the broken variant, which sends some twice."""

    def __init__(self, posts: NoticePosts, box: Mailbox, *, forgets_ids: bool = False) -> None:
        self._posts, self._box, self._forgets_ids, self._tries = posts, box, forgets_ids, 0

    async def sweep(self) -> None:
        for one in await self._posts.due(limit=200):
            try:
                await self._send(one)
            except OSError as error:
                await self._posts.again(one.id, error=str(error), after_s=1)

    async def _send(self, one: NoticePost) -> None:
        self._tries += 1
        letter = f"{one.id}{f'.{self._tries}' if self._forgets_ids else ''}@octet"
        if not one.posted_revision:
            self._box.take(letter, one.id)
        await self._posts.posted(one.id, channel="users", message=letter, revision=one.revision)
