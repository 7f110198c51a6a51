"""Discord's limits on messages and dialogs that its description lacks: sums, and what depends on something else."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.discord.errors import Problems
from sandbox.discord.model import Json, dicts, within

CONTENT = 2000
EMBED_TOTAL = 6000
COMPONENTS = 40
DISPLAYED = 4000
ROWS = 5
DIALOG = 5
FILE_BYTES = 10 * 1024 * 1024
REQUEST_BYTES = 25 * 1024 * 1024
PINS = 250

ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = (SELECT, 5, 6, 7, 8)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
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


def check_embeds(problems: Problems, embeds: list[Json]) -> None:
    total = sum(_check_embed(problems, f"embeds.{index}", embed) for index, embed in enumerate(embeds))
    if total > EMBED_TOTAL:
        problems.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}")


def _check_embed(problems: Problems, path: str, embed: Json) -> int:
    """Return how many characters an embed has of those that count."""
    texts = [embed.get("title"), embed.get("description"), within(embed, "footer").get("text")]
    texts.append(within(embed, "author").get("name"))
    for number, field in enumerate(dicts(embed, "fields")):
        for name in ("name", "value"):
            texts.append(field[name])
            if not field[name].strip():
                problems.required(f"{path}.fields.{number}.{name}")
    return sum(len(text or "") for text in texts)


def check_components(problems: Problems, components: list[Json], *, is_v2: bool) -> None:
    parts = list(walk(components))
    if len(parts) > COMPONENTS:
        problems.add(
            "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"Must be {COMPONENTS} or fewer in total."
        )
    if not is_v2:
        problems.bad_length("components", len(components), 0, ROWS)
        for index, component in enumerate(components):
            if component["type"] != ROW:
                text = f'Value of field "type" must be one of ({ROW},).'
                problems.add(f"components.{index}", "UNION_TYPE_CHOICES", text)
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
    custom_id = part.get("custom_id")
    if custom_id in seen:
        text = "Component custom id cannot be duplicated"
        problems.add(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", text)
    if custom_id is not None:
        seen.add(custom_id)
    if part["type"] == ROW:
        children = dicts(part, "components")
        if len(children) > 1 and any(child["type"] != BUTTON for child in children):
            problems.add(path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A menu fills its row")
    if part["type"] == BUTTON:
        if not str(part.get("label") or "").strip() and not part.get("emoji"):
            problems.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button needs a label or an emoji")
        name = "url" if part["style"] == LINK_STYLE else "custom_id"
        if not part.get(name):
            problems.required(f"{path}.{name}")
