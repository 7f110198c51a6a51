"""One calibration as questions and answers, over a display that exists only here."""

from __future__ import annotations

import asyncio
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.calibration import texts
from core.calibration.calibrator import Calibrator
from core.calibration.model import (
    Agreed,
    Answer,
    CalibratedWindow,
    CalibrationFailed,
    CalibrationOptions,
    CalibrationResult,
    CalibrationStep,
    ChooseWindows,
    Chosen,
    ComposerPlace,
    KnowByPlace,
    Measurement,
    NotProposed,
    NotTheQuestion,
    Pick,
    Point,
    PointAt,
    Risk,
    TrialResult,
    cells,
    place_of,
)
from core.calibration.session import CalibrationSession
from core.calibration.writer import save_profile
from core.config.profiles import read_profiles
from core.desks.learned import Learned
from core.desks.model import Learnable, LearnedFact
from core.home import Home
from core.kit.errors import OctetError
from core.profiles.model import Box, Sign
from core.reasons import Reason
from tests.builders import refuses
from tests.fakes.display_probe import FakeDisplayProbe

ROOT = Path(__file__).parents[3]
WINDOW = Box(x=400, y=0, width=386, height=413)


@dataclass
class Display:
    """A home, and two chats on its display that the profile `demo_tk` fits."""

    root: Path
    scout: FakeDisplayProbe
    took_over: list[str] = field(default_factory=list[str])

    def session(self, **wishes: Any) -> CalibrationSession:
        async def rest(_: float) -> None: ...

        async def draw(_: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
            return f"{len(places)} on {part}".encode()

        async def take_over(connected: Sequence[CalibratedWindow]) -> None:
            self.took_over += [one.window.name for one in connected]

        return CalibrationSession(
            Calibrator(home=Home(root=self.root), scout=self.scout, rest=rest),
            desk="main",
            display=":7",
            options=CalibrationOptions(**wishes),
            draw=draw,
            take_over=take_over,
        )

    def table(self, name: str) -> Mapping[str, Any]:
        return tomllib.loads((self.root / "config" / name).read_text("utf-8"))

    def profile(self, name: str, text: str) -> None:
        (self.root / f"config/profiles/{name}.toml").write_text(text, "utf-8")


@pytest.fixture
def display(tmp_path: Path) -> Display:
    return make_display(tmp_path)


def make_display(root: Path, *kinds: str) -> Display:
    shutil.copytree(ROOT / "config", root / "config")
    return Display(root=root, scout=FakeDisplayProbe(*(kinds or ("OctetChat", "OctetChat"))))


async def chosen(session: CalibrationSession, *picks: Pick) -> CalibrationStep:
    """Answer its first question by these picks, or by all that it proposes."""
    question = (await session.start()).now
    assert isinstance(question, ChooseWindows)
    listed = picks or tuple(Pick(number=one.number) for one in question.proposed)
    return await session.answer(Chosen(picks=listed))


async def test_one_question_connects_all_windows(display: Display) -> None:
    display.scout.tells = True
    session = display.session()
    question = (await session.start()).now
    assert isinstance(question, ChooseWindows)
    assert [(one.number, one.agent, one.profile, one.why_not) for one in question.candidates] == [
        (1, "Agent-1", "demo_tk", None),
        (2, "Agent-2", "demo_tk", None),
    ]
    assert await session.picture() == b"2 on None"

    result = (await session.answer(Chosen(picks=(Pick(number=1), Pick(number=2))))).now

    assert isinstance(result, CalibrationResult)
    assert [(one.agent, one.window, one.read_by, one.risks) for one in result.connected] == [
        ("Agent-1", "agent-1", "copy", ()),
        ("Agent-2", "agent-2", "copy", ()),
    ]
    assert (result.failed, result.code) == ((), "")
    assert display.took_over == ["agent-1", "agent-2"]
    assert [one["name"] for one in display.table("desks/main.toml")["windows"]] == ["agent-1", "agent-2"]
    with pytest.raises(NotTheQuestion):
        await session.answer(Chosen(picks=()))


async def test_an_agent_that_a_title_names_gets_that_window_and_a_known_one_keeps_its_own(display: Display) -> None:
    first, second = display.scout.windows
    display.scout.windows = (replace(first, title="agent-3: chat"), second)
    display.scout.tells = True
    question = (await display.session().start()).now
    assert isinstance(question, ChooseWindows)
    assert [one.agent for one in question.candidates] == ["Agent-3", "Agent-2"]

    result = (await chosen(display.session(), Pick(number=2, agent="Vera"), Pick(number=1, agent="Agent-1"))).now

    assert isinstance(result, CalibrationResult)
    assert [one.agent for one in result.connected] == ["Vera", "Agent-1"]
    question = (await display.session().start()).now
    assert isinstance(question, ChooseWindows)
    assert [one.agent for one in question.candidates] == ["Agent-1", "Vera"]


async def test_an_agent_named_for_one_window_is_not_given_another(display: Display) -> None:
    display.scout.tells = True
    result = (await chosen(display.session(), Pick(number=1), Pick(number=2, agent="agent-1"))).now
    assert isinstance(result, CalibrationResult)
    assert [one.agent for one in result.connected] == ["Agent-2", "agent-1"]


async def test_where_octet_finds_no_composer_the_user_points_and_windows_alike_follow(display: Display) -> None:
    session = display.session()
    step = await chosen(session)
    assert isinstance(step.now, PointAt)
    assert (step.now.number, step.now.agent, step.now.within) == (1, "Agent-1", "")
    assert await session.picture() == f"48 on {Box(x=0, y=0, width=386, height=413)}".encode()
    for wrong, error in (
        (ComposerPlace(place="49"), "unknown_grid_place"),
        (ComposerPlace(point=(500, 350)), "outside_window"),
        (Agreed(is_yes=True), "not_the_question"),
    ):
        with refuses(error):
            await session.answer(wrong)
    finer = (await session.answer(ComposerPlace(place="3"))).now
    assert isinstance(finer, PointAt)
    assert finer.within == "3"
    assert (await session.picture()).startswith(b"16 on")
    missed = (await session.answer(ComposerPlace(is_here=True))).now  # the pointer is at 0,0
    assert isinstance(missed, PointAt)

    result = (await session.answer(ComposerPlace(place="45"))).now

    assert isinstance(result, CalibrationResult)
    assert [one.agent for one in result.connected] == ["Agent-1", "Agent-2"]
    (x, y), (other_x, other_y) = display.scout.points[-2:]  # type: ignore[misc] # both are places
    assert (other_x - x, other_y) == (400, y)


async def test_a_window_that_is_skipped_or_that_no_pointing_helps_is_reported(display: Display) -> None:
    session = display.session()
    await chosen(session)
    step = await session.answer(ComposerPlace())
    assert isinstance(step.now, PointAt)
    result = (await session.answer(ComposerPlace())).now
    assert isinstance(result, CalibrationResult)
    assert [one.agent for one in result.failed] == ["Agent-1", "Agent-2"]
    assert (result.files, display.took_over) == ((), [])

    class Covered(FakeDisplayProbe):
        async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
            raise CalibrationFailed(Reason.COVERED)

    display.scout = Covered("OctetChat", "OctetChat")
    result = (await chosen(display.session())).now
    assert isinstance(result, CalibrationResult)
    assert {one.code for one in result.failed} == {Reason.COVERED}


async def test_octet_asks_at_most_twice_for_a_place_and_says_what_it_sees_there(display: Display) -> None:
    async def trial(*_: Any, **__: Any) -> TrialResult:
        return TrialResult(ok=False, reason=Reason.PASTE_NOT_READ)

    display.scout.trial = trial  # type: ignore[method-assign] # of a program that takes nothing there
    session = display.session()
    step = await chosen(session, Pick(number=1))
    notes = list[str]()
    while isinstance(step.now, PointAt):
        notes.append(step.now.note)
        step = await session.answer(ComposerPlace(place="45"))
    assert len(notes) == 3, "once since it found none, twice since the program takes nothing"
    assert all("sees an empty area of 370×90 pixels" in note for note in notes[1:])
    assert isinstance(step.now, CalibrationResult)
    assert [one.code for one in step.now.failed] == [Reason.PASTE_NOT_READ]

    session = display.session()
    step = await chosen(session, Pick(number=1))
    for _ in range(3):
        assert isinstance(step.now, PointAt)
        step = await session.answer(ComposerPlace(is_here=True))  # the pointer stays at 0,0, outside of the window
    assert isinstance(step.now, CalibrationResult)


@pytest.mark.parametrize(
    ("read_by", "has_anchor", "risks"),
    [
        ("copy", True, ()),
        ("accessibility", False, ()),
        ("copy", False, (Risk.UNTIL_CLOSED,)),
        ("pixels", False, (Risk.UNTIL_CLOSED,)),
    ],
)
async def test_the_result_says_which_windows_octet_identifies_only_while_they_are_open(
    display: Display, *, read_by: str, has_anchor: bool, risks: tuple[Risk, ...]
) -> None:
    display.scout.tells = True

    async def trial(*_: Any, anchors: tuple[Box, ...], **__: Any) -> TrialResult:
        return TrialResult(ok=True, read_by=read_by, anchor=anchors[0] if has_anchor else None, tag="octet-1")

    display.scout.trial = trial  # type: ignore[method-assign] # as a real display would
    result = (await chosen(display.session())).now
    assert isinstance(result, CalibrationResult)
    assert [one.risks for one in result.connected] == [risks] * 2
    assert all(("restarts" in " ".join(texts.risks(one))) is bool(risks) for one in result.connected)


async def test_windows_of_equal_titles_are_known_by_place_after_a_yes_alone(display: Display) -> None:
    display.scout.windows = tuple(replace(one, title="chat") for one in display.scout.windows)
    display.scout.tells = True

    async def trial(*_: Any, anchors: tuple[Box, ...], **__: Any) -> TrialResult:
        return TrialResult(ok=True, read_by="copy", anchor=anchors[0], anchor_png=b"\x89PNG\r\n\x1a\n", tag="octet-1")

    display.scout.trial = trial  # type: ignore[method-assign] # tagged, as by a real display
    for answer, risks in ((False, None), (True, Risk.BY_PLACE)):
        session = display.session()
        question = (await chosen(session)).now
        assert isinstance(question, KnowByPlace)
        assert [one.number for one in question.candidates] == [1, 2]
        assert not question.titles_differ
        result = (await session.answer(Agreed(is_yes=answer))).now
        assert isinstance(result, CalibrationResult)
        assert len(result.failed) == (0 if answer else 2)
        assert all(risks in one.risks for one in result.connected)


async def test_windows_whose_titles_differ_in_a_file_alone_are_asked_about_as_such(display: Display) -> None:
    names = ("a.txt - chat", "b.txt - chat")
    display.scout.windows = tuple(
        replace(one, title=title) for one, title in zip(display.scout.windows, names, strict=True)
    )
    question = (await chosen(display.session())).now
    assert isinstance(question, KnowByPlace)
    assert question.titles_differ
    assert texts.CHANGING_TITLES in texts.asks(question, {})


async def test_what_octet_does_not_propose_says_why(tmp_path: Path) -> None:
    display = make_display(tmp_path, "Strange", "Chromium")
    chat = (tmp_path / "config/profiles/demo_tk.toml").read_text("utf-8").replace("^OctetChat$", "^Chromium$")
    for file in (tmp_path / "config/profiles").glob("[cg]*.toml"):
        file.unlink()  # other chats, and what fits any program
    display.profile("chat", f'disabled = "its terms may forbid it."\nmatch_title = "gemini"\n{chat}')
    display.profile("other", f'disabled = "its terms, too."\nmatch_title = "ChatGPT"\n{chat}')

    question = (await display.session().start()).now

    assert isinstance(question, ChooseWindows)
    assert [(one.why_not, one.profile, one.agent, one.disabled) for one in question.candidates] == [
        (NotProposed.NO_PROFILE, "", "", ""),
        (NotProposed.DISABLED, "chat", "", "its terms may forbid it."),
    ]
    own = (await display.session(own_window=2).start()).now
    assert isinstance(own, ChooseWindows)
    assert own.candidates[1].why_not is NotProposed.OWN_TERMINAL
    result = (await chosen(display.session(), Pick(number=1), Pick(number=2))).now
    assert isinstance(result, CalibrationResult)
    assert [one.code for one in result.failed] == ["no_profile_fits", "profile_disabled"]


async def test_a_window_that_only_the_generic_profile_fits_is_proposed_where_it_has_a_composer(tmp_path: Path) -> None:
    display = make_display(tmp_path, "OctetChat", "OctetChat")
    profiles = tmp_path / "config/profiles"
    (profiles / "demo_tk.toml").rename(profiles / "generic.toml")
    (tmp_path / "config/desks/main.toml").write_text('display = ":7"\n', "utf-8")
    (tmp_path / "config/agents.toml").write_text("", "utf-8")
    for tells, why in ((False, NotProposed.NO_COMPOSER), (True, None)):
        display.scout.tells = tells
        question = (await display.session().start()).now
        assert isinstance(question, ChooseWindows)
        assert {one.why_not for one in question.candidates} == {why}
    display.scout.points.clear()
    result = (await chosen(display.session())).now
    assert isinstance(result, CalibrationResult)
    assert [one.agent for one in result.connected] == ["Agent-1", "Agent-2"]
    assert display.scout.points == [None, None], "each is measured once"


async def test_one_known_window_is_measured_again_without_a_question(display: Display) -> None:
    display.scout.tells = True
    await chosen(display.session())
    display.scout.windows = tuple(replace(one, box=replace(one.box, y=100)) for one in display.scout.windows)

    result = (await display.session(only="agent-2").start()).now

    assert isinstance(result, CalibrationResult)
    assert [(one.agent, one.window, one.title) for one in result.connected] == [("Agent-2", "agent-2", "— gemini$")]
    assert display.table("desks/main.toml")["windows"][-1]["box"]["y"] == 100
    with refuses("calibration_window_not_found"):
        await display.session(only="agent-9").start()


async def test_what_was_measured_and_learned_becomes_a_profile_of_the_users_own(display: Display) -> None:
    display.scout.tells = True
    await chosen(display.session())
    home = Home(root=display.root)
    sign = Sign(box=Box(x=1, y=2, width=30, height=10), colour="#123456", share=0.4)
    fact = LearnedFact(desk="main", window="agent-2", what=Learnable.BUSY_SIGN, at_ms=1, value=sign)
    Learned(home).keep(fact)

    file = save_profile(home, "mine", "main", "agent-2")

    assert file.name == "mine.toml"
    profile = read_profiles(display.root, []).profiles["mine"]
    assert profile.composer.box == Box(x=4, y=310, width=370, height=90)
    assert profile.anchor == Box(x=0, y=0, width=300, height=30)
    assert (profile.busy.box, profile.busy.colour) == (sign.box, sign.colour)
    with refuses("profile_exists"):
        save_profile(home, "mine", "main", "agent-2")
    with refuses("calibration_window_not_found"):
        save_profile(home, "other", "main", "agent-99")


async def test_agents_that_work_at_another_desk_keep_their_windows(display: Display) -> None:
    display.scout.tells = True
    await chosen(display.session(), Pick(number=1, agent="Vera"))
    (display.root / "config/desks/other.toml").write_text('display = ":8"\n', "utf-8")
    profiles = display.root / "config/profiles"
    (profiles / "chat.toml").write_text((profiles / "demo_tk.toml").read_text("utf-8"), "utf-8")
    desk = display.root / "config/desks/main.toml"
    desk.write_text(desk.read_text("utf-8").replace("demo_tk", "chat"), "utf-8")

    session = display.session()
    session.desk = "other"
    question = (await session.start()).now

    assert isinstance(question, ChooseWindows)
    assert not {"Vera"} & {one.agent for one in question.candidates}


async def test_no_agent_gets_two_windows(display: Display) -> None:
    session = display.session()
    step = await session.start()
    with refuses("agent_picked_twice"):
        await session.answer(Chosen(picks=(Pick(number=1, agent="Vera"), Pick(number=2, agent="vera"))))
    assert await session.step() == step


async def test_an_agent_name_that_config_does_not_take_changes_nothing(display: Display) -> None:
    display.scout.tells = True
    before = (display.root / "config/desks/main.toml").read_bytes()
    result = (await chosen(display.session(), Pick(number=1, agent="no/name"))).now
    assert isinstance(result, CalibrationResult)
    assert result.code == "config_wrong"
    assert "config/agents.toml" in result.note
    assert (display.root / "config/desks/main.toml").read_bytes() == before
    assert display.took_over == []


def test_places_lie_in_the_window_and_within_each_other() -> None:
    listed = cells(WINDOW)
    assert (listed[0].x, listed[0].y) == (WINDOW.x, WINDOW.y)
    assert (listed[-1].x + listed[-1].width, listed[-1].y + listed[-1].height) == (786, 413)
    assert sum(one.width * one.height for one in listed) == WINDOW.width * WINDOW.height
    assert place_of(WINDOW, "") == WINDOW
    assert place_of(WINDOW, "45") == listed[44]
    assert place_of(WINDOW, "45-16").fits_into(listed[44])


@pytest.mark.parametrize("place", ["0", "49", "x", "1-17", "1-", "-1", "1-1-1-1-1", "1.5"])
def test_what_is_no_place_is_refused(place: str) -> None:
    with refuses("unknown_grid_place"):
        place_of(WINDOW, place)


POINTS = st.none() | st.tuples(st.integers(-10, 900), st.integers(-10, 700))
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Agreed, is_yes=st.booleans()),
    st.builds(
        ComposerPlace,
        point=POINTS,
        place=st.sampled_from(["", "3", "45", "45-7", "99", "x"]),
        is_here=st.booleans(),
    ),
    st.builds(
        Chosen,
        picks=st.lists(
            st.builds(Pick, number=st.integers(0, 3), agent=st.sampled_from(["", "Vera", "Agent-1"]), point=POINTS),
            max_size=3,
        ).map(tuple),
    ),
)


