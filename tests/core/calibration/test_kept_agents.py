"""Over any sequence of calibrations a window keeps its agent and its composer, unless a user says otherwise."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.calibration import texts
from core.calibration.model import (
    Agreed,
    CalibrationFailed,
    CalibrationResult,
    ChooseWindows,
    Chosen,
    ComposerPlace,
    FoundWindow,
    KnowByPlace,
    Measurement,
    Pick,
    Point,
    PointAt,
    TrialResult,
)
from core.config.desks import read_desks
from core.config.editor import Edit
from core.desks.model import Window
from core.home import Home
from core.profiles.model import Box, Profile
from core.reasons import Reason
from tests.builders import refuses
from tests.core.calibration.test_session import ROOT, Display
from tests.fakes.display_probe import FakeDisplayProbe

PLACES = [Box(x=10 + 200 * n, y=10 + 190 * row, width=180, height=170) for row in range(3) for n in range(3)]
TITLES = ["apollo", "gemini", "agent-2 — x", "Chat — one", "Chat — two", "vostok", "juno", "soyuz"]
POINTS = [(90, 130), (90, 60)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A window on the display; `is_told`: its program reports the composer at POINTS[0]."""

    found: FoundWindow
    is_told: bool
    is_tagged: bool


class Desktop(FakeDisplayProbe):
    """Windows that open, close and move; remembers into which one each configured window's draft went."""

    def __init__(self) -> None:
        super().__init__()
        self.here: dict[int, Open] = {}
        self.asked: list[int] = []
        self.tried: dict[str, int] = {}

    def show(self, *found: FoundWindow, is_told: bool = True) -> None:
        for one in found:
            self.here[one.id] = Open(found=one, is_told=is_told, is_tagged=bool(one.tag))
        self.windows = tuple(one.found for one in self.here.values())

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
        del avoid
        one = self.here[window]
        if point is None and not one.is_told:
            raise CalibrationFailed(Reason.NO_COMPOSER)
        x, y = (point[0] - one.found.box.x, point[1] - one.found.box.y) if point else POINTS[0]
        box = Box(x=x - 40, y=y - 10, width=80, height=20)
        return Measurement(window=window, composer=box, background="#ffffff", anchors=(), by="picture")

    async def trial(
        self, window: Window, profile: Profile, *, anchors: tuple[Box, ...], text: str, known: int = 0
    ) -> TrialResult:
        del profile, anchors, text
        self.tried[window.name] = known
        return TrialResult(ok=True, read_by="copy", tag=self.here[known].found.tag or f"none-{known}")


def make_display(root: Path) -> tuple[Display, Desktop]:
    shutil.copytree(ROOT / "config", root / "config", ignore=shutil.ignore_patterns("schemas"))
    chat = (root / "config/profiles/generic.toml").read_text("utf-8")
    for file in (root / "config/profiles").glob("*.toml"):
        if not file.name.startswith("demo_"):
            file.unlink()
    (root / "config/profiles/chat.toml").write_text(f'match_class = "^Chat$"\n{chat}', "utf-8")
    scout = Desktop()
    return Display(root=root, scout=scout), scout


def a_window(number: int, place: int, title: str = "chat", *, tag: str = "") -> FoundWindow:
    box = PLACES[place]
    return FoundWindow(id=number, kind="Chat", title=title, program="chat", box=box, is_shown=True, tag=tag)


def agents(root: Path) -> dict[str, tuple[Any, ...]]:
    """Return each agent's window of the desk with its place and measured composer."""
    files = read_desks(root, [])
    windows = {one.name: one for desk in files.desks if desk.name == "main" for one in desk.windows}
    listed: Any = Edit(Home(root=root)).document("agents.toml").get("agents", [])
    found: dict[str, tuple[Any, ...]] = {}
    for one in listed:
        window = windows.get(str(one.get("window", "")))
        if one.get("desk") == "main" and window is not None and files.measured[("main", window.name)]:
            composer: Any = files.measured[("main", window.name)]["composer"]
            found[str(one["name"])] = window.name, window.box, dict(composer["box"])
    return found


async def calibrate(display: Display, *picks: Pick, point: Point = POINTS[0], **wishes: Any) -> CalibrationResult:
    """Answer by these picks, or by Enter at what is proposed; point there where Octet asks."""
    session = display.session(**wishes)
    step = await session.start()
    while not isinstance(step.now, CalibrationResult):
        match step.now:
            case ChooseWindows():
                proposed = tuple(Pick(number=one.number) for one in step.now.proposed)
                step = await session.answer(Chosen(picks=picks or proposed))
            case PointAt(window=window):
                at = window.box.x + point[0], window.box.y + point[1]
                step = await session.answer(ComposerPlace(point=at))
            case KnowByPlace():
                step = await session.answer(Agreed(is_yes=True))
            case None:
                raise AssertionError
    return step.now


