"""What is shown of tasks: complete, within Discord's limits, and harmless whatever people and agents write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord import present, render, text
from bot.discord.parts import Parts
from bot.verbs.lists import Page
from core.agents.model import Agent, AgentName, AgentState, AgentStatus, Lane
from core.desks.model import Desk, DeskState, DeskStatus, WindowStatus
from core.notices.model import NoticeKind
from core.reasons import ParkCause, Reason, TaskActivity, WaitReason
from core.remedies import sentence
from core.tasks.model import ENDED, Task, TaskState, title_of
from tests.bot.discord.shapes import MARKER, make_answer, make_notice, make_task, make_view
from tests.bot.discord.test_text import HOSTILE

foreign = st.one_of(
    st.text(max_size=200),
    st.sampled_from([one for one in HOSTILE if "\ud800" not in one and len(one) < 10_000]),
    st.just("word " * 1900),
)
DRY = {"state": TaskState.WAITING, "reason": WaitReason.DRY_RUN, "agent": "Agent-1"}
PROMPT = (
    "[C2A] hub → Agent-1 · task T-142 · P2\nCount\nWhen finished:  octet done T-142 --code k3.7F3K --file answer.md"
)


def components(parts: Parts) -> list[dict[str, Any]]:
    assert parts.view is not None

    def walk(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for item in items:
            yield item
            yield from walk(item.get("components", []))

    return list(walk(parts.view.to_components()))


def shown(parts: Parts) -> str:
    if parts.view is None:
        return parts.content
    return "\n".join(str(item["content"]) for item in components(parts) if "content" in item)


def listed(kind: Any, result: Any) -> str:
    asked: Any = None
    found = present.PRESENT[kind](result, asked)
    assert isinstance(found, str)
    return found


def check_limits(parts: Parts) -> None:
    assert not (parts.view and parts.content), "components and content exclude each other"
    if parts.view is None:
        assert 1 <= text.size(parts.content) <= 2000
    else:
        items = components(parts)
        assert len(items) <= 40
        assert all(text.size(str(item["content"])) >= 1 for item in items if "content" in item)
        labels = sum(text.size(str(item.get("label", ""))) for item in items)
        assert text.size(shown(parts)) + labels <= 4000
        named = {str(item["file"]["url"]) for item in items if "file" in item}
        assert named == {f"attachment://{one.name}" for one in parts.attachments}
    assert shown(parts).count("```") % 2 == 0
    assert all(len(one.data) <= 8_000_000 for one in parts.attachments)


@given(
    title=foreign,
    brief=foreign,
    note=foreign,
    reason=foreign,
    agent=foreign,
    asker=foreign,
    needs=st.frozensets(foreign, max_size=5),
    state=st.sampled_from(TaskState),
    prompt=foreign,
)
async def test_a_card_keeps_every_limit(
    *,
    title: str,
    brief: str,
    note: str,
    reason: str,
    agent: str,
    asker: str,
    needs: frozenset[str],
    state: TaskState,
    prompt: str,
) -> None:
    task = make_task(
        title=title, brief=brief, note=note, reason=reason, agent=agent, requester="operator", requester_name=asker
    )
    for one in (make_task(state=state, needs=needs), make_task(**DRY, title=title, note=note)):
        view = make_view(task=one, prompt=prompt)
        check_limits(render.card(view, marker=MARKER))
        check_limits(render.details(view))
    check_limits(render.card(make_view(task=task), marker=MARKER))


@given(body=foreign, title=foreign, reason=foreign, kind=st.sampled_from(NoticeKind), state=st.sampled_from(TaskState))
async def test_news_keep_every_limit(body: str, title: str, reason: str, kind: NoticeKind, state: TaskState) -> None:
    notice = make_notice(kind=kind, text=reason)
    view = make_view(task=make_task(title=title, state=state))
    for message in (make_answer(body=body, sender=f"agent:{title}"), None):
        parts = render.news(notice, view, message=message, marker=MARKER)
        check_limits(parts)
        assert parts.content.endswith(f"\n-# {MARKER}")


@pytest.mark.parametrize("hostile", [one for one in HOSTILE if "\ud800" not in one])
async def test_a_hostile_brief_is_shown_in_a_code_block(hostile: str) -> None:
    parts = render.card(make_view(task=make_task(title=title_of(hostile), brief=hostile)), marker=MARKER)
    check_limits(parts)
    outside = shown(parts).split("```")[0]
    assert "@everyone" not in outside
    assert "<@&" not in outside.replace("\\<@&", "")


async def test_a_card_says_state_agent_priority_requester_and_brief() -> None:
    task = make_task(state=TaskState.WORKING, agent="Agent-3", brief="Count the birds\nand the bees", priority=0)
    said = shown(render.card(make_view(task=task), marker=MARKER))
    for words in (
        "T-142 · Count the birds",
        "Agent-3 is working",
        "P0, most urgent",
        "<@1001>",
        "and the bees",
        MARKER,
    ):
        assert words in said


@pytest.mark.parametrize("reason", [*WaitReason, *ParkCause])
async def test_a_card_says_why_it_waits(reason: WaitReason | ParkCause) -> None:
    task = make_task(state=TaskState.WAITING, reason=reason, note="covered by “Mail”")
    said = shown(render.card(make_view(task=task), marker=MARKER))
    assert render.is_dry_run(task) or sentence(reason) in said
    assert "Mail" in said


@pytest.mark.parametrize("state", TaskState)
async def test_the_cancel_button_stands_on_open_tasks_only(state: TaskState) -> None:
    items = components(render.card(make_view(task=make_task(state=state)), marker=MARKER))
    ids = [item["custom_id"] for item in items if "custom_id" in item]
    assert ids == ([] if state in ENDED else ["v1:task:cancel:T-142"])


async def test_a_dry_run_card_is_grey_and_shows_the_whole_prompt_with_its_code() -> None:
    parts = render.card(make_view(task=make_task(**DRY), prompt=PROMPT), marker=MARKER)
    assert PROMPT in shown(parts)
    assert "sent (dry run): Octet typed nothing" in shown(parts)
    assert components(parts)[0]["accent_color"] == 0x80848E
    assert not parts.attachments


@pytest.mark.parametrize("body", ["x" * 50_000, "```sh\nls\n```"])
async def test_a_dry_run_prompt_that_does_not_fit_is_attached_whole(body: str) -> None:
    prompt = f"{body}\n{PROMPT}"
    parts = render.card(make_view(task=make_task(**DRY), prompt=prompt), marker=MARKER)
    check_limits(parts)
    assert [one.data.decode() for one in parts.attachments] == [prompt]


@pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.WAITING])
async def test_no_other_card_shows_the_code(state: TaskState) -> None:
    parts = render.card(make_view(task=make_task(state=state, agent="Agent-1"), prompt=PROMPT), marker=MARKER)
    assert "k3.7F3K" not in shown(parts)
    assert not parts.attachments


async def test_details_mask_the_code_always() -> None:
    for task in (make_task(**DRY), make_task(state=TaskState.WORKING)):
        parts = render.details(make_view(task=task, prompt=PROMPT))
        everything = shown(parts) + "".join(one.data.decode() for one in parts.attachments)
        assert "--code" in everything
        assert "k3.7F3K" not in everything


async def test_a_long_answer_is_attached_whole_after_its_first_lines() -> None:
    body = "# Birds\n" + "seven\n" * 1000
    parts = render.news(make_notice(kind=NoticeKind.ANSWER), make_view(), message=make_answer(body=body), marker=MARKER)
    assert [(one.name, one.data.decode()) for one in parts.attachments] == [("T-142-answer.md", body)]
    assert "# Birds" in parts.content


async def test_the_end_is_told_to_the_requester_and_is_not_called_proven() -> None:
    parts = render.news(
        make_notice(kind=NoticeKind.ENDED), make_view(task=make_task(state=TaskState.DONE)), message=None, marker=MARKER
    )
    assert parts.mentions == (1001,)
    assert parts.content.startswith("<@1001> **T-142 is done**")
    assert "not checked" in parts.content


@pytest.mark.parametrize("requester", ["operator", "agent:Agent-1", "discord:", "discord:²"])
async def test_nobody_is_mentioned_for_a_task_that_no_discord_user_asked_for(requester: str) -> None:
    task = make_task(state=TaskState.FAILED, requester=requester)
    parts = render.news(make_notice(kind=NoticeKind.ENDED), make_view(task=task), message=None, marker=MARKER)
    assert parts.mentions == ()
    assert "<@" not in parts.content


@pytest.mark.parametrize(("progress", "begin"), [("", " its"), ("tests are running", "\n> tests")])
async def test_a_card_quotes_what_the_agent_said_and_not_what_octet_says_of_it(progress: str, begin: str) -> None:
    task = make_task(
        state=TaskState.WORKING, last_seen_ms=1_000, activity=TaskActivity.WINDOW_CHANGED, progress=progress
    )
    assert f"Last sign: <t:1:t>{begin}" in shown(render.card(make_view(task=task), marker=MARKER))


async def test_an_answer_wakes_nobody() -> None:
    body = "@everyone <@1001> look"
    parts = render.news(make_notice(kind=NoticeKind.ANSWER), make_view(), message=make_answer(body=body), marker=MARKER)
    assert parts.mentions == ()


@given(foreign)
async def test_a_thread_has_a_name_of_at_most_100_characters(title: str) -> None:
    name = render.thread_name(make_task(title=title))
    assert name.startswith("T-142")
    assert 1 <= text.size(name) <= 100


@hypothesis.settings(max_examples=15)
@given(words=foreign, many=st.integers(0, 60))
async def test_lists_fit_one_message_and_say_how_many_are_left_out(words: str, many: int) -> None:
    agent = Agent(
        name=AgentName(words), role=words, capabilities=frozenset({words}), lane=Lane.WINDOW, desk=words, window=words
    )
    status = AgentStatus(agent=agent, state=AgentState.BUSY, reason=None, note=words, task=words, since_ms=5)
    window = WindowStatus(name=words, usable=False, reason=Reason.COVERED, note=words)
    desk = DeskStatus(
        desk=Desk(name=words, display=":0"),
        state=DeskState.READY,
        reason=Reason.NO_DISPLAY,
        note=words,
        windows=(window,) * 8,
    )
    for said in (
        listed(Page[Task], Page(items=(make_task(title=words),) * many)),
        listed(Page[AgentStatus], Page(items=(status,) * many)),
        listed(AgentStatus, status),
        listed(tuple[DeskStatus, ...], (desk,) * many),
    ):
        assert 1 <= text.size(said) <= 2000
    lines = listed(Page[Task], Page(items=(make_task(title="t"),) * 60)).splitlines()
    assert lines[-1] == f"… and {60 - len(lines) + 1} more."


def test_a_halt_that_is_told_late_does_not_show_what_was_seen_of_something_else() -> None:
    notice = make_notice(kind=NoticeKind.HELD, text="waiting: window")
    same = make_task(state=TaskState.WAITING, reason="window", note="covered by Mail")
    later = make_task(state=TaskState.PARKED, reason=ParkCause.DELIVERY_UNKNOWN, note="the box is empty")
    assert "Seen: covered by Mail" in render.news(notice, make_view(same), message=None, marker=MARKER).content
    assert "the box is empty" not in render.news(notice, make_view(later), message=None, marker=MARKER).content


async def test_details_say_that_the_text_expired_and_when() -> None:
    parts = render.details(make_view(task=make_task(brief="", text_expired_ms=2_000_000_000_000)))
    assert "This text expired on 2033-05-18 UTC." in shown(parts)
