"""What a confined command cannot do. Each attack has its control: the same command does it where it is not confined."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from automation.bubblewrap.sandbox import ACCOUNT, KEPT, Bubblewrap
from core.proofs.model import CheckFault
from core.proofs.ports import Confined
from tests.automation.bubblewrap.conftest import PYTHON, Trial, script

Living = Callable[[str], list[int]]


# ── what it reads and writes ──────────────────────────────────────────────────────────────────────────────────────────


async def test_neither_shadow_nor_a_home_nor_octets_keys_are_there(trial: Trial, tmp_path: Path) -> None:
    key, home = tmp_path / "octet" / "audit.key", tmp_path / "ada" / ".ssh" / "id"
    for file in (key, home):
        file.parent.mkdir(parents=True)
        file.write_text("secret")
    paths = [str(path) for path in ("/etc/shadow", Path.home(), key, home, tmp_path, "/run", "/sys", "/var")]
    look = ("/bin/ls", "-d", *paths)
    assert trial.bare(*look).stdout.decode().splitlines() == sorted(paths)
    ran = await trial.confined(*look)
    assert (ran.exit_code, ran.output.count(b"No such file")) == (2, len(paths)), ran.output


async def test_only_the_copy_and_tmp_can_be_written_and_tmp_is_its_own(trial: Trial, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    name = secrets.token_hex(8)
    places = [
        f"{folder}/{name}" for folder in ("/usr", "/etc", "/var/tmp", "/dev", "", "/home", outside, "/tmp", "/work")
    ]
    outside.mkdir()
    write = 'for place; do touch "$place" && echo "$place"; done 2>/dev/null; exit 0'
    bare = trial.bare("/bin/sh", "-c", write, "sh", str(outside / name), f"/tmp/{name}").stdout.decode().splitlines()
    assert bare == [str(outside / name), f"/tmp/{name}"]
    trial.bare("/bin/rm", *bare)
    ran = await trial.confined("/bin/sh", "-c", write, "sh", *places)
    assert ran.output.decode().splitlines() == [f"/tmp/{name}", f"/work/{name}"]
    assert not any(map(os.path.lexists, (*places, *bare)))
    assert (trial.copy / name).exists()


async def test_what_is_shared_is_read_only_and_where_it_belongs(trial: Trial, tmp_path: Path) -> None:
    share = trial.shared()
    (share / "lib").write_text("shared")
    read = ("/bin/sh", "-c", f"cat modules/lib {share}/lib; echo changed > modules/lib")
    ran = await trial.confined(*read, shares=((str(share), "modules"),))
    assert (ran.exit_code, ran.output.startswith(b"sharedshared")) == (2, True), ran.output
    assert (share / "lib").read_text() == "shared"

    (trial.copy / "elsewhere").mkdir()
    (trial.copy / "link").symlink_to("elsewhere")
    ran = await trial.confined("/bin/true", shares=((str(share), "link/modules"),))
    assert (ran.fault, ran.note) == (CheckFault.NO_SHARE, "the work has a link at link, where that folder belongs")
    ran = await trial.confined("/bin/true", shares=((str(tmp_path / "gone"), "modules"),))
    assert ran.fault is CheckFault.NO_SHARE


async def test_programs_of_a_shared_virtual_environment_run_also_by_the_path_that_they_name(trial: Trial) -> None:
    share = trial.shared()
    trial.bare(PYTHON, "-m", "venv", "--without-pip", str(share / ".venv"))
    tool = share / ".venv" / "bin" / "tool"
    tool.write_text(f"#!{share}/.venv/bin/python\nimport sys; print(sys.prefix)\n")
    tool.chmod(0o755)
    ran = await trial.confined("tool", shares=((str(share / ".venv"), ".venv"),))
    assert ran.output.decode() == f"{share}/.venv\n"
    assert (await trial.confined("tool")).fault is CheckFault.NO_COMMAND


# ── what it reaches ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_it_reaches_no_network_unless_it_may(trial: Trial, port: int) -> None:
    reach = script("import socket", f"socket.create_connection(('127.0.0.1', {port}), 5)", "print('reached')")
    assert trial.bare(*reach).stdout == b"reached\n"
    refused = await trial.confined(*reach)
    assert (refused.exit_code, b"ConnectionRefusedError" in refused.output) == (1, True)
    assert (await trial.confined(*reach, network=True)).output == b"reached\n"


async def test_it_sees_and_signals_its_own_processes_only(trial: Trial) -> None:
    def victim() -> subprocess.Popen[bytes]:
        return subprocess.Popen(["/bin/sleep", "600"])

    def attack(one: subprocess.Popen[bytes]) -> tuple[str, ...]:
        return "/bin/sh", "-c", f"kill -9 {one.pid} && echo killed; kill -9 -1"

    with victim() as spared:
        ran = await trial.confined(*attack(spared))
        assert b"No such process" in ran.output
        assert spared.poll() is None
        spared.kill()
    with victim() as control:
        trial.bare("/bin/kill", "-9", str(control.pid))
        assert control.wait() == -signal.SIGKILL
    listed = await trial.confined("/bin/sh", "-c", "ls /proc | grep -c '^[0-9]'")
    assert int(listed.output) < 6
    assert int(trial.bare("/bin/sh", "-c", "ls /proc | grep -c '^[0-9]'").stdout) > 6


async def test_it_gets_no_variable_but_its_own(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTET_DISCORD_TOKEN", "secret")
    assert b"secret" in trial.bare("/usr/bin/env").stdout
    ran = await trial.confined("/usr/bin/env", environment=(("CI", "1"),))
    assert {line.partition(b"=")[0] for line in ran.output.splitlines()} == {
        b"PATH",
        b"HOME",
        b"USER",
        b"LANG",
        b"PWD",
        b"CI",
    }


async def test_no_setuid_program_and_no_further_namespace_gives_it_rights(trial: Trial) -> None:
    look = "grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status; unshare -U true && echo namespace"
    ran = await trial.confined("/bin/sh", "-c", look)
    assert ran.output.split()[:6] == [b"CapEff:", b"0" * 16, b"CapBnd:", b"0" * 16, b"NoNewPrivs:", b"1"]
    assert b"namespace\n" not in ran.output
    bare = trial.bare("/bin/sh", "-c", look).stdout.split()
    assert (bare[4:6], bare[-1]) == ([b"NoNewPrivs:", b"0"], b"namespace")
    if os.geteuid() == 0:  # others cannot make a program that becomes root
        share = trial.shared()
        trial.bare("/usr/bin/install", "-m", "4755", "/usr/bin/id", str(share))
        control = trial.bare(str(share / "id"), "-u", user=ACCOUNT, group=ACCOUNT)
        confined = await trial.confined("tools/id", "-u", shares=((str(share), "tools"),))
        assert (control.stdout, confined.output) == (b"0\n", b"%d\n" % ACCOUNT)


async def test_it_has_a_session_without_a_terminal(trial: Trial) -> None:
    look = script(
        "import os", "print(os.getsid(0) > 0)", "try: os.open('/dev/tty', os.O_RDWR)", "except OSError: print('none')"
    )
    assert (await trial.confined(*look)).output == b"True\nnone\n"
    assert _said_in_a_terminal(look) == b"True"  # the control has one


def _said_in_a_terminal(command: tuple[str, ...]) -> bytes:
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(command[0], command)
    said = os.read(terminal, 100)
    os.waitpid(pid, 0)
    os.close(terminal)
    return said.strip()


# ── how much it uses ──────────────────────────────────────────────────────────────────────────────────────────────────

HOLD = "import time; time.sleep(600)"


BOMB = ("import os", "while True:", "    try: os.fork()", "    except OSError: pass")
PROCESSES = ("import os", "for _ in range(30):", "    if not os.fork(): HOLD", "HOLD")
MEMORY = ("held = bytearray(150_000_000)", "HOLD")
FILES_OF_MEMORY = ("import os", "os.write(os.memfd_create('x'), bytes(150_000_000))", "HOLD")
DISK = ("for n in range(30): open(str(n), 'wb').write(bytes(1_000_000))", "HOLD")
EMPTY_FILES = ("for n in range(4_000): open(str(n), 'wb')", "HOLD")
REMOVED_FILES = (
    *("import os", "kept = []", "for n in range(30):", "    kept.append(open('x', 'wb', buffering=0))"),
    *("    os.unlink('x')", "    kept[-1].write(bytes(1_000_000))", "HOLD"),
)


@pytest.mark.parametrize(
    ("attack", "limit", "fault"),
    [
        pytest.param(("HOLD",), ("time_s", 0.2), CheckFault.TOO_LONG, id="time"),
        pytest.param(BOMB, ("processes", 20), CheckFault.TOO_MANY_PROCESSES, id="fork bomb"),
        pytest.param(PROCESSES, ("processes", 20), CheckFault.TOO_MANY_PROCESSES, id="processes"),
        pytest.param(MEMORY, ("memory_mb", 100), CheckFault.TOO_MUCH_MEMORY, id="memory"),
        pytest.param(FILES_OF_MEMORY, ("memory_mb", 100), CheckFault.TOO_MUCH_MEMORY, id="files of memory"),
        pytest.param(DISK, ("disk_mb", 10), CheckFault.TOO_MUCH_DISK, id="disk"),
        pytest.param(EMPTY_FILES, ("disk_mb", 10), CheckFault.TOO_MUCH_DISK, id="empty files"),
        pytest.param(REMOVED_FILES, ("disk_mb", 10), CheckFault.TOO_MUCH_DISK, id="removed files"),
    ],
)
async def test_what_uses_too_much_is_ended_with_all_its_processes(
    trial: Trial, living: Living, attack: tuple[str, ...], limit: tuple[str, float], fault: CheckFault
) -> None:
    token = secrets.token_hex(8)
    ran = await trial.confined(*script(*(line.replace("HOLD", HOLD) for line in attack)), token, **dict([limit]))
    assert (ran.fault, ran.exit_code, living(token)) == (fault, None, [])


@pytest.mark.parametrize(
    ("attack", "limit"),
    [
        pytest.param(PROCESSES, ("processes", 40), id="processes"),
        pytest.param(MEMORY, ("memory_mb", 300), id="memory"),
        pytest.param(FILES_OF_MEMORY, ("memory_mb", 300), id="files of memory"),
        pytest.param(DISK, ("disk_mb", 40), id="disk"),
        pytest.param(EMPTY_FILES, ("disk_mb", 40), id="empty files"),
        pytest.param(REMOVED_FILES, ("disk_mb", 40), id="removed files"),
    ],
)
async def test_the_same_ends_well_where_it_may_use_so_much(
    trial: Trial, attack: tuple[str, ...], limit: tuple[str, float]
) -> None:
    short = "import time; time.sleep(0.3)"  # some looks at it
    ran = await trial.confined(*script(*(line.replace("HOLD", short) for line in attack)), **dict([limit]))
    assert (ran.exit_code, ran.fault) == (0, None), ran


async def test_memory_in_files_has_a_size_of_its_own(trial: Trial) -> None:
    ran = await trial.confined(*script("open('/dev/shm/x', 'wb').write(bytes(100_000_000))"))
    assert (ran.exit_code, b"No space left on device" in ran.output) == (1, True)
    assert (await trial.confined(*script("open('/dev/shm/x', 'wb').write(bytes(10_000_000))"))).exit_code == 0


async def test_one_file_is_no_larger_than_the_disk_that_it_may_use(trial: Trial) -> None:
    for place in ("./x", "/tmp/x"):
        write = ("/usr/bin/head", "-c", "30000000", "/dev/zero")
        ran = await trial.confined("/bin/sh", "-c", f'"$@" > {place}', "sh", *write, disk_mb=10)
        assert ran.exit_code not in (0, None) or ran.fault is CheckFault.TOO_MUCH_DISK, place
        assert (await trial.confined("/bin/sh", "-c", f'"$@" > {place}', "sh", *write, disk_mb=40)).exit_code == 0


# ── how it ends ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_lives_on_that_could_change_files_after_the_check(trial: Trial, living: Living) -> None:
    token = secrets.token_hex(8)
    stay = script(
        *("import os, sys", "if os.fork(): sys.exit(0)", "os.setsid()", "if os.fork(): os._exit(0)"),
        *("for fd in (0, 1, 2): os.close(fd)", HOLD),
    )
    assert (await trial.confined(*stay, token)).exit_code == 0
    assert living(token) == []
    assert trial.bare(*stay, token).returncode == 0
    [left] = [one for one in living(token) if os.getsid(one) != os.getsid(0)]
    os.kill(left, signal.SIGKILL)


async def test_a_cancelled_run_leaves_no_process(trial: Trial, living: Living) -> None:
    token = secrets.token_hex(8)
    fifo = trial.copy / "begun"
    os.mkfifo(fifo)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(trial.confined(*script("open('begun', 'w').write('x')", HOLD), token))
        await asyncio.to_thread(fifo.read_text)
        assert living(token)
        running.cancel()
    assert living(token) == []


async def test_it_dies_with_an_octet_that_is_killed(trial: Trial, living: Living) -> None:
    token = secrets.token_hex(8)
    fifo = trial.copy / "begun"
    os.mkfifo(fifo)
    words = [str(trial.copy), PYTHON, f"open('begun', 'w').write('x')\n{HOLD}", token]
    octet = await asyncio.create_subprocess_exec(sys.executable, "-c", OCTET, *words)
    await asyncio.to_thread(fifo.read_text)
    handles = [os.pidfd_open(one) for one in living(token) if one != octet.pid]
    assert handles
    octet.kill()
    await octet.wait()
    for handle in handles:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        await ended.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
    assert living(token) == []


OCTET = """
import asyncio, sys
from pathlib import Path
from automation.bubblewrap.sandbox import Bubblewrap
from core.proofs.ports import Confined
_, folder, python, text, token = sys.argv
asyncio.run(Bubblewrap(Path(folder)).run(Confined(run="1", folder=folder, command=(python, "-c", text, token))))
"""


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("false", 1), ("exit 42", 42), ("kill -9 $$", 137), ("kill -15 $$", 143), ("exit 127", 127)],
)
async def test_its_exit_code_is_the_commands(trial: Trial, command: str, code: int) -> None:
    ran = await trial.confined("/bin/sh", "-c", command)
    assert (ran.exit_code, ran.fault) == (code, None)


async def test_what_it_writes_comes_as_it_is_and_decides_nothing(trial: Trial) -> None:
    forged = b'\x1b[2J\x1b[31m{ "exit-code": 0 }\r\nOctet: verdict passed\n\xff\x00'
    (trial.copy / "forged").write_bytes(forged)
    attack = 'cat forged; for fd in 3 4 5 6 7 8 9; do eval "cat forged >&$fd"; done 2>/dev/null; exit 1'
    ran = await trial.confined("/bin/bash", "-c", attack)
    assert (ran.exit_code, ran.output, ran.output_size) == (1, forged, len(forged))
    assert ran.sha256 == hashlib.sha256(forged).hexdigest()


async def test_of_huge_output_both_ends_are_kept_and_all_is_hashed(trial: Trial) -> None:
    everything = b"first" + b"y\n" * 5_000_000 + b"last"
    ran = await trial.confined("/bin/sh", "-c", "printf first; yes | head -c 10000000; printf last")
    assert (ran.exit_code, ran.output_size) == (0, len(everything))
    assert ran.output == everything[:KEPT] + everything[-KEPT:]
    assert ran.sha256 == hashlib.sha256(everything).hexdigest()


async def test_a_command_that_is_not_there_is_refused(trial: Trial) -> None:
    ran = await trial.confined("octet-has-no-such-program")
    assert (ran.fault, ran.note) == (CheckFault.NO_COMMAND, "there is no program octet-has-no-such-program")


# ── where it cannot run ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_trial_works_here(trial: Trial) -> None:
    assert await trial.sandbox.why_not() == ""


@pytest.mark.parametrize(
    ("bwrap", "words"),
    [
        (None, "bubblewrap is not installed. Install it: sudo apt install bubblewrap"),
        ("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1", "(setting up uid map: Permission denied)"),
        ("exec sh -c 'echo run bare'", "(run bare)"),
        ("kill -9 $$", "(it ended without a word)"),
    ],
)
async def test_a_command_that_cannot_be_confined_never_runs(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, bwrap: str | None, words: str
) -> None:
    programs = trial.shared()
    if bwrap is not None:
        (programs / "bwrap").write_text(f"#!/bin/sh\n{bwrap}\n")
        (programs / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    ran = await trial.confined("/bin/sh", "-c", "touch ran")
    assert (ran.exit_code, ran.fault, words in ran.note) == (None, CheckFault.NO_SANDBOX, True), ran.note
    assert not (trial.copy / "ran").exists()


async def test_a_folder_for_copies_that_is_anothers_is_refused_with_the_repair(trial: Trial, tmp_path: Path) -> None:
    folder = trial.copy.parent
    folder.rename(folder.with_suffix(".away"))
    folder.symlink_to(tmp_path)
    try:
        assert "remove it" in await trial.sandbox.why_not()
    finally:
        folder.unlink()
        folder.with_suffix(".away").rename(folder)


async def test_only_its_own_folders_are_removed_and_all_that_an_earlier_octet_left(
    trial: Trial, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="not a folder for a copy"):
        await trial.sandbox.remove(str(tmp_path))
    await Bubblewrap(tmp_path / "checks").remove()
    assert not trial.copy.exists()


def test_octet_without_root_confines_as_well(tmp_path: Path) -> None:
    """The rest of these tests run as root where the suite does; this one then becomes another account."""
    folder = Path("/var/tmp") / f"octet-test-{secrets.token_hex(8)}"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, ACCOUNT, ACCOUNT)
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(ACCOUNT, ACCOUNT, ACCOUNT)
                os.setresuid(ACCOUNT, ACCOUNT, ACCOUNT)
            code = 0 if asyncio.run(_confined_and_removed(folder)) else 2
        os._exit(code)
    _, status = os.waitpid(child, 0)
    folder.rmdir()
    assert os.waitstatus_to_exitcode(status) == 0


async def _confined_and_removed(folder: Path) -> bool:
    sandbox = Bubblewrap(folder / "checks")
    copy = sandbox.new_folder("1")
    hide = "mkdir -p a/b; echo x > a/b/c; chmod 0 a/b/c a/b a; exit 3"
    ran = await sandbox.run(Confined(run="1", folder=copy, command=("/bin/sh", "-c", hide)))
    await sandbox.remove(copy)
    (folder / "checks").rmdir()
    return ran.exit_code == 3
