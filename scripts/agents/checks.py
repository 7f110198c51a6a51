"""What each program is tried with. A check returns its findings; the table of the docs is made of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from scripts.agents.meeting import ACP, AGENT, HEARD_S, OVER, USABLE_S, Meeting, NeverCame, is_same
from scripts.agents.programs import PROGRAMS
from scripts.agents.texts import TEXTS

Findings = dict[str, object]
ANSWERED_S = 60.0
SETTLED_S = 15.0
UNASKED_S = 2.0
_OPEN = "from standstills where ending = '' and activity = 'needs_input'"
"""So long a question is left alone, to see that the command does not run before a person answers."""
MOMENTS = tuple(0.15 + number * 0.35 for number in range(10))


async def texts(meeting: Meeting) -> Findings:
    """Bring the twenty texts; compare each with what the model received, by its SHA-256."""
    found: Counter[str] = Counter()
    said: list[str] = []
    for title, text in TEXTS.items():
        task = await meeting.order(text)
        try:
            row = await meeting.delivery(task)
            verdict = await _verdict(meeting, task, row, can_change_tabs="\t" in text)
        except NeverCame as late:
            verdict = str(late)[:200]
        found[verdict] += 1
        print(f"    {title}: {verdict}", flush=True)
        if verdict not in {"same", "tabs became blanks", "own mark escaped"}:
            said.append(f"{title}: {verdict}")
        await meeting.finish(task)
        if not await meeting.is_usable(within_s=SETTLED_S):
            print(meeting.seen(), flush=True)
            said.append(f"after {title}: its pane could not be used; its program was started again")
            await _kill(meeting)
            await meeting.is_usable()
    return {**found, "notes": said}


async def warm_up(meeting: Meeting) -> None:
    """Bring a first text, which no check counts; where its pane cannot be used afterwards, start the program again."""
    await _next(meeting)
    if not await meeting.is_usable(within_s=SETTLED_S):
        await _kill(meeting)
        await meeting.is_usable()


async def permission(meeting: Meeting) -> Findings:
    """Have it ask for a command, and see that only a person's answer runs it, or keeps it from running."""
    found: Findings = {}
    for answer in ("approve", "deny"):
        file = meeting.rig.folder / f"{answer}.txt"
        task = await meeting.order(f"Run it.\ndemo: tool touch {file}")
        try:
            asked = await meeting.until(lambda: _question(meeting), ANSWERED_S, "no question was seen")
            await asyncio.sleep(UNASKED_S)
            found[f"{answer}: shows the command"] = str(file) in asked or file.name in asked
            found[f"{answer}: ran unasked"] = file.exists()
            said = await _answer(meeting, answer)
            with suppress(NeverCame):
                await meeting.until(file.exists, 10 if answer == "approve" else 3, "")
            found[f"{answer}: ran"] = file.exists()
            if said:
                found[f"{answer}: Octet said"] = said
        except NeverCame as late:
            found[answer] = f"{late}; ran: {file.exists()}; agent {await meeting.state()}"
        await meeting.finish(task)
    return found


async def stop(meeting: Meeting) -> Findings:
    """Interrupt it amid an answer of ten seconds; the next text must arrive."""
    task = await meeting.order("Stream.\ndemo: stream 100")
    await meeting.until(lambda: meeting.heard(task), USABLE_S, "the model heard nothing")
    await asyncio.sleep(1.5)
    before = len(meeting.model.left)
    answer = await meeting.ask("POST", f"/agents/{AGENT}/interrupt")
    stopped = True
    try:
        await meeting.until(lambda: len(meeting.model.left) > before, 6, "")
    except NeverCame:
        stopped = False
    await meeting.finish(task)
    return {"answer": answer, "the request ended": stopped, "next text": await _next(meeting)}


async def limit(meeting: Meeting) -> Findings:
    """Let the model answer 429 for good; say what Octet sees, and whether the next text arrives."""
    task = await meeting.order("Be limited.\ndemo: status 429")
    await asyncio.sleep(25)
    view = await meeting.ask("GET", f"/tasks/{task}")
    agent = await meeting.ask("GET", f"/agents/{AGENT}")
    seen = {"task": view["task"]["state"], "agent": agent["state"], "reason": agent["reason"], "note": agent["note"]}
    await meeting.ask("POST", f"/tasks/{task}/cancel")
    await meeting.ask("POST", f"/agents/{AGENT}/interrupt")
    await meeting.ask("POST", f"/agents/{AGENT}/resume")
    return {**seen, "rows": meeting.rows(task), "next text": await _next(meeting)}


async def crash_octet(meeting: Meeting) -> Findings:
    """Kill Octet at ten moments of a delivery, and start it again."""

    async def strike(_task: str) -> None:
        await meeting.lives.kill()
        await meeting.lives.start()

    return await _crashes(meeting, strike)


