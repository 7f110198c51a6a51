"""Lines that are typed at the console of Windows while a place is pointed at."""

from __future__ import annotations

from collections import deque

import pytest

from bot.cli.typed import OnWindows


class Console:
    """Windows' own module for it, with these keys pressed already."""

    def __init__(self, keys: str = "") -> None:
        self.keys = deque(keys)

    def kbhit(self) -> bool:
        return bool(self.keys)

    def getwch(self) -> str:
        return self.keys.popleft()


async def test_a_line_comes_when_it_is_whole_and_nothing_waits_for_it() -> None:
    console, shown = Console("200,"), list[str]()
    typed = OnWindows(console, shown.append)
    assert await typed.line(0) is None
    console.keys.extend("-41\b0\r s\r")
    assert await typed.line(0) == "200,-40"
    assert "".join(shown) == "200,-41\b \b0\n"
    assert await typed.line(0) == " s"


async def test_a_key_that_types_no_sign_is_no_part_of_a_line() -> None:
    assert await OnWindows(Console("\xe0H\x00;7\x1b\r"), lambda _: None).line(0) == "7"


async def test_ctrl_c_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        await OnWindows(Console("1\x03"), lambda _: None).line(0)
