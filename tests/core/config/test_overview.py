"""What is configured, and from where: each item with its file and line, and no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.config.overview import list_items
from core.home import Home
from core.settings.model import ConfigItem, ConfigKind

SECRET = "sk-0123456789"
FILES = {
    "config/octet.toml": '[http]\nport = 1\n\n[log]\n# loud\nlevel = "debug"\n',
    ".env": f"# mine\nOCTET_HTTP__PORT=2\nOCTET_DISCORD_TOKEN={SECRET}\n",
    "config/agents.toml": '# mine\n[[agents]]\nname = "Ada"\n\n[[agents]]\nname = "Bob"\n',
    "config/desks/main.toml": '[[windows]]\nname = "left"\n\n[[windows]]\nname = "right"\n',
    "config/models.toml": '[models.small]\nmodel = "x"\napi_key_env = "SMALL_KEY"\n',
    "config/profiles/broken.toml": "this is no TOML",
}


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ConfigItem]:
    for name in [name for name in os.environ if name.upper().startswith("OCTET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SMALL_KEY", SECRET)
    monkeypatch.setenv("OCTET_LOG__LEVEL", "error")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {one.name: one for one in list_items(Home(root=tmp_path))}


def test_each_setting_names_the_place_that_counts(items: dict[str, ConfigItem]) -> None:
    found = {name: (one.value, one.file, one.line) for name, one in items.items() if one.kind is ConfigKind.SETTING}
    assert found["[http] port"] == ("2", ".env", 2)
    assert found["[log] level"] == ('"error"', "environment", None)
    assert found["[http] host"] == ('"127.0.0.1"', "", None)
    assert items["[discord] guild_id"].is_set is False


def test_a_secret_is_only_set_or_not(items: dict[str, ConfigItem]) -> None:
    found = {name: (one.is_set, one.file, one.line) for name, one in items.items() if one.kind is ConfigKind.SECRET}
    assert found == {
        "OCTET_DISCORD_TOKEN": (True, ".env", 3),
        "OCTET_ALARM__PING_URL": (False, "", None),
        "SMALL_KEY": (True, "environment", None),
    }
    assert SECRET not in repr(items)


def test_agents_desks_and_models_have_the_lines_where_they_begin(items: dict[str, ConfigItem]) -> None:
    found = {name: (one.kind.value, one.file, one.line) for name, one in items.items()}
    assert found["Ada"] == ("agent", "config/agents.toml", 2)
    assert found["Bob"] == ("agent", "config/agents.toml", 5)
    assert found["main"] == ("desk", "config/desks/main.toml", 1)
    assert items["main"].value == "left, right"
    assert found["small"] == ("model", "config/models.toml", 1)
    assert "broken" not in found, "its problem is another list's"