async def question(display: Display, **wishes: Any) -> ChooseWindows:
    now = (await display.session(**wishes).start()).now
    assert isinstance(now, ChooseWindows)
    return now


async def test_a_second_calibration_proposes_no_connected_windows_agent_for_a_new_window(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo"), a_window(2, 1, "gemini"))
    await calibrate(display)
    before = agents(tmp_path)
    scout.here.clear()  # both are closed, and their agents without a window on the display
    scout.show(a_window(3, 5, "other"))
    asked = await question(display)
    assert not {one.agent for one in asked.candidates} & before.keys()
    await calibrate(display)
    assert {name: one for name, one in agents(tmp_path).items() if name in before} == before


async def test_an_agent_that_is_a_model_is_proposed_for_no_window(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    about = 'about = "a"\ncapabilities = []\nlane = "model"\nmodel = "local"\n'
    (tmp_path / "config/agents.toml").write_text(f'[[agents]]\nname = "Apollo"\n{about}', "utf-8")
    scout.show(a_window(1, 0, "apollo"))
    assert [one.agent for one in (await question(display)).candidates] == ["Agent-1"]


async def test_a_window_outside_of_the_picks_keeps_its_agent(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo"), a_window(2, 1, "gemini"))
    await calibrate(display)
    before = agents(tmp_path)
    scout.show(a_window(3, 2, "third", tag="three"))
    (third,) = (one.number for one in (await question(display, own_window=3)).candidates if one.window.id == 3)
    await calibrate(display, Pick(number=third), own_window=3)
    after = agents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(after) == 3


async def test_a_window_in_which_octet_finds_no_composer_keeps_its_agent_and_its_point(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    profiles = tmp_path / "config/profiles"
    (profiles / "chat.toml").rename(profiles / "generic.toml")
    scout.show(a_window(1, 0, "apollo"), is_told=False)
    await calibrate(display, Pick(number=1, profile="generic"), point=POINTS[1])
    before = agents(tmp_path)
    (one,) = (await question(display)).candidates
    assert (one.agent, one.why_not, one.is_known) == (next(iter(before)), None, True)
    await calibrate(display, point=POINTS[0])
    assert agents(tmp_path) == before
    scout.here[1] = replace(scout.here[1], is_told=True)  # its program reports another one now
    await calibrate(display, point=POINTS[0])
    assert agents(tmp_path) == before


async def test_a_window_where_a_connected_one_was_gets_its_agent_by_a_question_that_says_so(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo"))
    await calibrate(display)
    (agent,) = agents(tmp_path)
    scout.here.clear()
    scout.show(a_window(2, 0, "its program restarted"))
    asked = await question(display)
    (one,) = asked.candidates
    assert (one.agent, one.leaves, one.is_known) == (agent, "^apollo$", False)
    assert f"{agent} leaves “^apollo$”" in texts.asks(asked, {1: Pick(number=1)})
    assert (await calibrate(display)).connected[0].agent == agent


async def test_a_window_whose_title_changed_is_known_by_its_tag(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo", tag="one"))
    await calibrate(display)
    (agent,) = agents(tmp_path)
    scout.show(a_window(2, 0, "apollo", tag="two"), a_window(1, 4, "now another", tag="one"))
    asked = await question(display)
    assert {one.window.id: one.is_known for one in asked.candidates} == {1: True, 2: False}
    assert next(one.agent for one in asked.candidates if one.window.id == 1) == agent


async def test_an_agent_of_another_desk_or_of_a_window_of_the_same_name_keeps_that(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo"))
    await calibrate(display, Pick(number=1, agent="Vera", name="agent-2"))
    listed = tmp_path / "config/agents.toml"
    about = 'about = "a"\ncapabilities = []\nlane = "window"\ndesk = "main"\nwindow = "agent-2"\n'
    listed.write_text(f'[[agents]]\nname = "Vera"\n{about}', "utf-8")
    before = agents(tmp_path)
    assert "Vera" in before
    scout.show(a_window(2, 1, "gemini"))
    await calibrate(display, Pick(number=2, agent="Agent-2"))
    after = agents(tmp_path)
    assert after["Vera"] == before["Vera"]
    assert after["Agent-2"][0] != "agent-2"


async def test_a_connected_window_changes_hands_only_if_its_agent_gets_another(tmp_path: Path) -> None:
    display, scout = make_display(tmp_path)
    scout.show(a_window(1, 0, "apollo"), a_window(2, 1, "gemini"))
    await calibrate(display)
    (one, two), before = agents(tmp_path), agents(tmp_path)
    for taken in ("Vera", one):
        with refuses("window_has_agent"):
            await calibrate(display, Pick(number=2, agent=taken))
    assert agents(tmp_path) == before
    await calibrate(display, Pick(number=1, agent=two), Pick(number=2, agent=one))
    after = agents(tmp_path)
    assert {name: found[1:] for name, found in after.items()} == {one: before[two][1:], two: before[one][1:]}


class Calibrations(RuleBasedStateMachine):
    """Any sequence of windows that come, go, move and restart, and of calibrations."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.display, self.scout = make_display(self.root)
        self.number = 0
        self.lives: dict[int, int] = {}  # by the id of a window, the id that its program's first window had
        self.owned: dict[str, int] = {}  # by agent, the life of the window that the user connected for it

    def teardown(self) -> None:
        self.folder.cleanup()

    def _open(self, title: str, place: int, *, is_told: bool, is_tagged: bool, life: int = 0) -> None:
        self.number += 1
        self.lives[self.number] = life or self.number
        tag = f"tag-{self.number}" if is_tagged else ""
        self.scout.show(a_window(self.number, place, title, tag=tag), is_told=is_told)

    @property
    def _free(self) -> list[int]:
        return [place for place, box in enumerate(PLACES) if all(one.found.box != box for one in self._here)]

    @property
    def _here(self) -> Sequence[Open]:
        return list(self.scout.here.values())

    @initialize(is_told=st.lists(st.booleans(), min_size=3, max_size=3), point=st.sampled_from(POINTS))
    def begin(self, is_told: list[bool], point: Point) -> None:
        for place, told in enumerate(is_told):
            self._open(TITLES[place], place, is_told=told, is_tagged=True)
        self.calibrate(point, set(), own=False)

    @precondition(lambda self: self._free and self._titles)
    @rule(data=st.data(), is_told=st.booleans())
    def open(self, data: st.DataObject, *, is_told: bool) -> None:
        title, place = data.draw(st.sampled_from(self._titles)), data.draw(st.sampled_from(self._free))
        self._open(title, place, is_told=is_told, is_tagged=True)

    @property
    def _titles(self) -> list[str]:
        """Return the titles that no window has, open or not: nothing tells a new window of the same title from it."""
        patterns = [window.title for one in read_desks(self.root, []).desks for window in one.windows]
        known = {one.found.title for one in self._here}
        return [one for one in TITLES if one not in known and not any(re.search(pattern, one) for pattern in patterns)]

    @precondition(lambda self: self.scout.here)
    @rule(data=st.data(), is_another=st.booleans())
    def restart(self, data: st.DataObject, *, is_another: bool) -> None:
        one = data.draw(st.sampled_from(self._here))
        del self.scout.here[one.found.id]
        is_another = is_another and bool(self._titles)
        life = 0 if is_another else self.lives[one.found.id]
        title = self._titles[0] if is_another else one.found.title
        self._open(title, PLACES.index(one.found.box), is_told=one.is_told, is_tagged=True, life=life)

    @precondition(lambda self: self.scout.here)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        del self.scout.here[data.draw(st.sampled_from(self._here)).found.id]
        self.scout.show()

    @precondition(lambda self: self.scout.here and self._free)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        one, place = data.draw(st.sampled_from(self._here)), data.draw(st.sampled_from(self._free))
        self.scout.show(replace(one.found, box=PLACES[place]), is_told=one.is_told)

    @precondition(lambda self: self.scout.here)
    @rule(point=st.sampled_from(POINTS), picked=st.sets(st.integers(0, 8)), own=st.booleans())
    def calibrate(self, point: Point, picked: set[int], *, own: bool) -> None:
        """Press Enter, or pick some without a word about agents."""
        wishes: Mapping[str, Any] = {"own_window": self._here[0].found.id} if own else {}
        before, lives = agents(self.root), dict(self.owned)
        asked = asyncio.run(question(self.display, **wishes))
        moved = set[str]()
        for one in asked.candidates:
            life = self.lives[one.window.id]
            if one.agent in lives and lives[one.agent] != life:
                assert one.leaves, f"{one.agent} was proposed for another window"
                assert one.agent in texts.asks(asked, {one.number: Pick(number=one.number)})
                moved.add(one.agent)
            if owner := next((name for name, owned in lives.items() if owned == life), ""):
                assert (one.agent, one.is_known) == (owner, True)
        picks = tuple(Pick(number=one.number) for n, one in enumerate(asked.candidates) if n in picked)
        self.scout.tried.clear()
        result = asyncio.run(calibrate(self.display, *picks, point=point, **wishes))
        for done in result.connected:
            life = self.lives[self.scout.tried[done.window]]
            assert done.agent in moved or lives.get(done.agent, life) == life, f"{done.agent} got another window"
            assert lives.keys() & {done.agent} or life not in lives.values(), "the window lost its agent"
            self.owned[done.agent] = life
        after = agents(self.root)
        for name, (_, _, composer) in before.items():
            assert name in moved or after[name][2] == composer, "the measured point moved"

    @invariant()
    def each_window_has_one_agent(self) -> None:
        assert len(set(self.owned.values())) == len(self.owned)


Calibrations.TestCase.settings = settings(
    max_examples=12, stateful_step_count=10, deadline=None, phases=(Phase.generate,)
)
TestCalibrations = Calibrations.TestCase
