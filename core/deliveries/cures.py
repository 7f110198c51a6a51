"""What to do about each reason for which nothing was typed: one sentence each, the same in every face."""

from __future__ import annotations

from core.deliveries.model import Reason

CURES: dict[Reason, str] = {
    Reason.CLOSED: "Open the agent's window again; if it is open, its title or class changed: correct `title` in the "
    "desk's file, or `/desk calibrate`.",
    Reason.COVERED: "Move away what lies over the window, or `/desk arrange`.",
    Reason.MOVED: "`/desk arrange` puts the window back; if it shall stay where it is, `/desk calibrate` takes the new "
    "place.",
    Reason.RESIZED: "`/desk arrange` gives the window its size again; if the new size is meant, `/desk calibrate`.",
    Reason.CHANGED: "Look at the window by `/desk screenshot`; if it is meant to look like that, `/desk calibrate` "
    "cuts its picture anew.",
    Reason.HIDDEN: "`/desk arrange` brings the window back; or show it on the workspace that is in front.",
    Reason.AMBIGUOUS: "Several windows could be meant: give each a `title` of its own in the desk's file, or put the "
    "right one at its place by hand; one that is told by its place is connected again by `octet calibrate`.",
    Reason.LOCKED: "Unlock the screen, or close the menu that is open there.",
    Reason.COMPOSER_NOT_EMPTY: "Send or delete what stands in the composer: it may be a person's, so Octet leaves it.",
    Reason.NOT_CLEARED: "Delete Octet's draft from the composer by hand, and correct `clear` in the window's profile.",
    Reason.FOCUS_TAKEN: "Another program takes the focus again and again: close it, or keep it from popping up.",
    Reason.CLIPBOARD_TAKEN: 'A clipboard program takes the text away: end it, or set `clipboard_scope = "everybody"` '
    "in [user_activity] of the desk's file.",
    Reason.CLIPBOARD_FROZEN: "End or restart the program that something was copied from last: it does not answer.",
    Reason.KEYS_DOWN: "Let go of all keys and mouse buttons at the desk; press a key that hangs once.",
    Reason.NO_SUCH_KEY: "Choose a keyboard layout that has the keys of the window's profile, or other chords there.",
    Reason.DISPLAY_HELD: "Another program holds the whole display (a dragged window, an open menu, a screen tool): end "
    "what it does.",
    Reason.TOO_SLOW: "The machine or the window's program is very busy: give it rest, or close what else runs there.",
    Reason.PASTE_NOT_READ: "The paste did not show in the composer: see that it can be written into, and that `paste`, "
    "`selection` and the composer's box in its profile fit; `/desk calibrate` tries them out.",
    Reason.NOT_READABLE: "Switch accessibility on for the window's program (`octet doctor` has the command), or name "
    "another `readback` in its profile. In a terminal: look at the pane, and run `octet check`.",
    Reason.OUT_OF_REACH: "Start the window's program without administrator's rights, or end it if it does not answer.",
    Reason.READ_BACK_DIFFERS: "The window changes what is pasted: choose the `normalise` of its profile that forgives "
    "that, and switch autocorrection off there.",
    Reason.BOUNCED_TOO_LONG: "Look at what disturbed it each time, named beside this; `/desk doctor` looks again.",
    Reason.BUSY: "Nothing need be done: it goes on when the agent has finished; `/agent interrupt` stops the agent.",
    Reason.PERSON_TYPING: "Nothing need be done: it goes on when nobody has typed or moved the mouse for `idle_s`.",
    Reason.QUIET_HOURS: "Nothing need be done: it goes on after the `quiet_hours` of the desk's file.",
    Reason.DIALOG: "Answer the dialog, by `/agent answer` or at the machine.",
    Reason.LATE: "The machine is too busy to be trusted with Enter: see what else runs there; it is tried again.",
    Reason.TEXT_REFUSED: "Send another text: the window's profile says what it takes (`newline`, control characters).",
    Reason.TOO_LONG: "Shorten the text, or raise `max_chars` in the window's profile if its program takes more.",
    Reason.NOT_TOLD: "The profile listens for signs that the program does not give: switch accessibility on for it "
    "(`octet doctor`), or mark the signs by their places.",
    Reason.NOT_SEEN: "Look at the window and say what became of it, in its thread or by `octet delivery list`.",
    Reason.WORKER_LOST: "Nothing need be done at first: the desk's worker is started again; if it ends again, the log "
    "of `octet run` says why.",
    Reason.NO_WORKER: "Nothing need be done at first: its worker is started; `/desk doctor` says what keeps it from "
    "that.",
    Reason.POISON: "See in the log of `octet run` why its worker ends over this text; then `/task retry`, or "
    "`/task assign` to another agent.",
    Reason.RESTARTED: "Nothing need be done: Octet looks what became of it and goes on by itself.",
    Reason.DESK_STOPPED: "`/desk release` lets the desk go on.",
    Reason.DRY_RUN: 'Give the agent a window (`lane = "window"` in config/agents.toml) if it shall be typed for real.',
    Reason.NOT_WRITTEN_DOWN: "See to the disk of Octet's home (full, or write-protected); then it goes on by itself.",
    Reason.BRIEF_NOT_WRITTEN: "See that Octet may write into `briefs/` of its home, then `/task retry`.",
    Reason.PROMPT_CHANGED: "Look at the window and say what became of the old prompt; a new one goes by `/task retry`.",
    Reason.DROPPED: "A person gave it up; `/task retry` brings it anew if it is wanted after all.",
    Reason.NO_WINDOW: "Its prompts go to an API: give it a task to see that it answers.",
    Reason.RATE_LIMITED: "Nothing need be done: Octet asks again when the limit has passed.",
    Reason.MODEL_DENIED: "See that `base_url`, `model` and the key are right (config/models.toml and .env), then run "
    "`octet reload`.",
    Reason.UNREACHABLE: "See that the address in config/models.toml answers; Octet asks again later.",
    Reason.ANSWER_LOST: "Choose in its thread, or by `octet delivery list`, what becomes of it; to send it again may "
    "be billed twice.",
    Reason.ANSWER_CUT: "Ask for a shorter answer, or choose a model with a higher limit; then `/task retry`.",
}
"""In the order of the reasons. A reason that this lacks would leave somebody standing before a closed door: a test
holds the two against each other."""


def cure(reason: Reason | None) -> str:
    """What to do; for no known reason, where to look."""
    return CURES[reason] if reason is not None else UNKNOWN


UNKNOWN = "`/desk doctor` looks at the window, and the log of `octet run` tells more."


def reason_of(words: str) -> Reason | None:
    """The reason that stands at the beginning of what was noted, before what exactly was seen."""
    begun = (value for value in _VALUES if words.startswith(value) and not words[len(value) :][:1].isalnum())
    longest = max(begun, key=len, default=None)
    return None if longest is None else Reason(longest)


def told(words: str) -> str:
    """What to do about the reason that stands at the beginning of these words; empty where none stands there."""
    reason = reason_of(words)
    return "" if reason is None else CURES[reason]


_VALUES = frozenset(reason.value for reason in Reason)
