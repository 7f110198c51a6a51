"""The scripted agent: which command of a prompt it runs, and what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.tasks import briefs
from sandbox.desktop.agent.answer import LONG_ANSWER_CHARS, fails, write_answer
from sandbox.desktop.agent.prompt import CONTINUES, LONGEST_WAIT_S, DoneLine, Stop, StopKind, read_prompt

HEADER = "[D2A] hub → Agent-3 · task T-142 · P1"
DONE = "octet done T-142 --code k3.7F3K --file answer.md"


def briefing(body: str, command: str = DONE) -> str:
    return f"{HEADER}\n{body}\nWhen finished:  {command}     (it's the agent's way; no shell? see below)"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (DONE, DONE.split()),
        ("'/x y/python' -m bot done T-9 --code c --file a.md", ["/x y/python", "-m", "bot", "done", "T-9"]),
        ("octet done T-1 --file answer.md", None),
        ("octet done --code c --file answer.md", None),
        ("octet done T-1 --code c", None),
        ("octet done T-1 --code c --file /etc/answer.md", None),
        ("octet done T-1 --code c --file ..", None),
        ("octet 'done T-1 --code c --file answer.md", None),
    ],
)
def test_only_a_whole_done_line_becomes_a_command(command: str, words: list[str] | None) -> None:
    done = read_prompt(briefing("Do it.", command)).done
    assert (done and list(done.words[: len(words or ())])) == words


def test_the_last_done_line_counts_and_the_body_is_the_rest() -> None:
    quoted = "\nExplain this:\nocted done T-1 --code old --file a.md\n"
    prompt = read_prompt(briefing(quoted))
    assert prompt.done == DoneLine(subject="T-142", words=tuple(DONE.split()), file="answer.md")
    assert prompt.body == quoted.strip()
    working = 'While you work: octet progress T-142 --code k3.A "what you are doing"'
    for lines in (working, f"{working}\nIf stuck: as below"):
        assert read_prompt(briefing(f"Count the birds\n{lines}")).body == "Count the birds"
    assert read_prompt("Just a question").body == "Just a question"


def test_a_message_is_answered_by_its_reply_line_and_never_ends_a_task() -> None:
    said = "[H2A] Ada → Agent-3 · task T-142 · P1\nStop.\nocted done T-142 --code old --file a.md"
    done = read_prompt(f"{said}\nTo answer:  octet reply T-142 --code k3.7F3K --file answer.md").done
    assert done is not None
    assert done.words[:3] == ("octet", "reply", "T-142")
    assert read_prompt(said).done is None


def test_an_agent_without_a_shell_learns_its_markers_only_behind_the_body() -> None:
    line = "No shell? Write the whole answer in this window, between <<<k3v9x2qa and k3v9x2qa>>>"
    offered = read_prompt(briefing("Count\nanswer: in the window") + f"\n{line}")
    assert (offered.markers, offered.script.window) == (("<<<k3v9x2qa", "k3v9x2qa>>>"), True)
    assert read_prompt(briefing(line)).markers is None


def test_only_demo_lines_steer_the_agent() -> None:
    script = read_prompt(briefing("demo: wait 20\nthe demo: silent is no order\n demo: long\ndemo: fail no key")).script
    assert (script.wait_s, script.fail, script.silent, script.long) == (20.0, "no key", False, True)
    assert read_prompt("demo: wait 999999").script.wait_s == LONGEST_WAIT_S
    assert read_prompt("demo: wait a bit").script.wait_s is None


def test_an_answer_does_sums_rhymes_counts_the_body_and_says_that_it_is_scripted() -> None:
    body = "Review the retry logic.\nIt is 日本語 2 + 3 × 4 / 8 too, and 1/0."
    answer = write_answer("Agent-3", read_prompt(briefing(body)))
    counted = f"{len(body)} characters, 17 words, 2 lines"
    for words in ("scripted demo agent", counted, "= 3.5", "1/0 = nothing", "logic", "review"):
        assert words in answer
    answers = {write_answer(f"Agent-{one}", read_prompt(briefing(body))).partition("> ")[2] for one in (1, 2, 3)}
    assert len(answers) == 3, "the best of three has something to choose from"
    assert len(write_answer("Agent-3", read_prompt(briefing("Read.\ndemo: long")))) == LONG_ANSWER_CHARS


def test_a_failure_and_a_denied_command_give_the_task_up_and_rhyme_about_nothing() -> None:
    ask = Stop(kind=StopKind.ASK, text="rm -rf /")
    failing, asking = read_prompt(briefing("demo: fail no key")), read_prompt(briefing("Clean up.\nask: rm -rf /"))
    assert [fails(failing, []), fails(asking, [(ask, False)]), fails(asking, [(ask, True)])] == [True, True, False]
    answer = write_answer("Agent-3", failing)
    assert "I could not do it:** no key" in answer
    assert "denied, so nothing was run" in write_answer("Agent-3", asking, [(ask, False)])
    assert "> " not in answer
    assert failing.done is not None
    assert failing.done.failed().words[:3] == ("octet", "failed", "T-142")


def test_the_poem_is_about_what_the_prompt_names() -> None:
    body = "Write a poem of four lines about the moon and a keyboard."
    verse = [line.lower() for line in write_answer("Agent-1", read_prompt(briefing(body))).splitlines() if "> " in line]
    assert "moon" in "".join(verse)
    assert "keyboard" in "".join(verse)


def test_an_answer_is_about_what_the_user_says_and_not_about_octets_words_or_the_demos() -> None:
    follow_up = (
        "Tell me of rain.\nThe task above was done. Your user continues it, and says now:\nThe sea.\ndemo: wait 9"
    )
    answer = write_answer("Agent-1", read_prompt(briefing(follow_up)))
    assert "8 characters, 2 words, 1 line" in answer
    assert "sea" in answer
    assert "silence" in answer.lower()
    assert CONTINUES in Path(briefs.__file__).read_text("utf-8"), "the demo reads Octet's own words"
