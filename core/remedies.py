"""English for codes: what each one is, and what to do next. The only place that makes such sentences.

A code is the value of a StrEnum and the key of its entry.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.kit.errors import Conflict, Denied, Invalid, Misconfigured, NotFound, OctetError, Unavailable

_ENGLISH = """
closed: closed
    Open the agent's window again. If it is open, its title or class changed: correct `title` in the desk's file, or
    run `/desk calibrate`.
covered: covered
    Move away the window that covers it, or run `/desk arrange`.
moved: moved
    `/desk arrange` puts the window back. To keep it at the new place, run `/desk calibrate`.
resized: resized
    `/desk arrange` restores the window's size. To keep the new size, run `/desk calibrate`.
changed: changed
    Look at the window with `/desk screenshot`. If it should look like that, `/desk calibrate` takes a new picture.
hidden: minimised or on another workspace
    `/desk arrange` brings the window back. Or show it on the current workspace.
ambiguous: ambiguous
    Several windows match. Give each a unique `title` in the desk's file, or move the right one to its place. If Octet
    finds the window by its place, run `octet calibrate` again.
locked: locked
    Unlock the screen, or close the menu that is open there.
composer_not_empty: composer not empty
    Send or delete the text in the composer. It may be yours, so Octet leaves it.
not_cleared: Octet could not delete its test line
    Delete it in the window. If you cannot reach the window, restart its program.
focus_taken: focus taken
    Another program keeps taking the focus. Close it, or stop it from opening windows.
clipboard_taken: clipboard taken
    A clipboard program takes the text. End it, or set `clipboard_scope = "everybody"` in [user_activity] of the desk's
    file.
clipboard_frozen: the program that owns the clipboard does not answer
    End or restart the program in which you last copied.
keys_down: keys held down
    Release all keys and mouse buttons at the desk. If a key hangs, press it once.
no_such_key: the keyboard lacks a key
    Choose a keyboard layout that has the keys of the window's profile, or other shortcuts in the profile.
display_held: another program holds the display
    Another program holds the whole display (a dragged window, an open menu, a screen tool). End that.
too_slow: this machine, or the window's program, is too busy now
    Octet tries again. If that lasts, end other programs, or let fewer agents work at the same time.
paste_not_read: paste not read
    The paste did not appear in the composer. Check that the composer accepts text, and that `paste`, `selection` and
    the composer's box in its profile are right; `/desk calibrate` tests them.
not_readable: Octet cannot read its composer
    Turn on accessibility for the window's program (`octet doctor` has the command), or set another `readback` in
    its profile.
pane_not_readable: Octet cannot find the program's input line in its pane
    Look at the pane: the program may be starting, or ask something that its profile does not know.
out_of_reach: its program accepts no keys from other programs
    Start the window's program without administrator rights, or end it if it does not answer.
read_back_differs: the text read back differs
    The window changes pasted text. Set `normalise` in its profile to allow that, and turn off autocorrection there.
bounced_too_long: Octet tried for too long
    Remove the cause of each attempt, named beside this. `/desk doctor` checks the window again.
busy: the window is busy
    Wait until the agent has finished, or stop it with `/agent interrupt`.
person_typing: the user of the desk is typing
    No action needed. Octet continues when the user has not typed or moved the mouse for `idle_s`.
quiet_hours: quiet hours
    No action needed. Octet continues after the `quiet_hours` of the desk's file.
dialog: a dialog is open
    Answer the dialog with `/agent answer` or at the machine.
late: the permission to press Enter came too late
    The machine is too busy. End other programs; Octet retries.
text_refused: this window does not accept this text
    Send another text. The window's profile says what it accepts (`newline`, control characters).
too_long: longer than this window accepts
    Shorten the text. If the program accepts more, raise `max_chars` in the window's profile.
not_told: its program does not report what it shows
    Turn on accessibility for the program (`octet doctor`), or define the signs in the profile by their places.
not_seen: not seen to arrive
    Look at the window and choose what happened, in its thread or with `octet delivery list`.
worker_lost: the desk worker ended
    No action needed. Octet restarts the worker. If it ends again, the log of `octet run` says why.
no_worker: the desk has no worker
    No action needed. Octet starts the worker. If it does not start, `/desk doctor` says why.
poison: the desk worker ended over it each time
    The log of `octet run` says why the worker ends over this text. Then use `/task retry`, or `/task assign` with
    another agent.
restarted: Octet restarted
    No action needed. Octet checks the window and continues.
desk_stopped: the desk was stopped
    Resume the desk with `/desk release`.
dry_run: a dry run; Octet typed nothing
    Do the prompt's work yourself and run `/task done`. To have Octet type, set `lane = "window"` for the agent in
    config/agents.toml.
not_written_down: Octet could not record a step
    Free disk space or make Octet's home writable. Octet then continues.
brief_not_written: Octet could not write the file for the long brief
    Make `briefs/` in Octet's home writable, then use `/task retry`.
prompt_changed: Octet cannot build the same prompt again
    Look at the window and choose what happened to the old prompt. `/task retry` sends a new one.
dropped: dropped by hand
    If you still want it, use `/task retry`.
no_window: there is no window to test
    Its prompts go to an API. Give it a task to see that it answers.
rate_limited: the model's rate limit is reached
    No action needed. Octet retries when the limit has passed.
model_denied: the API refuses the key, or does not know the model
    Correct `base_url`, `model` and the key (config/models.toml and .env), then run `octet reload`.
unreachable: Octet cannot reach the model's API
    Check the address in config/models.toml. Octet retries later.
