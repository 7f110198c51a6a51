"""The runs of checks: table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, bindparam, insert, select, text, update

from core.kit.from_attributes import from_attributes
from core.proofs.model import CheckRun
from core.store.engine import Row
from core.store.tables import integers, metadata, partial_index, texts

_IS_OPEN = text("state IN ('queued', 'running', 'asked')")
_HAS_CONTROL = text("control != 'none'")
check_runs = Table(
    "check_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    *texts("task", "name", "given", "kind", "state"),
    *texts("fault", "note", "snapshot", "base", "definition", "output", "output_sha256", server_default=""),
    *texts("control", server_default="none"),
    *texts("environment", server_default=""),
    *integers("fence", "round"),
    *integers("output_size", server_default="0"),
    *integers("exit_code", "began_ms", "ended_ms", nullable=True),
    Index("ix_check_runs_task", "task", "id"),
    partial_index("ix_check_runs_open", "id", where=_IS_OPEN),
    partial_index("ix_check_runs_control", "definition", "base", where=_HAS_CONTROL),
)
_row = check_runs.c
ADD = insert(check_runs)
_of = _row.task == bindparam("of_task")
OF_TASK = select(check_runs).where(_of).order_by(_row.id)
OPEN = select(check_runs).where(_IS_OPEN, text("+state != 'asked'")).order_by(_row.id)
AGAIN = update(check_runs).where(_IS_OPEN, text("+state = 'running'")).values(state="queued")
CONTROL = select(_row.control).where(_row.definition == bindparam("same"), _row.base == bindparam("tree"), _HAS_CONTROL)


def run_of(row: Row) -> CheckRun:
    return from_attributes(CheckRun, row)
