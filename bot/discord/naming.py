"""Names commands as Discord offers them, by the groups that are switched on; `bot/verbs/naming` has the other ways."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.verbs.catalogue import VERBS
from bot.verbs.naming import COMMAND, OWN, as_typed_there

_IN_DISCORD = re.compile(rf"```.*?(?:```|\Z)|^>[^\n]*|{COMMAND}{OWN}", re.DOTALL | re.MULTILINE)
"""What is quoted or fenced there is not Octet's own text."""
BUTTONS = {
    "agent answer": "the buttons in its thread",
    "msg answer": "its buttons",
    "msg resume-trace": "*Let them continue*",
    "msg stop-trace": "*Keep it stopped*",
    "task nudge": "*Ask for the answer*",
    "task pick": "*Pick* on its card",
    "task undo": "*Undo*",
}
"""What users of Discord press where it does not offer these commands."""
_SHOWN = {one.full_name: one for one in VERBS if one.discord != "off"}


def in_discord(text: str, groups: Collection[str]) -> str:
    """Write each command in a text that Discord does not offer, with these groups switched on, as its button there or
    as the machine's command."""

    def name(found: re.Match[str]) -> str:
        verb, words = _SHOWN.get(found["name"] or ""), found["name"]
        is_offered = verb is not None and verb.is_offered(groups)
        return found[0] if words is None or is_offered else BUTTONS.get(words) or as_typed_there(found)

    return _IN_DISCORD.sub(name, text)
