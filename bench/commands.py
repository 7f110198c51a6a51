"""Whether every acknowledged command is there, once, when the coordinator is killed again and again meanwhile.

Commands come as slash commands through the local Discord, as HTTP requests (tasks, imports, cancels and undos), as an
agent's messages over MCP, and as questions, subtasks and answers with files of agents at work, over HTTP and MCP in
turn; several at a time. The coordinator is killed at named fault points and at random instants. What was not
acknowledged is asked for again: over HTTP and MCP with the same key; in Discord the same interaction comes a second
time, as after a lost connection, and then a new one is given.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure.lives import Lives
from bench.measure.octet import claimed, environment, until
from bench.measure.report import Report, at_least, below
from bench.measure.tickets import NobodyCame, Tickets
from core.kit.supervise import supervise
from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Interaction, InteractionState
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox

N = int(os.environ.get("N", "300"))
CONTROL_N = 30
ARRIVING = "bench.measure.arriving"
"""Octet, but that the prompts of jobs arrive: their agents work on them."""
KEYLESS = "bench.measure.keyless"
"""An Octet that takes every request for a new one: it must double commands."""
SEED = int(os.environ.get("SEED", "1"))
EACH = 10
"""After so many commands the next kill."""
AT_ONCE = 3
"""So many people at each door."""
POINTS = (
    "task.new-ready.written",
    "task.new-ready.committed",
    "",
    "task.ready-assigned.committed",
    "start.recovered",
    "task.delivering-waiting.written",
    "outbox.posted",
    "",
    "start.ready",
    "outbox.thread_made",
    "delivery.new-queued.committed",
    "",
    "start.opened",
    "outbox.noted",
    "agent.idle-busy.written",
)
"""Where the kills fall, in this order; an empty one falls at a random instant."""
PASSED_S = 90.0
PERSON = "Ada"
CHIEFS = tuple(f"Chief-{number}" for number in range(8))
"""So many that none asks more questions within an hour than it may."""
AGENTS = "".join(
    f'[[agents]]\nname = "{name}"\njob = "{job}"\nrole = "waits"\ncapabilities = ["code", "tests"]\nlane = "dryrun"\n'
    for name, job in (("Dry", "worker"), ("Wet", "worker"), *((name, "chief") for name in CHIEFS))
)
TOOLS = {
    "send_message": ("/replies/messages", "message"),
    "ask": ("/replies/questions", "ticket"),
    "create_subtask": ("/replies/subtasks", "subtask"),
    "report_done": ("/replies/done", "message"),
}
"""What agents do: the path of each over HTTP, and what of its answer names the thing made."""
LIMITS = {"OCTET_TALK__PER_PAIR_PER_MINUTE": "1000", "OCTET_TALK__PER_TRACE": "100000"}
"""The agent writes more than the default limits let through."""
_ACCEPT = {"Accept": "application/json, text/event-stream"}
ENDS_TRIES = 300
"""Later than a minute after a cancel there is no undo."""
ROOT = Path(__file__).resolve().parent.parent
_ACCEPTED = re.compile(r"(T-\d+) created")
_CODE = re.compile(r" --code (\S+)")
_FILLED_S = 4.0


@dataclass(slots=True, kw_only=True)
class AskedCommand:
    """What a run came to."""

    acknowledged: dict[str, str] = field(default_factory=dict[str, str])
    """Each brief with the task that was named for it."""
    jobs: dict[str, str] = field(default_factory=dict[str, str])
    """As `acknowledged`: what chiefs are given, and the subtasks that they create."""
    messages: dict[str, str] = field(default_factory=dict[str, str])
    """Each text that an agent sent with its message."""
    questions: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, str] = field(default_factory=dict[str, str])
    """Each answer to a job, which has a file."""
    unanswered: Counter[str] = field(default_factory=Counter[str])
    """How often each text or brief was sent without an answer: each time may leave a file that no row names."""
    ended: dict[str, bool] = field(default_factory=dict[str, bool])
    """Each task whose cancel, or after that its undo, was the last command: whether it is cancelled."""
    tries: Counter[str] = field(default_factory=Counter[str])
    """By door."""
    kills: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    starts_s: list[float] = field(default_factory=list[float])
    seconds: float = 0.0


class Doors:
    """Both ways in. A command counts when it was acknowledged with its task's name."""

    def __init__(self, lives: Lives, sandbox: Sandbox, wanted: int) -> None:
        self._lives = lives
        self._sandbox = sandbox
        self._left = {"HTTP": wanted // 2, "Discord": wanted - wanted // 2}
        self.asked = AskedCommand()
        self._messages = wanted // 2
        self._jobs = wanted // 6
        self._tokens: dict[str, str] = {}
        self.rounds = 0
        """How many kills have begun: tickets were laid, or the instant is near."""
        self._begun = 0

    async def _may_ask(self) -> bool:
        """Not so fast that it was over before the next kill: after its ticket was laid, so many more must begin."""
        return self._begun < (self.rounds + 1) * EACH

    async def has(self, count: int) -> bool:
        """Whether so many commands are acknowledged."""
        return len(self.asked.acknowledged) >= count

    async def _next_brief(self, door: str) -> str | None:
        """Return a new text; None when this interface has had enough."""
        await until(self._may_ask, 600)
        if not self._left[door]:
            return None
        self._left[door] -= 1
        self._begun += 1
        return f"Command {self._left[door] + 1} by {door}"

    async def over_http(self) -> None:
        """Ask by HTTP, each command again with its key until it is acknowledged; some once more after that."""
        while (brief := await self._next_brief("HTTP")) is not None:
            number = int(brief.split()[1])
            post = partial(self._post, brief, brief.replace(" ", "-"))
            await self._acknowledged(self.asked.acknowledged, brief, post, door="HTTP", is_again=number % 3 == 0)
            if number % 4 < 2:
                await self._end(self.asked.acknowledged[brief], "cancel")
                if number % 4:
                    await self._end(self.asked.acknowledged[brief], "undo")

    async def _acknowledged(
        self, kept: dict[str, str], text: str, ask: Callable[[], Awaitable[str]], *, door: str, is_again: bool
    ) -> str:
        """Ask until it is acknowledged, and keep the name of what was made; ask once more after that if `is_again`."""
        while text not in kept:
            is_sent = self._lives.octet is not None
            self.asked.tries[door] += is_sent
            if made := await ask():
                kept[text] = made
            else:
                self.asked.unanswered[text] += is_sent
                await asyncio.sleep(0.1)
        for _ in range(ENDS_TRIES * is_again):
            if again := await ask():
                if again != kept[text]:
                    self.asked.doubled.append(f"{text} is {kept[text]} and {again}")
                break
            await asyncio.sleep(0.1)
        return kept[text]

    async def _post(self, brief: str, key: str) -> str:
        """Create a task; each second one by an import."""
        headers = {"Idempotency-Key": key}
        if int(brief.split()[1]) % 2:
            made = await self._lives.ask("POST", "/tasks", json={"brief": brief}, headers=headers)
            return "" if made is None else str(made["id"])
        body = {"text": json.dumps({"brief": brief})}
        made = await self._lives.ask("POST", "/import/tasks", json=body, headers=headers)
        return "" if made is None else str(made["tasks"][0])

    async def _end(self, task: str, verb: str) -> None:
        """Cancel the task or undo that, until it was acknowledged or is seen to be so."""
        for _ in range(ENDS_TRIES):
            self.asked.tries[verb] += self._lives.octet is not None
            done = await self._lives.ask("POST", f"/tasks/{task}/{verb}")
            seen = done or (await self._lives.ask("GET", f"/tasks/{task}") or {"task": None})["task"]
            if seen and (seen["state"] == "cancelled") == (verb == "cancel"):
                self.asked.ended[task] = verb == "cancel"
                return
            await asyncio.sleep(0.1)
        self.asked.ended.pop(task, None)

    async def over_mcp(self) -> None:
        """Send messages as an agent, each again with its key until it is acknowledged; some once more after that."""
        for number in range(self._messages):
            text = f"File {number} is read."
            await until(partial(self.has, number), 600)
            sent = {"to": "Wet", "text": text, "kind": "status", "key": text.replace(" ", "-")}
            send = partial(self._call, "Dry", "send_message", sent, is_mcp=True)
            await self._acknowledged(self.asked.messages, text, send, door="MCP", is_again=number % 3 == 0)

    async def _call(self, agent: str, tool: str, given: dict[str, Any], *, is_mcp: bool) -> str:
        """Do something as an agent; return the name of what was made, empty when there was no answer."""
        path, named = TOOLS[tool]
        if agent not in self._tokens and (env := await self._lives.ask("GET", f"/agents/{agent}/env")):
            self._tokens[agent] = env["OCTET_AGENT_TOKEN"]
        headers, octet = {"Authorization": f"Bearer {self._tokens.get(agent)}", **_ACCEPT}, self._lives.octet
        if agent not in self._tokens or octet is None:
            return ""
        if not is_mcp:
            made = await self._lives.ask("POST", path, json=given, headers=headers)
            return "" if made is None else str(made[named]).removeprefix("M-")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": given}}
        try:
            async with asyncio.timeout(_FILLED_S):
                answer = await octet.ask(self._lives.session, "POST", "/mcp", json=call, headers=headers)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return ""
        said = answer["result"]
        return "" if said.get("isError") else str(said["structuredContent"][named]).removeprefix("M-")

    async def at_work(self) -> None:
        """Work as chiefs on jobs: ask a user, create a subtask, and end the job with a file; over HTTP and MCP in turn.
        The steps are spread over all commands."""
        for number in range(self._jobs):
            chief, is_mcp = CHIEFS[number % len(CHIEFS)], number % 2 == 0
            question, part, answer = f"Question {number}?", f"Part {number}", f"Answer {number}"
            about = await self._begun_by(chief, f"Job {number}")
            given = {"text": question, "key": question, **about}
            ask = partial(self._call, chief, "ask", given, is_mcp=is_mcp)
            step = partial(self._acknowledged, door="work", is_again=number % 3 == 0)
            await until(partial(self.has, 6 * number + 1), 600)
            await step(self.asked.questions, question, ask)
            # Octet knows each second subtask by its content alone.
            given = {"text": part, "to": "Wet", "needs": ["tests", "code"], "key": part * (number % 2), **about}
            ask = partial(self._call, chief, "create_subtask", given, is_mcp=is_mcp)
            await until(partial(self.has, 6 * number + 3), 600)
            await step(self.asked.jobs, part, ask)
            file = {"name": _file_of(answer), "content": base64.b64encode(answer.encode()).decode()}
            given = {"text": answer, "attachments": [file], "key": answer, **about}
            await until(partial(self.has, 6 * number + 5), 600)
            await step(self.asked.answers, answer, partial(self._done, chief, given, part, is_mcp=is_mcp))

    async def _begun_by(self, chief: str, brief: str) -> dict[str, str]:
        """Give this chief a job; return its task and code as soon as the chief works on it."""

        async def post() -> str:
            given, headers = {"brief": brief, "agent": chief}, {"Idempotency-Key": brief.replace(" ", "-")}
            made = await self._lives.ask("POST", "/tasks", json=given, headers=headers)
            return "" if made is None else str(made["id"])

        task, found = await self._acknowledged(self.asked.jobs, brief, post, door="HTTP", is_again=False), ""

        async def is_working() -> bool:
            nonlocal found
            view = await self._lives.ask("GET", f"/tasks/{task}")
            code = _CODE.search(view["prompt"]) if view and view["task"]["state"] == "working" else None
            found = code[1] if code else ""
            return bool(found)

        await until(is_working, 600)
        return {"task": task, "code": found}

    async def _done(self, chief: str, given: dict[str, Any], part: str, *, is_mcp: bool) -> str:
        """End a job, of which no subtask may be open then."""
        query = "select number from tasks where brief = ? and state != 'cancelled'"
        for (number,) in self._lives.rows(query, part):
            await self._end(f"T-{number}", "cancel")
        return await self._call(chief, "report_done", given, is_mcp=is_mcp)

    async def over_discord(self) -> None:
        """Ask by slash command; what was not acknowledged comes a second time, then it is typed anew."""
        while (brief := await self._next_brief("Discord")) is not None:
            typed = brief
            while typed not in self.asked.acknowledged:
                self.asked.tries["Discord"] += 1
                task = await self._slash(typed)
                if task:
                    self.asked.acknowledged[typed] = task
                else:
                    typed = f"{brief}, try {self.asked.tries['Discord']}"

    async def _slash(self, brief: str) -> str:
        home = self._sandbox.world.home.id
        try:
            sent = await self._sandbox.person.slash(PERSON, home, "task new", {"brief": brief})
        except ClientRefused:
            await asyncio.sleep(0.1)  # nothing is registered yet
            return ""
        life = self._lives.octet

        async def is_settled() -> bool:
            return sent.settled.is_set() or self._lives.octet is not life

        await until(is_settled)
        if sent.state is InteractionState.ANSWERED and (task := await self._told(sent)):
            await self._sandbox.gateway.send(sent, 0.5)  # the same event once more
            return task
        await asyncio.sleep(0.2)
        await self._sandbox.gateway.send(sent, 0.5)
        return ""

    async def _told(self, sent: Interaction) -> str:
        """Return the task that the answer names, once it does; empty when the bot ended over it."""
        life, until = self._lives.octet, time.monotonic() + _FILLED_S
        while time.monotonic() < until:
            message = self._sandbox.world.messages.get(sent.original_id or 0)
            found = _ACCEPTED.search(str(self._sandbox.views.message(message))) if message else None
            if found:
                return found[1]
            if self._lives.octet is not life:
                break
            await asyncio.sleep(0.02)
        return ""


def _file_of(answer: str) -> str:
    return f"{answer.replace(' ', '-')}.txt"


async def measure(folder: Path, wanted: int, *, module: str = ARRIVING) -> AskedCommand:
    """One run: so many commands, and a kill after each so many of them."""
    home = folder / "home"
    shutil.copytree(ROOT / "config", home / "config")
    (home / "config" / "agents.toml").write_text(AGENTS, encoding="utf-8")
    tickets, chance = Tickets(folder / "tickets"), random.Random(SEED)
    async with open_sandbox(SandboxSettings(identify_every_s=0.0)) as sandbox, aiohttp.ClientSession() as session:
        environ = environment(os.environ, home, sandbox) | LIMITS | {"OCTET_FAULT_POINTS": str(tickets.folder)}
        lives = Lives(home=home, environ=environ, tickets=tickets, session=session, module=module)
        try:
            await lives.start()
            assert lives.octet is not None
            await claimed(lives.octet, sandbox, PERSON)
            doors = Doors(lives, sandbox, wanted)
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                killer = supervise(group, "kills", _kill(lives, doors, chance))
                async with asyncio.TaskGroup() as people:
                    supervise(people, "MCP", doors.over_mcp())
                    supervise(people, "work", doors.at_work())
                    for number in range(AT_ONCE):
                        supervise(people, f"HTTP {number}", doors.over_http())
                        supervise(people, f"Discord {number}", doors.over_discord())
                killer.cancel()
            await lives.start()
            asked = doors.asked
            asked.seconds, asked.starts_s = time.perf_counter() - began, lives.starts_s
            _hold_against(lives, asked)
            return asked
        finally:
            await lives.stop()


async def _kill(lives: Lives, doors: Doors, chance: random.Random) -> None:
    """Kill and restart Octet after every so many acknowledged commands."""
    for number in range(10_000):
        await until(partial(doors.has, (number + 1) * EACH), 600)
        point = POINTS[number % len(POINTS)]
        if point:
            lives.tickets.lay(point, "kill")
        doors.rounds += 1
        if not point:
            await asyncio.sleep(chance.uniform(0.0, 0.5))
            await lives.kill()
        elif point.startswith("start."):
            await lives.kill()
            await lives.start()
            doors.asked.kills["any time"] += 1
            await lives.died_if(await lives.tickets.taken(point, within_s=PASSED_S))
        else:
            try:
                await lives.tickets.taken(point, within_s=PASSED_S)
                await lives.died()
            except NobodyCame:
                point = f"nobody came to {point}"
        doors.asked.kills[point or "any time"] += 1
        await lives.start()


def _hold_against(lives: Lives, asked: AskedCommand) -> None:
    """Compare what Octet acknowledged with what is there."""
    there: dict[str, list[str]] = {}
    for number, brief in lives.rows("select number, brief from tasks"):
        there.setdefault(brief, []).append(f"T-{number}")
    for brief, task in (asked.acknowledged | asked.jobs).items():
        if task not in there.get(brief, []):
            asked.lost.append(f"{brief}: {task} is not there")
    asked.doubled += [f"{brief}: {tasks}" for brief, tasks in there.items() if len(tasks) > 1]
    states = {f"T-{number}": state for number, state in lives.rows("select number, state from tasks")}
    for task, is_cancelled in asked.ended.items():
        if (states.get(task) == "cancelled") is not is_cancelled:
            asked.lost.append(f"{task} is {states.get(task)}, and its {'cancel' if is_cancelled else 'undo'} was done")
    _hold_texts_against(lives, asked)


def _hold_texts_against(lives: Lives, asked: AskedCommand) -> None:
    """Compare the texts and files of agents that Octet acknowledged with what is there."""
    for texts, place in (
        (asked.messages, "inbox on message = messages.id"),
        (asked.questions, "questions on questions.id = messages.id"),
        (asked.answers, "tasks on messages.task = 'T-' || tasks.number and tasks.state = 'done'"),
    ):
        found = lives.rows(f"select messages.id, body from messages join {place}")
        for text, sent in texts.items():
            ids = [name for name, body in found if body == text]
            if sent not in ids:
                asked.lost.append(f"{text}: {sent} is not there")
            elif len(ids) > 1:
                asked.doubled.append(f"{text}: {ids}")
    files = lives.rows("select body, attachments from messages where attachments != '[]'")
    for text in asked.answers:
        named = [Path(file["path"]) for body, listed in files if body == text for file in json.loads(listed)]
        if [path.read_text() if path.is_file() else None for path in named] != [text]:
            asked.lost.append(f"{text}: its file is not there once: {named}")
        copies = len([*(lives.home / "attachments").glob(f"*/{_file_of(text)}")])
        if copies > 1 + asked.unanswered[text]:
            asked.doubled.append(f"{text}: {copies} files")


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="commands")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        asked = await measure(Path(name) / "octet", N)
        broken = await measure(Path(name) / "keyless", CONTROL_N, module=KEYLESS)
    n = len(asked.acknowledged)
    print(f"{len(asked.messages)} messages, {len(asked.ended)} tasks cancelled or put back")
    print(f"{len(asked.questions)} questions, {len(asked.jobs) // 2} subtasks, {len(asked.answers)} answers with files")
    print(f"{n} commands in {asked.seconds:.1f} s, tries {dict(asked.tries)}, kills {dict(asked.kills)}")
    for line in (*asked.lost[:10], *asked.doubled[:10]):
        print(f"          {line}", flush=True)
    report.add("commands", n, "commands", n=n, target=at_least(N))
    report.add("lost", len(asked.lost), "commands", n=n, least=N, target=below(1))
    report.add("doubled", len(asked.doubled), "commands", n=n, least=N, target=below(1))
    report.add("controls_failed", 1 if broken.doubled else 0, "of 1 broken variant", n=n, target=at_least(1))
    report.add("kills", asked.kills.total(), "kills", n=n, target=at_least(N // EACH - 2))
    report.add("slowest_start_s", max(asked.starts_s), "s", n=len(asked.starts_s), target=below(5))
    for line in report.refused:
        print(line)
    print(report.line(n=n, seconds=time.perf_counter() - began))


if __name__ == "__main__":
    asyncio.run(main())
