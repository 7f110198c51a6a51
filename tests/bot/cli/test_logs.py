"""No secret leaves by the log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from automation.protocol.ports import ClearResult
from bot.cli import logs
from bot.cli.logs import scrub
from tests.pace import patience

# What may be written while `octet run` has a secret: by Octet, by libraries, by Python itself.
_TALKS = """
import asyncio, logging, os, sys, threading, warnings
from pathlib import Path
import structlog
from bot.cli.logs import log_to_stderr
from core.kit.redaction import remember

code, token, key, known = sys.stdin.read().split()
remember(known)
log_to_stderr("info", file=Path(sys.argv[1]))
for secret in (code, token, key, known):
    print("printed", secret, file=sys.stderr)
    structlog.get_logger().info(f"event {secret}", field=secret, fields={"list": [secret]})
    logging.getLogger("aiohttp").warning("library %s", secret)
    warnings.warn(f"warning {secret}", stacklevel=1)
    try:
        raise ValueError(f"failed with {secret}")
    except ValueError:
        structlog.get_logger().exception("ours")
        logging.getLogger("discord").exception("theirs")
    thread = threading.Thread(target=lambda: int(secret))
    thread.start()
    thread.join()
    asyncio.run(asyncio.sleep(0, asyncio.new_event_loop().call_exception_handler({"message": f"loop {secret}"})))
structlog.get_logger().info("escape \x1b]0;x\x07")
print("escape \x1b[31m", file=sys.stderr)
raise SystemError("last words " + " ".join((code, token, key, known)))
"""
_SECRETS = (
    "k3v9x2." + "ABCDEFG234567" * 2,
    "MTA5ODc2NTQzMjEwOTg3NjU0" + ".GaBcDe." + "x" * 30,
    "octet-reply.Agent-1.b." + "0123456789abcdef" * 4,
    "a-secret-without-any-shape",
)


def test_what_is_named_like_a_secret_is_hidden() -> None:
    line = scrub(None, "info", {"event": "x", "token": "abc", "discord_token": "abc", "code": "abc", "port": 1})
    assert line == {"event": "x", "token": "…", "discord_token": "…", "code": "…", "port": 1}


def test_a_code_is_logged_as_its_value() -> None:
    assert repr(scrub(None, "info", {"seen": ClearResult.SEEN})) == "{'seen': 'seen'}"


def test_no_secret_reaches_the_log_whoever_writes_it(tmp_path: Path) -> None:
    """Lines of Octet and of libraries, warnings, tracebacks, errors of threads and of the loop, Python's last words."""
    file = tmp_path / "log" / "octet.log"
    process = [sys.executable, "-c", _TALKS, str(file)]
    ended = subprocess.run(
        process, input="\n".join(_SECRETS), capture_output=True, text=True, timeout=patience(60), check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    for secret in _SECRETS:
        assert secret not in ended.stderr
    for said in ("printed …", "event …", "library …", "warning …", "failed with …", "loop …", "last words … … … …"):
        assert said in ended.stderr, said
    assert ended.stderr.count("failed with …") == 2 * len(_SECRETS)
    assert ended.stderr.count("invalid literal for int() with base 10: '…'") == len(_SECRETS)
    assert "\x1b" not in ended.stderr
    assert file.read_text() == ended.stderr


def test_the_log_in_the_home_keeps_five_files_for_this_account_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_MAX_BYTES", 10)
    before = os.umask(0)
    log = logs.LogFile(tmp_path / "log" / "octet.log")
    for number in range(20):
        log.take(f"line {number:03}\nand ")
    log.close()
    os.umask(before)
    files = [tmp_path / "log", *sorted((tmp_path / "log").iterdir())]
    assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o700", *["0o600"] * 5]
    told = list(logs._lines(tmp_path / "log" / "octet.log", 3, follow=False))
    assert told == ["and line 017", "and line 018", "and line 019"]


def test_a_line_that_the_disk_does_not_take_is_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "octet.log").symlink_to("/dev/full")
    with closing(logs.LogFile(tmp_path / "octet.log")) as log:
        log.take("lost\n")
    assert capsys.readouterr().err == ""


def test_following_a_log_loses_no_line_when_octet_changes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "octet.log"
    file.write_text("one\ntwo\n")
    told = logs._lines(file, 1, follow=True)
    assert next(told) == "two"
    with file.open("a") as old:
        old.write("three\nfo")
        old.flush()
        assert next(told) == "three"
        old.write("ur\n")
    file.rename(tmp_path / "octet.log.1")
    file.write_text("five\n")
    assert (next(told), next(told)) == ("four", "five")
    told.close()


def test_people_read_the_time_the_level_and_the_event_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        line = (
            "timestamp='2026-11-25T05:53:52.1Z' level='warning' event='pane_program_ended' desk='main' again_in_s=0.5"
        )
        assert logs._for_people(line) == "2026-11-25 06:53:52 warning pane_program_ended desk='main' again_in_s=0.5"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert logs._for_people("Traceback (most recent call last):") == "Traceback (most recent call last):"
