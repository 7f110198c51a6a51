"""Every error says, in its docstring, what is wrong and what to do, with nothing left to fill in."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import core
from core.kit.errors import Conflict, Denied, Invalid, NotFound, OctetError, Unavailable


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


def test_the_message_is_the_docstring_with_the_details_put_in() -> None:
    assert NotFound(what="bird", id="B-1").message == "There is no bird called B-1. Look at the list and try again."
