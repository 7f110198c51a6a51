"""English for codes: what each one is, and what to do next. The only place that makes such sentences.

A code is the value of a StrEnum, and the key of its entry. Details fill what stands in braces.
"""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH = """
closed: closed
    Open the agent's window again; if it is open, its title or class changed: correct `title` in the desk's file, or
    `/desk calibrate`.
covered: covered
    Move away what lies over the window, or `/desk arrange`.
moved: moved
    `/desk arrange` puts the window back; if it is meant to stay there, `/desk calibrate` takes the new place.
resized: resized
    `/desk arrange` gives the window its size again; if the new size is meant, `/desk calibrate`.
changed: changed
    Look at the window by `/desk screenshot`; if it is meant to look like that, `/desk calibrate` cuts its picture
    anew.
hidden: minimised or on another workspace
    `/desk arrange` brings the window back; or show it on the workspace that is in front.
ambiguous: ambiguous
    Several windows could be meant: give each a `title` of its own in the desk's file, or put the right one at its
    place by hand; one that is told by its place is connected again by `octet calibrate`.
locked: locked
    Unlock the screen, or close the menu that is open there.
composer_not_empty: composer not empty
    Send or delete what stands in the composer: it may be a person's, so Octet leaves it.
not_cleared: our own draft could not be cleared
    Delete Octet's draft from the composer by hand, and correct `clear` in the window's profile.
focus_taken: focus taken
    Another program takes the focus again and again: close it, or keep it from popping up.
clipboard_taken: clipboard taken
    A clipboard program takes the text away: end it, or set `clipboard_scope = "everybody"` in [user_activity] of
    the desk's file.
clipboard_frozen: the program that owns the clipboard does not answer
    End or restart the program that something was copied from last: it does not answer.
keys_down: keys held down
    Let go of all keys and mouse buttons at the desk; press a key that hangs once.
no_such_key: the keyboard lacks a key
    Choose a keyboard layout that has the keys of the window's profile, or other chords there.
display_held: another program holds the display
    Another program holds the whole display (a dragged window, an open menu, a screen tool): end what it does.
too_slow: it took longer than Octet may keep a user waiting
    The machine or the window's program is very busy: give it rest, or close what else runs there.
paste_not_read: paste not read
    The paste did not show in the composer: see that it can be written into, and that `paste`, `selection` and the
    composer's box in its profile fit; `/desk calibrate` tries them out.
not_readable: its composer cannot be read
    Switch accessibility on for the window's program (`octet doctor` has the command), or name another `readback` in
    its profile. In a terminal: look at the pane, and run `octet check`.
out_of_reach: its program takes no keys from others
    Start the window's program without administrator's rights, or end it if it does not answer.
read_back_differs: read-back differs
    The window changes what is pasted: choose the `normalise` of its profile that forgives that, and switch
    autocorrection off there.
bounced_too_long: bounced too long
    Look at what disturbed it each time, named beside this; `/desk doctor` looks again.
busy: the window is busy
    Wait until the agent has finished, or stop it by `/agent interrupt`.
person_typing: a user is typing
    Wait: it goes on when the user has not typed or moved the mouse for `idle_s`.
quiet_hours: quiet hours
    No action needed: it goes on after the `quiet_hours` of the desk's file.
dialog: a dialog is open
    Answer the dialog, by `/agent answer` or at the machine.
late: the go-ahead came too late to be used
    The machine is too busy to be trusted with Enter: see what else runs there; it is tried again.
text_refused: this window does not take this text
    Send another text: the window's profile says what it takes (`newline`, control characters).
too_long: longer than this window takes
    Shorten the text, or raise `max_chars` in the window's profile if its program takes more.
not_told: its program does not tell what it shows
    The profile listens for signs that the program does not give: switch accessibility on for it (`octet doctor`),
    or mark the signs by their places.
not_seen: not seen to arrive
    Look at the window and say what became of it, in its thread or by `octet delivery list`.
worker_lost: the desk worker ended
    No action needed at first: the desk's worker is started again; if it ends again, the log of `octet run` says
    why.
no_worker: the desk has no worker
    No action needed at first: its worker is started; `/desk doctor` says what keeps it from that.
poison: the desk worker ended over it each time
    See in the log of `octet run` why its worker ends over this text; then `/task retry`, or `/task assign` to
    another agent.
restarted: Octet was restarted
    No action needed: Octet looks at the window and goes on.
desk_stopped: the desk was stopped
    `/desk release` lets the desk go on.
dry_run: a dry run, nothing was typed anywhere
    Do what the prompt says and end the task by `/task done`. An agent with `lane = "window"` in config/agents.toml is
    typed to for real.
not_written_down: a step could not be written down
    See to the disk of Octet's home (full, or write-protected); then it goes on.
brief_not_written: the file for the long brief could not be written
    See that Octet may write into `briefs/` of its home, then `/task retry`.
prompt_changed: the prompt cannot be made again as it was
    Look at the window and say what became of the old prompt; a new one goes by `/task retry`.
dropped: a person dropped it
    A person gave it up; `/task retry` brings it anew if it is wanted after all.
no_window: there is no window to try out
    Its prompts go to an API: give it a task to see that it answers.
rate_limited: the model's rate limit is reached
    No action needed: Octet asks again when the limit has passed.
model_denied: the API refuses the key, or does not know the model
    See that `base_url`, `model` and the key are right (config/models.toml and .env), then run `octet reload`.
unreachable: the model's API cannot be reached
    See that the address in config/models.toml answers; Octet asks again later.
answer_lost: the request was sent, and no whole answer came back
    Choose in its thread, or by `octet delivery list`, what becomes of it; to send it again may be billed twice.
answer_cut: the model stopped before the end of its answer
    Ask for a shorter answer, or choose a model with a higher limit; then `/task retry`.
dependency: another task comes first
    No action needed: it goes on after that task.
window: its agent's window cannot be used
    It goes on when the window can be used again.
desk: its agent's desk cannot be used
    `octet doctor` says how to fix the desk; then it goes on.
quota: its agent's quota is used up
    No action needed: it goes on when the quota is back.
hold: its desk or agent is held back
    Release the desk by `/desk release`, or settle what its agent is held for.
agent: no agent of the present config can do it
    Add an agent that can to config/agents.toml, or cancel it by `/task cancel`.
paused: its agent is paused
    Put the agent back by `/agent resume`, or choose another by `/task assign`.
approval: its window waits for an answer
    Answer it by the buttons of its message, by `/agent answer`, or at the machine.
window_refused: its agent's window was refused too often
    When the window can be used, try again by `/task retry`.
worker: the worker of its desk ended over its prompt each time
    See in the log of `octet run` why its worker ends over this text; then `/task retry`, or `/task assign` to another
    agent.
lost: Octet lost track of its prompt
    Look at the agent's window; then `/task retry` or `/task cancel`.
silent: its agent has been silent for too long
    Look at the agent's window. If it still works: `/agent resume`; else `/task retry` or `/task cancel`.
delivery_unknown: it is not known whether its prompt arrived
    Look at the agent's window and decide in the task's thread, or by `octet delivery resolve`.
refused_between_parts: its window was refused between two parts
    Put the window right; then the rest of the prompt is brought.
window_error: its window shows an error
    Look at its window: `/desk screenshot`; `/agent answer` with `continue` lets it go on, if allowed.
window_limit: its window says that a limit is reached
    It goes on when the limit passes, or by `/agent answer` with `continue`; `/task assign` gives its task to another
    agent.
refused: refused
    `/desk doctor` says what is wrong with the window; the log of `octet run` tells more.
task_unassigned: the task has no agent now
    No action needed: it goes in when the task is with an agent again.
off_duty: the agent is off duty
    It goes in after `/agent resume`.
earlier_unknown: it is not known whether an earlier delivery arrived
    Say what became of that one: `/fleet needs-me` says how.
desk_unusable: the agent's desk cannot be used
    `octet doctor` says how to fix the desk.
brief_first: the agent's task comes first
    No action needed: it goes in when the agent has its task.
earlier_first: earlier words come first
    No action needed: it goes in after them.
task_ended: the task was ended
    `/task new` asks for something new.
task_moved: the task is with another agent now
    No action needed: words that the other agent can take go there.
agent_gone: the agent is not in config/agents.toml any more
    Name another agent, or add this one again.
agent_at_work: the agent has something to do
    Wait until it is done, or stop it by `/agent interrupt`.
config_changed: the config changed
    No action needed: what is still wanted is brought to the agent's new place.
expired: it could not be brought in time
    Send it again if it is still wanted.
superseded: something newer was asked for
    No action needed: the newer one counts.
internal_error: Octet met an error of its own
    See the log of `octet run`; then `/task retry`.
sign_given: the agent gave a sign meanwhile
    No action needed: the agent has it.
no_agent_there: no agent works there
    Give an agent this `desk` and `window` in config/agents.toml, or remove it from the desk's file.
worker_starting: its worker has not answered yet
    Wait a moment: within a minute the desk is ready, or says why it is not.
starting_long: it has been starting for more than a minute
    The display may hang, or another program hold it: look at it, and at the log of `octet run`.
until_released: a user has to release it
    `/desk release` lets it go on.
stopped_there: stopped at the machine; a user has to release it
    `/desk release` lets it go on, once the user at the machine agrees.
no_x11: displays of their own are made of X11, which is not on this system
    Give the desk this machine's own screen, or run it on Linux.
no_display: its display cannot be opened
    Start that display, or name the right one as `display` in the desk's file in config/desks.
display_silent: its display does not answer
    Another program may hold the display (a dragged window, an open menu, a screen tool), or the machine is very busy:
    end what it does. Octet goes on when the display answers.
display_taken: another Octet works on its display
    Another Octet, or a worker of one, types on this display: end that one.
display_starting: its virtual display is starting
    Wait a moment; `octet desk list` says how the display stands.
display_down: its virtual display is not up
    Start it by `octet desk up`.
display_ended: a part of its virtual display ended
    No action needed at first: Octet starts it again; `octet desk list` says how it stands.
wayland: its session is Wayland
    Log in to an Xorg session, or give the agents displays of their own: `octet desk up`.
wrong_xlib: the wrong Xlib is installed
    Run the command that is named there, then restart Octet.
worker_not_started: its worker cannot be started
    See that Octet's own Python can be started (disk, memory); Octet tries it again.
worker_silent: its worker does not answer
    No action needed at first: Octet ends the worker and starts it again.
other_version: its worker is of another version
    Restart Octet: it was updated while it ran.
drafts_unknown: Octet cannot read what it left in its windows
    See to the disk of Octet's home; then the desk goes on.
no_tmux: its tmux cannot be used
    Install tmux 3.2 or newer; `octet doctor` has the command.
no_lane: no lane reaches it
    Correct its lane in config/agents.toml; `octet check` says what is wrong.
no_composer: Octet cannot find its input box
    Point at it, or pass `composer=x,y`.
several_composers: it has several input boxes
    Point at the one that is meant, or pass `composer=x,y`.
wrong_place: its input box is not at that place
    Send or delete what is in its input box, then point at the middle of it.
margin: that place is the margin of a terminal
    Point at the terminal's text.
scrolled: the terminal scrolled while the draft came
    Scroll it to the bottom, then try again.
off_screen: not wholly on the screen
    Move the whole window onto the screen.
read_in_window: Octet read its answer in its agent's window; the agent did not send it
    Look at the answer; `/task retry` if it is not whole.
window_changed: its window changed
    No action needed: the agent is at work.
replied: wrote in the thread
    No action needed: the agent is at work.
began_answer: began an answer in its window
    No action needed: the agent is at work.
progress: reported progress
    No action needed: the agent is at work.
answered: its answer came before it was sent again
    No action needed: the agent had it.
"""


def _entries(text: str) -> Mapping[str, tuple[str, str]]:
    """Read the table: a line `code: what it is`, then indented lines with what to do next."""
    found: dict[str, tuple[str, str]] = {}
    for line in text.strip().splitlines():
        if line.startswith(" "):
            code, (what, then) = found.popitem()
            found[code] = what, f"{then} {line.strip()}".lstrip()
        else:
            code, _, what = line.partition(": ")
            found[code] = what, ""
    return found


ENGLISH = _entries(_ENGLISH)
UNKNOWN = "`/desk doctor` looks at the window, and the log of `octet run` tells more."
"""What to do where no code is known."""


def sentence(code: str | None) -> str:
    """What it is. What is no code is a text already."""
    return ENGLISH[code][0] if code and code in ENGLISH else code or ""


def next_step(code: str | None, *, cause: str | None = None) -> str:
    """What to do about it, first about its `cause`; where no code is known, where to look."""
    steps = [ENGLISH[one][1] for one in (cause, code) if one and one in ENGLISH]
    return " ".join(steps) or UNKNOWN


def explain(code: str | None, note: str) -> str:
    """Why something did not go: the code, then what exactly was seen."""
    what = sentence(code)
    return f"{what}: {note}" if what and note and note != what else what or note
