"""What the windows are asked: twenty prompts of 30 to 20,000 characters, no two alike."""

from __future__ import annotations

import random

_WORDS = ("bees", "flights", "naïve", "Äpfel", "данные", "ветер", "東京", "データ", "über", "x=1", "a_b", "λx.x", "→")
_RIGHT_TO_LEFT = "שלום עולם، مرحبا بالعالم: כתוב לי סיכום קצר על הנושא, ثم أرسله."
_EMOJI = "Ship it 🚀🐝 then celebrate 🎉👩‍👩‍👧‍👦 🇩🇪 and rest 😴 (skin tone 👍🏽)"
_CODE = """def head(path: str) -> list[str]:
    with open(path) as file:  # "quoted" & <tagged>
        return file.read().split("\\n")[:3]"""
_TABS = "name\tsize\tlast change\nREADME.md\t12\t2024-01-01\n\tindented by a tab\n\t\tby two"
_LIST = "Three things:\n\n1. count the bees\n2. name them\n\n\n3. and rest\n   indented"
_SHELL = "Run $(ls -la | grep 'octet') && echo \"done: `date`\" ; then tell me #what !happened @once /now"
LONGEST = 19_400
"""With what Octet adds, a prompt stays below 20,000 characters."""


def prompts(count: int = 20, *, seed: str = "") -> list[str]:
    """So many prompts, the first ones the most different; `seed` makes those of one window unlike all others."""
    chance = random.Random(f"unfamiliar {seed}")
    made = [
        f"Say hello to {seed or 'me'}, please.",
        f"Do all of this:\n\n{_LIST}\n\n{_EMOJI}\n\n{_RIGHT_TO_LEFT}\n\n{_CODE}\n\n{_TABS}\n\n{_SHELL}",
        _LIST,
        _EMOJI,
        _RIGHT_TO_LEFT,
        _CODE,
        _TABS,
        _SHELL,
        _prose(chance, LONGEST),
        "\n".join(f"{number}\t{_prose(chance, 30)}" for number in range(400)),
        "x" * 3_000,
    ]
    while len(made) < count:
        made.append(_mixed(chance, round(30 * 600 ** chance.random())))
    # Each begins with words of its own, so that no two prompts of the desktop are alike.
    return [f"({seed} {number}) {text}"[:LONGEST].rstrip() for number, text in enumerate(made[:count], 1)]


def _prose(chance: random.Random, length: int) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < length:
        words.append(chance.choice(_WORDS))
    return " ".join(words)[:length]


def _mixed(chance: random.Random, length: int) -> str:
    parts = [_EMOJI, _RIGHT_TO_LEFT, _CODE, _TABS, _SHELL]
    text = _prose(chance, chance.randint(20, 200))
    while len(text) < length:
        part = chance.choice(parts) if chance.random() < 0.3 else _prose(chance, 120)
        text += chance.choice(("\n", "\n\n", " ")) + part
    return text[: max(30, length)]
