"""What a log hides: every code, key and token that Octet makes or knows, whatever stands around it; nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.settings import read_settings
from core.home import Home
from core.kit import redaction
from core.kit.console import speak_utf8
from core.kit.ids import Ids
from core.security.codes import ReplyKeys, TaskCodes
from core.security.keys import load_key

around = st.sampled_from(["", " ", "'", '"', "=", ":", "/", "\n", "(", ",", "K=", "--code ", "é", "答"])


@given(task=st.integers(1, 9999), fence=st.integers(1, 99), name=st.from_regex(r"[A-Za-z][\w.-]{0,31}", fullmatch=True))
def test_every_code_and_reply_key_is_hidden(task: int, fence: int, name: str) -> None:
    code = TaskCodes(home_id=Ids().marker(6), key=b"k" * 32).code(f"T-{task}", fence)
    key = ReplyKeys(key=b"k" * 32).key(name)
    assert redaction.redacted(f"octet done T-1 --code {code} --file a; {key}") == "octet done T-1 --code … --file a; …"


@given(before=around, after=around)
def test_a_secret_is_hidden_whatever_stands_around_it(before: str, after: str) -> None:
    made = Ids().secret()
    assert redaction.redacted(f"x {before}{made}{after} y") == f"x {before}…{after} y"
    assert redaction.redacted("{'Authorization': 'Bearer 0123456789abcdef'}") == "{'Authorization': 'Bearer …'}"


def test_what_a_home_holds_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    key = load_key(tmp_path / "audit.key").hex()
    token, url = "fake-token-of-a-test", "https://hc.example/3a9b"
    (tmp_path / ".env").write_text(
        f"OCTET_DISCORD_TOKEN={token}\nOCTET_DISCORD__SANDBOX=1\nOCTET_ALARM__PING_URL={url}\n"
    )
    read_settings(Home(root=tmp_path), [])
    assert redaction.redacted(f"{key} {token} {url} x") == "… … … x"


@pytest.mark.parametrize(
    "text", ["", "answer.md", "T-142", "core.kit.redaction", "2026-11-22T18:00:00.000000Z", "a" * 5000]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redaction.redacted(text) == text


def test_standard_error_hides_secrets_and_standard_output_shows_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`octet agent env` prints a reply key; an error of a library, or Python's own last words, must not."""
    shown = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, content in shown.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(content))
    speak_utf8()
    key = ReplyKeys(key=b"k" * 32).key("Agent-1")
    for stream in (sys.stdout, sys.stderr):
        print(f"key {key}", file=stream, flush=True)
    assert {name: content.getvalue().decode() for name, content in shown.items()} == {
        "stdout": f"key {key}\n",
        "stderr": "key …\n",
    }


def test_a_digest_is_no_code() -> None:
    digest = base64.b32encode(hmac.new(b"k", b"x", hashlib.sha256).digest()[:16]).decode().rstrip("=")
    assert redaction.redacted(f"digest={digest} {'0123abcd' * 8}") == f"digest={digest} {'0123abcd' * 8}"