@given(answers=st.lists(ANSWERS, max_size=12), tells=st.booleans(), alike=st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_answered_a_refused_answer_leaves_the_question_and_others_lead_to_an_end(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Answer], *, tells: bool, alike: bool
) -> None:
    display = make_display(tmp_path_factory.mktemp("any"))
    display.scout.tells = tells
    if alike:
        display.scout.windows = tuple(replace(one, title="chat") for one in display.scout.windows)

    async def hold() -> None:
        session = display.session()
        step = await session.start()
        for answer in answers:
            try:
                after = await session.answer(answer)
            except OctetError as error:
                if error.code not in {
                    "not_the_question",
                    "agent_picked_twice",
                    "unknown_window_number",
                    "unknown_grid_place",
                    "outside_window",
                }:
                    raise
                assert await session.step() == step
            else:
                assert after.number == step.number + 1
                assert len(after.lines) >= len(step.lines)
                step = after
        while not isinstance(step.now, CalibrationResult):
            step = await session.answer(_no(step))
        named = [one.agent.casefold() for one in step.now.connected]
        assert len(named) == len(set(named)), "two windows became one agent's"
        written = {window["name"] for window in display.table("desks/main.toml")["windows"]}
        assert {one.window for one in step.now.connected} <= written

    asyncio.run(hold())


def _no(step: CalibrationStep) -> Answer:
    match step.now:
        case ChooseWindows():
            return Chosen(picks=())
        case PointAt():
            return ComposerPlace()
        case _:
            return Agreed(is_yes=False)
