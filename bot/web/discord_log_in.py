"""Logging in on the page with Discord (OAuth2: code, PKCE, and a state that only the browser that began can use).

Octet asks Discord only who the user is, keeps no token, and takes the user's roles from its own bindings: roles of one
channel and of the server do not count here (decision 0057)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel, Field

from core.remedies import refused
from core.settings.model import Settings

LASTS_S = 600.0  # so long a browser may take at Discord
_MOST = 100  # log-ins under way at once; a new one ends the oldest
_API, _PAGE = "https://discord.com/api/v10", "https://discord.com/oauth2/authorize"
_WAIT = aiohttp.ClientTimeout(total=10)


class _Token(BaseModel):
    access_token: str


class _User(BaseModel):
    id: str = Field(pattern=r"^\d{1,20}$")


@dataclass(frozen=True, slots=True)
class _Begun:
    browser: str  # the value of this browser's cookie
    verifier: str
    since_s: float


class DiscordLogIn:
    """Log-ins under way. Octet forgets them when it ends."""

    def __init__(self, settings: Settings, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._begun = now_s, dict[str, _Begun]()
        discord, self._secret = settings.discord, settings.discord_client_secret
        self._client, self._public_url = str(discord.client_id or ""), settings.http.public_url or ""
        local = discord.api_base.rstrip("/") if discord.sandbox and discord.api_base else ""
        self._api = local or _API
        self._page = f"{local.removesuffix('/api/v10')}/oauth2/authorize" if local else _PAGE

    @property
    def is_offered(self) -> bool:
        return bool(self._client and self._secret and self._public_url)

    @property
    def _back(self) -> str:
        return f"{self._public_url}/page/discord"

    def begin(self) -> tuple[str, str]:
        """Return the address at Discord, and the value of the cookie that binds the log-in to the browser."""
        state, browser, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        while len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[state] = _Begun(browser, verifier, self._now_s())
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "scope": "identify",
            "redirect_uri": self._back,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._page}?{urlencode(asked)}", browser

    async def confirm(self, code: str, state: str, browser: str) -> str:
        """Return the id of the user whom Discord names for this code, once for each begun log-in. Raises
        log_in_begun_elsewhere and log_in_not_confirmed."""
        begun = self._begun.get(state)
        is_own = begun is not None and hmac.compare_digest(begun.browser.encode(), browser.encode())
        if begun is None or not is_own or self._now_s() - begun.since_s > LASTS_S or self._secret is None:
            raise refused("log_in_begun_elsewhere")
        del self._begun[state]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._client,
            "client_secret": self._secret.get_secret_value(),
            "code_verifier": begun.verifier,
        }
        try:
            async with aiohttp.ClientSession(timeout=_WAIT) as session:
                exchange = session.post(f"{self._api}/oauth2/token", data=form, allow_redirects=False)
                token = _Token.model_validate(await _answer(exchange))
                shown = {"Authorization": f"Bearer {token.access_token}"}
                return _User.model_validate(await _answer(session.get(f"{self._api}/users/@me", headers=shown))).id
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = "its answer is not what Octet expects" if isinstance(error, ValueError) else "it does not answer"
            raise refused("log_in_not_confirmed", why=why) from None  # the error may hold the token


async def _answer(asked: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> object:
    """Read what Discord answers. Raises log_in_not_confirmed where it refuses."""
    async with asked as answer:
        if answer.status != 200:
            raise refused("log_in_not_confirmed", why=f"it answered {answer.status}")
        return await answer.json()


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
