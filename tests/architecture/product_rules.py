"""Rules about names, constructors, facts and words: each returns its breaches, and there may be none."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from tests.architecture.rules import Function, imported_names, module_name, text_of, tracked_files

PARTS = ("bot", "core", "automation", "sandbox")
_PAGE = re.compile(r"(README|CONTRIBUTING|docs/(?!glossary)[a-z]+)\.md")
"""The pages that follow the rule about words: those of users, and contributors' first ones."""
MOST_PARAMETERS = 6
MOST_HOPS = 2
SMALL = 60
"""A module of fewer lines needs two users."""
SENTENCES = {"reason", "why", "note", "words", "message"}
"""Fields that hold a code; what a user or an agent wrote is typed `Text`, what was seen beside a code `Diagnostic`."""
_MOVES = {"move", "_update"}
_DECIDES = {"startswith", "endswith", "removeprefix", "removesuffix"}
_BAGS = {"services", "_services"}
"""Bags of a package's own: what they hold is its first object of another package."""
_FOREIGN = {"c", "stdin", "stdout", "stderr", "completions", "_global_over"}
"""Attributes of libraries: columns, pipes, a client's endpoints."""
_OF_BUILTINS = {name for kind in (str, bytes, list, dict, set, tuple, Path, SecretStr) for name in dir(kind)}
_ALONE = {"__init__", "__main__", "_store", "ports", "lane"}
_ALONE_IN = {"verbs", "cogs", "cli", "migrations"}
_DATA = {"BaseModel", "BaseSettings", "NamedTuple", "TypedDict", "Protocol", "StrEnum", "Enum", "IntEnum"}
_DIALECT = re.compile(
    r"\b(nobody|somebody|whoever|stands?|stood|mends?|mended|anew|amiss|all is well|by (?:itself|themselves)"
    r"|(?:go|goes|went) on(?! (?:duty|to\b))|(?:is|are|was|were|be) told|(?:is|are|was|were) to be"
    r"|(?:gives?|given|gave) back|of (?:its|their|your) own|left out:|(?<!there )(?:is|are|was|were) no (?!longer|more)"
    r")\b",
    re.IGNORECASE,
)
"""Habits that readers of English stumble over; docs/glossary.md has the plain words."""
_GRANTED = (
    "'and goes on',",  # a part of a draft that tries a window out
    r"^\W # a sign before it",  # a pattern with its comments
)
"""Beginnings of texts that may keep one."""

COMPOSITION = {"core.coordinator", "core.dispatch.service", "core.maintenance.reload", "bot.app", "bot.desk_workers"}
"""The modules that make services of each other."""

_Node = TypeVar("_Node", bound=ast.AST)
Trees = Mapping[str, ast.Module]
"""Each module of the four parts by its dotted name."""


def trees(root: Path) -> dict[str, ast.Module]:
    """Read and parse every module of the product and the sandbox."""
    paths = [path for path in tracked_files(root) if path.suffix == ".py" and path.relative_to(root).parts[0] in PARTS]
    return {dotted(path, root): ast.parse(text_of(path)) for path in paths}


def doubled_classes(found: Trees) -> list[str]:
    """One class name means one thing."""
    homes: dict[str, list[str]] = defaultdict(list)
    for module, tree in found.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    return [f"{name} is a class of {', '.join(where)}" for name, where in sorted(homes.items()) if len(where) > 1]


def wide_constructors(found: Trees) -> list[str]:
    """Find classes made of more than six things that are not data: frozen, or a record of the sandbox's world."""
    breaches = []
    for module, node in _classes(found):
        names = _parameters(node) if module != "sandbox.discord.model" else []
        if len(names) > MOST_PARAMETERS:
            breaches.append(f"{module}: {node.name} takes {len(names)} parameters")
    return breaches


def deep_chains(found: Trees) -> list[str]:
    """Find calls that reach through more than two attributes of an object of another package."""
    breaches = []
    for module, tree in found.items():
        imports = {name.rpartition(".")[2]: name for _, name in imported_names(tree)}
        for top in _every(tree, ast.Call):
            names = _chain(top.func)
            if "coordinator" in names:
                names = names[names.index("coordinator") :]
            elif names[-1:] and names[-1] in _OF_BUILTINS:
                names = names[:-1]
            names = names[1:] if names[:1] == ["self"] else names
            names = names[1:] if names[:1] and names[0] in _BAGS else names
            if len(names) > MOST_HOPS + 1 and names[0] not in imports and not _FOREIGN & set(names):
                breaches.append(f"{module}:{top.lineno}: {'.'.join(names)}()")
    return breaches


