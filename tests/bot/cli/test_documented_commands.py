"""Every `octet …` and `make …` that a page for people names is there, with its options; what can run here runs."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.cli.commands import app
from core.deliveries.model import Outcome, Reason, Result
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskState
from scripts.release_home import DRY_RUN
from tests import forked
from tests.bot.cli.test_verbs import Console, console, served

__all__ = ["console", "served"]

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "inside").glob("*.md")),
]
CODE = re.compile(r"(?s)```.*?```|`[^`]+`")
CALL = re.compile(r"(?m)(?:^|(?<=`)|(?<=/))octet (?P<words>[a-z][^`\n;&|#<>]*(?:\|[a-z][^`\n;&#<>]*)?)")
TARGET = re.compile(r"(?m)(?:^|(?<=`)|(?<=sudo ))make (?P<target>[a-z-]+)")
THEIR_OWN = {"reply", "done", "progress", "blocked", "failed", "ask", "inbox", "send", "subtask"}
"""Verbs of agents, which read their words themselves."""


@cache
def octet() -> Any:
    return typer.main.get_command(app)


def unknown_in(words: str) -> str:
    """Return what of a call is unknown; empty when all of it is known."""
    command = octet()
    path, rest = "octet", words.split()
    while rest and hasattr(command, "commands"):
        names = rest.pop(0).rstrip(".,:…").split("|")
        missing = [name for name in names if name not in command.commands]
        if missing:
            return f"{path} {missing[0]}"
        path, command = f"{path} {names[0]}", command.commands[names[0]]
    if path.split()[-1] in THEIR_OWN:
        return ""
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    for word in rest:
        if word == "--":
            break
        option = re.match(r"--[a-z-]+", word)
        if option and option[0] not in known | {"--help"}:
            return f"{path} {option[0]}"
    return ""


def calls(page: str) -> list[str]:
    """Every call of octet in the code of a page."""
    return [found["words"] for code in CODE.findall(page) for found in CALL.finditer(code.strip("`"))]


def test_a_verb_or_an_option_that_is_not_there_would_be_seen() -> None:
    page = "Use `octet ini --home x`, `octet init --hme x`, `octet desk hold|relase main`, `octet done --what`."
    assert [unknown_in(words) for words in calls(page)] == ["octet ini", "octet init --hme", "octet desk relase", ""]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_to_type_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [unknown for words in calls(text) if (unknown := unknown_in(words))] == []
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {found["target"] for code in CODE.findall(text) for found in TARGET.finditer(code.strip("`"))}
    assert named - targets == set()


def test_the_front_page_names_enough_to_be_looked_at() -> None:
    assert len(calls((ROOT / "README.md").read_text(encoding="utf-8"))) >= 8


def test_no_help_text_has_words_that_the_console_takes_for_markup() -> None:
    commands = list[Any]([octet()])
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        texts = [command.help, *(getattr(param, "help", "") for param in command.params)]
        assert [text for text in texts if re.search(r"\[/?[a-z]+\]", text or "")] == [], command.name
    assert len(commands) > 60


PROGRAM = re.compile(r"(octet|make|sudo|pipx|py|curl|tmux|journalctl|loginctl|ssh|alias|docker|eval|umask)\s")
BLOCK = re.compile(r"(?ms)^ *```(?P<language>\w*)\n(?P<lines>.*?)^ *```")
IN_A_HOME = (
    "octet init",
    "octet check",
    "octet doctor",
    "octet profile list",
    "octet profile new mychat --from main/agent-1",
    "octet profile enable NAME",
    "octet profile enable chatgpt_web",
    "octet autostart show",
    "octet desk list",
    "octet mcp config claude",
    "octet mcp config claude Agent-3",
    "octet run",
    "octet logs",
    "octet audit verify",
    "octet db upgrade",
)
"""Commands in a home without Octet, in this order."""
WITH_OCTET = (
    "octet progress T-142 --code k3v9x2.7F3K… tests are running",
    "octet reply T-142 --code k3v9x2.7F3K… --file question.md",
    "octet done T-142 --code k3v9x2.7F3K… --file answer.md",
    "octet delivery resolve T-142 again",
    "octet delivery resolve T-142 arrived",
    "octet delivery resolve T-142 drop",
    "octet delivery list",
    'octet task new "Say hello" --agent Agent-2',
    "octet task show T-2",
    'octet task new "Say which files you see" --agent Agent-1',
    "octet task new --help",
    "octet receipt T-142",
    "octet agent env Agent-1",
    "octet agent env Agent-3",
    "octet desk test",
    "octet fleet board",
    "octet admin key-new ci member --days 30",
    "octet fleet health",
    "octet page",
    "octet admin log-ins",
    "octet fleet needs-me",
    "octet status",
    "octet desk stop",
)
"""Commands while Octet runs, in this order; T-142 is a task in the state that the command needs."""
ELSEWHERE: dict[str, Sequence[str]] = {
    "named, not typed: it needs a word that the page gives elsewhere": (
        "octet admin config",
        "octet agent add",
        "octet agent choose",
        "octet agent dialog",
        "octet agent discover",
        "octet agent env",
        "octet agent show",
        "octet ask",
        "octet ask --ticket",
        "octet inbox",
        "octet inbox --ack",
        "octet send",
        "octet send TO TEXT",
        "octet subtask",
        "octet subtask --assign",
        "octet subtask --cancel",
        "octet blocked",
        "octet delivery resolve",
        "octet mcp config",
        "octet desk picture",
        "octet desk screenshot",
        "octet done",
        "octet failed",
        "octet desk forget",
        "octet msg ack",
        "octet msg cancel",
        "octet msg resume-trace",
        "octet msg stop-trace",
        "octet task depend",
        "octet task export",
        "octet task split",
        "octet msg show",
        "octet profile enable",
        "octet profile new",
        "octet progress",
        "octet receipt",
        "octet reply",
        "octet receipt --pictures DIR",
        "octet task",
        "octet task import",
        "octet task new",
    ),
    "needs windows: tests/bot/cli/test_calibrate.py, tests/bot/cli/test_calibrating_by_hand.py": (
        "octet calibrate",
        "octet calibrate --list --picture windows.png",
        "octet calibrate --yes",
        "octet calibrate desk-1 --all",
        "octet calibrate main agent-1",
        "octet calibrate main agent-1 --yes",
        "octet init --agents windows",
    ),
    "needs an X server or tmux: tests/bot/cli/test_displays.py, tests/bot/cli/test_panes.py": (
        "cp ~/octet/config/profiles/generic_terminal.toml ~/octet/config/profiles/mychat.toml",
        "octet calibrate --pane work:1.0 --profile mychat",
        "octet calibrate DESK WINDOW",
        "octet desk down",
        "octet desk down panes",
        "octet desk picture desk-1 now.png",
        "octet desk picture panes -",
        "octet desk up",
        "octet desk up --agents 8 --profile xterm --detach -- xterm -e claude",
        "octet desk up --tmux",
        "octet desk up --tmux --agents 8 --profile claude_code --directory '~/work/{number}' -- claude",
    ),
    "needs tasks in certain states: tests/core/tasks, tests/bot/discord/test_tasks.py, tests/bot/cli/test_answers.py": (
        "octet blocked T-142 --code k3v9x2.7F3K… --file question.md",
        "octet failed T-142 --code k3v9x2.7F3K… --file why.md",
        "octet task depend T-2 T-1 --on-failure cancel",
        "octet task export > tasks.jsonl",
        "octet task import --file tasks.txt",
        'octet task new "Fix the parser"',
        'octet task new "Release it" --after T-1',
        'octet task new "Suggest a name for the parser" --best-of 3',
    ),
    "speaks with another program: tests/bot/cli/test_mcp.py, tests/automation/acp, tests/bot/cli/test_hook.py": (
        "octet mcp serve",
        "octet acp run",
        "octet hook",
        "octet hooks add",
        "octet hooks add codex",
        "octet hooks remove",
        "octet hooks remove codex",
    ),
    "needs a browser that is logged in: tests/bot/web/test_log_in.py, tests/core/security/test_log_ins.py": (
        "octet admin log-out",
        "octet admin log-out ID",
        "octet page --as ID",
    ),
    "asks in a terminal: tests/bot/cli/init": ("octet init --agents dryrun", "octet init --agents acp"),
    "needs a changed configuration: tests/bot/cli/test_reload.py": ("octet reload",),
    "needs a project: tests/core/proofs/test_proofs.py": ('octet task new "Repair it" --project shop --checks tests',),
    "needs Discord: tests/bot/cli/init/test_init.py, tests/bot/cli/doctor": (
        "octet doctor --online",
        (
            "octet init --guild 123456789012345678 --channel 123456789012345678"
            " --owner application --agents dryrun --no-login --no-task < token.txt"
        ),
    ),
    "changes what this account starts at log-in: tests/bot/cli/test_autostart.py": (
        "octet autostart begin --home DIR",
        "octet autostart install",
        "octet autostart remove",
        "journalctl --user -u octet",
        "loginctl enable-linger",
    ),
    "runs long: tests/e2e/test_demo.py, tests/bot/cli/test_status.py, tests/bench": (
        "octet demo",
        "octet demo --no-desktop",
        "octet desk selftest",
        "octet top",
        "make bench NAME=windows",
        "make demo",
        "make demo AGENT=opencode",
        "make docs",
        "make page",
        "make tour",
    ),
    "examples of the API: tests/bot/web/test_documented_examples.py, tests/bot/web/test_live.py": (
        'curl -N -H "Authorization: Bearer $token" "$octet/events"',
        'curl -sS --fail-with-body -H "Authorization: Bearer $token" "$octet/agents"',
        (
            'curl -sS --fail-with-body -H "Authorization: Bearer $token" -H "Idempotency-Key: nightly-1" '
            """--json '{"brief": "Run the tests"}' "$octet/tasks\""""
        ),
        "octet=http://127.0.0.1:8321/api/v2",
        """token=$(python3 -c "import json; print(json.load(open('run.json'))['token'])")""",
    ),
    "needs what these tests do not: packages from a network, root, a shell, another machine, Windows": (
        'alias octet="$PWD/.venv/bin/octet"',
        'curl -H "Authorization: Bearer octet_…" http://127.0.0.1:8321/api/v2/agents',
        "docker run --network=host --env-file agent-3.env …",
        'eval "$(octet agent env Agent-3)"',
        "umask 077; octet agent env --plain Agent-3 > agent-3.env",
        "OCTET_ALARM__PING_URL=https://hc.example.org/ping/…",
        "make wheels",
        "pipx install .",
        "pipx install FILE.whl",
        "pipx install …",
        "py -m pip install --user pipx",
        "py -m pipx ensurepath",
        "sudo --preserve-env=OCTET_URL,OCTET_AGENT_TOKEN -u agent3 …",
        "sudo apt-get install tmux",
        "sudo apt-get install xvfb openbox dbus at-spi2-core",
        "sudo apt-get install …",
    ),
}
"""Commands of the pages for users that do not run here, by the reason, and what tests them."""


