"""What the pages for people point at is there: other pages and their headings, tests and benchmarks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?!https?:)(?P<file>[^)#]*)(?:#(?P<heading>[^)]+))?\)")
NAMED = re.compile(r"`(?P<path>(?:tests|bench)/[\w/]+\.py)(?:::(?P<function>\w+))?`")
LONGEST_PAGE, WIDEST_LINE = 1_200, 130
HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as links name them."""
    found = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-") for words in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        assert target.exists(), link[0]
        assert not link["text"].endswith(".md") or link["file"].endswith(link["text"]), link[0]
        assert not link["heading"] or link["heading"] in anchors(target), link[0]


def missing_tests(text: str) -> list[str]:
    """Return the tests that a text names as `path` or `path::function` and that do not exist."""
    return [named[0] for named in NAMED.finditer(text) if not is_there(ROOT / named["path"], named["function"])]


def is_there(file: Path, function: str | None) -> bool:
    if function is None or not file.exists():
        return file.exists()
    return re.search(rf"^(async )?def {function}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_a_page_names_exist(page: Path) -> None:
    assert missing_tests(page.read_text(encoding="utf-8")) == []


def test_a_named_test_that_does_not_exist_is_found() -> None:
    here = "tests/architecture/test_docs.py"
    assert missing_tests(f"`{here}::test_a_named_test_that_does_not_exist_is_found`, `{here}`") == []
    assert missing_tests(f"`{here}::test_nothing`, `tests/none.py::test_it`") == [
        f"`{here}::test_nothing`",
        "`tests/none.py::test_it`",
    ]


def test_every_row_of_the_page_on_security_names_a_test() -> None:
    page = (ROOT / "docs" / "inside" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    assert [row for row in rows if not NAMED.search(row.rsplit(" | ", 1)[-1])] == []
    assert len(rows) > 20


def test_the_page_on_reliability_names_tests() -> None:
    """So that the test above looks at something."""
    assert len(NAMED.findall((ROOT / "docs" / "inside" / "reliability.md").read_text(encoding="utf-8"))) > 20


def _words(*pages: Path) -> int:
    """Count the words of these pages; the bars and dashes of tables are none."""
    return sum(any(map(str.isalnum, word)) for page in pages for word in page.read_text(encoding="utf-8").split())


LATER = {"acp", "page", "projects", "proof"}
"""Pages about abilities that came later; the others stay as short as they were."""
LOOKED_UP = {"architecture", "commands", "configuration", "api"}
"""Pages that no reader reads from end to end: tables made from the code, and the map for contributors."""


def test_a_newcomer_can_read_the_pages_for_users() -> None:
    """Other pages for contributors lie in docs/inside and docs/decisions."""
    for_users = [page for page in (ROOT / "docs").glob("*.md") if page.stem not in LOOKED_UP]
    assert len(for_users) > 10
    assert _words(ROOT / "README.md") <= 1_000
    assert _words(*(page for page in for_users if page.stem not in LATER)) <= 12_000
    assert {page.name: size for page in for_users if page.stem in LATER and (size := _words(page)) > 900} == {}
    assert {page.name: size for page in for_users if (size := _words(page)) > LONGEST_PAGE} == {}


def test_lines_of_the_pages_for_users_are_wrapped() -> None:
    """Tables, pictures and code keep their lines."""
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.stem not in LOOKED_UP]
    for page in [ROOT / "README.md", *pages]:
        prose = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"))
        long = [line for line in prose.splitlines() if len(line) > WIDEST_LINE and not line.startswith(("|", "!["))]
        assert long == [], page.name


def _terms(page: Path) -> dict[str, str]:
    """Return what each row of a page's tables of words says about a word."""
    rows = re.findall(r"(?m)^\| ((?!term |word |-)[^|]+) \|(.*)\|$", page.read_text(encoding="utf-8"))
    return {word.strip(): meaning.strip() for word, meaning in rows}


def test_the_glossary_says_what_a_word_means_in_fifteen_words() -> None:
    """What a word is *not*, and the words of contributors, are in docs/inside/words.md."""
    glossary = _terms(ROOT / "docs" / "glossary.md")
    assert len(glossary) > 50
    assert {word: meaning for word, meaning in glossary.items() if len(meaning.split()) > 15} == {}


def test_each_word_has_its_meaning_on_one_page() -> None:
    page = (ROOT / "docs" / "inside" / "words.md").read_text(encoding="utf-8")
    noted, others = page.split("## Other words")
    words = set(re.findall(r"(?m)^\| ((?!word )\w[^|]*) \|", noted))
    assert words == set(_terms(ROOT / "docs" / "glossary.md"))
    assert words.isdisjoint(re.findall(r"(?m)^\| ((?!word )\w[^|]*) \|", others))
    assert [page.name for page in PAGES if "| term |" in page.read_text(encoding="utf-8")] == ["glossary.md"]


def test_the_changelog_and_the_security_policy_name_the_version_of_this_checkout() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    released = re.findall(r"(?m)^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert released[0] == version
    assert f"now {version}," in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
