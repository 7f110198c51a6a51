"""What comes in over HTTP, checked here once: strict, so that a misspelt field is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _whole(text: str) -> str:
    """JSON can name one half of a character (U+D800), which no database and no file takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character at position {error.start}") from error
    return text


Text = Annotated[str, AfterValidator(_whole)]


Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class _Request(BaseModel):
    """What comes in: strict, so that `"1"` is no priority and a misspelt field is told."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)


class NewTaskBody(_Request):
    """POST /tasks."""

    brief: Text
    agent: Text | None = None
    needs: list[Text] = []
    priority: int = 2


class TaskDoneBody(_Request):
    """POST /tasks/{id}/done: a person ends it with words."""

    text: Text


class AssignBody(_Request):
    """POST /tasks/{id}/assign: only this agent shall do it."""

    agent: Text


class PriorityBody(_Request):
    """POST /tasks/{id}/priority: how urgent it is from now on."""

    priority: int


class AgentAnswerBody(_Request):
    """POST /agents/{name}/answer: what to press in a window that waits for it."""

    answer: Literal["approve", "deny", "continue"]


class ResolveBody(_Request):
    """POST /deliveries/{id}/resolve: what became of a prompt that nobody saw arrive."""

    decision: Literal["arrived", "again", "drop"]


class WordsBody(_Request):
    """POST /messages: to an agent, or to whoever has a task."""

    text: Text = Field(repr=False)
    agent: Text | None = None
    task: Text | None = None


class BroadcastBody(_Request):
    """POST /messages/broadcast: to every agent that has all of `needs`."""

    text: Text = Field(repr=False)
    needs: list[Text] = []


class EnabledBody(_Request):
    """POST /profiles/{name}/enabled: somebody said yes to a profile that ships disabled."""

    who: Annotated[Text, Field(min_length=1, max_length=100)]


class ReplyBody(_Request):
    """POST /replies: an agent speaks to its task, or ends it."""

    task: Text = Field(max_length=40)
    code: Text = Field(max_length=200, repr=False)
    text: Text = Field(repr=False)
    final: bool
    key: Key


class ProgressBody(_Request):
    """POST /replies/progress: an agent says that it is at work."""

    task: Text = Field(max_length=40)
    code: Text = Field(max_length=200, repr=False)
    text: Text = Field(repr=False)
