"""The first start: runs Octet as a child, sends one test task, and prints what happens to it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from bot.cli.children import last_lines, wait_until
from bot.cli.init.prompts import Prompts
from bot.cli.operator import call, parse_answer, printable
from bot.cli.present import PRESENT, need
from bot.runfile import running
from core.config.loader import load
from core.deliveries.model import Delivery
from core.dispatch.model import Decision
from core.fleet.model import Needs, Part, Wellness
from core.home import Home
from core.receipts.model import Receipt
from core.remedies import refused
from core.tasks.model import Task, TaskView

START_S = 60.0
CONNECT_S = 60.0
DELIVER_S = 90.0
SETTLE_S = 8.0  # how long a task must wait before the console reports that
_END_S = 60.0
_WAITS = frozenset({"waiting", "parked", "failed", "cancelled", "expired"})
BRIEF = """This is a test of Octet: you only have to answer. Run the line below with an answer.md that contains one
word, hello."""


@contextmanager
def octet_process(home: Home, environ: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """Run Octet for the block, out of reach of Ctrl-C; then end it in order. What it reports is in the home's log."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run", "--home", str(home.root), "--exit-on-eof"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=sys.platform != "win32",
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        if sys.platform != "win32":
            process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_first_task(
    home: Home, process: subprocess.Popen[bytes], questions: Prompts, *, has_discord: bool, answer_s: float
) -> bool:
    """Send the test task and wait so long for its answer; return whether its prompt arrived. Raises did_not_start."""

    def has_started() -> bool:
        if process.poll() is not None:
            raise refused("did_not_start", log=home.log, words=last_lines(home.log))
        return running(home.root) is not None

    def is_connected() -> bool:
        troubles = parse_answer(Wellness, call(home, "GET", "/fleet/health")).troubles
        return not any(one.part is Part.DISCORD for one in troubles)

    if not wait_until(has_started, START_S):
        raise refused("did_not_start", log=home.log, words="it was not ready in time")
    if has_discord and not wait_until(is_connected, CONNECT_S):
        print(f"  Discord is not connected after {CONNECT_S:g} s; {home.log} says why.")
    live = next((agent.name for agent in load(home).agents if not agent.abilities.is_dry), None)  # gets its prompts
    task = parse_answer(Task, call(home, "POST", "/tasks", body={"brief": BRIEF, "agent": live})).id
    print(f"  Test task {task} is on its way …", flush=True)
    view = _until(home, task, _has_ended_or_settled(), DELIVER_S)
    if (last := _newest(view)) is not None and last.state == "unknown":
        print(f"  Octet does not know whether it arrived: {printable(last.note)}.")
        asked = f"Look at {printable(last.agent)}: did it arrive?"
        if questions.is_terminal and questions.confirm(asked, option="--no-task", default=False):
            call(home, "POST", f"/deliveries/{quote(last.id, safe='')}/resolve", body={"decision": Decision.ARRIVED})
            view = _until(home, task, lambda _: True, 0)
        else:
            print("  An answer of its agent settles that.")
            view = _wait_for_answer(home, view, answer_s)
    is_good = _tell_delivery(home, view, last := _newest(view), "on its card in Discord, or " if has_discord else "")
    if last is not None and last.state == "delivered":
        _tell_answer(_wait_for_answer(home, view, answer_s), "in Discord and " if has_discord else "")
    return is_good


def _wait_for_answer(home: Home, view: TaskView, limit_s: float) -> TaskView:
    """Wait for the agent's answer, so long; return the task then."""
    if view.answers or limit_s <= 0:
        return view
    print(f"  Waiting for the answer, {limit_s:g} s at most (Ctrl-C: no longer) …", flush=True)
    try:
        return _until(home, view.task.id, lambda now: bool(now.answers), limit_s)
    except KeyboardInterrupt:
        print()
        return _until(home, view.task.id, lambda _: True, 0)


def _tell_answer(view: TaskView, also: str) -> None:
    for answer in view.answers:
        print(f"  {printable(answer.sender.removeprefix('agent:'))} answers: {printable(answer.body)}")
    if not view.answers:
        print("  No answer yet. The agent may still be working, or may wait for you at its window. Its answer will")
        print(f"  appear {also}in `octet task show {view.task.id}`.")


def _until(home: Home, task: str, holds: Callable[[TaskView], bool], limit_s: float) -> TaskView:
    """Wait until this holds, or the limit; return the task then."""
    seen: list[TaskView] = []

    def look() -> bool:
        seen.append(parse_answer(TaskView, call(home, "GET", f"/tasks/{quote(task, safe='')}")))
        return holds(seen[-1])

    wait_until(look, limit_s)
    return seen[-1]


def _has_ended_or_settled() -> Callable[[TaskView], bool]:
    """Tell whether its delivery has ended, or the task has waited for some seconds."""
    since: float | None = None

    def holds(view: TaskView) -> bool:
        nonlocal since
        since = (since or time.monotonic()) if view.task.state in _WAITS else None
        has_ended = (last := _newest(view)) is not None and last.state in {"delivered", "sent", "unknown"}
        is_settled = since is not None and time.monotonic() - since > SETTLE_S
        return is_settled or (has_ended and view.task.state != "delivering")

    return holds


def _newest(view: TaskView) -> Delivery | None:
    return view.deliveries[-1] if view.deliveries else None


def _tell_delivery(home: Home, view: TaskView, last: Delivery | None, card: str) -> bool:
    """Print what Octet saw of the delivery; return whether the prompt arrived."""
    task = view.task
    if last is not None and last.state == "delivered":
        receipts = parse_answer(list[Receipt], call(home, "GET", f"/receipts/{quote(task.id, safe='')}"))
        claim = printable(receipts[-1].claim) if receipts else "no receipt yet"
        print(f"  {task.id} is delivered to {printable(last.agent)} ({last.assurance}): {claim}")
        return True
    if last is not None and last.state == "sent":
        print(f"  {task.id} was a dry run. Read its prompt {card}with `octet task show {task.id}`.")
        print("  Octet typed nothing; the `octet done` line of the prompt answers it.")
        return True
    print(f"  {PRESENT[Task](task)}")
    for one in parse_answer(Needs, call(home, "GET", "/fleet/needs-me?limit=100")).shown:
        if one.task == task.id:
            print("  " + need(one).replace("\n", "\n  "))
    return False
