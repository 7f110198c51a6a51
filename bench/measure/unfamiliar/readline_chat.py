"""A chat in a terminal by GNU readline, run by the system's Python: readline_chat.py HEARD ANSWER_S [PROMPT].

Its prompt line moves down the screen as the conversation grows. Enter sends, also while an answer is awaited.
"""

from __future__ import annotations

import json
import readline
import sys
import time
from pathlib import Path


def main(heard: Path, answer_s: float, prompt: str) -> None:
    readline.parse_and_bind("set enable-bracketed-paste on")
    print("Type a message; an empty line does nothing.\n")
    while True:
        try:
            text = input(prompt)
        except EOFError:
            return
        except KeyboardInterrupt:
            print()
            continue
        if not text.strip():
            continue
        with heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps(text) + "\n")
        print("  working …", end="\r", flush=True)
        time.sleep(answer_s)
        print(f"  That was a message of {len(text)} characters.\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "> ")
