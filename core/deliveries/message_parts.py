"""Which part of its message one delivery brings, where the message is too long for one prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePart:
    """Which part of its message a delivery brings, where the message is too long for one. The parts are brought one
    after the other, each by a delivery of its own; where they are cut stays as it was when the first was made."""

    number: int = 1
    cuts: tuple[int, ...] = ()  # the places in the message's body at which it is cut; none where it is brought whole

    @property
    def total(self) -> int:
        """How many parts there are."""
        return len(self.cuts) + 1

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.number == self.total

    @property
    def is_later(self) -> bool:
        """Whether its agent has a part already, and waits for this one."""
        return self.number > 1

    @property
    def words(self) -> str:
        """`part 2 of 3`; empty for the whole."""
        return f"part {self.number} of {self.total}" if self.cuts else ""

    def of(self, body: str) -> str:
        """What it is of the message's body."""
        ends = (0, *self.cuts, len(body))
        return body[ends[self.number - 1] : ends[self.number]]

    def next(self) -> MessagePart:
        """The part after this one."""
        return MessagePart(number=self.number + 1, cuts=self.cuts)


WHOLE_MESSAGE = MessagePart()
