"""Names the row that a transaction was at work on when it met an error that was not foreseen."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from core.kit.errors import Unavailable
from core.store.engine import as_unavailable


class RowFailed(Exception):
    """The work on the row of `task` or `delivery` met an error that was not foreseen. Its transaction is undone."""

    def __init__(self, *, task: str | None, delivery: str | None) -> None:
        """Name the row by one of the two."""
        super().__init__(delivery or task)
        self.task = task
        self.delivery = delivery


@contextmanager
def at_row(task: str | None = None, *, delivery: str | None = None) -> Generator[None]:
    """Raise RowFailed for an error in the block, from that error. What the disk refuses stays Unavailable."""
    try:
        with as_unavailable():
            yield
    except (Unavailable, RowFailed):
        raise
    except Exception as error:
        raise RowFailed(task=task, delivery=delivery) from error
