"""The tables of a profile's file, key by key: boxes, signs, the composer, acts, dialogs, a terminal's screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from core.kit.schemas import Schema
from core.profiles.model import (
    Accessible,
    Act,
    Activity,
    Box,
    Composer,
    Dialog,
    Likeness,
    Modal,
    Press,
    Sign,
    Transcript,
)
from core.profiles.panes import Answerable, Terminal
from core.profiles.value_types import (
    Chord,
    Chords,
    Class,
    Colour,
    FileName,
    Length,
    Pattern,
    Place,
    Role,
    Title,
)


class BoxSchema(Schema):
    """A rectangle, written `{ x = 0, y = 0, width = 640, height = 400 }`."""

    x: Place = Field(description="its distance from the left edge, in pixels")
    y: Place = Field(description="its distance from the top edge, in pixels")
    width: Length = Field(description="how wide it is, in pixels")
    height: Length = Field(description="how high it is, in pixels")

    def model(self) -> Box:
        return self.into(Box)


class ComposerSchema(Schema):
    """`[composer]` of a profile."""

    box: BoxSchema = Field(description="where prompts are written, from the window's top left corner")
    background: Colour = Field(description='the colour of the empty composer, "#rrggbb"')
    caret_px: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=120, description="how many pixels may differ from the background in an empty composer: the caret"
    )
    has_placeholder: bool = Field(
        default=False,
        description="whether an empty composer shows a placeholder; `octet calibrate` keeps pictures of it, and they "
        "count as empty",
    )
    prompt: BoxSchema | None = Field(
        default=None,
        description="in a terminal: the prompt before what is written, as high as its line, where it stood when `octet "
        "calibrate` kept a picture of that line; the composer is then the lowest line that begins with it",
    )
    role: Annotated[str, Field(max_length=100)] = Field(
        default="",
        description='its role on the accessibility bus, such as "entry"; empty: whatever can be written into',
    )
    label: Annotated[str, Field(max_length=200)] = Field(
        default="", description="its name on the accessibility bus; empty: any"
    )

    def model(self) -> Composer:
        return self.into(Composer)


class AccessibleSchema(Schema):
    """`accessible` of a dialog, of `[busy]` or of `[idle]`: `{ role = "dialog", name = "Run", text = "rm" }`."""

    role: Role = Field(description='what the object is on the accessibility bus, for example "dialog"')
    name: Pattern | None = Field(default=None, description="regular expression for a part of what it is called")
    text: Pattern | None = Field(default=None, description="regular expression for a part of what stands in it")

    def model(self) -> Accessible:
        return self.into(Accessible)


Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class SignSchema(Schema):
    """`sign` of a dialog."""

    box: BoxSchema = Field(description="where the sign appears, from the window's top left corner")
    colour: Colour = Field(description='the colour of the sign, "#rrggbb"')
    share: Share = Field(default=0.2, description="the smallest part of the box that must have the colour, 0–1")

    def model(self) -> Sign:
        return self.into(Sign)


class StateSchema(Schema):
    """`[busy]` or `[idle]` of a profile: a colour in a box, an object on the accessibility bus, or both."""

    box: BoxSchema | None = Field(default=None, description="where the sign appears, from the window's corner")
    colour: Colour | None = Field(default=None, description='the colour of the sign, "#rrggbb"')
    share: Share = Field(default=0.2, description="the smallest part of the box that must have the colour, 0–1")
    accessible: AccessibleSchema | None = Field(
        default=None, description="what its program tells of over the accessibility bus then"
    )

    def sign(self) -> Sign | None:
        if self.box is None or self.colour is None:
            return None
        return self.into(Sign)

    def told(self) -> Accessible | None:
        return self.accessible.model() if self.accessible else None


class TranscriptSchema(Schema):
    """`[transcript]` of a profile."""

    box: BoxSchema = Field(description="where what was said stands, from the window's top left corner")
    copy_chords: Annotated[Chords, Field(alias="copy", min_length=1)] = Field(
        default=["ctrl+a", "ctrl+c"], description="chords that select all of it and copy it"
    )
    role: Annotated[str, Field(max_length=60)] = Field(
        default="", description="its role on the accessibility bus; empty: it is copied"
    )
    answers: bool = Field(
        default=True, description="whether agents may answer here, between the markers of their prompt"
    )
    complete: bool = Field(description="true only if a copy was seen to hold the last 50 messages all, else false")

    def model(self) -> Transcript:
        return self.into(Transcript, copy=tuple(self.copy_chords))


class PressSchema(Schema):
    """One entry of `[acts]`: a chord, also written as that alone, or a point to click and the button around it."""

    chord: Chord | None = Field(default=None, description="the chord to press")
    x: Place | None = Field(default=None, description="where to click, from the window's left edge")
    y: Place | None = Field(default=None, description="where to click, from the window's top edge")
    anchor: BoxSchema | None = Field(default=None, description="the button around that point")

    def model(self) -> Press:
        if self.chord is not None or self.x is None or self.y is None:
            return Press(chord=self.chord or "")
        return Press(at=(self.x, self.y), anchor=self.anchor.model() if self.anchor else None)


def _as_press(given: object) -> object:
    """A chord alone stands for a table with nothing else."""
    return {"chord": given} if isinstance(given, str) else given


AnyPress = Annotated[PressSchema, BeforeValidator(_as_press, json_schema_input_type=Chord | PressSchema)]


class ActsSchema(Schema):
    """`[acts]` of a profile: how each act is done."""

    interrupt: AnyPress | None = Field(default=None, description="stops the agent at any time")
    approve: AnyPress | None = Field(default=None, description="says yes to what it asks")
    deny: AnyPress | None = Field(default=None, description="says no to what it asks")
    continue_: Annotated[AnyPress | None, Field(alias="continue")] = Field(
        default=None, description="lets it go on after an error or a limit"
    )

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


class NewChatSchema(Schema):
    """`new_chat` of a profile: a chord, or a prompt that is a command."""

    chord: Chord | None = Field(default=None, description="the chord that begins a new conversation")
    prompt: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description='what is sent to begin one, for example "/clear"'
    )


class LikenessSchema(Schema):
    """`picture` of a dialog."""

    file: FileName = Field(description="a PNG file beside the profile, as large as the box")
    box: BoxSchema = Field(description="where it appears, from the window's top left corner")


class ModalSchema(Schema):
    """`window` of a dialog: a window of its own."""

    match_class: Class = Field(description="regular expression for the whole class part of its WM_CLASS")
    title: Title = Field(description="regular expression for a part of its title")

    def model(self) -> Modal:
        return self.into(Modal)


class DialogSchema(Schema):
    """One `[[dialogs]]` table of a profile."""

    shows: Literal["needs_input", "error", "limited"] = Field(
        description='what it means, "needs_input", "error" or "limited"'
    )
    answers: Annotated[list[Annotated[Act, Field(strict=False)]], Field(max_length=10)] = Field(
        default=[], description='the acts that answer it, for example ["approve", "deny"]'
    )
    box: BoxSchema | None = Field(default=None, description="the part of the window that people are shown")
    sign: SignSchema | None = Field(default=None, description="a colour in a box that is there then")
    picture: LikenessSchema | None = Field(default=None, description="a picture that is there then")
    accessible: AccessibleSchema | None = Field(
        default=None, description="what its program tells of over the accessibility bus then"
    )
    window: ModalSchema | None = Field(default=None, description="a window of its own")
    acts: ActsSchema = Field(default_factory=ActsSchema, description="how this very dialog is answered")

    def model(self, pictures: Mapping[str, bytes]) -> Dialog:
        """`pictures` by their file names."""
        seen = self.picture
        likeness = Likeness(box=seen.box.model(), png=pictures.get(seen.file, b"")) if seen else None
        return self.into(Dialog, shows=Activity(self.shows), picture=likeness)


class AnswerableSchema(Schema):
    """One `[[terminal.dialogs]]` table of a profile."""

    shows: Literal["needs_input", "error", "limited"] = Field(
        description='what it means, "needs_input", "error" or "limited"'
    )
    text: Pattern = Field(description="regular expression for what stands on the screen while it is there")
    answers: Annotated[list[Annotated[Act, Field(strict=False)]], Field(max_length=10)] = Field(
        default=[], description='the acts that answer it, for example ["approve", "deny"]'
    )
    acts: dict[Annotated[Act, Field(strict=False)], Chord] = Field(
        default={}, description="chords that answer it, where not those in [acts]"
    )
    within: Annotated[int, Field(ge=0, le=500)] = Field(
        default=0,
        description="so many lines that are not blank may stand between it and the composer, or the screen's end, as "
        "long as it counts; 0: any number",
    )

    def model(self) -> Answerable:
        return self.into(Answerable, shows=Activity(self.shows))


class TerminalSchema(Schema):
    """`[terminal]` of a profile: how its program looks on a terminal's screen."""

    prompt: Pattern | None = Field(
        default=None, description="regular expression for what stands before the text in the composer"
    )
    bar: Pattern | None = Field(
        default=None, description="the edge of all lines of the composer: the last ones in a row that have it are it"
    )
    end: Pattern | None = Field(default=None, description="the first line below that is no part of the composer")
    margin: Pattern | None = Field(default=None, description="what stands before the text in its further lines")
    tail: Pattern | None = Field(default=None, description="what stands after the text in its lines: a border")
    placeholder: Pattern | None = Field(default=None, description="what an empty composer shows instead of nothing")
    paste_placeholders: Annotated[list[Pattern], Field(max_length=20)] = Field(
        default=[], description="what stands there in place of a long paste; groups: lines, chars"
    )
    busy: Pattern | None = Field(default=None, description="what stands on the screen while the agent works")
    ready: Pattern | None = Field(default=None, description="what must stand there before anything is written")
    dialogs: Annotated[list[AnswerableSchema], Field(max_length=50)] = Field(
        default=[], description="what the screen shows when the agent waits, met an error or reached a limit"
    )
    command: Pattern | None = Field(default=None, description="the whole of what tmux calls the program in the pane")
    echo: Pattern | None = Field(default=None, description="what it writes before each line of a prompt that it took")
    masks: Annotated[list[Pattern], Field(max_length=50)] = Field(default=[], description="what no picture shows")
    answers: bool = Field(default=True, description="whether answers are read there, between the markers of a prompt")
    dim_is_placeholder: bool = Field(default=True, description="whether dim letters in the composer are no text")

    def model(self) -> Terminal:
        return self.into(Terminal, prompt=self.prompt or "")
