"""The table of programs that were tried: what was found here, beside what the page had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.agents import table

TEXTS = {"date": "2026-11-25", "same": 20, "notes": []}
LOST = {"date": "2026-11-26", "kills": 100, table.HEARD: 59, table.MISSING: 1, "notes": ["kill 3"]}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    return tmp_path / "page.md"


def write(folder: Path, check: str, found: dict[str, object]) -> list[str]:
    folder.mkdir()
    (folder / f"codex-acp-{check}.json").write_text(json.dumps(found))
    return table.write_table(folder)


def test_what_was_not_tried_again_keeps_its_cell(page: Path, tmp_path: Path) -> None:
    assert write(tmp_path / "first", "texts", TEXTS) == []
    write(tmp_path / "second", "history", LOST)
    (row,) = (line for line in page.read_text().splitlines() if line.startswith("| Codex") and "| acp |" in line)
    assert "| 2026-11-26 | 20 same | NOT RUN |" in row
    assert row.endswith("| 100 kills, 60 after the model had it: 1 missing |")
    assert "- Codex, acp, history: kill 3" in page.read_text()


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_prompt_missing_in_a_history_is_wrong_where_octet_trusts_that_history(
    page: Path, tmp_path: Path, *, is_trusted: bool
) -> None:
    wrong = write(tmp_path / "found", "history", {**LOST, "is trusted": is_trusted})
    assert len(wrong) == is_trusted
