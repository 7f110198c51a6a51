"""`make test-clients`: bots of eleven Discord libraries log in at the local Discord, register a command and answer.

Each library is installed in the version named here, into .clients, which `make clean` removes. What each sends is
recorded in tests/data/discord_questions, which the ordinary tests ask again. NAME=… takes one of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from sandbox.discord.gateway_rules import PRIVILEGED
from sandbox.discord.model import InteractionKind
from sandbox.discord.rest.api import Exchange
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox

ROOT = Path(__file__).resolve().parent.parent
BOTS = ROOT / "tests/sandbox/clients"
PLACE = ROOT / ".clients"
PYTHON = {
    "discordpy": "discord.py==2.7.1",
    "disnake": "disnake==2.12.2",
    "hikari": "hikari==2.7.0",
    "nextcord": "nextcord==2.6.0",
    "pycord": "py-cord==2.8.1",
    "red": "Red-DiscordBot==3.5.24",
}
NODE = ("discordjs", "discordjs_core", "oceanic", "eris", "discordeno")
WITHIN_S = 90.0


def main() -> None:
    """Run the chosen bots, one after the other; exit 1 if one does not answer."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument("--name", choices=[*PYTHON, *NODE], help="only this one")
    only = parser.parse_args().name
    failed = [name for name in ([only] if only else [*PYTHON, *NODE]) if not asyncio.run(_try(name, _installed(name)))]
    print(f"{len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    sys.exit(bool(failed))


def _installed(name: str) -> list[str]:
    """Install the library of a bot unless it is there; return the command that runs the bot."""
    if name in NODE:
        modules = BOTS / "node_modules"
        if not modules.exists():
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=BOTS, check=True
            )
        return ["node", str(BOTS / f"{name}.mjs")]
    python = PLACE / name / "bin/python"
    stamp = PLACE / name / PYTHON[name]
    if not stamp.exists():
        shutil.rmtree(PLACE / name, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", PLACE / name], check=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", PYTHON[name]], check=True)
        stamp.touch()
    return [str(python), str(BOTS / f"{name}_bot.py")]


async def _try(name: str, command: list[str]) -> bool:
    """Hold one bot against a local Discord of its own, and record what it sent if all went well."""
    settings = SandboxSettings(identify_every_s=0.0, privileged=sum(PRIVILEGED.values()))
    async with open_sandbox(settings) as sandbox:
        environ = {
            **os.environ,
            "API": sandbox.api_base.removesuffix("/v10"),
            "GATEWAY": sandbox.gateway_url,
            "TOKEN": sandbox.token,
            "GUILD": str(sandbox.world.guild_id),
        }
        log = PLACE / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as output:
            bot = await asyncio.create_subprocess_exec(*command, env=environ, stdout=output, stderr=output)
            try:
                async with asyncio.timeout(WITHIN_S):
                    answers = await _talk(sandbox, bot)
            except TimeoutError:
                answers = ["no answer"]
            finally:
                if bot.returncode is None:
                    bot.kill()
                await bot.wait()
        passed = answers == ["pong hello", "pong again"] and not sandbox.record.failures
        print(f"{name:15} {'ok' if passed else 'FAILED'}  {answers}  {sandbox.record.problems or ''}")
        if passed:
            _record(name, sandbox)
        else:
            print(log.read_text(errors="replace")[-3000:])
        return passed


async def _talk(sandbox: Sandbox, bot: asyncio.subprocess.Process) -> list[str]:
    """Use the bot's command and its button as a user; return the texts that it answers with."""
    seen, shown = 0, None
    while shown is None:
        if bot.returncode is not None:
            return [f"ended with {bot.returncode}"]
        seen = await sandbox.changed(seen, 0.5)
        if sandbox.gateway.sessions and any(command["name"] == "ping" for command in await sandbox.commands()):
            shown = (await sandbox.slash("Ada", "octet", "ping", {"text": "hello"})).message_id
    before = await _content(sandbox, shown)
    await sandbox.click("Ada", shown, "Again")
    return [before, await _content(sandbox, shown)]


async def _content(sandbox: Sandbox, message: str) -> str:
    return next(str(one["content"]) for one in await sandbox.messages() if one["id"] == message)


def _record(name: str, sandbox: Sandbox) -> None:
    """Write what the bot sent into tests/data/discord_questions, with placeholders for the ids of this run."""
    world = sandbox.world
    names = {f"/{world.application_id}": "/$app", f"/{world.guild_id}": "/$guild"}
    for one in sandbox.interactions.by_id.values():
        kind = "clicked" if one.kind is InteractionKind.COMPONENT else "open"
        names |= {f"/{one.id}/{one.token}": f"/${kind}", f"/{world.application_id}/{one.token}": "/$webhook"}
    places = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))

    def line(one: Exchange) -> str:
        path = places.sub(lambda found: names[found[0]], one.path)
        query = "?" + urlencode(one.query) if one.query else ""
        body = "" if one.request is None else " " + json.dumps(one.request)
        return f"{one.status} | {one.method} {path}{query}{body}"

    lines = dict.fromkeys(line(one) for one in sandbox.record.exchanges)
    library = PYTHON.get(name) or name
    text = "\n".join([f"## practice: what a bot of {library} sends (make test-clients)", *lines, ""])
    (ROOT / f"tests/data/discord_questions/client_{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
