"""Tasks, notices, messages and views as the tests of this folder need them."""

from __future__ import annotations

from dataclasses import replace

from bot.discord.parts import Marker
from core.kit.ids import MessageId
from core.messages.model import Message, MessageKind, Source
from core.notices.model import NoticeId, NoticeKind, NoticePost, NoticeState, Place
from core.reasons import WaitReason
from core.security.model import Role
from core.tasks.model import Task, TaskId, TaskState, TaskView
from tests.builders import make_person

ADA = make_person(1001, "Ada", Role.OWNER)
TASK = Task(
    id=TaskId("T-142"),
    title="Count the birds",
    brief="Count the birds",
    state=TaskState.READY,
    reason=None,
    note="",
    priority=2,
    needs=frozenset(),
    wanted=None,
    agent=None,
    attempt=1,
    requester="discord:1001",
    requester_name="Ada",
    place=Place(channel="2001", guild="3001"),
    created_ms=1_700_000_000_000,
    changed_ms=1_700_000_000_000,
)
NOTICE = NoticePost(
    id=NoticeId(17),
    kind=NoticeKind.CARD,
    task="T-142",
    subject="",
    detail=None,
    place=TASK.place,
    state=NoticeState.PENDING,
    revision=1,
    posted_revision=0,
    since_ms=1_700_000_000_000,
    posted_channel="",
    posted_message="",
    thread="",
    attempts=0,
    not_before_ms=0,
    error="",
    created_ms=1_700_000_000_000,
)
ANSWER = Message(
    id=MessageId("01H"),
    kind=MessageKind.REPLY,
    sender="agent:Agent-3",
    recipient="hub",
    thread="T-142",
    task="T-142",
    priority=2,
    source=Source.AGENT,
    body="Seven birds.",
    final=True,
    late=False,
    created_ms=1_700_000_000_000,
)
DRY = {"state": TaskState.WAITING, "reason": WaitReason.DRY_RUN, "agent": "Agent-1"}
MARKER = Marker(code="o1a2b.17", label="T-142", url="https://discord.com/channels/3001/2001")


def make_task(**changes: object) -> Task:
    return replace(TASK, **changes)  # pyright: ignore[reportArgumentType] - a builder takes any field


def make_view(task: Task = TASK, **changes: object) -> TaskView:
    view = TaskView(task=task, prompt="", deliveries=(), answers=(), thread="")
    return replace(view, **changes)  # pyright: ignore[reportArgumentType] - a builder takes any field


def make_notice(**changes: object) -> NoticePost:
    return replace(NOTICE, **changes)  # pyright: ignore[reportArgumentType] - a builder takes any field


def make_answer(**changes: object) -> Message:
    return replace(ANSWER, **changes)  # pyright: ignore[reportArgumentType] - a builder takes any field
