"""What agents, members and programs may send: each parameter has a limit, and hostile values get a clean refusal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.cli import agent_commands
from bot.mcp.server import TOOLS
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import Parameter, Verb
from bot.verbs.schemas import body_of, jsonable, problems_in
from core import limits
from core.kit.errors import Invalid
from core.limits import (
    BestOfOutOfRange,
    BrokenCharacter,
    ControlCharacters,
    EmptyText,
    HiddenCharacters,
    Limit,
    OutOfRange,
    PriorityOutOfRange,
    TextTooLong,
    TooManyItems,
    check,
)
from tests.golden.__main__ import openapi

ALL = [(verb, one) for verb in VERBS for one in verb.parameters]
NAME = Limit("a name", 20, is_name=True)
TEXT = Limit("a text", 20)


@pytest.mark.parametrize(("verb", "one"), ALL, ids=lambda one: getattr(one, "name", ""))
def test_each_parameter_has_the_limit_of_its_kind(verb: Verb, one: Parameter) -> None:
    if one.type is int:
        assert one.limit.unit not in {"characters", "items"}, "a number needs a range: add a row of core.limits to it"
    elif one.type is str:
        assert one.limit.unit == "characters"
    elif one.type not in {bool, None} and not one.kind.is_file:
        assert one.limit.unit != "characters", "a list needs a row of core.limits"
    assert one.limit in limits.rows().values()


@pytest.mark.parametrize("name", agent_commands.TABLE)
def test_each_option_of_an_agents_command_is_a_parameter_of_its_verbs(name: str) -> None:
    verbs = {one.route.partition(" ")[2]: one for one in VERBS if one.command}
    known = {"help", "wait"}
    for call in agent_commands.TABLE[name]["calls"]:
        limit_of = {one.name: one.limit for one in verbs[call["path"]].parameters}
        known |= {option for field, option in call["fields"].items() if field in limit_of}
        if call["most"] and call["most"] == limit_of["text"].most:
            known |= {"words", "file"}
    assert {one.dest for one in agent_commands.parser_of(name)._actions} <= known


def unbounded(schema: Any, defined: dict[str, Any], where: str = "") -> list[str]:
    """Name what a JSON schema takes without a bound."""
    found: list[str] = []
    if "$ref" in schema:
        schema = defined[schema["$ref"].rpartition("/")[2]]
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("prefixItems", ())):
        found += unbounded(option, defined, where)
    if "enum" in schema or "const" in schema:
        return found
    needed = {
        "string": {"maxLength"},
        "integer": {"minimum", "maximum"},
        "number": {"minimum", "maximum"},
        "array": {"maxItems"},
    }
    if needed.get(schema.get("type", ""), set()) - schema.keys():
        found.append(where)
    if isinstance(schema.get("items"), dict) and schema["items"].get("type") != "string":
        found += unbounded(schema["items"], defined, f"{where}[]")
    for name, one in schema.get("properties", {}).items():
        found += unbounded(one, defined, f"{where}.{name}")
    return found


async def test_each_body_and_each_tool_has_bounds() -> None:
    api = json.loads(await openapi())
    defined, found = api["components"]["schemas"], list[str]()
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            body = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            found += unbounded(body, defined, f"{method} {path}")
            for one in route.get("parameters", ()):
                if one["in"] == "query":
                    found += unbounded(one["schema"], defined, f"{method} {path} {one['name']}")
    for tool in TOOLS:
        found += unbounded(tool.input_schema, {}, tool.name)
    assert found == []
    assert unbounded({"type": "object", "properties": {"x": {"type": "string"}}}, {}) == [".x"]


@pytest.mark.parametrize(
    ("value", "limit", "error"),
    [
        ("x" * 21, TEXT, TextTooLong),
        ("\x1b[2J", TEXT, ControlCharacters),
        ("\x85", TEXT, ControlCharacters),
        ("\ud800", TEXT, BrokenCharacter),
        ("\ud800", NAME, BrokenCharacter),
        ("two\nlines", NAME, HiddenCharacters),
        ("a\tb", NAME, HiddenCharacters),
        ("a\u202eb", NAME, HiddenCharacters),
        ("a\u2066b", NAME, HiddenCharacters),
        ("a\U000e0041b", NAME, HiddenCharacters),
        (" ", Limit("a choice", 20, least=1), EmptyText),
        (-5, limits.MINUTES, OutOfRange),
        (9, limits.PRIORITY, PriorityOutOfRange),
        (0, limits.BEST_OF, BestOfOutOfRange),
        (1, limits.BEST_OF, BestOfOutOfRange),
        (21, limits.BEST_OF, BestOfOutOfRange),
        (10**15, limits.MINUTES, OutOfRange),
        (10**30, limits.COUNTER, OutOfRange),
        (float("nan"), limits.COUNTER, OutOfRange),
        (("x",) * 101, limits.NAMES, TooManyItems),
        (("x", "\u202e"), limits.NAMES, HiddenCharacters),
        (frozenset({"x" * 41}), limits.LABELS, TextTooLong),
    ],
)
def test_each_breach_has_its_own_error_with_the_field(value: Any, limit: Limit, error: type[Invalid]) -> None:
    with pytest.raises(error) as refused:
        check("field", value, limit)
    assert refused.value.details["field"] == "field"
    assert "{" not in refused.value.message


def test_what_fits_comes_back_with_line_feeds() -> None:
    assert check("text", "one\r\ntwo\tthree \u202e", TEXT) == "one\ntwo\tthree \u202e"
    assert check("name", "Ann-Lena Ø 👩‍🚀", NAME) == "Ann-Lena Ø 👩‍🚀"
    assert check("text", "\x1b[31mred\x1b[0m\x00", limits.ANSWER) == "red", "an answer loses control characters"


def test_values_with_commas_between_them_are_bounded_as_a_list() -> None:
    labels = next(one for verb, one in ALL if verb.full_name == "task new" and one.name == "labels")
    many = [f"{number:02}{'x' * 38}" for number in range(20)]
    assert len(labels.read(",".join(many))) == len(labels.read(many)) == 20
    for bad in ("a,b\u202ec", ["ok", "bad\ud800"], ",".join(f"l{number}" for number in range(21)), "x" * 41):
        with pytest.raises(Invalid):
            labels.read(bad)


HOSTILE_TEXTS = st.one_of(
    st.text(st.characters(), max_size=30),  # with lone surrogates, control characters and everything else
    st.sampled_from(
        ["\ud800", "\x1b]0;x\x07", "\u202e", "\U000e0041", "x" * 2_000_000, "", "T-1", "none", "\n", "a,b,,\x00"]
    ),
)
HOSTILE = st.one_of(
    HOSTILE_TEXTS,
    st.integers(),
    st.sampled_from([10**15, 10**17, 10**30, -5, 2**63, 2**64]),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(HOSTILE_TEXTS, max_size=4),
    st.sampled_from([["x"] * 100_000, {}, [{}], [None], [{"name": "\ud800", "content": "="}], [{"kind": "note"}]]),
    st.dictionaries(st.text(max_size=5), HOSTILE_TEXTS, max_size=2),
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.full_name} {verb.route}")
@given(data=st.data())
def test_hostile_values_get_a_clean_refusal_or_fit_the_limits(verb: Verb, data: st.DataObject) -> None:
    likely = {str: HOSTILE_TEXTS, int: st.integers(), list[str]: st.lists(HOSTILE_TEXTS, max_size=4)}
    sent = {one.name: data.draw(likely.get(one.type, HOSTILE) | HOSTILE, one.name) for one in verb.parameters}
    try:
        body = body_of(verb, verb.parameters).model_validate(sent).model_dump()
        read = verb.read(body)
    except ValidationError as error:
        refusal = json.dumps(problems_in(error.errors()), ensure_ascii=False)
    except Invalid as error:
        refusal = json.dumps({"detail": error.message, **jsonable(error.details)}, ensure_ascii=False)
    else:
        refusal = ""
        for one in verb.parameters:
            if isinstance(read.get(one.name), str | int | frozenset | list | tuple):
                assert check(one.name, read[one.name], one.limit) == read[one.name]
    refusal.encode()


def test_no_other_module_holds_a_limit_on_what_is_sent() -> None:
    root = Path(__file__).parents[3]
    files = [
        *root.glob("core/*/*.py"),
        *root.glob("bot/verbs/*.py"),
        *root.glob("bot/web/*.py"),
        *root.glob("bot/*.py"),
    ]
    named = re.compile(r"^_?MAX_[A-Z_]+(?:, _?MAX_[A-Z_]+)* = [0-9]", re.MULTILINE)
    assert [str(one) for one in files if named.search(one.read_text("utf-8"))] == []
