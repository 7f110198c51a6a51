"""The page (Chromium): the chat window again, with a contenteditable to write in. How it looks is page.html."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from sandbox.desktop.agent.arguments import Arguments, read_arguments
from sandbox.desktop.agent.browser import Browser, BrowserEnded
from sandbox.desktop.agent.prompt import Stop, StopKind
from sandbox.desktop.agent.work import Finished, Said, ScriptedAgent, Voice

_PAGE = Path(__file__).with_name("page.html")
_TICK_S = 0.1


class PageWindow:
    """One page and the agent behind it."""

    def __init__(self, arguments: Arguments) -> None:
        self._who = arguments
        self._agent = ScriptedAgent(name=arguments.agent, folder=arguments.folder, work_seconds=arguments.work_seconds)
        self._started = 0.0
        self._shown: tuple[str, int] | None = None  # what the strip says of the agent's work
        # Chromium makes the instance part of the window's WM_CLASS of the file's name.
        page = arguments.folder / f"{arguments.window}.html"
        page.write_bytes(_PAGE.read_bytes())
        width, _, height = arguments.geometry.partition("x")
        self._browser = Browser(
            page, class_name=arguments.class_name, folder=arguments.folder, size=(int(width), int(height))
        )

    def run(self) -> None:
        """Until this program is asked to end. Raises BrowserEnded when the window is closed."""
        try:
            who = {"agent": self._who.agent, "window": self._who.window, "workspace": self._who.workspace}
            self._browser.run("begin", who)
            while True:
                for call in self._browser.calls(_TICK_S):
                    self._obey(json.loads(call))
                self._hear()
        finally:
            self._browser.close()

    def _obey(self, call: dict[str, Any]) -> None:
        match call:
            case {"submit": str(text)}:
                if self._agent.submit(text):
                    self._started = time.monotonic()
            case {"answer": bool(allowed)}:
                self._agent.answer(allowed=allowed)
            case {"interrupt": True}:
                self._agent.interrupt()
            case _:
                pass  # the page is our own: it says nothing else

    def _hear(self) -> None:
        """Show what the agent has to say, and how long it works."""
        for news in self._agent.news():
            if isinstance(news, Finished):
                self._agent.rest()
                self._browser.run("rest")
            elif isinstance(news, Stop):
                buttons = ["Approve", "Deny"] if news.kind is StopKind.ASK else ["Continue"]
                text = f"$ {news.text}" if news.kind is StopKind.ASK else news.text
                self._browser.run("ask", {"kind": news.kind, "title": news.title, "text": text, "buttons": buttons})
            else:
                self._say(news)
        shown = None
        if self._agent.busy and self._agent.stop is None:
            shown = (self._agent.label, int(time.monotonic() - self._started))
            if shown != self._shown:
                self._browser.run("work", *shown)
        self._shown = shown

    def _say(self, said: Said) -> None:
        text = said.text if said.voice is Voice.PROMPT else said.text.rstrip("\n")
        self._browser.run("say", said.voice, f"{time.strftime('%H:%M:%S')}  {said.speaker(self._who.agent)}", text)


def main() -> int:
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, _end)
    try:
        PageWindow(read_arguments()).run()
    except BrowserEnded as ended:
        sys.stderr.write(f"{ended}\n")
    return 1


def _end(_sign: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
