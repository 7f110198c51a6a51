"""Prompts that are too long for a window: the text stands in a file of the home, and the prompt names it."""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping
from pathlib import Path

from core.kit.errors import Unavailable
from core.kit.files import write_private
from core.messages import prompt
from core.messages.model import Message, MessageKind
from core.store.errors import StoreFull, StoreUnavailable, is_full

_PASSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What a disk says in trouble, not what is wrong with one folder."""


class BriefNotWritten(Unavailable):
    """The text is too long for the window and could not be written to {file}: {why}. Mend that, then `/task retry`; or
    send it again, if it was a message."""


class Briefs:
    """Renders prompts so that they fit their windows."""

    def __init__(self, folder: Path, longest: Mapping[str, int], read: Collection[str] = ()) -> None:
        """`longest` has the most characters that each agent's window takes; agents it lacks take any prompt. `read` are
        the agents whose windows are read for answers."""
        self._folder = folder
        self._longest = longest
        self._read = read

    def is_read(self, agent: str) -> bool:
        """Whether this agent may answer in its window."""
        return agent in self._read

    def render(self, brief: Message, *, agent: str, code: str, command: str, shown_code: str = "") -> str:
        """The prompt as the agent gets it; for people with `shown_code` in place of the code."""
        is_read, shown = agent in self._read, shown_code or code
        whole = prompt.render(brief, agent=agent, code=code, command=command, is_read=is_read)
        file = None if len(whole) <= self._longest.get(agent, len(whole)) else self._file(brief)
        return prompt.render(brief, agent=agent, code=shown, command=command, file=file, is_read=is_read)

    def write(self, brief: Message, text: str) -> None:
        """Put the brief where its prompt `text` says it is, if it does. Raises BriefNotWritten; StoreFull or
        StoreUnavailable when the disk itself is in trouble."""
        file = self._file(brief)
        if str(file) not in text:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_private(file, brief.body)
        except OSError as error:
            if error.errno in _PASSES:  # as with the database itself: the courier waits for it
                raise (
                    StoreFull(why=str(error.strerror))
                    if is_full(error)
                    else StoreUnavailable(why=f"{file}: {error.strerror}")
                ) from error
            raise BriefNotWritten(file=file, why=error.strerror or type(error).__name__) from error

    def _file(self, brief: Message) -> Path:
        name = brief.task if brief.kind is MessageKind.TASK else brief.id
        return self._folder / f"{name}.md"
