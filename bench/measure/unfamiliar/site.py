"""The server of the chats in Chromium: pages, editors, and what was sent in each."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = Path(__file__).parent / "pages"
EDITORS = ROOT / ".venv/editors/node_modules"
"""Where scripts/bootstrap.py installs the packages of editors/package-lock.json."""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve the pages on loopback; their address. What is sent in the window NAME goes to `folder`/NAME.heard; once
    its page is loaded, there is NAME.ready."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            base, _, name = self.path.partition("?")[0].removeprefix("/").partition("/")
            file = {"pages": PAGES, "editors": EDITORS}.get(base, PAGES) / name
            if not name or not file.is_file():
                self._answer(404, "text/plain", b"")
                return
            self._answer(200, mimetypes.guess_type(file.name)[0] or "text/plain", file.read_bytes())

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            what, _, name = self.path.removeprefix("/").partition("/")
            with (folder / f"{name}.{what}").open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
            self._answer(200, "text/plain", b"")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="unfamiliar site", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
