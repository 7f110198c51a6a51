"""Ask the local Discord the questions whose answers Discord documents (tests/data/discord_questions)."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from sandbox.discord.drafts import MessageDraft
from sandbox.discord.model import ChatChannel, ChatMessage, ChatPermission, InteractionKind
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox

TABLE = Path(__file__).parents[2] / "data" / "discord_questions"
LINE = re.compile(
    r"(?P<status>\d{3})(?: (?P<code>\d+)(?: (?P<path>[\w.@/*-]+)(?: (?P<detail>[A-Z]\w+))?)?)?"
    r" \| (?P<method>[A-Z]+) (?P<url>/\S*)(?P<options>(?: \w+=\S+)*)(?: (?P<body>[\[{\"].*|null))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line of the table."""

    where: str
    source: str
    line: str
    status: int
    code: int | None
    path: str | None
    detail: str | None
    method: str
    url: str
    options: dict[str, str]
    body: str | None


def read_questions(file: Path) -> list[Question]:
    found, source = list[Question](), ""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.startswith("## "):
            source = line.removeprefix("## ")
        if not line.strip() or line.startswith("#"):
            continue
        parts = LINE.fullmatch(line)
        assert parts is not None, f"{file.name}:{number} is not a question: {line}"
        found.append(
            Question(
                where=f"{file.name}:{number}",
                source=source,
                line=line,
                status=int(parts["status"]),
                code=int(parts["code"]) if parts["code"] else None,
                path=parts["path"],
                detail=parts["detail"],
                method=parts["method"],
                url=parts["url"],
                options=dict(one.split("=", 1) for one in (parts["options"] or "").split()),
                body=parts["body"],
            )
        )
    return found


def expand(value: Any, index: int = 0) -> Any:
    """Write out "x*2001" (a character so often) and ["*11", item] (an item so often, `#` in it is its number)."""
    if isinstance(value, str):
        times = re.fullmatch(r"(.)\*(\d+)", value)
        return times[1] * int(times[2]) if times else value.replace("#", str(index))
    if isinstance(value, list):
        if value and isinstance(value[0], str) and re.fullmatch(r"\*\d+", value[0]):
            return [expand(value[1], number) for number in range(int(value[0][1:]))]
        return [expand(one, index) for one in value]
    return {key: expand(one, index) for key, one in value.items()} if isinstance(value, dict) else value


