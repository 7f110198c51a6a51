"""A second account of the machine beside a running sandbox: it sees the process and every port, and gets nothing.

Only root can start programs under another account, so `make test` runs this as root, and `make test-root` always.
"""

from __future__ import annotations

import asyncio
import os

from aiohttp import ClientSession

from tests.sandbox.discord.test_process import started

ACCOUNT = 65_534
"""An account that owns nothing here; it need not exist."""
# What it tries with the id of the process and the page's address: all that /proc shows, and all that the page answers.
_TRIES = """
import os, pathlib, sys, urllib.error, urllib.request
process, page = sys.argv[1:]
for name in ("cmdline", "environ", "mem", "fd/1", "maps"):
    try:
        with open(f"/proc/{process}/{name}", "rb") as file:
            print(name, file.read(1_000_000))
    except OSError as error:
        print(name, error)
paths = ("?ticket=", "sandbox/about", "sandbox/state", "sandbox/messages", "sandbox/screen.png", "api/v10/users/@me")
for path in ("", *paths):
    try:
        print(path, urllib.request.urlopen(page + path, timeout=30).read())
    except urllib.error.HTTPError as error:
        print(path, error.code, error.read())
act = urllib.request.Request(page + "sandbox/say", b'{"user": "Ada", "channel": "general", "text": "forged"}',
                             {"Content-Type": "application/json"})
try:
    print("say", urllib.request.urlopen(act, timeout=30).read())
except urllib.error.HTTPError as error:
    print("say", error.code)
"""


async def test_a_second_account_gets_no_secret_of_the_demo_and_says_nothing_there() -> None:
    picture = "http://127.0.0.1:9/secret-place/screen.png"
    async with started(SANDBOX_TOKEN="chosen-token") as (process, about):
        key = {"Authorization": f"Bearer {about['key']}"}
        async with ClientSession(headers=key) as session:
            await session.post(f"{about['page']}sandbox/show_screen", json={"url": picture})
        secrets = (about["token"], about["key"], about["link"].partition("=")[2], "secret-place")
        words = ["/usr/bin/python3", "-I", "-c", _TRIES, str(process.pid), about["page"]]
        other = await asyncio.create_subprocess_exec(
            *words,
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            user=ACCOUNT,
            group=ACCOUNT,
            stdout=asyncio.subprocess.PIPE,
        )
        got = (await other.communicate())[0].decode()
        assert other.returncode == 0
        assert "sandbox.discord" in got, "it can read the arguments"
        assert "environ [Errno 13]" in got
        assert "say 401" in got
        assert [secret for secret in secrets if secret in got] == []
        async with (
            ClientSession(headers=key) as session,
            session.get(f"{about['page']}sandbox/messages") as response,
        ):
            assert await response.json() == []
