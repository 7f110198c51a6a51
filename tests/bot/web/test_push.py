"""Web Push: an encrypted message to a push service that is held to RFC 8030, 8291 and 8292, once, to who needs it."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from bot.web.push import Push, is_push_service, load_key, public_key, sender
from core.coordinator import Coordinator
from core.kit.supervise import supervise
from core.notices.model import PUSH, NoticeKind
from core.security.model import HUB, OPERATOR, HolderId, NewLogIn, PushAddress, Role
from core.store.engine import Tx
from core.store.errors import StoreUnavailable
from core.tasks.model import NewTask
from tests.bot.web.conftest import Face
from tests.bot.web.test_log_in import log_in
from tests.builders import make_person, refuses
from tests.house import open_house

VIEWER, REQUESTER = make_person(7, "Vic", Role.VIEWER), make_person(8, "Mia", Role.MEMBER)
KNOWN = "https://fcm.googleapis.com/fcm/send/abc"


def coded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def plain(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt, info).derive(secret)


@dataclass
class Receiver:
    """A browser: the keys of its subscription, and how it reads what comes (RFC 8291, section 3.4)."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes..."

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def address(self, endpoint: str) -> PushAddress:
        return PushAddress(endpoint=endpoint, p256dh=coded(self.point), auth=coded(self.auth))

    def read(self, body: bytes) -> str:
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, content = body[21 : 21 + length], body[21 + length :]
        assert len(content) <= size, "one record"
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        ikm = derived(shared, self.auth, b"WebPush: info\0" + self.point + theirs, 32)
        cek = derived(ikm, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(ikm, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(cek).decrypt(nonce, content, None).rstrip(b"\0")
        assert padded.endswith(b"\2"), "the last record"
        return padded[:-1].decode()


@dataclass
class PushService:
    """A push service on this machine: it takes only what RFC 8030 and RFC 8292 allow."""

    origin: str = ""
    bodies: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    keys: list[str] = field(default_factory=list)

    async def next(self) -> bytes:
        async with asyncio.timeout(60):
            return await self.bodies.get()

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) > 0
        assert request.headers["Urgency"] == "high"
        scheme, _, rest = request.headers["Authorization"].partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        signer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), plain(given["k"]))
        claims = jwt.decode(given["t"], signer, algorithms=["ES256"], audience=self.origin)
        assert claims["sub"] == "https://octet.example.org"
        assert claims["exp"] <= time.time() + 24 * 3600
        self.keys.append(given["k"])
        body = await request.read()
        assert len(body) <= 4096
        await self.bodies.put(body)
        return web.Response(status=201, headers={"Location": f"{self.origin}/message/1"})


