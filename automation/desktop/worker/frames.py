"""Frames between Octet and a worker process: frozen dataclasses as JSON, their length in front."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, Generic, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from core.kit.errors import Invalid

T = TypeVar("T")
ToWorker = TypeVar("ToWorker")
FromWorker = TypeVar("FromWorker")
Kinds = Mapping[str, TypeAdapter[T]]

MOST_BYTES = 16 * 1024 * 1024  # A longer frame ends the conversation. The longest honest one is a picture of a window.
_LENGTH = struct.Struct(">I")


class BadFrame(Invalid):
    """Octet and its worker do not understand each other: {why}. Do both have the same version?"""


class FrameCodec(Generic[ToWorker, FromWorker]):
    """The frames of one kind of worker, each known by the name of its class."""

    def __init__(self, to_worker: Any, from_worker: Any) -> None:
        """Take the union of the frames in each direction."""
        self._to_worker: Kinds[ToWorker] = {kind.__name__: TypeAdapter(kind) for kind in get_args(to_worker)}
        self._from_worker: Kinds[FromWorker] = {kind.__name__: TypeAdapter(kind) for kind in get_args(from_worker)}

    def pack(self, frame: ToWorker | FromWorker) -> bytes:
        name = type(frame).__name__
        adapter: TypeAdapter[Any] = self._to_worker.get(name) or self._from_worker[name]
        body = b"%s %s" % (name.encode(), adapter.dump_json(frame))
        if len(body) > MOST_BYTES:
            raise BadFrame(why=f"{len(body)} bytes are too many")
        return _LENGTH.pack(len(body)) + body

    def length(self, head: bytes) -> int:
        """Return how many bytes follow these four."""
        size = int(_LENGTH.unpack(head)[0])
        if size > MOST_BYTES:
            raise BadFrame(why=f"{size} bytes are too many")
        return size

    def for_worker(self, body: bytes) -> ToWorker:
        return _unpacked(body, self._to_worker)

    def from_worker(self, body: bytes) -> FromWorker:
        return _unpacked(body, self._from_worker)

    def receive(self, stream: BinaryIO) -> ToWorker | None:
        """Wait for the next frame for the worker; None when the pipe has ended, also in the middle of a frame."""
        head = stream.read(4)
        if len(head) < 4:
            return None
        size = self.length(head)
        body = stream.read(size)
        return None if len(body) < size else self.for_worker(body)


def _unpacked(body: bytes, known: Kinds[T]) -> T:
    name, _, fields = body.partition(b" ")
    adapter = known.get(name.decode(errors="replace"))
    if adapter is None:
        raise BadFrame(why="its kind is unknown")
    try:
        return adapter.validate_json(fields)
    except ValidationError as trouble:
        raise BadFrame(why=f"{trouble.error_count()} fields do not fit") from trouble
