"""Reads config/models.toml: the models that agents with lane = "model" are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from pydantic import Field, SecretStr

from core.config.toml import read_toml
from core.config.validation import editor_schema, refuse_keys, validate
from core.kit.problems import Problem, show
from core.settings.model import Model, Schema

MODELS_TOML = "config/models.toml"


class _ModelsFile(Schema):
    models: dict[str, Model] = Field(description="one table [models.NAME] for each model")


def json_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/models.toml."""
    return editor_schema(_ModelsFile, "The models of Octet")


def read_models(root: Path, secret: Callable[[str], SecretStr | None], problems: list[Problem]) -> dict[str, Model]:
    """Return the models of the home `root`, with their keys; what is wrong is added to `problems`. `secret` finds the
    value of a variable. A home without the file has no models."""
    if not (root / MODELS_TOML).exists() or (file := read_toml(root, MODELS_TOML, problems)) is None:
        return {}
    refuse_keys(file, file.data.keys() - {"models"}, ["models"])
    listed = file.data.get("models", {})
    if not isinstance(listed, dict):
        text = f"must be a table, not {show(listed)}; write [models.NAME]"
        file.report(("models",), "dict_type", text)
        return {}
    found = dict[str, Model]()
    for name, entry in cast("dict[str, object]", listed).items():
        table = file.table("models", name)
        if not isinstance(entry, dict):
            table.report((), "dict_type", f"must be a table, not {show(entry)}; write [models.{name}]")
            continue
        for key in sorted({"key", "api_key"} & table.data.keys()):
            text = "a secret may not stand in this file; put it into .env and name its variable as api_key_env"
            table.report((key,), "secret", text)
        plain = {key: value for key, value in table.data.items() if key not in {"key", "api_key"}}
        model = validate(Model, table.with_data(plain))
        if model is None:
            continue
        key = secret(model.api_key_env) if model.api_key_env else None
        if model.api_key_env and key is None:
            text = f"{model.api_key_env} is set neither in .env nor in the environment; set it there"
            table.report(("api_key_env",), "not_set", text)
        elif key is not None and not model.is_local and not model.base_url.startswith("https://"):
            table.report(("base_url",), "not_https", "must begin with https://, because the key is sent there")
        found[name] = model.model_copy(update={"key": key})
    return found
