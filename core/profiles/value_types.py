"""The values of a profile's file: chords, colours, patterns, titles, classes, roles of the accessibility bus."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

from core.kit.field_types import Int, Limits, ListOf, Text, rule, split_chord, wrong
from core.kit.problems import show, suggest

_NAMES = """
invalid accelerator_label alert animation arrow calendar canvas check_box check_menu_item color_chooser
column_header combo_box date_editor desktop_icon desktop_frame dial dialog directory_pane drawing_area
file_chooser filler focus_traversable font_chooser frame glass_pane html_container icon image internal_frame
label layered_pane list list_item menu menu_bar menu_item option_pane page_tab page_tab_list panel password_text
popup_menu progress_bar push_button radio_button radio_menu_item root_pane row_header scroll_bar scroll_pane
separator slider spin_button split_pane status_bar table table_cell table_column_header table_row_header
tearoff_menu_item terminal text toggle_button tool_bar tool_tip tree tree_table unknown viewport window extended
header footer paragraph ruler application autocomplete editbar embedded entry chart caption document_frame
heading page section redundant_object form link input_method_window table_row tree_item document_spreadsheet
document_presentation document_text document_web document_email comment list_box grouping image_map notification
info_bar level_bar title_bar block_quote audio video definition article landmark log marquee math rating timer
static math_fraction math_root subscript superscript description_list description_term description_value
footnote content_deletion content_insertion mark
"""
"""With _ in place of the blank."""
ROLES = {name.replace("_", " "): number for number, name in enumerate(_NAMES.split())}
"""By their names. Programs are asked by the number: some call a `push button` just `button`."""

MODIFIERS = ("ctrl", "shift", "alt", "win")
NAMED_KEYS = frozenset(
    {"enter", "tab", "esc", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown"}
    | {"up", "down", "left", "right", "pause"}
)
KEYS = NAMED_KEYS | {f"f{number}" for number in range(1, 13)}
"""Names as PyAutoGUI knows them; a single character names its own key."""
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_ODD_TEXTS = ("x", "Ω 7", "~", "Ab_3")  # no pattern for one kind of window matches all of these
_CHORD = f"^(({'|'.join(MODIFIERS)})\\+)*({'|'.join(sorted(KEYS))}|[!-~])$"
"""For editors; `chord` says what is wrong in words."""


def _compiled(text: str) -> re.Pattern[str]:
    if not text.strip():
        raise wrong("empty", "must not be empty: it would match every window")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise wrong("bad_pattern", f"{show(text)} is not a regular expression: {error}") from None


def _title(text: str) -> str:
    pattern = _compiled(text)
    if pattern.search("") or all(pattern.search(odd) for odd in _ODD_TEXTS):
        raise wrong("matches_everything", f"{show(text)} matches every window; write the part that only this one has")
    return text


def _class(text: str) -> str:
    pattern = _compiled(text)
    if all(pattern.fullmatch(odd) for odd in _ODD_TEXTS):
        raise wrong("matches_everything", f"{show(text)} matches every window; write the class that only this kind has")
    return text


def _pattern(text: str) -> str:
    _compiled(text)
    return text


def _role(text: str) -> str:
    if text not in ROLES:
        raise wrong("unknown_role", f"{show(text)} is not a role of AT-SPI; {suggest(text, ROLES)}")
    return text


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise wrong("bad_colour", f'{show(text)} is not a colour; write it as "#rrggbb", for example "#ffffff"')
    return text.lower()


def chord(text: str) -> str:
    """Check a chord such as `ctrl+shift+v`; `ctrl++` ends in the key +."""
    held, last = split_chord(text)
    for key in held:
        if key not in MODIFIERS:
            raise _no_chord(text, f"{show(key)} cannot be held down; {suggest(key, MODIFIERS)}")
    if len(set(held)) < len(held):
        raise _no_chord(text, "it holds one key down twice")
    if last in MODIFIERS:
        raise _no_chord(text, "it must end in a key that is not ctrl, shift, alt or win")
    if not last:
        raise _no_chord(text, "it must end in a key")
    if last not in KEYS and not (len(last) == 1 and "!" <= last <= "~"):
        raise _no_chord(text, f"there is no key {show(last)}; {suggest(last, NAMED_KEYS)}, f1 … f12")
    return text


def _no_chord(text: str, why: str) -> PydanticCustomError:
    return wrong("bad_chord", f"{show(text)} is not a chord: {why}")


Title = Annotated[Text, Limits(max_length=200), rule(_title)]
"""A regular expression, searched anywhere in a window's title."""
Class = Annotated[Text, Limits(max_length=200), rule(_class)]  # A regular expression, compared with the whole class
Pattern = Annotated[Text, Limits(max_length=200), rule(_pattern)]
Role = Annotated[Text, rule(_role), WithJsonSchema({"enum": sorted(ROLES)})]
Colour = Annotated[Text, rule(_colour), WithJsonSchema({"type": "string", "pattern": f"^{_COLOUR.pattern}$"})]
Chord = Annotated[Text, rule(chord), WithJsonSchema({"type": "string", "pattern": _CHORD})]
Chords = Annotated[ListOf[Chord], Limits(max_length=10)]
Place = Annotated[Int, Limits(ge=-100_000, le=100_000)]
Length = Annotated[Int, Limits(ge=1, le=100_000)]
Milliseconds = Annotated[Int, Limits(ge=0, le=60_000)]
