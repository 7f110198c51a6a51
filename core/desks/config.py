"""Reads config/desks/*.toml and config/profiles/*.toml into desks and profiles, and checks that they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.desks._schemas import DeskSchema, PressSchema, ProfileSchema, WindowSchema
from core.desks.model import VIRTUAL, Act, Box, Confirm, Desk, Profile, Readback, Virtual, Window
from core.kit.problems import KeyPath, Problem, known, show
from core.kit.schemas import check
from core.kit.toml import TomlFile, read_folder

DESKS = "config/desks"
PROFILES = "config/profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFiles:
    """What both folders say."""

    desks: tuple[Desk, ...]
    profiles: Mapping[str, Profile]
    windows: Mapping[str, frozenset[str]] | None
    """Names of each desk's windows, also of those that are wrong elsewhere; None when a desk cannot be read at all."""


def read_desks(root: Path, problems: list[Problem]) -> DeskFiles:
    """The desks and profiles of the home `root`; what is wrong is added to `problems`."""
    profile_files, _ = read_folder(root, PROFILES, problems)
    desk_files, desks_read = read_folder(root, DESKS, problems)
    pictures = root / PROFILES
    profiles = {
        name: profile for name, file in profile_files.items() if (profile := _profile(name, file, pictures, problems))
    }
    profile_names = {path.stem for path in (root / PROFILES).glob("*.toml")}
    desks: dict[str, Desk] = {}
    for name, file in desk_files.items():
        desk = _desk(name, file, profile_names, problems)
        if desk:
            desks[name] = desk
    _check_displays(desks, desk_files, problems)
    _check_boxes_inside(desks, profiles, profile_files, problems)
    _check_stop_keys(desks, profiles, desk_files, problems)
    windows = {name: _window_names(file) for name, file in desk_files.items()}
    return DeskFiles(desks=tuple(desks.values()), profiles=profiles, windows=windows if desks_read else None)


def _window_names(file: TomlFile) -> frozenset[str]:
    listed = file.data.get("windows")
    tables = cast("list[object]", listed) if isinstance(listed, list) else []
    names = [cast("dict[str, object]", table).get("name") for table in tables if isinstance(table, dict)]
    return frozenset(name for name in names if isinstance(name, str))


def _profile(name: str, file: TomlFile, folder: Path, problems: list[Problem]) -> Profile | None:
    parsed = check(ProfileSchema, file.data, file)
    _check_chords(file, problems)
    confirm = file.data.get("confirm")
    if isinstance(confirm, list) and Confirm.BUSY_SEEN in confirm and "busy" not in file.data:
        text = '"busy_seen" needs a [busy] table that says where the sign appears'
        problems.append(file.problem(("confirm",), text))
    if file.data.get("queues") is True and isinstance(confirm, list) and Confirm.COMPOSER_EMPTY not in confirm:
        text = 'needs "composer_empty" in confirm: while the agent works nothing else shows that sending had its effect'
        problems.append(file.problem(("queues",), text))
    _check_readback(file, problems)
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    profile = parsed.model(name, _pictures(parsed, file, folder, problems))
    _check_transcript(file, profile, problems)
    _check_acts(file, parsed, problems)
    _check_dialogs(file, parsed, profile, problems)
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
    if file.data.get("unproven") is not True:
        text = (
            '"none" sends what nobody has read back; what was sent so is shown as sent, never as delivered. '
            "If that is wanted here, write `unproven = true` beside it"
        )
        problems.append(file.problem(("readback",), text))


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


def _check_acts(file: TomlFile, parsed: ProfileSchema, problems: list[Problem]) -> None:
    """Each act has one way; and neither an interruption nor a no may send what stands in the composer."""
    for act, press in parsed.acts.given().items():
        path, clicks = ("acts", act.value), (press.x, press.y, press.anchor)
        if press.chord is not None and any(one is not None for one in clicks):
            problems.append(file.problem(path, "has a chord and a point; an act is done in one way"))
        elif press.chord is None and any(one is None for one in clicks):
            text = "needs a chord, or x and y of a point with the box of the button around it as anchor"
            problems.append(file.problem(path, text))
        elif press.chord is None and not _holds(press):
            text = "the point does not lie in its anchor, which must be the button that is clicked"
            problems.append(file.problem(path, text))
        elif press.chord == parsed.paste or (press.chord == parsed.submit and act in {Act.INTERRUPT, Act.DENY}):
            text = f"{show(press.chord)} is the chord that {'pastes' if press.chord == parsed.paste else 'sends'}"
            problems.append(file.problem(path, f"{text}; it would write into the composer"))