program_not_started: Octet cannot start its program
    Install the program, or correct `command` or `program` in config/agents.toml. Then run `octet reload`.
program_failed: its program ended, or answered with an error
    No action needed at first. If it repeats, read acp/AGENT/output.log in Octet's home.
not_logged_in: its program is not logged in
    Log in with the program itself, in a terminal of the same account. Octet tries again later.
not_offered: its program does not offer a mode or an option that config/agents.toml names
    Correct `mode` or `options` of the agent, then run `octet reload`.
answer_lost: Octet sent the request and got no complete answer
    Choose what to do, in its thread or with `octet delivery list`. Sending it again may cost twice.
answer_cut: the model stopped before the end of its answer
    Ask for a shorter answer, or choose a model with a higher limit. Then use `/task retry`.
agent_failed: its agent gave it up
    Read what the agent says. Then use `/task retry`, or `/task assign` with another agent.
dependency: another task comes first
    No action needed. It starts after that task.
dependency_failed: a task that it needs did not succeed
    Run that task again with `/task retry`, or remove it with `/task depend`; `/task cancel` ends this one.
pick: several agents have answered
    Choose an answer with `/task pick`.
not_before: its time to start has not come
    No action needed. `/task edit` changes the time.
window: its agent's window is not usable
    It continues when the window is usable again.
desk: its agent's desk is not usable
    `octet doctor` says how to fix the desk.
quota: every agent that can do it has reached a limit
    No action needed. It continues when a limit ends. `/task assign` gives it to another agent; `/agent resume` ends the
    limit now.
hold: its desk or agent is stopped
    Resume the desk with `/desk release`, or answer what its agent waits for.
agent: no configured agent can do it
    Add a suitable agent to config/agents.toml, or cancel the task with `/task cancel`.
folder: the folder of its agent is not ready
    Octet tries again every half minute. If the folder has changes of yours, commit or move them.
folder_not_ready: Octet could not make the folder of its agent ready
    Octet tries again every half minute. If the folder has changes of yours, commit or move them.
checks_again: its checks failed; its agent repairs the work
    No action needed. `/task checks` shows their output.
no_sandbox: commands cannot be confined on this machine
    `octet doctor` says why, and what to install.
no_command: its program is missing
    Install it, or correct `command` in config/checks.toml.
no_share: a folder to share is missing
    Make the folder, or correct `share` in config/projects.toml.
not_configured: config/checks.toml has changed
    Use `/task check` to run the check as it is now.
no_folder: Octet could not read the folder
    Repair what is named beside this, then use `/task check`.
too_much_memory: it took too much memory
    Raise `memory_mb` of the check in config/checks.toml if it needs that.
too_many_processes: it started too many processes
    Raise `processes` of the check in config/checks.toml if it needs that.
too_much_disk: it wrote too much
    Raise `disk_mb` of the check in config/checks.toml if it needs that.
took_too_long: it took too long
    Raise `time_s` of the check in config/checks.toml if it needs that.
protected: the work changed a file that decides the check
    Look at the change with `/task diff`. If it is right, use `/task accept`.
out_of_scope: the work changed files outside its scope
    Look at the change with `/task diff`. If it is right, use `/task accept`.
too_large: the change is too large
    Split the task, or raise the limits of the check in config/checks.toml.
tests_removed: the work removed tests
    Look at the change with `/task diff`. If it is right, use `/task accept`.
tests_skipped: the work skips tests
    Look at the change with `/task diff`. If it is right, use `/task accept`.
secret_found: an added line looks like a secret
    Replace the secret everywhere it is used, and have the agent remove it.
missing: something is missing
    Tell the agent with `/task reject`.
not_clean: not all changes are committed
    Tell the agent with `/task reject`.
few_commits: there are too few commits
    Tell the agent with `/task reject`.
wrong_author: a commit has another author
    Look at the commits on the task's branch.
rejected: rejected
    The agent repairs its work with the reason given.
checks_failed: its checks failed
    `/task checks` shows their output. `/task retry` gives it to an agent again; `/task accept` accepts it as it is.
checks_refused: Octet cannot run its checks
    `/task checks` shows why. Repair that, then use `/task check` or `/task retry`; or accept it by `/task accept`.
check_asks: a check asks you
    Look at it with `/task diff`. `/task accept` accepts it, `/task reject` gives it back, `/task retry` begins again.
paused: its agent is paused
    Resume the agent with `/agent resume`, or choose another with `/task assign`.
approval: its window waits for an answer
    Answer with `/agent answer` or at the machine.
question: its agent asks a question
    Answer with the buttons in its thread, or there with `/msg send`.
window_refused: its agent's window was refused too often
    When the window is usable, use `/task retry`.
worker: the worker of its desk ended over its prompt each time
    The log of `octet run` says why the worker ends over this text. Then use `/task retry`, or `/task assign` with
    another agent.
lost: Octet lost track of its prompt
    Look at the agent's window. Then use `/task retry` or `/task cancel`.
interrupted: its agent was interrupted
    `/task retry` begins it again; `/msg send` in its thread tells the agent how to continue; `/task cancel` ends it.
silent: its agent has been silent for too long
    Look at the agent's window. If it still works, use `/agent resume`; else `/task retry` or `/task cancel`.
delivery_unknown: Octet does not know whether its prompt arrived
    Look at the agent's window and decide in the task's thread, or at the machine with `octet delivery list` and then
    `octet delivery resolve`.
refused_between_parts: its window was refused between two parts
    Fix the window. Octet then sends the rest of the prompt.
