"""Chords as users write them, `ctrl+shift+v`, taken apart. Which keys there are is for others to say."""

from __future__ import annotations


def split_chord(chord: str) -> tuple[list[str], str]:
    """Return the keys that are held down, in their order, and the last one; `ctrl++` ends in the key +."""
    *held, last = [*chord[:-1].split("+")[:-1], "+"] if chord.endswith("++") or chord == "+" else chord.split("+")
    return held, last
