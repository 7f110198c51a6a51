"""`octet demo`: a screen with agents, a page to type in, and Octet, in a temporary home."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import tomlkit

from bot.cli.children import Child, child
from bot.cli.init.agents import set_dry_run
from bot.cli.init.templates import copy_templates
from bot.runfile import forget_lost_homes, pointer_folders
from core.kit.signals import stop_signals

_say = partial(print, flush=True)
OWNER = "Ada"  # the user on the page who becomes the demo's owner
_CLAIM = re.compile(r"/admin claim code:(\S+)")
_CONNECTED = re.compile("Discord is connected")
_HTTP_S = 20
_MODEL_AGENT, _MODEL_KEY = "Agent-9", "SCRIPTED_MODEL_KEY"
_PAGE_CLASS, _PAGE_PROFILE = "OctetPage", "demo_page"
"""A window of this class is the page in Chromium; the shipped configuration has a Tk window there."""


async def run_demo(environ: Mapping[str, str], *, has_desktop: bool, port: int) -> None:
    """Run until SIGINT or SIGTERM; leave no process and no file. Raises ChildEnded, child_silent."""
    home = Path(tempfile.mkdtemp(prefix="octet-demo-"))
    with stop_signals() as stop:
        try:
            async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
                show = group.create_task(_show(home, stack, environ, has_desktop=has_desktop, port=port))
                stopped = group.create_task(stop.wait())
                await asyncio.wait({show, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                show.cancel()
                _say("Ending everything the demo started …")
        finally:
            shutil.rmtree(home, ignore_errors=True)
            forget_lost_homes(pointer_folders(environ))
    _say("The demo has ended.")


async def _show(home: Path, stack: AsyncExitStack, environ: Mapping[str, str], *, has_desktop: bool, port: int) -> None:
    parts: list[Child] = []
    began_s = time.monotonic()

    async def start(what: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
        _say(f"[{time.monotonic() - began_s:4.1f} s] starting {what} …")
        argv = [sys.executable, "-m", *arguments, "--exit-on-eof"]
        log = home / f"{arguments[0]}.log"
        parts.append(await stack.enter_async_context(child(what, argv, environ, log=log)))
        return parts[-1]

    screen: dict[str, Any] = {}
    agents = {**environ, "OCTET_HOME": str(home)}  # there `octet mcp serve` finds the tokens of the windows' agents
    if has_desktop:
        desktop = await start("a virtual screen with eight agent windows", ["sandbox.desktop", "--page"], agents)
        screen = await desktop.first_json()
        for lack in screen["lacks"]:
            _say(f"        {lack}")
    pictures = {"SANDBOX_PICTURES": str(screen.get("screen_url", ""))}  # secret: other accounts can read arguments
    argv = ["sandbox.discord", "--port", str(port)]
    place = await (await start("a local test Discord", argv, {**environ, **pictures})).first_json()
    model = await (await start("a scripted model", ["sandbox.llm"], environ)).first_json()
    await asyncio.to_thread(_make_home, home, screen, model)
    of_octet = _octet_environ(environ, place, screen) | {_MODEL_KEY: str(model["key"])}
    argv = ["bot", "run", "--home", str(home)]
    octet = await start("Octet: the bot, the scheduler and the driver", argv, of_octet)
    code = (await octet.line_with(_CLAIM))[1]
    await octet.line_with(_CONNECTED)
    await asyncio.to_thread(_claim, place, code)
    _say(f"[{time.monotonic() - began_s:4.1f} s] everything runs\n")
    _say(f"Open  {place['link']}")  # tests and programs read this line
    _say("and type  /task new  there. The link works in one browser.")
    _say(f"{_MODEL_AGENT} works like a model agent, but its answers are scripted: no model is used.")
    _say("Ctrl-C ends the demo and everything it started.")
    if screen:
        _say("A line  ask: rm -rf build  in a prompt makes an agent stop and ask: answer it by the buttons there.")
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part.ended())
        group.create_task(_new_links(place))


async def _new_links(place: Mapping[str, Any]) -> None:
    """Print a new link for each Enter at a terminal."""
    if not sys.stdin.isatty() or sys.platform == "win32":
        return
    _say("Enter prints a new link.")
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        if os.read(sys.stdin.fileno(), 1024):
            pressed.set()
        else:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, read)
    try:
        while await pressed.wait():
            pressed.clear()
            _say(f"Open  {json.loads(await asyncio.to_thread(_ask, place, 'link'))}")
    finally:
        loop.remove_reader(sys.stdin)


def _make_home(home: Path, screen: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Write the shipped configuration with the demo's own display and windows, where everything may be pressed: nothing
    there is real; or with each of the eight on the dry-run lane. A ninth agent is the scripted model."""
    copy_templates(home / "config")
    file = home / "config" / "agents.toml"
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    if screen:
        for agent in cast("list[dict[str, object]]", document["agents"]):
            agent["allowed_actions"] = ["interrupt", "approve", "deny", "continue"]
    else:
        set_dry_run(document)
    ninth = {"name": _MODEL_AGENT, "about": "scripted model", "capabilities": ["text"]}
    cast("list[object]", document["agents"]).append({**ninth, "lane": "model", "model": "scripted"})
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    scripted = {"base_url": model["base_url"], "model": model["model"], "api_key_env": _MODEL_KEY}
    (home / "config" / "models.toml").write_text(tomlkit.dumps({"models": {"scripted": scripted}}), encoding="utf-8")
    if screen:
        desk = home / "config" / "desks" / "main.toml"
        document = tomlkit.parse(desk.read_text(encoding="utf-8"))
        document["display"] = screen["display"]
        kinds = {str(window["name"]): str(window["class"]) for window in screen["windows"]}
        for window in cast("list[dict[str, object]]", document["windows"]):
            if kinds.get(str(window["name"])) == _PAGE_CLASS:
                window["profile"] = _PAGE_PROFILE
        desk.write_text(tomlkit.dumps(document), encoding="utf-8")


def _octet_environ(environ: Mapping[str, str], place: Mapping[str, Any], screen: Mapping[str, Any]) -> dict[str, str]:
    """Point the bot to the local Discord and the driver to the virtual screen, without the user's own settings."""
    kept = {name: value for name, value in environ.items() if not name.startswith("OCTET_")}
    kept |= {
        "OCTET_DISCORD_TOKEN": str(place["token"]),
        "OCTET_DISCORD__SANDBOX": "true",
        "OCTET_DISCORD__API_BASE": str(place["api_base"]),
        "OCTET_DISCORD__GATEWAY_URL": str(place["gateway_url"]),
        "OCTET_DISCORD__GUILD_ID": str(place["guild_id"]),
        "OCTET_DISCORD__CHANNEL_ID": str(place["channel_id"]),
        "OCTET_HTTP__PORT": "0",
    }
    if screen:
        kept["XAUTHORITY"] = str(screen["xauthority"])
    return kept


def _claim(place: Mapping[str, Any], code: str) -> None:
    """Make the page's first user the owner by the command and the console's code, as a user would."""
    options = {"code": code}
    _ask(place, "slash", user=OWNER, channel=str(place["channel_id"]), command="admin claim", options=options)


def _ask(place: Mapping[str, Any], what: str, **body: object) -> bytes:
    """Ask the local Discord, with its key; with a body do something there."""
    request = urllib.request.Request(  # noqa: S310 - our own child's address
        f"{str(place['page']).rstrip('/')}/sandbox/{what}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {place['key']}"},
    )
    with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:  # noqa: S310 - our own child's address
        return bytes(answer.read())
