"""The golden files: sentences.txt and structure.json are tests; cli_help.txt and openapi.json are for review only."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
SENTENCES, STRUCTURE = FOLDER / "sentences.txt", FOLDER / "structure.json"
CLI_HELP, OPENAPI = FOLDER / "cli_help.txt", FOLDER / "openapi.json"
