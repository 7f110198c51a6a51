"""Starting at log-in: what is written for systemd, Windows and macOS, and what those are asked to do with it."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

from bot.cli import autostart
from bot.cli.autostart import AutostartEntry, CommandResult
from bot.cli.errors import FileNotWritten
from core.home import Home

REPOSITORY = Path(__file__).parents[3]
NASTY = 'my`home" 100% $HOME \\ä'
SCHEDULER = f"{{{autostart.TASK_NAMESPACE}}}"
ANALYZE = shutil.which("systemd-analyze")
UNIT_KEYS = {
    "Unit": {"Description", "After", "StartLimitIntervalSec", "StartLimitBurst", "X-Octet-Home"},
    "Service": {
        *("Type", "WorkingDirectory", "ExecStart", "KillMode", "Restart", "RestartSec", "RestartPreventExitStatus"),
        "TimeoutStopSec",
    },
    "Install": {"WantedBy"},
}
"""What systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5) know of what is written."""
TASK_PARTS = {
    "Task": {"RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"},
    "LogonTrigger": {"Enabled", "UserId"},
    "Principal": {"UserId", "LogonType", "RunLevel"},
    "RestartOnFailure": {"Interval", "Count"},
    "Exec": {"Command", "Arguments", "WorkingDirectory"},
    "Settings": {
        *("MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "StartWhenAvailable"),
        *("ExecutionTimeLimit", "RestartOnFailure"),
    },
}
"""What the published schema of tasks has in these elements, in its order where the order counts (all but Settings)."""


class System:
    """Answers commands, and keeps what was asked."""

    def __init__(self, **answers: CommandResult) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, words: Sequence[str]) -> CommandResult:
        self.asked.append(shlex.join(words))
        return next((ran for verb, ran in self._answers.items() if verb in words), CommandResult(code=0, output=""))


def make_start(folder: Path, *, needs_display: bool = True, name: str = "octet", home: str = "home") -> AutostartEntry:
    python = shutil.which("python3")
    assert python is not None
    return AutostartEntry(
        name=name,
        home=folder / home,
        command=(python, "-m", "bot"),
        folder=REPOSITORY,
        needs_display=needs_display,
    )


def a_unit(
    folder: Path, system: System, *, needs_display: bool = True, name: str = "octet", home: str = "home"
) -> autostart.SystemdUnit:
    start = make_start(folder, needs_display=needs_display, name=name, home=home)
    environ = {"HOME": str(folder), "DISPLAY": ":7", "XAUTHORITY": "/run/x", "PATH": "/usr/bin"}
    return autostart.SystemdUnit(start, environ=environ, run=system)


def sections(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - keys differ by case
    parser.read(file, encoding="utf-8")
    return parser


def test_the_unit_has_documented_keys_only_and_is_enabled(tmp_path: Path) -> None:
    system = System()
    way = a_unit(tmp_path, system)
    assert not way.is_installed()
    told = way.install(now=False)
    assert way.paths[0] == tmp_path / ".config/systemd/user/octet.service"
    assert way.is_installed()
    parsed = sections(way.paths[0])
    assert {name: set(parsed[name]) for name in parsed.sections()} == UNIT_KEYS
    service = parsed["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2 78")
    assert shlex.split(service["ExecStart"])[0].startswith("/")
    assert parsed["Unit"]["After"] == "graphical-session.target"
    assert system.asked[-2:] == ["systemctl --user daemon-reload", "systemctl --user enable octet.service"]
    assert any("next log-in" in line for line in told)


def verified(unit: Path) -> tuple[int, str]:
    """Return what systemd itself says of a unit."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(unit.parent), "XDG_RUNTIME_DIR": str(unit.parent)}
    words = [str(ANALYZE), "--user", "verify", "--man=no", str(unit)]
    said = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=60, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    return said.returncode, "\n".join(line for line in lines if unit.name in line)  # of others' units it complains too


