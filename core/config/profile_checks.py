"""Whether a profile fits together with itself: what no schema of single values can say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from core.config.profile_parts import PressSchema
from core.config.profile_schema import ProfileSchema
from core.config.toml import TomlFile
from core.config.validation import check
from core.kit.problems import KeyPath, Problem, show
from core.profiles.model import Act, Box, Confirm, Dialog, Profile, Readback, TooLong


def checked(
    name: str, schema: type[ProfileSchema], file: TomlFile, folder: Path, problems: list[Problem]
) -> Profile | None:
    """The profile that this says, if it fits together; what is wrong is added to `problems`.

    `folder` is where the pictures of its dialogs are."""
    parsed = check(schema, file.data, file)
    _check_chords(file, problems)
    confirm = file.data.get("confirm")
    composer = file.data.get("composer")
    has_prompt = isinstance(composer, dict) and "prompt" in composer  # its program is at work while that is not shown
    if isinstance(confirm, list) and Confirm.BUSY_SEEN in confirm and not (has_prompt or "busy" in file.data):
        text = '"busy_seen" needs a [busy] table that says where the sign appears'
        problems.append(file.problem(("confirm",), text))
    if (
        file.data.get("accepts_input_while_busy") is True
        and isinstance(confirm, list)
        and Confirm.COMPOSER_EMPTY not in confirm
    ):
        text = 'needs "composer_empty" in confirm: while the agent works nothing else shows that sending had its effect'
        problems.append(file.problem(("accepts_input_while_busy",), text))
    _check_readback(file, problems)
    _check_parts(file, problems)
    fresh = file.data.get("new_chat")
    if isinstance(fresh, dict) and len(cast("dict[str, object]", fresh)) != 1:
        problems.append(file.problem(("new_chat",), "needs a chord or a prompt, one of both"))
    elif isinstance(fresh, dict):
        chord = cast("dict[str, object]", fresh).get("chord")
        if chord is not None and chord in (file.data.get("submit"), file.data.get("paste")):
            problems.append(file.problem(("new_chat", "chord"), f"{show(chord)} is a chord that pastes or sends"))
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    profile = parsed.model(name, _pictures(parsed, file, folder, problems))
    _check_anchor(file, profile, problems)
    _check_transcript(file, profile, problems)
    _check_states(file, parsed, problems)
    _check_acts(file, parsed, problems)
    _check_dialogs(file, profile, problems)
    _check_masks(file, profile, problems)
    return profile


def _check_readback(file: TomlFile, problems: list[Problem]) -> None:
    """What is sent unread is allowed by its owner in so many words, and only where nothing better is possible."""
    given = file.data.get("readback")
    kinds = cast("list[object]", given) if isinstance(given, list) else [given]
    if len(set(map(str, kinds))) < len(kinds):
        problems.append(file.problem(("readback",), "names one way twice"))
    if Readback.NONE not in kinds:
        return
    if kinds[-1] != Readback.NONE:
        problems.append(file.problem(("readback",), '"none" must come last: what comes after it is never tried'))
    if file.data.get("allow_unverified") is not True:
        text = (
            '"none" sends what nobody has read back; what was sent so is shown as sent, never as delivered. '
            "If that is wanted here, write `allow_unverified = true` beside it"
        )
        problems.append(file.problem(("readback",), text))


def _check_parts(file: TomlFile, problems: list[Problem]) -> None:
    """The next part of a long prompt comes when the agent has taken in the one before: that must show."""
    screen, marks = file.data.get("terminal"), file.data.get("calibrate")
    shows = "busy" in file.data or (isinstance(screen, dict) and "busy" in screen)
    is_open = isinstance(marks, dict) and bool(
        {"busy", "busy.colour", "terminal.busy"} & cast("dict[str, object]", marks).keys()
    )
    if file.data.get("too_long") == TooLong.SPLIT and not shows and not is_open:
        text = '"split" needs a [busy] table (in a terminal `busy`): nothing else says when the next part may come'
        problems.append(file.problem(("too_long",), text))


def _check_chords(file: TomlFile, problems: list[Problem]) -> None:
    """The chord that sends may do nothing else: it would send a draft."""
    submit = file.data.get("submit")
    if not isinstance(submit, str):
        return
    if file.data.get("paste") == submit:
        problems.append(file.problem(("submit",), f"{show(submit)} is the chord that pastes too"))
    transcript = file.data.get("transcript")
    of_transcript = cast("dict[str, object]", transcript).get("copy") if isinstance(transcript, dict) else None
    listed: dict[tuple[str, ...], object] = {(key,): file.data.get(key) for key in ("clear", "copy", "after_copy")}
    for key, chords in (listed | {("transcript", "copy"): of_transcript}).items():
        for place, chord in enumerate(cast("list[object]", chords) if isinstance(chords, list) else ()):
            if chord == submit:
                problems.append(
                    file.problem((*key, place), f"{show(chord)} is the chord that sends; it would send a draft")
                )


def _pictures(parsed: ProfileSchema, file: TomlFile, folder: Path, problems: list[Problem]) -> dict[str, bytes]:
    """The PNG files that a profile's dialogs are known by."""
    found: dict[str, bytes] = {}
    for place, dialog in enumerate(parsed.dialogs):
        if dialog.picture is None:
            continue
        box, path = dialog.picture.box, ("dialogs", place, "picture", "file")
        try:
            png = found[dialog.picture.file] = (folder / dialog.picture.file).read_bytes()
        except OSError as error:
            text = f"cannot be read: {(error.strerror or str(error)).lower()}; it stands beside the profile"
            problems.append(file.problem(path, text))
            continue
        size = _png_size(png)
        if size is None:
            problems.append(file.problem(path, "is no PNG file"))
        elif size != (box.width, box.height):
            text = f"is {size[0]} × {size[1]} pixels, its box {box.width} × {box.height}; cut it to the box's size"
            problems.append(file.problem(path, text))
    return found


