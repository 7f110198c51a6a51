"""Web Push: what needs a user reaches their browser also when no page is open (RFC 8030, 8291, 8292).

A notice route, like Discord: Octet notes whether a notice was pushed. A browser's push address may
lead to its maker's push service only; else Octet would send requests wherever a page says. The service sees no text:
pywebpush, an extra of this package, encrypts it for the one browser."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from bot.verbs.news import pushed
from bot.web.guard import By, Core
from core.coordinator import Coordinator
from core.kit.errors import NotFound, Unavailable
from core.kit.files import write_private
from core.limits import NAME
from core.notices.model import PUSH, NoticePost, Resolution
from core.remedies import refused
from core.security.model import HUB, Actor, LoggedOut, Permission, PushAddress, PushChanged
from core.tasks.model import TaskId

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v2")
Name = Annotated[str, Field(max_length=NAME.most)]

_SERVICES = ("fcm.googleapis.com", "updates.push.services.mozilla.com")
_SERVICES_BELOW = (".push.apple.com", ".notify.windows.com")
_GONE = frozenset({404, 410})
_REST_S, _RETRY_S = 300.0, 60.0
_KEPT_S = 12 * 3600  # so long a push service keeps what it cannot bring to the browser yet
_WAIT_S, _TRIES = 10.0, 5
Send = Callable[[PushAddress, str], int]  # returns the status of the service's answer


def is_push_service(endpoint: str) -> bool:
    """Return whether this is an https address at the push service of a browser's maker."""
    try:
        parts = urlsplit(endpoint)
        is_plain = parts.scheme == "https" and parts.port in {None, 443} and not parts.username
    except ValueError:
        return False
    host = parts.hostname or ""
    return is_plain and (host in _SERVICES or host.endswith(_SERVICES_BELOW))


def is_installed() -> bool:
    return find_spec("pywebpush") is not None


def load_key(path: Path) -> EllipticCurvePrivateKey:
    """Read the key by which push services know this Octet again; write a new one (mode 0600) if there is none. Raises
    key_damaged."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if not path.exists():
        pem, clear = serialization.Encoding.PEM, serialization.NoEncryption()
        new = ec.generate_private_key(ec.SECP256R1())
        write_private(path, new.private_bytes(pem, serialization.PrivateFormat.PKCS8, clear))
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise refused("key_damaged", path=path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise refused("key_damaged", path=path)
    return key


def public_key(key: EllipticCurvePrivateKey) -> str:
    """Return what a browser's page names when it asks for a push address."""
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.UncompressedPoint
    point = key.public_key().public_bytes(serialization.Encoding.X962, form)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def sender(key_file: Path, contact: str) -> Send:
    """Return what encrypts a text and hands it to the push service; `contact` tells the service whose it is."""

    def send(to: PushAddress, text: str) -> int:
        import pywebpush as untyped  # pyright: ignore[reportMissingTypeStubs] - it has no types
        import requests

        pywebpush: Any = untyped
        subscription = {"endpoint": to.endpoint, "keys": {"p256dh": to.p256dh, "auth": to.auth}}
        with requests.Session() as session:
            session.max_redirects = 0  # the list of push services counts for where a request ends, too
            try:
                pywebpush.webpush(
                    subscription,
                    text,
                    vapid_private_key=str(key_file),
                    vapid_claims={"sub": contact},
                    ttl=_KEPT_S,
                    headers={"Urgency": "high"},
                    timeout=_WAIT_S,
                    requests_session=session,
                )
            except pywebpush.WebPushException as error:
                return int(error.response.status_code) if error.response is not None else 0
            except requests.RequestException:
                return 0
            except ValueError:  # the browser's keys are none
                return 400
        return 201

    return send


