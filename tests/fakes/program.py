"""A program that says how it finds itself, and ends as it is asked: program.py HOW."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(how: str) -> None:
    own = sorted(name for name in os.environ if name in {"SAID", "PYTHONPATH", "PYTEST_CURRENT_TEST", "HOME"})
    files = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())
    print(how, sys.stdin.read(), Path.cwd(), f"{os.environ.get('SAID')} {','.join(own)}", sep="\n")
    print(*files[:-1])  # the last one is the folder's own
    print(os.getpid())
    match how:
        case "broken":
            raise ValueError(how)
        case "words":
            sys.exit("some words")
        case "none":
            sys.exit(None)
        case "well":
            return
        case _:
            sys.exit(int(how))


if __name__ == "__main__":
    main(sys.argv[1])
