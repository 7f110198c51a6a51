"""What a file in config/profiles may hold, key by key. What only shows together is in `config`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from core.kit.problems import show, suggest
from core.kit.schemas import Schema
from core.profiles.model import (
    Accessible,
    Act,
    Activity,
    Box,
    Composer,
    Confirm,
    Dialog,
    Focus,
    Likeness,
    Modal,
    Newline,
    Normalise,
    Press,
    Profile,
    Readback,
    Selection,
    Sign,
    Transcript,
)
from core.profiles.roles import ROLES

MODIFIERS = ("ctrl", "shift", "alt", "win")
NAMED_KEYS = frozenset(
    {"enter", "tab", "esc", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown"}
    | {"up", "down", "left", "right", "pause"}
)
KEYS = NAMED_KEYS | {f"f{number}" for number in range(1, 13)}
"""Names as PyAutoGUI knows them; a single character names its own key."""
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PNG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}\.png")
_ODD_TEXTS = ("x", "Ω 7", "~", "Ab_3")
"""Texts that no pattern for one kind of window matches all of."""


def _compiled(text: str) -> re.Pattern[str]:
    if not text.strip():
        raise ValueError("must not be empty: it would match every window")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{show(text)} is no regular expression: {error}") from None


def _title(text: str) -> str:
    pattern = _compiled(text)
    if pattern.search("") or all(pattern.search(odd) for odd in _ODD_TEXTS):
        raise ValueError(f"{show(text)} matches every window; write the part that only this one has")
    return text


def _class(text: str) -> str:
    pattern = _compiled(text)
    if all(pattern.fullmatch(odd) for odd in _ODD_TEXTS):
        raise ValueError(f"{show(text)} matches every window; write the class that only this kind has")
    return text


def _pattern(text: str) -> str:
    _compiled(text)
    return text


def _role(text: str) -> str:
    if text not in ROLES:
        raise ValueError(f"{show(text)} is no role of AT-SPI; {suggest(text, ROLES)}")
    return text


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise ValueError(f'{show(text)} is no colour; write it as "#rrggbb", for example "#ffffff"')
    return text.lower()


def _file_name(text: str) -> str:
    if not _PNG.fullmatch(text):
        raise ValueError(f'{show(text)} is no name of a PNG file beside the profile, such as "limit.png"')
    return text


def chord(text: str) -> str:
    """`ctrl+shift+v`; `ctrl++` ends in the key +."""
    *held, last = [*text[:-1].split("+")[:-1], "+"] if text.endswith("++") or text == "+" else text.split("+")
    for key in held:
        if key not in MODIFIERS:
            raise ValueError(f"{show(text)} is no chord: {show(key)} cannot be held down; {suggest(key, MODIFIERS)}")
    if len(set(held)) < len(held):
        raise ValueError(f"{show(text)} is no chord: it holds one key down twice")
    if last in MODIFIERS:
        raise ValueError(f"{show(text)} is no chord: it must end in a key that is not ctrl, shift, alt or win")
    if last not in KEYS and not (len(last) == 1 and "!" <= last <= "~"):
        if not last:
            raise ValueError(f"{show(text)} is no chord: it must end in a key")
        raise ValueError(
            f"{show(text)} is no chord: there is no key {show(last)}; {suggest(last, NAMED_KEYS)}, f1 … f12"
        )
    return text


def _as_list(given: object) -> object:
    """One word stands for a list of one."""
    return [given] if isinstance(given, str) else given


Title = Annotated[str, Field(max_length=200), AfterValidator(_title)]
"""Looked for anywhere in a window's title."""
Class = Annotated[str, Field(max_length=200), AfterValidator(_class)]
"""Compared with the whole class."""
Pattern = Annotated[str, Field(max_length=200), AfterValidator(_pattern)]
Role = Annotated[str, AfterValidator(_role)]
Colour = Annotated[str, AfterValidator(_colour)]
FileName = Annotated[str, AfterValidator(_file_name)]
Chord = Annotated[str, AfterValidator(chord)]
Chords = Annotated[list[Chord], Field(max_length=10)]
Place = Annotated[int, Field(ge=-100_000, le=100_000)]
Length = Annotated[int, Field(ge=1, le=100_000)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class BoxSchema(Schema):
    """A rectangle, written `{ x = 0, y = 0, width = 640, height = 400 }`."""

    x: Place = Field(description="its distance from the left edge, in pixels")
    y: Place = Field(description="its distance from the top edge, in pixels")
    width: Length = Field(description="how wide it is, in pixels")
    height: Length = Field(description="how high it is, in pixels")

    def model(self) -> Box:
        return Box(x=self.x, y=self.y, width=self.width, height=self.height)


class ComposerSchema(Schema):
    """`[composer]` of a profile."""

    box: BoxSchema = Field(description="where prompts are written, from the window's top left corner")
    background: Colour = Field(description='the colour of the empty composer, "#rrggbb"')
    caret_px: Annotated[int, Field(ge=0, le=1_000_000)] = 120
    role: Annotated[str, Field(max_length=100)] = ""
    label: Annotated[str, Field(max_length=200)] = ""

    def model(self) -> Composer:
        return Composer(
            box=self.box.model(),
            background=self.background,
            caret_px=self.caret_px,
            role=self.role,
            label=self.label,
        )


class AccessibleSchema(Schema):
    """`accessible` of a dialog, of `[busy]` or of `[idle]`: `{ role = "dialog", name = "Run", text = "rm" }`."""

    role: Role = Field(description='what the object is on the accessibility bus, for example "dialog"')
    name: Pattern | None = None
    text: Pattern | None = None

    def model(self) -> Accessible:
        return Accessible(role=self.role, name=self.name or "", text=self.text or "")


Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class SignSchema(Schema):
    """`sign` of a dialog."""

    box: BoxSchema = Field(description="where the sign appears, from the window's top left corner")
    colour: Colour = Field(description='the colour of the sign, "#rrggbb"')
    share: Share = 0.2

    def model(self) -> Sign:
        return Sign(box=self.box.model(), colour=self.colour, share=self.share)


class StateSchema(Schema):
    """`[busy]` or `[idle]` of a profile: a colour in a box, an object on the accessibility bus, or both."""

    box: BoxSchema | None = None
    colour: Colour | None = None
    share: Share = 0.2
    accessible: AccessibleSchema | None = None

    def sign(self) -> Sign | None:
        if self.box is None or self.colour is None:
            return None
        return Sign(box=self.box.model(), colour=self.colour, share=self.share)

    def told(self) -> Accessible | None:
        return self.accessible.model() if self.accessible else None


class TranscriptSchema(Schema):
    """`[transcript]` of a profile."""

    box: BoxSchema = Field(description="where what was said stands, from the window's top left corner")
    copy_chords: Annotated[Chords, Field(alias="copy", min_length=1)] = Field(default=["ctrl+a", "ctrl+c"])
    role: Annotated[str, Field(max_length=60)] = ""
    answers: bool = True
    complete: bool = Field(description="true only if a copy was seen to hold the last 50 messages all, else false")

    def model(self) -> Transcript:
        return Transcript(
            box=self.box.model(),
            copy=tuple(self.copy_chords),
            role=self.role,
            answers=self.answers,
            complete=self.complete,
        )


class PressSchema(Schema):
    """One entry of `[acts]`: a chord, also written as that alone, or a point to click and the button around it."""

    chord: Chord | None = None
    x: Place | None = None
    y: Place | None = None
    anchor: BoxSchema | None = None

    def model(self) -> Press:
        if self.chord is not None or self.x is None or self.y is None:
            return Press(chord=self.chord or "")
        return Press(at=(self.x, self.y), anchor=self.anchor.model() if self.anchor else None)


AnyPress = Annotated[PressSchema, BeforeValidator(lambda given: {"chord": given} if isinstance(given, str) else given)]


class ActsSchema(Schema):
    """`[acts]` of a profile: how each act is done."""

    interrupt: AnyPress | None = None
    approve: AnyPress | None = None
    deny: AnyPress | None = None
    continue_: Annotated[AnyPress | None, Field(alias="continue")] = None

    def given(self) -> dict[Act, PressSchema]:
        """Those that the profile names."""
        found = {
            Act.INTERRUPT: self.interrupt,
            Act.APPROVE: self.approve,
            Act.DENY: self.deny,
            Act.CONTINUE: self.continue_,
        }
        return {act: press for act, press in found.items() if press is not None}

    def model(self) -> dict[Act, Press]:
        return {act: press.model() for act, press in self.given().items()}


class LikenessSchema(Schema):
    """`picture` of a dialog."""

    file: FileName = Field(description="a PNG file beside the profile, as large as the box")
    box: BoxSchema = Field(description="where it appears, from the window's top left corner")


class ModalSchema(Schema):
    """`window` of a dialog: a window of its own."""

    match_class: Class = Field(description="regular expression for the whole class part of its WM_CLASS")
    title: Title = Field(description="regular expression for a part of its title")

    def model(self) -> Modal:
        return Modal(match_class=self.match_class, title=self.title)


class DialogSchema(Schema):
    """One `[[dialogs]]` table of a profile."""

    shows: Literal["needs_input", "error", "limited"] = Field(
        description='what it means, "needs_input", "error" or "limited"'
    )
    answers: Annotated[list[Annotated[Act, Field(strict=False)]], Field(max_length=10)] = Field(default=[])
    box: BoxSchema | None = None
    sign: SignSchema | None = None
    picture: LikenessSchema | None = None
    accessible: AccessibleSchema | None = None
    window: ModalSchema | None = None
    acts: ActsSchema = Field(default_factory=ActsSchema)

    def model(self, pictures: Mapping[str, bytes]) -> Dialog:
        """`pictures` by their file names."""
        seen = self.picture
        return Dialog(
            shows=Activity(self.shows),
            answers=tuple(self.answers),
            box=self.box.model() if self.box else None,
            sign=self.sign.model() if self.sign else None,
            picture=Likeness(box=seen.box.model(), png=pictures.get(seen.file, b"")) if seen else None,
            accessible=self.accessible.model() if self.accessible else None,
            window=self.window.model() if self.window else None,
            acts=self.acts.model(),
        )


class ProfileSchema(Schema):
    """A file in config/profiles."""

    match_class: Class = Field(description="regular expression for the whole class part of WM_CLASS")
    composer: ComposerSchema = Field(description="a table with the box and background of where prompts are written")
    anchor: BoxSchema = Field(description="a box around a part of the window that always looks the same")
    paste: Chord = Field(description='the chord that pastes, for example "ctrl+v"')
    selection: Annotated[Selection, Field(strict=False)] = Field(description='what it pastes, "clipboard" or "primary"')
    submit: Chord = Field(description='the chord that sends the prompt, for example "enter"')
    newline: Annotated[Newline, Field(strict=False)] = Field(
        description='what becomes of a newline in a prompt, "keep", "collapse" or "refuse"'
    )
    readback: Annotated[
        list[Annotated[Readback, Field(strict=False)]], Field(min_length=1, max_length=4), BeforeValidator(_as_list)
    ] = Field(
        description='how the text is read back before it is sent: "accessibility", "copy", "pixels" or "none", or '
        "several of them in the order in which they are tried"
    )
    unproven: bool = False
    focus: Annotated[Focus, Field(strict=False)] = Focus.CLICK
    paste_reads: Annotated[int, Field(ge=1, le=20)] = 1
    normalise: Annotated[Normalise, Field(strict=False)] = Field(
        description='which differences are the program\'s habit, "raw", "nl", "nbsp" or "lines"'
    )
    max_chars: Annotated[int, Field(ge=500, le=100_000)] = 20_000
    clear: Annotated[Chords, Field(min_length=1)] = Field(
        description='the chords that empty the composer, for example ["ctrl+a", "backspace"]'
    )
    busy: StateSchema | None = None
    idle: StateSchema | None = None
    idle_ms: Annotated[Milliseconds, Field(ge=100)] = 600
    acts: ActsSchema = Field(default_factory=ActsSchema)
    dialogs: Annotated[list[DialogSchema], Field(max_length=50)] = Field(default=[])
    confirm: Annotated[list[Annotated[Confirm, Field(strict=False)]], Field(min_length=1, max_length=10)] = Field(
        description='what must be seen after sending, for example ["composer_empty"]'
    )
    copy_chords: Annotated[Chords, Field(alias="copy", min_length=1)] = Field(default=["ctrl+a", "ctrl+c"])
    after_copy: Chords = Field(default=["ctrl+end"])
    landed_ms: Annotated[Milliseconds, Field(ge=1)] = 600
    settle_ms: Milliseconds = 0
    confirm_ms: Annotated[Milliseconds, Field(ge=1)] = 2500
    queues: bool = False
    transcript: TranscriptSchema | None = None
    masks: Annotated[list[BoxSchema], Field(max_length=50)] = Field(default=[])
    whole_window: bool = False

    def model(self, name: str, pictures: Mapping[str, bytes]) -> Profile:
        """`pictures` by their file names."""
        return Profile(
            name=name,
            match_class=self.match_class,
            composer=self.composer.model(),
            anchor=self.anchor.model(),
            paste=self.paste,
            selection=self.selection,
            submit=self.submit,
            newline=self.newline,
            readback=tuple(self.readback),
            focus=self.focus,
            paste_reads=self.paste_reads,
            normalise=self.normalise,
            max_chars=self.max_chars,
            clear=tuple(self.clear),
            busy=self.busy.sign() if self.busy else None,
            busy_told=self.busy.told() if self.busy else None,
            confirm=frozenset(self.confirm),
            copy=tuple(self.copy_chords),
            after_copy=tuple(self.after_copy),
            landed_ms=self.landed_ms,
            settle_ms=self.settle_ms,
            confirm_ms=self.confirm_ms,
            queues=self.queues,
            transcript=self.transcript.model() if self.transcript else None,
            idle=self.idle.sign() if self.idle else None,
            idle_told=self.idle.told() if self.idle else None,
            idle_ms=self.idle_ms,
            acts=self.acts.model(),
            dialogs=tuple(dialog.model(pictures) for dialog in self.dialogs),
            masks=tuple(one.model() for one in self.masks),
            whole_window=self.whole_window,
        )
