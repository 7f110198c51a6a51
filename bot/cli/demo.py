"""`octet demo`: a screen with agents, a page to type in, and Octet, in a temporary home."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import tomlkit

from bot.cli.children import Child, child
from bot.cli.init.agents import set_dry_run
from bot.cli.init.templates import AGENTS, copy_templates, template_of
from bot.cli.operator import call
from bot.runfile import forget_lost_homes, pointer_folders
from core.home import Home
from core.kit.signals import stop_signals

_say = partial(print, flush=True)
OWNER = "Ada"  # the user on the page who becomes the demo's owner
_CLAIM = re.compile(r"/admin claim code:(\S+)")
_CONNECTED = re.compile("Discord is connected")
_HTTP_S = 20
_LOOK_S = 0.1
_MODEL_AGENT, _MODEL_URL, _MODEL_KEY = "Agent-9", "SCRIPTED_MODEL_URL", "SCRIPTED_MODEL_KEY"
_ACP_AGENTS = ("Agent-10", "Agent-11")
_YOURS = "Agent-12"
_COOKIE = "Xauthority"  # in the home: the key of the screen, which comes after Octet has started
_DESK = "config/desks/main.toml"
_PAGE_CLASS, _PAGE_PROFILE = "OctetPage", "demo_page"
"""A window of this class is the page in Chromium; the shipped configuration has a Tk window there."""


async def run_demo(environ: Mapping[str, str], *, has_desktop: bool, port: int, program: str = "") -> None:
    """Run until SIGINT or SIGTERM; leave no process and no file. Raises ChildEnded, child_silent."""
    home = Path(tempfile.mkdtemp(prefix="octet-demo-"))
    with stop_signals() as stop:
        try:
            async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
                show = group.create_task(
                    _show(home, stack, environ, has_desktop=has_desktop, port=port, program=program)
                )
                stopped = group.create_task(stop.wait())
                await asyncio.wait({show, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                show.cancel()
                _say("Ending everything the demo started …")
        finally:
            shutil.rmtree(home, ignore_errors=True)
            forget_lost_homes(pointer_folders(environ))
    _say("The demo has ended.")


async def _show(
    home: Path, stack: AsyncExitStack, environ: Mapping[str, str], *, has_desktop: bool, port: int, program: str
) -> None:
    parts: list[Child] = []
    began_s = time.monotonic()
    agents = {**environ, "OCTET_HOME": str(home)}  # there `octet mcp serve` finds the tokens of the windows' agents

    async def start(what: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
        _say(f"[{time.monotonic() - began_s:4.1f} s] starting {what} …")
        argv = [sys.executable, "-m", *arguments, "--exit-on-eof"]
        log = home / f"{arguments[0]}.log"
        parts.append(await stack.enter_async_context(child(what, argv, environ, log=log)))
        return parts[-1]

    argv = ["sandbox.discord", "--port", str(port), *(["--screen"] if has_desktop else [])]
    discord = await start("a local test Discord", argv, environ)
    scripted = await start("a scripted model", ["sandbox.llm"], environ)
    place, model = await discord.first_json(), await scripted.first_json()
    await asyncio.to_thread(_make_home, home, model, has_desktop=has_desktop, program=program)
    of_model = {_MODEL_URL: str(model["base_url"]), _MODEL_KEY: str(model["key"])}
    of_octet = _octet_environ(environ, place) | of_model | {"XAUTHORITY": str(home / _COOKIE)}
    argv = ["bot", "run", "--home", str(home)]
    octet = await start("Octet: the bot, the scheduler and the driver", argv, of_octet)
    code = (await octet.line_with(_CLAIM))[1]
    await octet.line_with(_CONNECTED)
    await asyncio.to_thread(_claim, place, code)
    # Discord has the command, but Octet may not have carried it out.
    while not (link := await asyncio.to_thread(_page_link, home)):  # noqa: ASYNC110  another process decides
        await asyncio.sleep(_LOOK_S)
    await asyncio.to_thread(_ask, place, "link_page", url=link.partition("#")[0])
    _say(f"[{time.monotonic() - began_s:4.1f} s] Octet is connected\n")
    _say(f"Open  {place['link']}")  # tests and programs read this line
    _say("and type  /task new  there. The link works in one browser.")
    _say(f"Octet's own page  {link}")
    _say("Each of the two has a link to the other.")
    _say(f"{_MODEL_AGENT} works like a model agent, but its answers are scripted: no model is used.")
    _say(f"{' and '.join(_ACP_AGENTS)} are scripted programs that speak ACP, without a window.")
    _say("Ctrl-C ends the demo and everything it started.")
    async with asyncio.TaskGroup() as group:
        group.create_task(_new_links(partial(_links, home, place)))
        for part in parts:
            group.create_task(part.ended())
        if has_desktop:
            argv = ["sandbox.desktop", "--page"]
            await _join_windows(home, await start("a virtual screen with eight agent windows", argv, agents), place)


async def _join_windows(home: Path, desktop: Child, place: Mapping[str, Any]) -> None:
    """Let the agents of the eight windows join, show their screen on the page, and raise ChildEnded at its end."""
    screen = await desktop.first_json()
    for lack in screen["lacks"]:
        _say(f"        {lack}")
    await asyncio.to_thread(_add_windows, home, screen)
    await asyncio.to_thread(call, Home(root=home), "POST", "/config/reload")
    await asyncio.to_thread(_ask, place, "show_screen", url=screen["screen_url"])
    _say("The agents' windows are ready.")
    _say("A line  ask: rm -rf build  in a prompt makes an agent stop and ask: answer it by the buttons there.")
    await desktop.ended()


def _page_link(home: Path) -> str:
    """Return a link that logs a browser in as the demo's owner; empty while Octet has none."""
    roles = cast("list[dict[str, str]]", call(Home(root=home), "GET", "/admin/roles").json())
    owners = [one["holder"] for one in roles if one["role"] == "owner"]
    if not owners:
        return ""
    made = call(Home(root=home), "POST", "/page-links", body={"who": owners[0]}).json()
    return cast("dict[str, str]", made)["address"]


