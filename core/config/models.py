"""Reads config/models.toml: the models that agents with lane = "model" are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from pydantic import Field, SecretStr

from core.config.toml import read_toml
from core.config.validation import check
from core.kit.problems import Problem, known, show
from core.kit.schemas import DRAFT, Schema
from core.settings.models import Model

MODELS_TOML = "config/models.toml"


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
