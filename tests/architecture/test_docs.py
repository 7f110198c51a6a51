"""What the pages for people point at is there: other pages and their headings, tests and benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)(?P<file>[^)#]*)(?:#(?P<heading>[^)]+))?\)")
NAMED = re.compile(r"`(?P<path>(?:tests|bench)/[\w/]+\.py)`")
HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    found = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-") for words in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        assert target.exists(), link[0]
        assert not link["heading"] or link["heading"] in anchors(target), link[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_a_page_names_are_there(page: Path) -> None:
    missing = [path for path in NAMED.findall(page.read_text(encoding="utf-8")) if not (ROOT / path).exists()]
    assert missing == []


def test_the_page_on_reliability_names_tests() -> None:
    """So that the test above looks at something."""
    assert len(NAMED.findall((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))) > 20