def _links(home: Path, place: Mapping[str, Any]) -> str:
    return f"Open  {json.loads(_ask(place, 'link'))}\nOctet's own page  {_page_link(home)}"


async def _new_links(make: Callable[[], str]) -> None:
    """Print new links for each Enter at a terminal."""
    if not sys.stdin.isatty() or sys.platform == "win32":
        return
    _say("Enter prints new links.")
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
            _say(await asyncio.to_thread(make))
    finally:
        loop.remove_reader(sys.stdin)


def _make_home(home: Path, model: Mapping[str, Any], *, has_desktop: bool, program: str) -> None:
    """Write the shipped configuration with the agents that have no window. The agents of the eight windows join when
    these are there; without a desktop they are on the dry-run lane."""
    copy_templates(home / "config")
    if has_desktop:
        (home / _DESK).unlink()
    _write_agents(home, _leave_out if has_desktop else set_dry_run, _windowless(home, program))
    scripted = {"base_url": model["base_url"], "model": model["model"], "api_key_env": _MODEL_KEY}
    (home / "config" / "models.toml").write_text(tomlkit.dumps({"models": {"scripted": scripted}}), encoding="utf-8")


def _windowless(home: Path, program: str) -> list[dict[str, Any]]:
    """Return the scripted model, two scripted agents that speak ACP, and the given program, if there is one."""
    ninth = {"name": _MODEL_AGENT, "about": "scripted model", "lane": "model", "model": "scripted"}
    script = [sys.executable, "-m", "sandbox.acp", "--history"]
    commands = {name: [*script, str(home / "acp" / name), "--name", name] for name in _ACP_AGENTS}
    if program:
        commands[_YOURS] = shlex.split(program)
    speakers = [{"name": name, "about": "speaks ACP", "lane": "acp", "command": one} for name, one in commands.items()]
    return [{**agent, "capabilities": ["text"]} for agent in (ninth, *speakers)]


def _add_windows(home: Path, screen: Mapping[str, Any]) -> None:
    """Write the demo's own display and windows into the configuration."""
    shutil.copy(screen["xauthority"], home / _COOKIE)
    document = tomlkit.parse(template_of("desks/main.toml").read_text(encoding="utf-8"))
    document["display"] = screen["display"]
    kinds = {str(window["name"]): str(window["class"]) for window in screen["windows"]}
    for window in cast("list[dict[str, object]]", document["windows"]):
        if kinds.get(str(window["name"])) == _PAGE_CLASS:
            window["profile"] = _PAGE_PROFILE
    (home / _DESK).write_text(tomlkit.dumps(document), encoding="utf-8")
    there = tomlkit.parse((home / "config" / AGENTS).read_text(encoding="utf-8")).unwrap()
    _write_agents(home, _allow_actions, there["agents"])


def _write_agents(home: Path, change: Callable[[Any], None], others: Sequence[Mapping[str, Any]]) -> None:
    """Write the shipped agents, changed, and the others."""
    document = tomlkit.parse(template_of(AGENTS).read_text(encoding="utf-8"))
    change(document)
    cast("list[object]", document["agents"]).extend(others)
    (home / "config" / AGENTS).write_text(tomlkit.dumps(document), encoding="utf-8")


def _leave_out(document: Any) -> None:
    document["agents"].clear()


def _allow_actions(document: Any) -> None:
    """Allow each key in the windows: nothing there is real."""
    for agent in document["agents"]:
        agent["allowed_actions"] = ["interrupt", "approve", "deny", "continue"]


def _octet_environ(environ: Mapping[str, str], place: Mapping[str, Any]) -> dict[str, str]:
    """Point the bot to the local Discord, without the user's own settings."""
    kept = {name: value for name, value in environ.items() if not name.startswith("OCTET_")}
    return kept | {
        "OCTET_DISCORD_TOKEN": str(place["token"]),
        "OCTET_DISCORD__SANDBOX": "true",
        "OCTET_DISCORD__API_BASE": str(place["api_base"]),
        "OCTET_DISCORD__GATEWAY_URL": str(place["gateway_url"]),
        "OCTET_DISCORD__GUILD_ID": str(place["guild_id"]),
        "OCTET_DISCORD__CHANNEL_ID": str(place["channel_id"]),
        "OCTET_HTTP__PORT": "0",
    }


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
