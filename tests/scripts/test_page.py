"""The page's words are Octet's own, and its build makes no large first screen."""

from __future__ import annotations

import pytest

from scripts import page, page_words

FIRST_SCREEN_BYTES = 150_000
"""Compressed: React and the parts of Mantine that the screens use are most of it."""


def test_the_words_of_states_are_octets_own() -> None:
    assert page_words.FILE.read_text(encoding="utf-8") == page_words.content(), "run `make docs`"


@pytest.mark.browser
def test_the_first_screen_is_small() -> None:
    page.main()
    sizes = page.first_screen()
    assert len(sizes) > 2
    assert sum(sizes.values()) <= FIRST_SCREEN_BYTES, sizes
