"""Discord's limits on messages, components and dialogs, as its message and component references list them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.discord.errors import Problems
from sandbox.discord.model import Json, dicts, within

CONTENT = 2000
EMBEDS = 10
EMBED_TOTAL = 6000
COMPONENTS = 40
DISPLAYED = 4000
CUSTOM_ID = 100
ROWS = 5
FILES = 10
FILE_BYTES = 10 * 1024 * 1024
REQUEST_BYTES = 25 * 1024 * 1024
NONCE = 25
THREAD_NAME = 100
PINS = 250

ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = (SELECT, 5, 6, 7, 8)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
ONLY_V2 = {SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER}
TOP_V2 = {ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER}
IN_CONTAINER = TOP_V2 - {CONTAINER}
LINK_STYLE = 5


def walk(components: list[Json], path: str = "components") -> Iterator[tuple[str, Json]]:
    """Every component with its path, nested ones included, in the order a reader meets them."""
    for index, component in enumerate(components):
        here = f"{path}.{index}"
        yield here, component
        yield from walk(dicts(component, "components"), f"{here}.components")
        for single in ("accessory", "component"):
            if component.get(single):
                yield f"{here}.{single}", component[single]


def displayed_text(components: list[Json]) -> list[str]:
    return [str(part.get("content") or "") for _, part in walk(components) if part.get("type") == TEXT]


def check_content(problems: Problems, content: str) -> None:
    problems.too_long("content", content, CONTENT)


def check_embeds(problems: Problems, embeds: list[Json]) -> None:
    if len(embeds) > EMBEDS:
        problems.add("embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {EMBEDS} or fewer in length.")
    total = 0
    for index, embed in enumerate(embeds):
        total += _check_embed(problems, f"embeds.{index}", embed)
    if total > EMBED_TOTAL:
        problems.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}")


def _check_embed(problems: Problems, path: str, embed: Json) -> int:
    parts: dict[str, tuple[str | None, int]] = {
        "title": (embed.get("title"), 256),
        "description": (embed.get("description"), 4096),
        "footer.text": (within(embed, "footer").get("text"), 2048),
        "author.name": (within(embed, "author").get("name"), 256),
    }
    total = 0
    for name, (text, limit) in parts.items():
        problems.too_long(f"{path}.{name}", text or "", limit)
        total += len(text or "")
    fields = dicts(embed, "fields")
    if len(fields) > 25:
        problems.add(f"{path}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for number, field in enumerate(fields):
        for name, limit in (("name", 256), ("value", 1024)):
            text = str(field.get(name) or "")
            if not text:
                problems.required(f"{path}.fields.{number}.{name}")
            problems.too_long(f"{path}.fields.{number}.{name}", text, limit)
            total += len(text)
    return total


def check_components(problems: Problems, components: list[Json], *, is_v2: bool) -> None:
    parts = list(walk(components))
    if len(parts) > COMPONENTS:
        problems.add(
            "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"Must be {COMPONENTS} or fewer in total."
        )
    if not is_v2 and len(components) > ROWS:
        problems.add("components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {ROWS} in length.")
    allowed = TOP_V2 if is_v2 else {ROW}
    for index, component in enumerate(components):
        if component.get("type") not in allowed:
            problems.add(f"components.{index}.type", "BASE_TYPE_CHOICES", f"Value must be one of {sorted(allowed)}.")
    seen: set[str] = set()
    for path, part in parts:
        _check_part(problems, path, part, seen)
    total = sum(map(len, displayed_text(components)))
    if total > DISPLAYED:
        problems.add(
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The total displayable text size {total} exceeds the maximum size of {DISPLAYED}",
        )


def _check_part(problems: Problems, path: str, part: Json, seen: set[str]) -> None:
    kind = part.get("type")
    custom_id = part.get("custom_id")
    if custom_id is not None:
        problems.too_long(f"{path}.custom_id", custom_id, CUSTOM_ID)
        if not custom_id:
            problems.required(f"{path}.custom_id")
        if custom_id in seen:
            problems.add(
                f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
            )
        seen.add(custom_id)
    match kind:
        case 1:
            _check_row(problems, path, part)
        case 2:
            _check_button(problems, path, part)
        case 3:
            _check_select(problems, path, part)
        case 9:
            _check_section(problems, path, part)
        case 10:
            if not part.get("content"):
                problems.required(f"{path}.content")
        case 12:
            _check_length(problems, f"{path}.items", dicts(part, "items"), 1, 10)
        case 17:
            _check_container(problems, path, part)
        case _:
            pass


def _check_length(problems: Problems, path: str, items: list[Any], least: int, most: int) -> None:
    if not least <= len(items) <= most:
        problems.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def _check_row(problems: Problems, path: str, row: Json) -> None:
    children = dicts(row, "components")
    most = 5 if all(child.get("type") == BUTTON for child in children) else 1
    _check_length(problems, f"{path}.components", children, 1, most)


def _check_section(problems: Problems, path: str, section: Json) -> None:
    _check_length(problems, f"{path}.components", dicts(section, "components"), 1, 3)
    if not section.get("accessory"):
        problems.required(f"{path}.accessory")


def _check_container(problems: Problems, path: str, container: Json) -> None:
    children = dicts(container, "components")
    if not children:
        problems.required(f"{path}.components")
    for index, child in enumerate(children):
        if child.get("type") not in IN_CONTAINER:
            where = f"{path}.components.{index}.type"
            problems.add(where, "BASE_TYPE_CHOICES", f"Value must be one of {sorted(IN_CONTAINER)}.")


def _check_button(problems: Problems, path: str, button: Json) -> None:
    problems.too_long(f"{path}.label", button.get("label") or "", 80)
    if not button.get("label") and not button.get("emoji"):
        problems.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button needs a label or an emoji")
    is_link = button.get("style") == LINK_STYLE
    if is_link and not button.get("url"):
        problems.required(f"{path}.url")
    if not is_link and not button.get("custom_id"):
        problems.required(f"{path}.custom_id")


def _check_select(problems: Problems, path: str, select: Json) -> None:
    options = dicts(select, "options")
    _check_length(problems, f"{path}.options", options, 1, 25)
    problems.too_long(f"{path}.placeholder", select.get("placeholder") or "", 150)
    for index, option in enumerate(options):
        for name in ("label", "value", "description"):
            problems.too_long(f"{path}.options.{index}.{name}", str(option.get(name) or ""), 100)


def check_modal(data: Json) -> None:
    """Raise 50035 for a dialog that Discord would not open."""
    problems = Problems()
    components = dicts(data, "components")
    title = str(data.get("title") or "")
    custom_id = str(data.get("custom_id") or "")
    for name, text, limit in (("title", title, 45), ("custom_id", custom_id, CUSTOM_ID)):
        if not text:
            problems.required(f"data.{name}")
        problems.too_long(f"data.{name}", text, limit)
    _check_length(problems, "data.components", components, 1, 5)
    for path, part in walk(components, "data.components"):
        if part.get("type") == LABEL:
            problems.too_long(f"{path}.label", part.get("label") or "", 45)
        if part.get("type") == TEXT_INPUT:
            problems.too_long(f"{path}.label", part.get("label") or "", 45)
            problems.too_long(f"{path}.placeholder", part.get("placeholder") or "", 100)
            problems.too_long(f"{path}.value", part.get("value") or "", 4000)
            problems.too_long(f"{path}.custom_id", part.get("custom_id") or "", CUSTOM_ID)
    problems.raise_if_any()


def check_choices(choices: list[Json]) -> None:
    """Raise 50035 for suggestions that Discord would refuse."""
    problems = Problems()
    _check_length(problems, "data.choices", choices, 0, 25)
    for index, choice in enumerate(choices):
        if not choice.get("name"):
            problems.required(f"data.choices.{index}.name")
        problems.too_long(f"data.choices.{index}.name", str(choice.get("name") or ""), 100)
        if isinstance(choice.get("value"), str):
            problems.too_long(f"data.choices.{index}.value", choice["value"], 100)
    problems.raise_if_any()
