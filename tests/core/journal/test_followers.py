"""Followers get typed events in the transaction, listeners after the commit, readers of the journal from its rows."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.journal.model import Entry, Event, JournalRow
from core.journal.service import Journal
from core.kit.clock import SystemClock
from core.kit.from_attributes import attributes_of
from core.store.engine import RowFailed, Store, Tx
from tests.builders import refuses

for module in pkgutil.walk_packages(core.__path__, "core."):
    importlib.import_module(module.name)
KINDS = [Event]
for kind in KINDS:  # grows
    KINDS += [one for one in kind.__subclasses__() if one.__module__.startswith("core.")]
EVENTS = [one for one in KINDS if hasattr(one, "SUBJECT") and vars(sys.modules[one.__module__])[one.__name__] is one]


@dataclass(frozen=True, slots=True, kw_only=True)
class EggLaid(Event):
    SUBJECT = "task:{0.egg}"
    egg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChickHatched(Event):
    SUBJECT = "bird:{0.egg}"
    egg: int


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "octet.db") as opened:
        yield opened


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store=store, key=b"k" * 32, clock=SystemClock())


async def test_a_follower_gets_the_typed_event_after_the_work_and_what_it_appends_is_followed_too(
    store: Store, journal: Journal
) -> None:
    heard, listened = list[str](), list[Event]()

    def hatch(tx: Tx, entry: Entry[EggLaid]) -> None:
        heard.append(f"laid {entry.event.egg} by {entry.by}")
        journal.append(tx, ChickHatched(egg=entry.event.egg), by="hub")

    journal.follow(EggLaid, hatch)
    journal.follow(ChickHatched, lambda _, entry: heard.append(f"hatched {entry.event.egg}"))
    journal.listen(ChickHatched, lambda entry: listened.append(entry.event))

    def lay(tx: Tx) -> None:
        for egg in (1, 2):
            journal.append(tx, EggLaid(egg=egg), by="ada")
        heard.append("work ended")

    await store.write(lay)
    assert heard == ["work ended", "laid 1 by ada", "laid 2 by ada", "hatched 1", "hatched 2"]
    await store.write(lambda _: None)
    assert listened == [ChickHatched(egg=1), ChickHatched(egg=2)]
    assert [row.name for row in await journal.newest(9)] == ["EggLaid", "EggLaid", "ChickHatched", "ChickHatched"]


async def test_an_error_of_a_follower_undoes_the_write_and_names_the_row(store: Store, journal: Journal) -> None:
    def fails(_tx: Tx, _entry: Entry[EggLaid]) -> None:
        raise ValueError

    journal.follow(EggLaid, fails)
    with pytest.raises(RowFailed) as failed:
        await store.write(lambda tx: journal.append(tx, EggLaid(egg=7), by="ada"))
    assert failed.value.task == "7"
    assert await journal.newest(9) == ()


async def test_followers_that_never_end_are_an_error(store: Store, journal: Journal) -> None:
    journal.follow(EggLaid, lambda tx, entry: journal.append(tx, entry.event, by=entry.by))
    with pytest.raises(RuntimeError, match="without end"):
        await store.write(lambda tx: journal.append(tx, EggLaid(egg=1), by="ada"))
    assert await journal.newest(9) == ()


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_each_event_is_read_from_its_row_as_it_was_written(kind: type[Event]) -> None:
    @given(st.builds(kind))
    def check(event: Event) -> None:
        data = json.loads(json.dumps(attributes_of(event), default=attributes_of))
        row = JournalRow(seq=1, at_ms=2, name=kind.__name__, subject=event.subject, actor="hub", data=data, hash="")
        assert Journal.decode(row) == Entry(seq=1, at_ms=2, event=event, by="hub")

    check()


def test_a_row_of_another_version_is_refused_by_name() -> None:
    row = JournalRow(seq=3, at_ms=2, name="EggLaid", subject="task:1", actor="hub", data={"egg": 1}, hash="")
    for other in (replace(row, name="EggEaten"), replace(row, data={"egg": "blue"}), replace(row, data={})):
        with refuses("event_unknown"):
            Journal.decode(other)
