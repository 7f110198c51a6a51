"""Logging in on the page: what a browser must show, and what another program that gets its cookie can do."""

from __future__ import annotations

import httpx
import pytest

from bot.web.guard import COOKIE, SECRET
from tests.bot.web.conftest import Face
from tests.house import NO_TLS
from tests.pace import patience


async def link(face: Face) -> str:
    answer = await face.operator.post("/api/v2/page-links")
    assert answer.json()["who"] == "operator"
    return str(answer.json()["address"]).partition("/page#")[2]


async def log_in(face: Face) -> dict[str, str]:
    """Log the stranger's browser in: it keeps the cookie. Return the header with the second secret."""
    answer = await face.stranger.post("/log-in", json={"code": await link(face)})
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    return {SECRET: answer.json()["secret"]}


async def test_looking_at_a_link_uses_nothing_up_and_says_whom_it_logs_in(face: Face) -> None:
    code = await link(face)
    for _ in range(2):
        assert (await face.stranger.post("/log-in/look", json={"code": code})).json() == {"who": "operator"}
    assert (await face.stranger.post("/log-in", json={"code": code})).status_code == 200
    used = await face.stranger.post("/log-in", json={"code": code})
    assert (used.status_code, used.json()["code"]) == (403, "link_expired")


async def test_a_browser_that_is_logged_in_calls_verbs_until_it_logs_out(face: Face) -> None:
    secret = await log_in(face)
    made = await face.stranger.post("/api/v2/tasks", json={"brief": "Count the birds"}, headers=secret)
    assert (made.status_code, made.json()["requester"]) == (201, "operator")
    (mine,) = (await face.stranger.get("/api/v2/log-ins", headers=secret)).json()
    await face.stranger.post(f"/api/v2/log-ins/{mine['id']}/end", headers=secret)
    refused = await face.stranger.get("/api/v2/tasks", headers=secret)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_logged_in")


@pytest.mark.parametrize("missing", ["the second secret", "the cookie"])
async def test_one_of_the_two_secrets_alone_lets_nobody_in(face: Face, missing: str) -> None:
    secret = await log_in(face)
    cookie = {"Cookie": f"{COOKIE}={face.stranger.cookies[COOKIE]}"}
    shown = cookie if missing == "the second secret" else secret
    async with httpx.AsyncClient(verify=NO_TLS, base_url=face.stranger.base_url, timeout=patience(60)) as another:
        both = await another.get("/api/v2/tasks", headers=cookie | secret)
        one = await another.get("/api/v2/tasks", headers=shown)
    assert both.status_code == 200
    assert one.status_code == 401


@pytest.mark.parametrize(
    "foreign", [{"Origin": "http://127.0.0.1:5173"}, {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example"}]
)
async def test_a_page_of_another_address_is_refused_also_with_both_secrets(face: Face, foreign: dict[str, str]) -> None:
    secret = await log_in(face)
    refused = await face.stranger.get("/api/v2/tasks", headers=secret | foreign)
    assert refused.status_code == 403
    assert (await face.stranger.get("/api/v2/tasks", headers=secret)).status_code == 200


async def test_the_page_and_its_views_are_public_and_no_file_outside_is_sent(face: Face) -> None:
    for path in ("/page", "/page/tasks/1", "/page/..%2f__init__.py", "/page/..%2f..%2fdiscord%2ftext.py"):
        answer = await face.stranger.get(path)
        assert answer.headers["content-type"].startswith(("text/html", "text/plain"))
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
