"""The workspaces' table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint, bindparam, insert, select, text, update

from core.kit.from_attributes import from_attributes
from core.store.engine import Row
from core.store.tables import integers, metadata, partial_index, texts
from core.workspaces.model import Workspace

_IS_KEPT = text("removed_ms IS NULL AND mode = 'worktree' AND head != ''")
workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Integer, primary_key=True),
    *texts("task", "agent", "project", "mode", "folder", "branch"),
    *integers("fence"),
    *texts("base", "before", "head", server_default=""),
    *integers("created_ms"),
    *integers("removed_ms", nullable=True),
    UniqueConstraint("task", "fence"),
    Index("ix_workspaces_folder", "folder", "id"),
    partial_index("ix_workspaces_kept", "id", where=_IS_KEPT),
)
_row = workspaces.c
ADD = insert(workspaces)
OF_TASK = select(workspaces).where(_row.task == bindparam("of_task")).order_by(_row.id)
LAST_IN = select(workspaces).where(_row.folder == bindparam("place"), _row.head != "").order_by(_row.id.desc()).limit(1)
NEWEST_IN = select(workspaces).where(_row.folder == bindparam("place")).order_by(_row.id.desc()).limit(1)
KEPT = select(workspaces).where(_IS_KEPT).order_by(_row.id)
REMOVED = update(workspaces).where(_row.folder == bindparam("place")).values(removed_ms=bindparam("at"))


def workspace_of(row: Row) -> Workspace:
    return from_attributes(Workspace, row)
