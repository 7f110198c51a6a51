"""Octet behind a user's own https proxy: one more Host and Origin, a cookie for that host, and Discord's log-in."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from bot.web.discord_log_in import LASTS_S, DiscordLogIn
from bot.web.guard import COOKIE, SECRET, PublicAddress
from core.security.model import OPERATOR, HolderId, Role
from core.settings.model import DiscordSettings, HttpSettings, Settings
from sandbox.discord.server import Sandbox
from sandbox.discord.serving import open_sandbox
from tests.builders import refuses
from tests.house import NO_TLS, House, open_house
from tests.pace import patience

PUBLIC = "https://octet.example.org"
BACK = f"{PUBLIC}/page/discord"


@dataclass
class Browser:
    """A browser at one origin: it sends Host, Origin and its cookies as browsers do behind a proxy."""

    client: httpx.AsyncClient
    origin: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, json: object = None, **headers: str) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        own = {"Host": urlsplit(self.origin).netloc, "Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        answer = await self.client.request(method, path, json=json, headers={**own, "Cookie": cookie, **headers})
        for name, one in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = one.value
        return answer


@asynccontextmanager
async def browsing(home: Path, settings: Settings) -> AsyncGenerator[tuple[House, Browser, Browser]]:
    """Serve a house; yield it, a browser at the public address, and one at the loopback address."""
    async with open_house(home) as house, house.served(settings=settings) as run:
        address = f"http://127.0.0.1:{run.port}"
        async with httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=patience(60)) as client:
            yield house, Browser(client, PUBLIC), Browser(client, address)


def public(**discord: object) -> Settings:
    return Settings(http=HttpSettings(public_url=PUBLIC), discord=DiscordSettings.model_validate(discord))


async def test_the_public_address_has_a_cookie_of_its_own_that_goes_by_https_only(tmp_path: Path) -> None:
    async with browsing(tmp_path, public()) as (house, outside, inside):
        entered = await outside.send("POST", "/log-in", {"code": house.core.log_ins.invite("operator", by=OPERATOR)})
        cookie = entered.headers["set-cookie"]
        assert cookie.startswith(f"__Host-{COOKIE}=")
        assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        secret = {SECRET: entered.json()["secret"]}
        assert (await outside.send("GET", "/api/v2/tasks", **secret)).status_code == 200
        link = (await outside.send("POST", "/api/v2/page-links", **secret)).json()["address"]
        assert link.startswith(f"{PUBLIC}/page#")
        plain = {COOKIE: outside.cookies.pop(f"__Host-{COOKIE}")}
        outside.cookies = plain  # as a neighbour under example.org could set it
        assert (await outside.send("GET", "/api/v2/tasks", **secret)).status_code == 401
        entered = await inside.send("POST", "/log-in", {"code": house.core.log_ins.invite("operator", by=OPERATOR)})
        assert "Secure" not in entered.headers["set-cookie"], "a browser would drop it on http"


@pytest.mark.parametrize(
    "foreign",
    [
        {"Host": "evil.example.org"},
        {"Host": "octet.example.org:80"},
        {"Host": "evil.example.org", "X-Forwarded-Host": "octet.example.org"},
        {"Host": "evil.example.org", "Forwarded": "host=octet.example.org;proto=https"},
        {"Origin": "http://octet.example.org"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "http://127.0.0.1:8321"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_hosts_and_origins_stay_refused_whatever_a_proxy_says(
    tmp_path: Path, foreign: dict[str, str]
) -> None:
    async with browsing(tmp_path, public()) as (_, outside, _inside):
        for path in ("/livez", "/log-in/ways"):
            assert (await outside.send("GET", path)).status_code == 200
            assert (await outside.send("GET", path, **foreign)).status_code == 403


async def test_without_a_public_address_no_other_host_is_served(tmp_path: Path) -> None:
    async with browsing(tmp_path, Settings()) as (_, outside, inside):
        assert (await outside.send("GET", "/livez")).json()["code"] == "host_refused"
        assert (await inside.send("GET", "/log-in/ways")).json() == {"discord": False}
        begun = await inside.send("POST", "/log-in/discord")
        assert (begun.status_code, begun.json()["code"]) == (403, "no_log_in_with_discord")


async def test_a_link_from_elsewhere_opens_the_page_and_nothing_else(tmp_path: Path) -> None:
    """Discord's own page is another site; a browser that follows its link says so."""
    follows = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with browsing(tmp_path, public()) as (_, outside, _inside):
        for path, wanted in (("/page/tasks/T-1", {200, 404}), ("/livez", {403}), ("/pages", {403})):
            assert (await outside.send("GET", path, **follows)).status_code in wanted, path
        for more in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "cors"}):
            assert (await outside.send("GET", "/page/tasks/T-1", **(follows | more))).status_code == 403
        assert (await outside.send("POST", "/page", **follows)).status_code == 403