def test_systemd_itself_finds_nothing_wrong_in_the_unit_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / NASTY).mkdir()
    way = a_unit(tmp_path, System(), home=NASTY)
    way.install(now=False)
    broken = way.paths[0].with_name("broken.service")
    broken.write_text(way.paths[0].read_text().replace("Restart=on-failure", "Restart=now and then"))
    if ANALYZE is not None:  # elsewhere the test above holds the keys against systemd's manual
        assert verified(way.paths[0]) == (0, "")
        assert "now and then" in verified(broken)[1]


def test_a_home_with_quotes_percents_and_dollars_stays_one_word(tmp_path: Path) -> None:
    assert autostart.quote_for_systemd(NASTY) == '"my`home\\" 100%% $$HOME \\\\ä"'
    exec_key = autostart.desktop_entry(make_start(tmp_path, home=NASTY)).split("Exec=")[1].split("\n")[0]
    unescaped = exec_key.replace("\\\\", "\\").replace("%%", "%")  # what a reader of the key does first
    last = unescaped.rpartition(' "')[2].removesuffix('"')
    assert re.sub(r'\\(["`$\\])', r"\1", last) == str(tmp_path / NASTY)


def test_started_at_once_the_session_tells_systemd_of_its_screen_first(tmp_path: Path) -> None:
    system = System()
    a_unit(tmp_path, system).install(now=True)
    assert system.asked[-2:] == [
        "systemctl --user import-environment DISPLAY XAUTHORITY",
        "systemctl --user restart --no-block octet.service",
    ]
    assert ":7" not in (tmp_path / ".config/systemd/user/octet.service").read_text()


def test_the_entry_of_the_session_begins_it_without_starting_it_anew(tmp_path: Path) -> None:
    system = System()
    way = a_unit(tmp_path, system)
    way.install(now=False)
    assert "autostart" in way.paths[1].read_text()
    assert "begin" in way.paths[1].read_text()
    way.start()
    assert system.asked[-1] == "systemctl --user start --no-block octet.service"


def test_without_a_screen_it_starts_at_any_log_in_and_needs_no_entry(tmp_path: Path) -> None:
    way = a_unit(tmp_path, System(), needs_display=False)
    way.install(now=False)
    assert sections(way.paths[0])["Install"]["WantedBy"] == "default.target"
    assert not way.paths[1].exists()


def test_the_unit_of_another_home_is_left_alone(tmp_path: Path) -> None:
    a_unit(tmp_path, System(), home="one").install(now=False)
    before = a_unit(tmp_path, System()).paths[0].read_text()
    with pytest.raises(autostart.AutostartOfOtherHome, match="one"):
        a_unit(tmp_path, System(), home="two").install(now=False)
    assert a_unit(tmp_path, System()).paths[0].read_text() == before
    a_unit(tmp_path, System(), home="two", name="octet-two").install(now=False)


def test_a_session_without_systemd_is_said_with_the_other_way(tmp_path: Path) -> None:
    system = System(**{"daemon-reload": CommandResult(code=1, output="Failed to connect to bus")})
    with pytest.raises(autostart.CommandFailed) as refused:
        a_unit(tmp_path, system).install(now=False)
    assert "Failed to connect to bus" in refused.value.message
    assert "octet autostart show" in refused.value.message
    assert not (tmp_path / ".config").exists(), "nothing is left behind"


def test_removed_nothing_is_left_and_a_second_time_is_refused(tmp_path: Path) -> None:
    system = System()
    way = a_unit(tmp_path, system)
    way.install(now=False)
    way.remove()
    assert not way.paths[0].exists()
    assert not way.paths[1].exists()
    assert "systemctl --user disable --now octet.service" in system.asked
    with pytest.raises(autostart.NotInstalled):
        way.remove()


