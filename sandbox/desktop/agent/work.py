"""The scripted agent at work: one prompt at a time in a thread, which reports through a queue."""

from __future__ import annotations

import json
import queue
import shlex
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sandbox.desktop.agent.answer import fails, write_answer
from sandbox.desktop.agent.mcp_client import answer_by_mcp, talk_by_mcp
from sandbox.desktop.agent.prompt import DoneLine, ReceivedPrompt, Stop, StopKind, read_prompt

AFTER_ANSWER_S = 0.8  # how long it continues, at most, after each answer to its question
_LOOK_EVERY_S = 0.1
COMMAND_LIMIT_S = 90.0
"""`octet done` gives up after 30 s without a coordinator; a command that takes three times as long hangs."""


class Voice(StrEnum):
    """Who speaks in a transcript."""

    PROMPT = "prompt"
    AGENT = "agent"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One entry for the transcript."""

    voice: Voice
    text: str

    def speaker(self, agent: str) -> str:
        return agent if self.voice is Voice.AGENT else self.voice.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The agent has stopped working on a task and can take the next prompt."""

    label: str


class ScriptedAgent:
    """Works on one prompt after the other. What it has to say is read from `news` by the window's own thread."""

    def __init__(self, *, name: str, folder: Path, work_seconds: float, queues: bool = False) -> None:
        """With `queues` it keeps prompts that come while it works, and does them afterwards."""
        self.name = name
        self._queues = queues
        self._waiting: deque[str] = deque()
        self._news: queue.SimpleQueue[Said | Stop | Finished] = queue.SimpleQueue()
        self.busy = False
        self.stop: Stop | None = None  # its open question
        self._is_allowed = False
        self._answered = threading.Event()
        self._interrupted = threading.Event()
        self.label = ""
        self._folder = folder
        self._work_seconds = work_seconds
        self._heard = folder / "heard.jsonl"
        self._rests = folder / "rests"

    def submit(self, text: str) -> bool:
        """Begin to work on `text`, or keep it for later. Return False, without effect, for a blank or untimely text."""
        if not text.strip() or (self.busy and not self._queues):
            return False
        with self._heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"prompt": text}) + "\n")
        if self.busy:
            self._waiting.append(text)
            self._say(Voice.COMMAND, f"kept for later ({len(self._waiting)} waiting)")
        else:
            self._begin(text)
        return True

    def answer(self, *, allowed: bool) -> None:
        """Approve or deny its question, or continue after an error or a limit. No effect without a question."""
        if self.stop is not None:
            self._is_allowed, self.stop = allowed, None
            self._answered.set()

    def interrupt(self) -> None:
        """Stop its work without an answer, if it works."""
        if self.busy:
            self.stop = None
            self._interrupted.set()
            self._answered.set()

    def news(self) -> Iterator[Said | Stop | Finished]:
        """Yield what the window has to show by now; a Stop stays until `answer` or `interrupt`."""
        while True:
            try:
                yield self._news.get_nowait()
            except queue.Empty:
                return

    def _begin(self, text: str) -> None:
        prompt = read_prompt(text)
        self.label = prompt.done.subject if prompt.done is not None else "a prompt"
        self.busy = True
        self._interrupted.clear()
        self._news.put(Said(voice=Voice.PROMPT, text=text))
        threading.Thread(target=self._work, args=(prompt,), name="work", daemon=True).start()

    def rest(self) -> None:
        """Begin the next kept prompt; the window calls this when it has shown `Finished`."""
        self.busy = False
        if self._waiting:
            self._begin(self._waiting.popleft())

    def _work(self, prompt: ReceivedPrompt) -> None:
        try:
            seconds = self._work_seconds if prompt.script.wait_s is None else prompt.script.wait_s
            self._be_busy(seconds)
            verdicts = [(stop, self._ask(stop, min(seconds, AFTER_ANSWER_S))) for stop in prompt.script.stops]
            came_of_it = self._talk(prompt)
            if self._interrupted.is_set():
                self._say(Voice.AGENT, "Interrupted: I stop here and send no answer.")
            else:
                self._answer(prompt, verdicts, came_of_it)
        finally:
            self._news.put(Finished(label=self.label))

    def _be_busy(self, seconds: float) -> None:
        """Work for so long, until an interrupt, or until there is a file `rests` in its folder."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._interrupted.wait(min(left, _LOOK_EVERY_S)):
            if self._rests.exists():
                break
        self._rests.unlink(missing_ok=True)

    def _ask(self, stop: Stop, seconds: float) -> bool:
        """Show a dialog and wait for its answer; then work on for a moment."""
        if self._interrupted.is_set():
            return False
        self._answered.clear()
        self.stop = stop
        self._news.put(stop)
        self._answered.wait()
        if stop.kind is StopKind.ASK and not self._interrupted.is_set():
            self._say(Voice.AGENT, f"{'Approved' if self._is_allowed else 'Denied'}: {stop.text}")
        self._interrupted.wait(seconds)
        return self._is_allowed

    def _talk(self, prompt: ReceivedPrompt) -> str:
        """Ask and tell what the prompt says; return what came of it."""
        talks, is_over = prompt.script.talks, self._interrupted.is_set
        if not talks or prompt.done is None or is_over():
            return ""
        return talk_by_mcp(prompt.done, talks, agent=self.name, is_over=is_over)

    def _answer(self, prompt: ReceivedPrompt, verdicts: list[tuple[Stop, bool]], came_of_it: str) -> None:
        if prompt.script.silent:
            self._say(Voice.AGENT, "The prompt says `demo: silent`: I stop here and send no answer.")
            return
        answer = prompt.script.lie or write_answer(self.name, prompt, verdicts)
        answer = f"{came_of_it}\n\n{answer}" if came_of_it else answer
        if prompt.markers is not None and (prompt.script.window or prompt.script.half):
            opening, closing = prompt.markers
            shown = answer.strip() if prompt.script.window else answer.strip()[: len(answer) // 2]
            end = f"\n{closing}" if prompt.script.window else ""
            self._say(Voice.AGENT, f"I have no shell, so here it is:\n{opening}\n{shown}{end}")
            return
        self._say(Voice.AGENT, answer.strip())
        if prompt.done is None:
            self._say(Voice.AGENT, "The prompt has no line to answer by, so this answer stays in this window.")
            return
        (self._folder / prompt.done.file).write_text(answer, encoding="utf-8", errors="replace")
        by_mcp = prompt.script.mcp or prompt.script.talks
        end = prompt.done.failed() if fails(prompt, verdicts) else prompt.done
        self._say(Voice.COMMAND, answer_by_mcp(end, answer, agent=self.name) if by_mcp else self._run(end))

    def _run(self, done: DoneLine) -> str:
        """Run the command without a shell in the agent's folder; what it was, said and returned, as one text."""
        shown = "$ " + _masked(done.words)
        if shutil.which(done.words[0]) is None:
            return f"{shown}\n{done.words[0]}: there is no such program here, the answer was not sent"
        try:
            # setpriv lets the command end together with this window instead of waiting on as an orphan.
            ended = subprocess.run(
                ["setpriv", "--pdeathsig", "TERM", *done.words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"{shown}\nno end after {COMMAND_LIMIT_S:.0f} s: stopped"
        except OSError as error:
            return f"{shown}\n{error}"
        output = ended.stdout.decode("utf-8", "replace").strip()
        return "\n".join(part for part in (shown, output, f"exit code {ended.returncode}") if part)

    def _say(self, voice: Voice, text: str) -> None:
        self._news.put(Said(voice=voice, text=text))


def _masked(words: tuple[str, ...]) -> str:
    """Hide the task's code in the command, so that a screenshot does not reveal it."""
    before = ("", *words)
    return " ".join("•••" if last == "--code" else shlex.quote(word) for last, word in zip(before, words, strict=False))
