"""Makes actors with their permissions. Users without a role may do nothing; the first owner shows a code."""

from __future__ import annotations

import hmac
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from core import limits
from core.journal.model import Event
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.from_attributes import from_attributes
from core.kit.ids import Ids
from core.kit.redaction import remember
from core.remedies import refused
from core.security import _store
from core.security.model import (
    OPERATOR,
    ROLE_ALLOWS,
    Actor,
    ActorKind,
    Binding,
    HolderId,
    Permission,
    PersonEvent,
    Right,
    Role,
    RoleBound,
    RoleUnbound,
    WrongClaim,
    covers,
    require,
)
from core.store.engine import Row, Store, Tx

log = structlog.get_logger(__name__)

_CLAIM_CHARS = 12
_WRONG_WITHIN_S = 15 * 60
_WRONG_OF_ONE = 5
_WRONG_OF_ALL = 20  # After so many wrong codes Octet compares none until the first is older than that
_HOUR_MS = 3_600_000


class OwnerClaimed(PersonEvent):
    """A user showed the console's code and owns this Octet now."""


class OwnerNamed(PersonEvent):
    """The operator named the owner of this Octet, at `octet init`."""


class OwnerCodeRefused(PersonEvent):
    """A user gave a wrong owner code."""


class People:
    """Who may do what, answered from memory: every verb checks it first. Makes all actors but HUB and OPERATOR, and
    those of API keys."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock, ids: Ids) -> None:
        """Call `load` first."""
        self._store, self._journal, self._clock = store, journal, clock
        self._bindings: dict[_Key, Binding] = {}
        self._claim = remember(ids.marker(_CLAIM_CHARS))
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_WRONG_OF_ALL)

    async def load(self) -> None:
        self._bindings = {one.key: one for one in self._readable(await self._store.fetch(_store.BINDINGS))}

    def _readable(self, rows: Iterable[Row]) -> list[Binding]:
        return self._store.aside.readable("role of", rows, partial(from_attributes, Binding), key="holder")

    async def discord_actor(self, user_id: str, name: str, *, role_ids: Iterable[str] = (), channel: str = "") -> Actor:
        """Return the Discord user as an actor, with the permissions of all roles that count in this channel; a thread
        counts as its parent."""
        key, now_ms = f"discord:{user_id}", self._clock.now_ms()
        holders = {key, *(f"discord-role:{one}" for one in role_ids)}
        rights = tuple(
            one.right
            for one in self._bindings.values()
            if one.holder in holders and one.channel in {"", channel} and one.is_valid(now_ms)
        )
        permissions = frozenset[Permission]().union(*(one.permissions for one in rights))
        return Actor(kind=ActorKind.PERSON, id=key, name=name, permissions=permissions, rights=rights)

    def everywhere(self, actor: str) -> Actor:
        """Return the actor with this id, with what `own_rights` names."""
        if actor == OPERATOR.id:
            return OPERATOR
        rights = self.own_rights(actor)
        permissions = frozenset[Permission]().union(*(one.permissions for one in rights))
        named = (one.name for one in self._bindings.values() if one.holder == actor and one.name)
        return Actor(kind=ActorKind.PERSON, id=actor, name=next(named, actor), permissions=permissions, rights=rights)

    def own_rights(self, actor: str) -> tuple[Right, ...]:
        """Return what the operator, or a user by separate bindings, may do everywhere now. Other actors may do
        nothing here, and roles of the server do not count: Discord names them only with a command."""
        if actor == OPERATOR.id:
            return OPERATOR.rights
        now_ms = self._clock.now_ms()
        held = (one for one in self._bindings.values() if one.holder == actor and not one.channel)
        return tuple(one.right for one in held if one.is_valid(now_ms))

    @staticmethod
    def agent(name: str) -> Actor:
        """Return the agent as an actor. It has no permissions: a code proves its right to answer."""
        return Actor(kind=ActorKind.AGENT, id=f"agent:{name}", name=name)

    @property
    def has_others(self) -> bool:
        """Whether anyone but an owner has a role."""
        now_ms = self._clock.now_ms()
        return any(one.role is not Role.OWNER and one.is_valid(now_ms) for one in self._bindings.values())

    async def bindings(self, *, by: Actor) -> tuple[Binding, ...]:
        """Return all roles that count now or in some channel, oldest first."""
        require(by, Permission.ROLE_MANAGE)
        now_ms = self._clock.now_ms()
        return tuple(one for one in self._bindings.values() if one.is_valid(now_ms))

    async def bind(self, holder: HolderId, role: Role, *, channel: str = "", by: Actor) -> Binding:
        """Give the role, in place of another one there. Raises role_too_high or last_owner."""
        require(by, Permission.ROLE_MANAGE)
        return await self._bind(holder, role, channel=channel, by=by)

    async def grant(self, holder: HolderId, role: Role, *, hours: int, reason: str, by: Actor) -> Binding:
        """Give the role for some hours, beside the user's lasting role. Raises role_too_high or as
        `limits.check`."""
        require(by, Permission.ROLE_MANAGE)
        limits.check("hours", hours, limits.GRANT_HOURS)
        limits.check("reason", reason, limits.REASON)
        expires_ms = self._clock.now_ms() + hours * _HOUR_MS
        return await self._bind(holder, role, expires_ms=expires_ms, purpose=reason.strip(), by=by)

    async def unbind(self, holder: HolderId, *, channel: str = "", by: Actor) -> Binding:
        """Take the role there away; a grant stays. Raises binding_not_found, role_too_high or last_owner."""
        require(by, Permission.ROLE_MANAGE)
        return await self._change((holder, channel, False), None, by=by)

    async def revoke(self, holder: HolderId, *, by: Actor) -> Binding:
        """End the user's grant before its time. Raises binding_not_found or role_too_high."""
        require(by, Permission.ROLE_MANAGE)
        return await self._change((holder, "", True), None, by=by)

    def claim_code(self) -> str | None:
        """Return the one-time code for the console; None when this Octet has an owner."""
        return None if self._owner() else self._claim

    async def claim(self, code: str, *, user_id: str, name: str) -> Actor:
        """Make this Discord user the owner. Raises owner_exists, WrongClaim or too_many_claims."""
        if self.claim_code() is None:
            raise refused("owner_exists")
        key = f"discord:{user_id}"
        if wait_s := self._wait_s(key):
            raise refused("too_many_claims", wait_s=wait_s)
        if not hmac.compare_digest(code.strip().encode(errors="replace"), self._claim.encode()):
            self._wrong.append((self._clock.monotonic_s(), key))
            log.warning("owner_code_refused", person=key)
            await self._store.write(lambda tx: self._journal.append(tx, OwnerCodeRefused(person=key), by=key))
            raise WrongClaim
        await self._own(key, name, OwnerClaimed(person=key), by=key)
        return await self.discord_actor(user_id, name)

    async def name_owner(self, user_id: str, name: str, *, by: Actor) -> Actor:
        """Make this Discord user the owner, without a code, for the operator. Raises owner_exists."""
        require(by, Permission.OWNER_NAME)
        key = f"discord:{user_id}"
        await self._own(key, name, OwnerNamed(person=key), by=by.id)
        return await self.discord_actor(user_id, name)

    async def owner(self, *, by: Actor) -> Actor | None:
        """Return the first owner."""
        require(by, Permission.OWNER_NAME)
        found = self._owner()
        return await self.discord_actor(found.holder.removeprefix("discord:"), found.name) if found else None

    def _owner(self) -> Binding | None:
        return next(filter(_owns, self._bindings.values()), None)

    def _wait_s(self, key: str) -> int:
        """Return for how many seconds Octet compares no code of this user."""
        now_s = self._clock.monotonic_s()
        recent = [(at_s, who) for at_s, who in self._wrong if now_s - at_s < _WRONG_WITHIN_S]
        own_s, all_s = [at_s for at_s, who in recent if who == key], [at_s for at_s, _ in recent]
        limits = ((own_s, _WRONG_OF_ONE), (all_s, _WRONG_OF_ALL))
        since_s = [times[-most] for times, most in limits if len(times) >= most]
        return math.ceil(max(since_s) + _WRONG_WITHIN_S - now_s) if since_s else 0

    async def _own(self, key: str, name: str, event: Event, *, by: str) -> None:
        binding = self._new(HolderId(key), Role.OWNER, name=name, by=by)

        def own(tx: Tx) -> None:
            if any(map(_owns, self._readable(tx.execute(_store.OWNERS)))):
                raise refused("owner_exists")
            self._put(tx, binding.key, binding, event, by=by)

        await self._store.write(own)

    def _new(self, holder: HolderId, role: Role, *, by: str, name: str = "", **more: Any) -> Binding:
        given: dict[str, Any] = {"channel": "", "since_ms": self._clock.now_ms(), **more}
        return Binding(holder=holder, name=name, role=role, bound_by=by, **given)

    async def _bind(self, holder: HolderId, role: Role, *, by: Actor, **more: Any) -> Binding:
        binding = self._new(holder, role, by=by.id, **more)
        return await self._change(binding.key, binding, by=by)

    async def _change(self, key: _Key, binding: Binding | None, *, by: Actor) -> Binding:
        """Put the binding, or none, in place of the one of this key. Return the one that counts now, or no more."""

        def change(tx: Tx) -> Binding:
            before = next(iter(self._readable(tx.execute(_store.BINDING, _named(key)))), None)
            if before is not None and not before.is_valid(self._clock.now_ms()):
                before = None
            if (changed := binding or before) is None:
                raise refused("binding_not_found", id=key[0])
            # What they give must end with their own rights; to take something away they need these now.
            for one, until_ms in ((before, self._clock.now_ms()), (binding, binding and binding.expires_ms)):
                if one is None:
                    continue
                if not ROLE_ALLOWS[one.role] <= by.permissions:
                    raise refused("role_too_high", role=one.role.value)
                needed = ROLE_ALLOWS[one.role] | {Permission.ROLE_MANAGE}
                if not covers(by.rights, needed, channel=one.channel, until_ms=until_ms):
                    raise refused("role_reaches_too_far")
            if before and _owns(before) and not (binding and _owns(binding)):
                owners = self._readable(tx.execute(_store.OWNERS))
                if not any(_owns(one) and one.key != key for one in owners):
                    raise refused("last_owner", id=before.holder)
            about: dict[str, Any] = {
                "role": changed.role.value,
                "channel": changed.channel,
                "expires_ms": changed.expires_ms,
            }
            event = (RoleBound if binding else RoleUnbound)(person=changed.holder, **about)
            self._put(tx, key, binding, event, by=by.id)
            return changed

        return await self._store.write(change)

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the ends of grants with a clock that was set by `by_ms`."""
        holders = [row.holder for row in tx.execute(_store.BINDINGS)]
        tx.execute(_store.SHIFT_GRANTS, {"by": by_ms, "holders": holders})
        after = {one.key: one for one in self._readable(tx.execute(_store.BINDINGS))}
        tx.after_commit(lambda: setattr(self, "_bindings", after))

    def _put(self, tx: Tx, key: _Key, binding: Binding | None, event: Event, *, by: str) -> None:
        tx.execute(_store.UNBIND, _named(key))
        if binding is not None:
            tx.execute(_store.BIND, {**asdict(binding), "role": binding.role.value, "is_grant": key[-1]})

        def follow() -> None:
            self._bindings.pop(key, None)
            if binding is not None:
                self._bindings[key] = binding

        tx.after_commit(follow)
        self._journal.append(tx, event, by=by)  # its listeners find the memory changed


_Key = tuple[HolderId, str, bool]


def _named(key: _Key) -> dict[str, str | bool]:
    return dict(zip(("of_holder", "in_channel", "grants"), key, strict=True))


def _owns(one: Binding) -> bool:
    """Return whether it makes a user an owner everywhere and for good."""
    return one.role is Role.OWNER and one.key[1:] == ("", False) and one.holder.startswith("discord:")
