"""One ping: a GET to the address that a person gave. Whatever in that address may be secret is never repeated."""

from __future__ import annotations

import ipaddress
from urllib.parse import urljoin, urlsplit

import aiohttp

TIMEOUT_S = 10.0
MOST_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})


def where(url: str) -> str:
    """The address without what may be secret in it: scheme, host and port."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}/…"


async def ping(url: str, *, timeout_s: float = TIMEOUT_S) -> str:
    """Ask for `url` once, within the limit and never at another host; why it was not taken, or nothing."""
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        # Proxies of the environment are for the way out, not for this machine itself.
        async with aiohttp.ClientSession(timeout=limit, trust_env=not _is_loopback(url)) as session:
            return await _ask(session, url)
    except TimeoutError:
        return f"nothing came within {timeout_s:g} s"
    except aiohttp.ClientConnectorError as error:
        return f"it cannot be reached ({error.strerror or type(error.os_error).__name__})"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"it does not answer as it should ({type(error).__name__})"  # its words may repeat the address


async def _ask(session: aiohttp.ClientSession, url: str) -> str:
    for _ in range(MOST_REDIRECTS + 1):
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status not in _MOVED:
                return "" if 200 <= answer.status < 300 else f"it answers with status {answer.status}"
            further = urljoin(url, answer.headers.get("Location", ""))
        if not _is_same_place(url, further):
            return "it sends on to another host, where no ping goes"
        url = further
    return "it sends on again and again"


def _is_same_place(url: str, further: str) -> bool:
    here, there = urlsplit(url), urlsplit(further)
    if here.hostname != there.hostname:
        return False
    if (here.scheme, there.scheme) == ("http", "https"):
        return True
    return (here.scheme, here.port) == (there.scheme, there.port)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
