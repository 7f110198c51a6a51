"""The five families of errors. The family decides what a face answers and whether anything is tried again."""

from __future__ import annotations

import inspect
from typing import ClassVar


class OctetError(Exception):
    """Something went wrong inside Octet. Run `octet doctor` and look at the log for the cause."""

    code: ClassVar[str] = "error"
    details: dict[str, object]

    def __init__(self, **details: object) -> None:
        """Keep ids, not prose: `details` fills the `{names}` of the class's docstring, which is the message."""
        self.details = details
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """What a person reads: the docstring of the class with the details put in."""
        text = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        for name, value in self.details.items():
            text = text.replace("{" + name + "}", str(value))
        return text


class NotFound(OctetError):
    """There is no {what} called {id}. Look at the list and try again."""

    code = "not_found"


class Conflict(OctetError):
    """This does not fit the present state. Look at it again and decide anew."""

    code = "conflict"


class Denied(OctetError):
    """You may not do this. Ask the owner of this Octet."""

    code = "denied"


class Invalid(OctetError):
    """This cannot be used as it is: {why}."""

    code = "invalid"


class Misconfigured(Invalid):
    """This Octet cannot start as it is set up. Run `octet check` and `octet doctor`."""

    code = "misconfigured"


class Unavailable(OctetError):
    """This cannot be done at the moment: {why}. Nothing was lost; try again later."""

    code = "unavailable"


class NoRoom(Unavailable):
    """The disk is full. Make room there and try again."""
