"""Start at log-in: offered once, by what this system has for it; a system without it is no reason to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.cli.autostart.backend import AutostartOfOtherHome, CommandFailed, FileNotWritten, NoAutostart
from bot.cli.autostart.command import autostart_backend
from bot.cli.init.options import InitOptions
from bot.cli.init.prompts import Prompts
from core.config.env_file import read_env_file
from core.config.settings import TOKEN
from core.home import ENV_FILE

if TYPE_CHECKING:
    from bot.cli.autostart.backend import AutostartBackend
    from core.home import Home

_TROUBLE = (CommandFailed, FileNotWritten, AutostartOfOtherHome)


def set_up_autostart(home: Home, wishes: InitOptions, questions: Prompts) -> AutostartBackend | None:
    """See whether Octet starts at log-in; the way it then does."""
    if wishes.login is False:
        return None
    try:
        way = autostart_backend(home)
    except NoAutostart as none:
        print(f"  {none.message}")
        return None
    if way.is_installed():
        print(f"Start at log-in: kept, by {way.description}.")
        return way
    question = f"Start Octet whenever you log in, by {way.description}?"
    if wishes.login is None and not questions.confirm(question, option="--login or --no-login", default=False):
        return None
    try:
        for line in way.install(now=False):
            print(f"  {line}")
    except _TROUBLE as trouble:
        print(f"  {trouble.message}")
        return None
    if TOKEN not in read_env_file(home.env_file, ENV_FILE, []):
        print(
            "  The token stands in this terminal's environment only, where no log-in finds it: "
            f"put it into {home.env_file}."
        )
    return way


def start_in_background(way: AutostartBackend) -> bool:
    """Let it run in the background from now on; False where that cannot be."""
    try:
        for line in way.install(now=True):
            print(f"  {line}")
    except _TROUBLE as trouble:
        print(f"  {trouble.message}")
        return False
    return True
