"""The lane of ACP agents, as core calls it (TurnPort), over one worker process that it keeps running."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from automation.acp.messages import (
    FRAMES,
    AcpAgent,
    AcpResult,
    Alive,
    AnswerAsk,
    Call,
    Control,
    Fact,
    FromWorker,
    Prepare,
    ToWorker,
    TurnEndStored,
    UseAgents,
    WritePrompt,
)
from automation.desktop.worker.connection import WorkerConnection, WorkerLost, WorkerTimeouts
from automation.desktop.worker.desk_events import NewsQueue
from core.deliveries.model import (
    Assurance,
    DeliveryId,
    DeliveryRequest,
    Outcome,
    PermissionAsk,
    ProgramStatus,
    Reason,
    Result,
    TurnAct,
    TurnEnd,
    TurnText,
    TurnUsage,
)
from core.deliveries.ports import Progress, TurnNews
from core.kit import faults
from core.kit.errors import Conflict
from core.kit.supervise import RestartPause, supervise, wait_for_event

log = structlog.get_logger(__name__)

LIMITS = WorkerTimeouts(farewell_s=15.0)  # in which the worker ends all programs
AGAIN_S = 0.2  # before the listener gets again the news that it could not take


class AcpLane:
    """The conversations of all ACP agents of a home. `run` must be running, under a supervisor."""

    at_once = 256  # each agent has its own queue

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], *, news: Callable[[], TurnNews]) -> None:
        """`argv` starts the worker, with `environ` without Octet's secrets; `news` returns the present listener."""
        self._argv, self._news = argv, news
        self._environ = {name: value for name, value in environ.items() if not name.startswith("OCTET_")}
        self._agents: tuple[AcpAgent, ...] = ()
        self._is_used, self._ready = asyncio.Event(), asyncio.Event()
        self._worker = WorkerConnection("acp", FRAMES, LIMITS, _now_s)
        self._under_way: dict[DeliveryId, _Attempt] = {}
        self._queues: dict[str, NewsQueue[TurnNews]] = {}

    @property
    def worker_pid(self) -> int | None:
        return self._worker.pid

    def use(self, agents: Sequence[AcpAgent]) -> None:
        """Serve these agents from now on. A turn under way ends as it began."""
        if tuple(agents) == self._agents:
            return
        self._agents = tuple(agents)
        self._is_used.set()
        if self._ready.is_set():
            self._write(self._agents_frame())

    async def run(self) -> None:
        """Keep a worker running until cancelled; its end ends all programs. Without agents there is none."""
        async with asyncio.TaskGroup() as group:
            await self._is_used.wait()
            pause = RestartPause()
            while True:
                began_s = _now_s()
                code = await self._run_worker(group)
                pause_s = pause.after(_now_s() - began_s)
                log.warning("acp_worker_ended", code=code, again_in_s=pause_s)
                await asyncio.sleep(pause_s)

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if order.is_dry_run or order.act is not None:
            return Outcome(result=Result.FAILED, reason=Reason.NO_WINDOW)
        if not await wait_for_event(self._ready, LIMITS.ready_s):
            return Outcome(result=Result.BOUNCED, reason=Reason.NO_WORKER)
        state = self._under_way[order.delivery] = _Attempt()
        if (queue := self._queues.get(order.agent)) is not None:
            queue.drop(("end", order.delivery))  # of an earlier attempt, which did not arrive
        try:
            await progress.staging()
            async with state.limited():
                outcome = await self._prepare(order)
            if outcome is not None:
                return outcome
            await progress.staged(sha256=hashlib.sha256(order.text.encode()).hexdigest())
            if state.is_given_up:
                return Outcome(result=Result.STOPPED)
            await progress.submitting()
            state.may_have_written = True
            async with state.limited():
                return await self._outcome(WritePrompt(agent=order.agent, order=order))
        except TimeoutError:
            is_answered = state.may_have_written
            return _ANSWERED if is_answered else Outcome(result=Result.STOPPED)
        except Conflict as taken_away:
            return Outcome(result=Result.STOPPED, note=taken_away.message)
        except WorkerLost:
            result = Result.UNKNOWN if state.may_have_written else Result.BOUNCED
            return Outcome(result=result, reason=Reason.WORKER_LOST)
        finally:
            del self._under_way[order.delivery]

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        """Find out from the program's own history whether the prompt arrived."""
        try:
            if await wait_for_event(self._ready, LIMITS.ready_s):
                return await self._outcome(WritePrompt(agent=order.agent, order=order, settles=True))
        except WorkerLost:
            pass
        return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST)

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Give this delivery up before its prompt is written; if `answered`, only stop watching whether it arrives."""
        if (state := self._under_way.get(delivery)) is not None:
            state.give_up(answered=answered)

    async def answer_permission(self, ask: str, choice: str | None) -> bool:
        return await self._try(AnswerAsk(agent=ask.partition(":")[0], ask=ask, choice=choice))

    async def interrupt(self, agent: str) -> bool:
        return await self._try(Control(agent=agent, do="interrupt"))

    async def new_conversation(self, agent: str) -> bool:
        return await self._try(Control(agent=agent, do="begin_conversation"))

    async def about(self, agent: str) -> ProgramStatus:
        try:
            answer = await self._call(Control(agent=agent, do="report_status"), within_s=LIMITS.call_s)
            return answer.status or ProgramStatus()
        except WorkerLost:
            return ProgramStatus(reason=Reason.NO_WORKER)

    async def _prepare(self, order: DeliveryRequest) -> Outcome | None:
        """Have a conversation ready; return None, or why there is none."""
        question = Prepare(agent=order.agent, begins_task=order.begins_task, folder=order.folder)
        answer = await self._call(question)
        if answer.outcome is None and not answer.is_done:
            tools = await self._news().tools_for(order.agent)
            answer = await self._call(replace(question, tools=tools, is_asked=True))
        return answer.outcome

    async def _outcome(self, question: WritePrompt) -> Outcome:
        outcome = (await self._call(question)).outcome
        assert outcome is not None, "the worker answers each prompt with an outcome"
        return outcome

    async def _try(self, question: Call) -> bool:
        try:
            return (await self._call(question, within_s=LIMITS.call_s)).is_done
        except WorkerLost:
            return False

    async def _call(self, question: Call, *, within_s: float | None = None) -> AcpResult:
        """Return the worker's answer. Raises WorkerLost."""
        if not self._ready.is_set():
            raise WorkerLost
        return await self._worker.call(question, within_s=within_s)

    def _agents_frame(self) -> UseAgents:
        return UseAgents(agents=self._agents, fault_points=str(faults.armed() or ""))

    def _write(self, frame: ToWorker) -> None:
        with contextlib.suppress(WorkerLost):  # the next worker begins with all that this one should know
            self._worker.write(frame)

    async def _run_worker(self, group: asyncio.TaskGroup) -> int:
        process = await self._worker.start(self._argv, self._environ)
        watch = supervise(group, "watchdog of the acp worker", self._worker.watch())
        try:
            self._write(self._agents_frame())
            await self._worker.listen(partial(self._take, group))
            return await process.wait()
        finally:
            watch.cancel()
            self._ready.clear()
            await asyncio.shield(self._worker.end())

    async def _take(self, group: asyncio.TaskGroup, frame: FromWorker) -> None:
        match frame:
            case Alive():
                self._ready.set()
            case AcpResult():
                self._worker.take_answer(frame.call, frame)
            case _:
                self._report(frame, group)

    def _report(self, fact: Fact, group: asyncio.TaskGroup) -> None:
        queue = self._queues.get(fact.agent)
        if queue is None:
            queue = self._queues[fact.agent] = NewsQueue(f"agent {fact.agent}", self._news, pause_s=AGAIN_S)
            supervise(group, f"news of {fact.agent}", queue.run())
        match fact:
            case TurnText():
                queue.replace(("text", ""), lambda news: news.turn_text(fact))
            case TurnAct():
                queue.replace(("act", fact.id), lambda news: news.turn_act(fact))
            case TurnUsage():
                queue.replace(("usage", ""), lambda news: news.turn_usage(fact))
            case PermissionAsk():
                queue.add(("ask", fact.id), lambda news: news.permission_asked(fact))
            case TurnEnd():
                queue.add(("end", fact.delivery), partial(self._report_end, fact))

    async def _report_end(self, end: TurnEnd, news: TurnNews) -> None:
        await news.turn_ended(end)
        self._write(TurnEndStored(agent=end.agent, delivery=end.delivery))


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One delivery under way."""

    may_have_written: bool = False
    is_given_up: bool = False
    limit: asyncio.Timeout | None = None

    @contextlib.asynccontextmanager
    async def limited(self) -> AsyncGenerator[None]:
        """End the block with TimeoutError when the delivery is given up."""
        if self.is_given_up:
            raise TimeoutError
        try:
            async with asyncio.timeout(None) as self.limit:
                yield
        finally:
            self.limit = None

    def give_up(self, *, answered: bool) -> None:
        if self.may_have_written and not answered:
            return
        self.is_given_up = True
        if self.limit is not None:
            self.limit.reschedule(_now_s())


_ANSWERED = Outcome(result=Result.DELIVERED, assurance=Assurance.ANSWERED)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
