"""Holds what was claimed of deliveries among thieves against what the windows heard: I2, I3, I4, I6, I7."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from bench.measure.arena import PERSONS_CLIPBOARD, Arena, Person, Shot
from bench.measure.faults import Fault
from core.deliveries.model import Result
from core.profiles.model import Normalise
from sandbox.thieves.hands import UserHands
from sandbox.thieves.process import connect

_QUIET_S = 5.0
_FOCUS_S = 30.0
CLIPBOARD_LOST = "I7 the clipboard's"
_HOLDABLE = frozenset({"Shift_L", "Control_L"})
"""Keys that the person, or a thief in their place, holds now and then."""


async def breaches(arena: Arena, fault: Fault) -> list[str]:
    """Everything that should not be and was not told before. The fault has ended, and nothing is under way."""
    shots = arena.shots
    await _settled(arena, shots)
    found = [
        *_heard(arena, shots),
        *_claims(arena, shots, fault),
        *_elsewhere(arena),
        *_letters(arena),
        *_typed(arena.person),
    ]
    found += [f"I7 {what} stayed down" for what in arena.down()]
    found += _clipboard(arena, fault)
    if not await _is_alive(arena):
        found.append("I7 the person's keyboard is dead")
    new = [line for line in found if line not in arena.known]
    arena.known.update(new)
    return new


def normalised(text: str, level: Normalise) -> str:
    """Without the differences that are the program's habit."""
    text = text.replace("\r\n", "\n").rstrip("\n") if level is not Normalise.RAW else text
    if level in {Normalise.NBSP, Normalise.LINES}:
        text = text.replace("\u00a0", " ")
    if level is Normalise.LINES:
        text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
    return text


def is_heard(arena: Arena, shot: Shot) -> bool:
    """Whether its window heard it."""
    level = arena.profile(shot.agent).normalise
    return normalised(shot.text, level) in {normalised(text, level) for text in shot.agent.heard}


def has_failed(arena: Arena, shots: Sequence[Shot], *, before_s: float) -> bool:
    """Whether harm can be seen already: of what was sent before that moment something was not heard, or other words."""
    sent = [shot for shot in shots if shot.ended_s < before_s]
    return any(not is_heard(arena, shot) for shot in sent) or bool(_heard(arena, shots))


async def _settled(arena: Arena, shots: Sequence[Shot]) -> None:
    """Give what was sent last the time to be written down by its window. What never comes is waited for until nothing
    else has come for a while."""
    claimed = [shot for shot in shots if shot.claimed is Result.DELIVERED and not shot.may_be_missing]
    missing, since_s = len(claimed), time.monotonic()
    while missing and time.monotonic() - since_s < _QUIET_S:
        await asyncio.sleep(0.05)
        left = sum(not is_heard(arena, shot) for shot in claimed)
        if left != missing:
            missing, since_s = left, time.monotonic()
    await asyncio.sleep(0.2)


def _heard(arena: Arena, shots: Sequence[Shot]) -> list[str]:
    """I2, I3, I4: each window heard its own texts, each once, letter for letter."""
    found: list[str] = []
    for agent in arena.agents:
        level = arena.profile(agent).normalise
        asked = {normalised(shot.text, level): shot.agent.name for shot in shots}
        for text, count in Counter(normalised(heard, level) for heard in agent.heard).items():
            if text not in asked:
                found.append(f"I4 {agent.name} heard what nobody asked: {text[:80]!r} ({len(text)} characters)")
            elif asked[text] != agent.name:
                found.append(f"I2 {agent.name} heard what was for {asked[text]}: {text[:20]!r}")
            elif count > 1:
                found.append(f"I3 {agent.name} heard {count} times {text[:20]!r}")
    return found


def _claims(arena: Arena, shots: Sequence[Shot], fault: Fault) -> list[str]:
    """I6: delivered means heard, everything else but `unknown` means not heard. Weakly delivered to a program that
    swallows texts claims neither."""
    found: list[str] = []
    for shot in shots:
        name, was_heard = f"{shot.text[:7]} into {shot.agent.name}", is_heard(arena, shot)
        if shot.outcome is None:
            continue
        if shot.claimed is Result.DELIVERED and not was_heard and not shot.may_be_missing:
            found.append(f"I6 {name} is called delivered ({shot.outcome.assurance}), but was not heard")
        elif shot.claimed not in {Result.DELIVERED, Result.UNKNOWN} and was_heard:
            found.append(f"I6 {name} is called {shot.outcome.result} ({shot.outcome.reason}), but was heard")
        elif shot.claimed is Result.UNKNOWN and not fault.may_hide_the_end:
            found.append(f"I6 {name} is unknown without need: {shot.outcome.reason} {shot.outcome.note}")
    return found


def _elsewhere(arena: Arena) -> list[str]:
    """I2: nothing of ours, not even a key, went into windows that are no targets."""
    found: list[str] = []
    for name, window in (("the person's window", arena.person), ("somebody's window", arena.decoy)):
        strange = [
            key.key for key in window.keys if key.key not in _HOLDABLE and not (key.is_letter and key.char.isalpha())
        ]
        if strange:
            found.append(f"I2 {name} was given keys that nobody typed there: {dict(Counter(strange))}")
        strange_letters = Counter(window.content) - Counter(window.typed + "z" * arena.tried)
        if strange_letters:
            found.append(f"I2 {name} was given {dict(strange_letters)}")
    return found


def _letters(arena: Arena) -> list[str]:
    """I7: what a person typed reached no target."""
    found: list[str] = []
    for agent in arena.agents:
        letters = "".join(key.char for key in arena.keys(agent) if key.is_letter)
        if letters:
            found.append(f"I7 {agent.name} was given {len(letters)} of the person's letters: {letters[:40]!r}")
    return found


def _typed(person: Person) -> list[str]:
    """I7: all that the person typed stands in their own window, in its order."""
    written = person.content.replace("z", "")  # those by which it is tried whether the keyboard writes
    if written == person.typed.replace("z", ""):
        return []
    missing = Counter(person.typed.replace("z", "")) - Counter(written)
    said = f"I7 of {len(person.typed)} letters typed {missing.total()} are lost"
    return [f"{said}, {len(written)} stand there: …{written[-30:]!r} for …{person.typed[-30:]!r}"]


def _clipboard(arena: Arena, fault: Fault) -> list[str]:
    """I7: the person's clipboard holds what it held, in each of its formats."""
    if "CLIPBOARD" in fault.steals:
        return []
    there = {target: arena.words_on("CLIPBOARD", target) for target in PERSONS_CLIPBOARD}
    return [
        f"{CLIPBOARD_LOST} {target} is {words!r}"
        for target, words in there.items()
        if words != PERSONS_CLIPBOARD[target]
    ]


async def _is_alive(arena: Arena) -> bool:
    """Whether the person's own keyboard still writes into their window."""
    end = time.monotonic() + _FOCUS_S
    while arena.display.windows.active() != arena.person.window and time.monotonic() < end:
        arena.display.windows.activate(arena.person.window)
        await asyncio.sleep(0.1)
    display = connect(arena.display.name)
    hands, before = UserHands(display), len(arena.person.keys)
    arena.tried += 1
    hands.press("z")
    hands.release("z")
    display.close()
    end = time.monotonic() + _FOCUS_S
    while time.monotonic() < end:
        if len(arena.person.keys) > before:
            return True
        await asyncio.sleep(0.02)
    return False
