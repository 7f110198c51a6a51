"""Setting up a machine: what is missing is named first, nothing is done twice, a refusal is one line and quick."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts import bootstrap
from tests.pace import patience

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "Xvfb",
    "openbox",
    "xterm",
    "fc-cache",
    "mousepad",
    "tmux",
    "xdotool",
    "xclip",
    "dbus-daemon",
    "xfce4-terminal",
    "urxvt",
    "sakura",
    "stterm",
    "chromium",
    "x86_64-w64-mingw32-gcc",
    "bwrap",
)
PACKAGES = (
    "xvfb",
    "openbox",
    "xterm",
    "fontconfig",
    "mousepad",
    "tmux",
    "xdotool",
    "xclip",
    "dbus",
    "xfce4-terminal",
    "rxvt-unicode",
    "sakura",
    "stterm",
    "chromium",
    "gcc-mingw-w64-x86-64-win32",
    "bubblewrap",
)
COMPLETE = bootstrap.Python("/somewhere/python3", (3, 12, 1), ())

# An apt that writes down what it was asked, and "installs" a package by making its program.
APT = """#!/bin/sh
echo "$@" >>"{folder}/asked"
for package in "$@"; do
    case $package in xvfb) package=Xvfb ;; fontconfig) package=fc-cache ;; dbus) package=dbus-daemon ;;
        bubblewrap) package=bwrap ;; rxvt-unicode) package=urxvt ;; gcc-mingw-*) package=x86_64-w64-mingw32-gcc ;; esac
    echo "#!/bin/sh" >"{folder}/$package" && /bin/chmod +x "{folder}/$package"
