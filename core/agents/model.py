"""What an agent is, and the steps its state may take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Literal, NewType, cast

from pydantic import BeforeValidator

from core import remedies
from core.journal.model import Event
from core.kit.field_types import IS_NAME, Bool, Float, Int, Limits, Text, config_table, matching
from core.kit.filters import ListInMemory, words_of
from core.profiles.value_types import Pattern
from core.reasons import AnyReason, Diagnostic

AgentName = NewType("AgentName", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAbilities:
    """What a lane can do. Code asks for these abilities, and never which lane it is."""

    has_window: bool = False  # Its agents have a window of a desk: on a display, or a pane of a terminal.
    has_screen: bool = False  # That window is on a display, which a user can lock
    answers_itself: bool = False  # A delivery's outcome carries the agent's answer
    queues: bool = False  # The agent keeps its conversation: messages can be sent to it between its prompts.
    has_turns: bool = False  # Its agents report what they do within a turn, and when it ends (TurnNews)
    is_dry: bool = False  # Nothing is sent: users read the prompt, and answer in place of the agent.


class Lane(StrEnum):
    """How prompts reach an agent."""

    WINDOW = "window"
    DRYRUN = "dryrun"
    TERMINAL = "terminal"
    MODEL = "model"
    ACP = "acp"

    @property
    def abilities(self) -> LaneAbilities:
        return _ABILITIES[self]


class Job(StrEnum):
    """An agent's place in the fleet. Users have roles; agents have jobs."""

    CHIEF = "chief"
    MANAGER = "manager"
    WORKER = "worker"


Route = tuple[Lane, str | None]  # Where deliveries queue: a lane with a desk, or with the agent that it reaches alone
_IN_A_WINDOW = LaneAbilities(has_window=True, queues=True)
_ABILITIES = {
    Lane.WINDOW: replace(_IN_A_WINDOW, has_screen=True),
    Lane.TERMINAL: _IN_A_WINDOW,
    Lane.DRYRUN: LaneAbilities(queues=True, is_dry=True),
    Lane.MODEL: LaneAbilities(answers_itself=True),
    Lane.ACP: LaneAbilities(queues=True, has_turns=True),
}


class AgentState(StrEnum):
    """What an agent is doing, as far as Octet knows."""

    OFFLINE = "offline"
    IDLE = "idle"
    BUSY = "busy"
    NEEDS_INPUT = "needs_input"
    LIMITED = "limited"
    PAUSED = "paused"
    DRAINING = "draining"
    HELD = "held"
    UNKNOWN = "unknown"


_A = AgentState
AGENT_STEPS: dict[AgentState, frozenset[AgentState]] = {
    _A.OFFLINE: frozenset({_A.IDLE, _A.PAUSED, _A.HELD, _A.UNKNOWN}),
    _A.IDLE: frozenset({_A.OFFLINE, _A.BUSY, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.BUSY: frozenset({_A.OFFLINE, _A.IDLE, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.NEEDS_INPUT: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.LIMITED, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.LIMITED: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.PAUSED: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.DRAINING, _A.HELD, _A.UNKNOWN}),
    _A.DRAINING: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.HELD, _A.UNKNOWN}),
    _A.HELD: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.PAUSED, _A.UNKNOWN}),
    _A.UNKNOWN: frozenset({_A.OFFLINE, _A.IDLE, _A.BUSY, _A.NEEDS_INPUT, _A.LIMITED, _A.PAUSED, _A.HELD}),
}

OFF_DUTY = frozenset({_A.PAUSED, _A.DRAINING})  # a user said that it gets nothing new; it may still have its task
STANDING_STILL = frozenset({_A.NEEDS_INPUT, _A.LIMITED})  # its window waits for a user, or for a limit to pass
AT_HAND = frozenset({_A.IDLE, _A.BUSY}) | STANDING_STILL  # its window decides which of these it is

_IS_CAPABILITY = matching(
    r"[a-z0-9][a-z0-9_.+-]{0,31}(:[1-9])?",
    "bad_capability",
    "is not a valid capability: use lowercase letters, digits, - _ + and ., then a level from :1 to :9 if you like",
)
_MEMBERSHIPS = ("job:", "group:", "project:")


