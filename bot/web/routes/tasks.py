"""/tasks: new, list, show, cancel, done, retry, assign, priority."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import TaskAnswer, TaskViewAnswer
from bot.web.schemas.cursor import cursor_after, task_of_cursor
from bot.web.schemas.requests import AssignBody, Key, NewTaskBody, PriorityBody, TaskDoneBody
from core.tasks.model import NewTask, Task, TaskState, TaskView, parse_task_id

router = APIRouter(prefix="/tasks")


@router.post("", status_code=201, response_model=TaskAnswer)
async def new(
    body: NewTaskBody, core: Core, by: Operator, idempotency_key: Annotated[Key | None, Header()] = None
) -> Task:
    draft = NewTask(
        brief=body.brief,
        agent=body.agent,
        needs=frozenset(body.needs),
        priority=body.priority,
        key=f"http:{idempotency_key}" if idempotency_key else None,
    )
    return await core.tasks.new(draft, by=by)


@router.get("", response_model=list[TaskAnswer])
async def list_tasks(
    *,
    core: Core,
    by: Operator,
    response: Response,
    state: Annotated[list[TaskState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Sequence[Task]:
    """List the newest tasks. The header Next-Cursor is the `cursor` of the page of older ones."""
    before = task_of_cursor(cursor) if cursor else None
    found = await core.tasks.list(by=by, states=frozenset(state) if state else None, limit=limit, before=before)
    if len(found) == limit:
        response.headers["Next-Cursor"] = cursor_after(found[-1].id)
    return found


@router.get("/{task}", response_model=TaskViewAnswer)
async def show(task: str, core: Core, by: Operator) -> TaskView:
    return await core.tasks.show(parse_task_id(task), by=by)


@router.post("/{task}/done", response_model=TaskAnswer)
async def done(task: str, body: TaskDoneBody, core: Core, by: Operator) -> Task:
    return await core.tasks.done(parse_task_id(task), body.text, by=by)


@router.post("/{task}/retry", response_model=TaskAnswer)
async def retry(task: str, core: Core, by: Operator) -> Task:
    return await core.tasks.retry(parse_task_id(task), by=by)


@router.post("/{task}/assign", response_model=TaskAnswer)
async def assign(task: str, body: AssignBody, core: Core, by: Operator) -> Task:
    return await core.tasks.assign_to(parse_task_id(task), body.agent, by=by)


@router.post("/{task}/priority", response_model=TaskAnswer)
async def priority(task: str, body: PriorityBody, core: Core, by: Operator) -> Task:
    return await core.tasks.set_priority(parse_task_id(task), body.priority, by=by)
