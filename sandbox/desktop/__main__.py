"""`python -m sandbox.desktop`: start the desktop, print one JSON line, run until a signal or the end of input."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox.desktop.accessibility import BUS_PACKAGES, NO_BUS, open_bus
from sandbox.desktop.cast import BROWSER, MOST, PAGE, SMALLEST_SIZE, WindowKind, cast
from sandbox.desktop.children import Children, adopt_orphans
from sandbox.desktop.display import open_display
from sandbox.desktop.errors import DesktopFailed
from sandbox.desktop.picture import serve_screen
from sandbox.desktop.stage import DemoDesktop, answer, described, open_stage

# Removes the folders when we are gone, even after kill -9: our end of its pipe closes, whatever happens to us.
_BROOM = """trap "" TERM INT HUP
read -r ended
[ -n "$ended" ] && rounds=1 || rounds=5
for _ in $(seq 300); do
    sleep 0.2
    rm -rf -- "$@" 2>/dev/null
    [ -e "$1" ] || [ -e "$2" ] || rounds=$((rounds - 1))
    [ $rounds -gt 0 ] || exit
done
"""
"""After an orderly end it sweeps once. After a kill our programs end automatically, and a late one (Chromium
closes its profile) still writes meanwhile, or creates its folder again: so it repeats until nothing is left for
some time.
"""
_LONGEST_LINE = 1 << 20
_LONGEST_PATH = 60
"""A folder with a longer path takes no sockets: their whole names have at most 107 characters."""
_NOT_OPENED = "{window} is a plain window, not a page in a browser: {why}"
_NO_CHROMIUM = "Chromium is missing (sudo apt-get install chromium chromium-sandbox)"
_LOST = "{window} could not be opened; the demo continues without it: {why}"
_NO_BUS = (
    "the page of {window} can be read back by copying only: there is no accessibility bus (apt install {packages})"
)


def main() -> int:
    options = _options()
    adopt_orphans()
    code = 0
    try:
        asyncio.run(_run(options))
    except* DesktopFailed as failures:
        for failure in failures.exceptions:
            _tell(str(failure))
        code = 1
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.desktop", description=__doc__)
    parser.add_argument("--size", type=_size, default=(1600, 900), help="the screen in pixels, default 1600x900")
    parser.add_argument("--windows", type=int, default=MOST, choices=range(1, MOST + 1), help="how many, default 8")
    parser.add_argument("--work-seconds", type=float, default=3.0, help="how long an agent works, default 3")
    parser.add_argument(
        "--page", action="store_true", help="one of the windows is a page in Chromium, if that is there"
    )
    parser.add_argument("--exit-on-eof", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{3,5})x(\d{3,5})", text)
    size = (0, 0) if match is None else (int(match[1]), int(match[2]))
    if size[0] < SMALLEST_SIZE[0] or size[1] < SMALLEST_SIZE[1]:
        raise argparse.ArgumentTypeError(f"at least {SMALLEST_SIZE[0]}x{SMALLEST_SIZE[1]}")
    return size


async def _run(options: argparse.Namespace) -> None:
    work = asyncio.current_task()
    assert work is not None
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, work.cancel)
    try:
        await _play(options)
    except asyncio.CancelledError:
        pass  # a signal ends it in order


async def _play(options: argparse.Namespace) -> None:
    _check_machine()
    async with AsyncExitStack() as stack:
        folder, short, broom = stack.enter_context(_swept_folders())
        children = Children(folder, spare=broom)
        stack.push_async_callback(children.end_strays)
        lines = await _standard_input()
        _tell("starting a display")
        display = await stack.enter_async_context(open_display(children, folder=folder, size=options.size))
        os.environ["XAUTHORITY"] = str(display.xauthority)  # the X libraries in this process read it there
        has_browser = shutil.which(BROWSER) is not None
        roles = cast(size=options.size, windows=options.windows, page=options.page and has_browser)
        page = next((role.name for role in roles if role.kind is WindowKind.PAGE), None)
        environment = {"TMPDIR": str(short)}
        lacks: list[str] = []
        if page is not None:
            environment |= await stack.enter_async_context(open_bus(children, display, short))
            if NO_BUS.items() <= environment.items():
                lacks.append(_NO_BUS.format(window=page, packages=BUS_PACKAGES))
        elif options.page and len(roles) > PAGE:
            lacks.append(_NOT_OPENED.format(window=roles[PAGE].name, why=_NO_CHROMIUM))
        _tell(f"display {display.name} is up, opening {len(roles)} windows")
        stage = await stack.enter_async_context(
            open_stage(
                display=display,
                children=children,
                roles=roles,
                folder=folder,
                work_s=options.work_seconds,
                page_environment=environment,
            )
        )
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(_must_live(children, name)) for name in ("xvfb", "openbox")]
            windows = await stage.begin(_tell)
            lacks += [_NOT_OPENED.format(window=name, why=why) for name, why in stage.stand_ins.items()]
            lacks += [_LOST.format(window=name, why=why) for name, why in stage.lost.items()]
            for lack in lacks:
                _tell(lack)
            url = await stack.enter_async_context(serve_screen(display.name))
            _print(
                {
                    "display": display.name,
                    "xauthority": str(display.xauthority),
                    "screen_url": url,
                    "windows": [described(seen) for seen in windows],
                    "lacks": lacks,
                }
            )
            await _obey(stage, lines, exit_on_eof=options.exit_on_eof)
            for watch in watches:
                watch.cancel()


async def _obey(stage: DemoDesktop, lines: asyncio.StreamReader, *, exit_on_eof: bool) -> None:
    """Answer commands until the input ends; then return, or stay for a signal."""
    while line := await lines.readline():
        if line.strip():
            _print(await answer(stage, line.decode("utf-8", "replace")))
    if not exit_on_eof:
        await asyncio.Event().wait()


async def _must_live(children: Children, name: str) -> None:
    """Without its display or window manager the desktop is nothing: fail instead of hanging."""
    await children.wait(name)
    raise DesktopFailed(f"{name} ended unexpectedly: {children.complaint(name) or 'it said nothing'}")


def _check_machine() -> None:
    """Name the first thing that is missing, with the command that brings it."""
    for program, package in (("Xvfb", "xvfb"), ("openbox", "openbox"), ("xterm", "xterm"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            raise DesktopFailed(f"{program} is missing: apt install {package}")
    if importlib.util.find_spec("_tkinter") is None:
        raise DesktopFailed("tkinter is missing: apt install python3-tk")


@contextmanager
def _swept_folders() -> Generator[tuple[Path, Path, int]]:
    """Make private folders for files and for sockets, and start the program that removes them after our end."""
    folder = short = Path(tempfile.mkdtemp(prefix="octet-desktop-"))
    if len(str(folder)) > _LONGEST_PATH:
        short = Path(tempfile.mkdtemp(prefix="octet-desktop-", dir="/tmp"))
    broom = subprocess.Popen(
        ["sh", "-c", _BROOM, "sh", str(folder), str(short)], stdin=subprocess.PIPE, start_new_session=True, cwd="/"
    )
    try:
        yield folder, short, broom.pid
    finally:
        assert broom.stdin is not None
        with suppress(BrokenPipeError):
            broom.stdin.write(b"ended\n")
            broom.stdin.close()
        broom.wait()


async def _standard_input() -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except ValueError:
        reader.feed_eof()  # a plain file has nothing to wait for
    return reader


def _print(message: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise DesktopFailed("nothing reads the answers any more") from error


def _tell(text: str) -> None:
    sys.stderr.write(f"desktop: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
