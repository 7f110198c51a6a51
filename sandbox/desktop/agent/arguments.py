"""The command line that both window programs share."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """Who this window is. The chat window takes its size as well; a terminal's size is xterm's business."""

    window: str
    agent: str
    workspace: str
    folder: Path
    work_seconds: float
    class_name: str
    lively_title: bool
    geometry: str


def read_arguments() -> Arguments:
    parser = argparse.ArgumentParser(description="One window with a scripted demo agent behind it.")
    parser.add_argument("--window", required=True, help="instance name of the window, such as agent-1")
    parser.add_argument("--agent", required=True, help="the agent's name, such as Agent-1")
    parser.add_argument("--workspace", required=True, help="the folder it pretends to work in; ends the title")
    parser.add_argument("--folder", required=True, type=Path, help="where it writes its answers")
    parser.add_argument("--work-seconds", required=True, type=float, help="how long it works on a prompt")
    parser.add_argument("--class-name", default="OctetChat", help="class of the chat window")
    parser.add_argument("--lively-title", action="store_true", help="show work and message count in the title")
    parser.add_argument("--geometry", default="", help="WxH in pixels, chat window only")
    return Arguments(**vars(parser.parse_args()))
