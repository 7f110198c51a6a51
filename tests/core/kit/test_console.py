"""What is printed can do nothing to the console."""

import io
import json
import unicodedata
from typing import IO, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from core.kit.console import Filtered, unfiltered

_HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \x7f \r \b \u202e \u2066 \u061c \u200f \u2028"


@settings(max_examples=60)
@given(st.text() | st.text(alphabet=_HOSTILE + "a\n\t"))
def test_no_control_character_passes_the_console_and_json_keeps_its_meaning(text: str) -> None:
    console = io.StringIO(newline="")
    print(text, file=Filtered(console))
    print(json.dumps({"text": text}, ensure_ascii=False), file=Filtered(console))
    shown = console.getvalue()
    assert not [
        one
        for one in shown
        if (unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} and one not in "\n\t")
        or unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        or one in "\u061c\u200e\u200f"
    ]
    assert json.loads(shown[shown.rindex('{"text"') :]) == {"text": text}


def test_other_characters_pass_as_they_are_and_octets_own_controls_have_a_way_of_their_own() -> None:
    console = io.StringIO(newline="")
    stream = Filtered(console)
    print("Grüße 👩‍🚀 日本\tend", file=stream)
    print("\rdrawn again", end="", file=unfiltered(stream))
    assert console.getvalue() == "Grüße 👩‍🚀 日本\tend\n\rdrawn again"
    assert unfiltered(console) is console


def test_octets_own_help_keeps_its_colours() -> None:
    console = io.StringIO(newline="")
    stream = cast("IO[str]", Filtered(console))
    Console(file=stream, force_terminal=True, color_system="standard").print("[bold]octet[/]")
    assert console.getvalue() == "\x1b[1moctet\x1b[0m\n"
