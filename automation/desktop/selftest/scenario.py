"""The scratch window of a self-test as a desk: how it is driven, and what replaces dispatch."""

from __future__ import annotations

from core.desks.model import Desk, UserActivityPolicy, Window
from core.profiles.model import Box, Composer, Confirm, Newline, Normalise, Profile, Readback, Selection, StateSigns

NAME = "selftest"
PROFILE = Profile(
    name=NAME,
    match_class=r"Octetselftest|[Pp]ython[\w.]*",
    composer=Composer(box=Box(x=4, y=264, width=510, height=112), background="#ffffff"),
    anchor=Box(x=0, y=0, width=440, height=30),
    paste="ctrl+v",
    selection=Selection.CLIPBOARD,
    submit="enter",
    newline=Newline.KEEP,
    readback=(Readback.COPY,),
    normalise=Normalise.RAW,
    max_chars=20_000,
    clear=("ctrl+a", "backspace"),
    busy=StateSigns(box=Box(x=465, y=5, width=50, height=20), colour="#d08000"),
    confirm=frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}),
)
"""How the scratch window is driven; sandbox.selftest.window draws it."""


class GrantAll:
    """Grants every step: a self-test has no journal."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None: ...
    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None: ...
    async def submitting(self) -> None: ...


def desk_of(title: str, place: Box, display: str) -> Desk:
    window = Window(name=NAME, profile=NAME, title=title, box=place)
    return Desk(
        name=NAME,
        display=display,
        windows=(window,),
        user_activity=UserActivityPolicy(idle_s=0.2, kill_switch_keys=("ctrl+alt+end",)),
    )
