"""The screen as a PNG over HTTP on loopback, cheap enough to be asked for every second by several pages."""

from __future__ import annotations

import asyncio
import io
import secrets
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing

from aiohttp import web
from mss import MSS
from PIL import Image

KEPT_S = 0.5


class Camera:
    """Takes pictures in a separate thread, at most two a second; it does not encode an unchanged screen again."""

    def __init__(self, display: str) -> None:
        self._display = display
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="camera")
        self._lock = asyncio.Lock()
        self._taken_at = float("-inf")
        self._pixels: bytes = b""
        self._png = b""

    async def png(self) -> bytes:
        async with self._lock:
            if time.monotonic() - self._taken_at > KEPT_S:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._take)
                self._taken_at = time.monotonic()
            return self._png

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _take(self) -> None:
        with closing(MSS(display=self._display)) as eye:
            shot = eye.grab(eye.monitors[0])
        pixels = bytes(shot.bgra)
        if pixels == self._pixels:
            return
        image = Image.frombytes("RGB", (shot.width, shot.height), pixels, "raw", "BGRX")
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=1)
        self._pixels, self._png = pixels, out.getvalue()


@asynccontextmanager
async def serve_screen(display: str) -> AsyncGenerator[str]:
    """Serve the picture on a free port of 127.0.0.1; yield its address, which is a secret."""
    camera = Camera(display)
    hosts: set[str] = set()

    async def screen(request: web.Request) -> web.Response:
        # A page of another site that resolves its own name to 127.0.0.1 sends that name here: refused.
        if request.host not in hosts:
            raise web.HTTPForbidden(text="This picture is only for http://127.0.0.1.\n")
        return web.Response(
            body=await camera.png(),
            content_type="image/png",
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )

    app = web.Application()
    path = f"/{secrets.token_urlsafe(24)}/screen.png"
    app.router.add_get(path, screen)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        hosts.update({f"127.0.0.1:{port}", f"localhost:{port}"})
        yield f"http://127.0.0.1:{port}{path}"
    finally:
        await runner.cleanup()
        camera.close()
