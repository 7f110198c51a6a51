"""The description of the API: each operation explains itself, and its example does what the description says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.golden.__main__ import openapi


async def operations() -> dict[str, Any]:
    paths = json.loads(await openapi())["paths"]
    return {f"{method.upper()} {path}": one for path, found in paths.items() for method, one in found.items()}


def request_of(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the example of this operation, as a client takes it."""
    method, path = name.split()
    query = {}
    for part in one.get("parameters", []):
        if part["in"] == "path":
            path = path.replace(f"{{{part['name']}}}", str(part["example"]))
        elif part.get("required"):
            query[part["name"]] = part["example"]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    return {"method": method, "url": path, "params": query, "json": body}


async def test_each_operation_has_a_description_and_its_refusals() -> None:
    for name, one in (await operations()).items():
        assert one["summary"], name
        assert one["description"] or not name.startswith(("GET /api", "POST /api")), name
        assert one["responses"]["4XX"]["content"].keys() == {"application/problem+json"}, name