def _holds(press: PressSchema) -> bool:
    if press.anchor is None or press.x is None or press.y is None:
        return False
    box = press.anchor.model()
    return box.x <= press.x < box.x + box.width and box.y <= press.y < box.y + box.height


def _check_dialogs(file: TomlFile, parsed: ProfileSchema, profile: Profile, problems: list[Problem]) -> None:
    """Each dialog can be seen, shown to people, and answered by what the profile knows how to do."""
    for place, dialog in enumerate(profile.dialogs):
        path = ("dialogs", place)
        if not (dialog.sign or dialog.picture or dialog.window):
            text = "needs a sign, a picture or a window: nothing says how it is seen that it is there"
            problems.append(file.problem(path, text))
        if dialog.window is None and dialog.box is None:
            problems.append(file.problem(path, "needs a box: the part of the window that people are shown"))
        if dialog.window is not None and (dialog.box or dialog.sign or dialog.picture):
            problems.append(file.problem(path, "is a window of its own; a box, a sign or a picture is for one inside"))
        for number, act in enumerate(dialog.answers):
            if act is Act.INTERRUPT:
                text = '"interrupt" stops an agent at any time; it is no answer'
                problems.append(file.problem((*path, "answers", number), text))
            elif act not in profile.acts:
                text = f"{show(act.value)} has no entry in [acts] that says how it is done"
                problems.append(file.problem((*path, "answers", number), text))
    if (idle := parsed.idle) is not None and parsed.busy is not None and idle.colour == parsed.busy.colour:
        problems.append(file.problem(("idle", "colour"), "is the colour of [busy] too; they would not be told apart"))


def _check_transcript(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """A click meant for the transcript must not go into the composer: a draft would be copied as what was said."""
    if profile.transcript is not None and _overlap(profile.transcript.box, profile.composer.box):
        text = "lies over the composer's box; it must lie wholly in the part that shows what was said"
        problems.append(file.problem(("transcript", "box"), text))


def _check_masks(file: TomlFile, profile: Profile, problems: list[Problem]) -> None:
    """A picture of the anchor is kept in the home, and compared: it cannot be painted over."""
    for place, mask in enumerate(profile.masks):
        if _overlap(mask, profile.anchor):
            text = "lies over the anchor, whose picture is kept; give the profile an anchor that may be seen"
            problems.append(file.problem(("masks", place), text))


def _desk(name: str, file: TomlFile, profiles: set[str], problems: list[Problem]) -> Desk | None:
    data = dict(file.data)
    if "virtual" in data:
        if "display" in data:
            text = "a desk with [virtual] gets a display of its own; remove this line, or that table"
            problems.append(file.problem(("display",), text))
        data["display"] = ":0"  # any: which one it gets is known once it is up
    parsed = check(DeskSchema, data, file)
    listed = file.data.get("windows")
    windows = _windows(file, cast("list[object]", listed) if isinstance(listed, list) else [], profiles, problems)
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    manners, virtual = parsed.manners.model(), parsed.virtual.model() if parsed.virtual else None
    if virtual is None:
        return Desk(
            name=name, display=parsed.display, windows=tuple(windows.values()), manners=manners, hold=parsed.hold
        )
    _check_on_display(file, windows, virtual, problems)
    return Desk(
        name=name, display=VIRTUAL, windows=tuple(windows.values()), virtual=virtual, manners=manners, hold=False
    )


def _check_on_display(file: TomlFile, windows: Mapping[int, Window], virtual: Virtual, problems: list[Problem]) -> None:
    """A window's place must lie wholly on its display, whose size is known here."""
    for index, window in windows.items():
        if not _inside(window.box, Box(x=0, y=0, width=virtual.width, height=virtual.height)):
            text = f"reaches beyond the display, which is {virtual.width} × {virtual.height} pixels"
            problems.append(file.problem(("windows", index, "box"), text))


def _windows(file: TomlFile, listed: list[object], profiles: set[str], problems: list[Problem]) -> dict[int, Window]:
    windows: dict[int, Window] = {}
    names: dict[str, int] = {}
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict):
            continue  # the desk's schema says so
        table = cast("dict[str, object]", entry)
        parsed = check(WindowSchema, table, file, ("windows", index))
        profile, name = table.get("profile"), table.get("name")
        if isinstance(profile, str) and profile not in profiles:
            text = f"there is no profile {show(profile)}; {known(profiles)}"
            problems.append(file.problem(("windows", index, "profile"), text))
        if isinstance(name, str) and names.setdefault(name.casefold(), index) != index:
            first = names[name.casefold()]
            text = f"{show(name)} is the name of windows[{first}] too; names must differ in more than case"
            problems.append(file.problem(("windows", index, "name"), text))
        if isinstance(parsed, list):
            problems.extend(parsed)
            continue
        window = parsed.model()
        for other in windows.values():
            if _overlap(window.box, other.box):
                text = f"lies over the window {show(other.name)}; a covered window cannot be used, so move one of them"
                problems.append(file.problem(("windows", index, "box"), text))
        windows[index] = window
    return windows


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def _check_displays(desks: Mapping[str, Desk], files: Mapping[str, TomlFile], problems: list[Problem]) -> None:
    """A display has one pair of hands, so it belongs to one desk."""
    owners: dict[str, str] = {}
    for name, desk in desks.items():
        if desk.virtual:
            continue
        host, _, number = desk.display.partition(":")
        owner = owners.setdefault(f"{host}:{int(number.partition('.')[0])}", name)
        if owner != name:
            text = f"{show(desk.display)} is the display of desk {show(owner)} too; put all its windows on one desk"
            problems.append(files[name].problem(("display",), text))