def sentence_fields(found: Trees) -> list[str]:
    """Find fields of core's models that say why by a sentence, not by a code with its details."""
    breaches = []
    for module, node in _classes({name: tree for name, tree in found.items() if name.startswith("core.")}):
        for field in node.body:
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if field.target.id in SENTENCES and "str" in _names(field.annotation):
                breaches.append(f"{module}: {node.name}.{field.target.id} is a str")
    return breaches


def decisions_by_text(found: Trees) -> list[str]:
    """No code decides by the words of a sentence."""
    breaches = []
    for module, tree in found.items():
        asking = () if module.startswith("sandbox.") else (*_every(tree, ast.Call), *_every(tree, ast.Compare))
        for node in asking:
            subject: ast.expr | None = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _DECIDES:
                subject = node.func.value
            elif isinstance(node, ast.Compare) and len(node.ops) == 1:
                sides = [node.left, node.comparators[0]]
                if isinstance(node.ops[0], ast.In | ast.NotIn | ast.Eq | ast.NotEq) and any(map(_is_text, sides)):
                    subject = next((side for side in sides if not _is_text(side)), None)
            if isinstance(subject, ast.Name | ast.Attribute) and _last_name(subject) in SENTENCES:
                breaches.append(f"{module}:{subject.lineno}: {ast.unparse(node)[:80]}")
    return breaches


def lonely_protocols(found: Trees) -> list[str]:
    """Find Protocols of one method: each is a Callable, or has `__call__` where keywords matter."""
    breaches = []
    for module, node in _classes(found):
        if [_last_name(base) for base in node.bases] != ["Protocol"]:  # one that adds to another has more methods
            continue
        methods = [one.name for one in node.body if isinstance(one, Function) and not one.decorator_list]
        others = [one for one in node.body if isinstance(one, ast.AnnAssign | Function)]
        if len(methods) == len(others) == 1 and methods != ["__call__"]:
            breaches.append(f"{module}: {node.name}.{methods[0]}")
    return breaches


def crumbs(found: Trees) -> list[str]:
    """Find modules under sixty lines with one user: each belongs into that user."""
    lines = {module: _length(tree) for module, tree in found.items()}
    users: dict[str, set[str]] = defaultdict(set)
    for module, tree in found.items():
        for _, name in imported_names(tree):
            target = name if name in found else name.rpartition(".")[0]
            if target in found and target != module:
                users[target].add(module)
    breaches = []
    for module in found:
        parts = module.split(".")
        is_free = parts[-1] in _ALONE or _ALONE_IN & set(parts) or len(parts) == 1 or parts[0] == "sandbox"
        if lines[module] < SMALL and not is_free and len(users[module]) < 2:
            breaches.append(f"{module} has {lines[module]} lines and {len(users[module])} users")
    return breaches


def odd_english(found: Trees) -> list[str]:
    """Texts and docstrings name their actor and use common words."""
    breaches = []
    for module, tree in found.items():
        for node in _every(tree, ast.Constant):
            if isinstance(node.value, str) and " " in node.value:
                said = " ".join(node.value.split())
                if not said.startswith(_GRANTED) and (habit := _DIALECT.search(said)):
                    breaches.append(f"{module}:{node.lineno}: {habit[0]}: {said[:100]}")
    return breaches


def odd_words(root: Path) -> list[str]:
    """Comments and the pages keep to the same words."""
    breaches = []
    for path in tracked_files(root):
        place = path.relative_to(root)
        if path.suffix == ".py" and place.parts[0] in PARTS:
            text = text_of(path)
            if not any(_DIALECT.search(line[line.find("#") :]) for line in text.splitlines() if "#" in line):
                continue  # the tokenizer is slow, and few lines like these are no comments
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            said = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
        elif _PAGE.fullmatch(place.as_posix()):
            said = list(enumerate(text_of(path).splitlines(), 1))
        else:
            continue
        breaches += [
            f"{place}:{line}: {habit[0]}: {text[:100]}" for line, text in said if (habit := _DIALECT.search(text))
        ]
    return breaches


def events_by_name(found: Trees) -> list[str]:
    """Code follows an event by its type, not by its name."""
    events = {
        node.name for _, node in _classes(found) if any(_last_name(base).endswith("Event") for base in node.bases)
    }
    return [
        f"{module}:{part.lineno} compares with {part.value!r}: follow the typed event"
        for module, tree in found.items()
        for node in (*_every(tree, ast.Compare), *_every(tree, ast.MatchValue))
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value in events
    ]


