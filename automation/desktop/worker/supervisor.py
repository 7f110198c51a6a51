"""The life of one desk's worker process after the other: started, watched, restarted; and what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.worker import messages
from automation.desktop.worker.connection import WorkerConnection, WorkerLost, WorkerTimeouts
from automation.desktop.worker.desk_events import DeskEvents
from automation.desktop.worker.input_lock_state import NOT_SHARED, InputLockMonitor
from core.desks.learned import Learned, calibrations
from core.desks.model import (
    NOT_YET,
    Desk,
    DeskMode,
    DeskNow,
    DeskState,
    DeskStoppedHere,
    DeskUnavailable,
    Learnable,
    LearnedFact,
)
from core.desks.ports import DeskNews, Leftovers
from core.kit import faults
from core.kit.clock import Clock
from core.kit.errors import Unavailable
from core.kit.supervise import RestartPause, supervise, wait_for_event
from core.profiles.model import Driven, PaneProfile, Profile, Sign
from core.reasons import Reason
from core.remedies import explain

log = structlog.get_logger(__name__)


SEIZED_LOOKS = 6  # so many looks in a row must find the same seizure: our own process may have slept


class DisplayTarget:
    """One desk's display. A virtual one may go, and return under another number."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk  # with the display that there is now
        self.environ: Mapping[str, str] = {"DISPLAY": desk.display} if desk.kind.has_users else {}
        self.why = DeskNow(DeskState.UNAVAILABLE, Reason.DISPLAY_STARTING) if desk.virtual else None
        self.there = asyncio.Event()  # set while there is a display to work on
        if not desk.virtual:
            self.there.set()

    def take(self, status: DisplayStatus) -> bool:
        """Take its new status; return whether a worker of the display before is of no use any more."""
        environ = {"DISPLAY": status.display, "XAUTHORITY": status.xauthority}
        before = self.environ
        self.why = None if status.is_up else DeskNow(DeskState.UNAVAILABLE, status.reason, status.note)
        if not status.display:
            self.environ = {}
            self.there.clear()
            return bool(before)
        self.environ = environ
        self.desk = replace(self.desk, display=status.display)
        self.there.set()
        return environ != before


MOST_WORDS = 16  # of a worker that were not answered yet; it asks one thing at a time, so more of them are nonsense