def test_the_files_go_also_where_systemd_does_not_answer(tmp_path: Path) -> None:
    a_unit(tmp_path, System()).install(now=False)
    way = a_unit(tmp_path, System(disable=CommandResult(code=1, output="no bus")))
    assert any("no bus" in line for line in way.remove())
    assert not way.paths[0].exists()


def test_shown_nothing_is_written(tmp_path: Path) -> None:
    way = a_unit(tmp_path, System())
    text = "\n".join(way.show())
    assert "ExecStart=" in text
    assert text.endswith(f"run --home {tmp_path / 'home'}")
    assert "not installed" in text
    assert not way.paths[0].exists()
    way.install(now=False)
    system = System(
        **{"is-enabled": CommandResult(code=0, output="enabled"), "is-active": CommandResult(code=3, output="inactive")}
    )
    assert "systemd says: enabled, inactive" in "\n".join(a_unit(tmp_path, system).show())


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file in the way")
    with pytest.raises(FileNotWritten, match=r"octet\.service"):
        a_unit(tmp_path, System()).install(now=False)


def a_task(folder: Path, system: System) -> autostart.ScheduledTask:
    (folder / "home").mkdir(exist_ok=True)
    environ = {"USERDOMAIN": "DESKTOP-7", "USERNAME": "Änne"}
    return autostart.ScheduledTask(make_start(folder), environ=environ, run=system)


def test_the_task_of_windows_has_the_elements_of_the_published_schema_only(tmp_path: Path) -> None:
    root = ElementTree.fromstring(autostart.task_definition(make_start(tmp_path), "DESKTOP-7\\Änne"))
    assert root.tag == f"{SCHEDULER}Task"
    for parent in root.iter():
        name = parent.tag.removeprefix(SCHEDULER)
        if name in TASK_PARTS:
            assert {child.tag.removeprefix(SCHEDULER) for child in parent} <= TASK_PARTS[name], name

    def text(name: str) -> str:
        return root.findtext(f".//{SCHEDULER}{name}") or ""

    assert [child.tag.removeprefix(SCHEDULER) for child in root.iterfind(f".//{SCHEDULER}Exec/*")] == [
        *("Command", "Arguments", "WorkingDirectory")
    ]
    assert (text("LogonType"), text("RunLevel")) == ("InteractiveToken", "LeastPrivilege")
    assert (text("ExecutionTimeLimit"), text("MultipleInstancesPolicy")) == ("PT0S", "IgnoreNew")
    assert text("UserId") == "DESKTOP-7\\Änne"
    assert text("Arguments").endswith(f"run --home {tmp_path / 'home'}")
    context = root.find(f"{SCHEDULER}Actions")
    person = root.find(f".//{SCHEDULER}Principal")
    assert context is not None
    assert person is not None
    assert context.get("Context") == person.get("id")


def test_the_task_is_registered_from_its_file_run_and_removed(tmp_path: Path) -> None:
    nothing = System(**{"/Query": CommandResult(code=1, output="ERROR: The system cannot find the file specified.")})
    way = a_task(tmp_path, nothing)
    assert not way.is_installed()
    way.install(now=True)
    assert nothing.asked[2:] == [
        shlex.join(["schtasks", "/Create", "/TN", "\\octet", "/XML", str(way.paths[0]), "/F"]),
        shlex.join(["schtasks", "/Run", "/TN", "\\octet"]),
    ]
    assert way.paths[0].read_bytes()[:2] in {b"\xff\xfe", b"\xfe\xff"}
    with pytest.raises(autostart.NotInstalled):
        way.remove()
    there = System(**{"/Query": CommandResult(code=0, output=f"<Arguments>run --home {tmp_path / 'home'}</Arguments>")})
    assert a_task(tmp_path, there).is_installed()
    assert "not installed" not in "\n".join(a_task(tmp_path, there).show())
    a_task(tmp_path, there).remove()
    assert there.asked[-1] == shlex.join(["schtasks", "/Delete", "/TN", "\\octet", "/F"])
    other = System(**{"/Query": CommandResult(code=0, output="<Arguments>run --home C:\\other</Arguments>")})
    with pytest.raises(autostart.AutostartOfOtherHome):
        a_task(tmp_path, other).install(now=False)


