"""What the page offers about what needs users: the buttons of Discord in the same words, as far as the role allows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.discord.views.offers import offers as in_discord
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from bot.verbs.naming import DISCORDS, PAGES, on_the_page
from bot.verbs.offers import offered
from core.fleet.model import Need, NeedKind
from core.security.model import OPERATOR, Role
from core.tasks.model import TaskId
from tests.builders import make_person

ULID = "01J00000000000000000000000"
TASK = TaskId("T-7")
NEEDS = (
    Need(kind=NeedKind.QUESTION, what="asks", next="", about=f"question:{ULID}", choices=("Red", "Blue")),
    Need(kind=NeedKind.QUESTION, what="waits", next="", task=TASK),
    Need(kind=NeedKind.NEEDS_ANSWER, what="", next="", about=ULID, choices=("Allow once", "Reject"), agent="Agent-1"),
    Need(kind=NeedKind.NEEDS_ANSWER, what="", next="", about=ULID, choices=("approve", "deny"), agent="A", desk="main"),
    Need(kind=NeedKind.DELIVERY_UNKNOWN, what="", next="", about=f"{ULID}:3", choices=("arrived", "again", "drop")),
    Need(kind=NeedKind.STORM, what="", next="", about=f"trace:{ULID}"),
    Need(kind=NeedKind.PARKED, what="", next="Use `/task retry`.", task=TASK),
    Need(kind=NeedKind.IDLE, what="", next="", task=TASK),
    Need(kind=NeedKind.DESK, what="", next="", desk="main", by="discord:1"),
    Need(kind=NeedKind.WINDOW, what="", next="Run `/desk calibrate main` (or `octet calibrate main w`).", desk="main"),
)
ONLY_IN_DISCORD = {"Screenshot", "Read the answer in the window", "Recalibrate"}
"""The page has pictures of its own, and these change nothing."""


@pytest.mark.parametrize("need", NEEDS, ids=lambda one: f"{one.kind.value} {one.about}")
async def test_the_page_offers_what_discord_does_in_the_same_words(need: Need) -> None:
    labels = [str(one.item.label) for one in in_discord(need)]
    assert [one.label for one in offered(need, OPERATOR).offers] == [
        label for label in labels if label not in ONLY_IN_DISCORD
    ]


@pytest.mark.parametrize("need", NEEDS, ids=lambda one: f"{one.kind.value} {one.about}")
def test_each_offer_is_a_request_that_octet_takes(need: Need) -> None:
    routes = {re.sub(r"\{\w+\}", "([^/]+)", one.route): one for one in VERBS if one.route}
    for offer in offered(need, OPERATOR).offers:
        verb = next(verb for route, verb in routes.items() if re.fullmatch(route, offer.call))
        names = {one.name for one in verb.parameters}
        assert {*offer.body, offer.asks} - {""} <= names
        assert not offer.asks or offer.asks == "text"


def test_a_viewer_is_offered_nothing_and_a_member_what_they_may_do_for_their_own_tasks() -> None:
    viewer = make_person(7, "Vic", Role.VIEWER)
    member = make_person(8, "Mem", Role.MEMBER)
    assert [offered(one, viewer).offers for one in NEEDS] == [()] * len(NEEDS)
    own = [replace(one, requester=member.id) for one in NEEDS]
    assert [one.label for one in offered(own[0], member).offers] == ["Red", "Blue", "Answer …"]
    assert offered(own[3], member).offers == ()
    assert [offered(replace(one, requester=viewer.id), member).offers for one in NEEDS] == [()] * len(NEEDS)


def test_the_next_step_is_left_out_where_the_offers_say_it_and_else_names_the_pages_buttons() -> None:
    assert offered(NEEDS[6], OPERATOR).next == "Use *Retry*."
    assert offered(NEEDS[0], OPERATOR).next == ""
    assert offered(NEEDS[9], OPERATOR).next == "Run `octet calibrate main w`."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "`/msg send` in its thread tells the agent; `/task cancel` ends it.",
            "a message in its chat tells the agent; *Cancel* ends it.",
        ),
        ("`/desk arrange` brings it back.", "*desk arrange* brings it back."),
        ("Run `/admin reload`.", "Run `octet reload`."),
    ],
)
def test_the_page_names_its_buttons_and_commands(said: str, shown: str) -> None:
    assert on_the_page(said) == shown


def test_every_command_that_the_page_names_is_in_its_command_bar() -> None:
    offered_there = {one.full_name for one in VERBS if On.HTTP in one.on}
    assert {one.full_name for one in VERBS if one.discord != "off"} - offered_there <= set(DISCORDS)
    assert set(PAGES) <= {one.full_name for one in VERBS}
