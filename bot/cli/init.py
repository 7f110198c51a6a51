"""`octet init`: gives a home its first configuration. It writes what is missing and overwrites nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

from bot.cli.home import HomeOption, home_of
from core.kit.errors import Conflict


class HomeNotWritable(Conflict):
    """{file} cannot be written: {why}. Choose another folder with --home."""


def init(home: HomeOption = None) -> None:
    """Copy the templates of config/ into the home. What is there already stays as it is."""
    place = home_of(home)
    written = copy_templates(place.config)
    for file in written:
        print(f"wrote {place.root / 'config' / file}")
    if not written:
        print(f"everything is there already in {place.config}; nothing was written")
    where = shlex.quote(str(place.root))
    print()
    print("What to do next:")
    print(f"  1. Put your agents, their windows and your server's id into the files in {place.config}.")
    print(f"  2. Put the bot's token into {place.env_file}, as a line OCTET_DISCORD_TOKEN=…")
    print(f"  3. octet check --home {where}")
    print(f"  4. octet run --home {where}")


def copy_templates(target: Path) -> list[Path]:
    """Copy each shipped file of config/ that the folder `target` lacks; their names, relative to it."""
    return _copy_missing(_templates(), target)


def _templates() -> Path:
    """Inside the installed package, else in the source tree that this file lies in."""
    packed = Path(__file__).parent / "templates"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "config"


def _copy_missing(source: Path, target: Path) -> list[Path]:
    """Copy each file that `target` lacks; their names, relative to it."""
    written: list[Path] = []
    for template in sorted(path for path in source.rglob("*") if path.is_file()):
        name = template.relative_to(source)
        file = target / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as copy:  # x: never over a file that is there
                copy.write(template.read_bytes())
        except FileExistsError:
            continue
        except OSError as error:
            raise HomeNotWritable(file=file, why=(error.strerror or str(error)).lower()) from error
        written.append(name)
    return written
