"""What ails a desk, beside what ails its windows: the sentences, each with what to do."""

from __future__ import annotations

from core.desks.model import DeskState

_UNAVAILABLE: tuple[tuple[str, str], ...] = (
    ("no agent in config/agents.toml", "Give an agent this desk: `desk` and `window` in config/agents.toml."),
    ("no display", "Start that display, or name the right one as `display` in config/desks/{desk}.toml."),
    ("waiting for the display lock", "Another Octet, or a worker of one, types on this display: end that one."),
    ("it has been starting", "The display may hang, or another program hold it: look at it, and at the log."),
    ("the desk worker cannot be started", "See that Octet's own Python can be started (disk, memory), then wait."),
    ("the desk worker did not understand", "Restart Octet: it was updated while it ran."),
    ("its virtual display", "`octet desk list` says how that display stands; `octet desk up` starts it."),
    ("its X server", "Nothing need be done at first: the display is started again; `octet desk list` follows it."),
    ("it was put down", "`octet desk up` brings the display back."),
    ("it is not known what stands", "See to the disk of Octet's home; the desk goes on by itself then."),
    ("The folder Xlib holds", "Run the command that is named there, then restart Octet."),
    ("its worker has just ended", "Nothing need be done at first: it is started again by itself."),
    ("its worker does not answer", "The desk's worker hangs: it is ended and started again by itself."),
    ("the portable path cannot", "Do it by hand: this platform's windows cannot be moved from here."),
)
"""By how the reason begins."""
ELSE_UNAVAILABLE = "`octet doctor` at the machine says how to mend the desk; Octet tries it again by itself."
STATES: dict[DeskState, tuple[str, str]] = {
    DeskState.STARTING: ("is just starting", "Wait a moment; within a minute it is ready, or says why it is not."),
    DeskState.HELD: ("is held: nothing new begins there", "`/desk release` lets it go on."),
    DeskState.STOPPED: ("is stopped: no key is pressed there", "`/desk release` lets it go on."),
    DeskState.UNAVAILABLE: ("cannot be used", ELSE_UNAVAILABLE),
    DeskState.READY: ("is ready", "Nothing need be done."),
}
UNREAD = (
    "its composer cannot be read over the accessibility bus: {why}",
    "Switch accessibility on for its program; `octet doctor` at the machine has the command.",
)
NOBODYS = ("no agent uses it", "Give an agent this `window` in config/agents.toml, or take it out of the desk's file.")
NOT_LOOKED_AT = (
    "its windows could not be looked at: {why}",
    "Try again; if it stays, the log of `octet run` says why.",
)
WITHOUT_WINDOW = ("has no window to be delivered to", "Give it a `desk` and a `window` in config/agents.toml.")
NOT_SETTLED = (
    "an earlier delivery into it is not settled, and what stands there is its evidence",
    "Say what became of that delivery first: `/fleet needs-me` shows it.",
)


def unavailable(desk: str, reason: str) -> str:
    """What to do about a desk that cannot be used for this reason."""
    for begins, cure in _UNAVAILABLE:
        if reason.startswith(begins):
            return cure.format(desk=desk)
    return ELSE_UNAVAILABLE
