"""The self-test counts by what the window received, not by what the driver says, and its report claims no more."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.selftest_report import SelfTestDelivery, SelfTestReport, Violation
from automation.desktop.x11 import connection, wayland
from core.deliveries.model import Assurance, Outcome, Reason, Result
from tests.display import VirtualDisplay
from tests.pace import patience

ROOT = Path(__file__).parents[3]
GOOD = SelfTestDelivery(
    number=1,
    thief="none",
    text="brought",
    outcome=Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK),
    bounces={},
    seconds=0.2,
    heard=("brought",),
    is_clipboard_back=True,
)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
BOUNCED = Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN)


def _report(*shots: SelfTestDelivery, trouble: str = "") -> SelfTestReport:
    return SelfTestReport(machine={"way": "windows"}, wanted=len(shots), shots=shots, seconds=1.0, trouble=trouble)


@pytest.mark.parametrize(
    ("shot", "violations"),
    [
        (GOOD, []),
        (replace(GOOD, heard=()), [Violation.NOT_RECEIVED]),
        (replace(GOOD, heard=("brought", "brought")), [Violation.TWICE]),
        (replace(GOOD, heard=("brough", "brought")), [Violation.GARBLED]),
        (replace(GOOD, outcome=BOUNCED), [Violation.IN_SPITE]),
        (replace(GOOD, outcome=UNKNOWN), []),
        (replace(GOOD, outcome=UNKNOWN, heard=()), []),
        (replace(GOOD, outcome=UNKNOWN, heard=("brought", "brought")), [Violation.TWICE]),
        (replace(GOOD, stray_keys=2), [Violation.STRAY_KEY, Violation.STRAY_KEY]),
        (replace(GOOD, is_clipboard_back=False), [Violation.CLIPBOARD]),
        (replace(GOOD, is_clipboard_back=None), []),
        (replace(GOOD, composer="left"), [Violation.DRAFT]),
        (replace(GOOD, composer="left", is_draft_told=True), []),
    ],
)
def test_each_difference_between_claim_and_truth_is_a_violation(
    shot: SelfTestDelivery, violations: list[Violation]
) -> None:
    assert shot.violations() == violations


def test_a_run_is_clean_without_violations_when_all_that_was_undisturbed_was_delivered() -> None:
    hindered = replace(GOOD, thief="cover", outcome=BOUNCED, heard=())
    assert _report(GOOD, hindered).is_clean
    assert not _report(GOOD, replace(GOOD, heard=())).is_clean
    assert not _report(replace(GOOD, outcome=BOUNCED, heard=())).is_clean
    assert not _report(hindered).is_clean, "nothing undisturbed was tried at all"
    assert not _report(GOOD, trouble="the worker ended").is_clean


def test_the_report_says_first_whether_octet_may_type_there() -> None:
    bad = _report(GOOD, replace(GOOD, thief="focus", stray_keys=1, stolen=3, bounces={"focus taken": 2}))
    assert "VIOLATIONS. Do not let Octet type on this machine" in bad.verdict()
    figures = json.loads(bad.as_json())
    assert figures["violations"] == {"a key went into another window": 1}
    assert figures["thieves"]["focus"]["stolen"] == 3
    assert figures["thieves"]["focus"]["bounces"] == {"focus taken": 2}
    assert _report(GOOD).verdict() == "clean"


@pytest.mark.display
@pytest.mark.parametrize("way", ["x11", "portable"])
def test_eight_deliveries_beside_thieves_on_a_real_display(display: VirtualDisplay, tmp_path: Path, way: str) -> None:
    report = tmp_path / "report.json"
    kept = {name: value for name, value in os.environ.items() if name not in {"WAYLAND_DISPLAY", "XDG_SESSION_TYPE"}}
    said = tmp_path / "said"
    with said.open("w") as out:  # no pipe: xclip, which the portable way starts, would keep it open
        done = subprocess.run(
            [sys.executable, "-m", "bot", "desk", "selftest", "--count", "8", "--report", str(report)]
            + (["--portable"] if way == "portable" else []),
            cwd=ROOT,
            env={**kept, "DISPLAY": display.name, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=out,
            check=False,
            timeout=patience(110),
        )
    figures = json.loads(report.read_text("utf-8"))
    assert figures["way"] == way
    assert figures["deliveries"] == 8
    if way == "portable":  # it promises nothing beside thieves: what went wrong is counted and told
        assert figures["thieves"]["none"]["delivered"] >= 1, said.read_text()
        assert figures["clean"] is (done.returncode == 0)
    else:
        assert figures["thieves"]["none"]["delivered"] == 2, said.read_text()
        assert figures["violations"] == {}, said.read_text()
        assert done.returncode == 0, said.read_text()
    assert "self-test of this desktop: " in said.read_text()


class _Server:
    """An X server that says of itself what Xwayland does."""

    def __init__(self, extensions: tuple[str, ...]) -> None:
        self._extensions = extensions
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def query_extension(self, name: str) -> object | None:
        return object() if name in self._extensions else None

    def has_extension(self, name: str) -> bool:
        return name in self._extensions


def test_a_wayland_session_is_known_by_its_environment() -> None:
    assert wayland.is_wayland({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"})
    assert wayland.is_wayland({"XDG_SESSION_TYPE": "wayland"})
    assert not wayland.is_wayland({"XDG_SESSION_TYPE": "x11", "DISPLAY": ":0"})


@pytest.mark.parametrize("session", [{}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_a_server_on_wayland_is_refused_and_one_of_its_own_is_not(
    monkeypatch: pytest.MonkeyPatch, session: dict[str, str]
) -> None:
    for extensions in (("XWAYLAND",), ()):
        server = _Server(extensions)
        monkeypatch.setattr(connection, "open_display", lambda _, server=server: server)
        with pytest.raises(wayland.WaylandRefused) if extensions else nullcontext():
            wayland.refuse_wayland(session, ":0")
        assert server.is_closed


@pytest.mark.parametrize(
    ("session", "display"), [({"XDG_SESSION_TYPE": "wayland"}, ""), ({"WAYLAND_DISPLAY": "wayland-0"}, ":987")]
)
def test_without_an_x_server_wayland_is_refused_with_the_three_ways_out(session: dict[str, str], display: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # python-xlib leaves the socket that did not connect
        with pytest.raises(wayland.WaylandRefused) as refused:
            wayland.refuse_wayland(session, display)
        refused.value.__cause__ = refused.value.__context__ = None
        gc.collect()
    for way_out in ("Xorg session", "octet desk up", "--tmux"):
        assert way_out in refused.value.message


@pytest.mark.display
def test_a_display_of_its_own_is_no_wayland_whatever_the_session_is(display: VirtualDisplay) -> None:
    wayland.refuse_wayland({"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"}, display.name)