@asynccontextmanager
async def push_service() -> AsyncGenerator[PushService]:
    service, app = PushService(), web.Application()
    app.router.add_post("/send/{browser}", service.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@dataclass
class Sent:
    """In place of push services: what each got, and the statuses that they answer, 201 in the end."""

    statuses: list[int] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def __call__(self, to: PushAddress, text: str) -> int:
        self.texts.append((to.endpoint, json.loads(text)["text"]))
        self.loop.call_soon_threadsafe(self.came.set)
        return self.statuses.pop(0) if self.statuses else 201


async def entered(octet: Coordinator, who: str = OPERATOR.id, endpoint: str = KNOWN) -> NewLogIn:
    """Log a browser in, and let it get notifications."""
    new = await octet.log_ins.enter_as(who, browser="Chromium")
    await octet.log_ins.set_push(new.log_in.id, Receiver().address(endpoint), by=octet.people.everywhere(who))
    return new


async def ask(octet: Coordinator, *, about: str = "delivery:1", task: str | None = None) -> None:
    def notify(tx: Tx) -> None:
        octet.notices.notify(tx, NoticeKind.HELD, task, subject="x", about=about)

    await octet.store.write(notify)


async def test_what_needs_a_user_arrives_encrypted_once_and_without_secrets(tmp_path: Path) -> None:
    browser, key = Receiver(), tmp_path / "push.key"
    known = public_key(load_key(key))
    async with open_house(tmp_path) as house, push_service() as service, asyncio.TaskGroup() as group:
        octet = house.core
        new = await octet.log_ins.enter_as(OPERATOR.id, browser="Chromium")
        await octet.log_ins.set_push(new.log_in.id, browser.address(f"{service.origin}/send/1"), by=OPERATOR)
        octet.notices.on(PUSH).want(is_wanted=True)
        task, code = await house.working()
        await ask(octet, task=task)
        pusher = supervise(group, "push", Push(octet, send=sender(key, "https://octet.example.org")).run())
        said = json.loads(browser.read(await service.next()))
        assert said["text"] == f"{task}: Octet does not know whether its prompt arrived; decide"
        assert said["where"] == f"/page/tasks/{task}"
        assert code not in json.dumps(said)
        await octet.store.write(lambda tx: octet.notices.settled(tx, about="delivery:1", how="arrived"))
        await ask(octet, about="delivery:2")
        assert "T-" not in browser.read(await service.next()), "the settled one is not pushed again"
        assert set(service.keys) == {known}, "push services know Octet by one key"
        pusher.cancel()


async def test_the_key_stays_the_same_and_private(tmp_path: Path) -> None:
    file = tmp_path / "push.key"
    assert public_key(load_key(file)) == public_key(load_key(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(plain(public_key(load_key(file)))) == 65


async def test_only_the_requester_and_owners_are_notified(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        octet, sent = house.core, Sent()
        for person, role in ((VIEWER, Role.VIEWER), (REQUESTER, Role.MEMBER)):
            await octet.people.bind(HolderId(person.id), role, by=OPERATOR)
        for who in (VIEWER.id, REQUESTER.id, OPERATOR.id):
            await entered(octet, who, f"https://fcm.googleapis.com/{who}")
        pusher = Push(octet, send=sent)
        await pusher.push_due()
        task = await octet.tasks.new(NewTask(brief="Count the birds"), by=REQUESTER)
        await ask(octet, task=task.id)
        await ask(octet, about="lock:1")
        await pusher.push_due()
        got = sorted((endpoint.rpartition("/")[2], text.partition(":")[0]) for endpoint, text in sent.texts)
        assert got == [(REQUESTER.id, task.id), (OPERATOR.id, "Octet"), (OPERATOR.id, task.id)]


async def test_a_push_that_a_service_cannot_take_now_comes_later_and_a_gone_browser_gets_none(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        octet, sent = house.core, Sent(statuses=[503, 410])
        await entered(octet)
        pusher = Push(octet, send=sent)
        await pusher.push_due()
        await ask(octet)
        await pusher.push_due()
        assert (len(sent.texts), await octet.notices.on(PUSH).next_due_s() > 30) == (1, True)
        await ask(octet, about="delivery:2")
        await pusher.push_due()
        assert octet.log_ins.push_addresses() == ()


async def test_without_a_browser_that_wants_it_nothing_is_written_for_the_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        octet, sent = house.core, Sent()
        new = await entered(octet)
        await octet.log_ins.end(new.log_in.id, by=OPERATOR)
        assert octet.log_ins.push_addresses() == (), "a log-out ends it"
        await Push(octet, send=sent).push_due()
        await ask(octet)
        assert not [route for route, _ in await octet.notices.waiting() if route == PUSH]


async def test_without_the_extra_what_a_former_octet_left_is_taken_off_the_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        octet = house.core
        await entered(octet)
        await Push(octet, send=Sent()).push_due()
        await ask(octet)
        assert len(await octet.notices.on(PUSH).due()) == 1
        await Push(octet, send=None).push_due()
        await ask(octet, about="delivery:2")
        assert await octet.notices.on(PUSH).due() == ()


async def test_a_failing_database_does_not_end_the_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, asyncio.TaskGroup() as group:
        octet, sent, has_failed = house.core, Sent(), asyncio.Event()
        await entered(octet)
        octet.notices.on(PUSH).want(is_wanted=True)
        await ask(octet)
        write = octet.store.write

        async def fail_once(*_: object, **__: object) -> None:
            octet.store.write = write  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
            octet.notices.on(PUSH).news.set()
            has_failed.set()
            raise StoreUnavailable(why="the test took it away")

        octet.store.write = fail_once  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
        pusher = supervise(group, "push", Push(octet, send=sent).run())
        async with asyncio.timeout(60):
            await has_failed.wait()
            while len(sent.texts) < 2:
                await sent.came.wait()
                sent.came.clear()
        pusher.cancel()


async def test_a_browser_asks_for_itself_only_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        new = await entered(house.core)
        await house.core.people.bind(HolderId(VIEWER.id), Role.VIEWER, by=OPERATOR)
        with refuses("log_in_not_found"):
            await house.core.log_ins.set_push(new.log_in.id, None, by=VIEWER)
        with refuses("log_in_not_found"):
            await house.core.log_ins.set_push("none", None, by=HUB)
    async with open_house(tmp_path) as house:
        assert [address.endpoint for _, _, address in house.core.log_ins.push_addresses()] == [KNOWN]


async def test_the_route_looks_again_when_a_browser_asks_or_logs_out(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        Push(house.core, send=Sent())
        news = house.core.notices.on(PUSH).news
        news.clear()
        new = await entered(house.core)
        assert news.is_set()
        news.clear()
        await house.core.log_ins.end(new.log_in.id, by=OPERATOR)
        assert news.is_set()


@pytest.mark.parametrize(
    ("endpoint", "is_known"),
    [
        (KNOWN, True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("https://web.push.apple.com/x", True),
        ("https://wns2-by3p.notify.windows.com/w/?token=x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://fcm.googleapis.com@evil.example/x", False),
        ("https://evil.example/fcm.googleapis.com", False),
        ("https://xpush.apple.com/x", False),
        ("https://push.apple.com.evil.example/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[bad/x", False),
        ("", False),
    ],
)
def test_only_the_services_of_browsers_makers_get_requests(endpoint: str, *, is_known: bool) -> None:
    assert is_push_service(endpoint) is is_known


async def test_a_page_asks_for_notifications_and_ends_them(face: Face) -> None:
    secret = await log_in(face)
    (mine,) = (await face.stranger.get("/api/v2/log-ins", headers=secret)).json()
    path, address = f"/api/v2/push/{mine['id']}", Receiver().address(KNOWN)
    asked = {"endpoint": KNOWN, "p256dh": address.p256dh, "auth": address.auth}
    assert (await face.stranger.get("/api/v2/push", headers=secret)).json() == {"key": ""}
    for wrong in (
        {"endpoint": "https://evil.example/x"},
        {"p256dh": coded(b"\4" + bytes(64))},
        {"p256dh": "x"},
        {"auth": coded(b"short")},
    ):
        refused = await face.stranger.post(path, json=asked | wrong, headers=secret)
        assert (refused.status_code, refused.json()["code"]) == (422, "push_address_refused"), wrong
    assert (await face.stranger.post(path, json=asked)).status_code == 401
    assert (await face.stranger.post(path, json=asked, headers=secret)).json() == {"gets_push": True}
    assert len(face.house.core.log_ins.push_addresses()) == 1
    assert (await face.stranger.post(path, json={}, headers=secret)).json() == {"gets_push": False}
    assert face.house.core.log_ins.push_addresses() == ()


async def test_a_row_with_a_push_address_that_octet_cannot_read_is_set_aside(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        new = await entered(house.core)
        broken = text("UPDATE log_ins SET push = '{' WHERE id = :id")
        await house.core.store.write(lambda tx: tx.execute(broken, {"id": new.log_in.id}))
    async with open_house(tmp_path) as house:
        assert house.core.log_ins.push_addresses() == ()
        assert await house.core.log_ins.actor(new.cookie, new.secret) is None
