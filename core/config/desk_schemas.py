"""What a file in config/desks may hold, key by key. What only shows together is in `config`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from core.config.profile_parts import BoxSchema
from core.config.profile_schema import ProfileSchema
from core.desks.model import (
    DAY_MIN,
    ClipboardScope,
    InputSource,
    MatchBy,
    Pane,
    QuietHours,
    ScreenCorner,
    Tmux,
    UserActivityPolicy,
    Virtual,
    Window,
)
from core.kit.problems import show, suggest
from core.kit.schemas import DRAFT, Name, Schema
from core.profiles.model import Box
from core.profiles.value_types import Title, chord

_DISPLAY = re.compile(r"[A-Za-z0-9.-]*:\d{1,5}(\.\d{1,3})?")
_SIZE = re.compile(r"(\d{3,4})x(\d{3,4})")
_SMALLEST, _LARGEST = (320, 200), (7680, 4320)
_TARGET = re.compile(r"%\d{1,6}|[A-Za-z0-9_ @=-][A-Za-z0-9_ @=-]*:[A-Za-z0-9_ @=-]*(\.\d{1,3})?")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,50}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = re.compile(r"((?P<days>[A-Za-z.,]+)\s+)?(?P<h1>\d{1,2}):(?P<m1>\d{2})\s*-\s*(?P<h2>\d{1,2}):(?P<m2>\d{2})")
_FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 13))


def _display(text: str) -> str:
    if not _DISPLAY.fullmatch(text):
        raise ValueError(f'{show(text)} is no display; write it as ":0" (`echo $DISPLAY` tells yours)')
    return text


def _size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    width, height = map(int, found.groups()) if found else (0, 0)
    if not (_SMALLEST[0] <= width <= _LARGEST[0] and _SMALLEST[1] <= height <= _LARGEST[1]):
        raise ValueError(f'{show(text)} is no size of a display; write it as "1920x1080", from 320x200 to 7680x4320')
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character NUL: no program can be given it")
    return text


def _target(text: str) -> str:
    if not _TARGET.fullmatch(text):
        raise ValueError(f'{show(text)} is no pane of tmux; write it as "work:1.0" or "%5" (prefix + q shows them)')
    return text


def _session(text: str) -> str:
    if not _SESSION.fullmatch(text):
        raise ValueError(f"{show(text)} is no name for a session: letters, digits, - and _")
    return text


def _stop_keys(text: str) -> str:
    *held, last = chord(text).split("+")
    if not set(held) & {"ctrl", "alt", "win"} and last != "pause" and last not in _FUNCTION_KEYS:
        raise ValueError(f"{show(text)} would stop the desk whenever somebody types it; hold ctrl, alt or win with it")
    return text


def _quiet(text: str) -> str:
    quiet(text)
    return text


def quiet(text: str) -> QuietHours:
    """`22:00-07:00`, on all days; `Mon..Fri 22:00-07:00` or `Sat,Sun 00:00-24:00` on those it begins on."""
    said = _HOURS.fullmatch(text.strip())
    if said is None:
        raise ValueError(f'{show(text)} is no time of the day; write it as "22:00-07:00" or "Sat,Sun 00:00-24:00"')
    start, end = (int(said[hour]) * 60 + int(said[minute]) for hour, minute in (("h1", "m1"), ("h2", "m2")))
    if start >= DAY_MIN or end > DAY_MIN or int(said["m1"]) > 59 or int(said["m2"]) > 59 or start == end:
        raise ValueError(f"{show(text)} is no time of the day; hours go from 00:00 to 24:00, and it must not be empty")
    days: set[int] = set()
    for part in (said["days"] or "Mon..Sun").split(","):
        first, _, last = part.strip().partition("..")
        for name in filter(None, (first, last)):
            if name.capitalize() not in _DAYS:
                raise ValueError(f"{show(text)} names a day {show(name)}; {suggest(name, _DAYS)}")
        since = _DAYS.index(first.capitalize())
        until = _DAYS.index((last or first).capitalize())
        days |= {(since + number) % 7 for number in range((until - since) % 7 + 1)}
    return QuietHours(start_min=start, end_min=end, days=frozenset(days))


Display = Annotated[str, AfterValidator(_display)]
Size = Annotated[str, AfterValidator(_size)]
Word = Annotated[str, Field(max_length=10_000), AfterValidator(_no_nul)]


class WindowSchema(Schema):
    """One `[[windows]]` table of a desk."""

    name: Name = Field(description="how agents.toml calls this window")
    profile: str = Field(description="how it is driven, the name of a file in config/profiles")
    title: Title = Field(description="regular expression for the stable part of its title")
    box: BoxSchema = Field(description="the place of the window's own area on the screen, without its frame")
    match_by: Annotated[MatchBy, Field(strict=False)] = Field(
        default=MatchBy.TITLE, description="what tells it from others of its class; `place` is for equal titles"
    )
    calibrated: dict[str, object] = Field(
        default={}, description="what was measured at this very window; it goes before what its profile says"
    )

    def model(self) -> Window:
        return self.into(Window)


class PaneSchema(Schema):
    """One `[[windows]]` table of a desk with [tmux]."""

    name: Name = Field(description="how agents.toml calls this pane")
    profile: str = Field(description="how it is driven, the name of a file in config/profiles with a [terminal] table")
    program: Annotated[list[Word], Field(min_length=1, max_length=200)] | None = None
    directory: Word = ""
    pane: Annotated[str, Field(max_length=200), AfterValidator(_target)] = ""

    def model(self, home: Path) -> Window:
        directory = str((home / Path(self.directory).expanduser()).resolve())
        pane = Pane(program=tuple(self.program or ()), directory=directory, target=self.pane)
        return Window(name=self.name, profile=self.profile, title="", box=Box(x=0, y=0, width=0, height=0), pane=pane)


class TmuxSchema(Schema):
    """`[tmux]` of a desk: its windows are panes of a tmux server."""

    session: Annotated[str, AfterValidator(_session)] = "octet"
    socket: Word = ""

    def model(self, server: str) -> Tmux:
        return self.into(Tmux, server=server)


class VirtualSchema(Schema):
    """`[virtual]` of a desk: a display of its own."""

    size: Size = "1920x1080"
    program: Annotated[list[Word], Field(min_length=1, max_length=200)] = Field(
        description='the agent\'s program and its arguments, for example ["xterm", "-e", "claude"]; no shell reads them'
    )
    directory: Word = ""
    fill: bool = True

    def model(self) -> Virtual:
        width, height = map(int, self.size.split("x"))
        return self.into(Virtual, width=width, height=height)


class UserActivitySchema(Schema):
    """`[user_activity]` of a desk."""

    idle_s: Annotated[float, Field(ge=0, le=3600, strict=False, allow_inf_nan=False)] = 2.0
    input_source: Annotated[InputSource, Field(strict=False)] = InputSource.DEVICES
    quiet_hours: Annotated[list[Annotated[str, AfterValidator(_quiet)]], Field(max_length=50)] = Field(default=[])
    kill_switch_keys: Annotated[list[Annotated[str, AfterValidator(_stop_keys)]], Field(max_length=5)] = Field(
        default=list(UserActivityPolicy().kill_switch_keys)
    )
    kill_switch_corner: Annotated[ScreenCorner, Field(strict=False)] = ScreenCorner.NONE
    show_banner: bool = False
    clipboard_scope: Annotated[ClipboardScope, Field(strict=False)] = ClipboardScope.TARGET
    stay_awake: bool = False

    def model(self) -> UserActivityPolicy:
        return self.into(UserActivityPolicy, quiet_hours=tuple(quiet(text) for text in self.quiet_hours))


class DeskSchema(Schema):
    """A file in config/desks."""

    display: Display = Field(description='the X display, for example ":0"')
    virtual: VirtualSchema | None = None
    block_user_input: bool = True
    user_activity: UserActivitySchema = Field(default=UserActivitySchema())
    windows: Annotated[list[dict[str, object]], Field(max_length=500)] = Field(default=[])
    """Each is checked by itself against WindowSchema."""


class PaneDeskSchema(Schema):
    """A file in config/desks whose windows are panes of tmux."""

    tmux: TmuxSchema
    user_activity: UserActivitySchema = Field(default=UserActivitySchema())
    windows: Annotated[list[dict[str, object]], Field(max_length=500)] = Field(default=[])
    """Each is checked by itself against PaneSchema."""


Json = dict[str, Any]


def published() -> Json:
    """What editors need. Some keys are needed in some desks only; which, `octet check` says."""
    desk, window, profile = (one.model_json_schema() for one in (DeskSchema, WindowSchema, ProfileSchema))
    tables: Json = {}
    for one in (desk, window, profile):
        tables |= one.pop("$defs", {})
    for one in (desk, profile, tables["ComposerSchema"]):
        one.pop("required", None)
    # A desk has a display or [tmux], and windows or panes: an editor knows both.
    panes, pane = PaneDeskSchema.model_json_schema(), PaneSchema.model_json_schema()
    tables |= panes.pop("$defs", {})
    desk["properties"]["tmux"] = panes["properties"]["tmux"]
    window["properties"] |= {key: pane["properties"][key] for key in ("program", "directory", "pane")}
    window["required"] = ["name", "profile"]
    tables |= {"Window": window, "Profile": profile}
    window["properties"]["calibrated"] |= {"$ref": "#/$defs/Profile"}
    del window["properties"]["calibrated"]["additionalProperties"]
    desk["properties"]["windows"] |= {"items": {"$ref": "#/$defs/Window"}}
    title = "A desk of Octet: one display and the windows on it"
    return {"$schema": DRAFT, **desk, "title": title, "$defs": tables}
