"""What a program makes of a draft says what it cannot take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.desktop.calibration.trial_delivery import quirks
from automation.protocol.text import equal, prepare
from core.calibration.calibrator import long_draft
from core.profiles.model import Newline, Normalise, Readback
from tests.fakes.desk import TK

PROFILE = replace(TK, normalise=Normalise.NL)
TEXT = long_draft("octet", 3000)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (TEXT.replace(" ", "\u00a0"), {"normalise": "nbsp"}),
        (TEXT.replace("\n\n", "\n"), {"normalise": "lines"}),
        (TEXT.replace("\t", "    "), {"tab": "collapse"}),
        (TEXT.replace("\t", ""), {"tab": "collapse"}),
        (TEXT.replace("\n", " "), {"newline": "collapse"}),
        (TEXT.replace("\n", ""), {"newline": "collapse"}),
        (TEXT.partition("\n")[0], {"newline": "collapse"}),
        (TEXT.replace("\n", " ").replace("\t", " "), {"newline": "collapse", "tab": "collapse"}),
        (TEXT[:600], {"max_chars": 600}),
        (TEXT.replace("\n", " ")[:700], {"newline": "collapse", "max_chars": 700}),
        ("somebody's text", {}),
        (TEXT[:280], {}),
        (TEXT.upper(), {}),
    ],
)
def test_what_was_read_back_says_what_the_program_does_not_take(read: str, said: dict[str, object]) -> None:
    assert quirks(TEXT, read, PROFILE) == said


@pytest.mark.parametrize("read", [TEXT[:700], TEXT[-1279:], TEXT[:280], TEXT[:600] + TEXT[-600:]])
def test_a_part_of_the_draft_on_the_accessibility_bus_is_read_by_copy(read: str) -> None:
    both = replace(PROFILE, readback=(Readback.ACCESSIBILITY, Readback.COPY))
    assert quirks(TEXT, read, both, by=Readback.ACCESSIBILITY) == {"readback": ["copy"]}
    only = replace(PROFILE, readback=(Readback.ACCESSIBILITY,))
    assert quirks(TEXT, read, only, by=Readback.ACCESSIBILITY) == quirks(TEXT, read, PROFILE)
    assert "readback" not in quirks(TEXT, read, both, by=Readback.COPY)


def test_what_is_known_to_be_a_habit_is_still_read_over_the_accessibility_bus() -> None:
    both = replace(PROFILE, readback=(Readback.ACCESSIBILITY, Readback.COPY))
    assert quirks(TEXT, TEXT.replace("\t", "    "), both, by=Readback.ACCESSIBILITY) == {"tab": "collapse"}


def test_a_text_prepared_by_what_was_found_comes_back_as_it_was_pasted() -> None:
    fits = replace(PROFILE, newline=Newline.COLLAPSE, tab=Newline.COLLAPSE)
    pasted = prepare(TEXT, fits)
    assert "\n" not in pasted
    assert "\t" not in pasted
    assert equal(pasted, pasted.replace("\n", " "), Normalise.RAW)


def test_the_long_draft_has_everything_that_a_program_may_change() -> None:
    assert all(part in TEXT for part in ("\n\n", "\n\t", "\U0001f469\u200d\U0001f4bb", "\u05e9", "{", "  "))
    assert max(map(len, TEXT.split("\n"))) > 300
    assert 2900 < len(TEXT) <= 3000
    assert len(long_draft("octet", 100)) <= 100
