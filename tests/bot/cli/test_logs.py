"""No secret leaves by the log."""

from __future__ import annotations

import base64
import hashlib
import hmac

from bot.cli.logs import scrub
from core.kit.ids import RandomIds
from core.security.codes import ReplyKeys, TaskCodes


def test_what_is_named_like_a_secret_is_hidden() -> None:
    line = scrub(None, "info", {"event": "x", "token": "abc", "discord_token": "abc", "code": "abc", "port": 1})
    assert line == {"event": "x", "token": "…", "discord_token": "…", "code": "…", "port": 1}


def test_a_real_code_and_a_real_reply_key_are_hidden_wherever_they_stand() -> None:
    codes = TaskCodes(home_id=RandomIds().marker(6), key=b"k" * 32)
    code, key = codes.code("T-142", 1), ReplyKeys(key=b"k" * 32).key("Agent-1.b")
    line = scrub(None, "info", {"event": f"ran octet done T-142 --code {code} --file a", "env": f"K={key}"})
    assert code not in str(line)
    assert line["env"] == "K=…"
    assert line["event"] == "ran octet done T-142 --code … --file a"


def test_what_is_no_code_stays() -> None:
    digest = base64.b32encode(hmac.new(b"k", b"x", hashlib.sha256).digest()[:16]).decode()
    line = {"event": "x", "file": "answer.md", "digest": digest.rstrip("=")}
    assert scrub(None, "info", dict(line)) == line