class Push:
    """Pushes each notice about what a user has to decide once, to the browsers that asked for it: those of the task's
    requester, and of who may log others in (owners, and the operator)."""

    def __init__(self, octet: Coordinator, *, send: Send | None) -> None:
        """Without `send`, where the extra is not installed, only what a former Octet left is taken off the route."""
        self._octet, self._send, self._posts = octet, send, octet.notices.on(PUSH)
        for change in (PushChanged, LoggedOut):
            octet.journal.listen(change, lambda _: self._posts.news.set())

    async def run(self) -> None:
        while True:
            await self._octet.store.until_back()
            try:
                await self.push_due()
            except Unavailable as error:  # the rows stay due
                log.info("push_not_recorded", why=error.message)
            except Exception:  # the outer edge of the loop: the rows stay due
                log.exception("push_failed")
                await asyncio.sleep(_RETRY_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_REST_S, await self._posts.next_due_s())):
                    await self._posts.news.wait()

    async def push_due(self) -> None:
        """Push all that is due, and have the route get notices only as long as a browser wants them."""
        self._posts.news.clear()
        self._posts.want(is_wanted=bool(self._addresses_of_all()))
        while due := await self._posts.due():
            for notice in due:
                await self._push(notice)

    def _addresses_of_all(self) -> Iterable[tuple[str, Actor, PushAddress]]:
        return self._octet.log_ins.push_addresses() if self._send else ()

    async def _push(self, notice: NoticePost) -> None:
        """Push a notice, unless it was pushed before or is settled, and note it."""
        is_new = not notice.posted_revision and not isinstance(notice.detail, Resolution)
        statuses = [await self._send_to(one, notice) for one in await self._addresses(notice)] if is_new else []
        late = [status for status in statuses if status in {0, 429} or status >= 500]  # 0: it did not answer
        if late and notice.attempts < _TRIES:
            why = f"a push service answered {late[0]}" if late[0] else "a push service did not answer"
            await self._posts.again(notice.id, error=why, after_s=_RETRY_S)
        else:
            await self._posts.posted(notice.id, channel="push", message="push", revision=notice.revision)

    async def _addresses(self, notice: NoticePost) -> list[tuple[str, PushAddress]]:
        requester = ""
        with suppress(NotFound):
            if notice.task:
                requester = (await self._octet.tasks.show(TaskId(notice.task), by=HUB)).task.requester
        return [
            (log_in, address)
            for log_in, who, address in self._addresses_of_all()
            if Permission.PERSON_LOG_IN in who.permissions
            or (who.id == requester and Permission.TASK_READ in who.permissions)
        ]

    async def _send_to(self, to: tuple[str, PushAddress], notice: NoticePost) -> int:
        assert self._send is not None
        log_in, address = to
        where = f"tasks/{notice.task}" if notice.task else ""
        text = json.dumps({"text": pushed(notice), "where": f"/page/{where}", "about": notice.about})
        status = await asyncio.to_thread(self._send, address, text)
        if status in _GONE:
            await self._octet.log_ins.set_push(log_in, None, by=HUB)
        elif status >= 400:
            log.warning("push_refused", status=status, service=urlsplit(address.endpoint).hostname)
        return status


class Subscription(BaseModel, frozen=True, extra="forbid"):
    """Where a browser gets notifications, as its `PushManager` says; without an endpoint it gets none any more."""

    endpoint: Annotated[str, Field(max_length=2_000)] = ""
    p256dh: Annotated[str, Field(max_length=NAME.most)] = ""
    auth: Annotated[str, Field(max_length=NAME.most)] = ""


@router.get("/push")
async def key(request: Request, _: By) -> dict[str, str]:
    """Return the key by which push services know this Octet; empty where it pushes nothing."""
    return {"key": request.app.state.push_key}


@router.post("/push/{log_in}")
async def subscribe(log_in: Name, asked: Subscription, core: Core, by: By) -> dict[str, bool]:
    """Push what needs you to the browser of this log-in of yours, or stop that."""
    address = PushAddress(endpoint=asked.endpoint, p256dh=asked.p256dh, auth=asked.auth) if asked.endpoint else None
    if address is not None and not (is_push_service(address.endpoint) and _has_keys(address)):
        raise refused("push_address_refused")
    await core.log_ins.set_push(log_in, address, by=by)
    return {"gets_push": address is not None}


def _has_keys(address: PushAddress) -> bool:
    """Return whether both keys are what RFC 8291 says: a point of the curve, and 16 bytes."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        point, auth = (urlsafe_b64decode(f"{one}{'=' * (-len(one) % 4)}") for one in (address.p256dh, address.auth))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return len(point) == 65 and len(auth) == 16