window_error: its window shows an error
    Look at its window with `/desk screenshot`. If allowed, resume it with `/agent answer`.
window_limit: its window says that a limit is reached
    It continues when the limit passes; `/task assign` gives the task to another agent.
refused: refused
    `/desk doctor` says what is wrong with the window. The log of `octet run` has more.
task_unassigned: the task has no agent
    No action needed. Octet sends it when the task has an agent again.
off_duty: the agent is off duty
    Octet sends it after `/agent resume`.
earlier_unknown: Octet does not know whether an earlier delivery arrived
    Decide about that delivery first: see `/fleet needs-me`.
desk_unusable: the agent's desk is not usable
    `octet doctor` says how to fix the desk.
brief_first: the agent's task comes first
    No action needed. Octet sends it when the agent has the task.
earlier_first: an earlier message comes first
    No action needed. Octet sends it after that message.
task_ended: the task has ended
    Create a new one with `/task new`.
task_moved: the task has another agent now
    No action needed. Octet sends the message to the new agent if it can take it.
agent_gone: the agent is no longer in config/agents.toml
    Name another agent, or add this one again.
not_at_work: the agent is not at work
    No action needed: there is nothing to interrupt.
removed: removed from the queue by hand
    Send it again if you still want it.
agent_at_work: the agent is working
    Wait until it has finished, or stop it with `/agent interrupt`.
config_changed: the config changed
    No action needed. Octet sends what is still wanted to the agent's new place.
expired: Octet could not deliver it in time
    Send it again if you still want it.
superseded: a newer request replaced it
    No action needed.
internal_error: Octet had an internal error
    Read the log of `octet run`. Then use `/task retry`.
sign_given: the agent reacted meanwhile
    No action needed. The agent has it.
no_agent_there: no agent works there
    Give an agent this `desk` and `window` in config/agents.toml, or remove the window from the desk's file.
worker_starting: its worker has not answered yet
    Wait a moment. Within a minute the desk is ready, or says why it is not.
starting_long: it has been starting for more than a minute
    The display may hang, or another program may hold it. Look at the display and at the log of `octet run`.
until_released: until it is released
    Resume it with `/desk release`.
stopped_there: stopped at the machine until it is released
    Resume it with `/desk release`, after the user at the machine agrees.
no_x11: virtual displays need X11, which this system does not have
    Give the desk this machine's own screen, or run it on Linux.
no_display: Octet cannot open its display
    Start that display, or correct `display` in the desk's file in config/desks.
display_silent: its display does not answer
    Another program may hold the display (a dragged window, an open menu, a screen tool), or the machine is very busy.
    Octet continues when the display answers.
display_taken: another Octet works on its display
    Another Octet, or its worker, types on this display. End that one.
display_starting: its virtual display is starting
    Wait a moment. `octet desk list` shows the display's state.
display_down: its virtual display is not running
    Start it with `octet desk up`.
display_ended: a part of its virtual display ended
    No action needed. Octet restarts it; `octet desk list` shows its state.
wayland: its session is Wayland
    Log in to an Xorg session, or give the agents separate displays with `octet desk up`.
wrong_xlib: the wrong Xlib is installed
    Run the command given there, then restart Octet.
worker_not_started: Octet cannot start its worker
    Check that this machine has disk space and memory for another Python process. Octet retries.
worker_silent: its worker does not answer
    No action needed. Octet ends the worker and restarts it.
other_version: its worker has another version
    Octet was updated while it ran. Restart Octet.
drafts_unknown: Octet cannot read its record of the drafts in its windows
    Free disk space or make Octet's home writable. The desk then continues.
no_tmux: Octet cannot use its tmux
    Install tmux 3.2 or newer; `octet doctor` has the command.
no_composer: Octet cannot find its input box
    Point at it.
several_composers: it has several input boxes
    Point at the right one.
wrong_place: its input box is not at that place
    Send or delete the text in its input box, then point at the middle of it.
margin: that place is the margin of a terminal
    Point at the terminal's text.
scrolled: its prompt is not visible, or scrolled away
    Scroll it to the bottom, and wait until its program shows its prompt.
off_screen: not completely on the screen
    Move the whole window onto the screen.
still_on_cancelled: it still works on a cancelled task
    Octet uses it again when its window is idle. `/agent interrupt` stops it.
account_limit: its account has reached a limit
    No action needed. It continues when the limit ends; `/agent resume` ends it now. `/task assign` gives the task to
    another agent.
fails_often: too many of its tasks failed in a row
    Look at its window or its model. It rests, then gets one task as a test; `/agent resume` ends the rest now.
avoided: it was silent about this task before
    No action needed. Another agent gets the task while one can do it.
held_until: its sender set a later time
    No action needed: Octet delivers it then.
acknowledged: its agent has read it in its inbox
    No action needed.
trace_stopped: its chain of messages was stopped
    `/msg trace` shows the chain. `/msg resume-trace` lets its agents talk on.
loop: the agent is part of this chain of messages already
    Answer the message that you got instead, or report to your user with `octet reply`.
too_many_hops: this chain of messages between agents has reached its limit
    Report to your user with `octet reply`; only your user's message begins a new chain.
pair_too_often: you sent this agent too many messages within a minute
    Wait a minute, and put everything into one message.
line_full: too many messages wait for this agent
    Wait until it has some of them, or cancel some that it no longer needs.
text_long: the text is long for one message
    Shorten it to what the agent has to do, and name a file for the rest.
