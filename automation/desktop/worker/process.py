"""What every desk worker's process does, whatever its backend: its pipe, the display lock, start and end."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import structlog

from automation.desktop.worker import messages
from automation.desktop.worker.channel import FrameWriter, Inbox
from automation.desktop.worker.frames import BadFrame
from automation.protocol.delivery import Attempt
from core.deliveries.model import Outcome
from core.kit import faults
from core.kit.errors import OctetError
from core.kit.files import try_lock
from core.kit.priority import hurry
from core.reasons import Reason

log = structlog.get_logger(__name__)

BEAT_S = 1.0
STALLED_S = 20.0  # without progress at work for so long, the heartbeat stops
LOCK_S = 0.2
OPENED_S = 12.0  # a display may take so long to open
MOST_OPENING_S = 600

Work = Callable[[messages.Hello, Inbox], None]  # opens the backend, and works until the pipe ends

Reasons = Mapping[type[OctetError], Reason]  # of errors that keep a desk from being used, the code of each


def run(desk: str, work: Work, *, excuses: Reasons, passing: Reasons = MappingProxyType({})) -> int:
    """Work for the coordinator at the other end of standard input and output until it is gone; return the exit code.
    `desk` is the name this worker was started for. All other output of this process goes to standard error. The
    coordinator hears of `excuses`, for which there is no worker here, and of `passing`, which are over soon: it tries
    again soon."""
    inlet = os.fdopen(os.dup(0), "rb")
    outlet = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return serve(desk, inlet, outlet, work, excuses=excuses, passing=passing)


def serve(
    desk: str,
    inlet: BinaryIO,
    outlet: BinaryIO,
    work: Work,
    *,
    excuses: Reasons,
    passing: Reasons = MappingProxyType({}),
) -> int:
    hurry()
    outbox = FrameWriter(outlet)
    try:
        hello = messages.receive(inlet)
    except BadFrame as trouble:
        return _no_hello(desk, trouble.message, outbox)
    if hello is None:
        return messages.OK
    if not isinstance(hello, messages.Hello) or hello.desk.name != desk:
        return _no_hello(desk, "its first frame was not for this desk", outbox)
    if hello.fault_points:
        faults.arm(Path(hello.fault_points), other=faults.parent())
    inbox = Inbox(inlet, outbox, hello.mode)
    inbox.start()
    outbox.send(messages.Beat())  # it lives: opening the display may take a while
    lock = DisplayLock(Path(hello.locks), hello.desk.display)
    if not _wait_for(lock, inbox):
        return messages.OK
    try:
        work(hello, inbox)
    except tuple(excuses) as trouble:
        outbox.send(_unavailable(trouble, excuses))
        return messages.TRY_LATER
    except tuple(passing) as trouble:
        log.warning("worker_not_ready_yet", desk=desk, why=trouble.message)
        outbox.send(_unavailable(trouble, passing))
        return messages.TRY_SOON
    return messages.OK


@contextmanager
def says_when_late(inbox: Inbox, *, after_s: float = OPENED_S) -> Generator[None]:
    """Tell the coordinator why the display is late, if it does not answer within the block, and keep beating."""
    is_open = threading.Event()

    def tell() -> None:
        if is_open.wait(after_s):
            return
        inbox.outbox.send(messages.Started(reason=Reason.DISPLAY_SILENT))
        for _ in range(round(MOST_OPENING_S / BEAT_S)):
            inbox.outbox.send(messages.Beat())
            if is_open.wait(BEAT_S) or inbox.is_gone:
                return

    teller = threading.Thread(target=tell, name="opening", daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_open.set()
        teller.join()


class Heartbeat:
    """Says that the worker lives, as long as it makes progress."""

    def __init__(self, inbox: Inbox) -> None:
        """Beat at once, in a separate thread, until the pipe ends."""
        self._inbox = inbox
        self._is_working = False
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Beat within the block only while the worker makes progress."""
        self._is_working = True
        try:
            yield
        finally:
            self._is_working = False

    def _beat(self) -> None:
        pause = threading.Event()
        while not self._inbox.is_gone:
            if not self._is_working or time.monotonic() - self._inbox.moved_on_s < STALLED_S:
                self._inbox.outbox.send(messages.Beat())
            pause.wait(BEAT_S)


def carry_out(
    run: Callable[[], Outcome],
    attempt: Attempt,
    *,
    delivery: str,
    release_keys: Callable[[], None],
    passes: tuple[type[Exception], ...] = (),
) -> Outcome:
    """Run one attempt and return its outcome, whatever happens: without one its row would wait for ever. `release_keys`
    releases what is held down. Errors in `passes` are not about this attempt: they are raised."""
    try:
        return run()
    except passes:
        raise
    except Exception as trouble:  # the outer edge of one attempt: it needs an outcome
        log.exception("attempt_failed", delivery=delivery, attempt=type(attempt).__name__)
        release_keys()
        note = f"the desk worker met an error ({type(trouble).__name__}); its log has more"
        outcome = attempt.outcome or attempt.failed(note)
        try:
            attempt.restore_user_state()
        except passes:
            raise
        except Exception:  # the outer edge of one attempt: its outcome must be reported all the same
            log.exception("user_state_not_restored", delivery=delivery)
        return outcome


def _no_hello(desk: str, why: str, outbox: FrameWriter) -> int:
    log.error("worker_hello_missing", desk=desk, why=why)
    outbox.send(messages.Started(reason=Reason.OTHER_VERSION, note=why))
    return messages.TRY_LATER


def _unavailable(trouble: OctetError, reasons: Reasons) -> messages.Started:
    return messages.Started(reason=reasons[type(trouble)], note=trouble.message)


def _wait_for(lock: DisplayLock, inbox: Inbox) -> bool:
    has_reported = False
    while not lock.take():
        if not has_reported:
            inbox.outbox.send(messages.Started(reason=Reason.DISPLAY_TAKEN))
            has_reported = True
        inbox.outbox.send(messages.Beat())
        inbox.rest(LOCK_S)
        if inbox.is_gone:
            return False
    return True


class DisplayLock:
    """An OS lock on a file named by the display. Two names of one display (`:0`, `:0.0`) are one lock."""

    def __init__(self, folder: Path, display: str) -> None:
        name = re.sub(r"\.\d+\Z", "", display)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"display-{re.sub(r'[^A-Za-z0-9]', '_', name)}.lock"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> bool:
        """Take the lock if it is free; return whether we have it now. This process keeps it until it ends."""
        if not try_lock(self._file):
            return False
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, f"{os.getpid()}\n".encode())  # for a user who wonders which process it is
        return True
