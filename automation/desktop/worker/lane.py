"""One desk as core knows it: its lane (LanePort) and its worker (DeskWorkerPort), over one worker process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.worker import messages
from automation.desktop.worker.messages import Ask, Deliver, DeliveryStep, Done
from automation.desktop.worker.supervisor import DeliveryChannel, WorkerSupervisor
from core.calibration.model import CalibrationFailed, FoundPane, Measurement, Point, Survey, TrialResult
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.desks.model import (
    Arranged,
    DeskMode,
    DeskUnavailable,
    LiveView,
    Shown,
    Transcribed,
    Window,
    WindowNotSeen,
    WindowStatus,
)
from core.kit.errors import Conflict
from core.kit.supervise import wait_for_event
from core.profiles.model import Activity, Box, Profile

T = TypeVar("T")
TRIAL_S = 60.0  # a delivery may come before a trial

ARRANGING_S = 5.0  # so much longer an answer may take for each window to restore


class DeskWorkerClient:
    """One desk's worker, as core calls it. `run` must be running, under a supervisor, for any verb to work."""

    at_once = 1

    def __init__(self, link: WorkerSupervisor) -> None:
        self._link = link
        self._one_at_a_time = asyncio.Lock()
        self._current: DeliveryRequest | None = None

    @property
    def desk(self) -> str:
        return self._link.desk.name

    @property
    def terms(self) -> object:
        """What the worker works by: where it differs, another worker is needed."""
        return self._link.desk, self._link.used

    @property
    def worker_pid(self) -> int | None:
        return self._link.pid

    async def run(self) -> None:
        await self._link.run()

    def note_display_status(self, status: DisplayStatus) -> None:
        """Note the status of the desk's own display. Until then the desk is unavailable."""
        self._link.note_display_status(status)

    async def set_mode(self, mode: DeskMode) -> None:
        if mode is DeskMode.OPEN:
            self._link.retry_now()
        await self._link.set_mode(mode)

    async def look(self) -> tuple[WindowStatus, ...]:
        return (await self._answer(messages.InspectWindows(closely=False))).windows

    async def examine(self) -> tuple[WindowStatus, ...]:
        return (await self._answer(messages.InspectWindows(closely=True))).windows

    async def arrange(self, windows: Sequence[str]) -> tuple[Arranged, ...]:
        call = messages.Arrange(windows=tuple(windows))
        return (await self._answer(call, more_s=ARRANGING_S * len(windows))).arranged

    async def picture(self, window: str) -> bytes:
        answer = await self._ask(messages.TakePicture(window=window))
        if answer.refused:
            raise WindowNotSeen(id=window, why=answer.refused)
        return base64.b64decode(answer.png)

    async def live_view(self, window: str, *, known: str) -> LiveView | None:
        if self._current is not None:
            return None
        answer = await self._ask(messages.TakeLiveView(window=window, known=known))
        if answer.live is None:
            raise WindowNotSeen(id=window, why=answer.refused)
        return answer.live

    async def whole_picture(self) -> bytes:
        return base64.b64decode((await self._answer(messages.TakePicture(window=""))).png)

    async def shows(self, window: str) -> Shown:
        answer = await self._ask(messages.AskShown(window=window))
        return answer.shown or Shown(window=window, activity=Activity.UNKNOWN, note=answer.refused)

    async def transcript(self, window: str, *, may_touch: bool = True) -> Transcribed:
        answer = await self._ask(messages.ReadWindow(window=window, may_touch=may_touch))
        if answer.transcript is None:
            raise WindowNotSeen(id=window, why=answer.refused)
        return answer.transcript

    async def survey(self) -> Survey:
        return self._given((await self._answer(messages.AskSurvey())).survey)

    async def panes(self) -> tuple[FoundPane, ...]:
        return self._given((await self._answer(messages.AskPanes())).panes)

    async def pointer(self) -> Point:
        return self._given((await self._answer(messages.AskSurvey(pointer_only=True))).pointer)

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
        answer = await self._ask(messages.Measure(window=window, point=point, avoid=avoid))
        if answer.measured is None:
            raise CalibrationFailed(answer.reason or Reason.DESK_UNUSABLE, answer.refused)
        return answer.measured

    async def trial(
        self, window: Window, profile: Profile, *, anchors: tuple[Box, ...], text: str, known: int = 0
    ) -> TrialResult:
        question = messages.TryOut(window=window, profile=profile, anchors=anchors, text=text, known=known)
        return self._given((await self._answer(question, more_s=TRIAL_S)).tried)

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        async with self._one_at_a_time:
            if not await self._is_ready():
                return Outcome(result=Result.BOUNCED, reason=Reason.NO_WORKER, note=self._link.why)
            result = await self._carry_out(Deliver(order=order), progress)
            return _lost(result) if isinstance(result, _Lost) else result

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        """Find out what became of an interrupted order. WORKER_LOST: worth a try with the next worker."""
        async with self._one_at_a_time:
            if not await self._is_ready():
                return _nobody_looked(self._link.why or "its worker is just starting")
            result = await self._carry_out(Deliver(order=order, settles=True), progress)
            return _nobody_looked(result.note or "its worker ended meanwhile") if isinstance(result, _Lost) else result

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Give this delivery up before Octet asked for Enter; if `answered`, only stop watching what Enter did."""
        current = self._current
        if current is not None and delivery == current.delivery:
            with contextlib.suppress(DeskUnavailable):  # with its worker the delivery has ended anyhow
                await self._link.send(messages.GiveUp(delivery=delivery, fence=current.fence, answered=answered))

    async def _carry_out(self, job: Deliver, progress: Progress) -> Outcome | _Lost:
        order = job.order
        talk = self._link.open_talk(order.delivery, order.fence, window=order.window or "")
        self._current = order
        try:
            await self._link.send(job)
            return await self._converse(talk, progress)
        except DeskUnavailable as trouble:
            return _Lost(note=trouble.message)
        except asyncio.CancelledError:
            await asyncio.shield(self.give_up(order.delivery))
            raise
        finally:
            self._current = None
            self._link.close_talk()

    async def _converse(self, talk: DeliveryChannel, progress: Progress) -> Outcome | _Lost:
        granted: set[DeliveryStep] = set()
        failure: Exception | None = None
        with self._limited():
            while True:
                item = await talk.line.get()
                if not isinstance(item, Ask):
                    if failure is not None:
                        raise failure
                    return item.outcome if isinstance(item, Done) else _Lost(granted=frozenset(granted))
                refused = ""
                try:
                    await _commit(item, progress)
                    granted.add(item.step)
                except Conflict as trouble:
                    refused = trouble.message
                except Exception as trouble:  # noqa: BLE001 raised again above, after the worker has cleared its draft
                    failure, refused = trouble, "the journal could not be written"
                answer = messages.Granted(number=item.number, delivery=talk.delivery, fence=talk.fence, refused=refused)
                with contextlib.suppress(DeskUnavailable):  # the line then says that the worker is lost
                    await self._link.send(answer)

    @contextlib.contextmanager
    def _limited(self) -> Generator[None]:
        """End the worker when this takes longer than any delivery may; its callers hear of it."""
        loop = asyncio.get_running_loop()
        limit = loop.call_later(self._link.limits.delivery_s, self._link.end_worker, "a delivery took too long")
        try:
            yield
        finally:
            limit.cancel()

    async def _is_ready(self) -> bool:
        return await wait_for_event(self._link.ready, self._link.limits.ready_s)

    async def _answer(self, question: messages.Question, *, more_s: float = 0.0) -> messages.CallResult:
        """Return the answer of a worker that did not refuse. Raises DeskUnavailable."""
        answer = await self._ask(question, more_s=more_s)
        if answer.refused:
            raise DeskUnavailable(self.desk, Reason.DESK_UNUSABLE, answer.refused)
        return answer

    def _given(self, found: T | None) -> T:
        if found is None:
            raise DeskUnavailable(self.desk, Reason.DESK_UNUSABLE)
        return found

    async def _ask(self, question: messages.Question, *, more_s: float = 0.0) -> messages.CallResult:
        if not self._link.ready.is_set():
            raise self._link.unavailable()
        return await self._link.call(question, within_s=self._link.limits.call_s + more_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """The worker ended in the middle of a job, with these steps granted."""

    granted: frozenset[DeliveryStep] = frozenset()
    note: str = ""


async def _commit(ask: Ask, progress: Progress) -> None:
    match ask.step:
        case DeliveryStep.STAGING:
            await progress.staging(drafts=ask.drafts)
        case DeliveryStep.STAGED:
            await progress.staged(sha256=ask.sha256, drafts=ask.drafts)
        case DeliveryStep.SUBMITTING:
            await progress.submitting()


def _lost(lost: _Lost) -> Outcome:
    draft_left = DeliveryStep.STAGING in lost.granted
    if DeliveryStep.SUBMITTING in lost.granted:
        note = "its worker ended around Enter: Octet does not know whether it was pressed"
        return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=note, draft_left=draft_left)
    note = lost.note or "its worker ended before Enter"
    return Outcome(result=Result.BOUNCED, reason=Reason.WORKER_LOST, note=note, draft_left=draft_left)


def _nobody_looked(why: str) -> Outcome:
    note = f"Octet could not look into the window: {why}"
    return Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note=note, draft_left=True)