def test_a_cookie_is_read_by_the_name_that_its_address_has() -> None:
    address = PublicAddress(PUBLIC)
    both = f"{COOKIE}=loopback; __Host-{COOKIE}=public"
    assert address.cookie_in(Headers({"host": "octet.example.org", "cookie": both})) == "public"
    assert address.cookie_in(Headers({"host": "127.0.0.1:8321", "cookie": both})) == "loopback"
    assert not PublicAddress().serves(Headers({"host": ""}))


@asynccontextmanager
async def at_discord(home: Path) -> AsyncGenerator[tuple[House, Browser, Sandbox]]:
    async with open_sandbox() as sandbox:
        sandbox.world.redirects.add(BACK)
        settings = public(
            client_id=sandbox.world.application_id,
            sandbox=True,
            api_base=sandbox.api_base,
            gateway_url=sandbox.gateway_url,
        ).model_copy(update={"discord_client_secret": SecretStr(sandbox.world.client_secret)})
        async with browsing(home, settings) as (house, outside, _):
            yield house, outside, sandbox


async def allowed_by(browser: Browser, sandbox: Sandbox, user: str = "Ada") -> dict[str, str]:
    """Begin in this browser, and allow it at Discord as the user; return what Discord sends the browser back with."""
    address = (await browser.send("POST", "/log-in/discord")).json()["address"]
    account = sandbox.described()["users"][user]
    async with httpx.AsyncClient(verify=NO_TLS, headers={"Authorization": f"Bearer {sandbox.keys.key}"}) as discord:
        assert f"Authorize as {user}" in (await discord.get(address)).text
        back = (await discord.get(f"{address}&user={account}")).headers["location"]
    assert back.startswith(f"{BACK}?")
    found = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    assert found["iss"] == "https://discord.com"
    return {"code": found["code"], "state": found["state"]}


async def confirm(browser: Browser, came: dict[str, str]) -> httpx.Response:
    return await browser.send("POST", "/log-in/discord/confirm", came)


async def test_a_user_with_a_role_logs_in_with_discord_and_may_do_what_the_role_allows(tmp_path: Path) -> None:
    async with at_discord(tmp_path) as (house, browser, sandbox):
        ada = HolderId(f"discord:{sandbox.described()['users']['Ada']}")
        await house.core.people.bind(ada, Role.MEMBER, by=OPERATOR)
        assert (await browser.send("GET", "/log-in/ways")).json() == {"discord": True}
        came = await allowed_by(browser, sandbox)
        entered = await confirm(browser, came)
        secret = {SECRET: entered.json()["secret"]}
        made = await browser.send("POST", "/api/v2/tasks", {"brief": "Count the birds"}, **secret)
        assert (made.status_code, made.json()["requester"]) == (201, ada)
        assert (await browser.send("POST", "/api/v2/config/reload", **secret)).status_code == 403
        again = await confirm(browser, came)
        assert (again.status_code, again.json()["code"]) == (403, "log_in_begun_elsewhere"), "it counts once"
        assert sandbox.world.client_secret not in str(
            Settings(discord_client_secret=SecretStr(sandbox.world.client_secret))
        )


