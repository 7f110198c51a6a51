"""Windows that were looked after, as lists for one reader. Pure: nothing here asks or sends."""

from __future__ import annotations

from collections.abc import Iterable

from bot.discord.listing import DESK_STATES, fit
from bot.discord.text import inline
from core.maintenance.model import Diagnosis, Placed, Reloaded, Tried

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
