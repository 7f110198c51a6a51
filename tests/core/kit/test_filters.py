"""What users type as a filter: terms, words, quotes, and clear refusals."""

from __future__ import annotations

import pytest

from core.kit.filters import ListInMemory, Query, UnknownField, UnknownFieldValue, UnknownSort, parse

FIELDS = {"state": {"ready": ("ready",), "open": ("ready", "working")}, "label": None}
LISTING: ListInMemory[str] = ListInMemory(
    known={"first": None, "short": {"yes": ("yes",), "no": ("no",)}},
    id_of=str,
    fields={"first": lambda word: (word[0],), "short": lambda word: ("yes" if len(word) < 4 else "no",)},
    text_of=str,
    sorts={"length": len},
)


@pytest.mark.parametrize(
    ("text", "terms", "words"),
    [
        ("", [], []),
        ("birds", [], ["birds"]),
        ("State:OPEN", [("state", {"ready", "working"})], []),
        ("label:a,b label:c", [("label", {"a", "b"}), ("label", {"c"})], []),
        ('label:"two words",x and "state:x, y" 12:30', [("label", {"two words", "x"})], ["and", "state:x, y", "12:30"]),
        ('one"two three"four ""', [], ["onetwo threefour"]),
        ('"an open quote', [], ["an open quote"]),
        ("label:task:T-1", [("label", {"task:T-1"})], []),
    ],
)  # fmt: skip
def test_a_filter_has_terms_and_words(text: str, terms: list[tuple[str, set[str]]], words: list[str]) -> None:
    assert parse(text, FIELDS) == (terms, words)


def test_a_refusal_names_what_the_list_has() -> None:
    with pytest.raises(UnknownField, match="`label:`, `state:`"):
        parse("http://x", FIELDS)
    with pytest.raises(UnknownFieldValue, match=r"does not take `done`\. It takes ready, open"):
        parse("state:ready,done", FIELDS)
    for text in ("state: ready", "label:", 'label:""'):
        with pytest.raises(UnknownFieldValue):
            parse(text, FIELDS)
    with pytest.raises(UnknownSort, match=r"by `size`\. It can by length"):
        LISTING.page([], Query(sort="-size"))


def test_rows_in_memory_are_filtered_sorted_and_paged() -> None:
    rows = ["bee", "crane", "Bear", "ant", "bat", "boar"]

    def found(text: str, **given: object) -> tuple[tuple[str, ...], str]:
        terms, words = parse(text, LISTING.known)
        page = LISTING.page(rows, Query(terms=tuple(terms), phrases=tuple(words), **given))  # pyright: ignore[reportArgumentType] - any field
        return page.items, page.next

    assert found("first:B") == (("bee", "Bear", "bat", "boar"), "")
    assert found("first:b,c short:no A") == (("crane", "Bear", "boar"), "")
    assert found("", sort="-length", limit=2) == (("crane", "boar"), "boar")
    assert found("", sort="-length", limit=2, after="boar") == (("Bear", "bee"), "bee")
    assert found("", sort="-length", limit=2, after="bee") == (("bat", "ant"), "")