several_requests: the text makes several requests
    Send one request per message, so that each gets its own answer.
evidence_missing: the message asked for evidence, and the reply has none
    Name what proves your answer, for example `--evidence "command: make test: passed"`.
no_answer_form: the text does not say how to answer
    Say what the answer should contain, for example "Reply with the file and the line".
read_in_window: Octet read the answer in its agent's window; the agent did not send it
    Look at the answer. If it is not complete, use `/task retry`.
said_by_hook: the answer came by its agent's hook; the agent did not report it as one
    Look at the answer. If it is not complete, use `/task retry`.
ended_turn: the answer is the last message of its agent's turn; the agent did not report it as one
    Look at the answer. If it is not complete, use `/task retry`, or write to the agent in the task's thread.
turn_too_long: its agent used all the requests to its model that one turn may have
    Read what it says in the task's thread. Then use `/task retry`, with a smaller task.
turn_refused: its agent's model refused the prompt
    Change the brief with `/task edit`. Then use `/task retry`, or `/task assign` with another agent.
turn_failed: its agent's program met an error during the turn
    `/msg send` in its thread tells the agent to continue; `/task retry` begins it again.
turn_lost: its agent's program ended during the turn
    `/msg send` in its thread tells the agent to continue; `/task retry` begins it again.
turn_too_expensive: its turn cost more than `max_cost` of its agent in config/agents.toml
    Read what it says in the task's thread. Raise `max_cost`, or make the task smaller. Then use `/task retry`.
turn: its turn ended
    `/task nudge` reminds it.
hook: its program reported that it stopped
    `/task nudge` reminds it.
window_changed: its window changed
    No action needed. The agent is working.
replied: wrote in the thread
    No action needed. The agent is working.
began_answer: began an answer in its window
    No action needed. The agent is working.
progress: reported progress
    No action needed. The agent is working.
screen: its screen became idle
    Look at its window with `/desk screenshot`.
accessibility: its window became idle
    Look at its window with `/desk screenshot`.
looks_idle: looks idle but has not answered
    Look at its window. `/task nudge` reminds it, `/task retry` begins again, `/task done` ends the task.
answered: its answer came before Octet sent it again
    No action needed. The agent had it.
"""
_REFUSALS: Mapping[type[OctetError], str] = {
    Conflict: """
action_not_repeated: Octet never repeats a press. Look at the window. If it still asks, answer with
    `/agent answer`.
action_underway: Octet pressed nothing more: it is still pressing {act} for {agent}.
action_without_key: Octet pressed nothing: the profile `{profile}` of {agent}'s window has no key for {act}. Do it at
    the machine, or add the key to config/profiles/{profile}.toml (docs/profiles.md).
agent_busy: Octet pressed nothing: {agent} {why}. A new conversation would remove what it works with: wait until it has
    finished, or cancel that task first.
agent_may_not_talk: {recipients} cannot get this message: {why}.
agent_mismatch: {id} belongs to {holder}, not to {agent}. Name only one of the two.
agent_takes_no_messages: {id} is a model without a conversation, so it takes tasks but no messages. Put the whole text
    into a task.
agent_without_window: {id} has no window to deliver to. Give it a `desk` and a `window` in config/agents.toml, then
    `octet reload`.
already_asked: {agent} is already being asked for its answer to {id}. Wait until the question has arrived.
already_running: Another Octet already runs in the home {path}. Stop it first, or use another home with --home.
choice_not_offered: {agent} does not offer this choice. It offers 1 to {most}.
answer_not_offered: Octet pressed nothing: {act} does not answer the question in {agent}'s window. It takes: {answers}.
answer_quota_exceeded: Task {id} has reached its limit of {texts} texts or {megabytes} MB. It still takes its final
    answer: put everything into one text and run `octet done {id} …`.
api_key_exists: There is already a key called {id}. Choose another name, or revoke that key first.
being_reloaded: Octet is already reloading the configuration. Wait until it has finished, then try again.
base_moved: The branch {branch} moved meanwhile: it is at {now}. Merge again, so that the newest state is included.
branch_checked_out: {folder} has the branch {branch} checked out, and Octet never changes your files. Have the work
    written to a new branch instead, and run `git merge` with that branch there.
branch_exists: {path} has a branch {branch} with other commits already. Choose another name.
calibration_busy: Octet is still calibrating desk {id}. Wait until it asks again, or ends.
chain_stopped: A user or Octet stopped this chain of messages between agents. Continue your task without them, and
    report to your user with `octet reply`.
