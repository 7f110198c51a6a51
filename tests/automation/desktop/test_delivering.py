"""Prompts, end to end: through the worker process into real windows on a virtual display."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.x11.selection_server import INCR_ABOVE
from core.deliveries.model import Assurance, Reason, Result
from core.desks.model import Window
from core.profiles.model import StateSigns
from tests.automation.desktop.scenes import scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK, Commits, News, deliver, make_client, make_order, open_term, open_tk, running

pytestmark = pytest.mark.display

RICH = {
    "newlines": "one\n\n\n  indented two\nthree\n",
    "cjk": "日本語のテキスト、漢字かな。\n中文字符测试。한국어 문장.",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 e\u0301 ✅ 🏳️‍🌈",
    "right to left": "שלום עולם\nمرحبا بالعالم (abc) 123",
    "tabs and fences": "```python\ndef f():\n\treturn  'x'\t# tab\n```\n\tindented",
    "marks of chat": "@everyone <#123> `code` **bold** \\ ~ ^ $HOME %PATH% 'quotes' \"and\" &amp;",
    "20,000 characters": "".join(f"{number:05d} Zeile mit Umläuten äöü\n" for number in range(690))[:20_000],
    "in pieces": ("ä" * 99 + "\n") * (INCR_ABOVE // 190),
}


async def test_texts_of_all_kinds_arrive_whole(display: VirtualDisplay, tmp_path: Path) -> None:
    tk, term = open_tk(display, "agent-1", 10, 10, busy_ms=400), open_term(display, "agent-2", 500, 10, busy_s=0.4)
    news = News()
    wide = replace(TK, max_chars=200_000, paste_timeout_ms=30_000)  # the longest one, on a busy machine
    client = make_client(display.name, tmp_path, (tk.window, term.window), news, tk=wide)
    async with running(client, news) as desk:
        for kind, text in RICH.items():
            for agent in (tk, term):
                if agent is term and kind == "in pieces":
                    continue  # beyond what this kind of window takes
                outcome = await deliver(desk.lane, make_order(agent.name, text))
                assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), (kind, outcome)
                assert agent.heard[-1] == text, kind


async def test_the_right_one_of_several_windows_of_one_class_gets_the_prompt(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agents = [open_tk(display, f"agent-{number}", 10 + 410 * number, 10) for number in range(3)]
    news = News()
    client = make_client(display.name, tmp_path, tuple(agent.window for agent in agents), news)
    async with running(client, news) as desk:
        for agent in (agents[2], agents[0], agents[1]):
            outcome = await deliver(desk.lane, make_order(agent.name, f"for {agent.name}"))
            assert outcome.result is Result.DELIVERED, outcome
    assert [agent.heard for agent in agents] == [[f"for {agent.name}"] for agent in agents]


async def test_pointer_and_focus_go_back_to_where_they_were(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        other = open_tk(display, "person", 500, 10)
        display.windows.activate(other.seen.id)
        await soon(lambda: display.windows.active() == other.seen.id, "they are in their window")
        display.connection.screen().root.warp_pointer(640, 500)
        display.connection.sync()
        assert (await on.deliver()).result is Result.DELIVERED
        await soon(lambda: display.windows.active() == other.seen.id, "the focus is theirs again")
        where = display.connection.screen().root.query_pointer()
        assert (where.root_x, where.root_y, other.heard) == (640, 500, [])


async def test_two_windows_of_one_program_give_no_receipt(display: VirtualDisplay, tmp_path: Path) -> None:
    agent = open_tk(display, "agent-1", 10, 10, second="agent-2")
    seen = display.window("^agent-2")
    second = Window(name="agent-2", profile="tk", title="^agent-2", box=seen.box)
    news = News()
    async with running(make_client(display.name, tmp_path, (agent.window, second), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"))
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
    assert agent.heard == ["Hello"]


async def test_without_a_busy_sign_a_composer_that_empties_under_the_guard_is_weak_unless_the_profile_forbids_it(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agents = [open_tk(display, f"agent-{number}", 10 + 410 * number, 10) for number in range(2)]
    windows = tuple(replace(agent.window, profile=f"tk-{agent.name}") for agent in agents)
    weak = replace(TK, name=windows[0].profile, busy=StateSigns())
    strict = replace(weak, name=windows[1].profile, confirm_timeout_ms=300, weak_by_emptying=False)
    news = News()
    async with running(make_client(display.name, tmp_path, windows, news, profiles=(weak, strict)), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-0", "Hello"))
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK), outcome
        assert "saw the composer empty before they could type again" in outcome.note
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"))
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN), outcome
    assert [agent.heard for agent in agents] == [["Hello"], ["Hello"]]


async def test_words_go_into_a_window_at_work_only_if_its_profile_says_that_it_keeps_input(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    """These windows take Enter at any time; the profile says so for one of them."""
    tk, term = open_tk(display, "agent-1", 10, 10, busy_ms=60_000), open_term(display, "agent-2", 500, 10, busy_s=60)
    news = News()
    keeps = replace(TERM, accepts_input_while_busy=True)
    client = make_client(display.name, tmp_path, (tk.window, term.window), news, term=keeps)
    async with running(client, news) as desk:
        for agent in (tk, term):
            assert (await deliver(desk.lane, make_order(agent.name, "the brief"))).result is Result.DELIVERED
        said = replace(make_order(term.name, "and this"), allow_busy=True)
        outcome = await deliver(desk.lane, said)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK)
        for order in (make_order(term.name, "a brief"), replace(make_order(tk.name, "words"), allow_busy=True)):
            outcome = await deliver(desk.lane, order, about={Reason.BUSY})
            assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.BUSY)
    assert (term.heard, tk.heard) == (["the brief", "and this"], ["the brief"])


async def test_a_terminal_that_sends_each_pasted_line_is_unknown_and_gets_nothing_more(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news, commits = open_term(display, "agent-1", 10, 10, busy_s=60, is_plain=True), News(), Commits()
    async with running(make_client(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "one\ntwo"), commits)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.NOT_SEEN)
    assert commits.steps == ["staging", "staged", "submitting"]
    assert agent.heard == ["one"], "the second line was not sent, and the first one not again"
