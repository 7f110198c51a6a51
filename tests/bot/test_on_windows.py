"""What a new user does on Windows, as far as Linux can pretend it: init, check, the demo, `octet run`. And a look
through the source at what those commands reach: nothing that Windows lacks stands there unless the platform is asked.
"""

from __future__ import annotations

import ast
import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes import pretend_windows
from tests.pace import patience

ROOT = Path(__file__).parents[2]
PRETEND = ROOT / "tests" / "fakes" / "pretend_windows.py"
ROOTS = (
    "bot.__main__",
    "bot.app",
    "automation.desktop.worker_selection",
    "automation.desktop.macos.worker",
    "sandbox.discord",
)
NEVER_THERE = re.compile(r"automation\.desktop\.(x11|accessibility|displays)\b|sandbox\.desktop\b")
"""What is reached only where there is X11, and imported where it is used."""
LACKING = {
    **{("os", name): "os" for name in pretend_windows.POSIX_OS},
    **{("signal", name): "signal" for name in pretend_windows.POSIX_SIGNALS},
}
ASKED_ELSEWHERE = {
    **dict.fromkeys(("sandbox.py", "trees.py", "watch.py"), "commands are confined on Linux alone: `why_not` says so"),
    "faults.py": "fault points are armed on Linux alone: `why_not` says so",
    "typed.py": "the console of Windows is asked by its own way, in the branch before",
}
METHODS = {"add_signal_handler", "remove_signal_handler", "add_reader", "remove_reader"}


@pytest.fixture
def windows(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a pretended Windows, and the interpreter for its children."""
    python = tmp_path / "python.exe"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PRETEND}" "$@"\n')
    python.chmod(0o700)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTET_", "XDG_", "DISPLAY"))}
    local = tmp_path / "AppData" / "Local"
    local.mkdir(parents=True)
    return {**kept, "PRETEND_WINDOWS": str(python), "LOCALAPPDATA": str(local), "PYTHONPATH": str(ROOT)}


async def _said(windows: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        windows["PRETEND_WINDOWS"],
        *("-m", "bot", *arguments),
        env=windows,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), patience(60))
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_a_home_is_made_and_its_configuration_is_read(windows: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "a home"
    said = await _said(windows, "init", "--home", str(home))
    assert "agents.toml" in said
    assert "is valid" in await _said(windows, "check", "--home", str(home))


async def test_the_demo_without_a_desktop_runs_until_it_is_told_to_end(windows: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        windows["PRETEND_WINDOWS"],
        *("-m", "bot", "demo", "--no-desktop", "--port", "0"),
        env=windows,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    heard: list[str] = []
    async with asyncio.timeout(90):
        while not (found := re.match(r"Open +(http\S+)", heard[-1] if heard else "")):
            line = (await process.stdout.readline()).decode()
            assert line, "".join(heard)
            heard.append(line)
        async with aiohttp.ClientSession() as web, web.get(found[1]) as page:
            assert page.status == 200
        pointers = Path(windows["LOCALAPPDATA"]) / "octet"
        assert [path.name for path in pointers.iterdir() if path.is_file()], "agents could not find this Octet"
        process.terminate()
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0, rest
    assert "The demo has ended." in rest


def test_nothing_that_windows_lacks_is_used_without_asking_for_the_platform() -> None:
    reached = _reached()
    assert len(reached) > 150
    found = [
        f"{path.relative_to(ROOT)}:{what}"
        for path in reached
        for what in _lacking(path.read_text("utf-8"))
        if path.name not in ASKED_ELSEWHERE
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl\n",
        "import os\nhandle = os.open('a', os.O_CLOEXEC)\n",
        "import signal\nsignal.SIGKILL\n",
        "def f(loop):\n    loop.add_signal_handler(2, f)\n",
        "from os import fork\n",
    ],
)
def test_the_look_through_the_source_finds_what_windows_lacks(text: str) -> None:
    assert _lacking(text)
    guarded = "import sys\nif sys.platform != 'win32':\n" + "".join(f"    {line}\n" for line in text.splitlines())
    assert not _lacking(guarded)


def _reached() -> list[Path]:
    """Return the files that our commands may import, wherever the import is."""
    seen: dict[str, Path] = {}
    left: list[str] = [*ROOTS]
    while left:
        name = left.pop()
        path = _file(name)
        if path is None or name in seen or NEVER_THERE.match(name):
            continue
        seen[name] = path
        left += _imported(path)
    return sorted(set(seen.values()))


def _file(name: str) -> Path | None:
    stem = ROOT / name.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
    if path.name == "__init__.py" and (path.parent / "__main__.py").is_file():
        yield ".".join((*path.parent.relative_to(ROOT).parts, "__main__"))


def _lacking(text: str) -> list[str]:
    """Return what is there, with its line, outside of any branch or function that asks for the platform."""
    found: list[str] = []

    def look(node: ast.AST) -> None:
        if isinstance(node, (ast.If, ast.IfExp, ast.FunctionDef, ast.AsyncFunctionDef)) and _asks(node):
            return
        what = _named(node)
        if what:
            found.append(f"{getattr(node, 'lineno', 0)}: {what}")
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(text))
    return found


def _asks(node: ast.AST) -> bool:
    """Whether it asks which platform this is, or whether the platform has what it needs."""
    test = node.test if isinstance(node, (ast.If, ast.IfExp)) else node
    words = ast.unparse(test)
    return "sys.platform" in words or "hasattr(os" in words


def _named(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            return ", ".join(one.name for one in names if one.name in pretend_windows.POSIX_MODULES)
        case ast.ImportFrom(module=module, names=names):
            if module in pretend_windows.POSIX_MODULES:
                return str(module)
            return ", ".join(one.name for one in names if (module, one.name) in LACKING)
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in LACKING:
            return f"{owner}.{name}"
        case ast.Attribute(attr=name) if name in METHODS:
            return name
        case _:
            return ""