changed_meanwhile: Another program changed {file} just now. Nothing was written; look at the file and try again.
code_expired: Your code for {id} has expired: {why}. Stop working on {id} and send nothing more.
delivery_unresolved: Octet does not know whether the prompt of {id} arrived; sending it again could do the work twice.
    Look at the agent's window, then decide with the buttons in its thread, or at the machine with `octet delivery
    resolve {id} arrived|again|drop`. `/task cancel` ends the task.
dependency_cycle: This would be a circle in which each task waits for the next: {path}. Remove one of these with `/task
    depend`.
desk_is_shared: Users work at desk {id}, so Octet takes no picture of the whole screen. `/desk screenshot` shows one
    agent's window; only a desk with a virtual display (`octet desk up`) shows its whole display.
desk_not_ready: Octet pressed nothing: {why}. See `/desk status`.
dialog_closed: Octet pressed nothing: {agent} no longer waits for this ({how}).
display_down: The display of desk {desk} is not running: {why}. Start it with `octet desk up --desk {desk}`.
files_quota_exceeded: The files of {whose} reach the limit of {megabytes} MB. Send the text alone, or name a path on
    this machine. Files go with the texts of their tasks, after `keep_texts_days`.
folder_not_clean: Files in {folder} changed after Octet saved them: {paths}. Stop the programs that work there;
    Octet then saves them again.
folder_not_ours: {folder} has files that Octet did not put there, and Octet leaves them. Empty it, or name another
    folder.
folder_not_plain: {what} in {folder} is not what Octet made: it may lead elsewhere. Save what you need of that folder
    and remove it; Octet makes a new one.
has_parts: {id} goes to no agent; its parts do. Assign a part.
last_owner: {id} is the only owner. Make someone else owner first: `/admin bind`.
lease_lost: Another attempt holds delivery {id} now (fence {fence}); this attempt must stop.
line_full: {most} messages wait for {id}, and no more may. Send this when it has some of them, or cancel some.
message_answered: You have answered {id} already, and each message takes one answer. Report more in the answer to your
    task or to the next message.
message_code_expired: The code of {id} has expired: it was valid for a day. Report this text in the answer to the next
    message.
message_not_queued: Message {id} is not in the queue of {agent} any more. `octet msg show {id}` shows how far it is.
never_sent: Octet never sends the test line of a window.
no_open_calibration: No calibration of desk {id} is open. Start one with
    `/desk calibrate` (or `octet calibrate {id}`).
no_open_dialog: Octet pressed nothing: the window of {agent} does not wait for an answer. `/fleet needs-me` shows which
    ones do.
no_reachable_agent: No agent is available: {why}. `/agent list` shows all agents.
no_task_to_ask: Only an agent with a task can ask its user. Name another agent in `to`, or wait for a task.
no_task_to_delegate: You have no task, so you have no parts to give to others. Wait for a task.
no_unknown_delivery: There is nothing to decide about {what}: {how}.
no_window_for_action: {agent} has no window in which Octet could press a key. `/agent show` shows its lane.
not_a_parent: {id} is a best-of task, so it takes no other parts.
not_agreed: no answer: nothing was changed (use --yes)
not_done: {id} is {state}; that needs a task that is done.
not_in_review: {id} is {state}. You can accept, reject or check only a task whose agent said done and whose checks have
    not passed.
merge_conflicts: {id} conflicts with the base branch in {paths}. Nothing was merged. Continue the
    task with a reply that asks its agent to bring its branch up to date, then merge again.
not_saved: {what} is also set in .env or in the environment, which override this. Remove it there, or choose the same
    value.
not_worked_on: No agent works on {id} now, so there is nothing to stop.
not_writable: Octet cannot write {file}: {why}. {left} Fix that, and try again.
not_your_message: {id} is not your message, or not one to agents, so nothing can take its place.
nothing_connected: No window was connected, and nothing was written. {then}
owner_exists: This Octet already has an owner.
profile_exists: There is already a profile {id}. Choose another name.
profile_not_disabled: Profile {id} is not disabled{why}; you can use it.
profile_not_writable: Octet cannot write {file}: {why}. Nothing was changed.
question_for_agent: This question asks {agent}, which answers it.
question_settled: This question is settled already ({state}).
recipient_task_ended: {id} has ended ({state}). `/task retry` repeats a failed task and `/task new` creates a new one;
    or name an agent instead of the task.
stays_disabled: Nothing was changed: you did not type "yes". Profile {id} stays disabled.
still_running: Octet already runs in {home} (process {pid}). To change its setup, stop it first (Ctrl-C where it runs,
    or its service), then run `octet init` again.
stopped_by_user: A user stopped {id}, and decides how it continues.
task_already_ended: Task {id} has ended already ({state}).
task_already_running: {agent} is already working on {id} ({state}). To use another agent, cancel it and create a new
    task.
task_never_started: Task {id} is {state} and has no agent yet, so it cannot be done. If you do not want it, cancel it.
task_not_stopped: Task {id} is {state}. You can retry only a task that has ended or is parked, or whose agent looks
    idle.
task_not_working: Task {id} is {state}, so there is no answer to ask for.
task_unassigned: {id} has no agent yet (state: {state}). Send the message when the task's card names its agent, or name
    an agent.
text_expired: The text of {id} expired on {when} UTC ([receipts] keep_texts_days), so it cannot be retried. Create a new
    task.
token_still_refused: Discord refused all tokens. Reset the token (discord.com/developers, Bot, Reset Token), copy the
    whole of it, and run `octet init` again.
too_many_questions: Octet takes no more questions from you now: {bounds} are at most {limit}, and you have {count}. Wait
    for the answers, or decide yourself and say in your answer what you decided.
too_much_delegated: Octet creates no more subtasks here: {why}. Do the rest yourself, or report what is missing.
undo_too_late: Only a task that was cancelled less than a minute ago can be put back; {id} is {state}. `/task retry`
    runs it again.
agent_picked_twice: Two windows cannot both be {id}. Choose another agent for one of them.
window_has_agent: Window {number} is the window of {id}. Give {id} another window in the same answer, such as 1={id}, or
    run `octet agent remove {id}` first.
wrong_message: Your code belongs to {right}, not to {id}. Run the exact command of that message's prompt.
""",
    Denied: """
action_not_allowed: Octet may not press {act} for {agent}. To allow it, the owner of this machine sets allowed_actions =
    [{allowed}] for name = "{agent}" in config/agents.toml and runs `/admin reload`.
agent_unnamed: This needs the token of one agent. Ask the owner of this Octet to set OCTET_AGENT_TOKEN as `octet agent
    env` prints it for you.
host_refused: Octet does not accept this Host header. Use the address that `octet run` printed.
key_reaches_too_far: A key counts everywhere, so its maker needs the role personally (not by a role of the server),
    everywhere and for as long as the key is valid. Name fewer days, or ask the owner of this Octet. A key makes no
    keys.
link_expired: This address was used before, or is too old. Get a new one from the same place.
log_in_begun_elsewhere: This log-in did not begin in this browser, or it took longer than ten minutes. Press *Log in
    with Discord* again.
log_in_without_role: {id} has no role in Octet that counts everywhere, so the page would show nothing. An admin gives
    one with `/admin bind`, to this user and without a channel.
may_not_delegate: Only a chief or a manager gives work to others, and {agent} is a {job}. The owner changes its `job` in
    config/agents.toml.
no_agent_known: Octet does not know which agent you are. Name the task or message of your prompt and its code, or set
    OCTET_AGENT_TOKEN as `octet agent env` prints it for you.
no_log_in_with_discord: Octet does not log users in with Discord at this address. Open the page at `public_url` of
    [http], or run `octet page`.
no_group: {agent} is in no group, and a manager gives work only to its groups. The owner sets its `groups` in
    config/agents.toml.
not_your_agent: {agent} may not give work to {to}. A chief and a manager give work to agents in their groups with a
    lower job; `list_agents` shows them.
origin_refused: Octet refuses requests from other web pages.
owner_missing: Octet has no owner yet. Its console shows the code for `/admin claim`.
role_reaches_too_far: Your own role does not count there, or it ends earlier. Name your channel or fewer hours, or ask
    the owner of this Octet.
role_too_high: The role {role} allows more than you may do yourself. Ask the owner of this Octet.
scopes_too_wide: You may not do this yourself, so your key may not either: {scopes}. Leave these scopes out.
too_many_claims: Too many wrong codes. Try again in {wait_s} s with the code that Octet printed on its console; or stop
    Octet and set the owner at its machine with `octet init`.
user_unknown: You can't use Octet here yet. Ask {owner} for a role.
wrong_server: Octet answers only in its own server.
""",
    Invalid: """
bad_check_value: The check {given} is not valid: {why}.
check_needs_project: The check {name} looks at files: give the task a project.
too_many_checks: A task has at most {most} checks.
bad_autostart_name: {id} is not a valid name: use up to 40 lowercase letters, digits, - and _, for example "octet-work".
bad_name: `{text}` is not a valid name. Use up to 100 printable characters; for a profile letters, digits, - and _.
bad_branch: {branch} is not a valid name for a branch. Use letters, digits, -, _, . and /, for example octet/T-142.
body_incomplete: This request's body is incomplete. Send it again.
env_file_not_read: Octet cannot read {file}: {why}. Nothing was written.
files_too_large: The files of a request have at most {megabytes} MB in all. Attach less, or name a path on this machine.
group_unnamed: You are in several groups. Name an agent, or one of `group:NAME`: {groups}.
home_refused: The path of the home contains a line break or another control character: {path}. That would break scripts
    and messages. Choose another folder with --home, or rename this one.
incomplete_pane: A pane needs its desk and its profile. Give `desk` and `profile` too; `/agent discover` lists them.
invalid_channel: {value} is not the id of a channel. In Discord, turn on developer mode and use Copy ID.
invalid_evidence: An item of evidence has a kind (command, file, commit, url or note), a text, and `ok`, which is true,
    false or left out.
invalid_file: A file needs `name` and `content`, in base64. Send it again.
invalid_holder: {value} is neither a member nor a role of the server. Write discord:ID or discord-role:ID. In Discord,
    turn on developer mode and use Copy ID.
invalid_key_name: {value} is not a valid name for a key. Use up to 32 letters, digits, - and _.
invalid_label: A label has no commas, quotes or backslashes, and no blank at its beginning. Write it without them.
invalid_moment: `{text}` is not a time. Write `2h` or `3 days` from now, `tomorrow 9am`, `fri 17:00`,
    `2026-05-31 18:00`, or `none`.
invalid_scope: {value} is not a scope. Use a role, such as viewer, or permissions, such as task.create, separated by
    commas.
invalid_zone: `{text}` is not a time zone. Write it like Europe/Berlin, or `machine`.
lfs_refused: {where} keeps files in Git LFS ({paths}), which Octet does not fetch. Use a repository without it.
message_without_text: This message has no text. Type `/task new` and write the task yourself.
name_one: Name an agent to see its window, or a desk to see its whole display.
moment_past: {text} is in the past.
not_in_batch: A batch cannot contain `{path}`. Send that separately.
no_capable_agent: No agent matches: {why}. `/agent list` shows all agents; `/agent show` their capabilities.
no_choice: Octet cannot ask here. Accept the proposed windows with --yes, or run this in a terminal.
no_display_named: No display is given, and $DISPLAY is empty. Run this in a terminal of your desktop, or name one:
    --display :0
no_displays_here: Virtual displays need X11, which {platform} does not have: there, agents work in windows on your
    screen, or in terminals. docs/windows.md explains how.
no_panes: No desk in config/desks has a [tmux] table. To create one with eight panes: octet desk up --tmux --agents 8
    --profile NAME -- PROGRAM ARGUMENTS…
no_such_profile: There is no profile {profile}; known: {known}.
no_terminal: Octet cannot ask this here: {question} Answer with {option}, or run `octet init` in a terminal. Your
    earlier answers are kept.
no_tmux: Name the tmux server: --socket PATH (`tmux display -p '#{socket_path}'` tells yours).
no_virtual_desk: No desk in config/desks has a [virtual] table. To create one with eight windows: octet desk up --agents
    8 --profile NAME -- PROGRAM ARGUMENTS…
no_windows_here: The demo's eight windows need X11 for their virtual screen. Try it here without windows: octet demo
    --no-desktop
not_a_part: {id} is not one of several answers to choose from. The card of a best-of task names them.
not_changeable: Octet cannot change {file}: {why}. `octet check` says where; nothing was written.
not_loopback: Octet listens on loopback only, and {address} is not loopback. Use 127.0.0.1 or ::1, and a tunnel from
    other machines.
outside_window: {x},{y} is outside {called}. Point at its composer.
profile_disabled: The profile {profile} is disabled: {why} Enable it with `octet profile enable {profile}`.
profile_lacks: The profile {profile} cannot drive this window: {why}.
profile_wrong: Profile {id} is invalid: {why}. Fix it first; nothing was written.
program_missing: The {count} new panes need a program. Give the agent's program and its profile: octet desk up --tmux
    --agents {agents} --profile NAME -- PROGRAM ARGUMENTS… ({agent} and {number} are filled in for each; the profile
    needs a [terminal] table: `octet profile list`).
push_address_refused: Octet pushes only to the services of Chrome, Edge, Firefox and Safari, and this is none of their
    addresses. Use one of these browsers.
question_missing: A question needs its text; without it name the ticket of an earlier question.
repository_unusable: Octet cannot work with the repository {path}: {why}. Correct it there or in config/projects.toml.
several_tasks: This text names {count} tasks. `octet task import` creates them all.
submodules_refused: {where} contains other git repositories: {paths}. Octet takes no submodules: remove them, or name
    them in .gitignore.
template_missing: There is no {file}. Give the agent's program and its profile: octet desk up --agents {agents}
    --profile NAME -- PROGRAM ARGUMENTS… ({agent} and {number} are filled in for each).
too_few_agents: Best of {wanted} needs {wanted} capable agents (at least two); found {found}.
too_long_for_agent: This text has {length} characters. The window of {agent} takes at most {limit}, and its profile
    refuses longer prompts. Shorten the text, or set `too_long = "file"` in the profile.
too_many_links: At most {most} tasks may come before {id}, its parts included. Group some of them under a part.
unknown_grid_place: {place} is not a place on the picture. Use its number, or a place within another, such as 37-4.
unknown_window_number: There is no window with the number {number}; there are {most}.
unreadable_answer: “{text}” does not answer that question.
unreadable_tasks: Octet cannot read line {line}: {why}. Write JSON Lines as `octet task export` prints them, or blocks
    of `TASK:`, `DESC:` and `PRIORITY:`.
working_folder_missing: The folder {folder} for {agent} does not exist; nothing was written. Create it, or name another
    one with --directory.
""",
    Misconfigured: """
settings_unreadable: Octet cannot read {file} as settings with hooks. Nothing was changed. Correct the file.
audit_key_missing: The journal's key {path} is missing although the journal has rows. Restore the key from your backup;
    Octet does not start without it.
chain_broken: The journal fails verification from row {seq} on: a row was changed, removed or inserted. Stop, keep a
    copy of the database, and restore a backup.
database_older: The database {path} has an older schema ({found}; this Octet needs {needed}). Run `octet db upgrade`
    once.
database_unknown: The database {path} has a schema that this Octet does not know ({found}): a newer or an unreleased
    Octet wrote it. Octet has not changed it. Use that Octet again, restore a backup, or use another home.
intents_refused: Discord refuses the bot's intents (close code {code}). With `thread_messages = true` in [discord],
    switch on Message Content Intent in the developer portal (Bot), or take the setting out. Otherwise the token is
    likely another bot's.
key_damaged: The key {path} is incomplete. Restore it from your backup; Octet does not start without it.
no_home: {home} has no config/octet.toml yet. Create it with `octet init`, or name your home with --home.
""",
    NotFound: """
agent_not_found: There is no agent called {id}. `/agent list` shows all agents.
unknown_project: There is no project called {name} in config/projects.toml; {known}.
unknown_check: There is no check called {name} in config/checks.toml; {known}.
no_workspace: {id} has no folder yet: only a task of a project has one, once an agent has it.
api_key_not_found: There is no valid key called {id}. `/admin keys` lists all keys.
binding_not_found: {id} has no such role here. `/admin roles` lists all roles.
calibration_window_not_found: No window on the display {what}. `octet calibrate --list` shows all windows.
file_not_found: Octet has no file {number} of {id}: it came without one, or the file was deleted.
log_in_not_found: There is no such log-in. `octet admin log-ins` lists yours.
delivery_not_found: There is no delivery {id}. `octet delivery list` shows those that wait for your decision.
desk_not_found: There is no desk called {id}. `/desk status` shows all desks.
dialog_not_found: There is no such dialog. `/fleet needs-me` shows the agents that wait for an answer.
event_unknown: This version of Octet has no event {name} with the fields of row {seq}. An older or newer version wrote
    it.
list_closed: Octet no longer keeps this list. Run the command again.
no_board: There is no such live board in this channel. `/fleet board` adds one.
no_current_task: {agent} has no task now. Octet brings the next one as a prompt.
no_database: There is no database {id} yet. `octet run` creates one.
no_log: There is no log in {file} yet. `octet run` writes it.
no_picture: The receipt of {id} has no such picture. `octet receipt {id}` lists its pictures.
no_profile_fits: No profile fits {window} (class {kind}). Name one for a similar program, such as gtk, chromium or
    xterm. `octet profile list` shows all, and docs/profiles.md explains how to write your own.
no_profiles: There are no profiles in {folder}. `octet init` copies Octet's own.
no_receipt: There is no receipt of {id}: {why}.
no_such_person: Discord knows no user with the id {id}. In Discord: Settings, Advanced, Developer Mode; then right-click
    yourself, Copy User ID.
no_such_place: This bot sees no {what} {id}; it sees: {known}.
no_such_recipient: There is no recipient `{id}`. Name an agent, `group:NAME`, `job:chief`, `job:manager`, `job:worker`
    or `everyone`. The groups are: {groups}.
not_in_inbox: {id} is not in the inbox of {agent}. `/msg inbox` lists what is there; agents use `octet inbox` (or
    read_inbox).
not_installed: Octet does not start at log-in under the name {id}. Set it up with `octet autostart install`.
not_virtual: There is no desk {id} with a [virtual] table in config/desks; `octet desk list` shows those desks.
not_your_subtask: {id} is not a subtask of {task}. `my_task` lists your subtasks.
nothing_learned: Octet has learned nothing about the window {id} on desk {desk}. `/desk status` shows what it learned.
nothing_to_try: Desk {id} has no windows. Add them to config/desks/{id}.toml, or measure them with `/desk calibrate`.
picture_deleted: This picture was deleted on {when} UTC: pictures are kept for {days} days ([receipts]
    keep_pictures_days).
profile_not_found: There is no profile {id} ({known}). `octet profile list` shows all profiles.
question_not_found: There is no question “{id}”. `/fleet needs-me` lists the open ones.
screen_lock_not_found: This screen lock is over. `/desk status` shows the desks.
trace_not_found: There is no chain of messages {id}. `/msg trace` takes the id of any message in it, or a task that has
    begun.
window_not_found: Desk {desk} has no window called {id}. `/desk status` shows its windows.
""",
    Unavailable: """
answer_lost_twice: Octet took this request twice, and no complete answer arrived. Run `octet doctor`, then try again.
cannot_listen: Octet cannot listen on {address}: {why}. Set `host` in [http] of config/octet.toml to 127.0.0.1 or ::1.
child_silent: Octet started {what}, which was not ready within {limit_s} seconds. Try again when this machine is less
    busy.
desk_without_worker: No agent works at desk {id} yet. Use `octet calibrate` at the machine.
did_not_start: Octet did not start. `octet run` shows why. The end of its log, {log}: {words}
folder_busy: Octet cannot remove {folder}: {why}. End the programs that work there.
git_failed: git could not do its work ({command}): {why}. Free disk space, or repair what it names; then try again.
git_missing: Octet needs git 2.38 or newer; found: {found}. Install it, then try again.
home_unusable: Octet cannot use {path}: {why}. Free space or make it writable, then start again.
log_in_not_confirmed: Discord did not confirm who you are ({why}). Press *Log in with Discord* again.
may_be_done: Octet may have carried out this command: it was sent, and the answer was lost. Check before you repeat it.
may_be_done_once: Octet may have carried out this command: it was sent twice, and the answer was lost. Repeat it with
    the option --key {key}; then it counts once.
no_such_tmux_key: tmux knows no key {chord}; write another one into the profile.
not_invited: The bot is on no server yet. Open its link; `octet init` then continues here.
not_invited_there: The bot is not on the server {id} yet. Open its link and choose that server, or choose another one
    with `octet init --guild ID`; it is on: {known}.
packages_missing: Virtual displays need {packages}: sudo apt-get install {packages}
panes_not_up: {seconds} seconds have passed and some programs are still not running. Above is each pane's content.
server_silent: its X server did not start: {why}
store_busy: Octet has more work than it can take now, so it has not begun this. Send it again in {after_s} s.
too_many_listeners: {most} pages or streams of yours listen already, and no more may. Close one of them.
too_many_bodies: Octet is receiving too many large requests. Send this again in a few seconds.
too_slow: Not every display {went} within {seconds} seconds; `octet desk list` shows which, and why.
""",
}
"""Errors that no caller catches by name: the sentence of each code, by family."""


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
REFUSALS = {
    code: (family, " ".join(sentences).rstrip())
    for family, text in _REFUSALS.items()
    for code, sentences in _entries(text).items()
}
UNKNOWN = "`/desk doctor` checks the window. The log of `octet run` has more."
"""The next step for an unknown code."""


def refused(code: str, /, **details: object) -> OctetError:
    """Make the error of a code of the table; `details` fill the `{names}` of its sentence."""
    family, text = REFUSALS[code]
    error: type[OctetError] = type(code.title().replace("_", ""), (family,), {"__doc__": text})
    return error(**details)


def sentence(code: str | None) -> str:
    """Return what it is; any other text stays as it is."""
    return ENGLISH[code][0] if code and code in ENGLISH else code or ""


def next_step(code: str | None, *, cause: str | None = None) -> str:
    """Return what to do about it, first about its `cause`; without a known code, where to look."""
    steps = [ENGLISH[one][1] for one in (cause, code) if one and one in ENGLISH]
    return " ".join(steps) or UNKNOWN


def explain(code: str | None, note: str) -> str:
    """Return why something failed: the code's meaning, then the details seen."""
    what = sentence(code)
    return f"{what}: {note}" if what and note and note != what else what or note
