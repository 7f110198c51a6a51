"""What Octet and the worker of ACP agents send each other, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from automation.desktop.worker.frames import FrameCodec
from core.agents.model import Program
from core.deliveries.model import (
    DeliveryRequest,
    Outcome,
    PermissionAsk,
    ProgramStatus,
    ToolAccess,
    TurnAct,
    TurnEnd,
    TurnText,
    TurnUsage,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpAgent:
    """One agent, and how its program is started."""

    name: str
    program: Program
    variables: Mapping[str, str] = field(repr=False)  # added to its environment; some are secret
    folder: str  # the folder that it works in
    state: str  # the folder for what must outlive the worker: the conversation, and which prompts went there
    mode: str = ""  # empty: the program's own
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    begins_fresh: bool = False  # a task begins a new conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAgents:
    """Drive these agents and no others. The first frame; and after each change, which a running turn outlasts."""

    agents: tuple[AcpAgent, ...]
    fault_points: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEndStored:
    """The end of this turn is stored: it need not be reported again."""

    agent: str
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    call: int = 0
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare(_Call):
    """Have a program and a conversation ready for this order. `is_asked`: its tools were asked for, if it has any."""

    begins_task: bool
    folder: str = ""  # of the task alone, if it has one
    tools: ToolAccess | None = None
    is_asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePrompt(_Call):
    """Write the prompt; answered when it has arrived. With `settles` find out whether an earlier one did."""

    order: DeliveryRequest
    settles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAsk(_Call):
    """Answer this question of the agent; None: cancelled."""

    ask: str
    choice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(_Call):
    """Cancel the turn, begin a new conversation with the next prompt, or only say what the program is and does."""

    do: Literal["interrupt", "begin_conversation", "report_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpResult:
    """The answer to a call."""

    call: int
    is_done: bool = True
    outcome: Outcome | None = None  # of Prepare: why the prompt cannot be written; None: it can
    status: ProgramStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The worker lives."""


Call = Prepare | WritePrompt | AnswerAsk | Control
Fact = TurnText | TurnAct | TurnUsage | PermissionAsk | TurnEnd
ToWorker = UseAgents | TurnEndStored | Call
FromWorker = AcpResult | Fact | Alive
FRAMES = FrameCodec[ToWorker, FromWorker](ToWorker, FromWorker)