async def test_only_roles_that_count_everywhere_let_a_user_in(tmp_path: Path) -> None:
    async with at_discord(tmp_path) as (house, browser, sandbox):
        ada = HolderId(f"discord:{sandbox.described()['users']['Ada']}")
        await house.core.people.bind(ada, Role.OWNER, channel="77", by=OPERATOR)
        crew = HolderId(f"discord-role:{sandbox.world.crew_id}")
        await house.core.people.bind(crew, Role.ADMIN, by=OPERATOR)
        for user in ("Ada", "Ben"):
            refused = await confirm(browser, await allowed_by(browser, sandbox, user))
            assert (refused.status_code, refused.json()["code"]) == (403, "log_in_without_role")
            assert "/admin bind" in refused.json()["detail"]
        assert await house.core.log_ins.list(by=OPERATOR) == ()


async def test_a_log_in_that_began_in_another_browser_is_refused_and_costs_it_nothing(tmp_path: Path) -> None:
    async with at_discord(tmp_path) as (house, browser, sandbox):
        ada = HolderId(f"discord:{sandbox.described()['users']['Ada']}")
        await house.core.people.bind(ada, Role.VIEWER, by=OPERATOR)
        came = await allowed_by(browser, sandbox)
        thief = Browser(browser.client, PUBLIC)
        other = await allowed_by(thief, sandbox)
        mixed = {"code": came["code"], "state": other["state"]}
        for stranger, what in ((Browser(browser.client, PUBLIC), came), (thief, came), (browser, mixed)):
            refused = await confirm(stranger, what)
            assert (refused.status_code, refused.json()["code"]) == (403, "log_in_begun_elsewhere")
        injected = await confirm(thief, mixed)
        assert injected.json()["code"] == "log_in_not_confirmed", "Ada's code needs the verifier of Ada's own log-in"


async def test_what_discord_refuses_or_does_not_answer_lets_nobody_in(tmp_path: Path) -> None:
    async with at_discord(tmp_path) as (_, browser, sandbox):
        came = await allowed_by(browser, sandbox)
        refused = await confirm(browser, {**came, "code": "invented"})
        assert (refused.status_code, refused.json()["code"]) == (503, "log_in_not_confirmed")
        came = await allowed_by(browser, sandbox)
        sandbox.world.client_secret = "another"
        assert "it answered 401" in (await confirm(browser, came)).json()["detail"]


async def test_a_log_in_lasts_ten_minutes_and_a_crowd_ends_the_oldest() -> None:
    now_s = 0.0
    settings = public(client_id=1).model_copy(update={"discord_client_secret": SecretStr("x")})
    discord = DiscordLogIn(settings, now_s=lambda: now_s)
    states = list[tuple[str, str]]()
    for _ in range(101):
        address, browser = discord.begin()
        states.append((parse_qs(urlsplit(address).query)["state"][0], browser))
    with refuses("log_in_begun_elsewhere"):
        await discord.confirm("code", *states[0])
    now_s = LASTS_S + 1
    with refuses("log_in_begun_elsewhere"):
        await discord.confirm("code", *states[-1])


async def test_the_address_at_discord_asks_for_the_users_name_only_and_with_pkce() -> None:
    settings = public(client_id=42).model_copy(update={"discord_client_secret": SecretStr("x")})
    address, _ = DiscordLogIn(settings).begin()
    assert address.startswith("https://discord.com/oauth2/authorize?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    fixed = {"response_type": "code", "client_id": "42", "scope": "identify", "code_challenge_method": "S256"}
    assert fixed.items() <= asked.items()
    assert asked["redirect_uri"] == BACK
    assert len(asked["code_challenge"]) == len(urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"="))
