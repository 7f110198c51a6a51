"""What the scripted agent answers: sums, a poem from the prompt's words, a joke, and that it follows a script."""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Sequence
from fractions import Fraction

from sandbox.desktop.agent.prompt import ReceivedPrompt, Stop, StopKind

LONG_ANSWER_CHARS = 6_000
_QUOTED = 160
_SUM = re.compile(r"\d{1,9}(?:\s*[-+*/×÷]\s*\d{1,9}){1,8}")
_OPERATIONS = {"+": operator.add, "-": operator.sub}
_POEMS = re.split(
    "\n\n",
    """\
{a} met {b} on a screen one day,
and neither had a word to say.
A script came by and made them rhyme;
it works like this every single time.

Eight windows hummed, the night was long,
so {a} became a little song.
{b} kept the beat and I kept score,
and no one asked me for an encore.

I looked for {a} in every pane,
I looked for {b}, and looked again.
I found them both inside your text:
a script knows nothing. You are next.""",
)
_JOKES = (
    "Your prompt has {count}. I read all of them, which puts me ahead of most meetings.",
    "I thought about “{first}” for a whole second. My therapist calls that progress.",
    "A real agent would now ask to refactor “{first}”. I only ask for a round of applause.",
    "{count}, one script, zero models. Somewhere a GPU is enjoying its day off.",
)


def write_answer(agent: str, prompt: ReceivedPrompt, verdicts: Sequence[tuple[Stop, bool]] = ()) -> str:
    """Write the answer in Markdown, always the same for one agent and prompt. `verdicts` are on its questions."""
    said, lines = prompt.said, prompt.said.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    answer: list[str] = []
    has_failed = fails(prompt, verdicts)
    if prompt.script.fail is not None:
        answer += [f"**I could not do it:** {prompt.script.fail}", ""]
    for stop, allowed in verdicts:
        if stop.kind is StopKind.ASK:
            said = "approved; a demo agent runs nothing" if allowed else "denied, so nothing was run"
            answer += [f"- asked whether to run `{_shortened(stop.text)}`: {said}"]
    answer += [f"- {one.strip()} = {_value(one)}" for one in _SUM.findall(said)[:5]]
    answer += [""] if answer else []
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    count = _counted(said.split(), "word")
    seed = int(digest[:8], 16) + sum(agent.encode())  # so that Agent-1, Agent-2 and Agent-3 differ
    joke = _JOKES[seed % len(_JOKES)].format(count=count, first=_shortened(first))
    sizes = f"{_counted(said, 'character')}, {count}, {_counted(lines, 'line')}"
    script = f"*{agent} is a scripted demo agent: no model read your prompt. It counted {sizes}.*"
    answer += [script] if has_failed else [*_poem(said, seed), "", joke, "", script]
    text = "\n".join(answer) + "\n"
    return _lengthened(text, lines) if prompt.script.long else text


def fails(prompt: ReceivedPrompt, verdicts: Sequence[tuple[Stop, bool]]) -> bool:
    """Tell whether the agent gives the task up: the prompt says so, or a user denied its command."""
    is_denied = any(stop.kind is StopKind.ASK and not allowed for stop, allowed in verdicts)
    return prompt.script.fail is not None or is_denied


def _value(text: str) -> str:
    """Work out a sum of whole numbers, products first."""
    numbers, signs = [Fraction(one) for one in re.findall(r"\d+", text)], re.findall(r"[-+*/×÷]", text)
    terms, plus = [numbers[0]], list[str]()
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign in "+-":
            plus.append(sign)
            terms.append(number)
        elif sign in "*×":
            terms[-1] *= number
        elif number == 0:
            return "nothing: it divides by zero"
        else:
            terms[-1] /= number
    total = terms[0]
    for sign, term in zip(plus, terms[1:], strict=True):
        total = _OPERATIONS[sign](total, term)
    return f"{total.numerator:,}" if total.denominator == 1 else f"{float(total):,g}"


_DULL = set(re.findall("[a-z]+", "about and for four from line lines now one poem tell that the this with write"))


def _poem(body: str, seed: int) -> list[str]:
    """Put the two longest words of the prompt into a verse, the dull ones left out."""
    words = {word.lower() for word in re.findall(r"[^\W\d_]{3,20}", body)} - _DULL
    found = sorted(words, key=lambda one: (-len(one), one))
    a, b = [*found[:2], "silence", "silence"][:2]
    verse = _POEMS[seed % len(_POEMS)].format(a=a, b=b).splitlines()
    return [f"> {line[:1].upper()}{line[1:]}" for line in verse]


def _counted(things: Sequence[str], what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}"


def _shortened(line: str) -> str:
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def _lengthened(text: str, lines: list[str]) -> str:
    """Exactly LONG_ANSWER_CHARS: the prompt's own lines, numbered, round and round."""
    quotes = [_shortened(line) for line in lines if line.strip()] or ["(the body is empty)"]
    parts = [text, "\nThe prompt asked for a long answer, so here are its lines again:\n\n"]
    length = sum(map(len, parts))
    number = 0
    while length < LONG_ANSWER_CHARS:
        number += 1
        parts.append(f"{number}. {quotes[(number - 1) % len(quotes)]}\n")
        length += len(parts[-1])
    return "".join(parts)[: LONG_ANSWER_CHARS - 1] + "\n"
