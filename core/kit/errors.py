"""The five families of errors. The family decides what an interface answers and whether Octet retries."""

from __future__ import annotations

import inspect
import re


class OctetError(Exception):
    """Something went wrong inside Octet. Run `octet doctor` and look at the log for the cause."""

    details: dict[str, object]

    def __init__(self, **details: object) -> None:
        """Keep ids, not prose: `details` fills the `{names}` of the class's docstring, which is the message."""
        self.details = details
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """What programs decide by: the name of the class, `TaskEnded` as `task_ended`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def message(self) -> str:
        """What a user reads: the docstring of the class with the details put in."""
        text = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        for name, value in self.details.items():
            text = text.replace("{" + name + "}", str(value))
        return text


class NotFound(OctetError):
    """There is no {what} called {id}. Look at the list and try again."""


class Conflict(OctetError):
    """This does not fit the current state. Look at it again, then decide."""


class Denied(OctetError):
    """You may not do this. Ask the owner of this Octet."""


class Invalid(OctetError):
    """This is invalid: {why}."""


class Misconfigured(Invalid):
    """Octet cannot start with this configuration. Run `octet check` and `octet doctor`."""


class Unavailable(OctetError):
    """Octet cannot do this now: {why}. Nothing was lost; try again later."""


class NoRoom(Unavailable):
    """The disk is full. Free space and try again."""
