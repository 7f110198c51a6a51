"""Messages about deliveries: an agent message with its progress, and questions about unknown deliveries. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord.parts import BLUE, GREY, RED, Attachment, Marker, Parts, boxed, framed, written
from bot.discord.render import person_id, quoted, quoted_answer
from bot.discord.text import CONTENT_LIMIT, FORM, LAYOUT_LIMIT, cut, fence, fitting, inline, plain, quote, size
from bot.discord.views.buttons import AnswerAgent, ResolveUnknown, quoted_note
from bot.discord.views.questions import OWN_WORDS, AnswerQuestion, DecideTrace
from bot.verbs.news import (
    SHOWN_AGENTS,
    answered,
    chain,
    ended_question,
    how,
    patience,
    read_there,
    replied,
    settled_prompt,
    settled_words,
    undelivered,
    whom,
    whose,
)
from bot.verbs.news import question as headline
from core.agent_messages.model import AgentMessageView, QuestionView, Trace
from core.deliveries.model import Delivery, DeliveryId, Moment, Picture, parse_asked
from core.dispatch.model import Decision
from core.limits import CHOICE
from core.messages.model import Message, text_for_people
from core.notices.model import Notice, Resolution, Undelivered
from core.tasks.model import TaskView

_MARGIN = 100
_BODY_CHARS = 1_000
_QUOTED_CHARS = 300
_REPLY_CHARS = 400  # of each answer to a message to several agents
_REPLY_BUTTONS = 10
_FILES = 10  # in one message
_MOMENTS: dict[Moment, str] = {
    Moment.STAGED: "before Enter",
    Moment.LAST_SEEN: "at the last look",
    Moment.AFTERWARDS: "afterwards",
}


def shown(view: AgentMessageView, *, marker: Marker) -> Parts:
    """Show sender, recipients, text and progress, without a mention."""
    message = view.message
    to = ", ".join(view.recipients) or view.continues or message.recipient
    to = "everyone" if message.recipient == "all" else inline(to, 60)
    about = f" · {message.task}" if message.task else ""
    more = f"-# The beginning of {len(message.body):,} characters.\n"
    whole = size(message.body) + 8 <= _BODY_CHARS
    who = f"**{inline(message.sender_name, 60)} → {to}**{about}"
    head = f"{who}\n{fence(message.body, _BODY_CHARS)}\n{'' if whole else more}"
    room = CONTENT_LIMIT - _MARGIN - size(head)
    return written(f"{head}{cut(_continues(view) or how(view.deliveries, FORM), room)}", marker)


def news(notice: Notice, view: AgentMessageView, *, marker: Marker) -> Parts:
    """Report an agent message that did not arrive, or may not have, and mention its sender."""
    then = notice.detail
    reason = undelivered(then, view, FORM) if isinstance(then, Undelivered) else ""
    return written(f"{reason}\n{fence(view.message.body, _QUOTED_CHARS)}", marker, wakes=sender_id(view.message))


def agents_answer(asked: Message, answer: Message, *, marker: Marker) -> Parts:
    """Show what an agent answers to a message about no task, to the user who sent that."""
    body, files = quoted_answer(answer, "answer.md")
    text = cut(f"{replied(answer, FORM)}\n{body}", CONTENT_LIMIT - 3 * _MARGIN)
    return written(text, marker, wakes=sender_id(asked), files=files, buttons=[AnswerAgent(answer.id)])


def answers(asked: Message, replies: Sequence[Message], *, marker: Marker) -> Parts:
    """Show the answers to a message to several agents in one message, which fills up."""
    replaced = {one.supersedes for one in replies}
    shown = [one for one in replies if one.id not in replaced]
    files, blocks = list[Attachment](), [f"**{answered(len(shown))}**"]
    room = LAYOUT_LIMIT - 3 * _MARGIN
    for answer in shown:
        agent, text = answer.sender.partition(":")[2], text_for_people(answer.body, answer.expired_ms)
        body, whole_body = quote(text, _REPLY_CHARS), quote(text, 2 * _REPLY_CHARS)
        blocks.append(f"**{inline(agent, 60)}**{read_there(answer)}\n{body}")
        if body != whole_body or answer.evidence or len(blocks) > len(fitting(blocks, room)):
            whole = "\n".join((text, *(one.line for one in answer.evidence)))
            files.append(Attachment(name=f"{plain(agent, 40)}.md", data=whole.encode(errors="replace")))
    blocks = fitting(blocks, room)
    buttons = [AnswerAgent(one.id, label=f"Reply to {one.sender.partition(':')[2]}") for one in shown[:_REPLY_BUTTONS]]
    return written("\n".join(blocks), marker, wakes=sender_id(asked), files=tuple(files[:_FILES]), buttons=buttons)


def answer(view: AgentMessageView) -> str:
    if view.continues:
        return _continues(view)
    lines = [how(view.deliveries, FORM)]
    lines += [f"Left out: {inline(one.agent, 60)}: {inline(one.why, 200)}" for one in view.left_out[:SHOWN_AGENTS]]
    place = f"in the thread of {view.message.task}" if view.message.task else "in this channel"
    lines.append(f"A message {place} shows its progress.")
    return cut("\n".join(lines), CONTENT_LIMIT - _MARGIN)


def _continues(view: AgentMessageView) -> str:
    return f"{inline(view.continues, 60)} continues {view.message.task}." if view.continues else ""


def sender_id(message: Message) -> int | None:
    """Return the Discord user who sent the message; None for any other sender."""
    kind, _, name = message.sender.partition(":")
    return person_id(name) if kind == "person" else None


def unknown_prompt_message(
    notice: Notice, view: TaskView, *, pictures: Sequence[Picture] | None, marker: Marker
) -> Parts:
    """Ask what became of a prompt, with pictures unless they are switched off (None); once settled, say how."""
    task = view.task
    if isinstance(now := notice.detail, Resolution):
        return framed("\n".join(settled_prompt(now, task, FORM)), marker, colour=GREY)
    asked, agent = parse_asked(notice.about), inline(task.agent or "its agent", 60)
    lines = [
        f"**{task.id} needs your decision:** Octet does not know whether its prompt reached {agent}.",
        inline(task.title, 200),
        *(line for row in view.deliveries if row.id == asked[0] for line in _what_is_known(row)),
        f"{agent} gets nothing else until you decide. Drop ends the task.",
        _where_to_look(agent, pictures),
    ]
    return _unknown_question(
        lines, asked, name=task.id, pictures=pictures, marker=marker, wakes=person_id(task.requester)
    )


def unknown_delivery_message(
    notice: Notice, view: AgentMessageView, *, pictures: Sequence[Picture] | None, marker: Marker
) -> Parts:
    """Ask the same about a message to an agent, and mention its sender."""
    message, asked = view.message, parse_asked(notice.about)
    row = next(one for one in view.known if one.id == asked[0])
    agent, body = inline(row.agent, 60), fence(message.body, _QUOTED_CHARS)
    if isinstance(now := notice.detail, Resolution):
        return framed(f"{settled_words(now, row, message, FORM)}\n{body}", marker, colour=GREY)
    lines = [
        f"**{whose(message, FORM)} to {whom(row.agent, message, FORM)} needs your decision:** unconfirmed.",
        body,
        *_what_is_known(row),
        f"{agent} gets nothing else until you decide. Drop discards the message.",
        _where_to_look(agent, pictures),
    ]
    return _unknown_question(
        lines, asked, name=message.task or "words", pictures=pictures, marker=marker, wakes=sender_id(message)
    )


def _what_is_known(row: Delivery) -> list[str]:
    """Say what Octet saw, and which part of a prompt this is about."""
    rest = "" if row.share.is_last else "; the rest comes after it"
    return [*quoted_note(row), *([f"This is about {row.share.words}{rest}."] if row.share.words else [])]


def question(notice: Notice, view: QuestionView, *, marker: Marker, has_buttons: bool = True) -> Parts:
    """Ask the user what an agent asks, with the whole question; once settled, say how and by whom. Without buttons it
    names the command for the answer."""
    asked = view.question
    body, files = quoted(view.text, "question.md")
    if isinstance(now := notice.detail, Resolution):
        head, ended = headline(asked, FORM, is_open=False), ended_question(now, view, FORM)
        return framed(f"{head}\n{cut(body, CONTENT_LIMIT // 2)}\n{ended}", marker, colour=GREY)
    then, room = patience(asked, FORM), CONTENT_LIMIT - 3 * _MARGIN - sum(map(len, asked.choices))
    text = cut(f"{headline(asked, FORM, is_open=True)}\n{body}", room)
    choices = [AnswerQuestion(asked.id, place, label=one) for place, one in enumerate(asked.choices)]
    buttons = [*choices, AnswerQuestion(asked.id, OWN_WORDS)]
    wakes = person_id(asked.asked.removeprefix("person:"))
    if not has_buttons:
        text = "\n".join([text, *(f"- {inline(one, CHOICE.most)}" for one in asked.choices)])
        then, buttons = f"Answer it in `/fleet needs-me`. {then}", []
    return written(f"{text}\n-# {then}", marker, wakes=wakes, files=files, buttons=buttons)


def storm(notice: Notice, *, owner: str, marker: Marker) -> Parts:
    """Report that Octet stopped a chain of messages between agents, and ask whether its agents may continue."""
    text, trace = "\n".join(chain(notice, FORM)), notice.subject
    if isinstance(notice.detail, Resolution):
        return framed(text, marker, colour=GREY)
    buttons = [DecideTrace("stop", trace, label="Keep it stopped"), DecideTrace("resume", trace)]
    return framed(text, marker, colour=RED, wakes=person_id(owner), buttons=buttons)


def trace(found: Trace, text: str) -> Parts:
    """Show a chain of messages, with the button that stops it or lets it continue."""
    decide = DecideTrace("resume" if found.stopped_by else "stop", found.id)
    return Parts(view=boxed([text], colour=BLUE, buttons=[decide]))


def _unknown_question(
    lines: Sequence[str],
    asked: tuple[DeliveryId, int],
    *,
    name: str,
    pictures: Sequence[Picture] | None,
    marker: Marker,
    wakes: int | None,
) -> Parts:
    shots = [
        Attachment(name=f"{name}-{one.moment.value.replace('_', '-')}.png", data=one.png, shows=_MOMENTS[one.moment])
        for one in pictures or ()
    ]
    buttons = [ResolveUnknown(decision, *asked) for decision in Decision]
    return framed("\n".join(lines), marker, colour=RED, wakes=wakes, shots=shots, buttons=buttons)


def _where_to_look(agent: str, pictures: Sequence[Picture] | None) -> str:
    """Say by what the user can decide."""
    if pictures:
        hidden = "without the parts that may show its code; `/desk screenshot` shows them to you alone"
        return f"Its window {' and '.join(_MOMENTS[one.moment] for one in pictures)} ({hidden}):"
    why = "Pictures are turned off in this Octet" if pictures is None else "There is no picture of its window"
    return f"{why}. Look at it with `/desk screenshot`, agent {agent}."
