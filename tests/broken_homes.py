"""Homes with a wrong configuration, of the table in tests/data/broken_homes.txt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "broken_homes.txt"


@dataclass(slots=True)
class BrokenHome:
    """What a home's files hold, and the problems that Octet finds in them."""

    files: dict[str, bytes]
    problems: list[str] = field(default_factory=list[str])


def _read() -> dict[str, BrokenHome]:
    homes: dict[str, BrokenHome] = {}
    for block in TABLE.read_text(encoding="utf-8").split("\n@ ")[1:]:
        name, *parts = block.replace("\n! ", "\n= ! ").split("\n= ")
        home = homes[name.strip()] = BrokenHome(dict(homes["base"].files) if homes else {})
        for part in parts:
            head, _, text = part.rstrip("\n").partition("\n")
            path, *marks = head.split(" ") if not head.startswith("! ") else (head,)
            if head.startswith("! "):
                home.problems.append(head.removeprefix("! "))
            elif marks == ["-"]:
                home.files.pop(path, None)
            else:
                path = head.removesuffix(" latin-1")
                home.files[path] = f"{text}\n".encode("latin-1" if head.endswith(" latin-1") else "utf-8")
    del homes["base"]
    return homes


HOMES = _read()


def make_home(name: str, home: Path) -> Path:
    """Write the files of this broken home into the folder `home`."""
    for path, content in HOMES[name].files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)
    return home
