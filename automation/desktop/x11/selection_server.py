"""Gives the content of X selections to the programs that ask for it; long content travels in pieces (INCR).

The worker and its watchdog use it. It imports nothing of Octet, so that the watchdog of every desk stays small."""

from __future__ import annotations

import array
from collections.abc import Callable, Mapping

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

INCR_ABOVE = 200_000  # bytes; longer content goes in pieces: python-xlib sends at most 262,140 bytes in one request
Form = tuple[int, int, bytes]  # one form of a content: its type, the bits of an item, the data


class SelectionServer:
    """The giving side of one connection; belongs to its thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        atom = display.intern_atom
        self._targets, self._timestamp, self._incr = atom("TARGETS"), atom("TIMESTAMP"), atom("INCR")
        self._multiple, self._pair = atom("MULTIPLE"), atom("ATOM_PAIR")
        self._utf8 = frozenset({atom("UTF8_STRING"), atom("text/plain;charset=utf-8")})
        # By window and property, what is left to give there, and what to call when it was taken.
        self._under_way: dict[tuple[int, int], tuple[Form, Callable[[], None]]] = {}

    def answer(
        self,
        asked: event.SelectionRequest,
        forms: Mapping[int, Form] | None,
        *,
        since: int = X.CurrentTime,
        given: Callable[[], None] = lambda: None,
    ) -> None:
        """Give one of `forms` (by target), owned `since`; None refuses. Call `given` once for each form given whole."""
        place = int(asked.property) or int(asked.target)
        target = int(asked.target)
        is_given = forms is not None and self._put(asked.requestor, forms, target, place, since=since, given=given)
        asked.requestor.send_event(
            event.SelectionNotify(
                time=asked.time,
                requestor=asked.requestor,
                selection=asked.selection,
                target=asked.target,
                property=place if is_given else X.NONE,
            )
        )
        self._display.flush()

    def send_piece(self, requestor: Window, place: int) -> None:
        """Put the next piece there after the program took one; at last an empty one."""
        (type_, bits, data), given = self._under_way.pop((requestor.id, place), ((0, 0, b""), lambda: None))
        if not type_:
            return
        piece = cut(data, 0, INCR_ABOVE) if type_ in self._utf8 else data[:INCR_ABOVE]
        requestor.change_property(place, type_, bits, _items(piece, bits))
        if piece:
            self._under_way[requestor.id, place] = ((type_, bits, data[len(piece) :]), given)
        else:
            given()
        self._display.flush()

    def _put(
        self,
        requestor: Window,
        forms: Mapping[int, Form],
        target: int,
        place: int,
        *,
        since: int,
        given: Callable[[], None],
    ) -> bool:
        if target == self._targets:
            offered = [self._targets, self._timestamp, self._multiple, *forms]
            requestor.change_property(place, Xatom.ATOM, 32, offered)
        elif target == self._timestamp:
            requestor.change_property(place, Xatom.INTEGER, 32, [since])
        elif target == self._multiple:
            # The property holds pairs of targets and places; a place that gets nothing is crossed out.
            found = requestor.get_full_property(place, X.AnyPropertyType)
            if found is None or found.format != 32:
                return False
            pairs = [int(number) for number in found.value]
            for at in range(0, len(pairs) - 1, 2):
                if not pairs[at + 1] or not self._put(
                    requestor, forms, pairs[at], pairs[at + 1], since=since, given=given
                ):
                    pairs[at + 1] = X.NONE
            requestor.change_property(place, self._pair, 32, pairs)
        elif target not in forms:
            return False
        else:
            type_, bits, data = forms[target]
            if len(data) > INCR_ABOVE:
                requestor.change_attributes(event_mask=X.PropertyChangeMask)
                self._under_way[requestor.id, place] = (forms[target], given)
                requestor.change_property(place, self._incr, 32, [len(data)])
            else:
                requestor.change_property(place, type_, bits, _items(data, bits))
                given()
        return True


def cut(data: bytes, start: int, most: int) -> bytes:
    """Cut the next piece of UTF-8 text from `start`: at most `most` bytes, and never a part of a character."""
    end = start + most
    while start < end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[start:end] or data[start : start + most]


def _items(data: bytes, bits: int) -> bytes | list[int]:
    return data if bits == 8 else array.array({16: "H", 32: "I"}[bits], data).tolist()