done
"""


def program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make a folder that is the whole PATH of a machine with nothing but `env`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "env").symlink_to("/usr/bin/env")
    return folder


def run(machine: Path, purpose: str = "test", tiers: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-m", "scripts.bootstrap", purpose, "--only-system"],
        cwd=ROOT,
        env={"PATH": str(machine), "OCTET_TIERS": tiers},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


def test_without_apt_one_line_names_every_missing_package_at_once(machine: Path) -> None:
    done = run(machine)
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("[setup] make test needs packages")
    assert set(PACKAGES) <= set(line.split())


def test_what_apt_installs_is_named_before_apt_is_called(machine: Path) -> None:
    program(machine, "apt-get", APT.format(folder=machine))
    program(machine, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    program(machine, "true")
    done = run(machine)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("[setup] apt will install: ")
    assert set(PACKAGES) <= set(first.split())
    update, install = (machine / "asked").read_text().splitlines()
    assert update.endswith("update")
    assert install.split()[-len(PACKAGES) :] == list(first.split()[-len(PACKAGES) :])


def test_an_apt_that_fails_is_heard(machine: Path) -> None:
    program(machine, "apt-get", "#!/bin/sh\necho no network >&2\nexit 100\n")
    program(machine, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    program(machine, "true")
    done = run(machine)
    assert done.returncode == 1
    assert "no network" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("[setup] reading apt's lists failed")


def test_an_apt_that_lies_is_found_out(machine: Path) -> None:
    program(machine, "apt-get")
    program(machine, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    program(machine, "true")
    done = run(machine)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("[setup] still missing after apt")


def test_a_machine_with_everything_needs_no_apt(machine: Path) -> None:
    for name in PROGRAMS:
        program(machine, name)
    done = run(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_demo_goes_on_without_a_browser_and_names_what_would_bring_it(machine: Path) -> None:
    for name in ("Xvfb", "openbox", "xterm", "fc-cache", "bwrap"):
        program(machine, name)
    program(machine, "apt-get", "#!/bin/sh\necho nobody may be asked for this >&2\nexit 100\n")
    done = run(machine, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    line, *groups = done.stdout.splitlines()
    assert "sudo apt-get install chromium " in line
    assert groups[0].endswith("one window that is a page in a browser")


def test_a_machine_that_installs_for_the_demo_gets_its_browser_with_the_rest(machine: Path) -> None:
    program(machine, "apt-get", APT.format(folder=machine))
    program(machine, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    program(machine, "true")
    done = run(machine, "demo")
    assert done.returncode == 0, done.stderr
    assert {"xvfb", "chromium"} <= set(done.stdout.splitlines()[0].split())


def test_what_the_demo_can_do_without_stops_nothing_when_apt_cannot_have_it(machine: Path) -> None:
    """As apt does: one package that it cannot have, and it installs none of those it was asked for with it."""
    refuses = "case \" $* \" in *' chromium '*) echo E: no candidate for chromium >&2; exit 100 ;; esac\n"
    program(machine, "apt-get", APT.format(folder=machine).replace("for package", f"{refuses}for package"))
    program(machine, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    program(machine, "true")
    done = run(machine, "demo")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "[setup]     E: no candidate for chromium" in done.stdout
    assert "it goes on without chromium, which apt could not install" in done.stdout
    assert {"Xvfb", "dbus-daemon"} <= {path.name for path in machine.iterdir()}
    assert not (machine / "chromium").exists()


def test_fewer_tiers_need_less(machine: Path) -> None:
    assert run(machine, tiers="contract").returncode == 1
    program(machine, "bwrap")
    assert run(machine, tiers="unit").returncode == 0


def test_a_tier_that_does_not_exist_is_a_usage_error(machine: Path) -> None:
    done = run(machine, tiers="units")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("programs", "uid", "prefix"),
    [
        ({}, 0, None),
        ({"apt-get": 0}, 0, []),
        ({"apt-get": 0}, 1000, None),
        ({"apt-get": 0, "sudo": 1}, 1000, None),
        ({"apt-get": 0, "sudo": 0}, 1000, ["sudo", "--non-interactive"]),
        ({"sudo": 0}, 1000, None),
    ],
)
def test_only_root_and_who_may_sudo_may_install(
    monkeypatch: pytest.MonkeyPatch, machine: Path, programs: dict[str, int], uid: int, prefix: list[str] | None
) -> None:
    for name, code in programs.items():
        program(machine, name, f"#!/bin/sh\nexit {code}\n")
    monkeypatch.setenv("PATH", str(machine))
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal to ask at
    assert bootstrap.apt_prefix() == prefix


def pythons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: dict[str, bootstrap.Python]) -> None:
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "none.json")
    monkeypatch.setattr(bootstrap, "probe", found.get)


def test_the_systems_python_stands_in_when_the_one_on_path_lacks_tkinter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = bootstrap.Python(sys.executable, (3, 13, 0), ("python3-tk",))
    pythons(monkeypatch, tmp_path, {sys.executable: bare, bootstrap.SYSTEM_PYTHON: COMPLETE})
    assert bootstrap.choose_python() is COMPLETE


def test_apt_completes_the_systems_python_and_not_the_persons_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = bootstrap.Python(sys.executable, (3, 13, 0), ("python3-tk",))
    system = bootstrap.Python(bootstrap.SYSTEM_PYTHON, (3, 11, 2), ("python3-tk", "python3-venv"))
    pythons(monkeypatch, tmp_path, {sys.executable: bare, bootstrap.SYSTEM_PYTHON: system})
    assert bootstrap.choose_python() is system


def test_an_old_python_is_told_that_it_is_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = bootstrap.Python(sys.executable, (3, 9, 2), ())
    pythons(monkeypatch, tmp_path, {sys.executable: old})
    with pytest.raises(SystemExit, match="1"):
        bootstrap.choose_python()
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make a checkout with locks, which only notes its installing (in `steps`)."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv").mkdir()
    for name in ("requirements/build.txt", "requirements/runtime.txt", "requirements/dev.txt", "pyproject.toml"):
        (tmp_path / name).write_text(f"{name}==1\n")
    steps = tmp_path / "steps"
    steps.touch()

    def write_down(_title: str, command: list[str]) -> None:
        with steps.open("a") as file:
            file.write(" ".join(command) + "\n")

    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv/octet.json")
    monkeypatch.setattr(bootstrap, "step", write_down)
    return tmp_path


def steps(checkout: Path) -> list[str]:
    """Return what ran since the last look, by its last word."""
    lines = (checkout / "steps").read_text().splitlines()
    (checkout / "steps").write_text("")
    return [Path(line.split()[-1]).name for line in lines]


def test_the_second_run_does_nothing(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == [".venv", "build.txt", "dev.txt", "editors", "inspector", checkout.name]
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == []


def test_a_linked_venv_is_refused_before_anything_is_installed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "ready_system", lambda *_: pytest.fail("apt comes first"))
    monkeypatch.setattr("sys.argv", ["bootstrap", "demo"])
    shared = checkout / "shared"
    shared.mkdir()
    (checkout / ".venv").rmdir()
    (checkout / ".venv").symlink_to(shared)
    with pytest.raises(SystemExit):
        bootstrap.main()
    assert steps(checkout) == []
    assert f"a link to {shared}" in capsys.readouterr().err


def test_apt_installs_programs_while_pip_installs_packages(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    begun = threading.Event()
    monkeypatch.setattr(bootstrap, "ready_system", lambda *_: (COMPLETE, begun.set))
    monkeypatch.setattr(bootstrap, "ready_venv", lambda *_: begun.wait(patience(10)) or pytest.fail("apt waits"))
    monkeypatch.setattr(bootstrap, "build_page", lambda **_: None)
    monkeypatch.setattr("sys.argv", ["bootstrap", "demo"])
    bootstrap.main()
    assert begun.is_set()


def test_the_first_lock_names_pip_with_its_hashes() -> None:
    """The pip that installs everything else is this one, not the one that the machine's Python brought."""
    lock = (ROOT / "requirements/build.txt").read_text(encoding="utf-8")
    assert re.search(r"^pip==[\d.]+ \\\n +--hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert "--require-hashes" in bootstrap.locked("build")


def test_what_the_tests_need_holds_what_the_demo_needs(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "runtime")
    assert steps(checkout) == [".venv", "build.txt", "runtime.txt", checkout.name]
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == ["dev.txt", "editors", "inspector"]
    bootstrap.ready_venv(COMPLETE, "runtime")
    assert steps(checkout) == []


def test_a_changed_lock_makes_a_new_venv_so_that_nothing_old_stays(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "runtime")
    steps(checkout)
    (checkout / "requirements/runtime.txt").write_text("other==2\n")
    bootstrap.ready_venv(COMPLETE, "runtime")
    assert steps(checkout)[0] == ".venv"


def test_a_changed_project_file_reinstalls_only_the_checkout(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    steps(checkout)
    (checkout / "pyproject.toml").write_text("[project]\n")
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == [checkout.name]


def test_a_changed_lock_of_npm_reinstalls_only_what_it_locks(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    steps(checkout)
    (checkout / "editors").mkdir()
    (checkout / "editors/package-lock.json").write_text("{}")
    monkeypatch.setattr(bootstrap, "NPM", {"editors": checkout / "editors"})
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == ["editors"]


def test_an_interrupted_run_is_begun_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_title: str, _command: list[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.ready_venv(COMPLETE, "dev")
    bootstrap.ready_venv(COMPLETE, "dev")
    assert steps(checkout) == [".venv", "build.txt", "dev.txt", "editors", "inspector", checkout.name]


def test_every_lock_is_installed_with_hashes_and_without_what_packages_ask_for(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    lines = (checkout / "steps").read_text().splitlines()
    locks = [line for line in lines if line.endswith(".txt")]
    assert len(locks) == 2
    assert all("--require-hashes --no-deps" in line and "--no-build-isolation" in line for line in locks)


def test_the_stamp_names_the_python_so_that_it_is_kept(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    assert json.loads((checkout / ".venv/octet.json").read_text())["python"] == ["/somewhere/python3", 3, 12, 1]
    assert bootstrap.venv_python() == ["/somewhere/python3"]


def test_a_second_setup_of_the_same_checkout_waits_for_the_first(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(bootstrap, "say", lambda text: waiting.set() if "waiting for it" in text else None)

    def second() -> None:
        with bootstrap.alone():
            bootstrap.ready_venv(COMPLETE, "dev")

    thread = threading.Thread(target=second)
    with bootstrap.alone():
        thread.start()
        assert waiting.wait(timeout=patience(60))
        bootstrap.ready_venv(COMPLETE, "dev")
        assert len(steps(checkout)) == 6
    thread.join(timeout=patience(60))
    assert not thread.is_alive()
    assert steps(checkout) == [], "it finds everything done"


def test_a_run_that_changes_nothing_leaves_the_stamp_alone(checkout: Path) -> None:
    bootstrap.ready_venv(COMPLETE, "dev")
    stamp = bootstrap.STAMP
    before = stamp.stat()
    bootstrap.ready_venv(COMPLETE, "dev")
    assert stamp.stat().st_mtime_ns == before.st_mtime_ns
    assert [path.name for path in checkout.glob(".venv/octet.*")] == ["octet.json"]