@dataclass(slots=True, kw_only=True, eq=False)
class DeliveryChannel:
    """One delivery's conversation. None on the line: the worker is lost."""

    delivery: str
    fence: int
    window: str
    line: asyncio.Queue[messages.Ask | messages.Done | None] = field(default_factory=lambda: asyncio.Queue(MOST_WORDS))

    def mark_lost(self) -> None:
        if self.line.full():
            self.line.get_nowait()
        self.line.put_nowait(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """How a desk's worker process is started."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    """Its whole environment, to which DISPLAY is added."""
    anchors: Path
    """The folder of this desk's anchor pictures."""
    locks: Path
    """This user's folder for display locks, shared by all homes on this machine."""
    clock: Clock
    limits: WorkerTimeouts = field(default_factory=WorkerTimeouts)


class WorkerSupervisor:
    """One worker process after the other for one desk. `run` owns them; the verbs may be called while it runs."""

    def __init__(
        self,
        desk: Desk,
        profiles: Mapping[str, Driven],
        setup: WorkerSetup,
        *,
        news: Callable[[], DeskNews],
        leftovers: Leftovers,
        learned: Learned | None = None,
    ) -> None:
        """`profiles` are by name. Each worker also gets what was `learned`."""
        self.desk = desk
        self.used = tuple(profiles[name] for name in sorted({window.profile for window in desk.windows}))
        self._setup = setup
        # A worker needs no secrets, and ours come by variables with this beginning.
        self._environ = {name: value for name, value in setup.environment.items() if not name.startswith("OCTET_")}
        self._place = DisplayTarget(desk)
        self._leftovers = leftovers
        self._learned = learned
        self._clock = setup.clock
        self.limits = setup.limits
        self.ready = asyncio.Event()
        self._worker_is = DeskNow(DeskState.STARTING)
        self.reported: DeskNow | None = None
        self._poke = asyncio.Event()
        self._worker = WorkerConnection(f"desk {desk.name}", messages.FRAMES, self.limits, self._clock.monotonic_s)
        self._was_ready_s: float | None = None
        self.events = DeskEvents(desk.name, news, pause_s=self.limits.first_pause_s)
        self._mode = DeskMode.OPEN
        self._stops_heard = 0
        self._waits: Reason | None = None
        self._talk: DeliveryChannel | None = None
        self._silence = asyncio.Event()  # set while no delivery is talked about
        self._silence.set()

    async def run(self) -> None:
        """Keep a worker running until cancelled; then it releases its keys, clears its own draft and ends."""
        async with asyncio.TaskGroup() as group:
            supervise(group, f"news of desk {self.desk.name}", self.events.run())
            await self._keep_alive()

    async def _keep_alive(self) -> None:
        pause = self._pause()
        while True:
            self._was_ready_s = None
            self._refresh()
            await self._place.there.wait()
            code = await self._run_worker()
            if not self._place.there.is_set():
                pause = self._pause()
                continue  # the display ended, and its worker with it: its keeper says when it is back
            if code == messages.TRY_LATER:
                if self._worker_is.state is not DeskState.UNAVAILABLE:
                    self._tell(DeskState.UNAVAILABLE, Reason.WORKER_NOT_STARTED, "its log says why")
                await self._rest(self.limits.no_display_s)
                continue
            if code != messages.TRY_SOON:
                self._tell(DeskState.UNAVAILABLE, Reason.WORKER_LOST, _ending(code))
            ran_s = 0.0 if self._was_ready_s is None else self._clock.monotonic_s() - self._was_ready_s
            pause_s = pause.after(ran_s)
            log.warning("desk_worker_ended", desk=self.desk.name, ending=_ending(code), again_in_s=pause_s)
            await self._rest(pause_s)

    def _pause(self) -> RestartPause:
        return RestartPause(first_s=self.limits.first_pause_s, longest_s=self.limits.longest_pause_s)

    @property
    def why(self) -> str:
        """Why the desk has the state that was reported last."""
        return explain(self.reported.reason, self.reported.note) if self.reported else ""

    def unavailable(self) -> DeskUnavailable:
        now = self.reported or NOT_YET
        return DeskUnavailable(self.desk.name, now.reason or Reason.WORKER_STARTING, now.note)

    @property
    def pid(self) -> int | None:
        return self._worker.pid

    def note_display_status(self, status: DisplayStatus) -> None:
        """Note the status of the desk's own display; replace a worker of an earlier one."""
        if self._place.take(status):
            self.end_worker("its display is another one now")
            self.retry_now()
        self._refresh()

    def retry_now(self) -> None:
        """Try at once to start a worker that could not start."""
        self._poke.set()

    def end_worker(self, why: str) -> None:
        self._worker.kill(why)

    async def set_mode(self, mode: DeskMode) -> None:
        """Hold, stop or release, now and for every later worker. End one that does not obey. Raises DeskStoppedHere
        when a user stopped the desk at its machine at the same time."""
        self._mode = mode
        process = self._worker.process
        if mode is not DeskMode.STOPPED:
            self.events.released()
        if process is None:
            return
        change = messages.SetMode(mode=mode, heard=self._stops_heard)
        if not self.ready.is_set():
            # A start may take longer than obeying may: the worker reads this before it has anything to do.
            with contextlib.suppress(DeskUnavailable):
                await self.send(change)
            return
        try:
            answer = await self.call(change, within_s=self.limits.obey_s)
        except DeskUnavailable:
            log.warning("desk_worker_ignores_mode", desk=self.desk.name, mode=mode)
            if process.returncode is None:
                process.kill()
            return
        if answer.refused:
            self._mode = DeskMode.STOPPED  # its report of the stop came before this answer
            raise DeskStoppedHere(id=self.desk.name)

    async def _run_worker(self) -> int:
        if self._worker_is.state is not DeskState.UNAVAILABLE:
            self._tell(DeskState.STARTING)
        drafts = await self._drafts()
        with InputLockMonitor() as seized:
            fds = () if seized.fd == NOT_SHARED else (seized.fd,)
            try:
                environ = {**self._environ, **self._place.environ}
                process = await self._worker.start(self._setup.argv, environ, pass_fds=fds)
            except OSError as trouble:
                self._tell(DeskState.UNAVAILABLE, Reason.WORKER_NOT_STARTED, trouble.strerror or "")
                return messages.TRY_LATER
            try:
                async with asyncio.TaskGroup() as group:
                    watchdogs = (
                        supervise(group, f"watchdog of desk {self.desk.name}", self._worker.watch()),
                        supervise(group, f"seizures of desk {self.desk.name}", self._watch_seized(seized)),
                    )
                    with contextlib.suppress(DeskUnavailable):
                        await self.send(await asyncio.to_thread(self._first_frame, drafts, seized.fd))
                    await self._worker.listen(self._handle)
                    for watchdog in watchdogs:
                        watchdog.cancel()
                return await process.wait()
            finally:
                await asyncio.shield(self._end())

    async def _drafts(self) -> Mapping[str, tuple[str, ...]]:
        pause = self._pause()
        while True:
            await self._silence.wait()  # an order whose worker is lost may still be taking its last step
            try:
                return await self._leftovers(self.desk.name)
            except Unavailable as trouble:
                self._tell(DeskState.UNAVAILABLE, Reason.DRAFTS_UNKNOWN, trouble.message)
            await self._rest(pause.after(0.0))

    def _first_frame(self, drafts: Mapping[str, tuple[str, ...]], seized_fd: int) -> messages.Hello:
        desk, used = self._place.desk, self.used
        if self._learned is not None:
            desk, used = self._learned.applied(desk, used)
        return messages.Hello(
            desk=desk,
            profiles=tuple(one for one in used if isinstance(one, Profile)),
            panes=tuple(one for one in used if isinstance(one, PaneProfile)),
            anchors=str(self._setup.anchors),
            locks=str(self._setup.locks),
            mode=self._mode,
            drafts=dict(drafts),
            seized_fd=seized_fd,
            fault_points=str(faults.armed() or ""),
        )

    def _learned_of(self, frame: messages.WindowSignLearned) -> None:
        hashed = calibrations(self._place.desk, self.used).get(frame.window)
        if hashed is None:
            log.warning("learned_for_unknown_window", desk=self.desk.name, window=frame.window)
            return
        what = Learnable.BUSY_SIGN if isinstance(frame.value, Sign) else Learnable.ANCHOR
        now_ms = self._clock.now_ms()
        self.events.learned(
            LearnedFact(
                desk=self.desk.name, window=frame.window, what=what, at_ms=now_ms, value=frame.value, calibration=hashed
            )
        )

    async def _watch_seized(self, seized: InputLockMonitor) -> None:
        """End a worker that was stopped while it held the display or the user's devices: nothing else frees them."""
        while True:
            await asyncio.sleep(self.limits.seized_s / SEIZED_LOOKS)
            stuck = [what.name.lower() for what, looks in seized.look().items() if looks > SEIZED_LOOKS]
            if stuck:
                self.end_worker(f"it is stuck and holds {', '.join(stuck)}")
                return

    async def _end(self) -> None:
        """End the worker, and note that it is lost."""
        if self._worker_is.state is DeskState.READY:
            self._worker_is = DeskNow(DeskState.UNAVAILABLE, Reason.WORKER_LOST)
        self.ready.clear()
        self._stops_heard = 0
        self._wait(None)
        await self._worker.end()
        self.mark_lost()

    def mark_lost(self) -> None:
        """End the talk with a worker that ended."""
        if self._talk is not None:
            self.events.no_longer_usable(self._talk.window)  # it may have left a draft there
            self._talk.mark_lost()

    async def _rest(self, seconds: float) -> None:
        self._poke.clear()
        await wait_for_event(self._poke, seconds)

    def _tell(self, state: DeskState, reason: Reason | None = None, note: str = "") -> None:
        self._worker_is = DeskNow(state, reason, note)
        self._refresh()

    def _refresh(self) -> None:
        now = self._place.why or self._worker_is
        if now.state is DeskState.READY:
            self.ready.set()
        else:
            self.ready.clear()
        if now != self.reported:
            self.reported = now
            self.events.desk(now)

    def open_talk(self, delivery: str, fence: int, *, window: str) -> DeliveryChannel:
        """Put the worker's frames about this delivery into `window` onto the returned line from now on."""
        self._talk = DeliveryChannel(delivery=delivery, fence=fence, window=window)
        self._silence.clear()
        return self._talk

    def close_talk(self) -> None:
        self._talk = None
        self._silence.set()

    async def send(self, frame: messages.ToWorker) -> None:
        """Send a frame. Raises DeskUnavailable when there is no worker to read it."""
        with self._reaching():
            await self._worker.send(frame)

    async def call(self, question: messages.Question | messages.SetMode, *, within_s: float) -> messages.CallResult:
        """Send a question and wait for its answer. Raises DeskUnavailable when there is none in that time."""
        with self._reaching():
            return await self._worker.call(question, within_s=within_s)

    @contextlib.contextmanager
    def _reaching(self) -> Generator[None]:
        """Raise DeskUnavailable with the reason why the worker cannot be reached."""
        if self._worker.process is None:
            raise self.unavailable()
        try:
            yield
        except WorkerLost as lost:
            reason = Reason.WORKER_SILENT if lost.is_silent else Reason.WORKER_LOST
            raise DeskUnavailable(self.desk.name, reason) from lost

    async def _handle(self, frame: messages.FromWorker) -> None:
        match frame:
            case messages.Started(reason=None):
                self._was_ready_s = self._clock.monotonic_s()
                self._tell(DeskState.READY)
            case messages.Started():
                self._tell(DeskState.UNAVAILABLE, frame.reason, frame.note)
            case messages.Ask() | messages.Done():
                await self._hear(frame)
            case messages.CallResult():
                self._worker.take_answer(frame.call, frame)
            case messages.Waits():
                self._wait(frame.why)
            case messages.StoppedHere():
                self._mode = DeskMode.STOPPED  # for a later worker too
                self._stops_heard = frame.number
                self.events.stopped(frame.how)
            case messages.WindowSignLearned():
                self._learned_of(frame)
            case messages.Beat():
                pass
            case _:
                self.events.hear(frame)

    async def _hear(self, frame: messages.Ask | messages.Done) -> None:
        talk = self._talk
        if talk is not None and (frame.delivery, frame.fence) == (talk.delivery, talk.fence):
            if isinstance(frame, messages.Done) and frame.outcome.draft_left:
                self.events.no_longer_usable(talk.window)
            if talk.line.full():
                self.end_worker("it talks without waiting for answers")
            else:
                talk.line.put_nowait(frame)
            return
        log.warning("message_for_another_delivery", desk=self.desk.name, delivery=frame.delivery, fence=frame.fence)
        if isinstance(frame, messages.Ask):
            refused = "nothing waits for this delivery"
            answer = messages.Granted(number=frame.number, delivery=frame.delivery, fence=frame.fence, refused=refused)
            with contextlib.suppress(DeskUnavailable):
                await self.send(answer)

    def _wait(self, why: Reason | None) -> None:
        if why != self._waits:
            self._waits = why
            self.events.waits(why)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
