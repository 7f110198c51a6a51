"""Which programs of panes get Octet's hooks: Claude Code, unless its user gave it other settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.terminal.programs import hooked


@pytest.mark.parametrize(
    ("program", "gets"),
    [
        (("claude",), True),
        (("/usr/local/bin/claude", "--continue"), True),
        (("claude", "--settings", "mine.json"), False),
        (("sh", "-c", "claude"), False),
        (("codex",), False),
    ],
)
def test_only_claude_code_without_other_settings_gets_the_hooks(
    program: tuple[str, ...], *, gets: bool, tmp_path: Path
) -> None:
    file = tmp_path / "claude_code.json"
    assert hooked(program, file) == program
    file.write_text("{}")
    assert hooked(program, file) == ((program[0], "--settings", str(file), *program[1:]) if gets else program)
