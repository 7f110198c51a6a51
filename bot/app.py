"""The composition root: starts desk workers, lanes, coordinator and interfaces in one task group."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib
import os
import shutil
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import structlog
from pydantic import SecretStr

from bot import answer_spool, runfile
from bot.desk_workers import DeskWorkerPool
from core.config.loader import Config
from core.coordinator import Coordinator
from core.home import Home
from core.journal.model import Event
from core.kit import faults
from core.kit.clock import SystemClock
from core.kit.console import command_line
from core.kit.errors import Conflict
from core.kit.ids import Ids
from core.kit.priority import hurry
from core.kit.process_start import start_time
from core.kit.signals import stop_at_eof, stop_signals
from core.kit.supervise import supervise
from core.proofs.ports import WorkTools
from core.security.model import HUB, Actor
from core.settings.model import Settings
from core.store.errors import of_system
from core.store.lock import file_lock, home_lock

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bot.mcp.server import StatelessServer
    from bot.web.guard import AgentsApp

log = structlog.get_logger(__name__)

Say = Callable[[str], None]  # prints one line for the user at the console


class TokenInUse(Conflict):
    """Another Octet of this account already uses this Discord token. Stop it, or give this home the token of another
    bot: two would both accept every command."""


async def run(config: Config, environ: Mapping[str, str], *, exit_on_eof: bool = False, say: Say) -> None:
    """Run Octet in this home until SIGTERM or SIGINT, or until standard input ends if `exit_on_eof`.

    Raises already_running, TokenInUse, and the errors of the store and of the Discord interface."""
    hurry()
    with (
        home_lock(config.home.lock),
        _token_lock(config, environ),
        stop_signals() as stop,
        faults.armed_with(config.settings.fault_points),
    ):
        faults.point("start.locked")
        if exit_on_eof:
            stop_at_eof(stop)
        try:
            async with asyncio.TaskGroup() as group:
                work = supervise(group, "octet", _live(config, environ, say))
                await stop.wait()
                faults.point("stop.asked")
                work.cancel()
        except* asyncio.CancelledError:
            log.debug("stopped")
        faults.point("stop.over")


async def _live(config: Config, environ: Mapping[str, str], say: Say) -> None:
    from bot.web.app import create_app
    from bot.web.metrics import LoopLag
    from bot.web.server import listening, serving

    connected = asyncio.Event()
    token = SecretStr(Ids().secret())

    # The coordinator needs the workers, which report to it as soon as they run.
    async def leftovers(desk: str) -> Mapping[str, tuple[str, ...]]:
        drafts = coordinator.deliveries.leftover_drafts
        return await drafts.left(desk)

    workers = DeskWorkerPool(
        config,
        environ,
        news=lambda: coordinator.dispatch,
        leftovers=leftovers,
        turns=lambda: coordinator.dispatch.turns,
    )
    faults.arm(config.settings.fault_points, other=workers.find_process)
    async with Coordinator.open(
        config,
        workers,
        work_tools(config.home),
        agent_command=agent_command(config.settings.agents.agent_command),
        is_discord_connected=None if config.settings.discord_token is None else connected.is_set,
    ) as coordinator:
        with listening((http := config.settings.http).host, http.port) as listener:
            faults.point("start.listening")
            run = runfile.Run(
                pid=os.getpid(),
                address=listener.address,
                port=listener.port,
                token=token.get_secret_value(),
                home=str(config.home.root.resolve()),
                home_id=coordinator.home_id,
                version=coordinator.version,
                reply_key=coordinator.reply_keys.key(),
                process_started=start_time(os.getpid()),
                started_ms=SystemClock().now_ms(),
            )
            coordinator.turns.serve_tools(f"http://{listener.address}:{listener.port}", runfile.octet_command())
            app = create_app(
                coordinator,
                operator_token=token,
                version=run.version,
                mcp=mcp_app(coordinator, version=run.version),
                lag=(lag := LoopLag()),
                settings=config.settings,
                push_key=_push_key(config),
            )
            async with asyncio.TaskGroup() as group:
                _look_after_store(group, coordinator)
                supervise(group, "loop lag", lag.run())
                _push(group, config, coordinator)
                supervise(group, "recovery", _after_trouble(coordinator))
                supervise(group, "dispatch", coordinator.dispatch.run())
                supervise(group, "checks", coordinator.proofs.run())
                _send_heartbeats(group, config, coordinator)
                _stay_awake(group, coordinator)
                supervise(group, "desks", workers.run())
                async with serving(app, listener):
                    with _announced(run, runfile.pointer_folders(environ)):
                        faults.point("start.announced")
                        if listener.is_other_port:
                            say(f"Port {http.port} is taken; Octet listens on {listener.port}.")
                        supervise(group, "answers", answer_spool.watch_spool(coordinator, config.home.root))
                        faults.point("start.answers")
                        say(f"Octet is ready: http://{listener.address}:{listener.port}/readyz")
                        faults.point("start.ready")
                        gc.freeze()  # these objects stay until the end: no collection need look through them
                        if config.settings.discord_token is None:
                            log.info("without_discord")  # `octet status` shows it
                        else:
                            supervise(group, "discord", _discord(config.settings, coordinator, connected, say))
                        await asyncio.Event().wait()


def work_tools(home: Home) -> WorkTools:
    """Make what works on the files of tasks."""
    from automation.bubblewrap.sandbox import Bubblewrap
    from automation.git.gateway import Git

    return WorkTools(git=Git(), sandbox=Bubblewrap(home.checks.resolve()))


def mcp_app(coordinator: Coordinator, *, version: str) -> AgentsApp:
    """Answer agents over MCP. The first request imports the SDK, in half a second: most homes never use it."""
    server: StatelessServer | None = None

    async def answer(by: Actor, scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal server
        if server is None:
            make = (await asyncio.to_thread(importlib.import_module, "bot.mcp.server")).StatelessServer
            server = cast("StatelessServer", make(coordinator, version=version))
        await server.answer(by, scope, receive, send)

    return answer


@contextmanager
def _announced(run: runfile.Run, folders: Sequence[Path]) -> Generator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(runfile.announced(run, folders))
        except OSError as error:
            raise of_system(error, Path(run.home) / runfile.RUN_FILE) from error
        yield


def _push_key(config: Config) -> str:
    """Return the public key of Web Push; empty where its extra is not installed."""
    from bot.web import push

    return push.public_key(push.load_key(config.home.push_key)) if push.is_installed() else ""


def _push(group: asyncio.TaskGroup, config: Config, coordinator: Coordinator) -> None:
    """Push what needs users to their browsers; without the extra this only ends what waits."""
    from bot.web import push

    contact = config.settings.http.public_url or "mailto:octet@localhost"
    send = push.sender(config.home.push_key, contact) if push.is_installed() else None
    supervise(group, "push", push.Push(coordinator, send=send).run())


def _look_after_store(group: asyncio.TaskGroup, coordinator: Coordinator) -> None:
    examination = coordinator.store.examination
    supervise(group, "damage", examination.damage())
    supervise(group, "journal head", coordinator.journal.keep_head())
    supervise(group, "retention", coordinator.retention.run())
    supervise(group, "audit", coordinator.audit.run())


async def _after_trouble(coordinator: Coordinator) -> None:
    """Read the answers that agents left in answers/ each time the database takes writes again."""
    activity_seen = coordinator.tasks.activity_seen
    while True:
        await coordinator.store.recovery()
        activity_seen.set()


def _send_heartbeats(group: asyncio.TaskGroup, config: Config, coordinator: Coordinator) -> None:
    """Ping the outside service while everything works."""
    if (url := config.settings.alarm.ping_url) is None:
        return
    from automation.heartbeat.ping import HeartbeatPing

    health = coordinator.fleet.health
    look = partial(health.look, by=HUB)
    address, rest = url.get_secret_value(), asyncio.sleep
    ping = HeartbeatPing(address, look=look, notify=health.pinged, clock=SystemClock(), rest=rest)
    supervise(group, "alarm", ping.run())


def _stay_awake(group: asyncio.TaskGroup, coordinator: Coordinator) -> None:
    """Keep this machine awake while work waits at a desk with `stay_awake`, now or after a reload."""
    from automation.desktop.power.keep_awake import KeepAwake, find_inhibitor

    hold = find_inhibitor()
    if hold is None:
        log.info("keep_awake_unsupported", platform=sys.platform)
        return
    desks = coordinator.desks

    def allowed() -> set[str]:
        return {status.desk.name for status in desks.known() if status.desk.user_activity.stay_awake}

    awake = KeepAwake(allowed, work_at=coordinator.fleet.work_at, hold=hold, notify=desks.awake_is)
    coordinator.journal.listen(Event, lambda _: awake.recheck_soon())
    supervise(group, "awake", awake.run())


def _token_lock(config: Config, environ: Mapping[str, str]) -> AbstractContextManager[None]:
    """Allow one process per bot token, in any home. The lock's name is a hash, which does not reveal the token."""
    token = config.settings.discord_token
    if token is None:
        return nullcontext()
    folder = runfile.pointer_folders(environ)[-1] / "tokens"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log.warning("token_not_locked", folder=str(folder), error=str(error))
        return nullcontext()
    name = hashlib.sha256(token.get_secret_value().encode()).hexdigest()[:32]
    return file_lock(folder / f"{name}.lock", TokenInUse)


async def _discord(settings: Settings, coordinator: Coordinator, connected: asyncio.Event, say: Say) -> None:
    from bot.discord import client

    code = coordinator.people.claim_code()
    if code is not None:
        say(f"This Octet has no owner yet. In Discord, type:  /admin claim code:{code}")
    async with asyncio.TaskGroup() as group:

        async def tell() -> None:
            await connected.wait()
            say("Discord is connected.")

        task = supervise(group, "say when connected", tell())
        try:
            await client.run(settings, coordinator, up=connected)
        finally:
            task.cancel()


LOGIN_PATH = "/usr/local/bin:/usr/bin:/bin"


def agent_command(configured: str, *, executable: Path | None = None) -> str:
    """Return Octet's command for prompts: as configured, or its full path where a login shell's PATH, which programs
    such as Codex give their commands, does not lead to this `octet`."""
    if configured != "octet":
        return configured
    program, *rest = runfile.octet_command(executable)
    found = shutil.which("octet", path=None if sys.platform == "win32" else LOGIN_PATH)
    if found is not None and not rest and Path(found).resolve() == Path(program).resolve():
        return configured
    return command_line([program, *rest])
