"""Chat windows in Chromium for tests: the page, the server that records what was submitted, and the browser's start."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from core.profiles.model import Box
from tests.display import VirtualDisplay, until
from tests.fakes.desk import Agent, opened
from tests.fakes.window_log import WindowLog

PAGE = Path(__file__).parent / "pages/chat.html"


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve the page on loopback; its address. What was submitted in a window goes to `folder`, for the test only, and
    so do the letters that were typed in it."""

    def _log(name: str) -> WindowLog:
        return WindowLog(folder / f"{name}.heard")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked, _, name = self.path.partition("?")
            page = PAGE.read_bytes() if self.path.startswith("/?") else b""
            self._answer(_log(name).brought().encode() if asked == "/brought" else page)

        def do_POST(self) -> None:
            name, told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            match self.path:
                case "/heard":
                    _log(name).submit(told)
                case "/keys":
                    _log(name).key(told, told)
                case _:
                    _log(name).note(self.path[1:], told)
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def open_web(
    display: VirtualDisplay,
    address: str,
    name: str,
    x: int,
    y: int,
    *,
    kind: str = "contenteditable",
    accessible: bool = True,
    busy_ms: int = 300,
) -> Agent:
    """Open a page as a window of its own at x, y. All accessible ones of one display are of one browser."""
    asked = urlencode({"kind": kind, "name": name, "title": f"{name} — web", "busy": busy_ms})
    flags = ["--force-renderer-accessibility"] if accessible else []
    buses, browser = display.buses, "chromium" if accessible else "dumb"
    if not accessible:
        display.buses = {key: value for key, value in buses.items() if key != "ACCESSIBILITY_ENABLED"}
    display.start(
        *("chromium", f"--app={address}?{asked}", f"--user-data-dir={display.folder / browser}"),
        *("--class=OctetWeb", "--window-size=400,300", f"--window-position={x},{y}", "--test-type", *flags),
        *("--no-first-run", "--disable-gpu", "--disable-extensions", "--disable-background-networking"),
        *("--disable-component-update", "--password-store=basic", "--force-device-scale-factor=1", "--hide-scrollbars"),
        *(("--no-sandbox",) if os.getuid() == 0 else ()),
    )
    display.buses = buses
    seen = display.window(f"^{name} — web")
    display.place(seen.id, x, y)
    box = Box(x=x, y=y, width=400, height=300)
    until(lambda: (now := display.windows.see(seen.id)) is not None and now.box == box, "the page has its size")
    return opened(display, name, kind)