def _png_size(png: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG file, by its first bytes."""
    if len(png) < 24 or not png.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def _check_states(file: TomlFile, parsed: ProfileSchema, problems: list[Problem]) -> None:
    """Each sign of a state can be seen or heard, and the two are told apart."""
    for key, state in (("busy", parsed.busy), ("idle", parsed.idle)):
        if state is None:
            continue
        if state.accessible is None and state.box is None and state.colour is None:
            problems.append(
                file.problem((key,), "needs a box and a colour, or accessible: nothing says how it is seen")
            )
        elif state.box is None and state.colour is not None:
            problems.append(
                file.problem((key,), "needs a box: where the sign appears, from the window's top left corner")
            )
        elif state.box is not None and state.colour is None:
            problems.append(file.problem((key,), 'needs a colour: that of the sign, "#rrggbb"'))
    if (idle := parsed.idle) is None or (busy := parsed.busy) is None:
        return
    if idle.colour is not None and idle.colour == busy.colour:
        problems.append(file.problem(("idle", "colour"), "is the colour of [busy] too; they would not be told apart"))
    if idle.accessible is not None and idle.accessible == busy.accessible:
        text = "is that of [busy] too; they would not be told apart"
        problems.append(file.problem(("idle", "accessible"), text))


def _check_acts(file: TomlFile, parsed: ProfileSchema, problems: list[Problem]) -> None:
    """Each act has one way; and neither an interruption nor a no may send what stands in the composer."""
    _check_presses(file, parsed, parsed.acts.given(), ("acts",), problems)
    for place, dialog in enumerate(parsed.dialogs):
        # In a window of its own a chord goes to that window: the composer is out of reach there.
        is_apart = dialog.window is not None
        _check_presses(file, parsed, dialog.acts.given(), ("dialogs", place, "acts"), problems, is_apart=is_apart)


def _check_presses(
    file: TomlFile,
    parsed: ProfileSchema,
    given: Mapping[Act, PressSchema],
    at: KeyPath,
    problems: list[Problem],
    *,
    is_apart: bool = False,
) -> None:
    for act, press in given.items():
        path, clicks = (*at, act.value), (press.x, press.y, press.anchor)
        if press.chord is not None and any(one is not None for one in clicks):
            problems.append(file.problem(path, "has a chord and a point; an act is done in one way"))
        elif press.chord is None and any(one is None for one in clicks):
            text = "needs a chord, or x and y of a point with the box of the button around it as anchor"
            problems.append(file.problem(path, text))
        elif press.chord is None and not _hits_its_button(press):
            text = "the point does not lie in its anchor, which must be the button that is clicked"
            problems.append(file.problem(path, text))
        elif is_apart or press.chord is None:
            continue
        elif press.chord == parsed.paste or (press.chord == parsed.submit and act in {Act.INTERRUPT, Act.DENY}):
            text = f"{show(press.chord)} is the chord that {'pastes' if press.chord == parsed.paste else 'sends'}"
            problems.append(file.problem(path, f"{text}; it would write into the composer"))


def _hits_its_button(press: PressSchema) -> bool:
    if press.anchor is None or press.x is None or press.y is None:
        return False
    return press.anchor.model().holds(press.x, press.y)


def _check_dialogs(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """Each dialog can be seen, shown to people, and answered by what the profile knows how to do."""
    for place, dialog in enumerate(profile.dialogs):
        path = ("dialogs", place)
        if not (dialog.sign or dialog.picture or dialog.accessible or dialog.window):
            text = "needs a sign, a picture, an accessible or a window: nothing says how it is seen that it is there"
            problems.append(file.problem(path, text))
        if not (dialog.window or dialog.box or dialog.accessible):
            problems.append(file.problem(path, "needs a box: the part of the window that people are shown"))
        if dialog.window is not None and (dialog.box or dialog.sign or dialog.picture or dialog.accessible):
            text = "is a window of its own; a box, a sign, a picture or an accessible is for one inside"
            problems.append(file.problem(path, text))
        _check_answers(file, profile, dialog, path, problems)


def _check_answers(file: TomlFile, profile: Profile, dialog: Dialog, path: KeyPath, problems: list[Problem]) -> None:
    for number, act in enumerate(dialog.answers):
        if act in {Act.INTERRUPT, Act.NEW_CHAT}:
            text = f"{show(act.value)} can be done without being asked; it is no answer"
            problems.append(file.problem((*path, "answers", number), text))
        elif act not in profile.acts and act not in dialog.acts:
            text = f"{show(act.value)} has no entry in [acts] that says how it is done"
            problems.append(file.problem((*path, "answers", number), text))
        elif profile.press(act, dialog) is None:
            text = f"{show(act.value)} in [acts] is a click into the agent's window; give this one its own `acts`"
            problems.append(file.problem((*path, "answers", number), text))
    for act in dialog.acts:
        if act not in dialog.answers:
            text = "says how it is done, but is not among the answers"
            problems.append(file.problem((*path, "acts", act.value), text))


def _check_anchor(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """A window is known by its anchor while a draft stands in it, too."""
    if profile.anchor is not None and profile.anchor.overlaps(profile.composer.box):
        text = "lies over the composer's box and would look otherwise with every draft; `octet calibrate` finds another"
        problems.append(file.problem(("anchor",), text))


def _check_transcript(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """A click meant for the transcript must not go into the composer: a draft would be copied as what was said."""
    if profile.transcript is not None and profile.transcript.box.overlaps(profile.composer.box):
        text = "lies over the composer's box; it must lie wholly in the part that shows what was said"
        problems.append(file.problem(("transcript", "box"), text))


def _check_masks(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """A picture of the anchor is kept in the home, and compared: it cannot be painted over."""
    for place, mask in enumerate(profile.masks):
        if profile.anchor is not None and mask.overlaps(profile.anchor):
            text = "lies over the anchor, whose picture is kept; give the profile an anchor that may be seen"
            problems.append(file.problem(("masks", place), text))


def boxes(profile: Profile) -> dict[KeyPath, Box]:
    """Every part of a window that the profile looks at, by its place in the file."""
    found: dict[KeyPath, Box | None] = {
        ("anchor",): profile.anchor,
        ("composer", "box"): profile.composer.box,
        ("busy", "box"): profile.busy.box if profile.busy else None,
        ("idle", "box"): profile.idle.box if profile.idle else None,
        ("transcript", "box"): profile.transcript.box if profile.transcript else None,
    }
    found |= {("acts", act.value, "anchor"): one.anchor for act, one in profile.acts.items()}
    for place, dialog in enumerate(profile.dialogs):
        found["dialogs", place, "box"] = dialog.box
        if dialog.window is None:  # one of its own has its own size
            found |= {("dialogs", place, "acts", act.value, "anchor"): one.anchor for act, one in dialog.acts.items()}
        found["dialogs", place, "sign", "box"] = dialog.sign.box if dialog.sign else None
        found["dialogs", place, "picture", "box"] = dialog.picture.box if dialog.picture else None
    found |= {("masks", place): mask for place, mask in enumerate(profile.masks)}
    return {path: box for path, box in found.items() if box is not None}
