"""Checks whether a profile fits together with itself: what no single value can show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from core.config.toml import TomlTable
from core.config.validation import missing, validate_partly
from core.kit.field_types import is_set
from core.kit.problems import KeyPath, show
from core.profiles.model import Act, Box, Confirm, Dialog, Press, Profile, TooLong

_EVERYWHERE = frozenset({"submit", "newline", "clear"})
_IN_WINDOW = frozenset(
    {"match_class", "composer.box", "composer.background", "paste", "selection", "readback", "normalise", "confirm"}
)
NEEDED, NEEDED_IN_PANE = _EVERYWHERE | _IN_WINDOW, _EVERYWHERE | {"terminal.prompt"}  # A window or pane needs these
AT_WORK = frozenset({"busy", "busy.colour", "terminal.busy"})  # The values that say how it shows that the agent works


def checked(name: str, file: TomlTable, is_open: Iterable[str] = ()) -> Profile | None:
    """Return the profile in this table, if it has no problem; report each problem. The values in `is_open` are still to
    be measured."""
    profile, bad = validate_partly(Profile, file)
    is_complete = _is_complete(file, bad.union(is_open))
    _check_chords(file, profile)
    _check_confirm(file, profile, bad)
    _check_readback(file, profile)
    _check_parts(file, profile, bad.union(is_open))
    _check_new_chat(file, profile)
    if is_complete and not bad:
        profile = replace(profile, name=name, acts=profile.all_acts)
        _check_overlaps(file, profile)
        _check_states(file, profile)
        _check_presses(file, profile, profile.acts, ("acts",))
        for place, dialog in enumerate(profile.dialogs):
            _check_dialog(file, profile, dialog, ("dialogs", place))
    return profile if is_complete and not bad else None


def _is_complete(file: TomlTable, is_open: frozenset[str]) -> bool:
    """Report each value for which there is no default and that is neither given nor still to be measured."""
    before = len(file.problems)
    for path in NEEDED:
        table, _, key = path.rpartition(".")
        if not {path, table} & is_open and key not in (file.table(table) if table else file).data:
            has_none = table and table not in file.data and not any(one.startswith(f"{table}.") for one in is_open)
            keys = (table,) if has_none else tuple(path.split("."))
            file.report(keys, "missing", missing(Profile, keys))
    if "transcript" in file.data and "transcript" not in is_open and "complete" not in file.table("transcript").data:
        file.report(("transcript", "complete"), "missing", missing(Profile, ("transcript", "complete")))
    return len(file.problems) == before


def _check_chords(file: TomlTable, profile: Profile) -> None:
    """Check that the chord that sends does nothing else: it would send a draft."""
    if is_set(profile.submit) and profile.paste == profile.submit:
        file.report(("submit",), "chord_twice", f"{show(profile.submit)} is also the chord that pastes")
    listed: dict[KeyPath, tuple[str, ...]] = {
        ("clear",): profile.clear or (),
        ("copy",): profile.copy,
        ("after_copy",): profile.after_copy,
        ("transcript", "copy"): profile.transcript.copy if profile.transcript else (),
    }
    for key, chords in listed.items():
        for place in (place for place, chord in enumerate(chords) if chord == profile.submit):
            text = f"{show(profile.submit)} is also the chord that sends; it would send a draft"
            file.report((*key, place), "sends", text)


def _check_confirm(file: TomlTable, profile: Profile, bad: frozenset[str]) -> None:
    confirm = profile.confirm
    if not is_set(confirm):
        return
    # The program of a composer with a prompt is at work while that is not shown.
    shows_work = "busy" in file.data or "composer" in bad or (is_set(profile.composer) and profile.composer.prompt)
    if Confirm.BUSY_SEEN in confirm and not shows_work:
        text = '"busy_seen" needs a [busy] table that says where the sign appears'
        file.report(("confirm",), "needs_busy", text)
    if profile.accepts_input_while_busy and Confirm.COMPOSER_EMPTY not in confirm:
        text = 'needs "composer_empty" in confirm: while the agent works, nothing else shows that Octet sent the text'
        file.report(("accepts_input_while_busy",), "needs_composer_empty", text)


def _check_readback(file: TomlTable, profile: Profile) -> None:
    ways = list(profile.readback) if is_set(profile.readback) else []
    if len(set(ways)) < len(ways):
        file.report(("readback",), "same_twice", "contains a duplicate")


def _check_parts(file: TomlTable, profile: Profile, is_open: frozenset[str]) -> None:
    """Check that the window shows when its agent has taken in a part: only then may the next part come."""
    shows = "busy" in file.data or "busy" in file.table("terminal").data or AT_WORK & is_open
    if profile.too_long is TooLong.SPLIT and not shows:
        text = '"split" needs a [busy] table (in a terminal `busy`): only that shows when the next part may come'
        file.report(("too_long",), "needs_busy", text)


def _check_new_chat(file: TomlTable, profile: Profile) -> None:
    if (fresh := profile.new_chat) is None:
        return
    if bool(fresh.chord) == bool(fresh.prompt):
        file.report(("new_chat",), "not_one", "needs either a chord or a prompt")
    elif fresh.chord and fresh.chord in {profile.submit, profile.paste}:
        text = f"{show(fresh.chord)} is a chord that pastes or sends"
        file.report(("new_chat", "chord"), "chord_twice", text)


def _check_overlaps(file: TomlTable, profile: Profile) -> None:
    composer = profile.composer.box if is_set(profile.composer) else None
    if composer and profile.anchor and profile.anchor.overlaps(composer):
        text = "overlaps the composer's box and would change with every draft; `octet calibrate` finds another"
        file.report(("anchor",), "over_composer", text)
    transcript = profile.transcript.box if profile.transcript else None
    if composer and transcript and transcript.overlaps(composer):
        # A click meant for the transcript must not go into the composer: a draft would be copied as what was said.
        text = "overlaps the composer's box; it must lie in the part that shows the conversation"
        file.report(("transcript", "box"), "over_composer", text)
    for place, mask in enumerate(profile.masks):
        if profile.anchor is not None and mask.overlaps(profile.anchor):
            # A picture of the anchor is kept in the home, and compared: it cannot be painted over.
            text = "overlaps the anchor, whose picture Octet keeps; use an anchor without secrets"
            file.report(("masks", place), "over_anchor", text)


def _check_states(file: TomlTable, profile: Profile) -> None:
    busy, idle = profile.busy, profile.idle
    for key, state in (("busy", busy), ("idle", idle)):
        if key not in file.data or state.sign or (state.accessible and not state.box and not state.colour):
            continue
        text = "needs a box and a colour, or accessible: nothing says how it is seen"
        if state.box or state.colour:
            text = 'needs a colour: that of the sign, "#rrggbb"' if state.box else "needs a box: where the sign appears"
        file.report((key,), "no_sign", text)
    if idle.colour and idle.colour == busy.colour:
        text = "is also the colour of [busy], so Octet could not tell them apart"
        file.report(("idle", "colour"), "same_sign", text)
    if idle.accessible is not None and idle.accessible == busy.accessible:
        file.report(("idle", "accessible"), "same_sign", "is also that of [busy], so Octet could not tell them apart")


def _check_presses(
    file: TomlTable, profile: Profile, presses: Mapping[Act, Press], at: KeyPath, *, is_apart: bool = False
) -> None:
    """Check that each act has one way, and that neither interrupt nor deny sends the composer's text. In a separate
    window (`is_apart`) a chord cannot reach the composer."""
    for act, press in presses.items():
        path, clicks = (*at, act.value), (press.x, press.y, press.anchor)
        if act is Act.NEW_CHAT:
            continue
        if press.chord and any(one is not None for one in clicks):
            file.report(path, "not_one", "has a chord and a point; use only one")
        elif not press.chord and any(one is None for one in clicks):
            text = "needs a chord, or x and y of a point with the box of the button around it as anchor"
            file.report(path, "not_one", text)
        elif not press.chord and not (press.anchor and press.at and press.anchor.holds(*press.at)):
            text = "the point is outside its anchor, which must be the button"
            file.report(path, "beside_anchor", text)
        elif is_apart or not press.chord:
            continue
        elif press.chord == profile.paste or (press.chord == profile.submit and act in {Act.INTERRUPT, Act.DENY}):
            text = f"{show(press.chord)} is the chord that {'pastes' if press.chord == profile.paste else 'sends'}"
            file.report(path, "sends", f"{text}; it would write into the composer")


def _check_dialog(file: TomlTable, profile: Profile, dialog: Dialog, path: KeyPath) -> None:
    _check_presses(file, profile, dialog.acts, (*path, "acts"), is_apart=dialog.window is not None)
    if not (dialog.sign or dialog.accessible or dialog.window):
        text = "needs a sign, an accessible or a window by which Octet sees it"
        file.report(path, "no_sign", text)
    if not (dialog.window or dialog.box or dialog.accessible):
        file.report(path, "no_box", "needs a box: the part of the window that Octet shows to users")
    if dialog.window is not None and (dialog.box or dialog.sign or dialog.accessible):
        text = "is a separate window; a box, a sign or an accessible is for one inside"
        file.report(path, "not_one", text)
    for number, act in enumerate(dialog.answers):
        text = ""
        if act in {Act.INTERRUPT, Act.NEW_CHAT}:
            text = f"{show(act.value)} needs no question; it is not an answer"
        elif act not in profile.acts and act not in dialog.acts:
            text = f"{show(act.value)} has no entry in [acts]"
        elif profile.press(act, dialog) is None:
            text = f"{show(act.value)} in [acts] is a click into the agent's window; give this one its own `acts`"
        if text:
            file.report((*path, "answers", number), "no_answer", text)
    for act in dialog.acts:
        if act not in dialog.answers:
            file.report((*path, "acts", act.value), "no_answer", "has an entry in [acts], but is not among the answers")


def check_fits(profile: Profile, window: Box, called: str, file: TomlTable) -> None:
    """Report what the profile looks at beyond a window that it drives; `called` names the window."""
    inside = Box(x=0, y=0, width=window.width, height=window.height)
    for path, box in _boxes(profile).items():
        if box is not None and not box.fits_into(inside):
            text = f"reaches beyond {called}, which is {window.width} × {window.height} pixels"
            file.report(path, "outside", text)


def _boxes(profile: Profile) -> dict[KeyPath, Box | None]:
    found: dict[KeyPath, Box | None] = {
        ("anchor",): profile.anchor,
        ("composer", "box"): profile.composer.box,
        ("busy", "box"): profile.busy.box,
        ("idle", "box"): profile.idle.box,
        ("transcript", "box"): profile.transcript.box if profile.transcript else None,
    }
    found |= {("acts", act.value, "anchor"): one.anchor for act, one in profile.acts.items()}
    for place, dialog in enumerate(profile.dialogs):
        found["dialogs", place, "box"] = dialog.box
        if dialog.window is None:  # a separate window has its own size
            found |= {("dialogs", place, "acts", act.value, "anchor"): one.anchor for act, one in dialog.acts.items()}
        found["dialogs", place, "sign", "box"] = dialog.sign.box if dialog.sign else None
    return found | {("masks", place): mask for place, mask in enumerate(profile.masks)}
