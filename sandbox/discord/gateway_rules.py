"""The rules of Discord's gateway for a client's connection, payloads and identification."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, cast

from sandbox.discord.model import Json
from sandbox.discord.sessions import Intent, Op

VERSION = "10"
PAYLOAD_BYTES = 4096
INTENTS = Intent(0x1FFFF | 0b11 << 20 | 0b11 << 24)  # every intent that Discord documents
PRIVILEGED = {Intent.GUILD_PRESENCES: 0b11 << 12, Intent.GUILD_MEMBERS: 0b11 << 14, Intent.MESSAGE_CONTENT: 0b11 << 18}
"""Each privileged intent, and the application's flags of which one allows it."""
SNOWFLAKE = (str, int)
FIELDS: dict[int, dict[str, tuple[type, ...]]] = {
    Op.HEARTBEAT: {},
    Op.IDENTIFY: {"token": (str,), "properties": (dict,), "intents": (int,)},
    Op.PRESENCE: {"since": (int, float, NoneType), "activities": (list,), "status": (str,), "afk": (bool,)},
    Op.VOICE: {"guild_id": SNOWFLAKE, "channel_id": (*SNOWFLAKE, NoneType), "self_mute": (bool,), "self_deaf": (bool,)},
    Op.RESUME: {"token": (str,), "session_id": (str,), "seq": (int,)},
    Op.MEMBERS: {"guild_id": SNOWFLAKE},
    Op.SOUNDBOARD: {"guild_ids": (list,)},
    Op.CHANNEL_INFO: {"guild_id": SNOWFLAKE},
}
"""The operations that a client may send, and the fields that each requires."""
Pack = Callable[[bytes], bytes]


class GatewayClosed(Exception):
    """The client broke a rule, and Discord closes the connection with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def choose_packing(query: Mapping[str, str]) -> Pack | None:
    """Return how to compress messages, None for plain text; close when the sandbox lacks what the query asks for."""
    if query.get("v") != VERSION:
        raise GatewayClosed(4012, f"The sandbox speaks v={VERSION} only.")
    if query.get("encoding") != "json":
        raise GatewayClosed(4012, "The sandbox speaks encoding=json only.")
    packings: dict[str | None, Callable[[], Pack | None]] = {
        None: lambda: None,
        "zlib-stream": _zlib_stream,
        "zstd-stream": _zstd_stream,
    }
    if (packing := packings.get(query.get("compress"))) is None:
        raise GatewayClosed(4012, "Use compress=zlib-stream, zstd-stream or none.")
    return packing()


def _zlib_stream() -> Pack:
    deflate = zlib.compressobj()
    return lambda raw: deflate.compress(raw) + deflate.flush(zlib.Z_SYNC_FLUSH)


def _zstd_stream() -> Pack:
    """Write one endless frame of raw blocks: every zstd decoder reads it, and the sandbox needs no zstd library."""
    block = 1 << 17
    header = [b"\x28\xb5\x2f\xfd\x00\x38"]  # magic number, no checksum, a window of one block

    def pack(raw: bytes) -> bytes:
        parts = [raw[at : at + block] for at in range(0, len(raw), block)]
        framed = b"".join((len(part) << 3).to_bytes(3, "little") + part for part in parts)
        return (header.pop() if header else b"") + framed

    return pack


def parse_payload(raw: str | bytes) -> tuple[Op, Any]:
    if len(raw.encode() if isinstance(raw, str) else raw) > PAYLOAD_BYTES:
        raise GatewayClosed(4002, f"The payload exceeds {PAYLOAD_BYTES} bytes.")
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict) or type(op := cast("Json", payload).get("op")) is not int:
        raise GatewayClosed(4002, "Error while decoding payload.")
    data: Any = cast("Json", payload).get("d")
    fields = FIELDS.get(op)
    if fields is None:
        raise GatewayClosed(4001, "Unknown opcode.")
    if op == Op.HEARTBEAT:
        require(type(data) in {int, NoneType}, "d")
    else:
        require(isinstance(data, dict), "d")
    for name, kinds in fields.items():
        require(name in data and type(data[name]) in kinds, name)
    return Op(op), data


def require(holds: bool, field: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Close as Discord does for an invalid payload of a known operation."""
    if not holds:
        raise GatewayClosed(4001, f"Unknown opcode: the payload's {field} is missing or invalid.")


def check_shard(data: Json, *, required: int) -> tuple[int, int]:
    match data.get("shard", [0, 1]):
        case [int(number), int(count)] if 0 <= number < count:
            pass
        case _:
            raise GatewayClosed(4010, "Invalid shard.")
    if count % required:
        code, why = (4010, "Invalid shard.") if count > required else (4011, "Sharding required.")
        raise GatewayClosed(code, f"{why} Use {required} shards or a multiple.")
    return number, count


def check_intents(data: Json, *, allowing: int) -> Intent:
    """Return the intents, all of them known, and the privileged ones allowed by the application's flags."""
    if data["intents"] & ~int(INTENTS):
        raise GatewayClosed(4013, "Invalid intent(s).")
    intents = Intent(data["intents"])
    for intent, flags in PRIVILEGED.items():
        if intent in intents and not allowing & flags:
            raise GatewayClosed(4014, f"Disallowed intent(s): {intent.name}.")
    return intents
