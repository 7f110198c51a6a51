"""Logging in with Discord in a real browser: behind a proxy with TLS, over the local Discord, and back on the page."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from playwright.async_api import Page, Route, async_playwright, expect
from pydantic import SecretStr

from core.security.model import OPERATOR, HolderId, Role
from core.settings.model import DiscordSettings, HttpSettings, Settings
from sandbox.discord.server import Sandbox
from sandbox.discord.serving import open_sandbox
from scripts import page as building
from tests.bot.web.conftest import CHROMIUM, OPTIONS
from tests.house import House, open_house
from tests.pace import patience

pytestmark = pytest.mark.browser
HOST = "octet.example.org"


def tls(folder: Path) -> ssl.SSLContext:
    """Make a certificate for HOST that no one else trusts."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem")
    return context


@asynccontextmanager
async def proxy(to: int, context: ssl.SSLContext) -> AsyncGenerator[int]:
    """Pass what comes by TLS on to the port `to`, as a user's own proxy does."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", to)
        ends.update((writer, inner[1]))
        await asyncio.gather(copy(reader, inner[1]), copy(inner[0], writer), return_exceptions=True)

    ends = set[asyncio.StreamWriter]()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for one in ends:
        one.close()
    await asyncio.gather(*(one.wait_closed() for one in ends), return_exceptions=True)


@asynccontextmanager
async def browsing(home: Path) -> AsyncGenerator[tuple[House, Sandbox, Page]]:
    """Serve a house at https://HOST, and open a browser that finds it there."""
    building.main()
    async with open_sandbox() as sandbox:
        sandbox.world.redirects.add(f"https://{HOST}/page/discord")
        discord = DiscordSettings(
            client_id=sandbox.world.application_id,
            sandbox=True,
            api_base=sandbox.api_base,
            gateway_url=sandbox.gateway_url,
        )
        settings = Settings(http=HttpSettings(public_url=f"https://{HOST}"), discord=discord).model_copy(
            update={"discord_client_secret": SecretStr(sandbox.world.client_secret)}
        )
        async with (
            open_house(home) as house,
            house.served(settings=settings) as run,
            proxy(run.port, tls(home)) as port,
        ):
            options = [*OPTIONS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{port}"]
            expect.set_options(timeout=patience(30_000))
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
                context = await browser.new_context(ignore_https_errors=True, base_url=f"https://{HOST}")

                async def as_known(route: Route) -> None:
                    key = {"Authorization": f"Bearer {sandbox.keys.key}"}
                    await route.continue_(headers={**route.request.headers, **key})

                await context.route(f"{sandbox.page}**", as_known)  # whose own cookie the browser has at Discord
                yield house, sandbox, await context.new_page()
                await browser.close()


async def test_a_user_logs_in_with_discord_and_is_told_what_is_missing_without_a_role(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (house, sandbox, page):
        await page.goto("/page/tasks")
        await page.get_by_role("button", name="Log in with Discord").click()
        await page.get_by_role("link", name="Authorize as Ada").click()
        await expect(page.get_by_role("alert")).to_contain_text("has no role in Octet that counts everywhere")
        assert page.url == f"https://{HOST}/page", "neither code nor state is left in the address"
        ada = HolderId(f"discord:{sandbox.described()['users']['Ada']}")
        await house.core.people.bind(ada, Role.MEMBER, by=OPERATOR)
        await page.get_by_role("button", name="Log in with Discord").click()
        await page.get_by_role("link", name="Authorize as Ada").click()
        await expect(page.get_by_role("heading", name="Home")).to_be_visible()
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        (cookie,) = [one for one in await page.context.cookies() if one.get("name") == "__Host-octet-log-in"]
        assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Strict")