async def crash_program(meeting: Meeting) -> Findings:
    """Kill the program at ten moments of a delivery."""

    async def strike(_task: str) -> None:
        await _kill(meeting)

    return await _crashes(meeting, strike)


CHECKS: dict[str, Callable[[Meeting], Awaitable[Findings]]] = {
    "texts": texts,
    "permission": permission,
    "stop": stop,
    "limit": limit,
    "crash_octet": crash_octet,
    "crash_program": crash_program,
}


async def _kill(meeting: Meeting) -> None:
    """Kill the program; Octet starts it again."""
    for pid in meeting.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def _crashes(meeting: Meeting, strike: Callable[[str], Awaitable[None]]) -> Findings:
    found: Counter[str] = Counter()
    notes: list[str] = []
    for moment in MOMENTS:
        task = await meeting.order(f"Survive a kill after {moment:.2f} s.")
        await asyncio.sleep(moment)
        await strike(task)
        try:
            row = await meeting.delivery(task)
        except NeverCame as late:
            row = {"state": "open", "note": str(late)[-150:]}
        with suppress(NeverCame):
            await meeting.until(lambda task=task: meeting.heard(task), HEARD_S / 2, "")
        times = len(meeting.heard(task))
        row = (meeting.rows(task) or [row])[-1]  # what was refused may have gone to the program that started again
        claim = str(row["state"]) if row["state"] in OVER else "open"
        if not times and claim == "delivered" and await _is_interrupted(meeting, task):
            claim = "turn lost"  # the program has the prompt in its history, and ended before it asked its model
        word = "doubled" if times > 1 else f"heard {'once' if times else 'never'}, {claim}"
        found[word] += 1
        if word not in {"heard once, delivered", "heard never, turn lost"}:
            notes.append(f"{moment:.2f} s: {claim} {row['note']}, heard {times} times")
        print(f"    {moment:.2f} s: {word}", flush=True)
        await meeting.finish(task)
        if not await meeting.is_usable():
            notes.append(f"{moment:.2f} s: its pane could not be used afterwards; its program was started again")
            await _kill(meeting)
            await meeting.is_usable()
    return {**found, "notes": notes}


async def _is_interrupted(meeting: Meeting, task: str) -> bool:
    """Tell whether Octet shows a person that the task's turn was lost."""
    view = await meeting.ask("GET", f"/tasks/{task}")
    return (view["task"]["state"], view["task"]["reason"]) == ("parked", "interrupted")


async def _verdict(meeting: Meeting, task: str, row: dict[str, object], *, can_change_tabs: bool) -> str:
    if row["state"] in {"delivered", "sent", "unknown"}:
        with suppress(NeverCame):
            await meeting.until(lambda: meeting.heard(task), HEARD_S, "")
    heard = meeting.heard(task)
    if len(heard) > 1:
        return f"doubled: heard {len(heard)} times"
    if not heard:
        return f"{row['state']}: {row['reason']} {row['note']}".strip()
    claim = "" if row["state"] == "delivered" else f", claimed {row['state']}"
    if is_same(heard[0], str(row["sha256"])):
        return f"same{claim}"
    mark, escaped = PROGRAMS[meeting.name].escapes
    if mark and meeting.lane != ACP and is_same(heard[0].replace(escaped, mark), str(row["sha256"])):
        return f"own mark escaped{claim}"
    changes_tabs = can_change_tabs and meeting.lane != ACP and PROGRAMS[meeting.name].changes_tabs
    return f"{'tabs became blanks' if changes_tabs else 'altered'}{claim}"


async def _next(meeting: Meeting) -> str:
    """Bring one more text; return what became of it."""
    task = await meeting.order("And the next one.")
    try:
        row = await meeting.delivery(task)
        verdict = await _verdict(meeting, task, row, can_change_tabs=False)
    except NeverCame as late:
        verdict = f"never: {late}"[:200]
    await meeting.finish(task)
    return verdict


async def _question(meeting: Meeting) -> str:
    """Return the text of the question that the agent waits with, empty while there is none."""
    return str((meeting.lives.rows(f"select text {_OPEN}") or [[""]])[0][0])


async def _answer(meeting: Meeting, answer: str) -> str:
    """Press the agent's own answer, or choose among its own, as a person would; return what Octet refused it for."""
    dialog = await meeting.ask("GET", f"/dialogs/{meeting.lives.rows(f'select id {_OPEN}')[0][0]}")
    kinds = [choice["kind"] for choice in dialog["choices"]]
    if not kinds:
        pressed = await meeting.ask("POST", f"/agents/{AGENT}/answer", answer=answer)
        return "" if pressed.get("delivery", {}).get("state") == "delivered" else str(pressed)
    number = kinds.index({"approve": "allow_once", "deny": "reject_once"}[answer]) + 1
    chosen = await meeting.ask("POST", f"/dialogs/{dialog['id']}/choose", number=number)
    return "" if chosen.get("ending") == "answered" else str(chosen)
