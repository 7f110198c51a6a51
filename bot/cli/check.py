"""`octet check`: reads the whole configuration, times its patterns, and says every problem at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.cli.home import HomeOption, home_of

if TYPE_CHECKING:
    from core.config.loader import Config

FOLDERS = ("config/profiles", "config/desks")  # their files hold regular expressions


def check(home: HomeOption = None) -> None:
    """Read all of config/, time its patterns on hostile screens, and say every problem at once, with its file and line.
    Changes nothing."""
    from bot.cli.doctor.home import open_env_file, open_ping_url
    from core.config.loader import load
    from core.config.pattern_timing import report_slow
    from core.config.toml import read_folder
    from core.kit.problems import ConfigWrong, Problem

    place = home_of(home)
    config = load(place)
    slow: list[Problem] = []
    for folder in FOLDERS:
        for file in read_folder(place.root, folder, slow)[0].values():
            report_slow(file)
    if slow:
        raise ConfigWrong(slow)
    print(f"config is right: {_summary(config)}")
    for finding in (*open_env_file(place), *open_ping_url(place)):
        print(f"{finding.level.value}: {finding.what}. {finding.cure}", file=sys.stderr)


def _summary(config: Config) -> str:
    windows = sum(len(desk.windows) for desk in config.desks)
    desks = f"{_count(len(config.desks), 'desk')} with {_count(windows, 'window')}"
    return f"{_count(len(config.agents), 'agent')}, {desks}, {_count(len(config.kinds), 'profile')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
