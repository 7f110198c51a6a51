"""Every error says, in its docstring, what is wrong and what to do, with nothing left to fill in."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import core
from core.kit.errors import Conflict, Denied, Invalid, NotFound, OctetError, Unavailable

ROOT = Path(__file__).resolve().parents[3]


def all_errors() -> list[type[OctetError]]:
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    found: list[type[OctetError]] = []
    todo = [OctetError]
    while todo:
        for error in todo.pop().__subclasses__():
            todo.append(error)
            if error.__module__.startswith("core."):
                found.append(error)
    return sorted(set(found), key=lambda error: error.__qualname__)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__qualname__)
def test_an_error_belongs_to_a_family_and_has_a_sentence(error: type[OctetError]) -> None:
    assert issubclass(error, NotFound | Conflict | Denied | Invalid | Unavailable)
    assert "__doc__" in vars(error), "it would speak with its family's words"
    text = " ".join((inspect.getdoc(error) or "").split())
    assert re.search(r"[.!]$", text), text


FAMILIES = {"OctetError", "NotFound", "Conflict", "Denied", "Invalid", "Misconfigured", "Unavailable"}


def test_no_message_asks_for_more_than_a_name_to_be_put_in() -> None:
    """A format after the name, or doubled braces, would stand there as they are."""
    wrong: list[str] = []
    for path in (file for storey in ("bot", "core", "automation") for file in (ROOT / storey).rglob("*.py")):
        for found in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(found, ast.ClassDef) and FAMILIES & {getattr(base, "id", "") for base in found.bases}:
                said = ast.get_docstring(found) or ""
                wrong += [f"{path}: {found.name}" for _ in re.findall(r"\{\w+:|\{\{", said)]
    assert wrong == []


def test_the_message_is_the_docstring_with_the_details_put_in() -> None:
    assert NotFound(what="bird", id="B-1").message == "There is no bird called B-1. Look at the list and try again."
