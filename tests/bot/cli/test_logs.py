"""No secret leaves by the log."""

from __future__ import annotations

import subprocess
import sys

from bot.cli.logs import scrub

# What may be written while `octet run` has a secret: by Octet, by libraries, by Python itself.
_TALKS = """
import asyncio, logging, os, sys, threading, warnings
import structlog
from bot.cli.logs import log_to_stderr
from core.kit.redaction import remember

code, token, key, known = sys.stdin.read().split()
remember(known)
log_to_stderr("info")
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


def test_no_secret_reaches_the_log_whoever_writes_it() -> None:
    """Lines of Octet and of libraries, warnings, tracebacks, errors of threads and of the loop, Python's last words."""
    process = [sys.executable, "-c", _TALKS]
    ended = subprocess.run(process, input="\n".join(_SECRETS), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    for secret in _SECRETS:
        assert secret not in ended.stderr
    for said in ("printed …", "event …", "library …", "warning …", "failed with …", "loop …", "last words … … … …"):
        assert said in ended.stderr, said
    assert ended.stderr.count("failed with …") == 2 * len(_SECRETS)
    assert ended.stderr.count("invalid literal for int() with base 10: '…'") == len(_SECRETS)
    assert "\x1b" not in ended.stderr
