"""Lists each code with its sentence: reasons, errors, verbs, and the texts of the modules that present them to users.

The list is read from the source, so no sentence can escape the review by never being shown in a test."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from bot.discord.naming import in_discord
from bot.verbs.catalogue import VERBS
from core.remedies import ENGLISH, REFUSALS

ROOT = Path(__file__).parents[2]
PRESENTING = ("bot", "core/calibration/texts.py", "core/fleet/texts.py", "core/receipts/texts.py")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_IN_TABLE = re.compile(r"\.[A-Z_]+\[[^\]]+\]$")
_ROUTE = re.compile(r"(GET|POST) /")


def lines() -> list[str]:
    """Return all lines, sorted by code, with the commands as Discord names them while no group is switched on."""
    return sorted(
        {
            f"{code}: {in_discord(' '.join(said.split()), ())}"
            for code, said in (*_reasons(), *_errors(), *_verbs(), *_texts())
        }
    )


def _reasons() -> Iterator[tuple[str, str]]:
    for code, (what, then) in ENGLISH.items():
        yield f"reason {code}", f"{what}. {then}"


def _verbs() -> Iterator[tuple[str, str]]:
    for verb in VERBS:
        yield f"verb {verb.group} {verb.name}", verb.summary


def _errors() -> Iterator[tuple[str, str]]:
    """Find the errors in the source: some of their modules can be imported on one system only."""
    trees = [ast.parse(path.read_text("utf-8")) for part in ("core", "bot", "automation") for path in _modules(part)]
    classes = {one.name: one for tree in trees for one in ast.walk(tree) if isinstance(one, ast.ClassDef)}
    for name, one in classes.items():
        if _is_error(name, classes):
            yield (
                f"error {re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}",
                inspect.cleandoc(ast.get_docstring(one) or ""),
            )
    for code, (_, text) in REFUSALS.items():
        yield f"error {code}", text


def _is_error(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name)] if name in classes else []
    return name == "OctetError" or any(_is_error(base, classes) for base in bases)


def _texts() -> Iterator[tuple[str, str]]:
    for part in PRESENTING:
        for path in _modules(part):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            yield from _in(ast.parse(path.read_text("utf-8")), f"text {name}")


def _in(node: ast.AST, scope: str) -> Iterator[tuple[str, str]]:
    """Yield the texts below a node, each with the function or the table where it is."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope = f"{scope}.{name}"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            scope = f"{scope}.{name}"
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.Constant(value=str(said)) if _is_text(said) or _IN_TABLE.search(scope):
            yield scope, said
        case ast.JoinedStr() as text:
            said = "".join(_piece(one) for one in text.values)
            if _is_text(said):
                yield scope, said
            return
        case ast.Call(func=ast.Name(id="cast"), args=[_, value]):
            yield from _in(value, scope)
            return
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                yield from _in(value, scope if key is None else f"{scope}[{ast.unparse(key)}]")
            return
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        yield from _in(child, scope)


def _is_text(said: str) -> bool:
    """Tell a text, which has two words, from a name, a path and a route."""
    has_words = " " in said.strip() and _LETTERS.search(re.sub(r"{[^{}]*}", "", said))
    return bool(has_words) and not _ROUTE.match(said)


def _piece(one: ast.expr) -> str:
    """Write a part of an f-string. Of a value only its name is shown, or the words that it may have."""
    match one:
        case ast.FormattedValue(value=ast.Name() | ast.Attribute() as value):
            return f"{{{ast.unparse(value)}}}"
        case ast.FormattedValue(value=value):
            has_words = any(
                isinstance(part, ast.Constant) and _LETTERS.search(str(part.value)) for part in ast.walk(value)
            )
            return f"{{{ast.unparse(value) if has_words else '…'}}}"
        case _:
            return str(ast.literal_eval(one))


def _modules(part: str) -> list[Path]:
    return [ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py"))
