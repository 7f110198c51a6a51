"""config/models.toml: what is read, whose key is found where, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.config.agents import read_models
from core.kit.problems import Problem
from core.settings.model import Model

SECRETS = {"OPENAI_API_KEY": "sk-a-secret-key"}
RIGHT = """
[models.big]
base_url = "https://api.example.com/v1"
model = "big-1"
api_key_env = "OPENAI_API_KEY"

[models.local]
base_url = "http://127.0.0.1:11434/v1"
model = "small-1"
at_once = 2
input_price = 0.15
"""


def _secret(name: str) -> SecretStr | None:
    return SecretStr(SECRETS[name]) if name in SECRETS else None


def _read(home: Path, text: str) -> tuple[dict[str, Model], list[Problem]]:
    (home / "config").mkdir(exist_ok=True)
    (home / "config/models.toml").write_text(text, encoding="utf-8")
    problems = list[Problem]()
    return read_models(home, _secret, problems), problems


def test_two_providers_need_two_tables_and_no_code(tmp_path: Path) -> None:
    models, problems = _read(tmp_path, RIGHT)
    assert problems == []
    assert (models["big"].model, models["big"].at_once, models["big"].is_local) == ("big-1", 8, False)
    assert (models["local"].model, models["local"].at_once, models["local"].is_local) == ("small-1", 2, True)
    assert models["local"].key is None
    assert (models["local"].input_price, models["local"].output_price) == (0.15, None)


def test_the_key_is_found_by_its_name_and_never_shown(tmp_path: Path) -> None:
    big = _read(tmp_path, RIGHT)[0]["big"]
    assert big.key is not None
    assert big.key.get_secret_value() == SECRETS["OPENAI_API_KEY"]
    assert SECRETS["OPENAI_API_KEY"] not in f"{big!r} {big.model_dump()} {big.model_dump_json()}"


def test_a_home_without_the_file_has_no_models(tmp_path: Path) -> None:
    problems = list[Problem]()
    assert read_models(tmp_path, _secret, problems) == {}
    assert problems == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[models.x]\nmodel = "m"\n', "models.x.base_url"),
        ('[models.x]\nbase_url = "ftp://a/v1"\nmodel = "m"\n', "models.x.base_url"),
        ('[models.x]\nbase_url = "https://me:word@a/v1"\nmodel = "m"\n', "models.x.base_url"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\napi_key = "sk-1"\n', "models.x.api_key"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\nkey = "sk-1"\n', "models.x.key"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\napi_key_env = "sk-1"\n', "models.x.api_key_env"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\napi_key_env = "NOT_SET"\n', "models.x.api_key_env"),
        ('[models.x]\nbase_url = "http://a/v1"\nmodel = "m"\napi_key_env = "OPENAI_API_KEY"\n', "models.x.base_url"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\nat_once = 0\n', "models.x.at_once"),
        ('[models.x]\nbase_url = "https://a/v1"\nmodel = "m"\ninput_price = -1\n', "models.x.input_price"),
        ('[models]\nx = "y"\n', "models.x"),
        ('model = "x"\n', "model"),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_repeats_no_secret(tmp_path: Path, text: str, key: str) -> None:
    _, problems = _read(tmp_path, text)
    assert [problem.key for problem in problems] == [key]
    assert problems[0].file == "config/models.toml"
    assert problems[0].line is not None
    assert not any("sk-1" in str(problem) or "word" in str(problem) for problem in problems)
