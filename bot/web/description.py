"""What `/api/v2/openapi.json` says beyond what FastAPI finds out: secrets, refusals, and an example of each request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from fastapi import FastAPI

Part = dict[str, Any]
_ABOUT = """\
Octet gives tasks to AI agents and brings their answers back. Show the operator's token or an API key as
`Authorization: Bearer …`; agents show their reply key. A refusal is `application/problem+json`: decide by `code` and
`details`, and show `detail` to users. docs/api.md has the rest."""
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "details"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do, for users"},
        "code": {"type": "string", "description": "What programs decide by"},
        "details": {"type": "object"},
    },
}
_REFUSED = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSALS = {"4XX": "Refused: change the request", "5XX": "Not now: try again later"}


@cache
def _examples() -> Mapping[str, object]:
    """Return what a required field is in examples: by its operation's path and its name, or by its name alone."""
    return {
        "/api/v2/agents name": "Agent-9",
        "/api/v2/admin/keys name": "nightly",
        "/api/v2/admin/keys/{name}/revoke name": "nightly",
        "/api/v2/batch calls": [{"path": "/tasks/T-1/priority", "body": {"priority": 0}}],
        "/api/v2/desks/{name}/calibration/answer kind": "chosen",
        "/api/v2/desks/{name}/calibration/answer picks": [],
        "/api/v2/desks/screenshot agent": "Agent-1",
        "/api/v2/import/tasks text": "TASK: Count the birds",
        "/api/v2/messages agent": "Agent-1",
        "/api/v2/replies/questions text": "Which birds?",
        "about": "Reviews changes",
        "after": "T-2",
        "agent": "Agent-1",
        "attempt": 1,
        "brief": "Count the birds",
        "capabilities": ["code", "python:3"],
        "code": "the-code-in-the-prompt",
        "decision": "arrived",
        "delivery": "T-1",
        "desk": "main",
        "dialog": "01KB0000000000000000000000",
        "hours": 2,
        "lane": "dryrun",
        "log_in": "abcdefgh",
        "message": "M-01KB0000000000000000000000",
        "messages": ["M-01KB0000000000000000000000"],
        "name": "main",
        "named": "T-1",
        "nonce": "0",
        "number": 1,
        "parts": "Count the birds\nCount the bees",
        "picture": "staged.png",
        "priority": 1,
        "profile": "codex",
        "program": "claude",
        "question": "M-01KB0000000000000000000000",
        "reason": "The release",
        "scopes": ["viewer"],
        "subtask": "T-2",
        "task": "T-1",
        "text": "Twelve birds",
        "to": "Agent-2",
        "who": "discord:1",
        "window": "agent-1",
        "x": 1,
        "y": 1,
    }


class DescribedApp(FastAPI):
    """An application with this description."""

    def openapi(self) -> Part:
        is_new = self.openapi_schema is None
        found = super().openapi()
        if is_new:
            _complete(found)
        return found


def _complete(found: Part) -> None:
    found["info"]["description"] = _ABOUT
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    for table in ("Agent", "Desk"):  # their files take no more than is listed; answers have more
        schemas[table].pop("additionalProperties", None)
    found["components"]["securitySchemes"] = {"secret": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"secret": []}]
    for path, operations in found["paths"].items():
        for operation in cast("dict[str, Part]", operations).values():
            operation["responses"].pop("422", None)
            operation["responses"] |= {
                status: {"description": about, "content": _REFUSED} for status, about in _REFUSALS.items()
            }
            for one in operation.get("parameters", []):
                if one.get("required") or f"{path} {one['name']}" in _examples():
                    one["example"] = _example(path, one["name"], one["schema"])
            if body := operation.get("requestBody", {}).get("content", {}).get("application/json"):
                body["example"] = _body_example(path, body["schema"], schemas)


def _body_example(path: str, schema: Part, schemas: Part) -> Part:
    """Make the smallest body that the schema takes."""
    named = next((one for one in (schema, *schema.get("anyOf", []), *schema.get("oneOf", [])) if "$ref" in one), None)
    known = schemas[named["$ref"].rpartition("/")[2]] if named else schema
    properties = known.get("properties", {})
    names = [one for one in properties if one in known.get("required", []) or f"{path} {one}" in _examples()]
    return {name: _example(path, name, properties[name]) for name in names}


def _example(path: str, name: str, schema: Part) -> object:
    known = _examples()
    if f"{path} {name}" in known:
        return known[f"{path} {name}"]
    return schema["enum"][0] if "enum" in schema else known.get(name, schema.get("const", ""))
