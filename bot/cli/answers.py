"""The agents' verbs, `octet done` and `octet reply`: they carry an answer to the Octet whose code they were given.

Standard library only, and nothing of ours that needs more: an agent waits for this at every answer.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.answers_folder import Answer, put
from bot.cli.client import NobodyAnswers, Response, exchange
from bot.cli.words import Unusable, read_words
from bot.runfile import home_of, is_home_id, pointer_folders, running

OK = 0
REFUSED = 1
USAGE = 2
TRY_LATER = 75
MAX_CHARS = 1_000_000
"""The same number as core.messages.model.MAX_ANSWER_CHARS, which is too heavy to import here."""
_PAUSES_S = (0.1, 0.2, 0.5)
"""Rests between tries; the last one repeats."""
_UNHEARD = frozenset({429, 500, 502, 503, 504})
"""Statuses that say nothing about the answer itself."""
_KEPT_LATE = frozenset({"task_ended", "taken_back", "wrong_task", "not_working"})
"""Errors after which Octet has the text all the same; their messages say so."""
_VERBS = {
    "done": "End a task with your answer. Run it once, when all of the work is finished.",
    "reply": "Say something to your task without ending it: news, or a question.",
}


def main(argv: Sequence[str]) -> int:
    """Carry out `done …` or `reply …` and return the exit code."""
    try:
        arguments = _parser().parse_args(argv)
        text = read_words(arguments.file, limit=MAX_CHARS)
        answer = _answer(arguments.task, arguments.code, text, is_final=arguments.verb == "done")
    except Unusable as problem:
        _say(f"octet: {problem}")
        return USAGE
    source = "standard input" if arguments.file in {None, "-"} else arguments.file
    return _deliver(answer, source=source, wait_s=arguments.wait)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="octet", description="What agents say to Octet.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="done|reply")
    for verb, purpose in _VERBS.items():
        one = verbs.add_parser(
            verb,
            help=purpose,
            description=purpose,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=(
                f"examples:\n  octet {verb} T-142 --code k3v9x2.7F3K… --file answer.md\n"
                f"  some-program | octet {verb} T-142 --code k3v9x2.7F3K…\n\n"
                "The same command with the same text, run twice, counts once.\n\n"
                "exit codes:\n  0   Octet has your words\n  1   refused; the reason is printed\n"
                "  2   the command or the file cannot be used as it is\n"
                "  75  Octet does not answer; your words were put where it will find them, or are still where they were"
            ),
        )
        one.add_argument("task", metavar="TASK", help="the task of your prompt, such as T-142")
        one.add_argument("--code", required=True, help="the code of your prompt; it belongs to this task only")
        one.add_argument("--file", metavar="FILE", help="your words, in UTF-8; `-` or nothing: standard input")
        one.add_argument(
            "--wait",
            metavar="SECONDS",
            type=_seconds,
            default=30.0,
            help="how long to wait for an Octet that does not answer (default: 30)",
        )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("0 to 3600 seconds")
    return value


def _answer(task: str, code: str, text: str, *, is_final: bool) -> Answer:
    home_id, dot, secret = code.strip().partition(".")
    if not dot or not secret or not is_home_id(home_id) or not code.isascii():
        raise Unusable("This is not a code of Octet. Copy the whole command from your prompt again.")
    # Made from all that counts: the same command twice is one answer, also when the first one's reply was lost.
    parts = "\0".join((task, code.strip(), "done" if is_final else "reply", text))
    key = hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
    return Answer(task=task, code=code.strip(), text=text, final=is_final, key=key)


def _deliver(answer: Answer, *, source: str, wait_s: float) -> int:
    home_id = answer.code.partition(".")[0]
    folders = pointer_folders(os.environ)
    response = _send_within(answer, home_id, folders, wait_s)
    if response is not None:
        return _tell(answer, response, source)
    home = home_of(home_id, folders)
    if home is None:
        _say(
            f"octet: No Octet on this machine knows the code {home_id}.… Nothing was sent; "
            f"{_stays(source)} Run the command again when Octet runs."
        )
        return TRY_LATER
    try:
        kept = put(home, answer)
    except OSError as error:
        _say(
            f"octet: Octet does not answer, and {home} takes no file ({error.strerror}). Nothing was sent; "
            f"{_stays(source)}"
        )
        return TRY_LATER
    # It may have started, and have looked into the folder, just before our file was there.
    response = _send(answer, home_id, folders)
    if response is not None:
        kept.unlink(missing_ok=True)
        return _tell(answer, response, source)
    _say(
        f"octet: Octet does not answer. Your words to {answer.task} are kept in {kept.parent} and are taken in "
        "when it starts. You need not do anything more."
    )
    return TRY_LATER


def _send_within(answer: Answer, home_id: str, folders: Sequence[Path], wait_s: float) -> Response | None:
    """Octet's answer; None when it gave none for so long."""
    limit = time.monotonic() + wait_s
    tries = 0
    while True:
        response = _send(answer, home_id, folders, timeout_s=max(1.0, limit - time.monotonic()))
        left_s = limit - time.monotonic()
        if response is not None or left_s <= 0:
            return response
        if tries == 0:
            _say(f"octet: Octet does not answer yet; waiting up to {wait_s:g} s …")
        time.sleep(min(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)], left_s))
        tries += 1


def _send(answer: Answer, home_id: str, folders: Sequence[Path], *, timeout_s: float = 5) -> Response | None:
    """One try; None when nobody heard it. The address is read each time: Octet may have come back on another port."""
    home = home_of(home_id, folders)
    run = running(home) if home else None
    if run is None or run.home_id != home_id:
        return None
    body = {"task": answer.task, "code": answer.code, "text": answer.text, "final": answer.final, "key": answer.key}
    try:
        response = exchange(run, "POST", "/api/v2/replies", body=body, timeout_s=timeout_s)
    except NobodyAnswers:
        return None
    return None if response.status in _UNHEARD else response


def _tell(answer: Answer, response: Response, source: str) -> int:
    if response.is_good:
        said = "It is done." if answer.final else f"It goes on; end it by `octet done {answer.task} …`."
        print(f"Octet has your words to {answer.task}. {said}")
        return OK
    after = "" if response.error_code in _KEPT_LATE else f" Nothing was kept; {_stays(source)}"
    _say(f"octet: {response.error_message}{after}")
    return REFUSED


def _stays(source: str) -> str:
    if source == "standard input":
        return "your text came by standard input and is only where you have it."
    return f"your text is still in {source}."


def _say(text: str) -> None:
    print(text, file=sys.stderr)
