"""How a running Octet is found, and how one that is gone is told from it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.runfile import (
    RUN_FILE,
    Run,
    announced,
    home_of,
    is_home_id,
    owns_port,
    pointer_folders,
    running,
    start_time,
    write_private,
)

RUN = Run(
    pid=os.getpid(),
    address="127.0.0.1",
    port=4711,
    token="secret-token",
    home="",
    home_id="k3v9x2",
    version="1.0",
    started_ms=1,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [tmp_path / "runtime" / "octet", tmp_path / "state" / "octet"]


def test_a_running_octet_is_found_by_its_home_and_by_its_id(home: Path, folders: list[Path]) -> None:
    run = dataclasses.replace(RUN, home=str(home))
    with announced(run, folders):
        assert running(home) == run
        assert home_of("k3v9x2", folders) == home
        assert home_of("k3v9x2", folders[1:]) == home
    assert running(home) is None
    assert not (home / RUN_FILE).exists()
    assert home_of("k3v9x2", folders) == home  # remembered, so that answers find their folder


def test_what_it_leaves_can_be_read_by_its_owner_only(home: Path, folders: list[Path]) -> None:
    folders[0].mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        with announced(dataclasses.replace(RUN, home=str(home)), folders):
            assert mode(home / RUN_FILE) == 0o600
            for folder in folders:
                assert (mode(folder), mode(folder / "k3v9x2")) == (0o700, 0o600)
    finally:
        os.umask(before)
    assert "secret-token" not in repr(RUN)
    assert not any("secret-token" in path.read_text() for folder in folders for path in folder.iterdir())


def test_the_run_file_of_a_crashed_octet_is_recognised(home: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    write_private(home / RUN_FILE, json.dumps(dataclasses.asdict(dataclasses.replace(RUN, pid=child.pid))))
    assert running(home) is None


def test_a_run_file_whose_process_id_went_to_another_process_is_recognised(home: Path) -> None:
    run = dataclasses.replace(RUN, process_started=start_time(os.getpid()))
    for started, found in ((run.process_started, run), ("1", None)):
        write_private(home / RUN_FILE, json.dumps({**dataclasses.asdict(run), "process_started": started}))
        assert running(home) == found


def test_the_start_time_of_a_process_does_not_depend_on_its_name() -> None:
    before, comm = start_time(os.getpid()), Path("/proc/self/comm")
    name = comm.read_text()
    try:
        comm.write_text(") S 1 (")
        assert start_time(os.getpid()) == before
    finally:
        comm.write_text(name)
    assert int(before) > 0
    assert start_time(0) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_owner_of_a_port_is_looked_up(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        run = dataclasses.replace(RUN, address=address, port=server.getsockname()[1])
        assert owns_port(run)
        assert not owns_port(dataclasses.replace(run, pid=os.getppid()))
        with socket.create_connection((address, run.port)) as client:  # a connection is no listener
            assert not owns_port(dataclasses.replace(run, port=client.getsockname()[1]))
    assert not owns_port(run)


def test_the_owner_of_a_port_is_looked_up_without_reading_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a crowd keeps thousands of connections, their rows take longer than Octet waits for a token."""
    opened = Path.open

    @contextmanager
    def listeners_only(path: Path, mode: str) -> Generator[Iterator[bytes]]:
        with opened(path, mode) as table:
            yield itertools.takewhile(lambda row: row.split()[3] in {b"st", b"0A"} or pytest.fail("reads on"), table)

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        monkeypatch.setattr(Path, "open", listeners_only)
        assert owns_port(dataclasses.replace(RUN, port=server.getsockname()[1]))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "null", '{"pid": "x"}'])
def test_a_run_file_that_is_none_means_that_nothing_runs(home: Path, text: str) -> None:
    (home / RUN_FILE).write_text(text)
    assert running(home) is None


def test_an_octet_that_ends_leaves_the_run_file_of_its_successor(home: Path, folders: list[Path]) -> None:
    first, second = (dataclasses.replace(RUN, home=str(home), started_ms=moment) for moment in (1, 2))
    with announced(first, folders):
        write_private(home / RUN_FILE, json.dumps(dataclasses.asdict(second)))
    assert running(home) == second


def test_a_home_id_leads_nowhere_but_into_the_folder(home: Path, folders: list[Path]) -> None:
    with announced(dataclasses.replace(RUN, home=str(home)), folders):
        assert home_of("../octet/k3v9x2", folders) is None
        assert home_of(str(folders[0] / "k3v9x2"), folders) is None


@pytest.mark.parametrize("home_id", ["../../etc/passwd", "a/b", "", ".", "..", "a" * 65, "k3\n", "k3\0"])
def test_a_home_id_is_no_path(home_id: str, folders: list[Path]) -> None:
    assert not is_home_id(home_id)
    assert home_of(home_id, folders) is None


def test_pointers_to_homes_that_are_gone_are_forgotten(home: Path, folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with announced(dataclasses.replace(RUN, home=str(tmp_path / "old"), home_id="old"), folders):
        pass
    (tmp_path / "old").rmdir()
    assert home_of("old", folders) is None
    with announced(dataclasses.replace(RUN, home=str(home)), folders):
        assert [path.name for path in folders[0].iterdir()] == ["k3v9x2"]


def test_a_folder_that_takes_no_pointer_is_no_reason_not_to_start(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    good = tmp_path / "good"
    with announced(dataclasses.replace(RUN, home=str(home)), [tmp_path / "file" / "octet", good]):
        assert home_of("k3v9x2", [good]) == home


def test_pointers_lie_where_the_platform_keeps_such_things() -> None:
    linux = {"HOME": "/home/p", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert pointer_folders(linux, "linux") == (Path("/run/user/7/octet"), Path("/home/p/.local/state/octet"))
    assert pointer_folders({"HOME": "/home/p"}, "linux") == (Path("/home/p/.local/state/octet"),)
    assert pointer_folders({"HOME": "/h", "XDG_STATE_HOME": "/s"}, "linux") == (Path("/s/octet"),)
    assert pointer_folders({"LOCALAPPDATA": "/local"}, "win32") == (Path("/local/octet"),)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_private(tmp_path / "a", "first")
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "a", "second \ud800")
    assert (tmp_path / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