def command_lines(page: str) -> set[str]:
    """Return what a page says to type, without the name of the home."""
    lines = [
        line.strip().removeprefix("$ ")
        for block in BLOCK.finditer(page)
        for line in block["lines"].splitlines()
        if block["language"] == "sh" or line.strip().startswith(("octet ", "$ "))
    ]
    lines += [code for code in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page)) if PROGRAM.match(code)]
    return {line.removeprefix(".venv/bin/").replace(" --home ~/octet", "") for line in lines if line}


def test_each_command_of_the_pages_for_users_runs_here_or_is_listed_with_a_reason() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    users = [page for page in pages if page.stem not in {"architecture", "glossary"}]
    found = set[str]().union(*(command_lines(page.read_text(encoding="utf-8")) for page in users))
    listed = {*IN_A_HOME, *WITH_OCTET, *(line for lines in ELSEWHERE.values() for line in lines)}
    assert (found - listed, listed - found) == (set(), set())
    for reason in ELSEWHERE:
        for test in re.findall(r"tests/[\w/.]+", reason):
            assert (ROOT / test).exists(), test


def test_a_command_in_a_page_is_found_wherever_it_is() -> None:
    page = (
        "Run `octet top`.\n```sh\n.venv/bin/octet check --home ~/octet\n```\n```\n$ octet logs\nfine\n```\n`octet.db`"
    )
    assert command_lines(page) == {"octet top", "octet check", "octet logs"}


