"""`octet desk test|arrange|doctor` as a person runs them: real processes against a served house."""

from __future__ import annotations

from bot.verbs.naming import at_the_machine
from core.deliveries.model import Reason
from core.desks.model import Arranged, WindowStatus
from core.remedies import next_step
from tests.bot.cli.test_verbs import Console, console, served
from tests.fakes.lane import refused

__all__ = ["console", "served"]


async def test_windows_are_tried_out_and_the_exit_code_says_whether_all_went_well(served: Console) -> None:
    good = await served.octet("desk", "test", "main")
    assert good.code == 0
    assert good.out.splitlines()[0] == "ok       Agent-1: copied back and compared; cleared again after 3 ms"
    served.house.lane.script.append(refused(Reason.CLOSED))
    bad = await served.octet("desk", "test", "--agent", "Agent-2")
    assert bad.code == 1
    assert bad.out == f"problem  Agent-2: closed\n  → {at_the_machine(next_step(Reason.CLOSED))}\n"
    assert served.house.lane.submitted == []


async def test_windows_are_put_back(served: Console) -> None:
    served.house.worker.arranged = {"agent-1": Arranged(window="agent-1", reason=Reason.RESIZED, note="it is 1×1")}
    said = await served.octet("desk", "arrange", "main")
    assert said.code == 1
    assert "problem  Agent-1: resized: it is 1×1" in said.out
    assert "ok       Agent-2: is at its place" in said.out


async def test_the_doctor_of_a_running_octet_says_what_to_do(served: Console) -> None:
    assert (await served.octet("desk", "doctor")).out == "main (ready): 4 windows checked, no problems\n"
    served.house.worker.windows = (
        WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED, note="by “Notes”"),
    )
    said = await served.octet("desk", "doctor", "main")
    assert (said.code, said.out.splitlines()[1:]) == (
        1,
        ["problem  Agent-1: covered: by “Notes”", f"  → {at_the_machine(next_step(Reason.COVERED))}"],
    )
