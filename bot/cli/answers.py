"""The agents' verbs, `octet done` and `octet reply`: they carry an answer to the Octet whose code they were given.

Standard library only, and nothing of ours that needs more: an agent waits for this at every answer.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bot.answer_spool import SpooledAnswer, spool_answer
from bot.cli.client import HttpAnswer
from bot.cli.reach import (
    OK,
    REFUSED,
    TRY_LATER,
    USAGE,
    home_id_in,
    is_heard,
    named_in,
    post,
    say,
    seconds,
    why_not,
    within,
)
from bot.cli.words import Unusable, read_words
from bot.runfile import home_of, pointer_folders

MAX_CHARS = 1_000_000  # the same number as core.messages.model.MAX_ANSWER_CHARS, which is too heavy to import here
_KEPT_LATE = frozenset({"task_ended", "taken_back", "wrong_task", "not_working"})
"""Errors after which Octet has the text all the same; their messages say so."""
_STDIN = "standard input"
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
        named = named_in(os.environ)
    except Unusable as problem:
        say(f"octet: {problem}")
        return USAGE
    source = _STDIN if arguments.file in {None, "-"} else arguments.file
    deliver = _deliver_elsewhere if named else _deliver
    return deliver(answer, source=source, wait_s=arguments.wait)


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
                "\n\nAn agent under another account, or in a container with the host's network, has OCTET_URL and\n"
                "OCTET_REPLY_KEY in its environment, as `octet agent env NAME` prints them. With 75 the file with\n"
                "your words is named then."
            ),
        )
        one.add_argument("task", metavar="TASK", help="the task of your prompt, such as T-142")
        one.add_argument("--code", required=True, help="the code of your prompt; it belongs to this task only")
        one.add_argument("--file", metavar="FILE", help="your words, in UTF-8; `-` or nothing: standard input")
        one.add_argument(
            "--wait",
            metavar="SECONDS",
            type=seconds,
            default=30.0,
            help="how long to wait for an Octet that does not answer (default: 30)",
        )
    return parser


def _answer(task: str, code: str, text: str, *, is_final: bool) -> SpooledAnswer:
    home_id_in(code)
    # Made from all that counts: the same command twice is one answer, also when the first one's reply was lost.
    parts = "\0".join((task, code.strip(), "done" if is_final else "reply", text))
    key = hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
    return SpooledAnswer(task=task, code=code.strip(), text=text, final=is_final, key=key)


def _deliver(answer: SpooledAnswer, *, source: str, wait_s: float) -> int:
    """Put the answer into the home first: then it is not lost, whatever ends this command or Octet from here on."""
    home_id = answer.code.partition(".")[0]
    home = home_of(home_id, pointer_folders(os.environ))
    kept, trouble = None, ""
    try:
        kept = spool_answer(home, answer) if home is not None else None
    except OSError as error:
        trouble = str(error.strerror)
    response = _sent(answer, kept, wait_s)
    if is_heard(response):
        return _tell(answer, response, source)
    if home is None:
        say(
            f"octet: No Octet on this machine knows the code {home_id}.… Nothing was sent; "
            f"{_stays(source)} Run the command again when Octet runs."
        )
    elif kept is None:
        say(f"octet: {why_not(response)}, and {home} takes no file ({trouble}). Nothing was sent; {_stays(source)}")
    else:
        say(
            f"octet: {why_not(response)}. Your words to {answer.task} are kept in {kept.parent} and are taken in "
            f"{'as soon as it can' if response else 'when it starts'}. You need not do anything more."
        )
    return TRY_LATER


def _deliver_elsewhere(answer: SpooledAnswer, *, source: str, wait_s: float) -> int:
    """Send the answer to the Octet that the environment names; what came by standard input goes into a file first."""
    kept = _keep(answer.text) if source == _STDIN else None
    response = _sent(answer, kept, wait_s)
    if is_heard(response):
        return _tell(answer, response, source)
    file = kept or (Path(source).absolute() if source != _STDIN else None)
    where = f"your words to {answer.task} are in {file}: name it by --file." if file else _stays(source)
    say(f"octet: {why_not(response)}. Run the command again when Octet runs, it counts once; {where}")
    return TRY_LATER


def _keep(text: str) -> Path | None:
    """Write the text into a new file that only this account can read; None where it cannot write one."""
    import tempfile

    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="octet-unsent-", suffix=".md")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return Path(name)
    return None


def _sent(answer: SpooledAnswer, kept: Path | None, wait_s: float) -> HttpAnswer | None:
    """Send the answer and return what Octet says; once Octet has taken note, remove the file."""
    response = within(wait_s, partial(_send, answer))
    if is_heard(response) and kept is not None:
        with contextlib.suppress(OSError):  # then Octet takes it in once more, and stores it once
            kept.unlink(missing_ok=True)
    return response


def _send(answer: SpooledAnswer, timeout_s: float) -> HttpAnswer | None:
    body = {"task": answer.task, "code": answer.code, "text": answer.text, "final": answer.final, "key": answer.key}
    return post("/api/v2/replies", body, timeout_s)


def _tell(answer: SpooledAnswer, response: HttpAnswer, source: str) -> int:
    if response.is_good:
        said = "It is done." if answer.final else f"It goes on; end it by `octet done {answer.task} …`."
        print(f"Octet has your words to {answer.task}. {said}")
        return OK
    after = "" if response.error_code in _KEPT_LATE else f" Nothing was kept; {_stays(source)}"
    say(f"octet: {response.error_message}{after}")
    return REFUSED


def _stays(source: str) -> str:
    if source == _STDIN:
        return "your text came by standard input and is only where you have it."
    return f"your text is still in {source}."
