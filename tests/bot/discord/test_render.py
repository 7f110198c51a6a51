"""What Discord shows of tasks: complete, within Discord's limits, and harmless whatever users and agents write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from automation.desktop.observation.screen_capture import to_small_png
from bot.discord import delivery_messages, fleet_view, lists, parts, present, render, text
from bot.discord.bot import OpenList
from bot.discord.channel_client import ChannelClient
from bot.discord.errors import MessageRejected
from bot.discord.parts import AMBER, BLUE, FILE_LIMIT, GREEN, GREY, RED, Attachment, Parts, finished, framed
from bot.discord.send_limits import SendLimits
from bot.verbs import agents, tasks
from core.agents.model import Agent, AgentName, AgentState, AgentStatus, Lane
from core.desks.model import Desk, DeskState, DeskStatus, WindowStatus
from core.fleet.model import Need, NeedKind, Needs
from core.kit.clock import SystemClock
from core.kit.filters import Page
from core.messages.model import Source, read_evidence, text_for_people
from core.notices.model import AgentReport, AgentReports, EndCause, Halt, NoticeKind, UserAct
from core.reasons import BlockCause, ParkCause, Reason, WaitReason
from core.remedies import sentence
from core.tasks.model import (
    ENDED,
    AgentCandidate,
    AttemptOutcome,
    Choice,
    Dependency,
    KnownBy,
    OnFailure,
    PartsKind,
    TaskAttempt,
    TaskId,
    TaskPart,
    TaskState,
    title_of,
)
from tests.bot.discord.shapes import DRY, MARKER, make_answer, make_notice, make_task, make_view
from tests.bot.discord.test_text import HOSTILE
from tests.bot.discord.town import Town, make_bot, settings_for
from tests.builders import make_window_agent
from tests.fakes.channels import marker_of, said

VISIBLE = [one for one in HOSTILE if "\ud800" not in one]
foreign = st.one_of(
    st.text(max_size=200), st.sampled_from([one for one in VISIBLE if len(one) < 10_000]), st.just("word " * 1900)
)
CODE = "k3.7F3K"
PROMPT = (
    f"[C2A] hub → Agent-1 · task T-142 · P2\nCount\nWhen finished:  octet done T-142 --code {CODE} --file answer.md"
)


def components(message: Parts) -> list[dict[str, Any]]:
    assert message.view is not None
    return [item.to_component_dict() for item in message.view.walk_children()]


def listed(kind: Any, result: Any) -> str:
    asked: Any = None
    found = present.PRESENT[kind](result, asked)
    assert isinstance(found, str)
    return found


def check_limits(message: Parts) -> None:
    assert not (message.view and message.content), "components and content exclude each other"
    if message.view is None:
        assert 1 <= text.size(message.content) <= 2000
    else:
        items = components(message)
        assert len(items) <= 40
        assert all(text.size(str(item["content"])) >= 1 for item in items if "content" in item)
        labels = sum(text.size(str(item.get("label", ""))) for item in items)
        assert text.size(said(message)) + labels <= 4000
        named = {str(item["file"]["url"]) for item in items if "file" in item}
        assert named == {f"attachment://{one.name}" for one in message.attachments}
    assert said(message).count("```") % 2 == 0
    assert all(len(one.data) <= 8_000_000 for one in message.attachments)


@given(st.tuples(*[foreign] * 7), st.frozensets(foreign, max_size=5), st.sampled_from(TaskState))
async def test_a_card_keeps_every_limit(texts: tuple[str, ...], needs: frozenset[str], state: TaskState) -> None:
    title, brief, note, reason, agent, asker, prompt = texts
    named = {"title": title, "note": note}
    spoken = {"brief": brief, "reason": reason, "agent": agent, "requester": "operator", "requester_name": asker}
    for task in (make_task(**named, **spoken), make_task(state=state, needs=needs), make_task(**DRY, **named)):
        view = make_view(task=task, prompt=prompt)
        check_limits(render.card(view, marker=MARKER))
        check_limits(render.details(view))
        check_limits(render.details(view, has_all=True))


def test_a_task_is_shown_on_one_screen_and_its_evidence_behind_a_button() -> None:
    """The whole answer is there; the scores, the prompt and the pictures are not."""
    candidates = tuple(AgentCandidate(agent=f"Agent-{number}", success=20) for number in (1, 2, 3))
    choice = Choice(agent="Agent-1", is_named=False, candidates=candidates, others=6, unable=0)
    answer = make_answer(body="Seven red birds.\n" * 20)
    view = make_view(task=make_task(state=TaskState.DONE, choice=choice), answers=(answer,), prompt=PROMPT)
    shown = render.details(view)
    assert "Agent-1 (first idle of 9)" in said(shown)
    assert said(shown).count("> Seven red birds.") == 20
    assert "success" not in said(shown)
    assert shown.attachments == ()
    everything = render.details(view, has_all=True)
    assert "success 20" in said(everything)
    assert len(everything.attachments) == 1


@pytest.mark.parametrize(("colours", "is_shown"), [(("grey",), False), (("grey", "white"), False), ((), True)])
def test_a_picture_with_nothing_on_it_is_not_shown(colours: tuple[str, ...], *, is_shown: bool) -> None:
    picture = Image.linear_gradient("L") if is_shown else Image.new("RGB", (90, 30), colours[0])
    if len(colours) > 1:
        picture.paste(colours[1], (10, 5, 60, 20))
    assert render._shows_anything(to_small_png(picture)) is is_shown


def test_the_parent_of_a_best_of_task_says_for_how_many_answers_it_waits() -> None:
    waits = make_task(state=TaskState.WAITING, reason=WaitReason.DEPENDENCY, parts=PartsKind.BEST_OF)
    states = {"T-2": TaskState.DONE, "T-3": TaskState.WORKING}
    of_both = tuple(
        TaskPart(id=TaskId(part), title="", state=state, agent=None, is_chosen=None) for part, state in states.items()
    )
    card = render.card(make_view(task=waits, parts=of_both), marker=MARKER)
    shown = said(card)
    assert "Waiting for 1 of 2 answers." in shown
    assert sentence(WaitReason.DEPENDENCY) not in shown
    assert "Pick T-2" in {one.get("label") for one in components(card)}


def reports_of(agent: str, said: str) -> AgentReports:
    return AgentReports(agent=agent, reports=(AgentReport(at_ms=0, text=said[:300]),) * 5)


@given(foreign, foreign, foreign, st.sampled_from(TaskState))
async def test_news_and_thread_names_keep_every_limit(body: str, title: str, name: str, state: TaskState) -> None:
    view = make_view(task=make_task(title=title, state=state))
    part = make_answer(body=body, sender=f"agent:{title}", final=False)
    answers = [(make_notice(kind=kind), one) for kind in ("answer", "late") for one in (make_answer(body=body), part)]
    details = {
        NoticeKind.HELD: Halt(state=state, reason=WaitReason.WINDOW),
        NoticeKind.ENDED: EndCause(reason=Reason.DROPPED, by=name),
        NoticeKind.REPORT: UserAct(act=name, by=name),
        NoticeKind.PROGRESS: reports_of(name, body),
    }
    for notice, message in (*answers, *((make_notice(kind=kind, detail=one), None) for kind, one in details.items())):
        news = render.news(notice, view, message=message, marker=MARKER)
        check_limits(news)
        assert marker_of(news) == MARKER.code
    name = render.thread_name(view.task)
    assert name.startswith("T-142")
    assert 1 <= text.size(name) <= 100


@hypothesis.settings(max_examples=15)
@given(words=foreign, many=st.integers(0, 60))
async def test_lists_fit_one_message_and_say_how_many_are_left_out(words: str, many: int) -> None:
    agent = Agent(
        name=AgentName(words), about=words, capabilities=frozenset({words}), lane=Lane.WINDOW, desk=words, window=words
    )
    status = AgentStatus(agent=agent, state=AgentState.BUSY, reason=None, note=words, task=words, since_ms=5)
    window = WindowStatus(name=words, usable=False, reason=Reason.COVERED, note=words)
    named = Desk(name=words, display=":0")
    desk = DeskStatus(desk=named, state=DeskState.READY, reason=Reason.NO_DISPLAY, note=words, windows=(window,) * 8)
    for shown in (
        listed(AgentStatus, status),
        listed(tuple[DeskStatus, ...], (desk,) * many),
    ):
        assert 1 <= text.size(shown) <= 2000
    task, card = make_task(title=words), make_notice(thread="4001")
    for verb, row in ((tasks.list_tasks, task), (agents.list_agents, replace(status, task=task.id))):
        page = Page(items=(row,) * min(many + 1, lists.ROWS), next="T-1")
        rows = lists.shown(OpenList(id=8 * "a", verb=verb, given={}), page, {task.id: card}, number=1)
        assert isinstance(rows, Parts)
        check_limits(rows)
        assert said(rows).count("https://discord.com/channels/3001/4001)") == len(page.items)
    need = Need(kind=NeedKind.PARKED, what=words, next="Look.", seen=words, task=make_task().id, title=words)
    needs = fleet_view.needs(Needs(shown=(need,) * many, total=many + 5), guild=1)
    check_limits(needs)
    assert f" {many + 5 - said(needs).count('🟠 ')} " in said(needs).rstrip().splitlines()[-1]


ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    ("need", "labels"),
    [
        ({"kind": NeedKind.QUESTION, "about": f"question:{ULID}", "choices": ("Red", "Blue")}, "Red Blue Answer …"),
        ({"kind": NeedKind.QUESTION, "task": TaskId("T-1")}, "Answer Cancel"),
        (
            {"kind": NeedKind.NEEDS_ANSWER, "about": ULID, "desk": "main", "choices": ("approve", "deny")},
            "Approve Deny Screenshot",
        ),
        ({"kind": NeedKind.NEEDS_ANSWER, "about": ULID, "choices": ("Once", "Never")}, "Once Never"),
        ({"kind": NeedKind.DELIVERY_UNKNOWN, "about": f"{ULID}:1", "choices": ("arrived", "drop")}, "Arrived Drop"),
        ({"kind": NeedKind.STORM, "about": f"trace:{ULID}"}, "Keep it stopped Let them continue"),
        ({"kind": NeedKind.PARKED, "task": TaskId("T-1")}, "Retry Cancel"),
        ({"kind": NeedKind.DESK, "desk": "main", "by": "discord:1"}, "Release"),
        ({"kind": NeedKind.PARKED, "task": TaskId("T-1"), "more": 2}, ""),
        ({"kind": NeedKind.UNTOLD}, ""),
    ],
)
def test_what_needs_a_user_has_its_own_buttons_instead_of_a_command(need: dict[str, Any], labels: str) -> None:
    one = Need(what="something waits", next="Type a command.", **need)
    shown = fleet_view.needs(Needs(shown=(one,), total=1), guild=1)
    check_limits(shown)
    assert " ".join(str(item["label"]) for item in components(shown) if "label" in item) == labels
    assert ("➜ Type a command." in said(shown)) is (labels == "")


def test_of_many_entries_the_worst_have_buttons_and_the_others_say_what_to_do() -> None:
    many = [
        Need(kind=NeedKind.PARKED, what="is stopped", next="Retry it.", task=TaskId(f"T-{number}"))
        for number in range(1, 26)
    ]
    shown = fleet_view.needs(Needs(shown=tuple(many), total=len(many)), guild=1)
    check_limits(shown)
    assert len(components(shown)) <= 40
    buttons = [str(item["custom_id"]) for item in components(shown) if item.get("label") == "Retry"]
    assert buttons[0].endswith(":T-1")
    assert said(shown).count("➜ Retry it.") == len(many) - len(buttons)


@pytest.mark.parametrize("hostile", VISIBLE)
async def test_a_hostile_brief_is_shown_in_a_code_block(hostile: str) -> None:
    card = render.card(make_view(task=make_task(title=title_of(hostile), brief=hostile)), marker=MARKER)
    check_limits(card)
    outside = said(card).split("```")[0]
    assert "@everyone" not in outside
    assert "<@&" not in outside.replace("\\<@&", "")


@pytest.mark.parametrize("reason", [*WaitReason, *ParkCause])
async def test_a_card_says_why_it_waits(reason: WaitReason | ParkCause) -> None:
    task = make_task(state=TaskState.WAITING, reason=reason, note="covered by “Mail”")
    shown = said(render.card(make_view(task=task), marker=MARKER))
    assert render.is_dry_run(task) or (sentence(reason) in shown and "Mail" in shown)


async def test_a_card_quotes_a_question_as_the_agents_and_a_dialog_as_seen() -> None:
    def shown(reason: BlockCause) -> str:
        task = make_task(state=TaskState.BLOCKED, reason=reason, note="Red or blue?")
        return said(render.card(make_view(task=task), marker=MARKER))

    assert "\n> Red or blue?" in shown(BlockCause.QUESTION)
    assert "\n> Octet saw: Red or blue?" in shown(BlockCause.APPROVAL)


@pytest.mark.parametrize("state", TaskState)
async def test_a_card_has_the_buttons_of_its_state_and_never_shows_the_code(state: TaskState) -> None:
    task = make_task(state=state, agent="Agent-1")
    card = render.card(make_view(task=task, prompt=PROMPT, thread="77"), marker=MARKER, server="3001")
    ids = [str(item["custom_id"]).partition("~")[0] for item in components(card) if "custom_id" in item]
    assert ("v1:task:cancel:T-142" in ids) is (state not in ENDED)
    assert ("v1:task:window:T-142" in ids) is (state in render._AT_AGENT)
    assert "https://discord.com/channels/3001/77" in [item.get("url") for item in components(card)]
    assert marker_of(card) == MARKER.code
    assert MARKER.code not in (said(card) if ids else "")
    assert CODE not in said(card)
    assert not card.attachments


async def test_a_card_begins_with_its_state_and_names_only_what_is_unusual() -> None:
    task = make_task(state=TaskState.WORKING, agent="Agent-3")
    usual, unusual = (
        said(render.card(make_view(task=task), marker=MARKER, owner=owner)) for owner in (task.requester, "discord:7")
    )
    state, title, small = (line for line in usual.splitlines() if line)
    assert state == f"🔵 **Working** · Agent-3 · <t:{task.changed_ms // 1000}:R>"
    assert (title, small) == ("### Count the birds", f"-# T-142 · <t:{task.created_ms // 1000}:f>")
    assert f"asked by <@{task.requester.partition(':')[2]}>" in unusual
    urgent = make_task(priority=0)
    assert "P0" in said(render.card(make_view(task=urgent), marker=MARKER, owner=urgent.requester))


async def test_small_print_names_links_labels_and_times_only_where_there_are_any() -> None:
    task = make_task(parent="T-9", labels=frozenset({"bug", "`ui`"}), due_ms=5_000, not_before_ms=7_000)
    first = Dependency(needs=TaskId("T-3"), on_failure=OnFailure.WAIT, state=TaskState.READY, title="x")
    view = make_view(task=task, after=(first,))
    small = next(line for line in said(render.card(view, marker=MARKER)).splitlines() if line.startswith("-# "))
    for words in ("after T-3", "part of T-9", "bug", "due <t:5:F>", "not before <t:7:F>"):
        assert words in small
    ended = said(render.card(make_view(task=replace(task, state=TaskState.DONE), after=(first,)), marker=MARKER))
    assert "after T-3" not in ended
    assert "not before" not in ended


async def test_a_parent_shows_its_parts_and_a_best_of_parent_the_answers_to_pick() -> None:
    parts = tuple(
        TaskPart(id=TaskId(f"T-{number}"), title="x", state=state, agent="Agent-1", is_chosen=chosen, answer=answer)
        for number, state, chosen, answer in (
            (150, TaskState.DONE, True, "A wren. " * 90),
            (151, TaskState.DONE, False, "@everyone"),
            (152, TaskState.WORKING, None, ""),
        )
    )
    task = make_task(state=TaskState.WAITING, reason=WaitReason.PICK, parts=PartsKind.BEST_OF)
    card = render.card(make_view(task=task, parts=parts), marker=MARKER)
    check_limits(card)
    assert "**T-150** Done (not checked) · Agent-1 · chosen\n> A wren." in said(card)
    assert "**T-151** Done (not checked) · Agent-1 · not chosen" in said(card)
    ids = [str(item["custom_id"]).partition("~")[0] for item in components(card) if "custom_id" in item]
    assert (components(card)[0]["accent_color"], said(card).strip()[0]) == (AMBER, "🟠")
    assert [one for one in ids if "pick" in one] == ["v1:task:pick:T-150", "v1:task:pick:T-151"]
    many = tuple(replace(parts[0], id=TaskId(f"T-{number}")) for number in range(200, 240))
    check_limits(render.card(make_view(task=task, parts=many), marker=MARKER))
    over = render.card(make_view(task=replace(task, state=TaskState.DONE), parts=parts), marker=MARKER)
    assert "v1:task:pick" not in str(components(over))
    assert ("A wren." in said(card), "A wren." in said(over)) == (True, False), (
        "the card quotes the picked answer below"
    )


@pytest.mark.parametrize("why", [None, "", "There are eight"])
async def test_a_result_is_marked_as_wrong_once_and_its_card_says_so(why: str | None) -> None:
    card = render.card(make_view(task=make_task(state=TaskState.DONE, wrong=why)), marker=MARKER)
    assert ("v1:task:wrong:T-142" in str(components(card))) is (why is None)
    assert ("Marked as wrong" in said(card)) is (why is not None)
    assert (why or "") in said(card)


@pytest.mark.parametrize(
    ("states", "colour", "sign"),
    [
        ({TaskState.DONE}, GREEN, "🟢"),
        ({TaskState.FAILED, TaskState.EXPIRED}, RED, "🔴"),
        ({TaskState.BLOCKED, TaskState.PARKED}, AMBER, "🟠"),
        ({TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING, TaskState.REVIEW}, BLUE, "🔵"),
        ({TaskState.READY, TaskState.WAITING}, GREY, "⚪"),
        ({TaskState.CANCELLED}, GREY, "⚫"),
    ],
)
async def test_a_card_says_its_state_by_a_colour_and_the_same_sign(
    states: set[TaskState], colour: int, sign: str
) -> None:
    for state in states:
        card = render.card(make_view(task=make_task(state=state)), marker=MARKER)
        assert components(card)[0]["accent_color"] == colour
        assert said(card).strip().startswith(sign)


async def test_the_card_of_a_task_that_is_done_has_no_tick_and_shows_the_beginning_of_its_answer() -> None:
    view = make_view(task=make_task(state=TaskState.DONE), answers=(make_answer(body="Seven birds. " * 100),))
    card = render.card(view, marker=MARKER)
    assert "✅" not in said(card)
    assert "✓" not in said(card)
    [quoted] = [line for line in said(card).splitlines() if line.startswith("> ")]
    assert 150 < len(quoted) <= 203


async def test_a_dry_run_card_is_grey_and_shows_the_whole_prompt_with_its_code() -> None:
    card = render.card(make_view(task=make_task(**DRY), prompt=PROMPT), marker=MARKER)
    assert PROMPT in said(card)
    assert components(card)[0]["accent_color"] == GREY
    assert not card.attachments


@pytest.mark.parametrize("body", ["x" * 50_000, "```sh\nls\n```"])
async def test_a_dry_run_prompt_that_does_not_fit_is_attached_whole(body: str) -> None:
    card = render.card(make_view(task=make_task(**DRY), prompt=f"{body}\n{PROMPT}"), marker=MARKER)
    check_limits(card)
    assert [one.data.decode() for one in card.attachments] == [f"{body}\n{PROMPT}"]


async def test_details_mask_the_code_always() -> None:
    for task in (make_task(**DRY), make_task(state=TaskState.WORKING)):
        details = render.details(make_view(task=task, prompt=PROMPT), has_all=True)
        everything = said(details) + "".join(one.data.decode() for one in details.attachments)
        assert "--code" in everything
        assert CODE not in everything


async def test_an_answer_is_attached_whole_if_long_and_pings_no_user() -> None:
    body = "# Birds @everyone <@1001>\n" + "seven\n" * 1000
    answer = make_answer(body=body)
    news = render.news(make_notice(kind=NoticeKind.ANSWER), make_view(), message=answer, marker=MARKER)
    assert [(one.name, one.data.decode()) for one in news.attachments] == [("T-142-answer.md", body)]
    assert "# Birds" in said(news)
    assert news.mentions == ()


async def test_evidence_is_below_the_answer_as_unchecked_and_its_text_has_no_effect() -> None:
    proofs = [{"kind": "command", "text": "make test", "ok": True}, {"kind": "note", "text": "@everyone **x**"}]
    answer = make_answer(body="Seven", evidence=read_evidence(proofs))
    news = render.news(make_notice(kind=NoticeKind.ANSWER), make_view(), message=answer, marker=MARKER)
    assert f"> Seven\n{render.UNCHECKED}\n> command: make test: passed\n> note: " in said(news)
    assert "@everyone" not in said(news)
    assert "\\*\\*x" in said(news)
    assert (news.attachments, news.mentions) == ((), ())
    assert "command: make test: passed" in said(render.details(make_view(answers=(answer,))))


async def test_much_evidence_is_attached_whole_beside_a_long_answer() -> None:
    proofs = [{"kind": "file", "text": f"{number} " + "漢" * 490} for number in range(20)]
    answer = make_answer(body="seven\n" * 1000, evidence=read_evidence(proofs))
    news = render.news(make_notice(kind=NoticeKind.ANSWER), make_view(), message=answer, marker=MARKER)
    check_limits(news)
    assert [one.name for one in news.attachments] == ["T-142-answer.md", "T-142-answer-evidence.txt"]
    assert news.attachments[1].data.decode().splitlines() == [one.line for one in answer.evidence]


@pytest.mark.parametrize(
    ("requester", "mentions"),
    [("discord:1001", (1001,)), ("operator", ()), ("agent:Agent-1", ()), ("discord:", ()), ("discord:²", ())],
)
async def test_the_end_is_one_message_with_the_answer_that_pings_the_requester(
    requester: str, mentions: tuple[int, ...]
) -> None:
    view = make_view(task=make_task(state=TaskState.DONE, requester=requester))
    news = render.news(make_notice(kind=NoticeKind.ENDED), view, message=make_answer(body="Seven"), marker=MARKER)
    assert news.mentions == mentions
    ping = f"<@{mentions[0]}> " if mentions else ""
    assert f"\n{ping}**Agent-3 finished T-142**\n> Seven\n" in said(news)
    ended_by = make_notice(kind=NoticeKind.ENDED, detail=UserAct(act="done", by=requester))
    assert render.news(ended_by, view, message=None, marker=MARKER).mentions == (), "who ended it knows"


async def test_a_chiefs_thread_has_a_line_for_each_part_with_a_link_to_its_thread() -> None:
    states = {"T-15": TaskState.DONE, "T-16": TaskState.WORKING}
    found = tuple(
        TaskPart(id=TaskId(name), title="List *it*", state=state, agent="Agent-2", is_chosen=None)
        for name, state in states.items()
    )
    shown = render.parts(make_view(parts=found), {"T-15": "88"}, server="7", marker=MARKER)
    assert said(shown).splitlines()[:2] == [
        "🟢 **T-15** · List \\*it\\* · Agent-2 [Open](https://discord.com/channels/7/88)",
        "🔵 **T-16** · List \\*it\\* · Agent-2",
    ]
    assert shown.mentions == ()


async def test_answers_to_a_broadcast_are_one_message_that_pings_its_sender_and_replaces_what_was_read() -> None:
    read = make_answer(id="0" * 26, sender="agent:Left", body="Six", source=Source.WINDOW)
    sent = make_answer(id="1" * 26, sender="agent:Left", body="Seven", supersedes="0" * 26)
    other = make_answer(id="2" * 26, sender="agent:Right", body="eight\n" * 200)
    asked = make_answer(sender="person:discord:1001")
    message = delivery_messages.answers(asked, [read, other, sent], marker=MARKER)
    check_limits(message)
    assert message.mentions == (1001,)
    assert "**2 agents have answered**" in said(message)
    assert "Six" not in said(message)
    assert "**Left**\n> Seven" in said(message)
    assert [one.name for one in message.attachments] == ["Right.md"]


async def test_an_answer_that_was_read_in_the_window_says_so_and_another_one_of_its_agent_pings() -> None:
    view = make_view(task=make_task(state=TaskState.DONE, requester="discord:1001"))
    read = make_answer(source=Source.WINDOW)
    news = render.news(make_notice(kind=NoticeKind.ENDED), view, message=read, marker=MARKER)
    assert "**Agent-3 finished T-142** · read in its window, *unverified*" in said(news)
    sent = make_answer(body="Eight", supersedes=read.id)
    news = render.news(make_notice(kind=NoticeKind.ANSWER), view, message=sent, marker=MARKER)
    assert "sent another answer to T-142 than Octet read" in said(news)
    assert news.mentions == (1001,)


async def test_a_card_quotes_what_the_agent_said() -> None:
    task = make_task(state=TaskState.WORKING, last_seen_ms=1_000, progress="tests are running")
    assert "\n> tests are running" in said(render.card(make_view(task=task), marker=MARKER))


async def test_a_halt_that_is_posted_late_does_not_show_what_octet_saw_of_something_else() -> None:
    notice = make_notice(kind=NoticeKind.HELD, detail=Halt(state="waiting", reason=WaitReason.WINDOW))
    same = make_task(state=TaskState.WAITING, reason="window", note="covered by Mail")
    later = make_task(state=TaskState.PARKED, reason=ParkCause.DELIVERY_UNKNOWN, note="the box is empty")
    assert "covered by Mail" in said(render.news(notice, make_view(same), message=None, marker=MARKER))
    assert "the box is empty" not in said(render.news(notice, make_view(later), message=None, marker=MARKER))


async def test_details_say_that_the_text_expired_and_when() -> None:
    details = render.details(make_view(task=make_task(brief="", text_expired_ms=2_000_000_000_000)))
    assert text_for_people("", 2_000_000_000_000) in said(details)


def test_a_picture_that_is_too_large_is_left_out_and_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FILE_LIMIT", 100)
    shots = tuple(Attachment(name=f"{name}.png", data=b"x" * size) for name, size in (("small", 10), ("large", 101)))
    for kept, given_shots in ((["small.png"], shots), ([], shots[1:])):
        fitting = finished(framed("Look", MARKER, colour=1, shots=given_shots), ())
        assert [one.name for one in fitting.attachments] == kept
        assert "large.png" in said(fitting)
        assert fitting.view is not None
        galleries = [item for item in fitting.view.walk_children() if isinstance(item, ui.MediaGallery)]
        assert [item.media.url for one in galleries for item in one.items] == [f"attachment://{name}" for name in kept]
        assert len(galleries) == len(kept)
    assert "large.png" in finished(Parts(content="Look", attachments=shots), ()).content


def test_the_files_of_one_message_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "REQUEST_LIMIT", 25)
    shots = tuple(Attachment(name=f"{name}.png", data=b"x" * 10) for name in "abc")
    assert [one.name for one in finished(Parts(content="x", attachments=shots), ()).attachments] == ["a.png", "b.png"]


async def test_discord_takes_a_message_whose_picture_was_too_large(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, channel = settings_for(quiet_town.sandbox), quiet_town.sandbox.world.home.id
    assert settings.discord_token is not None
    bot, channels = make_bot(quiet_town), ChannelClient(SendLimits(SystemClock()))
    look = Parts(content="Look", attachments=(Attachment(name="window.png", data=bytes(FILE_LIMIT + 1)),))
    async with bot:
        await bot.login(settings.discord_token.get_secret_value())
        channels.use_bot(bot)
        assert (await channels.post_message(channel, look, nonce="n1")).is_as_requested
        monkeypatch.setattr(parts, "FILE_LIMIT", 2 * FILE_LIMIT)
        with pytest.raises(MessageRejected, match="40005"):
            await channels.post_message(channel, look, nonce="n2")
    [message] = await quiet_town.sandbox.messages()
    assert "window.png" in message["content"]


def test_a_new_task_is_starting_until_dispatch_looked_and_names_the_agents_that_hold_it_up() -> None:
    ready = make_task(state=TaskState.READY, agent=None)
    assert "**Starting**" in said(render.card(make_view(task=ready, is_starting=True), marker=MARKER))
    queued = said(render.card(make_view(task=ready), marker=MARKER))
    assert "**Queued** · for the next idle agent" in queued
    assert "Held up" not in queued
    behind = AgentStatus(
        agent=make_window_agent("Agent-3"), state=AgentState.NEEDS_INPUT, reason=None, task=None, since_ms=0
    )
    card = render.card(make_view(task=ready, held_up_by=(behind,)), marker=MARKER)
    assert "Held up: Agent-3 (needs an answer)" in said(card)


def test_the_details_list_attempts_with_the_tokens_and_the_cost_that_are_known() -> None:
    under_way = TaskAttempt(
        task=TaskId("T-1"),
        fence=1,
        agent="Agent-1",
        category="",
        began_ms=0,
        ended_ms=None,
        outcome=None,
        known_by=None,
        tokens=None,
        cost_micros=None,
        is_disowned=False,
    )
    done = replace(under_way, outcome=AttemptOutcome.DONE, known_by=KnownBy.AGENT, tokens=1200, cost_micros=4500)
    shown = said(render.details(make_view(task=make_task(), attempts=(done, under_way))))
    assert "Agent-1 at <t:0:f>: done, 1,200 tokens, $0.0045\nAgent-1 at <t:0:f>: under way" in shown
