"""`octet progress`: an agent says that it is at work, so that nobody takes it for silent. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import cast

from bot.cli.reach import OK, REFUSED, TRY_LATER, USAGE, home_id_in, is_heard, post, say, seconds, why_not, within
from bot.cli.words import Unusable

MAX_CHARS = 300  # the same number as core.messages.model.MAX_SIGN_CHARS, which is too heavy to import here
PURPOSE = "Say in a few words what you are doing. It stands on the task's card and shows that you are at work."


def main(argv: Sequence[str]) -> int:
    """Carry out `progress TASK --code CODE WORDS …` and return the exit code."""
    try:
        arguments = _parser().parse_intermixed_args(argv)
        words = _checked(" ".join(arguments.words))
        home_id_in(arguments.code)
        body = {"task": arguments.task, "code": arguments.code.strip(), "text": words}
        response = within(arguments.wait, partial(post, "/api/v2/replies/progress", body))
    except Unusable as problem:
        say(f"octet: {problem}")
        return USAGE
    if not is_heard(response):
        say(
            f"octet: {why_not(response)}, so nobody was told. Go on with your work: as long as Octet is away, "
            "nobody takes you for silent."
        )
        return TRY_LATER
    if not response.is_good:
        say(f"octet: {response.error_message}")
        return REFUSED
    said = response.json()
    if isinstance(said, dict) and cast("dict[str, object]", said).get("kept") is False:
        print(f"Octet shows one report per second of {arguments.task}: a later one took the place of this one. Go on.")
        return OK
    print(f"Octet shows it on the card of {arguments.task}. Go on; end the task by `octet done {arguments.task} …`.")
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="octet progress",
        description=PURPOSE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "example:\n  octet progress T-142 --code k3v9x2.7F3K… tests are running\n\n"
            "Only the latest words are shown; nothing of them is posted in the thread (`octet reply` does that).\n\n"
            "exit codes:\n  0   Octet shows your words\n  1   refused; the reason is printed\n"
            "  2   the command cannot be used as it is\n  75  Octet does not answer; go on with your work"
        ),
    )
    parser.add_argument("task", metavar="TASK", help="the task of your prompt, such as T-142")
    parser.add_argument("words", metavar="WORDS", nargs="+", help=f"what you are doing, at most {MAX_CHARS} characters")
    parser.add_argument("--code", required=True, help="the code of your prompt; it belongs to this task only")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=5.0,
        help="how long to wait for an Octet that does not answer (default: 5)",
    )
    return parser


def _checked(words: str) -> str:
    """The words, if they can be sent."""
    try:
        words.encode()
    except UnicodeEncodeError as error:
        raise Unusable("Your words are not UTF-8.") from error
    if not words.strip():
        raise Unusable("There are no words: say what you are doing.")
    if len(words) > MAX_CHARS:
        raise Unusable(f"Your words have {len(words)} characters; {MAX_CHARS} are shown. Say it shorter.")
    return words
