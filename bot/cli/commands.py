"""The list of all commands, and the one way each ends: an exit code and, after an error, its message."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Annotated

import typer

from bot.cli import (
    agent_commands,
    autostart,
    database,
    desk,
    errors,
    hook,
    hooks,
    logs,
    mcp_config,
    pictures,
    profile,
    run,
    status,
    verbs,
)
from bot.cli.calibrate import command as calibrate_command
from bot.cli.doctor import command as doctor_command
from bot.cli.home import HomeOption, JsonOption, home_of, with_json
from bot.cli.init import command as init_command
from bot.verbs import admin, agents
from core.kit.errors import OctetError

SET_UP = "Set up"
WORK = "Work"
AGENTS = "For agents, as their prompts say"

app = typer.Typer(
    name="octet",
    epilog="Exit codes: 0 done, 1 refused, 2 not possible as asked, 75 try again later, 78 the configuration is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        print(f"octet {metadata.version('octet-dispatch')}")
        raise typer.Exit


app.command("run")(run.run)
app.command("demo")(run.demo)
app.command("status")(status.status)
app.command("top")(status.top)
app.command("logs")(logs.logs)
verbs.add_commands(groups := {"desk": desk.app})
for name, group in groups.items():
    app.add_typer(group, name=name, rich_help_panel=WORK)
app.add_typer(desk.acp, name="acp", hidden=True)
app.command("receipt", rich_help_panel=WORK)(pictures.receipt)
app.command("init", rich_help_panel=SET_UP)(init_command.init)
app.command("calibrate", rich_help_panel=SET_UP)(calibrate_command.calibrate)
app.command("check", rich_help_panel=SET_UP)(with_json(doctor_command.check))
app.add_typer(profile.app, name="profile", rich_help_panel=SET_UP)
app.command("reload", rich_help_panel=SET_UP)(verbs.command_of(admin.reload))
app.command("doctor", rich_help_panel=SET_UP)(doctor_command.doctor)
app.add_typer(mcp_config.app, name="mcp", rich_help_panel=SET_UP)
app.add_typer(hooks.app, name="hooks", rich_help_panel=SET_UP)
app.add_typer(autostart.app, name="autostart", rich_help_panel=SET_UP)
app.add_typer(database.db, name="db", rich_help_panel=SET_UP)
app.add_typer(database.audit, name="audit", rich_help_panel=SET_UP)


@app.callback(
    help="A dispatcher for fleets of AI agents: Discord commands become prompts in the right window, with proof."
)
def _octet(
    version: Annotated[
        bool, typer.Option("--version", help="Print Octet's version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Take the options of `octet` alone."""


def main(arguments: list[str]) -> int:
    try:
        app(args=arguments, prog_name="octet")
    except OctetError as error:
        return errors.tell(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


_PASSED_ON: dict[object, object] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _answer(context: typer.Context) -> None:
    """Answer as an agent's verb, for `octet --help`; `bot.__main__` runs these verbs without this list."""
    sys.exit(agent_commands.main([str(context.info_name), *context.args]))


@groups["agent"].command(help=agents.env.help)
def env(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Such as Agent-3.", show_default=False)],
    *,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print NAME=value, for docker's --env-file and systemd.")
    ] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Print the environment in which an agent answers from elsewhere, in two forms that programs read."""
    text, values = verbs.ask(agents.env, home_of(home), {"agent": agent})
    before = "" if plain else "export "
    print(text if json else "\n".join(f"{before}{name}={value}" for name, value in values.items()))


@app.command("page")
def page(
    *,
    who: Annotated[
        str | None,
        typer.Option("--as", help="Log in another user, by the id that `octet admin roles` shows.", show_default=False),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Print an address of the page that logs one browser in, once; Enter prints a new one."""
    found = home_of(home)
    if not resources.files("bot.web").joinpath("static/index.html").is_file():
        print("The page is not built. In a checkout run `make page`. All else works without it.")
    while True:
        _, link = verbs.ask(admin.page_link, found, {"who": who})
        other = f"\nor    {link.public_address}" if link.public_address else ""
        print(f"Open  {link.address}{other}\nIt logs {link.who} in, in one browser, within ten minutes.")
        if not sys.stdin.isatty():
            return
        try:
            input("Enter prints a new link. Ctrl+C ends.")
        except (EOFError, KeyboardInterrupt):
            return


@app.command("hook", rich_help_panel=AGENTS, context_settings=_PASSED_ON)
def _hook(context: typer.Context) -> None:
    """Tell Octet what an agent's program says by a hook."""
    sys.exit(hook.main(context.args))


for _verb, _its in agent_commands.TABLE.items():
    app.command(_verb, rich_help_panel=AGENTS, context_settings=_PASSED_ON, help=_its["help"])(_answer)
