"""One page in Chromium in a separate window, controlled over a pipe: it opens no port and fetches nothing."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_START_LIMIT_S = 50.0
_ANSWER_LIMIT_S = 50.0
_READS, _WRITES = 3, 4  # the descriptors at which Chromium expects its pipe
_CALL = "tell"


class BrowserEnded(Exception):
    """Chromium is gone, or its answer is not valid."""


class Browser:
    """A running Chromium with one page. All methods are used from one thread."""

    def __init__(self, page: Path, *, class_name: str, folder: Path, size: tuple[int, int]) -> None:
        """Open the file `page`; what Chromium keeps goes into `folder`."""
        inlet, told = os.pipe()
        said, outlet = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (inlet, told, said, outlet)]
        for end in (inlet, told, said, outlet):
            os.close(end)
        theirs, self._to, self._from, theirs_too = high
        self._pid = os.posix_spawnp(
            "setpriv",  # it ends together with this program
            ["setpriv", "--pdeathsig", "TERM", "chromium", *_options(page, class_name, folder, size)],
            _environment(folder),
            file_actions=((os.POSIX_SPAWN_DUP2, theirs, _READS), (os.POSIX_SPAWN_DUP2, theirs_too, _WRITES)),
        )
        os.close(theirs)
        os.close(theirs_too)
        self._numbers = itertools.count(1)
        self._unread = b""
        self._calls: list[str] = []
        self._session = self._attach(page)
        self._ask("Runtime.enable")
        self._ask("Runtime.addBinding", name=_CALL)
        self._until_loaded(page)

    def run(self, function: str, *arguments: object) -> None:
        words = ", ".join(map(json.dumps, arguments))
        self._send("Runtime.evaluate", {"expression": f"{function}({words})"}, self._session)

    def calls(self, within_s: float) -> list[str]:
        """Return the page's calls of `tell("…")`, waiting for one at most so long. Raises BrowserEnded."""
        if not self._calls and self._is_readable(within_s):
            self._take_in()
        calls, self._calls = self._calls, []
        return calls

    def close(self) -> None:
        try:
            os.kill(self._pid, signal.SIGTERM)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # it was faster

    def _attach(self, page: Path) -> str:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline:
            for target in self._ask("Target.getTargets", of_page=False)["targetInfos"]:
                if target["type"] == "page" and target["url"] == page.as_uri():
                    found = self._ask("Target.attachToTarget", of_page=False, targetId=target["targetId"], flatten=True)
                    return str(found["sessionId"])
            time.sleep(0.02)
        raise BrowserEnded("Chromium did not show its page")

    def _until_loaded(self, page: Path) -> None:
        """Wait for the page's own functions: the target is there before they are, with an empty document."""
        deadline = time.monotonic() + _START_LIMIT_S
        loaded = f"location.href === {json.dumps(page.as_uri())} && document.readyState === 'complete'"
        while self._ask("Runtime.evaluate", expression=loaded)["result"].get("value") is not True:
            if time.monotonic() > deadline:
                raise BrowserEnded("Chromium did not load its page")
            time.sleep(0.02)

    def _ask(self, method: str, *, of_page: bool = True, **parameters: object) -> dict[str, Any]:
        number = self._send(method, parameters, self._session if of_page else "")
        deadline = time.monotonic() + (_ANSWER_LIMIT_S if of_page else _START_LIMIT_S)
        while self._is_readable(deadline - time.monotonic()):
            for message in self._take_in():
                if message.get("id") == number:
                    if "result" not in message:
                        raise BrowserEnded(f"{method}: {message.get('error')}")
                    return dict(message["result"])
        raise BrowserEnded(f"{method} was not answered")

    def _send(self, method: str, parameters: Mapping[str, object], session: str) -> int:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self._to, data) :]
        except BrokenPipeError as error:
            raise BrowserEnded("Chromium has ended") from error
        return number

    def _is_readable(self, within_s: float) -> bool:
        return bool(select.select([self._from], [], [], max(0.0, within_s))[0])

    def _take_in(self) -> list[dict[str, Any]]:
        """All whole messages that have come; calls of the page are kept for `calls`."""
        data = os.read(self._from, 1 << 16)
        if not data:
            raise BrowserEnded("Chromium has ended")
        *whole, self._unread = (self._unread + data).split(b"\0")
        messages: list[dict[str, Any]] = [json.loads(one) for one in whole]
        for message in messages:
            if message.get("method") == "Runtime.bindingCalled":
                self._calls.append(str(message["params"]["payload"]))
            elif message.get("method") == "Target.detachedFromTarget":
                raise BrowserEnded("its window was closed")
        return messages


def _options(page: Path, class_name: str, folder: Path, size: tuple[int, int]) -> Sequence[str]:
    flags = [f"--app={page.as_uri()}", f"--user-data-dir={folder / 'profile'}", f"--class={class_name}"]
    flags += [f"--window-size={size[0]},{size[1]}", "--remote-debugging-pipe", "--force-renderer-accessibility"]
    # A window among others: it asks nothing at its first start, and looks for nothing outside.
    flags += ["--no-first-run", "--no-default-browser-check", "--test-type", "--disable-extensions", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-breakpad", "--no-pings"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", "--password-store=basic", "--use-mock-keychain"]
    flags += ["--disable-gpu", "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--hide-scrollbars"]
    flags += ["--force-color-profile=srgb"]  # the busy strip has the very colour that the profile names
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to sandbox a page for root; this one is our own file
    return flags


def _environment(folder: Path) -> dict[str, str]:
    """Return this process's environment, with all of Chromium's files in `folder`."""
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # the fonts' cache is the user's own
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": caches}
    return {**os.environ, **own}