_Argument = Annotated[Text, Limits(min_length=1, max_length=4000)]


def is_membership(need: str) -> bool:
    """Return whether this need is a job or a group, not a capability."""
    return need.startswith(_MEMBERSHIPS)


def _as_capabilities(given: object) -> object:
    """Read a table of levels, `{python = 3}`, as the list `["python:3"]`."""
    if not isinstance(given, dict):
        return given
    return [f"{name}:{level}" for name, level in cast("dict[object, object]", given).items()]


@config_table
class Agent:
    """One worker as config/agents.toml describes it."""

    name: Annotated[AgentName, IS_NAME]  # How users and prompts call it, for example `Agent-1`
    about: Annotated[Text, Limits(min_length=1, max_length=100)]  # What it is for, in a few words
    capabilities: Annotated[
        frozenset[Annotated[Text, _IS_CAPABILITY]],
        Limits(max_length=50),
        BeforeValidator(_as_capabilities, json_schema_input_type=list[str] | dict[str, int]),
    ]
    """What it can do, for example `["code", "python:3"]` or `{code = 1, python = 3}`. Octet prefers the agent with the
    higher level, 1 (the default) to 9."""
    groups: Annotated[frozenset[Annotated[Text, IS_NAME]], Limits(max_length=20)] = frozenset()
    """Groups of agents that a message can go to, for example `["frontend"]`."""
    lane: Lane  # How prompts reach it, `window`, `terminal`, `acp`, `model` or `dryrun`
    job: Job = Job.WORKER  # Its place in the fleet: `chief`, `manager` or `worker`
    desk: Text | None = None  # The desk of its window or pane
    window: Text | None = None  # Its window or pane on that desk
    account: Annotated[Text, Limits(min_length=1, max_length=100)] | None = None
    """The subscription or key that it uses, any name. When one of its agents reaches a limit, all of them rest."""
    model: Text | None = None  # With lane `model`, the name of its [models.NAME]
    command: Annotated[tuple[_Argument, ...], Limits(max_length=100)] = ()
    """With lane `acp`, the command that starts its program, for example `["opencode", "acp"]`."""
    program: Text | None = None  # With lane `acp`, in place of `command`: the name of its [programs.NAME]
    folder: Annotated[Text, Limits(min_length=1, max_length=1000)] | None = None
    """With lane `acp`, the folder that it works in; for an agent in a window or pane, the folder that its program has
    open for the tasks of its project. Relative to the home."""
    projects: Annotated[frozenset[Annotated[Text, IS_NAME]], Limits(max_length=20)] = frozenset()
    """The projects of config/projects.toml whose tasks it gets; an agent in a window or pane has one, with `folder`."""
    mode: Annotated[Text, Limits(min_length=1, max_length=100)] | None = None
    """With lane `acp`, the mode that each conversation begins in, for example `plan`; else the program's default."""
    options: Annotated[dict[Text, Text], Limits(max_length=20)] = field(default_factory=dict[str, str], hash=False)
    """With lane `acp`, values of options that the program offers, for example `{model = "opencode/big-pickle"}`."""
    conversation: Literal["fresh", "continue"] = "continue"
    """With lane `acp`, whether a task begins a `fresh` conversation or may `continue` the last one."""
    end_of_turn: Literal["answer", "ask"] = "answer"
    """With lane `acp`, what the end of a turn is: its last message is the `answer`, or Octet may `ask` for one."""
    max_cost: Annotated[Float, Limits(gt=0, le=10_000)] | None = None
    """With lane `acp`, the US dollars that one turn may cost, where the program reports it; then Octet cancels it."""
    allowed_actions: Annotated[frozenset[Text], Limits(max_length=10)] = frozenset()
    """What users may press in its window through Octet: any of `interrupt`, `approve`, `deny`, `continue`."""
    on_idle: Literal["show", "nudge"] = "show"
    """What Octet does when it looks idle without an answer: `show` users, or first `nudge` it, once for a task."""

    @property
    def abilities(self) -> LaneAbilities:
        return self.lane.abilities

    @property
    def delegates(self) -> bool:
        """Whether it may give parts of its task to other agents."""
        return self.job is not Job.WORKER

    @property
    def levels(self) -> dict[str, int]:
        """Its capabilities by name, with their levels. Its job, groups and projects count as `job:worker`,
        `group:NAME` and `project:NAME`."""
        named = (one.partition(":") for one in sorted(self.capabilities))
        member = {f"job:{self.job}": 1, **{f"group:{name}": 1 for name in sorted(self.groups)}}
        member |= {f"project:{name}": 1 for name in sorted(self.projects)}
        return {name: int(level or 1) for name, _, level in named} | member

    @property
    def route(self) -> Route:
        """Where its deliveries queue: at its desk; an agent that answers itself, or has turns, has its own queue."""
        is_alone = self.abilities.answers_itself or self.abilities.has_turns
        return self.lane, self.desk or (self.name if is_alone else None)

    @property
    def is_reachable(self) -> bool:
        """Whether prompts can be brought to it: where its lane needs a window, it has one."""
        return not self.abilities.has_window or (self.desk is not None and self.window is not None)


