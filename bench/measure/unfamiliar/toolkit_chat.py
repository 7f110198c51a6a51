"""A chat in a terminal by prompt_toolkit: toolkit_chat.py HEARD ANSWER_S.

The composer takes several lines, its prompt line moves down the screen, answers come while one writes on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

KEYS = KeyBindings()


@KEYS.add("enter")
def _(event: KeyPressEvent) -> None:
    """Send."""
    event.current_buffer.validate_and_handle()


async def main(heard: Path, answer_s: float) -> None:
    session: PromptSession[str] = PromptSession(
        HTML("<ansigreen>you</ansigreen> » "), multiline=True, key_bindings=KEYS, prompt_continuation="      "
    )
    answers: set[asyncio.Task[None]] = set()
    with patch_stdout():
        while True:
            try:
                text = await session.prompt_async()
            except (EOFError, KeyboardInterrupt):
                return
            if text.strip():
                with heard.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(text) + "\n")
                answers.add(asyncio.create_task(_answer(len(text), answer_s)))


async def _answer(count: int, answer_s: float) -> None:
    await asyncio.sleep(answer_s)
    print(f"bot « That was a message of {count} characters.\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
