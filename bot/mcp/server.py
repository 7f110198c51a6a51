"""The MCP server over streamable HTTP, without state: each request brings its token, and Octet keeps no session.

Tools and resources are made from the verbs that declare them; arguments are the body of the HTTP request. It is the
SDK's low-level `Server`, because tools come from the verbs and not from functions with MCP's annotations,
and because an unknown tool must be a protocol error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Final, cast

import structlog
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import Origin, Verb
from bot.verbs.schemas import body_of, jsonable, problems_in, sentence_of
from core.coordinator import Coordinator
from core.kit.errors import NotFound, OctetError
from core.security.model import Actor

log = structlog.get_logger(__name__)

INSTRUCTIONS = (
    "Octet gives you tasks as prompts. Report progress and end each task with report_done. A call about a task needs "
    "the task and the code of your prompt; a code belongs to that task alone."
)
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SECURITY = TransportSecuritySettings(
    enable_dns_rebinding_protection=True,
    allowed_hosts=[name + port for name in _NAMES for port in ("", ":*")],
    allowed_origins=[f"http://{name}{port}" for name in _NAMES for port in ("", ":*")],
)
_BY = "by"  # the key of the actor in a request's state
_Context = ServerRequestContext[Any, Any]


JSON: Final = "application/json"
VERB_OF_TOOL = {verb.mcp: verb for verb in VERBS if verb.mcp}
VERB_OF_RESOURCE = {verb.resource: verb for verb in VERBS if verb.resource}


@cache
def arguments_of(verb: Verb) -> type[BaseModel]:
    """Return the strict model of a tool's arguments."""
    return body_of(verb, verb.parameters)


def _input_schema(verb: Verb) -> dict[str, Any]:
    """Return the arguments' JSON schema in its plainest form: some clients read neither titles nor `anyOf`."""
    schema = arguments_of(verb).model_json_schema()
    return {"properties": {}, **_plain(schema, schema.pop("$defs", {}))}


def _plain(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with `parts` in place of references to them, and with one type in place of a choice with null."""
    found = {name: value for name, value in schema.items() if name not in {"title", "default", "anyOf", "$ref"}}
    if "$ref" in schema:
        return {**_plain(parts[schema["$ref"].rpartition("/")[2]], parts), **found}
    for option in schema.get("anyOf", ()):
        found |= _plain(option, parts) if option.get("type") != "null" else {}
    if "items" in found:
        found["items"] = _plain(found["items"], parts)
    if "properties" in found:
        found["properties"] = {name: _plain(one, parts) for name, one in found["properties"].items()}
    return found


def _tool(verb: Verb) -> Tool:
    reads = verb.route.startswith("GET ")
    hints = ToolAnnotations(read_only_hint=reads, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    return Tool(name=verb.mcp, description=verb.help, input_schema=_input_schema(verb), annotations=hints)


TOOLS = tuple(_tool(verb) for verb in VERB_OF_TOOL.values())
RESOURCES = tuple(
    Resource(uri=uri, name=uri.rpartition("/")[2], description=f"{verb.summary}.", mime_type=JSON)
    for uri, verb in VERB_OF_RESOURCE.items()
)


class StatelessServer:
    """Lists and calls the agents' tools, and reads their resources."""

    def __init__(self, octet: Coordinator, *, version: str) -> None:
        self._octet = octet
        self._server = Server[Any](
            "octet",
            version=version,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=_list_templates,
            on_read_resource=self._read_resource,
        )

    async def answer(self, by: Actor, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request as `by`. The manager lives as long as the request: it only holds its tasks."""
        scope.setdefault("state", {})[_BY] = by
        manager = StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            stateless=True,
            security_settings=_SECURITY,
            max_request_body_size=sys.maxsize,  # Octet has the body already, within its own limit
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list_tools(self, context: _Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        agent = self._octet.agents.named(_actor(context).name)
        delegates = agent is None or agent.delegates
        return ListToolsResult(tools=[one for one in TOOLS if delegates or not VERB_OF_TOOL[one.name].needs_delegator])

    async def _list_resources(self, _context: _Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=list(RESOURCES))

    async def _call_tool(self, context: _Context, params: CallToolRequestParams) -> CallToolResult:
        """Call a tool. What the agent can correct is a result with `is_error`; anything else is a protocol error."""
        verb = VERB_OF_TOOL.get(params.name)
        if verb is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name}. tools/list shows all tools.")
        try:
            return _result(await self._run(verb, params.arguments or {}, context))
        except ValidationError as error:
            problems = problems_in(error.errors())
            refusal = {"code": "invalid", "detail": sentence_of(problems), "details": {"problems": problems}}
            return _result(refusal, is_error=True)
        except OctetError as error:
            details = {name: value if isinstance(value, int) else str(value) for name, value in error.details.items()}
            return _result({"code": error.code, "detail": error.message, "details": details}, is_error=True)

    async def _read_resource(self, context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        verb = VERB_OF_RESOURCE.get(params.uri)
        if verb is None:
            raise MCPError(INVALID_PARAMS, f"There is no resource {params.uri}. resources/list shows all resources.")
        try:
            text = _as_json(await self._run(verb, {}, context))
        except OctetError as error:
            kind = INVALID_PARAMS if isinstance(error, NotFound) else INTERNAL_ERROR
            raise MCPError(kind, error.message, data={"code": error.code}) from error
        contents = TextResourceContents(uri=params.uri, mime_type=JSON, text=text)
        return ReadResourceResult(contents=[contents])

    async def _run(self, verb: Verb, given: Mapping[str, Any], context: _Context) -> Any:
        """Run a verb with strict arguments. Raises OctetError and ValidationError; logs what is unexpected."""
        self._octet.store.admit(is_agent=True)
        try:
            read = arguments_of(verb).model_validate(given).model_dump(exclude_unset=True)
            return jsonable(await verb.run(self._octet, read, by=_actor(context), origin=Origin()))
        except (OctetError, ValidationError):
            raise
        except Exception as error:  # the outer edge of one call: it gets an answer
            log.exception("tool_failed", tool=verb.mcp)
            raise MCPError(INTERNAL_ERROR, OctetError().message) from error


async def _list_templates(_context: _Context, _params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(resource_templates=[])  # clients ask for them although Octet names none


def _actor(context: _Context) -> Actor:
    return cast("Actor", cast("Request", context.request).scope["state"][_BY])


_as_json = partial(json.dumps, ensure_ascii=False)


def _result(content: Any, *, is_error: bool = False) -> CallToolResult:
    """Return a result as text and as an object: versions with a handshake take no list."""
    text = TextContent(type="text", text=_as_json(content))
    structured = cast("dict[str, Any]", content) if isinstance(content, dict) else {"result": content}
    return CallToolResult(content=[text], structured_content=structured, is_error=is_error)
