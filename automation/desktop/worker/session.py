"""What the coordinator and one desk's worker say to each other: frames both ways, and the talk about one delivery."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import Process
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from automation.desktop.worker import messages
from automation.desktop.worker.desk_events import DeskEvents
from automation.desktop.worker.messages import (
    Ask,
    Beat,
    CallResult,
    Done,
    FromWorker,
    Mode,
    Started,
    ToWorker,
    WindowSignLearned,
)
from core.desks.model import DeskUnavailable
from core.kit.clock import Clock

log = structlog.get_logger(__name__)

MOST_WORDS = 16  # of a worker that were not answered yet; it asks one thing at a time, so more of them are nonsense
JUST_ENDED = "its worker has just ended"


@dataclass(slots=True, kw_only=True, eq=False)
class DeliveryChannel:
    """One delivery's conversation. None on the line: the worker is lost."""

    delivery: str
    fence: int
    window: str
    line: asyncio.Queue[Ask | Done | None] = field(default_factory=lambda: asyncio.Queue(MOST_WORDS))

    def is_about(self, frame: Ask | Done) -> bool:
        """Whether the frame is of this very attempt, and not of one before it."""
        return (frame.delivery, frame.fence) == (self.delivery, self.fence)

    def mark_lost(self) -> None:
        """The worker is lost: that is said in any case, if need be in place of its last word."""
        if self.line.full():
            self.line.get_nowait()
        self.line.put_nowait(None)


class WorkerOwner(Protocol):
    """Whoever keeps the worker alive."""

    @property
    def why(self) -> str: ...  # Why there is no worker to talk with, as far as that was told
    def started(self, frame: Started) -> None: ...  # The worker says how far it came with its start
    def learned(self, frame: WindowSignLearned) -> None: ...  # The worker learned something of a window
    def end_worker(self, why: str) -> None: ...  # End the present worker: it talks nonsense


class WorkerSession:
    """With one worker after the other. Between `begin` and `disconnect` there is one to talk with."""

    def __init__(self, desk: str, keeper: WorkerOwner, tidings: DeskEvents, *, clock: Clock) -> None:
        """`desk` by its name; what the worker tells of its own accord goes to `tidings`."""
        self._desk = desk
        self._keeper = keeper
        self._tidings = tidings
        self._clock = clock
        self._process: Process | None = None
        self._talk: DeliveryChannel | None = None
        self._calls: dict[int, asyncio.Future[CallResult]] = {}
        self._number = 0
        self._waits = ""
        self.mode = Mode.OPEN
        self.stops_heard = 0
        self.heard_s = 0.0
        self.has_spoken = False
        self.silence = asyncio.Event()
        self.silence.set()

    def begin(self, process: Process) -> None:
        """There is a worker now."""
        self._process = process
        self.heard_s, self.has_spoken = self._clock.monotonic_s(), False

    def disconnect(self) -> None:
        """Nothing is said to the worker any more; closing its pipe tells it to end."""
        process, self._process = self._process, None
        self.stops_heard = 0
        self._wait("")
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def mark_lost(self) -> None:
        """The worker has ended: whoever waits for a word of it is told so."""
        if self._talk is not None:
            self._tidings.no_longer_usable(self._talk.window)  # it may have left a draft there
            self._talk.mark_lost()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(DeskUnavailable(id=self._desk, why=JUST_ENDED))

    def open_talk(self, delivery: str, fence: int, *, window: str) -> DeliveryChannel:
        """From now on the worker's frames about this delivery into `window` go onto the returned line."""
        self._talk = DeliveryChannel(delivery=delivery, fence=fence, window=window)
        self.silence.clear()
        return self._talk

    def close_talk(self) -> None:
        """What still comes about the delivery is dropped."""
        self._talk = None
        self.silence.set()

    async def send(self, frame: ToWorker) -> None:
        """Send a frame. Raises DeskUnavailable when there is no worker to read it."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            raise DeskUnavailable(id=self._desk, why=self._keeper.why or "its worker is not running")
        try:
            process.stdin.write(messages.pack(frame))
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as trouble:
            raise DeskUnavailable(id=self._desk, why=JUST_ENDED) from trouble

    async def call(self, question: messages.Question | messages.SetMode, *, within_s: float) -> CallResult:
        """Send a question and wait for its answer. Raises DeskUnavailable when there is none in that time."""
        self._number += 1
        call, answer = self._number, asyncio.get_running_loop().create_future()
        self._calls[call] = answer
        try:
            await self.send(replace(question, call=call))
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            raise DeskUnavailable(id=self._desk, why="its worker does not answer") from None
        finally:
            self._calls.pop(call, None)

    async def listen(self, process: Process) -> None:
        """Hand the worker's frames on until its pipe ends."""
        assert process.stdout is not None
        while True:
            try:
                size = messages.length(await process.stdout.readexactly(4))
                frame = messages.from_worker(await process.stdout.readexactly(size))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            except messages.BadFrame as trouble:
                log.warning("desk_worker_unintelligible", desk=self._desk, why=trouble.message)
                process.kill()
                return
            self.heard_s, self.has_spoken = self._clock.monotonic_s(), True
            await self._handle(frame)

    async def _handle(self, frame: FromWorker) -> None:
        match frame:
            case Started():
                self._keeper.started(frame)
            case Ask() | Done():
                await self._hear(frame)
            case CallResult():
                answer = self._calls.get(frame.call)
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            case messages.Waits():
                self._wait(frame.why)
            case messages.Locked():
                self._tidings.locked(is_locked=frame.is_locked)
            case messages.StoppedHere():
                self.mode = Mode.STOPPED  # for a later worker too
                self.stops_heard = frame.number
                self._tidings.stopped(frame.how)
            case Beat():
                pass
            case _:
                self._hear_of_window(frame)

    def _hear_of_window(self, frame: messages.OfWindow) -> None:
        match frame:
            case messages.WindowUsable():
                self._tidings.usable(frame.window)
            case messages.WindowShows():
                self._tidings.shows(frame.shown)
            case messages.WindowActive():
                self._tidings.stirred(frame.window)
            case messages.WindowStatusChanged():
                self._tidings.seen(frame.status)
            case WindowSignLearned():
                self._keeper.learned(frame)

    async def _hear(self, frame: Ask | Done) -> None:
        talk = self._talk
        if talk is not None and talk.is_about(frame):
            if isinstance(frame, Done) and frame.outcome.draft_left:
                self._tidings.no_longer_usable(talk.window)
            if talk.line.full():
                self._keeper.end_worker("it talks without waiting for answers")
            else:
                talk.line.put_nowait(frame)
            return
        log.warning("word_of_another_order", desk=self._desk, delivery=frame.delivery, fence=frame.fence)
        if isinstance(frame, Ask):
            refused = "nobody waits for this delivery"
            answer = messages.Granted(number=frame.number, delivery=frame.delivery, fence=frame.fence, refused=refused)
            with contextlib.suppress(DeskUnavailable):
                await self.send(answer)

    def _wait(self, why: str) -> None:
        if why != self._waits:
            self._waits = why
            self._tidings.waits(why)