async def run(line: str, place: Path, *, text: bytes = b"") -> tuple[int | None, bytes]:
    """Run a command line; return its exit code and what it printed. `octet run` gets Ctrl-C when it is ready."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(place), "OCTET_HTTP__PORT": "0"}
    words = shlex.split(line)[1:]
    octet = await forked.start(words, environ=environ | {"OCTET_HOME": str(place / "home")}, cwd=place, text=text)
    async with asyncio.timeout(60):
        if words == ["run"]:
            assert b"is ready" in await octet.stdout.readline()
            octet.send_signal(signal.SIGINT)
        said = await octet.communicate()
    return octet.returncode, b"".join(said)


async def test_the_commands_for_a_home_run(tmp_path: Path) -> None:
    for line in IN_A_HOME:
        code, said = await run(line.replace("NAME", "claude_web"), tmp_path, text=b"yes\n" if "enable" in line else b"")
        assert code == 0, (line, said)
        (tmp_path / "home" / "config" / "agents.toml").write_text(DRY_RUN, encoding="utf-8")


async def test_the_commands_for_a_running_octet_run(served: Console, tmp_path: Path) -> None:
    house, lane = served.house, served.house.lane
    for name in ("question.md", "answer.md"):
        (tmp_path / name).write_text("There were seven", encoding="utf-8")
    task, code = await house.working()
    for line in WITH_OCTET:
        if line.startswith("octet delivery resolve"):
            lane.script.append(Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN))
            task = (await house.core.tasks.new(NewTask(brief="Mend the build"), by=OPERATOR)).id
            await house.until(task, TaskState.PARKED)
        ended, said = await run(line.replace("T-142", task).replace("k3v9x2.7F3K…", code), tmp_path)
        assert ended == 0, (line, said)
