"""The project's rules that no linter knows, each a function from a file or a tree to its list of complaints."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

PARTS = ("bot", "core", "automation", "sandbox")
LONGEST_FILE = 1_000
LONG_FILE = 700
LONGEST_FUNCTION = 80
VAGUE_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
WAITS = {"join", "result", "settimeout", "wait", "wait_for"}
INTERFACES = ("bot.discord", "bot.web", "bot.mcp", "bot.verbs")
# Words are put together so that this file does not complain about itself.
MARKERS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
HOST_NAMES = ("pypi" + ".org", "python" + "hosted", "npm" + "js", "deb." + "debian.org")
HOSTS = re.compile("|".join(map(re.escape, HOST_NAMES)))
FOLDERS = ("wo" + "rk", "ro" + "ot", "op" + "t", "Us" + "ers")
MACHINE_PATHS = re.compile(r"(?<![\w.~*/}])/(?:" + "|".join(FOLDERS) + r")/\w")
LINT_IGNORE = r"noqa(?P<codes>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?"
IGNORES = re.compile(rf"#\s*(?:{LINT_IGNORE}|(?:pyright|type): ignore(?:\[[\w, -]+\])?)")
DOCSTRING = re.compile(r'(?:[ \t]*(?:#.*)?\n)*[rR]?"""\s*[^\s"]')
BROAD = re.compile(r"^\s*except Exception(?: as \w+)?:\s*$")
SKIPS = re.compile(r"\bpytest\.(?:mark\.)?(?:skip|skipif|importorskip)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked_files(root: Path) -> list[Path]:
    """Every file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return sorted({path for name in listed.stdout.split("\0") if name and (path := root / name).is_file()})


def text_of(path: Path) -> str:
    """Return a file's text; nothing for a picture or another file of bytes."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@lru_cache(maxsize=1)
def parsed(source: str) -> ast.Module:
    """Parse a file, once for all rules that are asked about it in turn."""
    return ast.parse(source)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and every statement in it, without expressions: all imports, classes and functions."""
    yield node
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(node, field, ()):
            yield from statements(inner)


def module_name(path: Path, root: Path) -> str:
    """core/tasks/model.py → core.tasks.model; a package's __init__ is the package."""
    names = path.relative_to(root).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


# ── shape ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def too_long(source: str) -> list[str]:
    lines = len(source.splitlines())
    found = (
        [f"{lines} lines; split it by idea (aim at {LONG_FILE}, at most {LONGEST_FILE})"]
        if lines > LONGEST_FILE
        else []
    )
    for node in statements(parsed(source)):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(f"{node.name}() has {length} lines (at most {LONGEST_FUNCTION})")
    return found


def without_docstring(source: str) -> list[str]:
    return [] if DOCSTRING.match(source) else ["no docstring that says what this module is for"]


def vague_name(path: Path, root: Path) -> list[str]:
    names = path.relative_to(root).with_suffix("").parts
    return [f'"{name}" says nothing; name the idea' for name in names if name.strip("_") in VAGUE_NAMES]


def empty_packages(root: Path) -> list[str]:
    """Find packages below a part that hold nothing but a docstring."""
    found = []
    for part in PARTS:
        for init in (root / part).glob("**/__init__.py"):
            package = init.parent
            others = [path for path in package.rglob("*") if path.is_file() and path != init and path.suffix != ".pyc"]
            is_bare = len(ast.parse(text_of(init)).body) <= 1
            if package.parent != root and not others and is_bare:
                found.append(f"{package.relative_to(root)} is an empty package; create it when it has work to do")
    return found


# ── imports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def imported_names(source: str | ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that is imported, the name taken from a module included."""
    for node in statements(ast.parse(source) if isinstance(source, str) else source):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def private_imports(source: str | ast.Module, module: str, *, is_package: bool = False) -> list[str]:
    """Find imports of a module whose name starts with _ from outside of its package."""
    found = []
    home = module if is_package else module.rpartition(".")[0]
    for line, name in imported_names(source):
        parts = name.split(".")
        private = next((i for i, part in enumerate(parts) if part.startswith("_") and not part.startswith("__")), None)
        if private is None or parts[0] not in PARTS:
            continue
        owner = ".".join(parts[:private])
        if home != owner and not home.startswith(f"{owner}."):
            found.append(f"line {line}: {name} is private to {owner}")
    return found


def interface_imports(source: str | ast.Module, module: str) -> list[str]:
    """Find imports of an interface beside the coordinator, models, ports, questions, texts, reasons, remedies,
    settings, limits, the home and the kit. An interface neither stores nor acts."""
    own = next((one for one in INTERFACES if module == one or module.startswith(f"{one}.")), None)
    if own is None:
        return []
    found = []
    for line, name in imported_names(source):
        parts = name.split(".")
        is_ours = any(name == one or name.startswith(f"{one}.") for one in (own, "bot.verbs"))
        is_core = parts[0] == "core" and (
            parts[1:2] in (["coordinator"], ["kit"], ["reasons"], ["remedies"], ["settings"], ["home"], ["limits"])
            or parts[2:3] in (["model"], ["ports"], ["questions"], ["texts"])
        )
        if parts[0] in PARTS and not is_ours and not is_core:
            found.append(f"line {line}: an interface may not import {name}")
    return found


def import_cycle(sources: Mapping[str, str | ast.Module]) -> list[str]:
    """Modules that import each other in a circle; the first circle that is found."""
    needs: dict[str, set[str]] = {module: set() for module in sources}
    for module, source in sources.items():
        for _, name in imported_names(source):
            target = name if name in needs else name.rpartition(".")[0]
            needs[module] |= {target} & (needs.keys() - {module})
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def early_environment(source: str) -> list[str]:
    """Find reads of the environment while a module is imported: a read belongs into a function."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, Function | ast.Lambda):
            outside = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            for child in outside + (node.decorator_list if isinstance(node, Function) else []):
                visit(child)
            return
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in {"environ", "environb", "getenv"}:
                found.append(f"line {node.lineno}: reads the environment when imported")
        for child in ast.iter_child_nodes(node):
            visit(child)

    if "environ" in source or "getenv" in source:
        visit(parsed(source))
    return found


def loose_tasks(source: str) -> list[str]:
    """Background work is started by kit.supervise or by a task group, never by a bare call."""
    found = []
    if "create_task" not in source and "ensure_future" not in source:
        return found  # most files; the others are walked through
    for node in ast.walk(parsed(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        is_loop = isinstance(owner, ast.Call) and ast.unparse(owner.func).endswith(("_loop", "Runner"))
        is_module = isinstance(owner, ast.Name) and owner.id == "asyncio"
        if node.func.attr in {"create_task", "ensure_future"} and (is_loop or is_module):
            found.append(f"line {node.lineno}: a bare task loses its errors; use kit.supervise or a TaskGroup")
    return found


def unscaled_waits(source: str) -> list[str]:
    """Limits of blocking waits from ten seconds on follow the machine's pace; tests/conftest.py sees to
    asyncio.timeout. A limit of a whole test is a minute or more."""
    tree, found = parsed(source), []
    constants = {
        ast.unparse(one.targets[0]): one.value for one in tree.body if isinstance(one, ast.Assign) and one.targets
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        last = getattr(call.func, "attr", getattr(call.func, "id", ""))
        is_of_test = last == "timeout" and ast.unparse(call.func).endswith("mark.timeout")
        limits = [one.value for one in call.keywords if one.arg in {"timeout", "total"}]
        limits += call.args if last in WAITS or is_of_test else []
        values = [constants.get(ast.unparse(one), one) for one in limits if isinstance(one, ast.Constant | ast.Name)]
        seconds = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, int | float)]
        is_bad = min(seconds, default=60) < 60 if is_of_test else max(seconds, default=0) >= 10
        if is_bad:
            found.append(f"line {call.lineno}: the limit of a wait; write patience(seconds), of tests/pace.py")
    return found


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lines_with(pattern: re.Pattern[str], source: str, complaint: str) -> list[str]:
    return [f"line {number}: {complaint}" for number, line in enumerate(source.splitlines(), 1) if pattern.search(line)]


def markers(source: str) -> list[str]:
    return lines_with(MARKERS, source, "a note to oneself; do it, or file an issue")


def hosts(source: str) -> list[str]:
    return lines_with(HOSTS, source, "names a package host; the machine's own settings know where packages are")


def machine_paths(source: str) -> list[str]:
    return lines_with(MACHINE_PATHS, source, "a path of one machine")


def skipped_tests(source: str) -> list[str]:
    return lines_with(SKIPS, source, "a test does not skip itself; its tier says what it needs")


def bare_ignores(source: str) -> list[str]:
    """Find lint and type ignores without the rule's name and half a sentence of reason."""
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        for ignore in IGNORES.finditer(line):
            reason = line[ignore.end() :].strip(" #—–-:")
            is_named = bool(ignore["codes"]) or "[" in ignore.group()
            if not is_named or len(reason.split()) < 2:
                found.append(f"line {number}: an ignore without its rule or its reason")
    return found


def broad_excepts(source: str) -> list[str]:
    """Find handlers of every error that do not say on their line why they are so broad."""
    return lines_with(BROAD, source, "catches every error and does not say why; name the errors, or give the reason")


def unreasoned_settings(pyproject: str) -> list[str]:
    """Find lines in the linter's ignore lists of pyproject.toml that do not say why."""
    found = []
    is_inside = False
    for number, line in enumerate(pyproject.splitlines(), 1):
        if line.startswith(("ignore = [", "[tool.ruff.lint.per-file-ignores]")):
            is_inside = True
        elif line == "]" or line.startswith("["):
            is_inside = False
        if is_inside and re.search(r'"[A-Z]{1,4}\d*"', line) and "#" not in line:
            found.append(f"line {number}: an ignore without its reason")
    return found


def addresses_in_lock(lock: str) -> list[str]:
    found = []
    for number, line in enumerate(lock.splitlines(), 1):
        if "://" in line or line.startswith("-"):
            found.append(f"line {number}: an address or an option; a lock holds names, versions and hashes")
    return found


def required_names(dependencies: list[str]) -> set[str]:
    return {normal(re.split(r"[\s\[<>=~!;]", dependency, maxsplit=1)[0]) for dependency in dependencies}


def pins(lock: str) -> dict[str, str]:
    """Name → version of everything in a lock."""
    found = re.finditer(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", lock, re.MULTILINE)
    return {normal(pin[1]): pin[2] for pin in found}


def pinned_names(lock: str) -> set[str]:
    return set(pins(lock))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
