"""The golden files: sentences.txt, structure.json and mcp_tools.json are tests; cli_help.txt and openapi.json are
for review only."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SENTENCES, STRUCTURE = FOLDER / "sentences.txt", FOLDER / "structure.json"
CLI_HELP, OPENAPI = FOLDER / "cli_help.txt", FOLDER / "openapi.json"
MCP_TOOLS = FOLDER / "mcp_tools.json"
ALL = (SENTENCES, STRUCTURE, CLI_HELP, OPENAPI, MCP_TOOLS)
