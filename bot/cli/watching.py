"""How connected windows look while their agents work: learnt from one of each kind, by what is really sent to it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cli.choosing import Wishes
from bot.cli.pointing import Asker
from core.calibration.model import Connected, NotTried
from core.calibration.service import Calibration, works_like

WORDS = "This is a test by Octet. Please answer with one short sentence and do nothing else."
"""What is sent where nobody said otherwise."""


async def watched(
    calibration: Calibration, connected: Sequence[Connected], wishes: Wishes, asker: Asker
) -> list[Connected]:
    """The windows with their signs of work, as far as somebody allows to send something for that; one window of each
    kind and size gets it, the others look alike."""
    groups: dict[tuple[str, int, int], list[Connected]] = {}
    for one in connected:
        if one.lacks_busy:
            groups.setdefault((one.window.profile, one.window.box.width, one.window.box.height), []).append(one)
    if not groups or not await _is_allowed([group[0].agent for group in groups.values()], wishes, asker):
        _tell_lacking([one for group in groups.values() for one in group], asker)
        return list(connected)
    found: dict[str, Connected] = {}
    for group in groups.values():
        first, *others = group
        asker.say(f"{first.agent}: sending, and looking on until it rests")
        try:
            done = await calibration.watch_work(first, wishes.send or WORDS)
        except NotTried as trouble:
            asker.say(f"  {trouble.message}")
            continue
        found[first.window.name] = done
        sign = done.tried.busy
        if sign is not None:
            kind = calibration.profiles().kinds[done.window.profile]
            found |= {one.window.name: works_like(one, sign, kind) for one in others}
            box = sign.box
            asker.say(f"  at work it shows {sign.colour} at {box.x},{box.y} ({box.width}×{box.height})")
    told = [found.get(one.window.name, one) for one in connected]
    _tell_lacking([one for one in told if one.lacks_busy], asker)
    return told


async def _is_allowed(agents: Sequence[str], wishes: Wishes, asker: Asker) -> bool:
    """Whether something may be sent: said by --send, or asked for here."""
    if wishes.send:
        return True
    if not wishes.asks_to_send or not asker.is_person or asker.yes:
        return False  # yes to writing a file is no yes to an Enter
    asker.say("Octet sees that a prompt arrived by how a window looks while its agent works.")
    return await asker.agrees(f"To see that: send “{WORDS}” to {', '.join(agents)}?")


def _tell_lacking(lacking: Sequence[Connected], asker: Asker) -> None:
    if lacking:
        names = ", ".join(one.agent for one in lacking)
        asker.say(
            f"How {names} looks at work is not known: whether a prompt arrived there is known only when it is "
            "answered. `octet calibrate --send` with a text of yours finds it out."
        )