@pytest.mark.parametrize(
    ("home", "is_ours"),
    [("home", True), ("home2", False), ("home\\sub", False)],
)
def test_a_task_of_a_home_whose_folder_only_begins_alike_is_another_ones(
    tmp_path: Path, home: str, *, is_ours: bool
) -> None:
    words = escape(subprocess.list2cmdline(["run", "--home", f"{tmp_path / 'a & b'}/{home}"]))
    system = System(**{"/Query": CommandResult(code=0, output=f"<Arguments>-m bot {words}</Arguments>")})
    way = autostart.ScheduledTask(make_start(tmp_path, home="a & b/home"), environ={}, run=system)
    assert way.is_installed() is is_ours


def test_a_task_that_windows_refuses_says_what_it_said(tmp_path: Path) -> None:
    system = System(
        **{
            "/Query": CommandResult(code=1, output=""),
            "/Create": CommandResult(code=1, output="ERROR: Access is denied."),
        }
    )
    with pytest.raises(autostart.CommandFailed, match="Access is denied"):
        a_task(tmp_path, system).install(now=False)


def test_the_agent_of_macos_is_a_property_list_that_is_loaded_and_unloaded(tmp_path: Path) -> None:
    system = System()
    start = make_start(tmp_path)
    way = autostart.LaunchAgent(start, environ={"HOME": str(tmp_path)}, run=system)
    assert not way.is_installed()
    way.install(now=True)
    assert way.is_installed()
    known = plistlib.loads(way.paths[0].read_bytes())
    assert known["ProgramArguments"] == list(start.run)
    assert known["KeepAlive"] == {"SuccessfulExit": False}
    assert system.asked[-1] == shlex.join(["launchctl", "bootstrap", f"gui/{os.getuid()}", str(way.paths[0])])
    other = autostart.LaunchAgent(make_start(tmp_path, home="two"), environ={"HOME": str(tmp_path)}, run=system)
    with pytest.raises(autostart.AutostartOfOtherHome):
        other.install(now=False)
    assert "ProgramArguments" in "\n".join(way.show())
    way.remove()
    assert system.asked[-1] == f"launchctl bootout gui/{os.getuid()}/local.octet"
    with pytest.raises(autostart.NotInstalled):
        way.remove()


def test_names_that_could_leave_their_folder_are_refused(tmp_path: Path) -> None:
    for name in ("../octet", "Octet", "", "a b", "x" * 41):
        with pytest.raises(autostart.BadAutostartName):
            autostart.autostart_backend(Home(root=tmp_path), name)


def test_each_system_has_its_way_and_an_unknown_one_is_told_the_command(tmp_path: Path) -> None:
    kinds = {
        platform: type(autostart.autostart_backend(Home(root=tmp_path), platform=platform))
        for platform in ("linux", "win32", "darwin")
    }
    assert list(kinds.values()) == [autostart.SystemdUnit, autostart.ScheduledTask, autostart.LaunchAgent]
    with pytest.raises(autostart.NoAutostart, match="run --home"):
        autostart.autostart_backend(Home(root=tmp_path), platform="plan9")


def test_octet_is_called_by_its_full_path_as_a_script_or_as_a_module(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    assert autostart.octet_command(python) == (str(python), "-m", "bot")
    (tmp_path / "octet").touch()
    assert autostart.octet_command(python) == (str(tmp_path / "octet"),)


@pytest.mark.parametrize(("words", "code"), [(["/bin/false"], 1), (["/no/such/program"], 127)])
def test_a_command_that_fails_or_is_missing_is_an_answer(words: list[str], code: int) -> None:
    assert autostart.run_command(words).code == code
