"""A virtual display for one test: Xvfb on a free number, openbox, programs on it; all ended by their own ids."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from Xlib import X, Xatom, Xutil
from Xlib.display import Display
from Xlib.error import ConnectionClosedError

from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.input import InputRouting
from automation.desktop.x11.windows import X11Windows
from tests.pace import patience

ROOT = Path(__file__).parents[1]
LIMIT_S = patience(60.0)
OPENBOX = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <placement><policy>Smart</policy></placement>
  <desktops><number>2</number></desktops>
  <mouse>
    <context name="Client">
      <mousebind button="Left" action="Press"><action name="Focus"/></mousebind>
    </context>
  </mouse>
  <applications><application class="*"><decor>no</decor></application></applications>
</openbox_config>
"""


def until(holds: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until `holds()`, or fail saying what did not come to be."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"did not happen within {limit_s} s: {what}"
        time.sleep(0.01)


@dataclass(slots=True)
class VirtualDisplay:
    """One Xvfb with a window manager."""

    name: str
    folder: Path
    server: subprocess.Popen[bytes]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    buses: dict[str, str] = field(default_factory=dict)
    """What leads programs to the buses of this display; empty: to none."""
    connection: Display = field(init=False)
    windows: X11Windows = field(init=False)

    def connect(self) -> None:
        self.connection = Display(self.name)
        self.connection.set_error_handler(lambda *_: None)
        self.windows = X11Windows(self.connection)

    def is_anything_down(self) -> bool:
        """Whether any key or button is held down, by whomever."""
        return InputRouting(self.connection).is_anything_down()

    @property
    def environ(self) -> dict[str, str]:
        """The environment for programs on this display; without a session bus or input method of the outside."""
        # The font cache is the user's own: windows that each read all fonts anew are slow, and some of Tk's never show.
        kept = ("PATH", "HOME", "XDG_CACHE_HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")
        return (
            {name: os.environ[name] for name in kept if name in os.environ}
            | {
                "DISPLAY": self.name,
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "XDG_DATA_HOME": str(self.folder / "data"),
                "GSETTINGS_BACKEND": "memory",
            }
            | (self.buses or {"NO_AT_BRIDGE": "1", "GTK_A11Y": "none", "DBUS_SESSION_BUS_ADDRESS": "disabled:"})
        )

    @contextmanager
    def accessible(self) -> Iterator[None]:
        """Programs that are started meanwhile find a session bus of their own, with accessibility on it."""
        with tempfile.TemporaryDirectory(prefix="octet-bus-") as runtime:  # a socket's path has to be short
            self.buses = {"XDG_RUNTIME_DIR": runtime, "ACCESSIBILITY_ENABLED": "1"}
            address = f"unix:path={runtime}/bus"
            daemon = self.start("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}")
            self.buses["DBUS_SESSION_BUS_ADDRESS"] = address
            call = ("--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress")
            ask = partial(subprocess.run, ["dbus-send", "--session", *call], capture_output=True, timeout=LIMIT_S)
            until(
                lambda: ask(env=self.environ, check=False).returncode == 0, "a session bus with accessibility is there"
            )
            until(self.windows.accessibility_address, "the display says where its accessibility bus is")
            try:
                yield
            finally:
                self.end()
                daemon.wait(patience(30))

    def start(self, *argv: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program on the display; it is ended with the display. `environ` is added to its environment."""
        log = (self.folder / f"{Path(argv[0]).name}-{len(self.children)}.log").open("wb")
        child = subprocess.Popen(
            argv,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
        )
        log.close()
        self.children.append(child)
        return child

    def start_python(self, script: Path, *argv: str) -> subprocess.Popen[bytes]:
        """Start a Python program on the display."""
        return self.start(sys.executable, str(script), *argv)

    def start_module(self, module: str, *argv: str) -> subprocess.Popen[bytes]:
        """Start a module of the tests on the display."""
        return self.start(sys.executable, "-m", module, *argv, environ={"PYTHONPATH": str(ROOT)})

    def xdotool(self, *words: str) -> None:
        """Do what a person, or another tool, would do."""
        subprocess.run(["xdotool", *words], env=self.environ, check=True, timeout=LIMIT_S)

    def wake_manager(self) -> None:
        """Wait until the window manager acts. It says that it is there some moments before, and a window shown in
        between can stay unmanaged until the next event reaches it: so it gets one until it manages one of ours."""
        trial = self.connection.screen().root.create_window(0, 0, 20, 20, 0, X.CopyFromParent)
        trial.map()
        until(lambda: trial.id in self.windows.managed() or self.windows.activate(trial.id), "openbox manages windows")
        trial.destroy()
        until(lambda: trial.id not in self.windows.managed(), "openbox has seen a window close")

    def window(self, title: str) -> WindowInfo:
        """Wait for the window with this title to be shown; the last one of several."""

        def shown() -> list[WindowInfo]:
            return [seen for seen in self.windows.find(".*", title) if seen.is_viewable]

        until(shown, f"a window called {title}")
        return shown()[-1]

    def lay_over(self, x: int, y: int, width: int, height: int, *, title: str = "cover", managed: bool = False) -> int:
        """Show a window at a place, past the window manager unless `managed`; its id."""
        window = self.connection.screen().root.create_window(
            x, y, width, height, 0, X.CopyFromParent, background_pixel=0x336699, override_redirect=not managed
        )
        window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, title.encode())
        window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.PPosition | Xutil.PSize | Xutil.USSize)
        window.map()
        self.connection.sync()
        until(lambda: window.get_attributes().map_state == X.IsViewable, "the cover is shown")
        return window.id

    def take_away(self, window: int) -> None:
        """Close a window made by `lay_over`."""
        self.connection.create_resource_object("window", window).destroy()
        self.connection.sync()

    def place(self, window: int, x: int, y: int) -> None:
        """Move a window's own area; the window manager counts from the corner of its border."""
        resource = self.connection.create_resource_object("window", window)
        asked = [x, y]

        def is_there() -> bool:
            seen = self.windows.see(window)
            assert seen is not None
            if (seen.box.x, seen.box.y) == (x, y):
                return True
            if (seen.box.x - asked[0], seen.box.y - asked[1]) == (1, 1):
                asked[:] = [x - 1, y - 1]
            resource.configure(x=asked[0], y=asked[1])
            self.connection.sync()
            return False

        until(is_there, "the window moved")

    def end(self) -> None:
        for child in reversed(self.children):
            child.terminate()
        for child in reversed(self.children):
            try:
                child.wait(patience(30))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(patience(30))


def start_xvfb(folder: Path, size: str = "1280x800x24") -> tuple[subprocess.Popen[bytes], str]:
    """Start Xvfb on a number that is free; the process and the display's name."""
    read, write = os.pipe()
    with (folder / "xvfb.log").open("wb") as log:
        argv: Sequence[str] = (
            "Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp", "-noreset", "-dpi", "96",
        )  # fmt: skip
        server = subprocess.Popen(argv, pass_fds=(write,), stdout=log, stderr=log)
    os.close(write)
    told = ""
    while not told.endswith("\n"):  # it writes the number and the newline separately, and dies if nobody reads both
        ready, _, _ = select.select([read], [], [], LIMIT_S)
        assert ready, "Xvfb did not come up"
        told += os.read(read, 32).decode()
        assert server.poll() is None, (folder / "xvfb.log").read_text()
    os.close(read)
    return server, f":{told.strip()}"


@contextmanager
def virtual_display(folder: Path, size: str = "1280x800x24", *, decorated: bool = False) -> Iterator[VirtualDisplay]:
    """Open a separate display with a window manager within the block; `decorated`: windows have title bars."""
    folder.mkdir(parents=True, exist_ok=True)
    server, name = start_xvfb(folder, size)
    display = VirtualDisplay(name=name, folder=folder, server=server)
    display.connect()
    try:
        rules = OPENBOX.replace("<decor>no</decor>", "<decor>yes</decor>") if decorated else OPENBOX
        (folder / "rc.xml").write_text(rules)
        display.start("openbox", "--sm-disable", "--config-file", str(folder / "rc.xml"))
        until(display.windows.has_manager, "openbox is there")
        display.wake_manager()
        yield display
    finally:
        display.end()
        try:
            display.connection.close()
        except ConnectionClosedError:
            display.connection.display.socket.close()  # the test ended the server
        server.terminate()
        server.wait(patience(30))
