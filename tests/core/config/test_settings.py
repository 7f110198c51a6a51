"""Settings: their order, their secrets, and the home they are read from."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from core.config.settings import SECTIONS, holds_ping_url, read_settings
from core.config.validation import descriptions
from core.home import Home, find_home
from core.kit.problems import Problem
from core.settings.model import Settings
from tests.builders import refuses

ROOT = Path(__file__).parents[3]
TOKEN = "MTA0MjY4MzQ1Njc4OTAxMjM0NQ.GaBcDe.0123456789abcdefghijklmnopqrstuvwxyz-_"


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("OCTET_")]:
        monkeypatch.delenv(name)


def make_home(tmp_path: Path, *, toml: str = "", env: str | None = None) -> Home:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/octet.toml").write_text(toml, encoding="utf-8")
    if env is not None:
        (tmp_path / ".env").write_text(env, encoding="utf-8")
    return Home(root=tmp_path)


def read(home: Home) -> tuple[Settings, list[str]]:
    problems: list[Problem] = []
    settings = read_settings(home, problems)
    return settings, [str(problem) for problem in problems]


def test_the_environment_is_stronger_than_env_file_and_that_than_octet_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = '[http]\nport = 1\n[dispatch]\nmax_retries = 1\nmax_rejections_per_hour = 1\n[log]\nlevel = "debug"\n'
    home = make_home(tmp_path, toml=toml, env="OCTET_HTTP__PORT=2\nOCTET_DISPATCH__MAX_RETRIES=2\n")
    monkeypatch.setenv("OCTET_HTTP__PORT", "3")

    settings, problems = read(home)

    assert problems == []
    assert settings.http.port == 3
    assert settings.dispatch.max_retries == 2
    assert settings.dispatch.max_rejections_per_hour == 1
    assert settings.log.level == "debug"
    assert settings.http.host == "127.0.0.1"


def test_an_empty_variable_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path, toml="[http]\nport = 1\n", env="OCTET_DISCORD_TOKEN=\n")
    monkeypatch.setenv("OCTET_HTTP__PORT", "")

    settings, problems = read(home)

    assert problems == []
    assert settings.http.port == 1
    assert settings.discord_token is None


def test_the_token_comes_from_env_file_and_is_never_shown(tmp_path: Path) -> None:
    settings, problems = read(make_home(tmp_path, env=f"OCTET_DISCORD_TOKEN={TOKEN}\n"))

    assert problems == []
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)


@pytest.mark.parametrize("toml", [f'[discord]\ntoken = "{TOKEN}"\n', f'discord_token = "{TOKEN}"\n'])
def test_a_secret_in_octet_toml_is_refused_without_being_repeated(tmp_path: Path, toml: str) -> None:
    settings, problems = read(make_home(tmp_path, toml=toml))

    assert settings.discord_token is None
    assert len(problems) == 1
    assert "this file may not contain a secret" in problems[0]
    assert TOKEN not in problems[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("OCTET_DISCORD_TOKEN=changeme", "OCTET_DISCORD_TOKEN: this is not a bot's token"),
        ("OCTET_HOME=changeme", "OCTET_HOME: has no effect here"),
    ],
    ids=["placeholder", "home"],
)
def test_a_value_that_env_file_cannot_set_is_refused_and_not_repeated(tmp_path: Path, line: str, says: str) -> None:
    _, [problem] = read(make_home(tmp_path, env=f"{line}\n"))

    assert problem.startswith(f".env:1: {says}")
    assert "changeme" not in problem


def test_other_addresses_are_refused_without_sandbox_and_taken_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = '[discord]\napi_base = "http://127.0.0.1:1/api"\ngateway_url = "ws://127.0.0.1:1/"\n'
    home = make_home(tmp_path, toml=toml, env="OCTET_DISCORD_TOKEN=stand-in\n")

    _, refused = read(home)
    monkeypatch.setenv("OCTET_DISCORD__SANDBOX", "true")
    settings, taken = read(home)

    assert [line.partition(" is ")[0] for line in refused] == [
        "config/octet.toml:2: discord.api_base:",
        "config/octet.toml:3: discord.gateway_url:",
        ".env:1: OCTET_DISCORD_TOKEN: this",
    ]
    assert taken == []
    assert settings.discord.api_base == "http://127.0.0.1:1/api"


def test_a_broken_sandbox_brings_no_second_complaint(tmp_path: Path) -> None:
    toml = '[discord]\nsandbox = "yes"\napi_base = "http://127.0.0.1:1/api"\n'

    _, problems = read(make_home(tmp_path, toml=toml))

    assert problems == ['config/octet.toml:2: discord.sandbox: must be true or false, not "yes"']


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_is_taken(tmp_path: Path, host: str) -> None:
    settings, problems = read(make_home(tmp_path, toml=f'[http]\nhost = "{host}"\n'))

    assert problems == []
    assert settings.http.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "octet.example", ""])
def test_any_other_host_is_refused(tmp_path: Path, host: str) -> None:
    _, problems = read(make_home(tmp_path, toml=f'[http]\nhost = "{host}"\n'))

    assert len(problems) == 1
    assert problems[0].startswith("config/octet.toml:2: http.host: must be an address of this machine only")


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://octet.example.org", "https://octet.example.org"),
        ("https://Octet.Example.org:443/", "https://octet.example.org"),
        ("https://octet.example.org:8443", "https://octet.example.org:8443"),
    ],
)
def test_a_public_address_is_taken_as_browsers_write_it(tmp_path: Path, url: str, taken: str) -> None:
    settings, problems = read(make_home(tmp_path, toml=f'[http]\npublic_url = "{url}"\n'))

    assert problems == []
    assert settings.http.public_url == taken


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://octet.example.org",
            "https://octet.example.org/page",
            "octet.example.org",
            "https://",
            "",
            "https://a b",
        ),
        *(
            "https://octet.example.org?x=1",
            "https://me@octet.example.org",
            "https://octet.example.org:x",
            "https://[::1]",
        ),
        *("https://127.0.0.1", "https://localhost", "https://octet.example.org#x", "https://octet.example.org:99999"),
    ],
)
def test_any_other_form_of_a_public_address_is_refused(tmp_path: Path, url: str) -> None:
    _, problems = read(make_home(tmp_path, toml=f'[http]\npublic_url = "{url}"\n'))

    assert len(problems) == 1
    assert problems[0].startswith("config/octet.toml:2: http.public_url: must be https:// and a host")


def test_a_log_in_with_discord_needs_a_public_address_and_a_secret(tmp_path: Path) -> None:
    alone, public = "[discord]\nclient_id = 5\n", '[discord]\nclient_id = 5\n[http]\npublic_url = "https://a.example"\n'
    for number, (toml, env, why) in enumerate(
        (
            (alone, "", "also needs public_url in [http]"),
            (public, "", "also needs OCTET_DISCORD_CLIENT_SECRET=… in .env"),
            (public, "OCTET_DISCORD_CLIENT_SECRET=shh\n", ""),
        )
    ):
        (tmp_path / str(number)).mkdir()
        settings, problems = read(make_home(tmp_path / str(number), toml=toml, env=env))
        assert [why in one and "octet.toml:2: discord.client_id" in one for one in problems] == [True] * bool(why)
        assert "shh" not in repr(settings)
        assert bool(settings.discord_client_secret) == bool(env)


def test_the_client_secret_has_no_place_in_octet_toml(tmp_path: Path) -> None:
    _, problems = read(make_home(tmp_path, toml='[discord]\nclient_secret = "shh"\n'))

    assert [("secret" in one, "shh" in one) for one in problems] == [(True, False)]


def test_a_misspelt_variable_and_one_of_a_whole_section_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTET_HTTP__PROT", "1")
    monkeypatch.setenv("OCTET_LOG", "{")

    _, problems = read(make_home(tmp_path))

    assert problems[0] == 'environment: OCTET_HTTP__PROT: there is no such setting; did you mean "OCTET_HTTP__PORT"?'
    assert problems[1].startswith("environment: OCTET_LOG: has no effect")
    assert len(problems) == 2


def test_every_setting_stands_in_the_shipped_file_as_a_comment_with_its_default() -> None:
    text = (ROOT / "config/octet.toml").read_text(encoding="utf-8")
    assert all(table == {} for table in tomllib.loads(text).values()), "the shipped file changes nothing"

    shown = tomllib.loads(re.sub(r"(?m)^# (?=\w+ = )", "", text))

    assert {section: set(keys) for section, keys in shown.items()} == {
        name: set(schema.model_fields) for name, schema in SECTIONS.items()
    }
    for section, schema in SECTIONS.items():
        for key, field in schema.model_fields.items():
            assert descriptions(schema).get(key), f"{section}.{key} says nothing"
            if field.default is not None:
                assert shown[section][key] == field.default or (shown[section][key], field.default) == ([], frozenset())


def test_the_home_is_the_option_else_the_variable_else_here_else_the_users(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "config").mkdir(parents=True)
    env = {"OCTET_HOME": "by-variable"}

    assert find_home(Path("by-option"), env, here).root == here / "by-option"
    assert find_home(None, env, here).root == here / "by-variable"
    users = find_home(None, {}, here).root
    assert users.name == "octet"
    assert users != here
    (here / "config/octet.toml").touch()
    assert find_home(None, {"OCTET_HOME": ""}, here).root == here


@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028"])
def test_a_home_whose_path_has_a_control_character_is_refused_wherever_it_is_named(tmp_path: Path, sign: str) -> None:
    """Its path stands in scripts, units, prompts and log lines: a second line there would be a command of its own."""
    odd = tmp_path / f"octet{sign}home"
    (odd / "config").mkdir(parents=True)
    (odd / "config/octet.toml").touch()
    for home, env, cwd in ((odd, {}, tmp_path), (None, {"OCTET_HOME": str(odd)}, tmp_path), (None, {}, odd)):
        with refuses("home_refused") as refused:
            find_home(home, env, cwd)
        assert sign not in refused.value.message
        assert "--home" in refused.value.message
    assert find_home(tmp_path / "octet café 家", {}, tmp_path).root.name == "octet café 家"


def test_fault_points_come_from_the_environment_only_and_from_a_folder_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tickets"
    folder.mkdir(mode=0o700)
    home = make_home(tmp_path, env=f"OCTET_FAULT_POINTS={folder}\n")
    settings, problems = read(home)
    assert settings.fault_points is None
    assert problems == [
        ".env:1: OCTET_FAULT_POINTS: has no effect here: it is for tests, in the environment of one run"
    ]

    (tmp_path / ".env").unlink()
    monkeypatch.setenv("OCTET_FAULT_POINTS", str(folder))
    assert read(home) == (Settings(fault_points=folder), [])
    folder.chmod(0o777)
    settings, problems = read(home)
    assert settings.fault_points is None
    assert len(problems) == 1
    assert problems[0].startswith("environment: OCTET_FAULT_POINTS: ")
    assert "others may write in" in problems[0]

    (tmp_path / "config/octet.toml").write_text(f'fault_points = "{folder}"\n')
    monkeypatch.delenv("OCTET_FAULT_POINTS")
    settings, problems = read(home)
    assert settings.fault_points is None
    assert len(problems) == 1


@pytest.mark.parametrize("url", ["https://hc.example.org/ping/x", "http://127.0.0.1:8000/x", "http://localhost/x"])
def test_an_address_to_ping_is_taken_and_never_shown(tmp_path: Path, url: str) -> None:
    settings, problems = read(make_home(tmp_path, toml=f'[alarm]\nping_url = "{url}"\n'))
    assert problems == []
    assert settings.alarm.ping_url is not None
    assert settings.alarm.ping_url.get_secret_value() == url
    assert url not in repr(settings)
    assert holds_ping_url(Home(root=tmp_path))


def test_an_address_to_ping_stands_in_the_file_of_secrets_as_the_token_does(tmp_path: Path) -> None:
    url = "https://hc.example.org/ping/secret-1"
    home = make_home(
        tmp_path, toml='[alarm]\nping_url = "https://old.example.org/"\n', env=f"OCTET_ALARM__PING_URL={url}\n"
    )
    settings, problems = read(home)
    assert problems == []
    assert settings.alarm.ping_url is not None
    assert settings.alarm.ping_url.get_secret_value() == url, "it is stronger than octet.toml"
    (tmp_path / "config/octet.toml").write_text("")
    assert not holds_ping_url(home)
    (tmp_path / ".env").write_text("OCTET_ALARM__PING_URL=http://hc.example.org/secret-1\n")
    [problem] = read(home)[1]
    assert problem.startswith(".env:1: OCTET_ALARM__PING_URL: must begin with https://")
    assert "secret-1" not in problem


@pytest.mark.parametrize(
    "url",
    [
        *("http://hc.example.org/secret-1", "ftp://x/secret-1", "secret-1", "https:///secret-1"),
        *(
            "https://hc.example.org:99999/secret-1",
            "https://hc.example.org:secret-1/",
            "https://hc.example.org:0/secret-1",
        ),
    ],
)
def test_an_address_to_ping_in_the_clear_or_of_no_host_is_refused_without_repeating_it(
    tmp_path: Path, url: str
) -> None:
    settings, problems = read(make_home(tmp_path, toml=f'[alarm]\nping_url = "{url}"\n'))
    assert settings.alarm.ping_url is None
    [problem] = problems
    assert problem.startswith("config/octet.toml:2: alarm.ping_url: must begin with https://") or (
        "must be a complete address" in problem
    )
    assert "secret-1" not in problem