def dialects(found: Trees) -> list[str]:
    """Only core.store knows which database it is: packages use the helpers of core.store.tables."""
    others = {name: tree for name, tree in found.items() if not name.startswith("core.store.")}
    imports = [
        f"{module}:{line} imports {name}"
        for module, tree in others.items()
        for line, name in imported_names(tree)
        if name.startswith("sqlalchemy.dialects")
    ]
    return imports + [
        f"{module}:{node.value.lineno} uses {node.arg}: see core.store.tables"
        for module, tree in others.items()
        for node in _every(tree, ast.keyword)
        if node.arg == "sqlite_where"
    ]


def doors_to_done(found: Trees) -> list[str]:
    """Only `TaskRepository.finish` moves a task to done; `_keep_answer` puts it back there after a follow-up."""
    doors = {("core.tasks.repository", "finish"), ("core.tasks.repository", "_keep_answer")}
    return [
        f"{module}:{node.lineno} moves a task to done: call `TaskRepository.finish`"
        for module, tree in found.items()
        if any(_last_name(call.func) in _MOVES for call in _every(tree, ast.Call))
        for function in _every(tree, ast.FunctionDef)
        if (module, function.name) not in doors
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and _last_name(node.func) in _MOVES
        if any(ast.unparse(one) == "TaskState.DONE" for one in (*node.args, *(word.value for word in node.keywords)))
    ]


def finished_later(found: Trees) -> list[str]:
    """Find composition that sets an attribute of another object: each is complete once it is made."""
    return [
        f"{module}:{part.lineno} sets {ast.unparse(part)}: give it to the constructor, or call a method"
        for module, tree in found.items()
        if module in COMPOSITION
        for part in _every(tree, ast.Attribute)
        if isinstance(part.ctx, ast.Store) and ast.unparse(part.value) != "self"
    ]


def foreign_posts(found: Trees) -> list[str]:
    """Only core/notices reads how far a route got: other packages ask it."""
    return [
        f"{module}:{node.lineno}: names the table notice_posts"
        for module, tree in found.items()
        if not module.startswith(("core.notices.", "core.store.migrations."))
        for node in _every(tree, ast.Constant)
        if isinstance(node.value, str) and "notice_posts" in node.value
    ]


RULES: dict[str, Callable[[Trees], list[str]]] = {
    "composition finishes no object after it is made": finished_later,
    "one function moves tasks to done": doors_to_done,
    "code follows an event by its type": events_by_name,
    "a public class name is used once": doubled_classes,
    "a constructor takes at most six parameters": wide_constructors,
    "no call reaches deeper than two attributes into another package": deep_chains,
    "no model of core has a field of sentences": sentence_fields,
    "no code decides by the words of a sentence": decisions_by_text,
    "a Protocol has more than one method": lonely_protocols,
    "a module under 60 lines has two users": crumbs,
    "only the store knows the dialect of its database": dialects,
    "only notices read how far a route got": foreign_posts,
    "a text is plain English": odd_english,
}


def _length(tree: ast.Module) -> int:
    return max((one.end_lineno or 0 for one in tree.body), default=0)


def dotted(path: Path, root: Path) -> str:
    name = module_name(path, root)
    return f"{name}.__init__" if path.name == "__init__.py" else name


@cache
def _by_kind(tree: ast.AST) -> Mapping[type[ast.AST], Sequence[ast.AST]]:
    """Walk through a tree once for all rules."""
    found: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree):
        found[type(node)].append(node)
    return found


def _every(tree: ast.AST, kind: type[_Node]) -> Iterator[_Node]:
    """Yield the nodes of just this kind in a tree."""
    return (node for node in _by_kind(tree).get(kind, ()) if isinstance(node, kind))


def _classes(found: Trees) -> Iterable[tuple[str, ast.ClassDef]]:
    for module, tree in found.items():
        for node in _every(tree, ast.ClassDef):
            yield module, node


def _parameters(node: ast.ClassDef) -> list[str]:
    """Return what its constructor takes; nothing for frozen data."""
    if any(_last_name(base) in _DATA for base in node.bases):
        return []
    made = next((one for one in node.body if isinstance(one, Function) and one.name == "__init__"), None)
    if made is not None:
        return [one.arg for one in (*made.args.posonlyargs, *made.args.args, *made.args.kwonlyargs)][1:]
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and _last_name(mark.func) == "dataclass":
            if any(one.arg == "frozen" and ast.unparse(one.value) == "True" for one in mark.keywords):
                return []
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
            return [ast.unparse(one.target) for one in fields if "init=False" not in ast.unparse(one)]
    return []


def _chain(node: ast.expr) -> list[str]:
    """`a.b.c` as its names; nothing for a chain that begins with something else than a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return [*before, node.attr]
    return []


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_text(node: ast.expr) -> bool:
    """Whether it is a literal with words in it; to ask whether there is a text at all decides nothing by its words."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value.strip())
