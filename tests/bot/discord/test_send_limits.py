"""What Discord refuses to the connection or to a channel stops all writers there, not one notice."""

from __future__ import annotations

from pathlib import Path

from bot.discord.errors import DiscordFailed
from bot.discord.outbox import EDIT_EVERY_S
from bot.discord.send_limits import EDITS, EDITS_S, DiscordBan
from core.notices.model import DISCORD, Halt, NoticeKind, NoticeState
from core.reasons import TaskActivity, WaitReason
from core.tasks.model import TaskState
from tests.bot.discord.house import CHANNEL, always, house, never
from tests.bot.discord.shapes import ADA
from tests.fakes.channels import said


async def test_a_ban_stops_all_writers_and_then_one_tries_before_the_others(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for _ in range(30):
            await here.ask()
        here.channels.before = always(DiscordBan(why="429 0", after_s=60.0))
        await here.sweep(times=20)
        assert len(here.channels.calls) <= 8, "only those that were under way when the ban began"
        before = len(here.channels.calls)
        await here.later(60, times=5)
        assert len(here.channels.calls) == before + 1, "one request shows that the ban lasts"
        here.channels.before = never
        await here.later(60, times=20)
        assert len(here.channels.threads) == 30
        assert {row.attempts for row in await here.rows()} == {0}, "a ban is no try of a notice"


async def test_a_ban_without_a_length_rests_for_five_minutes(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.ask()
        here.channels.before = always(DiscordBan(why="429 0"))
        await here.sweep()
        await here.later(299)
        assert len(here.channels.calls) == 1
        await here.later(1)
        assert len(here.channels.calls) == 2
        assert [NoticeState(row.state) for row in await here.rows()] == [NoticeState.PENDING]


async def test_after_a_403_the_channel_rests_with_growing_pauses_and_is_listed(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for _ in range(12):
            await here.ask()
        other = await here.ask(channel=77)
        here.channels.forbidden = {CHANNEL}
        await here.sweep(times=3)
        assert [sent.channel for sent in here.channels.messages] == [77], "another channel continues"
        assert await here.untold() == ["Discord does not let the bot write in this channel: 403 50013."]
        tried, pauses = len(here.channels.calls), list[float]()
        for _ in range(13):
            waited = 0.0
            while len(here.channels.calls) == tried:
                assert waited < 4000
                waited += 5
                await here.later(5)
            assert len(here.channels.calls) == tried + 1, "one tries for all"
            tried, pauses = tried + 1, [*pauses, waited]
        assert pauses == [5 * 2.0**n for n in range(10)] + [3600.0] * 3
        await here.ask()
        await here.sweep(times=3)
        assert len(here.channels.calls) == tried, "what is new waits too"
        here.channels.forbidden.clear()
        await here.later(3600, times=10)
        assert len(here.channels.threads) == 14
        assert await here.untold() == []
        assert other.id == "T-13"


async def test_changed_permissions_end_the_wait_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        here.channels.forbidden = {CHANNEL}
        await here.coordinator.tasks.cancel(task.id, by=ADA)
        await here.later(EDIT_EVERY_S, times=3)
        assert "Cancelled" not in said(here.channels.messages[0].parts)
        here.channels.forbidden.clear()
        await here.sweep(times=3)
        assert "Cancelled" not in said(here.channels.messages[0].parts)
        here.outbox.access_changed()
        await here.sweep()
    assert "Cancelled" in said(here.channels.messages[0].parts)


async def test_a_card_that_an_earlier_version_dropped_comes_back_at_the_next_step(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        [card] = await here.coordinator.notices.on(DISCORD).due()
        await here.coordinator.notices.on(DISCORD).dropped(card.id, error="403 50013")
        await here.sweep()
        assert here.channels.messages == []
        await here.move(task, TaskState.ASSIGNED)
        await here.sweep()
    assert len(here.channels.threads) == 1


async def test_a_message_that_keeps_failing_is_given_up_and_the_others_of_its_task_follow(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        await here.tell(task, NoticeKind.HELD, Halt(state="waiting", reason=WaitReason.WINDOW))
        await here.tell(task, NoticeKind.ENDED)
        here.channels.spoils = lambda parts: DiscordFailed(why="503 0") if "waits" in said(parts) else None
        for tries in range(1, 11):
            await here.sweep()
            rows = await here.rows()
            assert (len(here.channels.messages), rows[1].state) == (1, "pending" if tries < 10 else "dropped")
            here.clock.advance(300)
        await here.sweep()
        assert len(here.channels.messages) == 2
        assert await here.untold() == ["Discord had an internal error: 503 0. (tried 10 times)"]


async def test_nothing_is_given_up_while_discord_fails_at_everything(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        failed = DiscordFailed(why="503 0")
        for fails in (always(failed), lambda verb: always(failed)(verb) if verb == "post" else None):
            await here.ask()
            here.channels.before = fails
            for _ in range(30):
                await here.later(300)
        assert {row.state for row in await here.rows()} == {"pending"}
        here.channels.before = never
        await here.later(300)
        assert len(here.channels.threads) == 2


async def test_a_task_with_much_to_tell_delays_another_by_a_few_messages(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        much = [await here.ask(brief=f"Much {number}") for number in range(10)]
        await here.sweep(times=3)
        for task in much:
            await here.tell(task, NoticeKind.ENDED, times=10)
        await here.sweep()
        before = len(here.channels.messages)
        await here.ask(brief="Count the bees")
        await here.sweep(times=2)
        assert any("bees" in said(sent.parts) for sent in here.channels.messages)
        assert len(here.channels.messages) - before <= 16
        before = len(here.channels.messages)
        await here.sweep(times=10)
        told = {sent.channel for sent in here.channels.messages[before:]}
        assert len(told) == 10, "each task has its turn"


async def test_a_message_is_edited_once_a_second_and_a_channel_five_times_in_five(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        tasks = [await here.ask() for _ in range(7)]
        await here.sweep()
        edits: list[tuple[float, int]] = []
        for _ in range(40):
            for task in tasks:
                await here.coordinator.store.write(
                    lambda tx, of=task.id: here.coordinator.tasks.repository.set_note(
                        tx, of, f"seen at {here.clock.at_ms}"
                    )
                )
            before = [sent.edits for sent in here.channels.messages]
            await here.sweep()
            for at, sent in enumerate(here.channels.messages):
                edits += [(here.clock.monotonic_s(), at)] * (sent.edits - before[at])
            here.clock.advance(0.25)
        for at_s, message in edits:
            later = [one for one in edits if at_s <= one[0] < at_s + EDITS_S - 0.01]
            assert len(later) <= EDITS
            assert len([one for one in later if one[1] == message and one[0] < at_s + EDIT_EVERY_S - 0.01]) == 1
        assert len(edits) == 2 * EDITS
        await here.later(EDITS_S)
        await here.later(EDITS_S)
        assert len({said(sent.parts).partition("Seen")[2].partition("o")[0] for sent in here.channels.messages}) == 1


async def test_nothing_is_edited_only_because_time_passed(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        for state in (TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING):
            await here.move(task, state)
        ledger = here.coordinator.tasks.repository
        for number in range(10):
            await here.coordinator.store.write(
                lambda tx: ledger.record_activity(tx, ledger.find(tx, task.id), TaskActivity.REPLIED)
            )
            await here.later(60)
            assert here.channels.messages[0].edits == 1, number
            here.clock.advance(EDIT_EVERY_S)
        assert not await here.coordinator.notices.on(DISCORD).due()
        here.channels.limits.note_ban("a ban", 5)
        here.clock.advance(5)
        await here.coordinator.store.write(
            lambda tx: ledger.record_activity(tx, ledger.find(tx, task.id), TaskActivity.REPLIED)
        )
        await here.sweep()
        assert here.channels.limits.is_probing, "nothing was sent, so nothing shows that the ban is over"
        assert all(here.channels.limits.take_edit(str(CHANNEL)) for _ in range(EDITS)), "none was used up"


async def test_after_weeks_without_discord_one_summary_tells_what_ended(tmp_path: Path) -> None:
    async with house(tmp_path, default=CHANNEL) as here:
        tasks = [await here.ask(channel=None) for _ in range(12)]
        asked_here = await here.ask()
        for task in (*tasks[:-1], asked_here):
            await here.coordinator.tasks.cancel(task.id, by=ADA)
        here.clock.advance(21 * 24 * 3600)
        late = await here.ask(channel=None)
        await here.coordinator.tasks.cancel(late.id, by=ADA)
        await here.sweep(times=5)
        told = [said(sent.parts) for sent in here.channels.messages]
        summary = next(text for text in told if "11 tasks ended" in text)
        assert "T-11" in summary
        assert "T-1," not in summary
        assert len(told) == 6, "the open task has its card; the one asked in Discord and today's also say who cancelled"
        assert await here.untold() == []
        here.outbox._inherited = None  # the next start
        await here.sweep(times=2)
        assert len(here.channels.messages) == 6
