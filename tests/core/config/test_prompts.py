"""The texts around the body of a prompt: an owner may change the words, and no edit removes what Octet needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.config.prompts import BUILT_IN, FOLDER, MESSAGE, TASK, fill, read_prompts
from core.kit.problems import Problem
from core.messages.model import MessageKind, Requires
from core.messages.prompts import PromptRenderer
from tests.builders import longest
from tests.core.messages.test_messages import make_message

CONFIG = Path(__file__).parents[3] / "config"


def read(home: Path, name: str, text: str) -> tuple[dict[str, str], list[Problem]]:
    file = home / FOLDER / f"{name}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    problems = list[Problem]()
    return read_prompts(home, problems), problems


def test_the_shipped_files_have_the_built_in_texts_and_a_missing_one_means_them(tmp_path: Path) -> None:
    problems = list[Problem]()
    assert read_prompts(CONFIG.parent, problems) == read_prompts(tmp_path, problems) == BUILT_IN
    assert problems == []


@pytest.mark.parametrize("slot", ["head", "body", "progress", "done", "window"])
def test_a_template_without_a_slot_or_with_one_twice_is_a_problem(tmp_path: Path, slot: str) -> None:
    for text in (BUILT_IN[TASK].replace(f"{{{slot}}}", ""), f"{BUILT_IN[TASK]}\n{{{slot}}}"):
        _, problems = read(tmp_path, TASK, text)
        assert [(one.file, one.code) for one in problems] == [("config/prompts/task.md", "slot")]


def test_a_slot_that_octet_does_not_fill_is_a_problem(tmp_path: Path) -> None:
    _, problems = read(tmp_path, MESSAGE, BUILT_IN[MESSAGE] + "\n{code}")
    assert [one.code for one in problems] == ["unknown_slot"]


def test_an_edit_changes_the_words_and_the_prompt_keeps_its_code_its_markers_and_the_body_as_it_is(
    tmp_path: Path,
) -> None:
    templates, problems = read(tmp_path, TASK, "Hello.\n" + BUILT_IN[TASK].replace("When finished: ", "At the end:"))
    brief = replace(make_message(body="Count {done} {x}"), kind=MessageKind.TASK, task="T-1", marker="k7m2p4qa")
    read_there = PromptRenderer(tmp_path, {"Ann": longest(9_000, answers=True)}, templates)
    unread = PromptRenderer(tmp_path, {}, templates)
    prompt = read_there.render(brief, agent="Ann", code="k.X")
    assert problems == []
    assert prompt.splitlines()[0] == "Hello."
    assert "Count {done} {x}" in prompt
    assert "At the end: octet done T-1 --code k.X" in prompt
    assert "<<<k7m2p4qa and k7m2p4qa>>>" in prompt
    assert "No shell?" not in unread.render(brief, agent="Ann", code="k.X")


def test_a_line_without_any_value_is_left_out() -> None:
    assert fill("{a}\n{b}\nend", {"a": "", "b": "{a}"}) == "{a}\nend"


@pytest.mark.parametrize(
    ("requires", "words"),
    [
        (Requires.REPLY, "octet reply M-"),
        (Requires.EVIDENCE, '--evidence "command: WHAT YOU RAN: passed"'),
        (Requires.ACK, "octet inbox --ack M-"),
    ],
)
def test_a_message_says_how_to_give_what_its_sender_requires(tmp_path: Path, requires: Requires, words: str) -> None:
    message = replace(make_message(body="x"), kind=MessageKind.MESSAGE, task=None, requires=requires)
    assert words in PromptRenderer(tmp_path, {}).render(message, agent="Ann", code="k.X")
