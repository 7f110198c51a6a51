"""The gateway module to tmux: commands to one server, several in one go."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.desks.model import Tmux as Place
from core.kit.errors import Unavailable
from core.kit.field_types import split_chord
from core.remedies import refused

LIMIT_S = 5.0
_OURS = ("TMUX", "TMUX_PANE", "TMUX_TMPDIR")
"""Variables of our own environment that would lead to another server."""
KEYS = {
    **{name: name.capitalize() for name in ("enter", "tab", "space", "home", "end", "up", "down", "left", "right")},
    "esc": "Escape",
    "backspace": "BSpace",
    "delete": "DC",
    "insert": "IC",
    "pageup": "PPage",
    "pagedown": "NPage",
    **{f"f{number}": f"F{number}" for number in range(1, 13)},
}
_HELD = {"ctrl": "C-", "alt": "M-", "shift": "S-"}
# What tmux says where no server runs, or one that has no session (any more), and so no pane.
_NOT_THERE = ("no server running", "error connecting", "server exited", "no current target")


class TmuxMissing(Unavailable):
    """tmux is not installed: sudo apt-get install tmux"""


class TmuxSilent(Unavailable):
    """tmux does not answer: {why}"""


class PaneGone(TmuxSilent):
    """The pane is gone: {why}"""


class NoServer(Unavailable):
    """There is no tmux server at {where}: {why}"""


FAILURES = (NoServer, TmuxSilent, TmuxMissing)
"""What a question to tmux raises."""


class TmuxServer:
    """Speaks to one server. Every call is a separate process that ends with its answer."""

    def __init__(self, place: Place, environ: Mapping[str, str]) -> None:
        self.place = place
        self._environ = {name: value for name, value in environ.items() if name not in _OURS}
        # A server of Octet's reads no configuration file.
        at = ["-S", str(Path(place.socket).expanduser())] if place.socket else ["-L", place.server, "-f", "/dev/null"]
        self._head = ["tmux", "-u", *at]

    def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
        """Run these commands as one, in order, and return the lines that they print; the first that fails ends it.
        `given` is what the first of them reads from standard input. Raises NoServer, TmuxSilent or TmuxMissing."""
        argv = [*self._head]
        for number, command in enumerate(commands):
            argv += [*([";"] if number else []), *map(_word, command)]
        try:
            done = subprocess.run(
                argv,
                env=self._environ,
                input=None if given is None else given.encode(),
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                timeout=LIMIT_S,
                check=False,
            )
        except FileNotFoundError:
            raise TmuxMissing from None
        except subprocess.TimeoutExpired:
            raise TmuxSilent(why=f"it took longer than {LIMIT_S:g} s") from None
        except OSError as trouble:
            raise TmuxSilent(why=trouble.strerror or str(trouble)) from trouble
        stderr = done.stderr.decode(errors="replace").strip()
        if done.returncode:
            if any(sign in stderr for sign in _NOT_THERE):
                raise NoServer(where=where(self.place), why=stderr)
            if "can't find pane" in stderr:  # tmux has no codes for its errors
                raise PaneGone(why=stderr)
            raise TmuxSilent(why=stderr or f"exit code {done.returncode}")
        return done.stdout.decode(errors="replace").split("\n")[:-1]


def where(place: Place) -> str:
    """Name this server for users."""
    return place.socket or f"-L {place.server}"


def attach(place: Place) -> str:
    """Return the command by which a user looks at the panes."""
    return f"tmux {f'-S {place.socket}' if place.socket else f'-L {place.server}'} attach -t {place.session}"


def key(chord: str) -> str:
    """Return a chord as tmux writes it. Raises no_such_tmux_key."""
    held, last = split_chord(chord)
    if any(one not in _HELD for one in held) or (last not in KEYS and len(last) != 1):
        raise refused("no_such_tmux_key", chord=chord)
    if "shift" in held and last == "tab":
        return "BTab"
    return "".join(_HELD[one] for one in held) + KEYS.get(last, last)


def block(*commands: Sequence[str]) -> str:
    """Quote commands as one word, for those that take commands."""
    return " ; ".join(" ".join("'" + word.replace("'", "'\\''") + "'" for word in command) for command in commands)


def _word(word: str) -> str:
    """Escape an argument: one that ends in a semicolon would end the command."""
    return word[:-1] + "\\;" if word.endswith(";") else word
