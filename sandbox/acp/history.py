"""The agent's conversations on disk, one file each, and the prompts that it received."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any


class History:
    """Each line is on the disk before the call returns: what was written survives a kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> str:
        """Begin a conversation; return its id."""
        conversation = uuid.uuid4().hex
        self._append(self._file(conversation))
        return conversation

    def has(self, conversation: str) -> bool:
        return self._file(conversation).exists()

    def conversations(self) -> list[str]:
        return sorted(file.stem for file in self._folder.glob("*.jsonl") if file.stem != "heard")

    def note(self, conversation: str, role: str, text: str) -> None:
        self._append(self._file(conversation), {"role": role, "text": text})

    def hear(self, conversation: str, text: str) -> None:
        """Note a prompt as received, for tests: a fault of the history does not concern this."""
        self._append(self._folder / "heard.jsonl", {"conversation": conversation, "pid": os.getpid(), "prompt": text})

    def read(self, conversation: str) -> list[tuple[str, str]]:
        """Return roles and texts, oldest first."""
        lines = self._file(conversation).read_text(encoding="utf-8").splitlines()
        return [(one["role"], one["text"]) for one in map(json.loads, lines)]

    def _file(self, conversation: str) -> Path:
        return self._folder / f"{Path(conversation).name}.jsonl"

    def _append(self, file: Path, *lines: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as opened:
            opened.writelines(json.dumps(line) + "\n" for line in lines)
