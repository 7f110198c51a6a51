"""A list over SQL shows what the same filter finds in Python, and its cursors lead through every row once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, StaticPool, create_engine, insert

from core.kit.filters import InvalidCursor, Query
from core.store.engine import Store
from core.tasks._store import LISTING, tasks

WORDS = st.sampled_from(["bee", "BEE", "Bär", "x:y", "100%", "_", "a b", "'"])
STATES = ["ready", "working", "done"]
AGENTS = ["Agent-1", "agent-2", "Bo_b"]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "title": WORDS,
            "brief": st.lists(WORDS, max_size=3).map(" ".join),
            "state": st.sampled_from(STATES),
            "agent": st.none() | st.sampled_from(AGENTS),
            "wanted": st.none() | st.sampled_from(AGENTS),
            "labels": st.frozensets(WORDS, max_size=2).map(sorted) | st.just("not JSON"),
            "priority": st.integers(0, 4),
            "changed_ms": st.integers(0, 3),
        }
    ),
    max_size=12,
)
TERMS = st.lists(
    st.one_of(
        st.tuples(st.just("state"), st.frozensets(st.sampled_from(STATES), min_size=1)),
        st.tuples(st.just("agent"), st.frozensets(st.sampled_from([*AGENTS, "AGENT-1"]), min_size=1)),
        st.tuples(st.just("label"), st.frozensets(WORDS, min_size=1)),
        st.tuples(st.just("priority"), st.frozensets(st.sampled_from("01234"), min_size=1)),
    ),
    max_size=3,
)
SORTS = st.sampled_from(["", *LISTING.sorts, *(f"-{one}" for one in LISTING.sorts)])


class _Rows:
    """A store with these tasks, in memory."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.engine: Engine = create_engine("sqlite://", poolclass=StaticPool)
        tasks.metadata.create_all(self.engine, [tasks])
        usual = dict.fromkeys(
            ("source", "needs", "requester", "requester_name", "place_channel", "place_guild"), ""
        ) | {"created_ms": 0, "needs": "[]"}
        with self.engine.begin() as connection:
            for number, row in enumerate(rows, 1):
                given = {
                    **usual,
                    **row,
                    "labels": row["labels"] if isinstance(row["labels"], str) else json.dumps(row["labels"]),
                    "number": number,
                }
                connection.execute(insert(tasks).values(**given))

    async def fetch(self, statement: Any, given: Mapping[str, Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(statement, given).all()


def lower(text: str) -> str:
    """Return `text` as SQLite compares it: only ASCII has no capitals."""
    return "".join(one.lower() if one.isascii() else one for one in text)


def fits(row: Mapping[str, Any], query: Query) -> bool:
    has = {
        "state": [row["state"]],
        "agent": [row["agent"] or row["wanted"] or ""],
        "label": row["labels"] if isinstance(row["labels"], list) else [],
        "priority": [str(row["priority"])],
    }
    texts = [lower(row["brief"]), lower(row["title"])]
    return all(any(lower(word) in text for text in texts) for word in query.phrases) and all(
        {*map(lower, values)} & {*map(lower, has[name])} for name, values in query.terms
    )


def pages(rows: Sequence[Mapping[str, Any]], query: Query) -> list[list[int]]:
    """Return the numbers of the rows, page by page."""
    store, found = _Rows(rows), list[list[int]]()

    async def read() -> None:
        after = ""
        while not found or after:
            asked = Query(terms=query.terms, phrases=query.phrases, sort=query.sort, limit=query.limit, after=after)
            page = await LISTING.page(cast("Store", store), asked, lambda row: row.number)
            found.append(list(page.items))
            after = page.next

    try:
        asyncio.run(read())
    finally:
        store.engine.dispose()
    return found


@given(ROWS, TERMS, st.lists(WORDS, max_size=2), SORTS, st.integers(1, 4))
def test_a_list_shows_what_python_finds_and_each_row_on_one_page(
    rows: list[dict[str, Any]], terms: list[tuple[str, frozenset[str]]], words: list[str], sort: str, limit: int
) -> None:
    query = Query(terms=tuple(terms), phrases=tuple(words), sort=sort, limit=limit)
    shown = pages(rows, query)
    numbers = [number for page in shown for number in page]
    assert sorted(numbers) == [number for number, row in enumerate(rows, 1) if fits(row, query)]
    assert [len(page) for page in shown[:-1]] == [limit] * (len(shown) - 1)
    values = {
        "created": lambda number: number,
        "agent": lambda number: rows[number - 1]["agent"] or rows[number - 1]["wanted"] or "",
        "changed": lambda number: rows[number - 1]["changed_ms"],
    }
    name = sort.removeprefix("-") or "created"
    value = values.get(name, lambda number: rows[number - 1][name])
    order = [(value(number), number) for number in numbers]
    assert order == sorted(order, reverse=sort.startswith("-") or not sort)


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [("", "?"), ("", "T-"), ("changed", "T-1:"), ("changed", "T-1:1e9"), ("changed", f"T-1:{10**19}")],
)
async def test_a_cursor_that_is_none_is_refused(sort: str, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await LISTING.page(cast("Store", SimpleNamespace()), Query(sort=sort, after=cursor), lambda row: row)