@config_table
class Program:
    """A program that speaks ACP: how it is started, and what is known of it."""

    command: Annotated[tuple[_Argument, ...], Limits(min_length=1, max_length=100)]
    """The command that starts it, for example `["opencode", "acp"]`."""
    environment: Annotated[dict[Text, Text], Limits(max_length=100)] = field(default_factory=dict[str, str], hash=False)
    """Variables that it gets beside those of Octet."""
    binary: Text = ""  # For an adapter, the program that it drives, as it is called on PATH, for example `claude`
    binary_variable: Text = ""  # The variable by which the adapter takes the path of that program
    least: Text = ""  # The oldest version that Octet was tried with
    node: Int = 0  # The oldest major version of Node.js that it runs on; 0: it needs none.
    log_in: Text = ""  # What a user types in a terminal to log in
    authenticate: Text = ""  # The way to log in, as the program calls it, that it expects at each start
    asks_in: frozenset[Text] = frozenset()  # Modes in which it asks before it acts
    asks_no_one_in: frozenset[Text] = frozenset()  # Modes in which it never asks: it, or a model, decides
    writes_history_first: Bool = False
    """Whether a prompt that its history lacks after a crash certainly did not arrive; true only where tests show it."""
    limit_errors: Pattern = ""  # A part of its error messages at a limit of the account


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """An agent with its present state."""

    agent: Agent
    state: AgentState
    reason: AnyReason | None
    task: str | None
    since_ms: int
    note: Diagnostic = ""
    until_ms: int | None = None  # When a limit or a rest ends; None where Octet does not know.
    forgiven_ms: int = 0  # Failures before this do not make it rest: a user ended its rest then.

    @property
    def cure(self) -> str:
        """What a user does about it; empty where nothing is wrong."""
        return remedies.next_step(self.reason) if self.reason else ""


LISTING: ListInMemory[AgentStatus] = ListInMemory(
    known={
        "state": words_of(AgentState),
        "lane": words_of(Lane),
        "job": words_of(Job),
        **dict.fromkeys(("agent", "desk", "group", "can", "account", "model", "task")),
    },
    id_of=lambda row: row.agent.name,
    fields={
        "state": lambda row: (row.state.value,),
        "lane": lambda row: (row.agent.lane.value,),
        "job": lambda row: (row.agent.job.value,),
        "agent": lambda row: (row.agent.name,),
        "desk": lambda row: (row.agent.desk,),
        "group": lambda row: row.agent.groups,
        "can": lambda row: {one.partition(":")[0] for one in row.agent.capabilities},
        "account": lambda row: (row.agent.account,),
        "model": lambda row: (row.agent.model,),
        "task": lambda row: (row.task,),
    },
    text_of=lambda row: f"{row.agent.name} {row.agent.about}",
    sorts={
        "agent": lambda row: row.agent.name,
        "state": lambda row: row.state.value,
        "lane": lambda row: row.agent.lane.value,
        "since": lambda row: row.since_ms,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent(Event):
    """Something that happened to an agent."""

    SUBJECT = "agent:{0.agent}"
    agent: str
