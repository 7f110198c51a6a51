"""Logging in elsewhere with an account of this chat (OAuth2, authorization code with PKCE): the page on which a user
allows it, and the exchange of the code for a token.

Discord's description has no schema of these two; they follow its documentation of OAuth2 and RFC 6749, 7636, 9207."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from sandbox.discord.rest.requests import answer
from sandbox.discord.world import World

ISSUER = "https://discord.com"
LASTS_S = 604_800
_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(slots=True, kw_only=True, frozen=True)
class _Allowed:
    """What a user allowed, for one code."""

    user: int
    redirect: str
    scope: str
    challenge: str


class LogInRoutes:
    """Serves both endpoints for the one application."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, _Allowed] = {}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [web.get("/oauth2/authorize", self.authorize), web.post(f"{prefix}/oauth2/token", self.exchange)]

    async def authorize(self, request: web.Request) -> web.Response:
        """Offer to allow it as each user; with `user` send that user's browser back with a code."""
        asked = dict(request.query)
        user = asked.pop("user", "")
        if wrong := self._wrong(asked):
            return web.Response(status=400, text=f"{wrong}\n")
        people = {str(one.id): one for one in self._world.people()}
        if user not in people:
            links = "".join(
                f'<li><a href="?{escape(urlencode({**asked, "user": one}))}">Authorize as {escape(found.name)}</a></li>'
                for one, found in people.items()
            )
            headers = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
            return web.Response(text=f"<ul>{links}</ul>", content_type="text/html", headers=headers)
        code = secrets.token_urlsafe(22)
        self._codes[code] = _Allowed(
            user=int(user),
            redirect=asked["redirect_uri"],
            scope=asked["scope"],
            challenge=asked.get("code_challenge", ""),
        )
        back = {"code": code, "iss": ISSUER, **({"state": asked["state"]} if "state" in asked else {})}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    def _wrong(self, asked: dict[str, str]) -> str:
        if asked.get("client_id") != str(self._world.application_id):
            return "Unknown Application"
        if asked.get("redirect_uri") not in self._world.redirects:
            return "Invalid OAuth2 redirect_uri"
        if asked.get("response_type") != "code":
            return "Only response_type=code is kept here"
        if asked.get("scope") != "identify":
            return "Only scope=identify is kept here"
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return "Only code_challenge_method=S256 is supported"
        return ""

    async def exchange(self, request: web.Request) -> web.Response:
        """Exchange a code, once, for a token of its user."""
        if request.content_type != "application/x-www-form-urlencoded":
            return _refused("invalid_request", "The body must be a form")
        form = dict(parse_qsl(await request.text()))
        if not self._is_application(request.headers.get("Authorization", ""), form):
            return answer({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "authorization_code":
            return answer({"error": "unsupported_grant_type"}, status=400)
        allowed = self._codes.pop(form.get("code", ""), None)
        if allowed is None:
            return _refused("invalid_grant", 'Invalid "code" in request.')
        if form.get("redirect_uri") != allowed.redirect:
            return _refused("invalid_grant", 'Invalid "redirect_uri" in request.')
        verifier = form.get("code_verifier", "")
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if allowed.challenge and not hmac.compare_digest(challenge, allowed.challenge):
            return _refused("invalid_grant", 'Invalid "code_verifier" in request.')
        token = secrets.token_urlsafe(22)
        self._world.user_tokens[token] = allowed.user
        more = {"expires_in": LASTS_S, "refresh_token": secrets.token_urlsafe(22), "scope": allowed.scope}
        return answer({"token_type": "Bearer", "access_token": token, **more})

    def _is_application(self, header: str, form: dict[str, str]) -> bool:
        """Return whether the client shows its id and secret, in the header or in the form."""
        given = f"{form.get('client_id', '')}:{form.get('client_secret', '')}"
        if header.startswith("Basic "):
            try:
                given = b64decode(header.removeprefix("Basic "), validate=True).decode(errors="replace")
            except NotBase64:
                return False
        known = f"{self._world.application_id}:{self._world.client_secret}"
        return hmac.compare_digest(given.encode(), known.encode())


def _refused(error: str, why: str) -> web.Response:
    return answer({"error": error, "error_description": why}, status=400)
