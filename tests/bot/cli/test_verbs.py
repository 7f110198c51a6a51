"""`octet task|agent|desk` as a person runs them: real processes against a served house."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.runfile import RUN_FILE
from bot.verbs.naming import at_the_machine
from core.deliveries.model import (
    Assurance,
    Evidence,
    Moment,
    Outcome,
    Picture,
    PictureArea,
    Reason,
    Result,
    Target,
    WorkerIdentity,
)
from core.desks.model import Shown, WindowStatus
from core.profiles.model import Act, Activity
from core.remedies import next_step
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskId, TaskState
from tests.house import TOKEN, House, open_house

REPOSITORY = Path(__file__).parents[3]


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Console:
    """Where a person types; the house may or may not be served."""

    house: House
    cwd: Path

    async def octet(self, *arguments: str, text: str = "") -> Said:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            cwd=self.cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "OCTET_HOME": str(self.house.home)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await child.communicate(text.encode())
        assert child.returncode is not None
        said = Said(code=child.returncode, out=out.decode(), err=err.decode())
        assert TOKEN not in said.out + said.err
        return said


@pytest.fixture
async def console(tmp_path: Path) -> AsyncGenerator[Console]:
    (tmp_path / "elsewhere").mkdir()
    async with open_house(tmp_path / "home") as house:
        yield Console(house, tmp_path / "elsewhere")


@pytest.fixture
async def served(console: Console, tmp_path: Path) -> AsyncGenerator[Console]:
    async with console.house.served({"HOME": str(tmp_path)}):
        yield console


async def test_a_task_is_asked_for_seen_and_cancelled(served: Console) -> None:
    made = await served.octet(
        "task", "new", "Count the birds", "--agent", "Agent-2", "--priority", "1", "--needs", "python"
    )
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("T-1 · ")
    assert "Count the birds" in made.out
    listed = await served.octet("task", "list")
    assert listed.out.split()[:1] == ["T-1"]
    assert "P1" in listed.out
    assert "--cursor" not in listed.out
    await served.octet("task", "new", "Count the bees", "--agent", "Agent-2")
    first = await served.octet("task", "list", "--limit", "1")
    assert "more: add --cursor T-2" in first.out
    assert (await served.octet("task", "list", "--cursor", "T-2")).out.split()[:1] == ["T-1"]
    shown = await served.octet("task", "show", "t1")
    for words in ("Count the birds", "priority 1", "asked by operator"):
        assert words in shown.out
    cancelled = await served.octet("task", "cancel", "T-1")
    assert "Cancelled T-1" in cancelled.out
    ledger, late_ms = served.house.core.tasks.repository, 2_000_000_000_000
    await served.house.core.store.write(lambda tx: ledger.expire_texts(tx, before_ms=late_ms, now_ms=late_ms, most=20))
    assert "(This text expired on 2033-05-18 UTC.)" in (await served.octet("task", "show", "T-1")).out
    again = await served.octet("task", "cancel", "T-1")
    assert (again.code, again.out) == (2, "")
    assert again.err == "octet: Task T-1 has ended already (cancelled).\n"


async def test_a_list_shows_twenty_rows_and_counts_the_rest(served: Console) -> None:
    for number in range(22):
        await served.house.core.tasks.new(NewTask(brief=f"Bird {number} {'far ' * 40}", agent="Agent-2"), by=OPERATOR)
    first = (await served.octet("task", "list")).out.splitlines()
    assert (len(first), first[-1]) == (21, "… and 2 more (--all / --page 2)")
    assert max(map(len, first)) < 100
    assert len((await served.octet("task", "list", "--page", "2")).out.splitlines()) == 2
    assert len(json.loads((await served.octet("task", "list", "--all", "--json")).out)["items"]) == 22


async def test_what_a_task_stands_still_for_is_shown_with_what_to_do(served: Console) -> None:
    why = Outcome(result=Result.REFUSED, reason=Reason.CLOSED, note="it is not there")
    served.house.lane.script.append(why)
    made = json.loads((await served.octet("task", "new", "Look", "--agent", "Agent-3", "--json")).out)["id"]
    await served.house.until(TaskId(made), TaskState.WAITING)
    for words in (("task", "show", made), ("agent", "show", "Agent-3")):
        assert at_the_machine(f"Next: {next_step(Reason.CLOSED)}") in (await served.octet(*words)).out


async def test_a_brief_comes_from_a_file_or_from_standard_input_as_it_is(served: Console) -> None:
    brief = "Zähle 漢字 👩‍👩‍👧\n\n```\ncode\n```"
    (served.cwd / "brief.md").write_text(brief, encoding="utf-8")
    for arguments, text in ((("--file", "brief.md"), ""), (("--file", "-"), brief), (("-",), brief), ((), brief)):
        made = await served.octet("task", "new", *arguments, "--json", text=text)
        assert json.loads(made.out)["brief"] == brief
    assert await served.house.count() == 4


async def test_the_longest_brief_comes_by_standard_input_to_its_agent(served: Console) -> None:
    brief = "漢" * 100_000
    made = await served.octet("task", "new", "--file", "-", text=brief)
    assert made.code == 0, made.err
    await served.house.until(TaskId("T-1"), TaskState.WORKING)
    assert brief in served.house.lane.submitted[0]
    more = await served.octet("task", "new", "--file", "-", text=brief + "x")
    assert (more.code, await served.house.count()) == (2, 1)
    assert "100000" in more.err


async def test_the_same_key_makes_one_task(served: Console) -> None:
    for _ in range(2):
        made = await served.octet("task", "new", "once", "--key", "nightly 1/ü")
        assert made.out.startswith("T-1 ")
    assert await served.house.count() == 1


async def test_a_task_is_ended_with_words_and_shows_them_as_not_checked(served: Console) -> None:
    task, code = await served.house.working()
    ended = await served.octet("task", "done", task, "I looked\nmyself")
    assert f"Marked {task} as done" in ended.out
    shown = (await served.octet("task", "show", task)).out
    assert "  I looked\n  myself" in shown
    assert "(done, not checked)" in shown
    assert code not in shown
    seen = json.loads((await served.octet("task", "show", task, "--json")).out)
    assert seen["task"]["state"] == "done"


async def test_a_task_is_made_urgent_given_to_an_agent_and_tried_again(served: Console) -> None:
    served.house.lane.script += [
        Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED),
        Outcome(result=Result.REFUSED, reason=Reason.CLOSED),
    ]
    assert (await served.octet("task", "new", "Count the birds", "--agent", "Agent-1")).code == 0
    await served.house.until(TaskId("T-1"), TaskState.FAILED)
    again = await served.octet("task", "retry", "T-1")
    assert (again.code, again.out) == (0, "T-1 is ready again (attempt 2).\n")
    await served.house.until(TaskId("T-1"), TaskState.WAITING)
    urgent = await served.octet("task", "priority", "T-1", "0", "--json")
    assert json.loads(urgent.out)["priority"] == 0
    given = await served.octet("task", "assign", "t1", "agent-3")
    assert given.out == "Assigned T-1 to Agent-3.\n"
    await served.house.until(TaskId("T-1"), TaskState.WORKING)


async def test_words_are_sent_to_whoever_has_a_task_and_looked_at(served: Console) -> None:
    task, code = await served.house.working()
    sent = await served.octet("msg", "send", "--task", task, "--file", "-", "--key", "k", text="Zähle\nneu")
    assert (sent.code, sent.err) == (0, "")
    name = sent.out.split()[0]
    assert sent.out.startswith(f"{name} from operator about {task}:\n  Agent-1: ")
    again = await served.octet("msg", "send", "Zähle\nneu", "--task", task, "--key", "k")
    assert again.out.split()[0] == name
    shown = await served.octet("msg", "show", name)
    assert shown.out.endswith("\n\nZähle\nneu\n")
    assert code not in shown.out
    everybody = await served.octet("msg", "broadcast", "Fire drill", "--needs", "python", "--json")
    assert [one["agent"] for one in json.loads(everybody.out)["deliveries"]] == [f"Agent-{n}" for n in range(1, 5)]
    nobody = await served.octet("msg", "send", "hello")
    assert (nobody.code, nobody.out) == (2, "")
    assert "as the recipient" in nobody.err


async def test_texts_can_do_nothing_to_the_console(served: Console) -> None:
    task, code = await served.house.working("ab \u202egnp.exe title")
    await served.house.core.tasks.accept_answer(task, code, "answer \x1b]0;owned\x07 \x1b[2J end", final=False, key="k")
    for command in (("task", "list"), ("task", "show", task)):
        out = (await served.octet(*command)).out
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "\u202e" not in out
    assert "answer ]0;owned  end" in (await served.octet("task", "show", task)).out


WRONG = [
    (("task", "new"), "is empty"),
    (("task", "new", " "), "`text` is empty"),
    (("task", "new", "x", "--file", "y"), "not both"),
    (("task", "new", "--file", "missing.md"), "cannot be read"),
    (("task", "new", "x", "--agent", "Nobody"), "no agent called Nobody"),
    (("task", "new", "x", "--priority", "9"), "Priority is P0 to P4"),
    (("task", "show", "T-99"), "no task T-99"),
    (("task", "show", "../agents"), "octet:"),
    (("task", "retry", "T-99"), "no task T-99"),
    (("task", "assign", "T-99", "Nobody"), "no agent called Nobody"),
    (("task", "priority", "T-99", "7"), "Priority is P0 to P4"),
    (("task", "priority", "T-99", "high"), "PRIORITY"),
    (("task", "list", "--state", "nonsense"), "is not one of"),
    (("agent", "show", "Nobody"), "no agent called Nobody"),
    (("agent", "pause", "Nobody"), "no agent called Nobody"),
    (("desk", "hold", "attic"), "no desk called attic"),
    (("desk", "screenshot", "main", "attic", "x.png"), "attic"),
]


async def test_what_cannot_be_done_is_told_on_standard_error_with_2(served: Console) -> None:
    for arguments, why in WRONG:
        said = await served.octet(*arguments)
        assert (said.code, said.out) == (2, ""), arguments
        assert why in " ".join(said.err.replace("│", " ").split()), arguments
    assert await served.house.count() == 0


async def test_a_receipt_is_told_and_its_pictures_are_written_and_none_is_overwritten(
    served: Console, tmp_path: Path
) -> None:
    target = Target(id=5, kind="Chat\x1b", title_sha256="dd" * 32, place=(4, 24, 386, 413))
    served.house.lane.script.append(
        Outcome(
            result=Result.DELIVERED,
            assurance=Assurance.RECEIPT,
            note="busy sign \x1b[31mseen",
            timings_ms={"submit": 2.5},
            pictures=(Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"png"),),
            evidence=Evidence(
                readback="copy", sha256="ee" * 32, hand=WorkerIdentity(pid=7, host="ab", version="1"), target=target
            ),
        )
    )
    assert (await served.octet("task", "new", "Count the birds")).code == 0
    await served.house.until(TaskId("T-1"), TaskState.WORKING)
    told = await served.octet("receipt", "T-1", "--pictures", str(tmp_path / "shots"))
    assert told.code == 0, told
    for words in (
        "delivered (receipt)",
        "Octet did not read its transcript",
        "copied the whole text",
        "submit 2.5",
        "process 7",
    ):
        assert words in told.out, words
    assert "\x1b" not in told.out
    (file,) = (tmp_path / "shots").iterdir()
    assert (file.name.endswith("-1-staged-composer.png"), file.read_bytes()) == (True, b"png")
    assert file.stat().st_mode & 0o077 == 0
    again = await served.octet("receipt", "T-1", "--pictures", str(tmp_path / "shots"))
    assert (again.code, "Octet overwrites nothing" in again.err) == (2, True), again
    none = await served.octet("receipt", "T-9")
    assert (none.code != 0, "There is no task T-9" in none.err) == (True, True), none


async def test_a_prompt_that_nobody_saw_arrive_is_listed_and_resolved(served: Console) -> None:
    assert (await served.octet("delivery", "list")).out == "no delivery waits for a decision\n"
    lost = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is \x1b[31mempty")
    for number, (word, said) in enumerate(
        (("arrived", "is delivered"), ("again", "is queued"), ("drop", "is cancelled"))
    ):
        task = TaskId(f"T-{number + 1}")
        served.house.lane.script.append(lost)
        assert (await served.octet("task", "new", "Count the birds")).code == 0
        await served.house.until(task, TaskState.PARKED)
        listed = await served.octet("delivery", "list")
        assert listed.out.startswith(f"{task}  Agent-"), listed
        assert "the box is \ufffd[31mempty" in listed.out
        ended = await served.octet("delivery", "resolve", task, word)
        assert (ended.code, said in ended.out) == (0, True), ended
    late = await served.octet("delivery", "resolve", "T-1", "drop")
    assert (late.code, late.err) == (
        2,
        "octet: There is nothing to decide about T-1: a user has already said that it arrived.\n",
    )
    assert (await served.octet("delivery", "resolve", "T-1", "perhaps")).code == 2


async def test_agents_are_listed_and_shown(served: Console) -> None:
    listed = await served.octet("agent", "list")
    assert [line.split()[:2] for line in listed.out.splitlines()] == [[f"Agent-{n}", "idle"] for n in (1, 2, 3, 4)]
    shown = await served.octet("agent", "show", "Agent-3")
    assert shown.out.startswith("Agent-3: idle · ")
    assert "Desk: main, window agent-3" in shown.out
    assert json.loads((await served.octet("agent", "show", "Agent-3", "--json")).out)["agent"]["capabilities"] == [
        "python"
    ]


async def test_an_agent_is_paused_drained_and_resumed(served: Console) -> None:
    paused = await served.octet("agent", "pause", "agent-3")
    assert paused.out.startswith("Agent-3: paused (by operator) · ")
    assert "paused" in (await served.octet("agent", "list")).out
    assert (await served.octet("agent", "resume", "Agent-3")).out.startswith("Agent-3: idle · ")
    drained = await served.octet("agent", "drain", "Agent-3", "--json")
    assert json.loads(drained.out)["state"] == "paused"


async def test_an_agent_is_interrupted_and_its_window_answered_and_the_exit_code_tells(
    served: Console, tmp_path: Path
) -> None:
    lane = served.house.lane
    lane.script.append(Outcome(result=Result.DELIVERED, note="its agent rests"))
    done = await served.octet("agent", "interrupt", "agent-1")
    assert (done.code, done.out.splitlines()[:2]) == (
        0,
        ["Octet pressed Stop for Agent-1.", "  Octet saw: its agent rests"],
    )
    lane.script.append(Outcome(result=Result.DELIVERED))
    stopped = (await served.octet("agent", "interrupt", "agent-1")).out
    assert stopped.startswith("Octet pressed Stop for Agent-1.\n"), "it does not continue"
    lane.script.append(Outcome(result=Result.DELIVERED, note="the window shows something else than before"))
    anew = await served.octet("agent", "new-chat", "agent-1")
    assert (anew.code, anew.out.splitlines()[0]) == (0, "Octet pressed New conversation for Agent-1.")
    answers = (Act.APPROVE, Act.DENY)
    asks = Shown(
        window="agent-2", activity=Activity.NEEDS_INPUT, answers=answers, mark="one", text="Run this?\nrm \x1b[2J -rf"
    )
    await served.house.core.dispatch.window_shows("main", asks)
    needs = (await served.octet("fleet", "needs-me")).out
    assert "Agent-2: its window waits for an answer" in needs
    assert "Run this? rm" in needs
    assert "\x1b" not in needs
    shot = Picture(moment=Moment.AFTERWARDS, png=b"png")
    lane.script.append(Outcome(result=Result.UNKNOWN, note="nothing changed", pictures=(shot,)))
    unknown = await served.octet("agent", "answer", "Agent-2", "approve")
    assert unknown.code == 1
    assert unknown.out.startswith("Octet does not know whether it pressed Approve for Agent-2.\n")
    said = unknown.out.splitlines()[-1]
    assert said.startswith("its window afterwards: octet receipt ")
    receipt = await served.octet("receipt", said.split()[5], "--pictures", str(tmp_path / "shots"))
    assert "picture afterwards-window: the window afterwards" in receipt.out
    assert [path.read_bytes() for path in (tmp_path / "shots").iterdir()] == [b"png"]
    refused = await served.octet("agent", "interrupt", "Agent-3")
    assert refused.code == 2
    assert 'allowed_actions = ["interrupt"]' in refused.err


async def test_a_desk_is_looked_at_held_released_and_stopped(served: Console) -> None:
    served.house.worker.windows = (
        WindowStatus(name="agent-1", usable=True),
        WindowStatus(name="agent-2", usable=False, reason=Reason.COVERED, note="by “Notes”"),
    )
    status = (await served.octet("desk", "status")).out
    assert "main: ready" in status
    assert "covered: by “Notes”" in status
    modes = (
        ("hold", "Desk main is on hold", "held"),
        ("release", "main is running", "open"),
        ("stop", "Desk main is stopped", "stopped"),
    )
    for verb, state, mode in modes:
        said = await served.octet("desk", verb, "main")
        assert state in said.out
        assert served.house.worker.told[-1] == mode


async def test_a_screenshot_is_a_new_file_for_its_owner_only(served: Console) -> None:
    command = ("desk", "screenshot", "main", "agent-1", "shot.png")
    assert (await served.octet(*command)).code == 0
    shot = served.cwd / "shot.png"
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(shot.stat().st_mode) == 0o600
    shot.write_text("mine")
    again = await served.octet(*command)
    assert (again.code, shot.read_text()) == (2, "mine")
    assert "file exists" in again.err


async def test_without_octet_every_verb_says_so_and_is_75(console: Console) -> None:
    for command in (("task", "list"), ("task", "new", "x"), ("agent", "list"), ("desk", "status")):
        said = await console.octet(*command)
        assert (said.code, said.out) == (75, "")
        why = f"Octet isn't running in {console.house.home}. Start it with `octet run`"
        assert said.err.startswith(f"octet: {why}, or name its home with `--home`.")


async def test_an_octet_that_crashed_counts_as_not_running(console: Console) -> None:
    async with console.house.served({"HOME": str(console.cwd)}):
        left = json.loads((console.house.home / RUN_FILE).read_text())
    # Its process lives, but nobody listens there any more; nor does anybody else at an address of this test's own.
    (console.house.home / RUN_FILE).write_text(json.dumps({**left, "address": "127.0.7.4"}))
    said = await console.octet("task", "list")
    assert (said.code, said.out) == (75, "")
    assert "isn't running" in said.err


async def test_a_database_that_is_away_is_try_later(served: Console) -> None:
    task, _ = await served.house.working()
    served.house.lose_the_database()
    said = await served.octet("task", "cancel", task)
    assert (said.code, said.out) == (75, "")
    served.house.find_the_database()
    assert (await served.house.task(task)).state is TaskState.WORKING


async def test_a_file_goes_with_a_task_and_with_a_message(console: Console) -> None:
    (console.cwd / "birds list.csv").write_bytes(b"wren\n\x00\xff")
    async with console.house.served():
        for words in (("task", "new", "Count"), ("msg", "send", "Look", "--agent", "Agent-1")):
            said = await console.octet(*words, "--attach", "birds list.csv", "--json")
            assert said.code == 0, said.err
            made = json.loads(said.out)
            (file,) = made.get("attachments") or made["message"]["attachments"]
            assert (Path(file["path"]).name, file["size"]) == ("birds_list.csv", 7)
            assert await asyncio.to_thread(Path(file["path"]).read_bytes) == b"wren\n\x00\xff"
        shown = await console.octet("task", "show", "T-1")
        assert "birds_list.csv (7 bytes)" in shown.out
        missing = await console.octet("task", "new", "Count", "--attach", "missing.csv")
        assert (missing.code, "missing.csv cannot be read" in missing.err) == (2, True)