class Places:
    """What `$name` stands for in a question: each use of a name that makes something makes a new one."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._world = sandbox, sandbox.world
        self._names: dict[str, Callable[[], Awaitable[object]]] = {
            "foreign": lambda: self._message(self._world.ben.id),
            "message": lambda: self._message(self._world.bot.id),
            "threaded": self._threaded,
            "thread": self._thread,
            "foreign_thread": lambda: self._thread(owner=self._world.ben.id),
            "private": lambda: self._thread(owner=self._world.ben.id, private=True),
            "starter": self._starter,
            "notice": self._notice,
            "direct": self._direct,
            "archived_message": self._archived_message,
            "archived": lambda: self._thread(archived=True),
            "locked": lambda: self._thread(archived=True, locked=True),
            "command": self._command,
            "open": lambda: self._interaction(InteractionKind.COMMAND),
            "typed": lambda: self._interaction(InteractionKind.AUTOCOMPLETE),
            "clicked": lambda: self._interaction(InteractionKind.COMPONENT),
            "submitted": lambda: self._interaction(InteractionKind.MODAL),
            "answered": lambda: self._interaction(InteractionKind.COMMAND, answered=True),
            "webhook": lambda: self._interaction(InteractionKind.COMMAND, answered=True, is_webhook=True),
            "waiting_webhook": lambda: self._interaction(InteractionKind.COMMAND, is_webhook=True),
        }
        self._fixed = {
            "app": self._world.application_id,
            "guild": self._world.guild_id,
            "channel": self._world.home.id,
            "dm": self._world.open_dm(self._world.ada.id).id,
            "ada": self._world.ada.id,
            "ben": self._world.ben.id,
            "bot": self._world.bot.id,
        }

    async def fill(self, text: str) -> str:
        """Replace every `$name`."""
        for name in dict.fromkeys(re.findall(r"\$(\w+)", text)):
            made = self._fixed[name] if name in self._fixed else await self._names[name]()
            text = re.sub(rf"\${name}\b", str(made), text)
        return text

    def _posted(self, author: int) -> ChatMessage:
        return self._world.post(self._world.home, author, MessageDraft(content="words"))

    async def _message(self, author: int) -> int:
        return self._posted(author).id

    async def _threaded(self) -> int:
        message = self._posted(self._world.bot.id)
        self._start(message)
        return message.id

    def _start(self, starter: ChatMessage | None, *, owner: int | None = None, private: bool = False) -> ChatChannel:
        return self._world.start_thread(
            self._world.home,
            "thread",
            owner_id=owner or self._world.bot.id,
            auto_archive_minutes=60,
            private=private,
            starter=starter,
        )

    async def _starter(self) -> str:
        thread = self._start(self._posted(self._world.bot.id))
        return f"{thread.id}/messages/{self._world.history(thread.id)[0].id}"

    async def _notice(self) -> int:
        self._world.set_pinned(self._world.home, self._posted(self._world.bot.id), is_pinned=True)
        return self._world.history(self._world.home.id)[-1].id

    async def _direct(self) -> str:
        direct = self._world.open_dm(self._world.ada.id)
        return f"{direct.id}/messages/{self._world.post(direct, self._world.ada.id, MessageDraft(content='words')).id}"

    async def _archived_message(self) -> str:
        thread = self._start(None)
        message = self._world.post(thread, self._world.bot.id, MessageDraft(content="words"))
        self._world.change_thread(thread, archived=True)
        return f"{thread.id}/messages/pins/{message.id}"

    async def _thread(
        self, *, archived: bool = False, locked: bool = False, owner: int | None = None, private: bool = False
    ) -> int:
        thread = self._start(None, owner=owner, private=private)
        if archived:
            self._world.change_thread(thread, archived=True, locked=locked)
        return thread.id

    async def _command(self) -> str:
        made = {"id": str(self._world.new_id()), "type": 1, "name": f"c{self._world.new_id()}", "description": "Words"}
        self._world.guild_commands[int(made["id"])] = made
        return str(made["id"])

    async def _interaction(self, kind: InteractionKind, *, answered: bool = False, is_webhook: bool = False) -> str:
        async def connected(*_: object) -> bool:
            return True

        self._sandbox.interactions.send = connected
        made = await self._sandbox.interactions.start(
            kind,
            user_id=self._world.ada.id,
            channel_id=self._world.home.id,
            data={},
            label="asked",
            message_id=self._posted(self._world.bot.id).id if kind is InteractionKind.COMPONENT else None,
        )
        if answered:
            url = f"{self._sandbox.api_base}/interactions/{made.id}/{made.token}/callback"
            async with ClientSession() as session:
                await session.post(url, json={"type": 4, "data": {"content": "words"}})
        return f"{self._world.application_id if is_webhook else made.id}/{made.token}"


async def ask(sandbox: Sandbox, places: Places, session: ClientSession, question: Question) -> str | None:
    """Ask one question; return what is wrong with its answer."""
    body = json.dumps(expand(json.loads(await places.fill(question.body)))) if question.body else None
    data: Any = body
    match question.options.get("as"):
        case "form":
            data = FormData({"payload_json": body})
        case "multipart":
            data = FormData()
            data.add_field("payload_json", body, content_type="application/json")
            data.add_field("files[0]", b"beta", filename="b.txt")
        case "broken":
            data = (body or "{")[:-1]
        case "text":
            data = (body or "").encode()
        case _:
            pass
    headers = {"Authorization": question.options.get("token", f"Bot {sandbox.token}")}
    if isinstance(data, str):
        headers["Content-Type"] = "application/json"
    denied = [name for name in question.options.get("without", "").split(",") if name]
    url = sandbox.api_base + await places.fill(question.url)
    granted, sandbox.world.bot_role = sandbox.world.bot_role, sandbox.world.bot_role | _permissions(question)
    if denied:
        await sandbox.forbid("octet", denied)
    async with session.request(question.method, url, data=data, headers=headers) as response:
        text = await response.text()
    sandbox.world.bot_role = granted
    if denied:
        await sandbox.forbid("octet")
    answer = json.loads(text) if text else {}
    return complaint(question, response.status, answer)


def _permissions(question: Question) -> ChatPermission:
    names = [name for name in question.options.get("with", "").split(",") if name]
    return reduce(ChatPermission.__or__, (ChatPermission[name.upper()] for name in names), ChatPermission(0))


def complaint(question: Question, status: int, answer: Any) -> str | None:
    """Say how an answer differs from the documented one; None if it does not."""
    said = f"{question.where} ({question.source}): {question.line[:160]}\n    got {status} {json.dumps(answer)[:300]}"
    if status != question.status or (question.code is not None and answer.get("code") != question.code):
        return said
    if question.path is None:
        return None
    if question.status == 501:
        return None if f"'{question.path}'" in answer["message"] else said
    node = answer.get("errors", {})
    for part in question.path.split(".") if question.path != "*" else ():
        node = node.get(part, {})
    found = [one["code"] for one in node.get("_errors", ())]
    return None if found and question.detail in {None, *found} else said


@pytest.mark.parametrize("file", sorted(TABLE.glob("*.txt")), ids=lambda file: file.stem)
async def test_the_sandbox_answers_as_discord_documents(file: Path) -> None:
    settings = SandboxSettings(ack_deadline_s=60.0, rate_limit=100_000)
    async with open_sandbox(settings) as sandbox, ClientSession() as session:
        places = Places(sandbox)
        wrong = [await ask(sandbox, places, session, question) for question in read_questions(file)]
        assert sandbox.record.failures == []
    complaints = [one for one in wrong if one is not None]
    assert not complaints, f"{len(complaints)} of {len(wrong)} answers differ:\n" + "\n".join(complaints)


def test_every_question_has_a_source_and_none_is_asked_twice() -> None:
    questions = [one for file in TABLE.glob("*.txt") for one in read_questions(file)]
    assert [one.where for one in questions if not one.source] == []
    lines = [one.line for one in questions]
    assert [one for one in set(lines) if lines.count(one) > 1] == []
    assert len(lines) >= 250


def test_a_wrong_answer_is_seen() -> None:
    [question] = [
        one for one in read_questions(TABLE / "messages.txt") if one.line.endswith('"x*2001"}') and one.method == "POST"
    ]
    right = {"code": 50035, "errors": {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "m"}]}}}
    assert complaint(question, 400, right) is None
    assert complaint(question, 200, {}) is not None
    assert complaint(question, 400, right | {"code": 50006}) is not None
    assert complaint(question, 400, right | {"errors": {"embeds": right["errors"]["content"]}}) is not None
