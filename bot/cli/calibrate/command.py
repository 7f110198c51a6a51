"""`octet calibrate`: connects the windows of a display by a few questions on the console, or as Octet proposes."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.calibrate.console import Console
from bot.cli.client import HttpAnswer
from bot.cli.errors import first_cause, run_async
from bot.cli.home import HomeOption, home_of, must_be_home
from bot.cli.operator import OctetNotRunning, RequestRefused, TryLater, call, parse_answer
from bot.cli.pictures import write_picture
from bot.runfile import Run, running
from core.calibration import texts
from core.calibration.model import Answer, CalibratedWindow, CalibrationOptions, CalibrationStep, ChooseWindows, Pick
from core.calibration.ports import CalibrationDialog
from core.desks.model import Desk
from core.desks.model import Tmux as Server
from core.home import Home
from core.kit.errors import OctetError
from core.remedies import explain, refused

if TYPE_CHECKING:
    from core.calibration.session import CalibrationSession, QuestionSession
    from core.config.desks import DeskFiles

MAIN = "main"  # the desk of a new home
ONE_SCREEN = ":0"  # the display in a desk's file on platforms without named displays
LONG_S = 1800.0  # after an answer Octet may try drafts in many windows, each behind a delivery


def calibrate(
    desk: Annotated[str | None, typer.Argument(metavar="[DESK]", help="Its name in config/desks.")] = None,
    only: Annotated[str | None, typer.Argument(metavar="[WINDOW]", help="Only this window of the desk.")] = None,
    *,
    display: Annotated[str, typer.Option("--display", help="The display; default: the desk's, else $DISPLAY.")] = "",
    list_only: Annotated[bool, typer.Option("--list", help="List the windows and change nothing.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Write a picture with a number on each window.")
    ] = None,
    by_place: Annotated[
        bool, typer.Option("--by-place", help="Identify windows with equal titles by their places, until they close.")
    ] = False,
    pane: Annotated[str, typer.Option("--pane", help="This pane of tmux instead, such as work:1.0.")] = "",
    socket: Annotated[str, typer.Option("--socket", help="With --pane: the tmux server; default: the one here.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="With --pane: the profile to write it into.")] = "",
    all_alike: Annotated[bool, typer.Option("--all", help="Also connect the windows of all similar displays.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Connect your agents' windows: find their places, their composers, and how to identify them.

    Octet types a draft into each, reads it back and deletes it; it sends nothing. It saves the result in config/."""
    console = Console(is_person=sys.stdin.isatty(), yes=yes, by_place=by_place)
    options = CalibrationOptions(only=only or "")
    place = home_of(home)
    session = _pane(place, pane, socket, profile) if pane else pane_session(place, desk, only)
    work = calibrate_windows(
        place, options, console, desk=desk or "", display=display, list_only=list_only, picture=picture, session=session
    )
    code = run_async(work)
    sys.exit(run_async(calibrate_alike(place, desk or MAIN, console)) if all_alike and not code else code)


async def calibrate_windows(
    home: Home,
    options: CalibrationOptions,
    console: Console,
    *,
    desk: str = "",
    display: str = "",
    list_only: bool = False,
    picture: Path | None = None,
    session: QuestionSession | None = None,
) -> int:
    """Connect windows, by `session` or a new one for a display; return 0 if all of the chosen ones are connected."""
    from core.config.settings import environment

    own = environment().get("WINDOWID", "")
    options = replace(options, own_window=int(own) if own.isdecimal() else 0)
    async with nullcontext(session) if session else _open_dialog(home, options, console, desk, display) as asking:
        await session.start() if session else None
        step = await asking.step()
        if picture is not None:
            write_picture(picture, await asking.picture())
            console.say(f"The windows with their numbers: {picture}")
        if list_only:
            if isinstance(step.now, ChooseWindows):
                console.list(step.now)
            return 0
        result = await console.answer_questions(asking)
    names = [desk, options.only] if desk else []
    command = ["octet", "calibrate", *filter(None, names), *(["--display", display] if display else [])]
    again = f"run `{shlex.join([*command, '--home', str(home.root)])}`" if session is None else "run this again"
    left = _left(len(result.failed), desk, again)
    if not result.connected:
        if lines := texts.ended(replace(result, note="")):
            console.say("\n".join(lines))
        raise refused("nothing_connected", then=" ".join(filter(None, (result.note, left))) or f"To choose, {again}.")
    console.say("\n".join([*texts.ended(result), *([left] if left else [])]))
    return 1 if result.failed or result.code else 0


