"""/hooks/{program}: what agents' programs say by their hooks. The answer is empty and comes at once: a hook never
decides. A table says for each program which event is which fact; every other event is dropped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from fastapi import APIRouter, Request, Response

from bot.web.guard import Core, agent_of
from core import limits
from core.dispatch.model import HookFact, HookShows, PromptReceived
from core.profiles.model import Activity

PATH = "/hooks"
router = APIRouter(prefix=PATH)
_HEAD = re.compile(r"\[[A-Z0-9]{2,10}\] [^\n]{1,200}? · task (T-[1-9][0-9]{0,17}) · ")
_CODE = re.compile(r" --code ([A-Za-z0-9_-]{1,64}\.[A-Z2-7]{26})(?![A-Z2-7])")
_PASTED = re.compile(r'\s*<pasted_content id="(\w{1,20})">\n(.*)\n</pasted_content id="\1">\s*', re.DOTALL)
"""What Claude Code 2.1 puts around a long paste."""
_WHAT_CHARS = 4_000
_ID_CHARS = 200

Event = Mapping[str, Any]
Reader = Callable[[str, str, Event], HookFact | None]  # Gets the program, its conversation and the event


def _prompt(program: str, session: str, event: Event) -> HookFact:
    """Keep of a prompt what names it. A mark within the text is a quotation: it counts at the beginning only."""
    text = str(event.get("prompt", ""))
    text = pasted[2] if (pasted := _PASTED.fullmatch(text)) else text
    head, codes = _HEAD.match(text), _CODE.findall(text)
    return PromptReceived(
        program=program,
        session=session,
        sha256=hashlib.sha256(text.encode(errors="replace")).hexdigest(),
        task=head[1] if head else "",
        code=codes[-1] if codes else "",
    )


def _stopped(program: str, session: str, event: Event) -> HookFact:
    """Take the last message. An agent with shells in the background works on."""
    said = str(event.get("last_assistant_message") or event.get("prompt_response") or "")
    shows = Activity.BUSY if event.get("background_tasks") else Activity.IDLE
    text = limits.storable(said)[: limits.ANSWER.most]
    return HookShows(program=program, session=session, shows=shows, text=text)


def _asked(program: str, session: str, event: Event) -> HookFact | None:
    """Show the command; of other tools all that they would get. Claude Code's notice comes seconds after a question;
    Gemini CLI's is the question."""
    has_waited = False
    match event:
        case {"tool_name": tool, "tool_input": {"command": str(what)}}:
            what = f"{tool}: {what}"
        case {"tool_name": tool, "tool_input": given}:
            what = f"{tool}: {json.dumps(given, ensure_ascii=False)}"
        case {"notification_type": "permission_prompt", "message": str(what)}:
            has_waited = True
        case {"notification_type": "ToolPermission", "details": {"command": str(what)}}:
            pass
        case {"notification_type": "ToolPermission", "message": str(what)}:
            pass
        case _:
            return None
    what = limits.visible(" ".join(limits.storable(what[:_WHAT_CHARS]).split()))
    return HookShows(program=program, session=session, shows=Activity.NEEDS_INPUT, text=what, has_waited=has_waited)


_CLAUDE: Mapping[str, Reader] = {"UserPromptSubmit": _prompt, "PermissionRequest": _asked, "Stop": _stopped}
READERS: Mapping[str, Mapping[str, Reader]] = {
    "claude_code": {**_CLAUDE, "StopFailure": _stopped, "Notification": _asked},
    "codex": _CLAUDE,
    "gemini_cli": {"BeforeAgent": _prompt, "AfterAgent": _stopped, "Notification": _asked},
}
"""For each program: which event is which fact."""


def facts_of(program: str, body: bytes) -> Iterator[HookFact]:
    """Read what a hook sent; nothing of what no table names."""
    try:
        event: object = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(event, dict):
        return
    known = cast("Event", event)
    if program == "codex" and known.get("type") == "agent-turn-complete":
        yield from _of_notify(known)
    name, session = str(known.get("hook_event_name", "")), str(known.get("session_id", ""))[:_ID_CHARS]
    read = READERS.get(program, {}).get(name)
    if read is not None and session and (fact := read(program, session, known)) is not None:
        yield fact


def _of_notify(event: Event) -> Iterator[HookFact]:
    """Read what the program that Codex's `notify` names gets at the end of a turn."""
    session, asked = str(event.get("thread-id", ""))[:_ID_CHARS], event.get("input-messages")
    if session and isinstance(asked, list) and asked:
        yield _prompt("codex", session, {"prompt": cast("list[object]", asked)[-1]})
        yield _stopped("codex", session, {"last_assistant_message": event.get("last-assistant-message")})


@router.post("/{program}", status_code=204)
async def hook(program: str, request: Request, core: Core) -> Response:
    """Take an event that an agent's program reports."""
    agent = await agent_of(request)
    for fact in facts_of(program, await request.body()):
        core.hooks.accept(fact, by=agent)
    return Response(status_code=204)
