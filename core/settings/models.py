"""The models that agents with lane = "model" are, and where each is reached."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from core.kit.problems import show
from core.settings.model import Schema, is_loopback

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

    base_url: Annotated[str, AfterValidator(_base_url)]
    """Address of the API, for example "https://api.openai.com/v1" or "http://127.0.0.1:11434/v1"."""
    model: Annotated[str, Field(min_length=1, max_length=200)]  # What the API calls the model
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    """Name of the variable in .env or the environment that holds the key; left out for an API without."""
    at_once: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many requests of all its agents may be under way at the same time."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0  # How long one whole answer may take, in seconds
    key: SkipJsonSchema[SecretStr | None] = Field(default=None, exclude=True)

    @property
    def is_local(self) -> bool:
        """Whether the API runs on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")
