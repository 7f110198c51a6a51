"""The judge and the user of `bench/windows`: each kind of harm is seen, each question is answered as a user would."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace

import pytest

from bench.measure.unfamiliar.person import ANSWER_S, talk
from bench.measure.unfamiliar.prompts import LONGEST, prompts
from bench.measure.unfamiliar.work import WorkResult, WorkRow, broken_variants, violations


def _row(number: int, kind: str, text: str) -> WorkRow:
    return WorkRow(
        id=str(number),
        task=f"T-{number}",
        kind=kind,
        state="delivered",
        assurance="weak",
        reason="",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text.partition("\n")[2].partition("\nWhen")[0],
    )


@pytest.fixture
def outcome() -> WorkResult:
    heard = {
        kind: [f"hub → Agent · task T-{number}\nsay {number}\nWhen finished: octet done T-{number} --code a.b{number}"]
        for number, kind in enumerate(("gtk", "qt"), 1)
    }
    rows = tuple(_row(number, kind, heard[kind][0]) for number, kind in enumerate(heard, 1))
    return WorkResult(rows=rows, heard=heard)


def test_a_faultless_run_has_no_violations(outcome: WorkResult) -> None:
    assert violations(outcome) == []


@pytest.mark.parametrize("harm", ["wrong window", "doubled", "garbled", "untrue claim", "untrue denial"])
def test_each_kind_of_harm_is_a_violation(outcome: WorkResult, harm: str) -> None:
    assert any(line.startswith(harm.partition(" ")[0]) for line in violations(broken_variants(outcome)[harm]))


def test_a_prompt_that_names_a_file_with_what_was_asked_is_no_violation() -> None:
    text = "task T-1\nRead this file:\n/briefs/T-1.md\nWhen finished: octet done T-1 --code a.b"
    row = replace(_row(1, "gtk", text), text="a long story")
    told = WorkResult(rows=(row,), heard={"gtk": [text]}, files={text: "a long story\n"})
    assert violations(told) == []
    assert violations(replace(told, files={text: "another one"})) != []


def test_the_user_accepts_proposals_wants_all_windows_and_points_at_composers() -> None:
    script = """
def ask(text):
    print(text, end=" ", flush=True)
    print("got", repr(input()))
rows = "   window  class\\n1  Bureau  Gtk\\n2  Fluid chat  Fluid"
print(rows)
ask("Octet types a draft into 1, and saves what works [Enter = all, ? = help]:")
print(rows)
ask("Octet types a draft into 1,2, and saves what works [Enter = all, ? = help]:")
print("Agent-2, “Fluid chat”: Octet cannot find its input box. Point at it.")
ask("Or type the composer's place from the window's corner, such as 200,-40; or s to skip the window:")
ask("Identify them by their places [y/N]:")
"""
    said = talk([sys.executable, "-c", script], {})
    assert [answer for _, answer in said.answers] == ["1-2", "", "100,-30", ""]
    assert "got '100,-30'" in said.words
    assert said.code == 0
    assert said.person_s == said.seconds + 4 * ANSWER_S


def test_no_two_prompts_are_alike_and_they_have_the_promised_lengths() -> None:
    texts = [text for kind in ("gtk", "qt") for text in prompts(seed=kind)]
    assert len(set(texts)) == 40
    assert all(30 <= len(text) <= LONGEST and text == text.strip() for text in texts)
    assert max(map(len, texts)) > 19_000
