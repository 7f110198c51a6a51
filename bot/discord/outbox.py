"""The one writer of public messages: posts each notice once, in order, over crashes and failures.

It remembers everything in the notices' rows. A message carries the notice's nonce, so that a repeated call makes no
second one, and its marker, which people do not see and by which Octet finds it when Discord has forgotten the nonce."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import structlog

from bot.discord import delivery_messages, render, window_messages
from bot.discord.channel_client import ChannelClient, PostedMessage
from bot.discord.errors import (
    ChannelForbidden,
    ChannelGone,
    DiscordBusy,
    DiscordFailed,
    MessageGone,
    MessageRejected,
    ThreadClosed,
    TooOldToEdit,
)
from bot.discord.message_writer import MessageWriter, retry_after_s
from bot.discord.parts import Attachment, Marker, Parts, without_clocks
from bot.discord.send_limits import DiscordBan
from core.coordinator import Coordinator
from core.deliveries.model import parse_asked
from core.kit import faults
from core.kit.clock import Clock
from core.kit.errors import NotFound, OctetError, Unavailable
from core.messages.model import Message
from core.notices.model import DISCORD, BroadcastAnswers, NoticeId, NoticeKind, NoticePost, Place, Resolution
from core.security.model import HUB
from core.tasks.model import UNDO_MS, TaskId, TaskState, TaskView

log = structlog.get_logger(__name__)

EDIT_EVERY_S = 1.0  # the shortest time between two edits of one message
BRIEF_START_MS = 600  # a start that is over sooner gets no edit, so that the card can say Working at once
NONCE_LASTS_MS = 60_000  # Octet searches for a notice that it may have sent longer ago; Discord forgets nonces later
CLOCK_SLACK_MS = 300_000  # how far this machine's clock may be ahead of Discord's
_REST_S = 60.0
_STARTING_MS = 1000  # after this time Octet looks again at a card that says *Starting*
_AT_ONCE = 8
_MOST_FAILURES = 10  # Octet drops a message at which Discord failed so often while it took others
_SEEN_KEPT = 1000

_ALONE = frozenset({NoticeKind.WELCOME, NoticeKind.DIGEST, NoticeKind.SUMMARY, NoticeKind.JOURNAL})
"""Notices whose row says everything."""
_STARTING = frozenset({TaskState.ASSIGNED, TaskState.DELIVERING})
_OF_MESSAGES = frozenset({NoticeKind.WORDS, NoticeKind.QUESTION, NoticeKind.STORM})
_EDITED = frozenset({NoticeKind.PARTS, NoticeKind.WORDS, NoticeKind.ENDED, NoticeKind.ANSWER}) | render.OFFERING
_WITH_WORDS = frozenset({NoticeKind.ANSWER, NoticeKind.LATE, NoticeKind.ENDED, NoticeKind.HELD})
"""Notices whose subject is what an agent said, if they have one."""


class ChannelUnknown(ChannelGone):
    """Octet knows no channel for this task. Set channel_id in [discord] of config/octet.toml."""


class Outbox(MessageWriter):
    """Posts the due notices: several at once, but one at a time about one task or one message to agents."""

    def __init__(
        self,
        coordinator: Coordinator,
        channels: ChannelClient,
        *,
        clock: Clock,
        default_channel: int | None,
        shows_windows: bool = True,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        """Post requests from outside Discord in `default_channel`. With `shows_windows` a question about a prompt has
        pictures of its window. `on_trouble` is called after each failure."""
        super().__init__("outbox", channels, clock)
        self._coordinator = coordinator
        self._posts = coordinator.notices.on(DISCORD)
        self._default_channel = default_channel
        self._on_trouble = on_trouble
        self._shows_windows = shows_windows
        self._just_told: set[str] = set()  # strands posted while the due rows were read: those rows are stale
        self._inherited: int | None = None  # up to this id a former process may have posted notices without noting it
        self._tried: dict[NoticeId, tuple[float, int]] = {}  # the first try to post an unnoted notice, by both clocks
        self._served: set[str] = set()  # strands that had their turn while others waited: Octet takes them last
        self._resting: dict[NoticeId, float] = {}  # recently written notices, and when Octet may edit each again
        self._seen: dict[str, int] = {}  # hashes of the messages without clocks: an edit must change something else
        self._failures: dict[NoticeId, tuple[int, int]] = {}
        """How often in a row Discord failed at a notice, and how many others it had taken before."""
        self._taken = self._written = 0  # how many notices, and how many messages, Discord has taken
        self._may_retry = True
        self._given_up: set[str] = set()  # cards that take no edit any more, until their successor is posted
        self._news = self._posts.news

    def access_changed(self) -> None:
        """Try the refused channels again: permissions may have changed, or the connection is new."""
        self._limits.forget_refusals()
        self._may_retry = True
        self._news.set()

    async def _sweep(self, group: asyncio.TaskGroup) -> float:
        """Start posting one notice of each strand. Return the seconds until more may be due."""
        await self._coordinator.store.until_back()  # Octet posts only what it can note as posted
        if (closed_s := self._limits.banned_for_s()) > 0:
            return closed_s
        if self._inherited is None:
            self._inherited = await self._coordinator.notices.newest_id()
            await self._coordinator.fleet.sum_up_ended()
        if self._may_retry:
            await self._posts.retry_no_access()
            self._may_retry = False
        now_s = self._clock.monotonic_s()
        self._resting = {notice: until_s for notice, until_s in self._resting.items() if until_s > now_s}
        full, refused = self._limits.channels_without_edits(), set[str]()
        self._just_told.clear()
        for notice in self._in_fair_order(await self._posts.due(limit=200, resting=self._resting, full=full)):
            if len(self._busy) >= (1 if self._limits.is_probing else _AT_ONCE) or self._is_closing:
                break
            channel = notice.place.channel
            if channel not in refused and (refusal := self._limits.refusal_of(channel)):
                refused.add(channel)
                await self._posts.no_access(channel, error=refusal[0], after_s=refusal[1])
            if channel in refused or (self._limits.is_refused(channel) and channel in self._busy.values()):
                continue
            if notice.posted_message and not self._limits.take_edit(notice.posted_channel):
                full = self._limits.channels_without_edits()
                continue
            self._served.add(notice.strand)
            self._begin(group, notice.strand, channel=channel, write=partial(self._publish, notice))
        digest_s = await self._coordinator.mentions.send_digests()
        rests_s = [digest_s, *(until_s - now_s for until_s in self._resting.values())]
        return min([*full.values(), *rests_s, await self._posts.next_due_s(), _REST_S])

    def _in_fair_order(self, due: Iterable[NoticePost]) -> list[NoticePost]:
        """Put strands that had their turn behind the others; questions stay in front."""
        waiting = [one for one in due if one.strand not in self._busy and one.strand not in self._just_told]
        if all(one.strand in self._served for one in waiting):
            self._served.clear()
        return sorted(waiting, key=lambda one: not one.asks and one.strand in self._served)

    async def _publish(self, notice: NoticePost) -> None:
        """Post one notice and note the outcome. A crash at any point loses nothing."""
        try:
            await self._publish_and_record(notice)
        except Unavailable as error:
            # The row stays due, and Octet finds a posted message again by its nonce or its marker.
            log.info("notice_not_recorded", notice=notice.id, why=error.message)
            await asyncio.sleep(self.failed_rest_s)
        finally:
            self._just_told.add(notice.strand)

    async def _publish_and_record(self, notice: NoticePost) -> None:
        before = self._written
        try:
            if notice.kind is NoticeKind.CARD:
                await self._publish_card(notice)
            else:
                await self._post_rendered(notice)
            if self._written > before:  # else nothing changed, and Octet sent no request
                self._limits.note_success(notice.place.channel)
            self._taken += 1
            self._failures.pop(notice.id, None)
            if notice.posted_message and self._written > before:  # the first edit may follow the post at once
                self._resting[notice.id] = self._clock.monotonic_s() + EDIT_EVERY_S
            self._tried.pop(notice.id, None)
        except DiscordBan as blocked:  # no fault of this notice: it stays due
            self._limits.note_ban(blocked.message, blocked.after_s)
        except ChannelForbidden as refused:
            pause_s = self._limits.note_refusal(notice.place.channel, refused.message)
            await self._posts.no_access(notice.place.channel, error=refused.message, after_s=pause_s)
            self._on_trouble()
        except DiscordBusy as later:
            if isinstance(later, DiscordFailed) and await self._fails_alone(notice):
                await self._drop(notice, f"{later.message} (tried {_MOST_FAILURES} times)")
                return
            after_s = retry_after_s(later, notice.attempts)
            log.warning("notice_waits", notice=notice.id, why=later.message, after_s=round(after_s, 1))
            await self._posts.again(notice.id, error=later.message, after_s=after_s)
            self._on_trouble()
        except (NotFound, MessageRejected) as lost:
            await self._drop(notice, lost.message)
        except Unavailable:
            raise
        except Exception:  # the outer edge of one notice: the others must be posted
            log.exception("notice_failed", notice=notice.id)
            await self._posts.again(notice.id, error="unexpected error, see the log", after_s=_REST_S)

    async def _fails_alone(self, notice: NoticePost) -> bool:
        """Count an error of Discord. Return whether it fails at this message while it takes others."""
        tries, taken = self._failures.get(notice.id, (0, self._taken))
        self._failures[notice.id] = (tries + 1, taken)
        if tries + 1 < _MOST_FAILURES:
            return False
        if self._taken > taken:
            return True
        if len(self._failures) > 1:
            return False  # it fails at all of them
        try:  # no other notice waits: a search shows whether Discord works
            channel = int(notice.posted_channel) if notice.posted_channel else self._channel(notice.place)
            await self._channels.find_message(channel, self._marker(notice).code, after_ms=self._clock.now_ms())
        except OctetError:
            return False
        return True

    async def _drop(self, notice: NoticePost, why: str) -> None:
        """Drop this notice; Octet posts the other notices of its task."""
        log.warning("notice_dropped", notice=notice.id, task=notice.task, why=why)
        self._failures.pop(notice.id, None)
        self._tried.pop(notice.id, None)
        await self._posts.dropped(notice.id, error=why)
        self._on_trouble()

    async def _publish_card(self, notice: NoticePost) -> None:
        view = await self._task_view(notice)
        channel = int(notice.posted_channel) if notice.posted_channel else self._channel(notice.place)
        message = notice.posted_message
        starts_ms = view.task.changed_ms + BRIEF_START_MS - self._clock.now_ms() if view.task.state in _STARTING else 0
        if message and starts_ms > 0:
            self._limits.return_edit(str(channel))
        elif message:
            if message not in self._given_up:
                try:
                    await self._edit(channel, message, await self._card(notice, view))
                except (MessageGone, TooOldToEdit) as gone:
                    log.info("card_reposted", task=notice.task, why=gone.message)
                    self._given_up.add(message)
            if message in self._given_up:
                given_up, message = message, await self._post_card(notice, view, channel, instead_of=message)
                self._given_up.discard(given_up)
        else:
            message = await self._post_card(notice, view, channel)
        if not notice.thread:
            await self._open_thread(view, channel, message)
        await self._posts.posted(notice.id, channel=str(channel), message=message, revision=notice.revision)
        if view.task.state is TaskState.CANCELLED:  # its Undo button leaves the card when the time is over
            left_ms = view.task.changed_ms + UNDO_MS - self._clock.now_ms()
            if left_ms > 0:
                await self._posts.look_again(notice.id, after_ms=left_ms)
        elif starts_ms > 0:
            await self._posts.look_again(notice.id, after_ms=starts_ms)
        elif view.is_starting:  # the card says so until dispatch has looked for an agent
            await self._posts.look_again(notice.id, after_ms=_STARTING_MS)
        faults.point("outbox.noted")

    async def _post_card(self, notice: NoticePost, view: TaskView, channel: int, *, instead_of: str = "") -> str:
        tag = f"x{instead_of[-6:]}" if instead_of else ""
        parts = await self._card(notice, view, tag)
        found = await self._find(notice, channel, tag)
        if found is None:
            posted = await self._post(channel, parts, self._nonce(notice, tag))
            if posted.is_as_requested:
                return posted.id
            found = posted.id
        await self._edit(channel, found, parts)
        return found

    async def _card(self, notice: NoticePost, view: TaskView, tag: str = "") -> Parts:
        marker, server = self._marker(notice, tag), notice.place.guild or self._channels.guild
        now_ms, owner = self._clock.now_ms(), await self._owner()
        return render.card(view, marker=marker, server=server, owner=owner, now_ms=now_ms)

    async def _open_thread(self, view: TaskView, channel: int, message: str) -> None:
        """Make the thread before the card counts as posted. Where Discord refuses threads, news go to the channel."""
        try:
            faults.point("outbox.thread", may_fail=True)
            thread = await self._channels.open_thread(channel, message, render.thread_name(view.task))
            faults.point("outbox.thread_made", may_fail=True)
        except (ChannelGone, ChannelForbidden, MessageRejected) as refused:
            log.warning("thread_not_created", task=view.task.id, channel=channel, why=refused.message)
            return
        await self._posts.thread_made(view.task.id, thread)
        faults.point("outbox.thread_noted", may_fail=True)

    async def _post_rendered(self, notice: NoticePost) -> None:
        """Post the notice, or edit its message. Of a question that Discord refuses, leave out the buttons."""
        try:
            await self._post_or_edit(notice, await self._render(notice))
        except MessageRejected as refused:
            if notice.kind is not NoticeKind.QUESTION:
                raise
            log.warning("question_without_buttons", task=notice.task, notice=notice.id, why=refused.message)
            view = await self._coordinator.questions.show(notice.subject)
            plain = delivery_messages.question(notice, view, marker=self._marker(notice), has_buttons=False)
            await self._post_or_edit(notice, plain)

    async def _post_or_edit(self, notice: NoticePost, parts: Parts) -> None:
        """Post the notice, or edit its message; a message that a user deleted stays deleted.

        A message of a lost try that is edited later may be outdated, so Octet edits it at once."""
        if notice.posted_message:
            place, message = await self._change(notice, parts)
        else:
            place, posted = await self._post_somewhere(notice, parts)
            message = posted.id
            if (notice.about or notice.kind in _EDITED) and not posted.is_as_requested:
                made = replace(notice, posted_channel=place, posted_message=message)
                place, message = await self._change(made, parts)
        await self._posts.posted(notice.id, channel=place, message=message, revision=notice.revision)
        faults.point("outbox.noted")

    async def _change(self, notice: NoticePost, parts: Parts) -> tuple[str, str]:
        """Edit the notice's message, or post it in the channel if its thread is locked. Return its channel and id."""
        place, message = notice.posted_channel, notice.posted_message
        try:
            await self._edit(int(place), message, parts)
        except ThreadClosed as closed:
            log.warning("thread_refused", task=notice.task, notice=notice.id, why=closed.message)
            channel = self._channel(notice.place)
            return str(channel), (await self._post_news(notice, channel, parts, tag="c")).id
        except (MessageGone, ChannelGone, TooOldToEdit) as gone:
            log.info("message_not_edited", task=notice.task, notice=notice.id, why=gone.message)
        return place, message

    async def _render(self, notice: NoticePost) -> Parts:
        marker = self._marker(notice)
        if notice.kind in _OF_MESSAGES or (notice.kind is NoticeKind.ANSWER and not notice.task):
            return await self._render_message(notice, marker)
        if notice.kind is NoticeKind.NEEDS_ANSWER:
            stands = await self._coordinator.agent_actions.show_dialog(notice.subject, by=HUB)
            by = notice.detail.by if isinstance(notice.detail, Resolution) else ""
            pictures = self._shows_windows
            return window_messages.dialog_message(stands, settled_by=by, pictures=pictures, marker=marker)
        if notice.kind in _ALONE:
            return render.of_its_own(notice, marker)
        if notice.kind is NoticeKind.LOCKED:
            lock, owner = await self._coordinator.screen_locks.show(notice.subject), await self._owner()
            return window_messages.lock_message(lock, owner=owner, marker=marker)
        if notice.kind is NoticeKind.BLOCKED:
            return window_messages.blocked_message(notice, owner=await self._owner(), marker=marker)
        if notice.kind is NoticeKind.IDLE:
            return render.idle(notice, await self._task_view(notice), marker)
        shots = None
        if notice.about and self._shows_windows:
            shots = await self._coordinator.receipts.pictures(*parse_asked(notice.about), by=HUB)
        if notice.kind is NoticeKind.IN_DOUBT:
            pressed = await self._coordinator.agent_actions.show_action(notice.subject, by=HUB)
            return window_messages.unknown_action_message(notice, pressed, pictures=shots, marker=marker)
        if notice.kind is NoticeKind.UNDELIVERED:
            view = await self._coordinator.agent_messages.show(notice.subject, by=HUB)
            if notice.about:
                return delivery_messages.unknown_delivery_message(notice, view, pictures=shots, marker=marker)
            return delivery_messages.news(notice, view, marker=marker)
        if notice.about:
            return delivery_messages.unknown_prompt_message(
                notice, await self._task_view(notice), pictures=shots, marker=marker
            )
        return await self._render_news(notice, marker)

    async def _render_news(self, notice: NoticePost, marker: Marker) -> Parts:
        """Show what happened to a task, with what its agent said."""
        view, message = await self._task_view(notice), None
        if notice.kind is NoticeKind.PARTS:
            cards = await self._posts.cards_of([part.id for part in view.parts])
            threads = {task: card.thread for task, card in cards.items()}
            return render.parts(view, threads, server=notice.place.guild or self._channels.guild, marker=marker)
        if notice.kind in _WITH_WORDS and notice.subject:
            message = await self._coordinator.messages.get(notice.subject)
            later = (one for one in view.answers if one.supersedes == message.id and one.is_same(message))
            message = next(later, message)
        knows_reply = self._coordinator.mentions.has_replied(view.task.requester)
        news = render.news(notice, view, message=message, marker=marker, knows_reply=knows_reply)
        return news if message is None else await self._with_files(news, message)

    async def _with_files(self, parts: Parts, message: Message) -> Parts:
        """Add the files that an agent attached to its answer."""
        read = self._coordinator.messages.attachments.read
        found = [Attachment(name=one.name, data=data) for one in message.attachments if (data := await read(one))]
        return replace(parts, attachments=(*parts.attachments, *found))

    async def _render_message(self, notice: NoticePost, marker: Marker) -> Parts:
        """Show a message to agents, an answer to one, a question of an agent, or a stopped chain."""
        hub, get = self._coordinator.agent_messages, self._coordinator.messages.get
        match notice.kind:
            case NoticeKind.WORDS:
                return delivery_messages.shown(await hub.show(notice.subject, by=HUB), marker=marker)
            case NoticeKind.QUESTION:
                return delivery_messages.question(
                    notice, await self._coordinator.questions.show(notice.subject), marker=marker
                )
            case NoticeKind.STORM:
                return delivery_messages.storm(notice, owner=await self._owner(), marker=marker)
            case _ if isinstance(notice.detail, BroadcastAnswers):
                replies = [await get(one) for one in notice.detail.messages]
                return delivery_messages.answers(await get(notice.subject), replies, marker=marker)
            case _:
                reply = await get(notice.subject)
                answer = delivery_messages.agents_answer(await get(reply.in_reply_to or ""), reply, marker=marker)
                return await self._with_files(answer, reply)

    async def _owner(self) -> str:
        owner = await self._coordinator.people.owner(by=HUB)
        return "" if owner is None else owner.id

    async def _post_somewhere(self, notice: NoticePost, parts: Parts) -> tuple[str, PostedMessage]:
        """Post it in the thread of its task, else in the channel; return that place and the message."""
        places = [int(notice.thread)] if notice.thread else []
        if notice.place.channel or self._default_channel or not places:
            places.append(self._channel(notice.place))
        for place in places[:-1]:
            try:
                return str(place), await self._post_news(notice, place, parts)
            except (ChannelGone, ChannelForbidden, MessageRejected) as refused:  # for example a thread that was locked
                log.warning("thread_refused", task=notice.task, notice=notice.id, why=refused.message)
        return str(places[-1]), await self._post_news(notice, places[-1], parts)

    async def _post_news(self, notice: NoticePost, place: int, parts: Parts, *, tag: str = "") -> PostedMessage:
        found = await self._find(notice, place)
        if found:
            return PostedMessage(id=found, is_as_requested=False)
        mentions = self._coordinator.mentions
        is_digest = notice.kind is NoticeKind.DIGEST
        quiet = [one for one in parts.mentions if not (is_digest or mentions.wakes(f"discord:{one}"))]
        kept = tuple(one for one in parts.mentions if one not in quiet)
        posted = await self._post(place, replace(parts, mentions=kept), self._nonce(notice, tag))
        for person in quiet:
            await mentions.missed(f"discord:{person}", notice.task or "a-message", notice.place)
        return posted

    async def _post(self, channel: int, parts: Parts, nonce: str) -> PostedMessage:
        faults.point("outbox.post", may_fail=True)
        posted = await self._channels.post_message(channel, parts, nonce=nonce)
        faults.point("outbox.posted", may_fail=True)
        self._written += 1
        if posted.is_as_requested:
            self._remember(posted.id, parts)
        return posted

    async def _edit(self, channel: int, message: str, parts: Parts) -> None:
        if self._seen.get(message) == hash(without_clocks(parts)):
            self._limits.return_edit(str(channel))
            return
        self._seen.pop(message, None)  # Discord may have made an edit whose answer was lost
        faults.point("outbox.edit", may_fail=True)
        await self._channels.edit_message(channel, message, parts)
        faults.point("outbox.edited", may_fail=True)
        self._written += 1
        self._remember(message, parts)

    def _remember(self, message: str, parts: Parts) -> None:
        self._seen[message] = hash(without_clocks(parts))
        if len(self._seen) > _SEEN_KEPT:
            del self._seen[next(iter(self._seen))]

    async def _find(self, notice: NoticePost, channel: int, tag: str = "") -> str | None:
        """Find the message of an earlier try, if Discord may have forgotten its nonce by now.

        The longer time of two clocks counts: one may be set, the other stops while the machine is suspended."""
        now_s, now_ms = self._clock.monotonic_s(), self._clock.now_ms()
        tried_s, tried_ms = self._tried.setdefault(notice.id, (now_s, now_ms))
        is_recent = 0 <= now_ms - tried_ms < NONCE_LASTS_MS and (now_s - tried_s) * 1000 < NONCE_LASTS_MS
        if is_recent and notice.id > (self._inherited or 0):
            return None
        # A future time came from a clock that was ahead: search without it.
        since_ms = 0 if notice.since_ms > now_ms else notice.since_ms - CLOCK_SLACK_MS
        return await self._channels.find_message(channel, self._marker(notice, tag).code, after_ms=since_ms)

    async def _task_view(self, notice: NoticePost) -> TaskView:
        return await self._coordinator.tasks.show(TaskId(notice.task), by=HUB)

    def _channel(self, place: Place) -> int:
        channel = int(place.channel) if place.channel else self._default_channel
        if channel is None:
            raise ChannelUnknown
        return channel

    def _nonce(self, notice: NoticePost, tag: str = "") -> str:
        return f"o{self._coordinator.home_mark}{notice.id}{tag}"

    def _marker(self, notice: NoticePost, tag: str = "") -> Marker:
        code = f"o{self._coordinator.home_mark}.{notice.id}{'.' + tag if tag else ''}"
        guild = notice.place.guild or self._channels.guild or "@me"
        where = [guild, notice.place.channel or str(self._default_channel or ""), notice.thread]
        url = "/".join(("https://discord.com/channels", *filter(None, where)))
        return Marker(code=code, label=notice.task or "Octet", url=url, page=self._page_of(notice))

    def _page_of(self, notice: NoticePost) -> str:
        """Return where the page shows what the notice is about."""
        agent = getattr(notice.detail, "agent", "")
        where = f"tasks/{notice.task}" if notice.task else f"agents/{quote(agent)}" if agent else ""
        public_url = self._coordinator.public_url
        return f"{public_url}/page/{where}" if public_url and where else ""
