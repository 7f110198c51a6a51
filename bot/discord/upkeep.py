"""Windows that were looked after, as lists for one reader. Pure: nothing here asks or sends."""

from __future__ import annotations

from collections.abc import Iterable

from bot.discord.listing import DESK_STATES, fit
from bot.discord.parts import Attachment, Parts
from bot.discord.text import inline
from core.upkeep.model import Diagnosis, Joined, NumberedWindow, Placed, Pointing, Reloaded, Surveyed, Tried

READ_BY = {
    "accessibility": "read back over the accessibility bus",
    "copy": "copied back and compared",
    "screen": "read back from the pane's screen",
    "placeholder": "shown by a sign that counted right; its text cannot be read back",
    "pixels": "seen to appear; its text cannot be read back",
    "none": "taken by its program; nothing shows what it did with it",
}


def tried(rows: Iterable[Tried]) -> str:
    """One line per window, and what to do where it went wrong."""
    return fit([_tried(row) for row in rows], empty="There is no window to try out.")


def placed(rows: Iterable[Placed]) -> str:
    """One line per window: what was done, and how it stands now."""
    return fit([_placed(row) for row in rows], empty="There is no window to arrange.")


def diagnoses(rows: Iterable[Diagnosis]) -> str:
    """Each desk with what is wrong there, the cure behind it."""
    lines: list[str] = []
    for row in rows:
        seen = "1 window" if row.windows == 1 else f"{row.windows} windows"
        fine = f"{seen} looked at, all is well" if not row.ailments else f"{seen} looked at"
        lines.append(f"**{inline(row.desk, 60)}** ({DESK_STATES[row.state]}): {fine}")
        for one in row.ailments:
            whose = inline(one.agent or one.window, 60)
            mark = "✗" if one.stops else "!"
            lines.append(f"{mark} {f'{whose}: ' if whose else ''}{inline(one.what, 250)}\n-# → {one.cure}")
    return fit(lines, empty="No desks. They are described in config/desks.")


def reloaded(what: Reloaded) -> str:
    """What became different, and what only a restart takes over."""
    if what.is_nothing:
        return "Nothing in config/ differs from what Octet works by."
    gone = [name for name in what.agents if name in what.gone]
    others = [name for name in what.agents if name not in what.gone]
    lines = (
        ["Octet works by the new config/ now."] if what.agents or what.desks else ["Nothing else in config/ differs."]
    )
    lines += [f"Agents that are new or different: {_listed(others)}."] if others else []
    lines += (
        [f"Agents that are gone: {_listed(gone)}. What waited for them waits for others, or says why."] if gone else []
    )
    lines += [f"Desks whose workers begin anew: {_listed(what.desks)}."] if what.desks else []
    lines += [f"Needs a restart of Octet to count: {_listed(what.restart)}."] if what.restart else []
    return fit(lines, empty="")


def not_reloaded(lines: Iterable[str]) -> str:
    """Every problem, nothing having been changed."""
    told = [f"- {inline(line, 400)}" for line in lines]
    return fit(["config/ is not right, so nothing was changed and Octet works on as before:", *told], empty="")


CONNECT = (
    "Connect one: `/desk calibrate` with this desk and `window:` its number; `agent:` says whose it shall be, "
    "`profile:` how it is driven, if not by the first that fits. A draft is tried in it, and not sent."
)


def surveyed(what: Surveyed) -> Parts:
    """The windows by their numbers, and what to say next."""
    lines = [*map(_numbered, what.windows), CONNECT]
    shown = Attachment(name="windows.png", data=what.png)
    return Parts(content=fit(lines, empty=""), attachments=(shown,))


def connected(what: Joined | Pointing) -> Parts:
    """The window works now; or the picture on which to show where one writes in it."""
    return _pointing(what) if isinstance(what, Pointing) else _joined(what)


def _pointing(what: Pointing) -> Parts:
    example = f"{what.within}-7" if what.within else "37"
    shows = f"place {inline(what.within, 20)} of the window, made larger" if what.within else "the window"
    asks = (
        f"Where does one write? This is {shows}. Choose the number that lies in the middle of the box for prompts, and "
        f"say it beside the same window: `place:{example}`."
    )
    lines = [f"Not connected yet: {inline(what.why, 600)}", asks]
    return Parts(content=fit(lines, empty=""), attachments=(Attachment(name="places.png", data=what.png),))


def _joined(what: Joined) -> Parts:
    read = READ_BY.get(what.read_by, inline(what.read_by, 40))
    how = f"driven by {inline(what.profile, 60)}: a draft was staged, {read}, and cleared"
    lines = [
        f"✓ **{inline(what.agent, 60)}** has the window {inline(what.window, 60)} now, {how}.",
        f"Written: {_listed(what.files)}.",
        reloaded(what.reloaded),
    ]
    return Parts(content=fit(lines, empty=""))


def _numbered(one: NumberedWindow) -> str:
    whose = f" · {inline(one.agent, 60)}'s" if one.agent else ""
    how = f"fits {_listed(one.profiles[:4])}" if one.profiles else "no profile fits; name one"
    return f"**{one.number}** {inline(one.title or one.kind or 'a window without a title', 80)}{whose} · {how}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(inline(name, 60) for name in names)


def _tried(row: Tried) -> str:
    whose = f"**{inline(row.agent or row.window, 60)}**"
    if row.is_good:
        again = f", at the {row.tries}. try" if row.tries > 1 else ""
        return f"✓ {whose}: {READ_BY.get(row.by, inline(row.by, 40))} in {row.took_ms:.0f} ms{again}, then cleared"
    return f"✗ {whose}: {inline(row.why, 250)}\n-# → {row.cure}"


def _placed(row: Placed) -> str:
    whose, done = f"**{inline(row.agent or row.window, 60)}**", inline(", ".join(row.done), 250)
    if row.is_right:
        return f"✓ {whose}: {f'{done}; ' if done else ''}stands at its place"
    return f"✗ {whose}: {f'{done}; ' if done else ''}{inline(row.why, 250)}\n-# → {row.cure}"
