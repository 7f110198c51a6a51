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
from sandbox.discord.model import EVERYBODY_MAY, ChatChannel, ChatMessage, ChatPermission, InteractionKind, Json
from sandbox.discord.rest.api import Exchange
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.sandbox.discord.spec import SpecChecker

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

    def listed(self, option: str) -> list[str]:
        return [one for one in self.options.get(option, "").split(",") if one]


def read_questions(file: Path) -> list[Question]:
    found, source = list[Question](), ""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.startswith("## "):
            source = line.removeprefix("## ")
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        assert match is not None, f"{file.name}:{number} is not a question: {line}"
        parts: dict[str, Any] = match.groupdict()
        parts["status"] = int(parts["status"])
        parts["code"] = int(parts["code"]) if parts["code"] else None
        parts["options"] = dict(one.split("=", 1) for one in (match["options"] or "").split())
        found.append(Question(where=f"{file.name}:{number}", source=source, line=line, **parts))
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
    """What `$name` means in a question: each use of a name that makes something makes a new one."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._world = sandbox, sandbox.world
        world, bot, ben = self._world, self._world.bot.id, self._world.ben.id
        self._names: dict[str, Callable[[], object]] = {
            "app": lambda: world.application_id,
            "guild": lambda: world.guild_id,
            "channel": lambda: world.home.id,
            "dm": lambda: world.open_dm(world.ada.id).id,
            "ada": lambda: world.ada.id,
            "ben": lambda: ben,
            "bot": lambda: bot,
            "foreign": lambda: self._post(world.home, ben).id,
            "message": lambda: self._post(world.home, bot).id,
            "threaded": lambda: self._start(self._post(world.home, bot)).id,
            "thread": lambda: self._start().id,
            "foreign_thread": lambda: self._start(owner=ben).id,
            "private": lambda: self._start(owner=ben, private=True).id,
            "starter": self._starter,
            "notice": self._notice,
            "direct": lambda: self._path(self._post(world.open_dm(world.ada.id), world.ada.id)),
            "archived_message": self._archived_message,
            "archived": lambda: world.change_thread(self._start(), archived=True).id,
            "locked": lambda: world.change_thread(self._start(), archived=True, locked=True).id,
            "command": self._command,
        }
        kinds = InteractionKind
        self._interactions: dict[str, Callable[[], Awaitable[str]]] = {
            "open": lambda: self._interaction(kinds.COMMAND),
            "typed": lambda: self._interaction(kinds.AUTOCOMPLETE),
            "clicked": lambda: self._interaction(kinds.COMPONENT),
            "submitted": lambda: self._interaction(kinds.MODAL),
            "answered": lambda: self._interaction(kinds.COMMAND, answered=True),
            "webhook": lambda: self._interaction(kinds.COMMAND, answered=True, is_webhook=True),
            "waiting_webhook": lambda: self._interaction(kinds.COMMAND, is_webhook=True),
        }

    async def fill(self, text: str) -> str:
        """Replace every `$name`."""
        for name in dict.fromkeys(re.findall(r"\$(\w+)", text)):
            made = self._names[name]() if name in self._names else await self._interactions[name]()
            text = re.sub(rf"\${name}\b", str(made), text)
        return text

    def _post(self, channel: ChatChannel, author: int) -> ChatMessage:
        return self._world.post(channel, author, MessageDraft(content="words"))

    @staticmethod
    def _path(message: ChatMessage) -> str:
        return f"{message.channel_id}/messages/{message.id}"

    def _start(
        self, starter: ChatMessage | None = None, *, owner: int | None = None, private: bool = False
    ) -> ChatChannel:
        return self._world.start_thread(
            self._world.home,
            "thread",
            owner_id=owner or self._world.bot.id,
            auto_archive_minutes=60,
            private=private,
            starter=starter,
        )

    def _starter(self) -> str:
        thread = self._start(self._post(self._world.home, self._world.bot.id))
        return self._path(self._world.history(thread.id)[0])

    def _notice(self) -> int:
        self._world.set_pinned(self._world.home, self._post(self._world.home, self._world.bot.id), is_pinned=True)
        return self._world.history(self._world.home.id)[-1].id

    def _archived_message(self) -> str:
        thread = self._start()
        message = self._post(thread, self._world.bot.id)
        self._world.change_thread(thread, archived=True)
        return f"{thread.id}/messages/pins/{message.id}"

    def _command(self) -> str:
        application = str(self._world.application_id)
        made: Json = {"id": str(self._world.new_id()), "application_id": application, "version": "1"}
        made |= {"name": f"c{made['id']}", "description": "Words", "type": 1, "default_member_permissions": None}
        self._world.guild_commands[int(made["id"])] = made
        return str(made["id"])

    async def _interaction(self, kind: InteractionKind, *, answered: bool = False, is_webhook: bool = False) -> str:
        async def connected(*_: object) -> bool:
            return True

        self._sandbox.interactions.send = connected
        is_click = kind is InteractionKind.COMPONENT
        made = await self._sandbox.interactions.start(
            kind,
            user_id=self._world.ada.id,
            channel_id=self._world.home.id,
            data={},
            label="asked",
            message_id=self._post(self._world.home, self._world.bot.id).id if is_click else None,
        )
        if answered:
            url = f"{self._sandbox.api_base}/interactions/{made.id}/{made.token}/callback"
            async with ClientSession() as session:
                await session.post(url, json={"type": 4, "data": {"content": "words"}})
        return f"{self._world.application_id if is_webhook else made.id}/{made.token}"


async def ask(sandbox: Sandbox, places: Places, session: ClientSession, question: Question) -> str | None:
    """Ask one question; return what is wrong with its answer."""
    body = json.dumps(expand(json.loads(await places.fill(question.body)))) if question.body else None
    headers = {"Authorization": question.options.get("token", f"Bot {sandbox.token}")}
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
    if isinstance(data, str):
        headers["Content-Type"] = "application/json"
    url = sandbox.api_base + await places.fill(question.url)
    own, granted = sandbox.world.bot_role, [ChatPermission[name.upper()] for name in question.listed("with")]
    sandbox.world.bot_role = reduce(ChatPermission.__or__, granted, EVERYBODY_MAY)
    await sandbox.forbid("octet", question.listed("without"))
    async with session.request(question.method, url, data=data, headers=headers) as response:
        text = await response.text()
    sandbox.world.bot_role = own
    await sandbox.forbid("octet")
    return complaint(question, response.status, json.loads(text) if text else {})


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
    checker = SpecChecker()

    def check(exchange: Exchange) -> None:
        if exchange.status < 300:
            checker.check(exchange)

    settings = SandboxSettings(ack_deadline_s=60.0, rate_limit=100_000)
    async with open_sandbox(settings) as sandbox, ClientSession() as session:
        sandbox.record.listeners.append(check)
        places = Places(sandbox)
        wrong = [await ask(sandbox, places, session, question) for question in read_questions(file)]
        assert sandbox.record.failures == []
    complaints = [one for one in wrong if one is not None]
    assert not complaints, f"{len(complaints)} of {len(wrong)} answers differ:\n" + "\n".join(complaints)
    checker.raise_if_any()


def test_every_question_has_a_source_and_is_asked_once() -> None:
    questions = [one for file in TABLE.glob("*.txt") for one in read_questions(file)]
    lines = [one.line for one in questions if not one.where.startswith("client_")]
    assert [one.where for one in questions if not one.source] == []
    assert [one for one in set(lines) if lines.count(one) > 1] == []
    assert len(lines) >= 250


def test_a_wrong_answer_is_seen() -> None:
    questions = read_questions(TABLE / "messages.txt")
    [question] = [one for one in questions if one.line.endswith('"x*2001"}') and one.method == "POST"]
    right = {"code": 50035, "errors": {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "m"}]}}}
    assert complaint(question, 400, right) is None
    for status, answer in (
        (200, {}),
        (400, right | {"code": 50006}),
        (400, right | {"errors": {"embeds": right["errors"]["content"]}}),
    ):
        assert complaint(question, status, answer) is not None
