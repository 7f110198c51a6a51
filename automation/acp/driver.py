"""One agent: its program, its conversation and the turn in it. Lives in the worker."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from automation.acp.messages import AcpAgent, Fact, Prepare
from automation.acp.program import AgentProgram, CallFailed, Json, ProgramGone, as_object, end_earlier, value_at
from automation.acp.turn import WORK, ReplayedHistory, Turn, as_list, as_text
from automation.desktop.displays.child_process import NotStarted
from core.deliveries.model import (
    Approver,
    Assurance,
    DeliveryId,
    DeliveryRequest,
    Outcome,
    ProgramStatus,
    Result,
    StopReason,
    ToolAccess,
    TurnEnd,
)
from core.kit import faults
from core.kit.files import write_private
from core.kit.process_start import start_time
from core.kit.supervise import supervise, wait_for_event
from core.reasons import Reason

log = structlog.get_logger(__name__)

REPORT_S = 1.0  # between two reports of one turn
ARRIVES_S = 900.0  # a program that shows for so long no work on a prompt: Octet stops watching
QUIET_S, MOST_QUIET_S = 0.3, 5.0  # how long nothing of a turn that is over may come before the next prompt
CANCEL_S = 30.0  # a program that does not stop within this is ended; real ones took up to 9 s
MOST_PROMPTS = 200  # The state remembers for so many of the newest where they went
_AUTH, _TOO_MANY = -32000, 429
_DENIED = frozenset({_AUTH, 401, 403})
_CANCELLED: Json = {"outcome": {"outcome": "cancelled"}}


@dataclass(slots=True, kw_only=True)
class _State:
    """What must outlive the worker. It is stored before a prompt is written."""

    conversation: str = ""
    folder: str = ""  # of the task that the conversation is for; empty: the agent's own folder
    pid: int = 0
    started: str = ""
    turns: list[str] = field(default_factory=list[str])  # the deliveries of turns whose end core has not stored yet
    prompts: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By delivery, the conversation that its prompt was written to, and the hash of its text."""


_STATE = TypeAdapter(_State)


@dataclass(slots=True, kw_only=True)
class _Conversation:
    """An open conversation of the running program."""

    id: str
    modes: Json
    options: list[Json]
    spent: float | None = None  # in dollars, where the program reports it


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenAsk:
    answer: asyncio.Future[Json]
    choices: frozenset[str]


