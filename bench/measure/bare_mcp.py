"""The plainest MCP server with the official SDK: one tool with a constant answer, over HTTP without sessions.

Run as a program; it prints its port and serves until it is ended.
"""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool
from starlette.types import Receive, Scope, Send

ANSWER = '{"code": "no_current_task", "detail": "You have no task now.", "details": {}}'


async def _list(_context: Any, _params: object) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name="my_task", description="bare", input_schema={"type": "object"})])


async def _call(_context: Any, _params: object) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=ANSWER)], is_error=True)


def main() -> None:
    server = Server[Any]("bare", version="1", on_list_tools=_list, on_call_tool=_call)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    # Named TCP: only then asyncio sends small answers at once.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