def _check_stop_keys(
    desks: Mapping[str, Desk], profiles: Mapping[str, Profile], files: Mapping[str, TomlFile], problems: list[Problem]
) -> None:
    """What stops a desk may be nothing that Octet itself presses there: it would stop itself."""
    for desk in desks.values():
        for place, chord in enumerate(desk.manners.stop_keys):
            for name in sorted({window.profile for window in desk.windows}):
                profile = profiles.get(name)
                if profile is not None and chord in profile.chords():
                    text = f"{show(chord)} is a chord that Octet presses in windows of profile {show(name)}"
                    problems.append(files[desk.name].problem(("manners", "stop_keys", place), text))


def _check_boxes_inside(
    desks: Mapping[str, Desk],
    profiles: Mapping[str, Profile],
    files: Mapping[str, TomlFile],
    problems: list[Problem],
) -> None:
    """What a profile looks at must lie inside each window that is driven by it."""
    for desk in desks.values():
        for window in desk.windows:
            profile = profiles.get(window.profile)
            if profile is None:
                continue
            boxes: dict[KeyPath, Box] = {("anchor",): profile.anchor, ("composer", "box"): profile.composer.box}
            if profile.busy:
                boxes["busy", "box"] = profile.busy.box
            if profile.idle:
                boxes["idle", "box"] = profile.idle.box
            boxes |= _boxes_of_acts(profile)
            if profile.transcript:
                boxes["transcript", "box"] = profile.transcript.box
            for place, mask in enumerate(profile.masks):
                boxes["masks", place] = mask
            for path, box in boxes.items():
                if not _inside(box, window.box):
                    text = (
                        f"reaches beyond window {show(window.name)} of desk {show(desk.name)}, "
                        f"which is {window.box.width} × {window.box.height} pixels"
                    )
                    problems.append(files[profile.name].problem(path, text))


def _boxes_of_acts(profile: Profile) -> dict[KeyPath, Box]:
    """Where buttons and dialogs are looked for."""
    found: dict[KeyPath, Box | None] = {("acts", act.value, "anchor"): one.anchor for act, one in profile.acts.items()}
    for place, dialog in enumerate(profile.dialogs):
        found["dialogs", place, "box"] = dialog.box
        found["dialogs", place, "sign", "box"] = dialog.sign.box if dialog.sign else None
        found["dialogs", place, "picture", "box"] = dialog.picture.box if dialog.picture else None
    return {path: box for path, box in found.items() if box is not None}


def _inside(box: Box, window: Box) -> bool:
    return box.x >= 0 and box.y >= 0 and box.x + box.width <= window.width and box.y + box.height <= window.height