class AgentDriver:
    """Serves one agent. The calls of `prepare` and `prompt` come one at a time."""

    def __init__(self, agent: AcpAgent, group: asyncio.TaskGroup, report: Callable[[Fact], None]) -> None:
        """`report` gets what happens in the turns."""
        self.agent, self._group, self._report = agent, group, report
        self._file = Path(agent.state) / "state.json"
        self._state = _read(self._file)
        self._program: AgentProgram | None = None
        self._runs = agent  # what the running program was started by
        self._open: _Conversation | None = None
        self._history: ReplayedHistory | None = None  # while a conversation is being replayed
        self._turn: Turn | None = None
        self.idle = asyncio.Event()  # set while there is no turn
        self.idle.set()
        self._arrived, self._asks = asyncio.Event(), dict[str, _OpenAsk]()
        self._is_report_due = self._is_fresh_wanted = False
        self._last_stray_s = -QUIET_S  # when a program last wrote something that belongs to no turn
        self._trouble: tuple[Reason | None, str] = None, ""
        self._one_at_a_time = asyncio.Lock()

    async def begin(self) -> None:
        """Report the turns that an earlier worker left, and end the program that it left."""
        for delivery in self._state.turns if self._state else ():
            self._report(Turn(self.agent.name, DeliveryId(delivery), "", "", spent=None).end_as(StopReason.LOST))
        async with self._one_at_a_time:
            if self._program is None:
                await self.end_program()

    def note_end_stored(self, delivery: str) -> None:
        """Note that the end of this turn is stored."""
        if self._state is not None and delivery in self._state.turns:
            self._state.turns.remove(delivery)
            self._store(self._state)

    async def prepare(self, call: Prepare) -> tuple[Outcome | None, bool]:
        """Have a conversation ready. Return why the prompt cannot be written, or None; and whether to ask for tools
        and call again."""
        async with self._one_at_a_time:
            if self._turn is not None:
                return _bounced(Reason.BUSY), False
            try:
                needs_tools = await self._prepare(call)
                return None if await self._is_quiet() else _bounced(Reason.BUSY), needs_tools
            except NotStarted as error:
                outcome = Outcome(result=Result.REFUSED, reason=Reason.PROGRAM_NOT_STARTED, note=str(error))
            except (ProgramGone, TimeoutError) as error:
                note = str(error) or "it did not answer in time"
                await self.end_program()
                outcome = _bounced(Reason.PROGRAM_FAILED, note)
            except CallFailed as error:
                reason = self._known(error)
                result = Result.REFUSED if reason is Reason.NOT_LOGGED_IN else Result.BOUNCED
                hint = self.agent.program.log_in if reason is Reason.NOT_LOGGED_IN else ""
                outcome = _failed(result, reason or Reason.PROGRAM_FAILED, error, hint)
            except _NotOffered as error:
                outcome = Outcome(result=Result.REFUSED, reason=Reason.NOT_OFFERED, note=str(error))
            self._trouble = outcome.reason, outcome.note
            return outcome, False

    async def prompt(self, order: DeliveryRequest) -> Outcome:
        """Write the prompt, and return when it has arrived, or when it is clear that this will not be seen."""
        async with self._one_at_a_time:
            program, there, state = self._program, self._open, self._state
            if program is None or there is None or state is None or self._turn is not None or not program.is_running:
                return Outcome(result=Result.NOT_ARRIVED, reason=Reason.PROGRAM_FAILED)
            sha256 = hashlib.sha256(order.text.encode()).hexdigest()
            state.prompts.pop(order.delivery, None)
            state.prompts[order.delivery] = there.id, sha256
            state.prompts = dict([*state.prompts.items()][-MOST_PROMPTS:])
            state.turns = [*state.turns, order.delivery]
            self._store(state)
            turn = Turn(self.agent.name, order.delivery, there.id, order.text, spent=there.spent)
            self._turn, self._arrived = turn, asyncio.Event()
            self.idle.clear()
            program.lines.on_written = turn.note_written
            faults.point("acp.prompt-noted")
            supervise(self._group, f"turn of {self.agent.name}", self._run_turn(program, turn))
            if not await wait_for_event(self._arrived, ARRIVES_S):
                return _unknown("the program shows no work on it")
            if turn.refusal is not None:
                return turn.refusal
            faults.point("acp.arrived")
            return _delivered(is_exact=turn.is_exact)

    async def settle(self, order: DeliveryRequest) -> Outcome:
        """Find out whether an earlier prompt arrived: end the old program first, then read the program's history."""
        async with self._one_at_a_time:
            await self.end_program()
            state = self._state
            if state is None:
                return _unknown("what Octet noted of its conversation cannot be read")
            if order.delivery not in state.prompts:  # this is stored before a prompt is written
                return Outcome(result=Result.NOT_ARRIVED, reason=Reason.RESTARTED, note="it was not written")
            if state.pid and not state.started:
                return _unknown("this system does not tell whether the earlier program has ended")
            where, sha256 = state.prompts[order.delivery]
            history = ReplayedHistory(order.text)
            try:
                program = await self._running()
                if value_at(program.about, "agentCapabilities", "loadSession") is not True:
                    return _unknown("its program cannot show its history")
                self._history = history
                await self._begin(program, "session/load", where, None)
            except ProgramGone as error:  # killed once more: Octet looks again, as after the loss of a worker
                return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=str(error))
            except (NotStarted, CallFailed, TimeoutError, _NotOffered) as error:
                return _unknown(f"its program did not show its history: {error}")
            finally:
                self._history = None
            history.close()
            before = sum(one == (where, sha256) for key, one in state.prompts.items() if key != order.delivery)
            if history.times > before:
                return _delivered(is_exact=history.is_exact)
            if history.times or not self.agent.program.writes_history_first:
                return _unknown("the history of its program does not show it for certain")
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.RESTARTED, note="its program's history lacks it")

    def answer(self, ask: str, choice: str | None) -> bool:
        found = self._asks.get(ask)
        if found is None or found.answer.done() or (choice is not None and choice not in found.choices):
            return False
        chosen: Json = {"outcome": {"outcome": "selected", "optionId": choice}}
        found.answer.set_result(_CANCELLED if choice is None else chosen)
        return True

    async def interrupt(self) -> bool:
        turn, program = self._turn, self._program
        if turn is None or program is None:
            return False
        self._cancel_asks()
        await program.notify("session/cancel", {"sessionId": turn.conversation})

        async def insist() -> None:
            await asyncio.sleep(CANCEL_S)
            if self._turn is turn and self._program is program:
                log.warning("agent_does_not_stop", agent=self.agent.name)
                await program.end()

        supervise(self._group, f"cancel of {self.agent.name}", insist())
        return True

    def begin_conversation(self) -> bool:
        """Begin a new conversation with the next prompt; return False while a turn is under way."""
        if self._turn is None:
            self._is_fresh_wanted = True
        return self._turn is None

    def status(self) -> ProgramStatus:
        there, about = self._open, self._program.about if self._program else {}
        mode = _mode(there)
        approves = Approver.USER if mode in self.agent.program.asks_in else Approver.UNKNOWN
        return ProgramStatus(
            conversation=there.id if there else "",
            program=as_text(value_at(about, "agentInfo", "name")),
            version=as_text(value_at(about, "agentInfo", "version")),
            can_load=value_at(about, "agentCapabilities", "loadSession") is True,
            mode=mode,
            modes=_modes(there) if there else (),
            approves=Approver.NO_ONE if mode in self.agent.program.asks_no_one_in else approves,
            reason=self._trouble[0],
            note=self._trouble[1],
        )

    async def _prepare(self, call: Prepare) -> bool:
        state = self._state = self._state or _State()
        if self._runs != self.agent:
            await self.end_program()
        program = await self._running()
        is_elsewhere = call.begins_task and call.folder != state.folder
        if self._is_fresh_wanted or is_elsewhere or (call.begins_task and self.agent.begins_fresh):
            self._open, state.conversation = None, ""
        if is_elsewhere:
            state.folder = call.folder
            self._store(state)
        if self._open is None:
            if not call.is_asked:
                return True
            await self._open_conversation(program, state, call.tools)
        self._is_fresh_wanted, self._trouble = False, (None, "")
        return False

    async def _is_quiet(self) -> bool:
        """Wait until nothing of an earlier turn comes any more: it would count as the arrival of the next prompt."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + MOST_QUIET_S
        while (rest_s := self._last_stray_s + QUIET_S - loop.time()) > 0:
            if loop.time() > end_s:
                return False
            await asyncio.sleep(rest_s)
        return True

    async def _running(self) -> AgentProgram:
        """Return the running program, after the end of all that was left of an earlier one."""
        if self._program is not None and self._program.is_running:
            return self._program
        await self.end_program()
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._runs = self.agent
        self._program = program = await AgentProgram.start(self.agent, self._take_message)
        if self._state is not None:
            self._state.pid, self._state.started = program.pid, start_time(program.pid)
            self._store(self._state)
        if self.agent.program.authenticate:
            await program.call("authenticate", {"methodId": self.agent.program.authenticate})
        return program

    async def end_program(self) -> None:
        """End the program, also one that an earlier worker left."""
        program, self._program, self._open = self._program, None, None
        if program is not None:
            await program.end()
        if self._state is not None:
            await end_earlier(self.agent, self._state.pid, self._state.started)

    async def _open_conversation(self, program: AgentProgram, state: _State, tools: ToolAccess | None) -> None:
        if state.conversation:
            able = program.about.get("agentCapabilities")
            can = "session/resume" if isinstance(value_at(able, "sessionCapabilities", "resume"), dict) else ""
            can = can or ("session/load" if value_at(able, "loadSession") is True else "")
            try:
                if can:
                    await self._begin(program, can, state.conversation, tools)
                    return
            except CallFailed as error:
                if self._known(error) is not None:
                    raise
                log.info("conversation_not_continued", agent=self.agent.name, why=str(error))
        await self._begin(program, "session/new", "", tools)
        assert self._open is not None
        state.conversation = self._open.id
        self._store(state)

    async def _begin(self, program: AgentProgram, method: str, conversation: str, tools: ToolAccess | None) -> None:
        has_http = value_at(program.about, "agentCapabilities", "mcpCapabilities", "http") is True
        folder = (self._state.folder if self._state is not None else "") or self.agent.folder
        params: Json = {"cwd": folder, "mcpServers": _servers(tools, has_http=has_http)}
        if conversation:
            params["sessionId"] = conversation
        answer = await program.call(method, params)
        found = conversation or as_text(answer.get("sessionId"))
        spent = None if conversation else 0.0
        options = [as_object(one) for one in as_list(answer.get("configOptions"))]
        there = _Conversation(id=found, modes=as_object(answer.get("modes")), options=options, spent=spent)
        self._open = there
        try:
            await self._choose(program, there)
        except BaseException:
            self._open = None  # no prompt goes there in a mode that the config does not want
            raise

    async def _choose(self, program: AgentProgram, there: _Conversation) -> None:
        """Set the mode and the options that the config wants. Raises _NotOffered."""
        wanted = dict(self.agent.options)
        if self.agent.mode and self.agent.mode != _mode(there):
            option = next((one for one in there.options if one.get("category") == "mode"), None)
            if option is not None:
                wanted[as_text(option.get("id"))] = self.agent.mode
            elif self.agent.mode in _modes(there):
                await program.call("session/set_mode", {"sessionId": there.id, "modeId": self.agent.mode})
                there.modes["currentModeId"] = self.agent.mode
            else:
                raise _NotOffered("mode", self.agent.mode, _modes(there))
        for key, value in wanted.items():
            option = next((one for one in there.options if one.get("id") == key), None)
            if option is None:
                raise _NotOffered("option", key, [one.get("id") for one in there.options])
            params = {"sessionId": there.id, "configId": key, "value": value}
            try:
                answer = await program.call("session/set_config_option", params)
            except CallFailed as error:
                raise _NotOffered("value of an option", value, [error]) from error
            there.options = [as_object(one) for one in as_list(answer.get("configOptions"))] or there.options

    async def _run_turn(self, program: AgentProgram, turn: Turn) -> None:
        """Send the prompt, wait for the end of the turn, and report it. There is no limit for this."""
        end: TurnEnd | None = None
        prompt: Json = {"sessionId": turn.conversation, "prompt": [{"type": "text", "text": turn.text}]}
        try:
            end = turn.end(await program.call("session/prompt", prompt, within_s=None))
        except CallFailed as error:
            reason = self._known(error)
            if turn.has_arrived:
                end = turn.end_as(StopReason.FAILED, reason=reason, note=str(error))
            else:
                result = Result.UNKNOWN if reason is None else Result.NOT_ARRIVED
                turn.refusal = _failed(result, reason or Reason.ANSWER_LOST, error)
        except ProgramGone as error:
            end = turn.end_as(StopReason.LOST, note=str(error))
            if not turn.has_arrived:
                turn.refusal = Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=str(error))
        self._cancel_asks()
        self._report_news(turn)
        self._turn = None
        self.idle.set()
        if end is not None and end.stop is not StopReason.END_TURN:
            self._last_stray_s = asyncio.get_running_loop().time()
        if self._open is not None:
            self._open.spent = turn.spent
        if end is not None:
            faults.point("acp.turn-over")
            self._report(end)
        else:
            self.note_end_stored(turn.delivery)
        self._arrived.set()

    async def _take_message(self, method: str, params: Json) -> Json | None:
        """Take what the program sends. None for a request: Octet does not offer this."""
        if method == "session/update":
            self._updated(params)
        elif method == "session/request_permission":
            return await self._asked(params)
        return None

    def _updated(self, params: Json) -> None:
        update, there, turn = as_object(params.get("update")), self._open, self._turn
        if self._history is not None:
            self._history.take(update)
            return
        if there is not None and params.get("sessionId") == there.id:
            if update.get("sessionUpdate") == "current_mode_update":
                there.modes["currentModeId"] = update.get("currentModeId")
            elif update.get("sessionUpdate") == "config_option_update":
                there.options = [as_object(one) for one in as_list(update.get("configOptions"))]
        if turn is None and as_text(update.get("sessionUpdate")) in WORK:
            self._last_stray_s = asyncio.get_running_loop().time()
        if turn is None or not turn.is_written or params.get("sessionId") != turn.conversation:
            return
        turn.take(update)
        if turn.has_arrived:
            self._arrived.set()
        if not self._is_report_due:
            self._is_report_due = True
            asyncio.get_running_loop().call_later(REPORT_S, self._report_later)

    async def _asked(self, params: Json) -> Json:
        turn = self._turn
        if turn is None or not turn.is_written:
            return _CANCELLED  # what it wants after its turn, no user can see
        turn.has_arrived = True
        self._arrived.set()
        self._report_news(turn)
        ask = turn.ask(f"{self.agent.name}:{secrets.token_hex(8)}", params)
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._asks[ask.id] = _OpenAsk(answer=answer, choices=frozenset(one.id for one in ask.choices))
        self._report(ask)
        try:
            return await answer
        finally:
            del self._asks[ask.id]

    def _cancel_asks(self) -> None:
        for one in self._asks.values():
            if not one.answer.done():
                one.answer.set_result(_CANCELLED)

    def _report_later(self) -> None:
        self._is_report_due = False
        if self._turn is not None:
            self._report_news(self._turn)

    def _report_news(self, turn: Turn) -> None:
        for fact in turn.take_news():
            self._report(fact)

    def _known(self, error: CallFailed) -> Reason | None:
        """Return what an error of the program means, where that is known."""
        if error.number in _DENIED or error.status in _DENIED:
            return Reason.NOT_LOGGED_IN
        pattern = self.agent.program.limit_errors
        if _TOO_MANY in {error.number, error.status} or (pattern and re.search(pattern, error.said, re.IGNORECASE)):
            return Reason.RATE_LIMITED
        return None

    def _store(self, state: _State) -> None:
        write_private(self._file, _STATE.dump_json(state))


class _NotOffered(Exception):
    def __init__(self, what: str, wanted: str, offered: Sequence[object]) -> None:
        names = ", ".join(str(one) for one in offered)
        super().__init__(f"no {what} {wanted}; it offers {names or 'none'}")


def _read(file: Path) -> _State | None:
    """Return the stored state; None if it cannot be read."""
    try:
        return _STATE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("agent_state_not_read", file=str(file), why=type(error).__name__)
        return None


def _mode(there: _Conversation | None) -> str:
    if there is None:
        return ""
    option = next((one for one in there.options if one.get("category") == "mode"), as_object(None))
    return as_text(option.get("currentValue")) or as_text(there.modes.get("currentModeId"))


def _modes(there: _Conversation) -> tuple[str, ...]:
    return tuple(as_text(as_object(one).get("id")) for one in as_list(there.modes.get("availableModes")))


def _servers(tools: ToolAccess | None, *, has_http: bool) -> list[Json]:
    if tools is None:
        return []
    if has_http:
        headers = [{"name": "Authorization", "value": f"Bearer {tools.token}"}]
        return [{"type": "http", "name": "octet", "url": tools.url, "headers": headers}]
    command, *args = tools.command
    env = [{"name": name, "value": value} for name, value in tools.variables.items()]
    return [{"name": "octet", "command": command, "args": args, "env": env}]


def _delivered(*, is_exact: bool) -> Outcome:
    return Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT if is_exact else Assurance.RECEIPT)


def _bounced(reason: Reason, note: str = "") -> Outcome:
    return Outcome(result=Result.BOUNCED, reason=reason, note=note)


def _failed(result: Result, reason: Reason, error: CallFailed, hint: str = "") -> Outcome:
    again_s = error.retry_after_s if isinstance(error.retry_after_s, int | float) else None
    note = "; ".join(filter(None, (hint, str(error))))
    return Outcome(result=result, reason=reason, note=note, retry_after_s=again_s)


def _unknown(note: str) -> Outcome:
    return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note=note)
