"""`octet desk up|down|list`, and displays that `octet run` keeps: the real programs on a home of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit
from PIL import Image

from automation.desktop.displays.child_process import marked
from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.displays.state_dir import DisplayStateDir
from bot.cli.init.templates import copy_templates
from core.calibration import writer
from core.config.loader import load
from core.home import Home
from tests.display import until
from tests.pace import patience

ROOT = Path(__file__).parents[3]
DESKS = ("desk-1", "desk-2")
XTERM = ("--", "xterm", "-class", "Octetterm", "-T", "{agent}", "-e", "cat")

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]  # each test starts several processes
LASTING = {"Xvfb", "openbox", "xterm"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    copy_templates(tmp_path / "home" / "config")
    return tmp_path / "home"


def environ(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTET_", "XDG_"))}
    return {**kept, "XDG_STATE_HOME": str(home / "state"), "OCTET_HTTP__PORT": "0", **more}


def octet(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bot", *words[:2], "--home", str(home), *words[2:]]
    return subprocess.run(
        argv, cwd=ROOT, env=environ(home, **more), capture_output=True, text=True, timeout=patience(120), check=False
    )


def standings(home: Path) -> list[DisplayStatus]:
    return [DisplayStateDir(home / "displays", desk).read() for desk in DESKS]


def make_desks(home: Path) -> None:
    writer.write_displays(
        Home(root=home),
        2,
        writer.DeskTemplate(program=XTERM[1:], profile="demo_xterm", title="{agent}", size="1920x1080", directory=""),
    )


def left(home: Path) -> list[int]:
    return [pid for desk in DESKS for pid in marked(f"{desk} {home / 'displays' / desk}")]


def lasting(home: Path) -> set[int]:
    """Those that run for as long as their display: what openbox starts at its start ends at once."""
    names = {pid: Path(f"/proc/{pid}/comm") for pid in left(home)}
    return {pid for pid, name in names.items() if name.exists() and name.read_text().strip() in LASTING}


def test_displays_are_made_from_a_template_kept_in_the_background_and_put_down(home: Path) -> None:
    assert "--profile NAME -- PROGRAM" in octet(home, "desk", "up", "--agents", "2").stderr
    made = octet(home, "desk", "up", "--agents", "2", "--profile", "demo_xterm", "--detach", *XTERM)
    assert made.returncode == 0, made.stderr
    assert "desk-1.toml; Agent-1 works there now\n" in made.stdout
    told = json.loads(octet(home, "desk", "list", "--json").stdout)
    assert [(one["desk"], one["reason"]) for one in told] == [("desk-1", None), ("desk-2", None)]
    agents = tomlkit.parse((home / "config/agents.toml").read_text()).unwrap()["agents"]
    assert [agent["desk"] for agent in agents[:3]] == ["desk-1", "desk-2", "main"]
    assert tomlkit.parse((home / "config/desks/desk-2.toml").read_text()).unwrap()["virtual"]["program"][4] == "Agent-2"
    again = octet(home, "desk", "up", "--agents", "2")
    assert (again.returncode, again.stdout.count("is up")) == (0, 2), "they are kept already"
    shot = home / "shot.png"
    assert octet(home, "desk", "picture", "desk-1", str(shot)).returncode == 0
    with Image.open(shot) as picture:
        assert (picture.size, shot.stat().st_mode & 0o77) == ((1920, 1080), 0)
    keeper = standings(home)[0].keeper
    down = octet(home, "desk", "down")
    assert (down.returncode, down.stdout.count("down")) == (0, 2), down.stderr
    until(lambda: not Path(f"/proc/{keeper}").exists(), "its keeper ended")
    assert left(home) == []


def test_what_is_logged_does_not_stand_among_what_the_command_says(home: Path) -> None:
    program = ("sh", "-c", "exit 3")
    template = writer.DeskTemplate(
        program=program, profile="demo_xterm", title="{agent}", size="1920x1080", directory=""
    )
    writer.write_displays(Home(root=home), 1, template)
    argv = [sys.executable, "-m", "bot", "desk", "up", "--home", str(home)]
    said, logged = home / "said", home / "logged"
    with said.open("wb") as out, logged.open("wb") as err:
        up = subprocess.Popen(argv, cwd=ROOT, env=environ(home), stdout=out, stderr=err)
    try:
        until(lambda: "display_part_ended" in said.read_text() + logged.read_text(), "it was logged", 60)
    finally:
        up.terminate()
        up.wait(patience(60))
    assert "display_part_ended" in logged.read_text()
    assert all(line.startswith("desk-1 ") for line in said.read_text().splitlines()), said.read_text()
    until(lambda: left(home) == [], "nothing of them is left")


def test_a_template_that_makes_no_right_configuration_changes_nothing(home: Path) -> None:
    before = (home / "config/agents.toml").read_text()
    refused = octet(home, "desk", "up", "--agents", "2", "--profile", "no_such", *XTERM)
    assert refused.returncode != 0
    assert "no_such" in refused.stderr + refused.stdout
    assert (home / "config/agents.toml").read_text() == before
    assert not list((home / "config/desks").glob("desk-*.toml"))


def test_a_profile_that_is_measured_at_each_window_gets_a_display_to_measure_on_first(home: Path) -> None:
    before = (home / "config/agents.toml").read_text()
    made = writer.write_displays(
        Home(root=home),
        2,
        writer.DeskTemplate(program=["xterm"], profile="xterm", title="{agent}", size="1920x1080", directory=""),
    )
    assert "once it is up, `octet calibrate desk-1` measures its window and sends an agent there" in made[0]
    assert (home / "config/agents.toml").read_text() == before
    config = load(Home(root=home))
    assert [(desk.name, desk.windows) for desk in config.desks if desk.virtual] == [("desk-1", ()), ("desk-2", ())]


def test_a_program_whose_profile_clears_one_line_is_connected_by_chords_that_clear_several(home: Path) -> None:
    """By prompt_toolkit in xterm, as docs/desktop.md shows it; nothing is sent."""
    heard = home / "heard"
    program = ("--", "xterm", "-e", sys.executable, str(ROOT / "bench/measure/unfamiliar/toolkit_chat.py"), str(heard))
    assert octet(home, "desk", "up", "--agents", "1", "--profile", "xterm", "--detach", *program, "1").returncode == 0
    done = octet(home, "calibrate", "desk-1", "--yes")
    assert octet(home, "desk", "down").returncode == 0
    assert done.returncode == 0, done.stdout + done.stderr
    (window,) = tomlkit.parse((home / "config/desks/desk-1.toml").read_text()).unwrap()["windows"]
    assert (window["profile"], set(window["calibrated"]["clear"])) == ("xterm", {"ctrl+u", "backspace"})
    assert not heard.exists()


def test_a_machine_without_the_packages_is_told_what_to_install(home: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    refused = octet(
        home, "desk", "up", "--agents", "1", "--profile", "demo_xterm", *XTERM, PATH=str(tmp_path / "nothing")
    )
    assert refused.returncode != 0
    assert "sudo apt-get install xvfb openbox" in refused.stderr


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_displays_come_and_go_with_octet_run(home: Path, end: signal.Signals) -> None:
    make_desks(home)
    argv = [sys.executable, "-m", "bot", "run", "--home", str(home)]
    with (home / "log").open("wb") as log:
        run = subprocess.Popen(argv, cwd=ROOT, env=environ(home), stdout=log, stderr=log)
    try:
        until(lambda: all(one.keeper == run.pid and one.is_up for one in standings(home)), "both are up")
    finally:
        run.send_signal(end)
        run.wait(patience(60))
    until(lambda: left(home) == [], "nothing of them is left")
    assert [one.keeper for one in standings(home)] == [0, 0]


def test_a_reload_leaves_a_display_as_it_is_unless_it_is_described_otherwise_itself(home: Path) -> None:
    make_desks(home)
    agents = home / "config/agents.toml"
    agents.write_text("\n[[agents]]".join(agents.read_text("utf-8").split("\n[[agents]]")[:3]), "utf-8")  # of both
    argv = [sys.executable, "-m", "bot", "run", "--home", str(home)]
    with (home / "log").open("wb") as log:
        run = subprocess.Popen(argv, cwd=ROOT, env=environ(home), stdout=log, stderr=log)
    try:
        until(lambda: all(one.keeper == run.pid and one.is_up for one in standings(home)), "both are up")
        until(lambda: len(lasting(home)) == len(DESKS) * len(LASTING), "their programs run")
        before, programs = standings(home), lasting(home)
        one, two = (home / "config/desks" / f"{desk}.toml" for desk in DESKS)
        one.write_text(one.read_text("utf-8").replace('title = "', 'title = "^'), "utf-8")
        said = octet(home, "reload")
        assert (said.returncode, "restart: desk-1." in said.stdout) == (0, True), said.stderr
        assert standings(home) == before
        assert programs <= set(left(home)), "its programs were not disturbed"
        second = set(marked(f"desk-2 {home / 'displays/desk-2'}"))
        two.write_text(two.read_text("utf-8").replace("1920x1080", "2000x1200"), "utf-8")
        said = octet(home, "reload")
        assert "restart: desk-2." in said.stdout, said.stderr
        until(lambda: standings(home)[1].is_up and not second & set(left(home)), "it is another one")
        assert standings(home)[0] == before[0]
    finally:
        run.terminate()
        run.wait(patience(60))
    until(lambda: left(home) == [], "nothing of them is left")