def _left(count: int, desk: str, again: str) -> str:
    """Say how a user connects the windows that failed; empty: none failed."""
    which, whose = ("1 window is", "its composer") if count == 1 else (f"{count} windows are", "their composers")
    see = f" See: `octet desk picture {desk} now.png`." if desk else ""
    return f"{which} not connected.{see} Empty {whose}, then {again}." if count else ""


async def calibrate_alike(home: Home, like: str, console: Console) -> int:
    """Connect the windows of all displays like this desk's, each after a draft; return 0 if all worked."""
    from core.config.desks import read_desks

    files = read_desks(home.root, [])
    first = next((one for one in files.desks if one.name == like and one.virtual), None)
    code = 0
    for one in files.desks if first is not None else ():
        if one.windows or first is None or not has_same_size(one, first):
            continue
        console.say(f"{one.name}, like {like}:")
        copy = replace(console, is_person=False, yes=True, picks=partial(_alike, files, first))
        try:
            code = max(code, await calibrate_windows(home, CalibrationOptions(), copy, desk=one.name))
        except* OctetError as group:
            console.say(f"  {first_cause(group).message}")
            code = 1
    return code


def has_same_size(desk: Desk, other: Desk) -> bool:
    one, two = desk.virtual, other.virtual
    return one is not None and two is not None and (one.width, one.height) == (two.width, two.height)


def _alike(files: DeskFiles, first: Desk, question: ChooseWindows) -> list[Pick]:
    """Pick the windows of the class and size of those of the desk `first`, their composers being at the same place."""
    picks: list[Pick] = []
    for known in first.windows:
        profile = files.profiles[known.profile]
        for one in question.candidates:
            box, composer = one.window.box, profile.composer
            is_it = re.fullmatch(profile.match_class, one.window.kind) and box.width == known.box.width
            if is_it and box.height == known.box.height:
                point = None if composer.prompt else composer.box.on_screen(box).middle  # Octet finds a prompt itself
                picks.append(Pick(number=one.number, profile=known.kind, point=point))
    return picks


@asynccontextmanager
async def _open_dialog(
    home: Home, options: CalibrationOptions, console: Console, name: str, display: str
) -> AsyncGenerator[CalibrationDialog]:
    """Begin a calibration of the chosen display: by the running Octet, if its worker types there, else by a
    worker of this process. Raises the reason for none before it touches a window."""
    from core.config.desks import read_desks
    from core.config.settings import environment

    files = read_desks(must_be_home(home).root, [])
    desk, environ, display = _desk(home, files, name, display)
    console.sees_display = sys.platform in {"win32", "darwin"} or display == environment().get("DISPLAY")
    known = next((one for one in files.desks if one.name == desk.name), None)
    run = running(home.root)
    if run is not None and known is not None and (known.virtual or known.display == desk.display):
        octet = RemoteCalibration(home=home, run=run, desk=desk.name, options=options)
        try:
            await octet.start()
        except (RequestRefused, TryLater) as refused:
            if refused.details["code"] not in {"desk_not_found", "desk_without_worker"}:
                raise  # else it works at other desks
        else:
            yield octet
            return
    async with _own_session(home, options, desk=desk, environ=environ, display=display) as session:
        yield session


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalibration:
    """One calibration (calibration.ports.CalibrationDialog) of one desk by the running Octet, over HTTP."""

    home: Home
    run: Run
    desk: str
    options: CalibrationOptions

    async def start(self) -> CalibrationStep:
        """Look at the display and ask. Raises RequestRefused or TryLater where no worker of Octet types there."""
        return await self._step("POST", "", asdict(self.options))

    async def step(self) -> CalibrationStep:
        return await self._step("GET", "")

    async def answer(self, answer: Answer) -> CalibrationStep:
        """Answer the question. Raises RequestRefused with Octet's reason."""
        return await self._step("POST", "/answer", asdict(answer))

    async def picture(self) -> bytes:
        return (await self._call("GET", "/picture")).body

    async def _step(self, method: str, verb: str, body: object = None) -> CalibrationStep:
        return parse_answer(CalibrationStep, await self._call(method, verb, body))

    async def _call(self, method: str, verb: str, body: object = None) -> HttpAnswer:
        path = f"/desks/{quote(self.desk, safe='')}/calibration{verb}"
        return await asyncio.to_thread(call, self.home, method, path, body=body, timeout_s=LONG_S)


