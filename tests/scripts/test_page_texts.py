"""The page's texts: each stands in every language's file, and no file has a text that the page does not use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scripts.page import SOURCE

CODE = SOURCE / "src"
LANGUAGES = sorted((CODE / "languages").glob("*.json"))
_CALL = re.compile(r"""\bt\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`$]*)`)""")
_SCREEN = re.compile(r"\bname: '([^']+)'")
_VALUE = re.compile(r"\{\w+\}")


def texts_in(code: str) -> set[str]:
    """Return the English texts of all calls of `t` in TypeScript."""
    return {re.sub(r"\\(.)", r"\1", next(one for one in found if one)) for found in _CALL.findall(code)}


def english() -> set[str]:
    sources = [path.read_text("utf-8") for path in CODE.rglob("*.ts*") if ".gen." not in path.name]
    found = {text for source in sources for text in texts_in(source)}
    words = json.loads((CODE / "words.json").read_text("utf-8"))
    screens = _SCREEN.findall((CODE / "screens/index.ts").read_text("utf-8"))
    return {*found, *screens, *(word for kind in words.values() for word, _ in kind.values())}


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_has_each_text_of_the_page_and_no_other(path: Path) -> None:
    translated = json.loads(path.read_text("utf-8"))
    missing, unused = english() - set(translated), set(translated) - english()
    assert (sorted(missing), sorted(unused)) == ([], [])


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_translation_keeps_the_values_and_is_not_empty(path: Path) -> None:
    for text, said in json.loads(path.read_text("utf-8")).items():
        assert said, text
        assert sorted(_VALUE.findall(said)) == sorted(_VALUE.findall(text)), text


def test_calls_are_found_however_they_are_written() -> None:
    code = """t('One') + t("It's two") + t(\n 'Three {n}', { n }) + t('It\\'s four') + t(name) + start('no')"""
    assert texts_in(code) == {"One", "It's two", "Three {n}", "It's four"}
