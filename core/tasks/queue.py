"""The queues of tasks: what dispatch takes next, what waits and why. It reads rows and changes none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from core.kit.from_attributes import from_attributes
from core.reasons import WaitReason
from core.store.engine import Row, Store, Tx
from core.tasks import _store
from core.tasks._store import queued_of, requirements_of, sorted_names, summary_of, task_of
from core.tasks.model import BlockedTaskGroup, QueuedTask, Requirements, Task, TaskId, TaskState, TaskSummary


class TaskQueue:
    """The tasks that no agent has, in their order."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_ready(self, *, limit: int) -> tuple[TaskSummary, ...]:
        """List the head of the queue: ready tasks in the order in which dispatch takes them."""
        return tuple(summary_of(row) for row in await self._store.fetch(_store.QUEUE, {"size": limit}))

    async def oldest_ready_ms(self) -> int | None:
        """Return when the oldest ready task was created; None where none is ready."""
        row = (await self._store.fetch(_store.OLDEST_READY))[:1]
        return int(row[0].created_ms) if row else None

    async def list_wanted(self, agent: str, *, limit: int) -> tuple[TaskSummary, ...]:
        """List the tasks that wait for this agent alone, ready ones first, most urgent and then oldest first."""
        found = list[Row]()
        for state in (TaskState.READY, TaskState.WAITING):
            found += await self._store.fetch(_store.WANTED, {"stands": state.value, "by": agent, "size": limit})
        return tuple(map(summary_of, found[:limit]))

    async def list_blocked(self, *, most: int = 50) -> tuple[BlockedTaskGroup, ...]:
        """List all that is waiting, parked or blocked, in no order. Single entries are listed up to `most` per state
        and reason; one more entry counts the rest."""

        def make(row: Row) -> BlockedTaskGroup:
            return from_attributes(BlockedTaskGroup, row, oldest=TaskId(f"T-{row.number}"))

        rows = await self._store.fetch(_store.BLOCKED, {"most": most})
        return tuple(self._store.aside.readable("task", rows, make, key="number"))

    async def requirements_in(self, *states: TaskState) -> frozenset[Requirements]:
        rows = await self._store.fetch(_store.REQUIREMENTS, {"states": [state.value for state in states]})
        return frozenset(self._store.aside.readable("tasks that need", rows, requirements_of, key="needs"))

    def find_ready(
        self, tx: Tx, demands: Collection[Requirements], *, limit: int, without: Collection[str] = ()
    ) -> list[QueuedTask]:
        """Find the first `limit` ready tasks of each of `demands`, in the order of the queue, `without` those of some
        users."""
        return self._heads(tx, TaskState.READY, [("", demand) for demand in demands], limit, without)

    def reasons_to_wait(self, tx: Tx, asked: Iterable[WaitReason]) -> frozenset[WaitReason]:
        """Return those of the `asked` reasons for which a task waits: mostly none."""
        rows = tx.execute(_store.WAIT_REASONS, {"asked": json.dumps([*asked])})
        return frozenset(WaitReason(row.value) for row in rows)

    def find_waiting(
        self, tx: Tx, asked: Mapping[WaitReason, Collection[Requirements]], *, limit: int
    ) -> list[QueuedTask]:
        """Find `limit` tasks that wait for one of these reasons with one of its demands, in the order of the queue."""
        queues = [(reason.value, demand) for reason, demands in asked.items() for demand in demands]
        return self._heads(tx, TaskState.WAITING, queues, limit)[:limit]

    def count_waiting(self, tx: Tx, *reasons: WaitReason) -> Counter[Requirements]:
        """Count the tasks that wait for one of `reasons`, by their requirements."""
        found = Counter[Requirements]()
        for reason in reasons:
            for row in tx.execute(_store.WAITING_PER_REQUIREMENTS, {"why": reason.value}):
                found[requirements_of(row)] += row.size
        return found

    def find_waiting_for_removed(self, tx: Tx, agents: Collection[str]) -> list[Task]:
        """Find tasks that wait for the window of an agent which is none of `agents`."""
        rows = tx.execute(_store.WAITING_FOR_REMOVED, {"agents": list(agents)})
        return self._store.aside.readable("task", rows, task_of, key="number")

    def next_start_ms(self, tx: Tx) -> int | None:
        """Return when the next task that waits for its time may start; None where there is none."""
        return tx.execute(_store.NEXT_LATER).scalar_one()

    def _heads(
        self,
        tx: Tx,
        state: TaskState,
        queues: Sequence[tuple[str, Requirements]],
        limit: int,
        without: Collection[str] = (),
    ) -> list[QueuedTask]:
        asked = [(reason, demand.wanted, sorted_names(demand.needs)) for reason, demand in queues]
        if not asked or limit < 1:
            return []
        rows = tx.execute(
            _store.HEADS,
            {"stands": state.value, "asked": json.dumps(asked), "size": limit, "full": json.dumps([*without])},
        )
        found = self._store.aside.readable(
            "task", rows, lambda row: queued_of(row, queues[int(row.place)][1]), key="number"
        )
        return sorted(found, key=QueuedTask.order)
