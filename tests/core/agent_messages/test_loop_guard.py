"""The guard against loops, as a pure function; and the codes that tell a sender how to write better."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.agent_messages.model import LONG_CHARS, hints
from core.agent_messages.traces import Chain, refusal_of
from core.messages.model import Message, Requires
from core.reasons import Reason
from core.settings.model import TalkLimits
from tests.core.messages.test_messages import make_message

AGENTS = st.sampled_from([f"A{number}" for number in range(8)])
LIMITS = TalkLimits(hops=4, per_pair_per_minute=3)


def got(sender: str, path: tuple[str, ...]) -> Message:
    return replace(make_message(body="x"), sender=f"agent:{sender}", path="\n".join(path), hop=len(path))


@given(
    path=st.lists(AGENTS, max_size=6, unique=True),
    sender=AGENTS,
    to=AGENTS,
    lately=st.integers(0, 4),
    said=st.booleans(),
)
def test_no_request_closes_a_circle_or_passes_a_limit_and_each_first_reply_may_go(
    path: list[str], sender: str, to: str, lately: int, *, said: bool
) -> None:
    cause = got(path[-1], tuple(path)) if path else None
    found = refusal_of(Chain(cause=cause, is_answered=said), sender=sender, recipient=to, lately=lately, limits=LIMITS)
    is_reply = bool(path) and to == path[-1] and not said
    if lately >= LIMITS.per_pair_per_minute:
        assert found is Reason.PAIR_TOO_OFTEN
    elif is_reply:
        assert found is None
    elif to in {*path, sender}:
        assert found is Reason.LOOP
    else:
        assert found is (Reason.TOO_MANY_HOPS if len(path) + 1 > LIMITS.hops else None)


@given(st.lists(AGENTS, min_size=2, max_size=60))
def test_requests_passed_on_end_after_as_many_hops_as_are_allowed(names: list[str]) -> None:
    cause, sender, hops = None, names[0], 0
    for to in names[1:]:
        chain = Chain(cause=cause, is_answered=True)
        if refusal_of(chain, sender=sender, recipient=to, lately=0, limits=LIMITS) is None:
            cause, sender, hops = got(sender, chain.agents(sender)), to, hops + 1
    assert hops <= LIMITS.hops


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Reply with the file and the line", ()),
        ("Where is the parser?", ()),
        ("x" * (LONG_CHARS + 1) + " reply", (Reason.TEXT_LONG,)),
        ("Where is it? Who wrote it?", (Reason.SEVERAL_REQUESTS,)),
        ("Reply:\n- one\n- two\n- three", (Reason.SEVERAL_REQUESTS,)),
        ("The build is red", (Reason.NO_ANSWER_FORM,)),
    ],
)
def test_a_sender_learns_what_makes_a_message_hard_to_answer(text: str, found: tuple[Reason, ...]) -> None:
    assert hints(text, Requires.REPLY) == found


def test_a_message_that_needs_no_answer_need_not_say_how() -> None:
    assert hints("The build is red", Requires.NONE) == ()
