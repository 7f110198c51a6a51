"""What core needs from a lane. automation/ has the real ones: windows, terminals, models, dry run."""

from __future__ import annotations

from typing import Protocol

from core.deliveries.model import (
    DeliveryId,
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


class Progress(Protocol):
    """How a lane asks the journal before it acts. Each call returns when its row is committed, or raises lease_lost or
    IllegalStep: the lane then clears its draft and returns Result.STOPPED."""

    # Before the first click. `drafts` are marks by which our draft can be recognised from now on.
    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None: ...
    # After the whole text was read back equal. `sha256` is of the text that was read; `drafts` are further marks of
    # the draft.
    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None: ...
    # Before Enter. After this returns the lane presses within 250 ms, or asks again.
    async def submitting(self) -> None: ...


class LanePort(Protocol):
    """A way to bring text to agents. It is called for one order at a time per route."""

    # How many orders it takes at the same time, over all its routes.
    @property
    def at_once(self) -> int: ...
    # Carry out one order and say what was seen. Raises nothing for what can be said in an Outcome. An order that
    # rehearses ends as REHEARSED once its text was read back and cleared; it asks for no `submitting`.
    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome: ...
    # Find out what became of an order that was interrupted after Enter had been asked for. DELIVERED when it is seen to
    # have arrived; NOT_ARRIVED when it is certain that it did not. When our whole draft is there untouched, Enter is
    # asked for and pressed once more. UNKNOWN in every other case. Raises nothing for what can be said in an Outcome.
    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome: ...
    # Give this delivery up if Enter was not asked for yet; `deliver` then returns STOPPED. With `answered` an answer
    # has proven that it arrived: `deliver` stops watching what Enter did, and returns.
    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None: ...


class TurnPort(LanePort, Protocol):
    """A lane of agents that have turns. `deliver` returns as soon as the prompt has arrived; TurnNews hears of
    the rest of the turn. Until its end `deliver` returns BOUNCED with BUSY. Each method returns within seconds, and
    raises nothing for what it can return."""

    # Answer an open question with one of its choices, or None: cancelled, which ends the whole turn in most programs.
    # Return whether the agent got this answer; False: the question was answered, or ended, before.
    async def answer_permission(self, ask: str, choice: str | None) -> bool: ...
    # Cancel the agent's turn, first answering its open questions with `cancelled`. Its TurnEnd says when it has
    # stopped. Return whether a turn was under way.
    async def interrupt(self, agent: str) -> bool: ...
    # Begin a new conversation with the next prompt. Return False, and change nothing, while a turn is under way.
    async def new_conversation(self, agent: str) -> bool: ...
    # Say what the agent's program is and does; start nothing.
    async def about(self, agent: str) -> ProgramStatus: ...


class TurnNews:
    """Listens to the turns of agents. A listener overrides what concerns it. For each agent the calls come one after
    the other and in order; the next one comes when the last has returned. One that raises Unavailable is repeated."""

    async def tools_for(self, agent: str) -> ToolAccess | None:
        """Make an access to Octet's tools for a conversation that is about to begin or to be loaded; None: it gets no
        tools. What was made for this agent before is of no use from here on."""

    async def turn_text(self, text: TurnText) -> None:
        """Note the message so far; at most once a second, and only the newest."""

    async def turn_act(self, act: TurnAct) -> None:
        """Note a tool call or a plan; of each only the newest, at most once a second."""

    async def turn_usage(self, usage: TurnUsage) -> None:
        """Note what the turn cost so far; only where the program reports it."""

    async def permission_asked(self, ask: PermissionAsk) -> None:
        """Note that the agent waits for an answer (TurnPort.answer_permission)."""

    async def turn_ended(self, end: TurnEnd) -> None:
        """Note that the turn ended, once for each prompt that was written and that the program did not refuse; again
        only if Octet ended before this returned. It may come before core has stored that the prompt arrived: raise
        Unavailable to get it once more. A turn that an earlier worker left is reported as LOST at the start of the
        next, also one whose delivery has to be settled first."""
