"""A desk worker that does what a test wants to see the coordinator survive: scripted_worker.py WHAT."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from automation.desktop.worker import messages
from core.deliveries.model import DeliveryRequest, Outcome, Result
from core.profiles.model import Sign
from core.reasons import Reason

ARRIVED = Outcome(result=Result.DELIVERED, note="said by somebody else")
BOUNCED = Outcome(result=Result.BOUNCED, note="said by the present one")


def say(frame: messages.FromWorker) -> None:
    sys.stdout.buffer.write(messages.pack(frame))
    sys.stdout.buffer.flush()


def heard() -> messages.ToWorker:
    """Return the next frame that is no question about the mode."""
    while (frame := messages.receive(sys.stdin.buffer)) is not None:
        if not isinstance(frame, messages.SetMode):
            return frame
        say(messages.CallResult(call=frame.call))
    sys.exit(0)


def ask(number: int, order: DeliveryRequest, fence: int, step: messages.DeliveryStep) -> messages.Ask:
    return messages.Ask(number=number, delivery=order.delivery, fence=fence, step=step, drafts=("text:x",))


def stale_words(order: DeliveryRequest) -> None:
    """Speak with the fence of the holder before, then with the present one."""
    old = order.fence - 1
    say(messages.Done(delivery=order.delivery, fence=old, outcome=ARRIVED))
    say(ask(1, order, old, messages.DeliveryStep.SUBMITTING))
    answer = heard()
    assert isinstance(answer, messages.Granted)
    is_refused = bool(answer.refused) and (answer.delivery, answer.fence) == (order.delivery, old)
    say(ask(2, order, order.fence, messages.DeliveryStep.STAGING))
    answer = heard()
    assert isinstance(answer, messages.Granted)
    is_granted = not answer.refused and (answer.number, answer.fence) == (2, order.fence)
    say(
        messages.Done(
            delivery=order.delivery, fence=order.fence, outcome=BOUNCED if is_refused and is_granted else ARRIVED
        )
    )


def flood(order: DeliveryRequest) -> None:
    """Ask and ask, and wait for no answer."""
    for number in range(500):
        say(ask(number, order, order.fence, messages.DeliveryStep.STAGING))


def never_end(order: DeliveryRequest) -> None:
    """Live, and bring nothing to an end."""
    del order
    while True:
        say(messages.Beat())
        time.sleep(0.05)  # it lives by the clock, as a real worker does


def main(what: str) -> None:
    hello = heard()
    assert isinstance(hello, messages.Hello)
    if what == "end at once":
        sys.exit(messages.TRY_LATER)
    if what == "learn":
        for window in (*hello.desk.windows, replace(hello.desk.windows[0], name="nobody")):
            say(messages.WindowSignLearned(window=window.name, value=Sign(box=window.box, colour="#123456")))
        busy = {profile.name: profile.busy.sign for profile in hello.profiles}
        for window in hello.desk.windows:
            say(messages.WindowActive(window=repr(busy[window.profile])))
    if what == "held":
        say(messages.Started(reason=Reason.DISPLAY_HELD))
        sys.exit(messages.TRY_SOON)
    say(messages.Started())
    while True:
        job = heard()
        if isinstance(job, messages.Deliver):
            {"stale words": stale_words, "flood": flood, "never end": never_end}[what](job.order)


if __name__ == "__main__":
    main(sys.argv[1])