def _pane(home: Home, pane: str, socket: str, profile: str) -> QuestionSession:
    """Prepare a calibration of this pane, on the server at this socket, else on this terminal's server."""
    from core.config.settings import environment

    socket = socket or environment().get("TMUX", "").partition(",")[0]
    if not socket:
        raise refused("no_tmux")
    return _learn_pane(home, Server(socket=socket), pane, profile)


def pane_session(home: Home, desk: str | None, window: str | None) -> QuestionSession | None:
    """Prepare a calibration of the pane that is this window of a desk of terminals; None for any other window."""
    from core.config.desks import read_desks

    for found in read_desks(home.root, []).desks:
        named = next((one for one in found.windows if (found.name, one.name) == (desk, window)), None)
        if named is not None and named.pane is not None and found.tmux is not None:
            target = named.pane.target or f"{found.tmux.session}:{named.name}"
            return _learn_pane(home, found.tmux, target, named.kind)
    return None


def _learn_pane(home: Home, server: Server, pane: str, profile: str) -> QuestionSession:
    from automation.terminal.screen_learning import UnknownPane
    from automation.terminal.tmux import TmuxServer
    from core.calibration.session import QuestionSession, calibrate_pane
    from core.config.settings import environment

    there, lines = UnknownPane(TmuxServer(server, environment()), pane), list[str]()
    return QuestionSession(calibrate_pane(home, there.found(), profile, there.learn, lines), lines)


@asynccontextmanager
async def _own_session(
    home: Home, options: CalibrationOptions, *, desk: Desk, environ: Mapping[str, str], display: str
) -> AsyncGenerator[CalibrationSession]:
    from automation.desktop.calibration.numbered_picture import number_places
    from bot.cli.temporary_worker import temporary_worker
    from core.calibration.calibrator import Calibrator
    from core.calibration.session import CalibrationSession

    async def take_over(_: Sequence[CalibratedWindow]) -> None:
        with suppress(OctetNotRunning):
            await asyncio.to_thread(call, home, "POST", "/config/reload")

    draw = partial(asyncio.to_thread, number_places)
    async with temporary_worker(desk, environ, anchors=home.anchors / desk.name) as scout:
        calibration = Calibrator(home=home, scout=scout)
        session = CalibrationSession(
            calibration, desk=desk.name, display=display, options=options, draw=draw, take_over=take_over
        )
        await session.start()
        yield session


def _desk(home: Home, files: DeskFiles, name: str, display: str) -> tuple[Desk, Mapping[str, str], str]:
    """Find the desk without its windows, the environment of its worker, and the display as the desk's file has it."""
    from automation.desktop.worker_selection import WITHOUT_X11
    from core.config.settings import environment

    environ = dict(environment())
    known = next((desk for desk in files.desks if desk.name == (name or MAIN)), None)
    if known is not None and known.virtual is not None:
        from automation.desktop.displays.state_dir import DisplayStateDir

        standing = DisplayStateDir(home.displays, known.name).read()
        if not standing.is_up:
            raise refused("display_down", desk=known.name, why=explain(standing.reason, standing.note))
        environ["XAUTHORITY"] = standing.xauthority
        return replace(known, display=standing.display, windows=(), virtual=None), environ, ""
    of_desk, here = known.display if known is not None else "", environ.get("DISPLAY", "")
    if sys.platform in WITHOUT_X11:
        of_desk, here = of_desk or ONE_SCREEN, ""
    if name:  # a named desk means its display, wherever this terminal is
        display = display or of_desk or here
    else:
        display = display or here or of_desk
    if not display:
        raise refused("no_display_named")
    if not name:
        known = next((desk for desk in files.desks if desk.display == display), known)
    if known is None:
        return Desk(name=name or MAIN, display=display), environ, display
    return replace(known, display=display, windows=()), environ, display
