"""The database: one writer in its own thread, and readers. A write transaction is a plain function that runs
on the writer's thread from BEGIN IMMEDIATE to COMMIT in one hop."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections import deque, namedtuple
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import aiosqlite
import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import ExpandedState, SQLCompiler

from core.kit import faults
from core.kit.clock import SteadyClock
from core.kit.errors import OctetError, Unavailable
from core.kit.priority import hurry
from core.remedies import refused
from core.store import schema
from core.store.disk_reserve import Reserve
from core.store.errors import DatabaseDamaged, StoreDamaged, StoreFull, StoreLocked, StoreUnavailable, of_sqlite
from core.store.integrity_check import PATIENCE_S, Examination, mark_of
from core.store.tables import metadata

T = TypeVar("T")
R = TypeVar("R")
__all__ = ["Executable", "Row", "Store", "Tx"]

Executable: TypeAlias = sa.Executable
Row: TypeAlias = sa.Row[Any]  # one row of a result; its columns are its attributes
Parameters = Mapping[str, object] | Sequence[Mapping[str, object]]
Expand = Callable[[Mapping[str, object]], ExpandedState]
log = structlog.get_logger(__name__)

_CLOSED_EACH = 100_000  # steps of a read, some milliseconds, after which it looks whether the store is closed
_PULSE_MS = 10_000  # the grain of the time of the last pulse: its number has 32 bits
_DIALECT = sqlite.dialect(paramstyle="named")
_READERS = 4
_BUSY_MS = 5_000
_TOGETHER_S = 0.01  # how long writes join one commit; longer where the last commit took longer
_MOST_TOGETHER_S = 0.1
_LONGEST_WAIT_S = 0.8  # of a user's request
_OF_LATE = 64  # so many writes an average is of
_REST_S = 60.0  # after this time Octet tries again what it left out
_MOST_ROUNDS = 1_000  # of calls before a commit that add calls; more is a loop
_PROBE_S = 0.5  # rest between two looks whether the database can be written again


class Rows(list[Row]):
    """The rows of a statement, and how many rows it changed."""

    rowcount = 0

    def first(self) -> Row | None:
        return self[0] if self else None

    def one(self) -> Row:
        """Return the only row. Raises ValueError for none or several."""
        (row,) = self
        return row

    def scalar_one(self) -> Any:
        """Return the first column of the only row."""
        return self.one()[0]


class Tx:
    """One open write transaction. It lives only inside the function given to `Store.write`."""

    __slots__ = ("calls_after_commit", "calls_before_commit", "connection", "scratch")

    def __init__(self, connection: sqlite3.Connection, scratch: dict[str, object] | None = None) -> None:
        self.connection = connection
        self.calls_before_commit: list[Callable[[], None]] = []
        self.calls_after_commit: list[Callable[[], None]] = []
        self.scratch = {} if scratch is None else scratch
        """What a service remembers within this transaction. Writes that share a commit share it, up to an error."""

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run a statement, or an insert once for each of a list of `parameters`."""
        return _run(self.connection, statement, parameters)

    def update_row(self, key: sa.Column[Any], of: object, /, **values: object) -> Row:
        """Write `values` into the one row whose `key` is `of`, and return it."""
        new = {f"new_{name}": value for name, value in values.items()}
        (row,) = self.execute(_update_row(key, tuple(values)), {"of": of, **new})
        return row

    def before_commit(self, call: Callable[[], None]) -> None:
        """Run `call` in this transaction when the writing function has ended, after the calls that came before."""
        self.calls_before_commit.append(call)

    def finish(self) -> None:
        """Run the calls before the commit, and those that they add."""
        for _ in range(_MOST_ROUNDS):
            calls, self.calls_before_commit = self.calls_before_commit, []
            if not calls:
                return
            for call in calls:
                call()
        message = f"calls before a commit add calls without end: {self.calls_before_commit[0]}"
        raise RuntimeError(message)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run `call` in the event loop once this transaction is durable; never if it is rolled back."""
        self.calls_after_commit.append(call)


@dataclass(slots=True, kw_only=True)
class _Write:
    """A write that waits for the writer's thread."""

    work: Callable[[Tx], Any]
    is_last_word: bool
    goes_first: bool
    ended: asyncio.Future[None]
    asked_s: float = field(init=False, default_factory=time.monotonic)
    result: Any = field(init=False, default=None)
    error: BaseException | None = field(init=False, default=None)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self.ended.get_loop()


