"""Starting at log-in: what is written for systemd, what it is asked to do, and the line for other systems."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.cli import autostart
from bot.cli.autostart import Answer, SystemdUnit
from bot.cli.errors import FileNotWritten
from core.home import Home
from tests.builders import refuses
from tests.pace import patience

REPOSITORY = Path(__file__).parents[3]
NASTY = 'my`home" 100% $HOME \\ä'
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


class System:
    """Answers commands, and keeps what was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, words: Sequence[str]) -> Answer:
        self.asked.append(shlex.join(words))
        return next((ran for verb, ran in self._answers.items() if verb in words), Answer([], 0, "", ""))


def a_unit(
    folder: Path, system: System, *, needs_display: bool = True, name: str = "octet", home: str = "home"
) -> SystemdUnit:
    python = shutil.which("python3")
    assert python is not None
    return SystemdUnit(
        name=name,
        home=folder / home,
        command=(python, "-m", "bot"),
        folder=REPOSITORY,
        needs_display=needs_display,
        config=folder / ".config",
        variables={"HOME": str(folder), "DISPLAY": ":7", "XAUTHORITY": "/run/x", "PATH": "/usr/bin"},
        run=system,
    )


def sections(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - keys differ by case
    parser.read(file, encoding="utf-8")
    return parser


def test_the_unit_has_documented_keys_only_and_is_enabled(tmp_path: Path) -> None:
    system = System()
    unit = a_unit(tmp_path, system)
    assert not unit.is_installed()
    told = unit.install(now=False)
    assert unit.path == tmp_path / ".config/systemd/user/octet.service"
    assert unit.is_installed()
    parsed = sections(unit.path)
    assert {name: set(parsed[name]) for name in parsed.sections()} == UNIT_KEYS
    service = parsed["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2 78")
    assert shlex.split(service["ExecStart"])[0].startswith("/")
    assert parsed["Unit"]["After"] == "graphical-session.target"
    assert system.asked[1:3] == ["systemctl --user daemon-reload", "systemctl --user enable octet.service"]
    assert any("next log-in" in line for line in told)


def verified(unit: Path) -> tuple[int, str]:
    """Return what systemd itself says of a unit."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(unit.parent), "XDG_RUNTIME_DIR": str(unit.parent)}
    words = [str(ANALYZE), "--user", "verify", "--man=no", str(unit)]
    said = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=patience(60), check=False)
    lines = (said.stdout + said.stderr).splitlines()
    return said.returncode, "\n".join(line for line in lines if unit.name in line)  # of others' units it complains too


def test_systemd_itself_finds_nothing_wrong_in_the_unit_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / NASTY).mkdir()
    unit = a_unit(tmp_path, System(), home=NASTY)
    unit.install(now=False)
    broken = unit.path.with_name("broken.service")
    broken.write_text(unit.path.read_text().replace("Restart=on-failure", "Restart=now and then"))
    if ANALYZE is not None:  # elsewhere the test above holds the keys against systemd's manual
        assert verified(unit.path) == (0, "")
        assert "now and then" in verified(broken)[1]


def test_a_home_with_quotes_percents_and_dollars_stays_one_word(tmp_path: Path) -> None:
    assert autostart.quote_for_systemd(NASTY) == '"my`home\\" 100%% $$HOME \\\\ä"'


def test_started_at_once_the_session_tells_systemd_of_its_screen_first(tmp_path: Path) -> None:
    system = System()
    a_unit(tmp_path, system).install(now=True)
    assert system.asked[-2:] == [
        "systemctl --user import-environment DISPLAY XAUTHORITY",
        "systemctl --user restart --no-block octet.service",
    ]
    assert ":7" not in (tmp_path / ".config/systemd/user/octet.service").read_text()


def test_a_session_that_does_not_tell_systemd_of_its_screen_gets_a_line_that_does(tmp_path: Path) -> None:
    system = System(**{"is-active": Answer([], 3, "inactive", "")})
    unit = a_unit(tmp_path, system)
    line = unit.install(now=False)[-1]
    assert "autostart of your desktop" in line
    assert line.endswith(f"autostart begin --name octet --home {tmp_path / 'home'}")
    unit.start()
    assert system.asked[-1] == "systemctl --user start --no-block octet.service"
    assert "begin" not in "".join(a_unit(tmp_path, System()).install(now=False))


def test_without_a_screen_it_starts_at_any_log_in(tmp_path: Path) -> None:
    unit = a_unit(tmp_path, System(**{"is-active": Answer([], 3, "", "")}), needs_display=False)
    assert "begin" not in "".join(unit.install(now=False))
    assert sections(unit.path)["Install"]["WantedBy"] == "default.target"


def test_the_unit_of_another_home_is_left_alone(tmp_path: Path) -> None:
    a_unit(tmp_path, System(), home="one").install(now=False)
    before = a_unit(tmp_path, System()).path.read_text()
    with pytest.raises(autostart.AutostartOfOtherHome, match="one"):
        a_unit(tmp_path, System(), home="two").install(now=False)
    assert a_unit(tmp_path, System()).path.read_text() == before
    a_unit(tmp_path, System(), home="two", name="octet-two").install(now=False)


def test_a_session_without_systemd_is_said_with_the_other_way(tmp_path: Path) -> None:
    system = System(**{"daemon-reload": Answer([], 1, "Failed to connect to bus", "")})
    with pytest.raises(autostart.CommandFailed) as refused:
        a_unit(tmp_path, system).install(now=False)
    assert "Failed to connect to bus" in refused.value.message
    assert refused.value.message.endswith(f"-m bot run --home {tmp_path / 'home'}")
    assert not (tmp_path / ".config").exists(), "nothing is left behind"


def test_removed_nothing_is_left_and_a_second_time_is_refused(tmp_path: Path) -> None:
    system = System()
    unit = a_unit(tmp_path, system)
    unit.install(now=False)
    entry = tmp_path / ".config/autostart/octet.desktop"  # written by 0.2.0
    entry.parent.mkdir()
    entry.touch()
    unit.remove()
    assert not unit.path.exists()
    assert not entry.exists()
    assert "systemctl --user disable --now octet.service" in system.asked
    with refuses("not_installed"):
        unit.remove()


def test_the_files_go_also_where_systemd_does_not_answer(tmp_path: Path) -> None:
    a_unit(tmp_path, System()).install(now=False)
    unit = a_unit(tmp_path, System(disable=Answer([], 1, "no bus", "")))
    assert any("no bus" in line for line in unit.remove())
    assert not unit.path.exists()


def test_shown_nothing_is_written(tmp_path: Path) -> None:
    unit = a_unit(tmp_path, System())
    text = "\n".join(unit.show())
    assert "ExecStart=" in text
    assert text.endswith(f"run --home {tmp_path / 'home'}")
    assert "not installed" in text
    assert not unit.path.exists()
    unit.install(now=False)
    system = System(**{"is-enabled": Answer([], 0, "enabled", ""), "is-active": Answer([], 3, "inactive", "")})
    assert "systemd says: enabled, inactive" in "\n".join(a_unit(tmp_path, system).show())


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file in the way")
    with pytest.raises(FileNotWritten, match=r"octet\.service"):
        a_unit(tmp_path, System()).install(now=False)


def test_names_that_could_leave_their_folder_are_refused(tmp_path: Path) -> None:
    for name in ("../octet", "Octet", "", "a b", "x" * 41):
        with refuses("bad_autostart_name"):
            autostart.unit_of(Home(root=tmp_path), name)


@pytest.mark.parametrize(
    ("platform", "place"), [("win32", "shell:startup"), ("darwin", "Login Items"), ("plan9", "init system")]
)
def test_other_systems_get_the_line_for_their_own_autostart(tmp_path: Path, platform: str, place: str) -> None:
    with pytest.raises(autostart.NoAutostart) as refused:
        autostart.unit_of(Home(root=tmp_path), platform=platform)
    assert place in refused.value.message
    assert refused.value.message.endswith(f"run --home {tmp_path}")


def test_octet_is_called_by_its_full_path_as_a_script_or_as_a_module(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    assert autostart.octet_command(python) == (str(python), "-m", "bot")
    (tmp_path / "octet").touch()
    assert autostart.octet_command(python) == (str(tmp_path / "octet"),)


@pytest.mark.parametrize(("words", "code"), [(["/bin/false"], 1), (["/no/such/program"], 127)])
def test_a_command_that_fails_or_is_missing_is_an_answer(words: list[str], code: int) -> None:
    assert autostart.run_command(words).returncode == code
