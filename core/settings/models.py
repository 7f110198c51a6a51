"""config/models.toml: the models that agents with lane = "model" are, and where each is reached."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from core.kit.problems import Problem, known, show
from core.kit.schemas import DRAFT, Schema, check
from core.kit.toml import read_toml

MODELS_TOML = "config/models.toml"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError(f'must be the address of an API, for example "https://api.openai.com/v1", not {show(text)}')
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address without a user, a query or a fragment; the key belongs into api_key_env")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):  # it may be the key itself: never repeat it
        raise ValueError('must be the name of an environment variable, for example "OPENAI_API_KEY", not the key')
    return text


class Model(Schema):
    """`[models.NAME]`: one model behind an API that speaks chat completions."""

    base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        description='address of the API, for example "https://api.openai.com/v1" or "http://127.0.0.1:11434/v1"'
    )
    model: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="what the API calls the model")
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = Field(
        default=None,
        description="name of the variable in .env or the environment that holds the key; left out for an API without",
    )
    at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=8, description="how many requests of all its agents may be under way at the same time"
    )
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=600.0, description="how long one whole answer may take, in seconds"
    )
    key: SkipJsonSchema[SecretStr | None] = Field(default=None, exclude=True)

    @property
    def is_local(self) -> bool:
        """Whether the API runs on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


class _Models(Schema):
    models: dict[str, Model] = Field(description="one table [models.NAME] for each model")


def json_schema() -> dict[str, object]:
    """Return what editors need to complete and check config/models.toml."""
    return {"$schema": DRAFT, **_Models.model_json_schema(), "title": "The models of Octet"}


def read_models(root: Path, secret: Callable[[str], SecretStr | None], problems: list[Problem]) -> dict[str, Model]:
    """Return the models of the home `root`, with their keys; what is wrong is added to `problems`.

    `secret` finds the value of a variable. A home without the file has no models.
    """
    if not (root / MODELS_TOML).exists():
        return {}
    file = read_toml(root / MODELS_TOML, MODELS_TOML)
    if isinstance(file, Problem):
        problems.append(file)
        return {}
    problems.extend(
        file.problem((key,), f"there is no such key here; {known(['models'])}") for key in file.data if key != "models"
    )
    listed = file.data.get("models", {})
    if not isinstance(listed, dict):
        problems.append(file.problem(("models",), f"must be a table, not {show(listed)}; write [models.NAME]"))
        return {}
    found = dict[str, Model]()
    for name, entry in cast("dict[str, object]", listed).items():
        at = ("models", name)
        if not isinstance(entry, dict):
            problems.append(file.problem(at, f"must be a table, not {show(entry)}; write [models.{name}]"))
            continue
        table = cast("dict[str, object]", entry)
        for key in sorted({"key", "api_key"} & table.keys()):
            text = "a secret may not stand in this file; put it into .env and name its variable as api_key_env"
            problems.append(file.problem((*at, key), text))
        model = check(Model, {key: value for key, value in table.items() if key not in {"key", "api_key"}}, file, at)
        if isinstance(model, list):
            problems.extend(model)
            continue
        key = secret(model.api_key_env) if model.api_key_env else None
        if model.api_key_env and key is None:
            text = f"{model.api_key_env} is set neither in .env nor in the environment; set it there"
            problems.append(file.problem((*at, "api_key_env"), text))
        elif key is not None and not model.is_local and not model.base_url.startswith("https://"):
            problems.append(file.problem((*at, "base_url"), "must begin with https://, because the key is sent there"))
        found[name] = model.model_copy(update={"key": key})
    return found
