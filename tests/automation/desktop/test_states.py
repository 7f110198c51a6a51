"""What a window shows, by what was seen of it over time: nothing is idle that only pauses, and no news come twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from PIL import Image, ImageDraw

from automation.desktop.observation.accessibility_signs import SETTLED_S
from automation.desktop.observation.activity_tracker import (
    APART_S,
    BUSY_APART_S,
    FRESH_S,
    SILENT_S,
    ActivityTracker,
    is_same_picture,
    mark,
    sight_of,
)
from automation.desktop.observation.screen_signs import WindowSnapshot
from automation.protocol.activity import ALIVE_S, RESTLESS_S, UNSEEN_S, ActivityClassifier, ActivityReading
from core.desks.model import Shown
from core.profiles.model import Accessible, Activity, Box, Dialog, Profile, Sign, StateSigns
from tests.fakes.desk import TK

ASKS = Dialog(
    shows=Activity.NEEDS_INPUT,
    answers=(),
    box=Box(x=0, y=100, width=200, height=60),
    sign=Sign(box=Box(x=0, y=100, width=200, height=6), colour="#8250df"),
)
PROFILE = replace(TK, dialogs=(ASKS,))


def page(words: str = "", *, caret: bool = False) -> Image.Image:
    """Draw a window with some words in its transcript, and perhaps a caret in its composer."""
    picture = Image.new("RGB", (400, 300), "#f0f0f0")
    draw = ImageDraw.Draw(picture)
    draw.text((10, 60), words, fill="#000000")
    if caret:
        draw.rectangle((10, 210, 11, 224), fill="#000000")
    return picture


def rests(words: str = "") -> WindowSnapshot:
    return WindowSnapshot(frame=page(words))


def works(words: str = "") -> WindowSnapshot:
    return WindowSnapshot(frame=page(words), is_busy=True)


def asks(question: str, *, caret: bool = False) -> WindowSnapshot:
    frame = page(question, caret=caret)
    return WindowSnapshot(frame=frame, dialog=0, crop=frame)


@dataclass(slots=True)
class Script:
    """A window that a test plays, one look every quarter of a second."""

    profile: Profile = PROFILE
    now_s: float = 100.0
    found: list[Activity | None] = field(default_factory=list)
    judge: ActivityClassifier = field(init=False)

    def __post_init__(self) -> None:
        self.judge = ActivityClassifier(lambda now, before: is_same_picture(now, before, self.profile))

    def plays(self, view: WindowSnapshot, seconds: float = 0.0) -> ActivityReading | None:
        """Show this for so long; return what is made of it at the end."""
        end_s = self.now_s + seconds
        while True:
            self.judge.note_sight(sight_of(view, self.profile), self.now_s)
            verdict = self.judge.reading(self.now_s)
            self.found.append(verdict.activity if verdict else None)
            if self.now_s >= end_s:
                return verdict
            self.now_s += APART_S


def test_an_agent_that_pauses_for_three_seconds_is_busy_and_never_idle() -> None:
    script = Script()
    for step in range(6):
        script.plays(works(f"step {step}"), seconds=3.0)  # nothing moves, and its sign burns
        script.plays(rests(f"step {step}"), seconds=0.25)  # between two steps the sign goes out for a moment
        script.plays(rests(f"step {step}, and a word"), seconds=0.25)
    assert Activity.IDLE not in script.found
    assert script.plays(rests("done"), seconds=1.0) == ActivityReading(activity=Activity.IDLE)


def test_without_its_sign_a_window_that_moves_is_not_idle_and_one_that_never_rests_is_unknown() -> None:
    script = Script()
    script.plays(works())
    verdict = None
    while script.now_s < 100 + RESTLESS_S + 1:
        assert verdict is None or script.now_s > 100 + RESTLESS_S - 1, "it may be at work still"
        verdict = script.plays(rests(f"{script.now_s}"))
        script.now_s += APART_S
    assert verdict is not None
    assert verdict.activity is Activity.UNKNOWN


@pytest.mark.parametrize(
    ("view", "profile"),
    [
        (WindowSnapshot(frame=page(), is_resting=False), PROFILE),  # neither of its signs: something nobody described
        (WindowSnapshot(frame=page(), is_empty=False), PROFILE),  # somebody writes there
        (WindowSnapshot(frame=page()), replace(PROFILE, busy=StateSigns())),
        (WindowSnapshot(why_not="covered"), PROFILE),
        (WindowSnapshot(frame=page(), unheard="it is frozen"), PROFILE),
        (WindowSnapshot(frame=page(), strange="Really?"), PROFILE),
    ],
)
def test_what_no_sign_explains_is_unknown_and_never_idle(view: WindowSnapshot, profile: Profile) -> None:
    script = Script(profile)
    verdict = script.plays(view, seconds=30.0)
    assert verdict is not None
    assert verdict.note
    assert set(script.found) <= {None, Activity.UNKNOWN}


def test_a_blinking_caret_keeps_nothing_from_being_idle() -> None:
    script = Script()
    blinks = [script.plays(WindowSnapshot(frame=page("done", caret=n % 2 == 0)), seconds=APART_S) for n in range(8)]
    assert blinks[-1] == ActivityReading(activity=Activity.IDLE)


def test_a_dialog_is_one_when_it_stands_still_and_what_covers_it_for_a_moment_changes_nothing() -> None:
    script = Script()
    script.plays(works())
    assert script.plays(asks("Run rm")) is None, "it may be half drawn"
    assert script.plays(asks("Run rm -r build?")) is None
    asking = script.plays(asks("Run rm -r build?"), seconds=0.5)
    assert asking is not None
    assert asking.activity is Activity.NEEDS_INPUT
    assert script.plays(WindowSnapshot(why_not="covered"), seconds=UNSEEN_S / 2) is None
    assert script.plays(asks("Run rm -r build?"), seconds=0.5) == asking


def test_a_dialog_that_never_stands_still_is_reported_all_the_same() -> None:
    script, verdict = Script(), None
    for second in range(int(UNSEEN_S / APART_S) + 1):
        assert verdict is None
        verdict = script.plays(asks(f"Run it? {second}"))
        script.now_s += APART_S
    assert verdict is not None
    assert verdict.activity is Activity.NEEDS_INPUT


def test_who_is_silent_for_a_moment_is_not_unknown_and_what_it_shows_meanwhile_counts() -> None:
    script = Script()
    script.plays(works())
    assert script.plays(WindowSnapshot(frame=page(), unheard="frozen"), seconds=UNSEEN_S / 2) is None
    busy = script.plays(WindowSnapshot(frame=page(), unheard="frozen", is_busy=True))
    assert busy is not None
    assert busy.activity is Activity.BUSY


def test_a_program_that_tells_is_idle_only_when_it_had_the_time_to_tell() -> None:
    tells = replace(PROFILE, idle_ms=100, busy=StateSigns(accessible=Accessible(role="push button")))
    script = Script(tells)
    assert script.plays(rests("done"), seconds=SETTLED_S - APART_S) is None
    assert script.plays(rests("done"), seconds=APART_S) == ActivityReading(activity=Activity.IDLE)
    quick = Script(replace(tells, busy=PROFILE.busy))
    assert quick.plays(rests("done"), seconds=APART_S) == ActivityReading(activity=Activity.IDLE)


@dataclass(slots=True)
class Eight:
    """Eight windows that a test draws in; they stand in for the inspector of a desk."""

    views: dict[str, WindowSnapshot] = field(
        default_factory=lambda: {f"agent-{number}": rests() for number in range(1, 9)}
    )
    looks: list[tuple[str, float]] = field(default_factory=list)
    now_s: float = 100.0
    text_of: str | None = "Run it?"

    def names(self) -> tuple[str, ...]:
        return tuple(self.views)

    def profile(self, _name: str) -> Profile:
        return PROFILE

    def view(self, name: str) -> WindowSnapshot:
        self.looks.append((name, self.now_s))
        return self.views[name]

    def text(self, _name: str, view: WindowSnapshot) -> str | None:
        return self.text_of if view.dialog is not None else ""


@dataclass(slots=True)
class Desk:
    """States over the eight, a clock, and what was told."""

    inspector: Eight = field(default_factory=Eight)
    told: list[Shown] = field(default_factory=list)
    stirred: list[str] = field(default_factory=list)
    states: ActivityTracker = field(init=False)

    def __post_init__(self) -> None:
        inspector: object = self.inspector
        self.states = ActivityTracker(
            inspector=inspector,  # pyright: ignore[reportArgumentType] as much of them as is asked for
            tell=self.told.append,
            tell_active=self.stirred.append,
            now_s=lambda: self.now_s,
        )

    @property
    def now_s(self) -> float:
        return self.inspector.now_s

    @now_s.setter
    def now_s(self, now_s: float) -> None:
        self.inspector.now_s = now_s

    def passes(self, seconds: float) -> None:
        """Time passes, and what is due is looked at; nothing is while nothing is drawn."""
        end_s = self.now_s + seconds
        while (due_s := self.states.due_in_s()) is not None and self.now_s + due_s <= end_s:
            self.now_s += due_s + 0.001
            self.states.look()
        self.now_s = max(self.now_s, end_s)

    def draws(self, name: str, view: WindowSnapshot, *, seconds: float = APART_S) -> None:
        self.inspector.views[name] = view
        self.states.mark_drawn([name])
        self.passes(seconds)


@dataclass(slots=True)
class Waiting:
    """Whoever asks afresh; while they wait the windows go on."""

    desk: Desk

    def now_s(self) -> float:
        return self.desk.now_s

    def rest(self, seconds: float) -> None:
        self.desk.now_s += seconds

    def check(self) -> None:
        """Nobody stops it."""


def fresh(desk: Desk) -> Shown:
    return desk.states.read_fresh(["agent-1"], Waiting(desk))["agent-1"]


def test_eight_windows_at_work_make_one_news_each_and_nothing_is_looked_at_while_nothing_is_drawn() -> None:
    desk = Desk()
    desk.passes(10.0)
    assert [one.activity for one in desk.told] == [Activity.IDLE] * 8
    desk.told.clear()
    for second in range(240):
        for name in desk.inspector.names():
            desk.draws(name, works(f"{second}"), seconds=0.03)
    assert [one.activity for one in desk.told] == [Activity.BUSY] * 8
    for name in desk.inspector.names():
        times = [at_s for looked, at_s in desk.inspector.looks if looked == name and at_s > 112]
        gaps = [after - before for before, after in pairwise(times)]
        assert min(gaps) >= BUSY_APART_S, "a spinner says nothing new"
        assert max(gaps) < 2 * BUSY_APART_S, "but what is drawn is looked at"
    desk.passes(1.0)
    looks = len(desk.inspector.looks)
    desk.passes(3600.0)
    assert len(desk.inspector.looks) == looks
    assert desk.states.due_in_s() is None


def test_who_asks_afresh_waits_until_it_is_certain_and_not_for_ever() -> None:
    desk = Desk()
    assert fresh(desk).activity is Activity.IDLE, "it was waited for"
    desk.inspector.views["agent-1"] = works()
    assert fresh(desk).activity is Activity.BUSY, "though nothing told of it"
    since = desk.now_s
    step = 0

    class Restless(Eight):
        def view(self, name: str) -> WindowSnapshot:
            nonlocal step
            step += 1
            self.views[name] = rests(f"{step}")
            return Eight.view(self, name)

    restless = Desk(inspector=Restless(now_s=since))
    found = fresh(restless)
    assert (found.activity, found.note) == (Activity.UNKNOWN, "it has just changed")
    assert restless.now_s - since <= FRESH_S + APART_S


def test_a_silent_program_is_asked_again_though_nothing_is_drawn() -> None:
    desk = Desk()
    desk.draws("agent-1", WindowSnapshot(frame=page(), unheard="no bus"), seconds=UNSEEN_S + 1)
    assert desk.told[-1].activity is Activity.UNKNOWN
    desk.inspector.views["agent-1"] = rests()
    desk.passes(SILENT_S + 3)
    assert [one.activity for one in desk.told if one.window == "agent-1"][-1] is Activity.IDLE


def test_a_dialog_has_its_text_and_one_that_changed_while_it_was_read_is_reported_as_it_is_then() -> None:
    desk = Desk()
    desk.inspector.text_of = None
    desk.draws("agent-1", asks("Run it?"), seconds=1.0)
    assert [one for one in desk.told if one.window == "agent-1"] == []
    desk.inspector.text_of = "Run it?"
    desk.passes(APART_S)
    told = [one for one in desk.told if one.window == "agent-1"]
    assert [(one.activity, one.text) for one in told] == [(Activity.NEEDS_INPUT, "Run it?")]
    desk.inspector.text_of = None
    desk.draws("agent-2", asks("Run that?"), seconds=UNSEEN_S + 1)
    assert [one.text for one in desk.told if one.activity is Activity.NEEDS_INPUT][1:] == [""], "not for ever"


def test_of_a_dialog_whose_text_has_an_answer_code_no_picture_is_reported_and_the_text_hides_it() -> None:
    desk = Desk()
    desk.inspector.text_of = "Run octet done T-1 --code k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ?"
    desk.draws("agent-1", asks("Run it?"), seconds=2.0)
    told = [(one.text, one.png) for one in desk.told if one.activity is Activity.NEEDS_INPUT]
    assert told == [("Run octet done T-1 --code …?", b"")]


def test_a_dialog_is_reported_again_only_when_it_is_another_one() -> None:
    desk = Desk()
    for caret in (True, False, True, False):
        desk.draws("agent-1", asks("Run rm -r build?", caret=caret), seconds=0.5)
    desk.draws("agent-1", asks("Run rm -r /?"), seconds=0.5)
    told = [one for one in desk.told if one.window == "agent-1"]
    assert [one.activity for one in told] == [Activity.NEEDS_INPUT] * 2
    assert told[0].mark == mark(page("Run rm -r build?", caret=True))
    assert told[1].mark == mark(page("Run rm -r /?"))
    assert all(one.png for one in told)


def test_a_transcript_that_grows_is_a_sign_of_life_and_a_spinner_a_caret_and_a_draft_are_none() -> None:
    desk = Desk()
    busy = PROFILE.busy.sign
    assert busy is not None

    def spins(step: int, words: str) -> WindowSnapshot:
        frame = page(words, caret=step % 2 == 0)
        draw = ImageDraw.Draw(frame)
        draw.text((busy.box.x, busy.box.y), "◐◓◑◒"[step % 4], fill="#000000")
        draw.text((20, 230), "a draft"[: step % 7], fill="#000000")
        return WindowSnapshot(frame=frame, is_busy=True)

    for step in range(int(5 * ALIVE_S)):
        desk.draws("agent-1", spins(step, "thinking"), seconds=1.0)
    assert desk.stirred == []
    for step in range(int(5 * ALIVE_S)):
        desk.draws("agent-1", spins(step, f"line {step}"), seconds=1.0)
    assert 3 <= len(desk.stirred) <= 5, "once a minute, however much goes on"
    desk.draws("agent-1", rests("done"), seconds=2 * ALIVE_S)
    count = len(desk.stirred)
    desk.draws("agent-1", rests("a person scrolls"), seconds=2 * ALIVE_S)
    assert len(desk.stirred) == count, "only of a window at work"