class SetAside:
    """What Octet leaves out because it failed there, such as rows that it cannot read: names, each with the kind of
    error. Known until the process ends; health lists it."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[str, float]] = {}

    def add(self, what: str, error: BaseException | None) -> None:
        """Leave this out for a minute; log it once."""
        if what not in self._failed:
            log.error("set_aside", what=what, exc_info=error)
        self._failed[what] = type(error).__name__, time.monotonic()

    def has(self, what: str) -> bool:
        """Return whether to leave this out now. After a minute it is forgotten, and may fail again."""
        if what in self._failed and time.monotonic() - self._failed[what][1] > _REST_S:
            del self._failed[what]
        return what in self._failed

    def next_s(self) -> float | None:
        """Return in how many seconds the next of these may be tried again; None for none."""
        left = (at_s + _REST_S - time.monotonic() for _, at_s in tuple(self._failed.values()))
        return min((one for one in left if one >= 0), default=None)

    def errors(self) -> Mapping[str, str]:
        """Return the kind of error by the name of what is left out."""
        return {what: error for what, (error, _) in tuple(self._failed.items())}

    def readable(self, what: str, rows: Iterable[R], make: Callable[[R], T], *, key: str = "id") -> list[T]:
        """Return what `make` makes of each row, without the rows that it cannot read."""
        found = list[T]()
        for row in rows:
            try:
                found.append(make(row))
            except Exception as error:  # noqa: BLE001 - one row must not hide the others, and health names it
                self.add(f"{what} {getattr(row, key, '')}", error)
        return found


class Store:
    """The only access to the database file. `open` it once per process, under the home's lock."""

    def __init__(self, path: Path) -> None:
        """Prepare engines for the file at `path`; open nothing yet."""
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer", initializer=hurry)
        self._writer = writer_engine(path)
        self._waiting = deque[_Write]()
        self._is_beginning = False
        self._each_s = 0.0  # what the thread needs for one write, as of late
        self._commit_s = 0.0  # how long the last shared commit took
        self._readers = list[aiosqlite.Connection]()
        self._resting = list[aiosqlite.Connection]()  # those of them that read nothing now
        self._reading = asyncio.Semaphore(_READERS)
        self._is_closed = False
        self._reserve = Reserve(path.with_name(f"{path.name}-reserve"))
        self.examination = Examination(path)
        self.aside = SetAside()
        self._clock: SteadyClock | None = None
        self._shift: Callable[[Tx, int], None] = lambda _tx, _by_ms: None
        self._locked: StoreLocked | None = None
        self._locked_s = 0.0
        self._has_failed = asyncio.Event()
        self._probing = asyncio.Lock()
        self.trouble: StoreUnavailable | None = None  # Why Octet cannot write now; None when it can

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, upgrades: bool = False) -> AsyncGenerator[Store]:
        """Open the store at `path`; create a missing file, and with `upgrades` bring one of an older release to the
        present schema: the caller then holds the home's lock. Raises SqliteTooOld, DatabaseDamaged, database_unknown,
        database_older or StoreUnavailable, and then leaves the file as it is. A large file is yielded before it is read
        whole: see `examination` and decision 0004."""
        schema.check_library()
        if upgrades:
            await asyncio.to_thread(_upgrade_older, path)
        was_damaged = await asyncio.to_thread(mark_of(path).exists)
        state = await asyncio.to_thread(schema.inspect, path, whole=was_damaged)
        store = cls(path)
        try:
            if state is schema.FileState.NEW:
                with as_unavailable():
                    await store._in_thread(lambda: schema.upgrade(store._writer))
                faults.point("start.schema")
            if was_damaged:  # read whole above without damage: a user put a backup in its place
                await asyncio.to_thread(mark_of(path).unlink, missing_ok=True)
            if was_damaged or state is schema.FileState.NEW:
                store.examination.is_over()
            else:
                store.examination.begin()
                await store.examination.wait(PATIENCE_S)
            yield store
        except StoreDamaged as error:  # also before anything waits for `damage`
            raise DatabaseDamaged(path=path, why=str(error.details.get("why", ""))) from error
        finally:
            await store._close()
            faults.point("stop.closed")

    async def write(self, work: Callable[[Tx], T], *, is_last_word: bool = False, goes_first: bool = False) -> T:
        """Run `work` in one write transaction and return its result, once that is on the disk. `work` runs on the
        writer's thread: it must not await or touch objects of the event loop. If it raises, all is undone. Writes that
        wait at the same time share one commit; where that fails, each runs again alone. Raises StoreUnavailable. On a
        full disk `is_last_word` uses the reserve, for what cannot be seen a second time. With `goes_first` it passes
        all writes that wait, and no other joins its commit after it: for the grant for which a worker waits before
        Enter."""
        ended = asyncio.get_running_loop().create_future()
        write = _Write(work=work, is_last_word=is_last_word, goes_first=goes_first, ended=ended)
        (self._waiting.appendleft if goes_first else self._waiting.append)(write)
        try:
            # The thread works until nothing waits. A loop that runs it at once, as in virtual time, runs nothing else.
            if len(self._waiting) > 1 or not self._in_thread(self._write_waiting).done():
                await write.ended
            if write.error is not None:
                raise write.error
            return write.result
        except StoreUnavailable as error:
            self._record_trouble(error)
            raise

    def admit(self, *, is_agent: bool) -> None:
        """Refuse a request whose writes would wait too long, before its work begins; an agent's before a user's. Raises
        store_busy."""
        waiting = [*self._waiting]
        oldest_s = time.monotonic() - waiting[0].asked_s if waiting and not self._is_beginning else 0.0
        wait_s = max(oldest_s, len(waiting) * self._each_s * 2)  # the commits take as long as the work, at most
        if wait_s > (_LONGEST_WAIT_S / 2 if is_agent else _LONGEST_WAIT_S):
            raise refused("store_busy", after_s=math.ceil(wait_s))

    @property
    def writes_waiting(self) -> int:
        return len(self._waiting)

    @property
    def size_bytes(self) -> int:
        """The size of the database with its write-ahead log."""
        files = self.path, self.path.with_name(f"{self.path.name}-wal")
        return sum(one.stat().st_size for one in files if one.exists())

    def follow_clock(self, clock: SteadyClock, shift: Callable[[Tx, int], None]) -> None:
        """Check before each write whether the machine's clock was set. If so, call `shift` with the milliseconds in a
        separate transaction, after `clock` has followed."""
        self._clock, self._shift = clock, shift

    async def fetch(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> Sequence[Row]:
        """Return all rows of a statement, as of the last commit. Raises StoreUnavailable."""
        try:
            with as_unavailable():
                sql, values = _sql_of(statement, parameters)
                async with self._reading:
                    one = await self._reader()
                    try:
                        found = await one.execute_fetchall(sql, values)
                    except asyncio.CancelledError:
                        await one.interrupt()
                        self._resting.insert(0, one)  # it may still end its read: the others go first
                        raise
                    except sqlite3.Error:
                        self._resting.append(one)
                        raise
                    self._resting.append(one)
                    return cast("Sequence[Row]", found)
        except StoreDamaged as error:
            self._record_trouble(error)
            raise

    async def _reader(self) -> aiosqlite.Connection:
        if not self._is_closed:
            if self._resting:
                return self._resting.pop()
            one = await aiosqlite.connect(self.path, isolation_level=None, factory=self._make_reader)
            if not self._is_closed:
                self._readers.append(one)
                return one
            await one.close()  # `_close` did not know it
        raise StoreUnavailable(why="it is closed")

    def _make_reader(self, path: str, **given: Any) -> _Reader:
        one = _Reader(path, **given)
        # A read that has not begun when the store closes hears no interrupt.
        one.set_progress_handler(lambda: self._is_closed, _CLOSED_EACH)
        return one

    async def _close(self) -> None:
        """End all reads, and the writer; what fails, or is cancelled, keeps nothing else open."""
        self._is_closed = True
        async with AsyncExitStack() as ends:
            ends.callback(self._thread.shutdown)
            ends.push_async_callback(self._in_thread, self._writer.dispose)
            for one in self._readers:
                await one.interrupt()
                ends.push_async_callback(one.close)

    async def newest_id(self, table: str) -> Any:
        """Return the id that sorts last in this table; None while it has no row."""
        return (await self.fetch(_newest_id(table)))[0][0]

    async def ping(self) -> None:
        """Prove that the database can be written, by writing; raises StoreUnavailable when not."""
        clock = self._clock
        await self.write(lambda tx: self.pulse(tx, now_ms=clock.now_ms() if clock else self.last_pulse_ms(tx)))

    def pulse(self, tx: Tx, *, now_ms: int) -> None:
        """Write in the file's header, one page, that Octet runs now."""
        tx.connection.execute(f"PRAGMA user_version={now_ms // _PULSE_MS}")

    def last_pulse_ms(self, tx: Tx) -> int:
        """Return when Octet ran last for certain, or up to ten seconds before; 0 if that is unknown."""
        return int(tx.connection.execute("PRAGMA user_version").fetchone()[0]) * _PULSE_MS

    async def why_not_writable(self, *, within_s: float) -> str:
        """Return why the database cannot be written now, as far as that shows in this time; empty if it can."""
        try:
            async with asyncio.timeout(within_s):
                await self.ping()
        except TimeoutError:
            return self.trouble.message if self.trouble else f"The database has not answered for {within_s:g} s."
        except OctetError as error:
            return error.message
        return self.trouble.message if self.trouble else ""  # the last write was refused, and none has succeeded since

    async def until_back(self) -> None:
        """Return when the database can be written again; at once if nothing is known to be wrong."""
        async with self._probing:  # one caller probes for all
            while self.trouble is not None:
                await asyncio.sleep(_PROBE_S)
                try:
                    await self.ping()
                except StoreUnavailable:
                    continue
                log.warning("store_recovered", was=type(self.trouble).__name__)
                self.trouble = None
                self._has_failed.clear()

    async def recovery(self) -> None:
        """Wait until the database fails and works again."""
        await self._has_failed.wait()
        await self.until_back()

    def _record_trouble(self, error: StoreUnavailable) -> None:
        """Remember the error, and log it once, however many writes it refuses."""
        if isinstance(error, StoreDamaged):  # Octet ends, and says why
            self.examination.condemn(str(error.details.get("why", "")))
        elif type(error) is not type(self.trouble):
            log.error("store_unavailable", why=error.message)
        self.trouble = error
        self._has_failed.set()

    def _write_waiting(self) -> None:
        """Carry out the writes that wait: those together where that is possible."""
        while self._waiting:
            for one in self._commit_together() if len(self._waiting) > 1 else filter(None, [self._take()]):
                try:
                    one.result = self._transact(one)
                except BaseException as error:  # noqa: BLE001 - the caller gets it
                    one.error = error
                one.loop.call_soon_threadsafe(_hand_over, (), [one])

    def _take(self) -> _Write | None:
        """Take the next write that its caller still wants; None if none waits."""
        while self._waiting:
            one = self._waiting.popleft()
            if not one.ended.cancelled():
                return one
        return None

    def _commit_together(self) -> Iterable[_Write]:
        """Carry out writes in one transaction, each in its own savepoint: as many as begin within a short time, for the
        first waits for the last. Return those to carry out alone, with all of it undone, where the disk or another
        process refuses something: each then meets its own error."""
        taken, news, scratch = list[_Write](), list[Callable[[], None]](), dict[str, object]()
        try:
            if self._locked is None:
                self._reserve.keep()
                self._follow_clock(self._waiting[0].loop)
                with self._begun() as connection:
                    ends_s = max(_TOGETHER_S, min(self._commit_s, _MOST_TOGETHER_S)) + (began_s := time.monotonic())
                    while self._waiting and not self._waiting[0].is_last_word and time.monotonic() < ends_s:
                        if (one := self._take()) is not None:
                            taken.append(one)
                            news += _in_savepoint(connection, one, scratch)
                            scratch = scratch if one.error is None else {}  # else it may remember what was undone
                            if one.goes_first:
                                break
                    ended_s = time.monotonic()
                self._commit_s = time.monotonic() - ended_s
                each_s = (ended_s - began_s) / max(1, len(taken))
                self._each_s += (each_s - self._each_s) * min(1, len(taken) / _OF_LATE)
        except BaseException:  # noqa: BLE001 - each alone meets its own error
            for one in taken:
                one.result = one.error = None
        else:
            if taken:
                taken[0].loop.call_soon_threadsafe(_hand_over, news, taken)
                return ()
        return taken or filter(None, [self._take()])

    def _transact(self, one: _Write) -> Any:
        if not one.is_last_word:
            self._reserve.keep()
        if self._locked is not None and one.asked_s < self._locked_s:
            raise self._locked  # a write that was queued behind the one that waited need not wait as long again
        try:
            self._follow_clock(one.loop)
            result = self._commit(one.work, one.loop)
        except StoreFull:
            if not one.is_last_word or not self._reserve.give_up():
                raise
            self._follow_clock(one.loop)
            result = self._commit(one.work, one.loop)
        except StoreLocked as error:
            self._locked, self._locked_s = error, time.monotonic()
            raise
        self._locked = None
        return result

    def _follow_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._clock is None or not (by_ms := self._clock.step_ms()):
            return
        self._clock.follow(by_ms)  # first: the rows about the shift have the new time
        try:
            self._commit(lambda tx: self._shift(tx, by_ms), loop)
        except BaseException:
            self._clock.follow(-by_ms)
            raise

    def _commit(self, work: Callable[[Tx], T], loop: asyncio.AbstractEventLoop) -> T:
        with self._begun() as connection:
            tx = Tx(connection)
            result = work(tx)
            tx.finish()
        # Scheduled here, not by the caller, which may have been cancelled meanwhile.
        if tx.calls_after_commit:
            loop.call_soon_threadsafe(_hand_over, tx.calls_after_commit, ())
        return result

    @contextmanager
    def _begun(self) -> Generator[sqlite3.Connection]:
        self._is_beginning = True  # for seconds, while another program holds the file
        with as_unavailable(), self._writer.begin() as connection:
            self._is_beginning = False
            yield cast("sqlite3.Connection", connection.connection.driver_connection)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _in_savepoint(connection: sqlite3.Connection, one: _Write, scratch: dict[str, object]) -> list[Callable[[], None]]:
    """Run one work of several in a transaction; return what to call after the commit. An error undoes that work alone.
    Raises StoreUnavailable."""
    tx = Tx(connection, scratch)
    connection.execute("SAVEPOINT one_write")  # the newest of this name counts; the commit releases all
    try:
        with as_unavailable():
            one.result = one.work(tx)
            tx.finish()
    except StoreUnavailable:
        raise
    except Exception as raised:  # noqa: BLE001 - its caller gets it
        one.error = raised
        connection.execute("ROLLBACK TO one_write")
    return [] if one.error else tx.calls_after_commit


def _hand_over(news: Sequence[Callable[[], None]], writes: Sequence[_Write]) -> None:
    """Tell the loop what became durable: the thread wakes it once for a commit, however many writes share it."""
    for call in news:  # at once, so that listeners are ahead of those who asked for the writes
        try:
            call()
        except Exception:  # of one listener: the others must hear of the commit
            log.exception("after_commit_failed")
    for one in writes:
        if not one.ended.done():
            one.ended.set_result(None)


def writer_engine(path: Path) -> sa.Engine:
    """Return the one connection that writes to the file; it must stay on one thread and connects on first use."""
    # Logs have the text of errors, and parameters have briefs and answers: hide these.
    engine = sa.create_engine(f"sqlite+pysqlite:///{path}", poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "connect", _prepare_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


@contextmanager
def as_unavailable() -> Generator[None]:
    """Raise StoreUnavailable for what the disk or another process refuses; Octet's own mistakes pass unchanged."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        ours = isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError)
        if ours or not isinstance(cause, sqlite3.DatabaseError):
            raise
        raise of_sqlite(cause) from error


class RowFailed(Exception):
    """The work on the row of `task` or `delivery`, or on something else `named`, met an error that was not foreseen.
    Its transaction is undone."""

    def __init__(self, *, task: str | None, delivery: str | None, named: str) -> None:
        super().__init__(delivery or task or named)
        self.task, self.delivery, self.named = task, delivery, named


@contextmanager
def at_row(task: str | None = None, *, delivery: str | None = None, named: str = "") -> Generator[None]:
    """Raise RowFailed for an error in the block, from that error. What the disk refuses stays Unavailable. Inside a
    block that is `named`, a task or a delivery fails with that name."""
    try:
        with as_unavailable():
            yield
    except RowFailed as failed:
        failed.named = failed.named or named
        raise
    except Unavailable:
        raise
    except Exception as error:  # it gets the name of its row, whatever it is
        raise RowFailed(task=task, delivery=delivery, named=named) from error


def _upgrade_older(path: Path) -> None:
    """Upgrade the file of an older release, after a copy beside it, which is named after its schema."""
    if schema.inspect(path, allow_older=True, whole=False) is not schema.FileState.OLDER:
        return
    copy = path.with_name(f"{path.name}.{schema.version_of(path)}")
    with as_unavailable(), closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as new:
        copy.chmod(0o600)
        old.backup(new)
    was, now = upgrade_file(path)
    log.info("database_upgraded", was=was, now=now, copy=str(copy))


def upgrade_file(path: Path) -> tuple[str, str]:
    """Upgrade the file of an older Octet; return its schema before and now. The caller holds the home's lock. Raises
    no_database, DatabaseDamaged, database_unknown or StoreUnavailable, and then leaves the file as it is."""
    schema.check_library()
    if schema.inspect(path, allow_older=True) is schema.FileState.NEW:
        raise refused("no_database", id=path)
    was = schema.version_of(path)
    if was != schema.head():
        engine = writer_engine(path)
        try:
            with as_unavailable():
                schema.upgrade(engine)
        finally:
            engine.dispose()
    return was, schema.head()


@cache
def _newest_id(table: str) -> Executable:
    return sa.select(sa.func.max(metadata.tables[table].c.id))


@cache
def _update_row(key: sa.Column[Any], names: tuple[str, ...]) -> Executable:
    statement = sa.update(key.table).where(key == sa.bindparam("of"))
    return statement.values({name: sa.bindparam(f"new_{name}") for name in names}).returning(key.table)


@lru_cache(maxsize=1_000)
def _compiled(statement: Executable, names: tuple[str, ...] | None) -> tuple[str, dict[str, object], Expand | None]:
    """Compile a statement, once. `names` are the parameters of one that changes rows: those of columns are written.
    Return its SQL, its fixed values, and what puts its lists in, where it has any."""
    found = cast("SQLCompiler", cast("sa.ClauseElement", statement).compile(dialect=_DIALECT, column_keys=names))
    fixed = {name: value for name, value in found.params.items() if not found.binds[name].required}
    fixed |= {column.key: cast("Any", column.default).arg for column in found.insert_prefetch}
    return str(found), fixed, found.construct_expanded_state if found.post_compile_params else None


@cache
def _row_of(columns: tuple[tuple[object, ...], ...]) -> Callable[[Any], Row]:
    names = [name for name, *_ in columns]
    kind = cast("Any", namedtuple)("Row", names, rename=True)  # noqa: PYI024 - the columns vary
    return partial(cast("Any", tuple).__new__, kind)


def _run(connection: sqlite3.Connection, statement: Executable, parameters: Parameters | None) -> Rows:
    """Run a statement by SQLite's own driver: SQLAlchemy takes part only in the first run."""
    if isinstance(parameters, Sequence):
        if not parameters:
            return Rows()
        sql, fixed, _ = _compiled(statement, tuple(parameters[0]))
        cursor = connection.executemany(sql, [{**fixed, **one} for one in parameters])
    else:
        cursor = connection.execute(*_sql_of(statement, parameters))
    found = cursor.fetchall()
    rows = Rows(map(_row_of(cursor.description), found) if found else ())
    rows.rowcount = cursor.rowcount
    return rows


def _sql_of(statement: Executable, given: Mapping[str, object] | None) -> tuple[str, Any]:
    given = given or {}
    sql, fixed, expand = _compiled(statement, tuple(given) if statement.is_dml else None)
    state = expand(given) if expand else None
    return (state.statement, state.parameters) if state else (sql, {**fixed, **given})


def _prepare_writer(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin by BEGIN IMMEDIATE, not where the driver guesses
    # A checkpoint takes milliseconds. One that is rare copies a page once that changed often.
    _set_pragmas(connection, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000")


class _Reader(sqlite3.Connection):
    """A connection of aiosqlite that only reads."""

    def __init__(self, path: str, **given: Any) -> None:
        super().__init__(path, **given)
        # Below SQLite 3.51.3 two connections that checkpoint at once can damage the file: only the writer does.
        _set_pragmas(self, "query_only=ON", "wal_autocheckpoint=0")
        self.row_factory = self._row

    def _row(self, cursor: sqlite3.Cursor, row: tuple[object, ...]) -> Row:
        if cursor.description is not self._columns:
            self._columns = cursor.description
            self._make = _row_of(self._columns)
        return self._make(row)

    _columns: Any = None
    _make: Callable[[Any], Row]


def _set_pragmas(connection: sqlite3.Connection, *pragmas: str) -> None:
    for pragma in (*pragmas, f"busy_timeout={_BUSY_MS}", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
