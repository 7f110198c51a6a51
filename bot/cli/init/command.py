"""`octet init`: sets up a home by questions. It continues where the user stopped, and asks before it overwrites."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.autostart import AutostartOfOtherHome, CommandFailed, NoAutostart, SystemdUnit, unit_of
from bot.cli.errors import FileNotWritten, tell
from bot.cli.home import HomeOption, home_of
from bot.cli.init.prompts import AgentPlace, InitOptions, Prompts
from bot.cli.init.templates import copy_templates
from bot.runfile import running
from core.home import ENV_FILE, Home
from core.kit.errors import OctetError
from core.remedies import refused

EXIT_STOPPED = 130
EXIT_NOT_DELIVERED = 75


def init(
    home: HomeOption = None,
    *,
    guild: Annotated[int | None, typer.Option("--guild", metavar="ID", help="The Discord server.")] = None,
    channel: Annotated[
        int | None, typer.Option("--channel", metavar="ID", help="The channel for messages about tasks.")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner",
            metavar="ID",
            help="Who owns this Octet: an id in Discord, `application` for the application's owner, or `none`.",
        ),
    ] = None,
    agents: Annotated[AgentPlace | None, typer.Option("--agents", help="How Octet reaches the agents.")] = None,
    login: Annotated[bool | None, typer.Option("--login/--no-login", help="Start Octet at log-in.")] = None,
    task: Annotated[bool, typer.Option("--task/--no-task", help="Start Octet and send one test task.")] = True,
    stay: Annotated[bool, typer.Option("--stay/--leave", help="Then run Octet until Ctrl-C.")] = True,
    answer: Annotated[
        float, typer.Option("--answer", metavar="SECONDS", help="Wait for the test task's answer; 0: do not wait.")
    ] = 120.0,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="For the bot's invitation.")] = 600.0,
    is_asking: Annotated[
        bool, typer.Option("--input/--no-input", help="With --no-input: only copy missing templates of config/.")
    ] = True,
) -> None:
    """Set Octet up: the bot's token, its server and channel, its owner, the agents, and one test task.

    Without a terminal the token is the first line of standard input, and each answer is an option. If you leave it,
    it continues at the same question the next time."""
    place = home_of(home)
    written = copy_templates(place.config)
    questions = Prompts.at_terminal()
    if not is_asking:
        _say_next(place, written)
        return
    options = InitOptions(
        guild=guild,
        channel=channel,
        owner=owner,
        agents=agents,
        login=login,
        wait_s=wait,
        answer_s=answer,
        send_task=task,
        keep_running=stay,
    )
    try:
        is_good = _converse(place, written, options, questions)
    except (KeyboardInterrupt, EOFError):
        go_on = f"octet init --home {shlex.quote(str(place.root))}"
        print(f"\nStopped. Finished steps are kept; continue with:  {go_on}", file=sys.stderr)
        raise typer.Exit(EXIT_STOPPED) from None
    if not is_good:
        raise typer.Exit(EXIT_NOT_DELIVERED)


@contextmanager
def _continued(place: Home) -> Generator[None]:
    """Say after an error inside the block how the user continues."""
    try:
        yield
    except OctetError as trouble:
        code = tell(trouble)
        go_on = f"octet init --home {shlex.quote(str(place.root))}"
        print(f"Your answers up to here are kept. Fix that, then continue with:  {go_on}", file=sys.stderr)
        raise typer.Exit(code) from trouble


def _converse(place: Home, written: list[Path], options: InitOptions, questions: Prompts) -> bool:
    """Ask the questions in their order and act on each answer; return whether the test task arrived."""
    from bot.cli.init import agents, discord
    from bot.cli.init.first_task import octet_process, run_first_task
    from core.config.loader import load
    from core.config.settings import environment

    os.umask(0o077)  # keep the token and all later files from other accounts
    run = running(place.root)
    if run is not None:
        raise refused("still_running", home=place.root, pid=run.pid)
    print(f"Octet's home is {place.root}.")
    has_discord = discord.set_up_discord(place, options, questions)
    if not has_discord and not questions.is_terminal and options.agents is None:
        _say_next(place, written)
        return True
    with _continued(place):
        agents.set_up_agents(place, options, questions)
    load(place)
    unit = _set_up_autostart(place, options, questions)
    if not options.send_task:
        print(f"Everything is set up. Start it: octet run --home {shlex.quote(str(place.root))}")
        return True
    print("Octet starts, and sends one test task.", flush=True)
    with octet_process(place, environment()) as octet:
        is_good = run_first_task(place, octet, questions, has_discord=has_discord, answer_s=options.answer_s)
        if unit is None and options.keep_running and questions.is_terminal:
            try:
                again = f"octet run --home {shlex.quote(str(place.root))}"
                first = "In Discord: /task new" if has_discord else "In another terminal: octet task new TEXT"
                print(f"Octet runs here until Ctrl-C; `{again}` starts it again. {first}", flush=True)
                octet.wait()
            except KeyboardInterrupt:
                print("\nOctet ends.")
    if unit is not None and options.keep_running:
        print("From now on Octet runs in the background:")
        return _install(unit, now=True) and is_good
    return is_good


def _set_up_autostart(home: Home, options: InitOptions, questions: Prompts) -> SystemdUnit | None:
    """Ask whether Octet starts at log-in, and set that up; return the unit that does it."""
    from core.config.settings import TOKEN, read_env_file

    if options.login is False:
        return None
    try:
        unit = unit_of(home)
    except NoAutostart as none:
        print(f"  {none.message}")
        return None
    if unit.is_installed():
        print(f"Start at log-in: kept, by {unit.description}.")
        return unit
    question = f"Start Octet whenever you log in, by {unit.description}?"
    if options.login is None and not questions.confirm(question, option="--login or --no-login", default=False):
        return None
    if not _install(unit, now=False):
        return None
    if TOKEN not in read_env_file(home.env_file, ENV_FILE, []):
        where = "The token is only in this terminal's environment, which a start at log-in does not have"
        print(f"  {where}: put it into {home.env_file}.")
    return unit


def _install(unit: SystemdUnit, *, now: bool) -> bool:
    try:
        lines = unit.install(now=now)
    except (CommandFailed, FileNotWritten, AutostartOfOtherHome) as trouble:
        print(f"  {trouble.message}")
        return False
    print("\n".join(f"  {line}" for line in lines))
    return True


def _say_next(place: Home, written: list[Path]) -> None:
    for file in written:
        print(f"wrote {place.root / 'config' / file}")
    if not written:
        print(f"all files exist in {place.config}; nothing was written")
    where = shlex.quote(str(place.root))
    print()
    print("Next steps:")
    print(f"  octet init --home {where}     in a terminal: it asks for the rest, and sends a first task")
    print("Or without it:")
    print(f"  1. Put your server's id into {place.config / 'octet.toml'}.")
    print(f"  2. Put the bot's token into {place.env_file}, as a line OCTET_DISCORD_TOKEN=…")
    print(f"  3. octet calibrate --home {where}     connects your agents' windows")
    print(f"  4. octet check --home {where}")
    print(f"  5. octet run --home {where}")
