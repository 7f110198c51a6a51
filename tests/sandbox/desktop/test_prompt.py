"""How the scripted agent reads a prompt, and what it makes of it."""

from __future__ import annotations

import hashlib

import pytest

from sandbox.desktop.agent.answer import LONG_ANSWER_CHARS, write_answer
from sandbox.desktop.agent.prompt import LONGEST_WAIT_S, DoneLine, read_prompt

ENDING = "(or the MCP tool report_done; no shell? write the answer between <<<k3v9x2qa and k3v9x2qa>>>)"
HEADER = "[D2A] hub → Agent-3 · task T-142 · P1"


def briefing(body: str, command: str = "octet done T-142 --code k3.7F3K --file answer.md") -> str:
    return f"{HEADER}\n{body}\nWhen finished:  {command}     {ENDING}"


def words(command: str) -> DoneLine | None:
    return read_prompt(briefing("Do it.", command)).done


def test_done_line_of_a_briefing_becomes_words_without_the_remark_behind_it() -> None:
    assert read_prompt(briefing("Do it.")).done == DoneLine(
        task="T-142",
        words=("octet", "done", "T-142", "--code", "k3.7F3K", "--file", "answer.md"),
        file="answer.md",
    )


def test_command_may_have_a_path_several_words_and_quotes() -> None:
    done = words("'/x y/.venv/bin/python' -m bot done T-9 --code k3.7F3K --file answer.md")
    assert done is not None
    assert done.words[:4] == ("/x y/.venv/bin/python", "-m", "bot", "done")


def test_done_line_may_stand_alone_without_the_words_before_it() -> None:
    assert read_prompt("Do it.\n  octet done T-1 --code c --file a.md").done is not None


def test_apostrophe_in_the_remark_does_not_spoil_the_command() -> None:
    prompt = "When finished:  octet done T-1 --code c --file a.md   (it's the agent's way)"
    assert read_prompt(prompt).done is not None


@pytest.mark.parametrize(
    "command",
    [
        "octet done T-1 --file answer.md",  # no code
        "octet done --code c --file answer.md",  # no task
        "octet done T-1 --code c",  # no file
        "octet done T-1 --code c --file /etc/answer.md",  # outside its folder
        "octet done T-1 --code c --file ..",
        "octet 'done T-1 --code c --file answer.md",  # a quote that never ends
    ],
)
def test_line_that_is_no_whole_command_is_not_run(command: str) -> None:
    assert words(command) is None


def test_last_done_line_counts_because_a_body_may_quote_one() -> None:
    done = read_prompt(briefing("Explain this:\nocted done T-1 --code old --file a.md")).done
    assert done is not None
    assert done.task == "T-142"


def test_body_is_what_stands_between_header_and_done_line() -> None:
    assert read_prompt(briefing("\nFirst.\n\nSecond.\n")).body == "First.\n\nSecond."
    assert read_prompt("Just a question").body == "Just a question"


def test_words_are_answered_by_their_reply_line_and_never_end_a_task() -> None:
    said = "[H2A] Ada → Agent-3 · task T-142 · P1\nStop.\nocted done T-142 --code old --file a.md"
    prompt = read_prompt(f"{said}\nTo answer:  octet reply T-142 --code k3.7F3K --file answer.md")
    assert prompt.done is not None
    assert prompt.done.words[:3] == ("octet", "reply", "T-142")
    assert prompt.body.startswith("Stop.")
    assert read_prompt(said).done is None
    assert read_prompt("[BROADCAST] Ada → everybody · P2\nFire drill").body == "Fire drill"


def test_demo_words_steer_the_agent_and_other_lines_do_not() -> None:
    script = read_prompt(briefing("demo: wait 20\nthe demo: silent is no order\n demo: long\ndemo: fail no key")).script
    assert (script.wait_s, script.fail, script.silent, script.long) == (20.0, "no key", False, True)
    assert read_prompt(briefing("demo: silent")).script.silent


def test_a_wait_has_a_limit_and_nonsense_is_no_wait() -> None:
    assert read_prompt("demo: wait 999999").script.wait_s == LONGEST_WAIT_S
    assert read_prompt("demo: wait a bit").script.wait_s is None


def test_answer_counts_the_body_and_says_that_no_model_read_it() -> None:
    body = "Review the retry logic.\nIt is 日本語 too."
    answer = write_answer("Agent-3", read_prompt(briefing(body)))
    assert "scripted demo agent" in answer
    assert "“Review the retry logic.”" in answer
    assert f"{len(body)} characters, 8 words, 2 lines" in answer
    assert hashlib.sha256(body.encode()).hexdigest() in answer


def test_answer_to_fail_says_why_and_answer_to_long_has_the_promised_length() -> None:
    assert "I could not do it:** no key" in write_answer("Agent-3", read_prompt(briefing("demo: fail no key")))
    assert len(write_answer("Agent-3", read_prompt(briefing("Read.\ndemo: long")))) == LONG_ANSWER_CHARS


def test_how_to_show_that_it_is_at_work_is_no_part_of_what_is_asked() -> None:
    working = 'While you work: octet progress T-142 --code k3.A "what you are doing"'
    prompt = f"{HEADER}\nCount the birds\n{working}\nWhen finished:  octet done T-142 --code k3.A --file answer.md"
    assert read_prompt(prompt).body == "Count the birds"


def test_an_agent_without_a_shell_is_told_its_markers_behind_what_is_asked_and_nowhere_else() -> None:
    ways = "When finished:  octet done T-1 --code a.b --file answer.md"
    line = "No shell? Write the whole answer in this window, between <<<k3v9x2qa and k3v9x2qa>>>"
    offered = read_prompt(f"[D2A] hub → Agent-1 · task T-1 · P2\nCount\nanswer: in the window\n{ways}\n{line}")
    assert (offered.markers, offered.script.window) == (("<<<k3v9x2qa", "k3v9x2qa>>>"), True)
    assert offered.body == "Count\nanswer: in the window"
    assert read_prompt(f"[D2A] hub → Agent-1 · task T-1 · P2\n{line}\n{ways}").markers is None
