"""A person at the keyboard: types on the physical device of the display, as the server sees it, not by its test device.

Run as a program: person.py LOG WORDS MILLISECONDS types the letters of WORDS again and again, each down and up again,
so many milliseconds for each, and writes each down into LOG before it is pressed. An upper-case letter is made with
Shift, held around it alone.
person.py LOG --keys MILLISECONDS NAME … does the same with named keys (Left, Shift_L, …).
Both end on SIGTERM, when no key is down.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from Xlib.display import Display

from tests.thieves.hands import Hands

STOP = threading.Event()


def presses(hands: Hands, log: Path, names: list[str], milliseconds: float) -> None:
    with log.open("a", encoding="utf-8") as typed:
        while not STOP.is_set():
            for name in names:
                typed.write(f"{name} ")
                typed.flush()
                for act in (hands.press, hands.release):
                    act(name)
                    time.sleep(milliseconds / 2000)


def types(hands: Hands, log: Path, words: str, milliseconds: float) -> None:
    with log.open("a", encoding="utf-8") as typed:
        while not STOP.is_set():
            for letter in words:
                if STOP.is_set():
                    return
                name = {" ": "space"}.get(letter, letter.lower())
                typed.write(letter)
                typed.flush()
                if letter.isupper():
                    hands.press("Shift_L")
                hands.press(name)
                time.sleep(milliseconds / 2000)
                hands.release(name)
                if letter.isupper():
                    hands.release("Shift_L")
                time.sleep(milliseconds / 2000)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    where, hands = Path(sys.argv[1]), Hands(Display())
    if sys.argv[2] == "--keys":
        presses(hands, where, sys.argv[4:], float(sys.argv[3]))
    else:
        types(hands, where, sys.argv[2], float(sys.argv[3]))
