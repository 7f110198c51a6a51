"""Chat windows in Chromium for tests: the page, the server that is told what was submitted, and the browser's start."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from automation.desktop.lane import DeskHands
from core.desks.model import Box, Composer, Confirm, Newline, Normalise, Profile, Readback, Selection, Sign, Window
from tests.display import VirtualDisplay, until
from tests.fakes.desk import News, make_hands

PAGE = Path(__file__).parent / "pages/chat.html"
KINDS = ("textarea", "contenteditable", "rich")
READ = (Readback.ACCESSIBILITY, Readback.COPY)
WEB = Profile(
    name="contenteditable",
    match_class="OctetWeb",
    composer=Composer(box=Box(x=4, y=204, width=390, height=92), background="#ffffff", label="Message"),
    anchor=Box(x=0, y=0, width=330, height=30),
    paste="ctrl+v",
    selection=Selection.CLIPBOARD,
    submit="enter",
    newline=Newline.KEEP,
    readback=READ,
    normalise=Normalise.NL,
    max_chars=50_000,
    clear=("ctrl+a", "backspace"),
    busy=Sign(box=Box(x=345, y=5, width=50, height=20), colour="#d08000"),
    confirm=frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}),
    landed_ms=2_000,
    paste_reads=4,
)
WEBS = {
    "textarea": replace(WEB, name="textarea", normalise=Normalise.RAW),
    "contenteditable": WEB,
    "rich": replace(WEB, name="rich", normalise=Normalise.LINES),
}


@dataclass(slots=True)
class Site:
    """The pages' server. What was submitted is for the test only."""

    address: str
    told: dict[str, list[str]] = field(default_factory=dict)

    def heard(self, name: str) -> list[str]:
        """Every text that was submitted in this window, oldest first."""
        return self.told.get(name, [])


def make_web_hands(display: str, folder: Path, windows: tuple[Window, ...], news: News, **changes: Any) -> DeskHands:
    """Hands on pages; `changes` are made to the profile of each kind."""
    kinds = {kind: replace(profile, **changes) for kind, profile in WEBS.items()}
    return make_hands(
        display,
        folder,
        windows,
        news,
        textarea=kinds["textarea"],
        contenteditable=kinds["contenteditable"],
        rich=kinds["rich"],
    )


@contextmanager
def site() -> Iterator[Site]:
    """Serve the page on loopback."""
    found = Site(address="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(PAGE.read_bytes() if self.path.startswith("/?") else b"")

        def do_POST(self) -> None:
            name, text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.told.setdefault(name, []).append(text)
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
    found.address = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class WebAgent:
    """One agent's page, and what it was really given."""

    name: str
    window: Window
    site: Site
    id: int

    @property
    def heard(self) -> list[str]:
        return self.site.heard(self.name)


def open_web(
    display: VirtualDisplay,
    pages: Site,
    name: str,
    x: int,
    y: int,
    *,
    kind: str = "contenteditable",
    accessible: bool = True,
    busy_ms: int = 300,
) -> WebAgent:
    """A page as a window of its own at x, y. All windows of one display are of one browser."""
    asked = urlencode({"kind": kind, "name": name, "title": f"{name} — web", "busy": busy_ms})
    flags = ["--force-renderer-accessibility"] if accessible else []
    display.start(
        *("chromium", f"--app={pages.address}?{asked}", f"--user-data-dir={display.folder / 'chromium'}"),
        *("--class=OctetWeb", "--window-size=400,300", f"--window-position={x},{y}", "--test-type", *flags),
        *("--no-first-run", "--disable-gpu", "--disable-extensions", "--disable-background-networking"),
        *("--disable-component-update", "--password-store=basic", "--force-device-scale-factor=1", "--hide-scrollbars"),
        *(("--no-sandbox",) if os.getuid() == 0 else ()),
    )
    seen = display.window(f"^{name} — web")
    display.place(seen.id, x, y)
    box = Box(x=x, y=y, width=400, height=300)
    until(lambda: (now := display.windows.see(seen.id)) is not None and now.box == box, "the page has its size")
    return WebAgent(
        name=name, window=Window(name=name, profile=kind, title=f"^{name}", box=box), site=pages, id=seen.id
    )
