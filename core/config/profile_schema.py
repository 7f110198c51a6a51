"""What a file in config/profiles may hold. What only shows together is in `config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

from pydantic import BeforeValidator, Field

from core.config.profile_parts import (
    ActsSchema,
    BoxSchema,
    ComposerSchema,
    DialogSchema,
    NewChatSchema,
    StateSchema,
    TerminalSchema,
    TranscriptSchema,
)
from core.kit.schemas import DRAFT, Schema
from core.profiles.model import (
    Act,
    Confirm,
    Focus,
    Newline,
    Normalise,
    Press,
    Profile,
    Readback,
    Selection,
    TooLong,
)
from core.profiles.panes import PaneProfile
from core.profiles.value_types import Chord, Chords, Class, Milliseconds, Title


def _as_list(given: object) -> object:
    """One word stands for a list of one."""
    return [given] if isinstance(given, str) else given


class ProfileSchema(Schema):
    """A file in config/profiles."""

    match_class: Class = Field(description="regular expression for the whole class part of WM_CLASS")
    match_program: Class | None = Field(
        default=None, description="regular expression for the whole name of the executable of its process"
    )
    match_title: Title | None = Field(
        default=None,
        description="regular expression for a part of the title; `octet calibrate` proposes the profile for no other",
    )
    composer: ComposerSchema = Field(description="a table with the box and background of where prompts are written")
    anchor: BoxSchema | None = Field(
        default=None,
        description="a box around a part of the window that always looks the same; left out where its class and title "
        "identify the window",
    )
    paste: Chord = Field(description='the chord that pastes, for example "ctrl+v"')
    selection: Annotated[Selection, Field(strict=False)] = Field(description='what it pastes, "clipboard" or "primary"')
    submit: Chord = Field(description='the chord that sends the prompt, for example "enter"')
    newline: Annotated[Newline, Field(strict=False)] = Field(
        description='what becomes of a newline in a prompt, "keep", "collapse" or "refuse"'
    )
    readback: Annotated[
        list[Annotated[Readback, Field(strict=False)]],
        Field(min_length=1, max_length=4),
        BeforeValidator(_as_list, json_schema_input_type=Readback | list[Readback]),
    ] = Field(
        description='how the text is read back before it is sent: "accessibility", "copy", "pixels" or "none", or '
        "several of them in the order in which they are tried"
    )
    allow_unverified: bool = Field(
        default=False, description='must be true beside the read-back "none": what nobody reads back may be sent'
    )
    focus: Annotated[Focus, Field(strict=False)] = Field(
        default=Focus.CLICK,
        description='how the composer gets the focus, "click" or "grab_focus" (asked for over the accessibility bus)',
    )
    max_clipboard_reads: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1, description="how often the program reads the selection for one paste at most"
    )
    normalise: Annotated[Normalise, Field(strict=False)] = Field(
        description='which differences are the program\'s habit, "raw", "nl", "nbsp" or "lines"'
    )
    max_chars: Annotated[int, Field(ge=500, le=100_000)] = Field(
        default=20_000, description="the longest prompt in characters that is written there"
    )
    too_long: Annotated[TooLong, Field(strict=False)] = Field(
        default=TooLong.FILE,
        description='what becomes of a longer prompt, "file" (it goes into one that the prompt names), "split" (it '
        'comes in parts) or "refuse"',
    )
    tab: Annotated[Newline, Field(strict=False)] = Field(
        default=Newline.KEEP,
        description='what becomes of a tab in a prompt, "keep", "collapse" (to four blanks) or "refuse"',
    )
    forbidden_prefixes: Annotated[list[Annotated[str, Field(min_length=1, max_length=20)]], Field(max_length=20)] = (
        Field(
            default=[], description='what no text may begin with, for example ["/", "!"]: there it would be a command'
        )
    )
    clear: Annotated[list[Chord], Field(min_length=1, max_length=40)] = Field(
        description='the chords that empty the composer, for example ["ctrl+a", "backspace"]'
    )
    busy: StateSchema | None = Field(default=None, description="how it shows that the agent works")
    idle: StateSchema | None = Field(
        default=None, description="how it shows that the agent rests; a window that shows neither counts as unknown"
    )
    idle_ms: Annotated[Milliseconds, Field(ge=100)] = Field(
        default=600, description="milliseconds without the busy sign or any change before the agent counts as idle"
    )
    acts: ActsSchema = Field(default_factory=ActsSchema, description="what can be done to the agent, and how")
    new_chat: NewChatSchema | None = Field(default=None, description="how somebody begins a new conversation there")
    dialogs: Annotated[list[DialogSchema], Field(max_length=50)] = Field(
        default=[], description="what the window shows when its agent waits, met an error or reached a limit"
    )
    confirm: Annotated[list[Annotated[Confirm, Field(strict=False)]], Field(min_length=1, max_length=10)] = Field(
        description='what must be seen after sending, for example ["composer_empty"]'
    )
    copy_chords: Annotated[Chords, Field(alias="copy", min_length=1)] = Field(
        default=["ctrl+a", "ctrl+c"], description="chords that select all of the composer and copy it"
    )
    after_copy: Chords = Field(default=["ctrl+end"], description="chords that end the selection and change nothing")
    paste_timeout_ms: Annotated[Milliseconds, Field(ge=1)] = Field(
        default=600, description="milliseconds: the longest wait for the whole text to stand in the composer"
    )
    settle_ms: Milliseconds = Field(
        default=0, description="milliseconds of rest between an equal read-back and sending"
    )
    confirm_timeout_ms: Annotated[Milliseconds, Field(ge=1)] = Field(
        default=2500, description="milliseconds in which sending must show"
    )
    weak_by_emptying: bool = Field(
        default=True,
        description="whether a delivery counts as weak when its composer empties after Enter while Octet holds the "
        "user's keyboard and mouse and no other sign shows; false: it stays unknown, and Octet asks the user",
    )
    accepts_input_while_busy: bool = Field(
        default=False, description="whether the composer keeps for later what is sent while the agent works"
    )
    transcript: TranscriptSchema | None = Field(
        default=None, description="where what was said stands; left out where it cannot be copied"
    )
    masks: Annotated[list[BoxSchema], Field(max_length=50)] = Field(
        default=[], description="parts of the window that no picture shows"
    )
    store_full_window: bool = Field(default=False, description="whether receipts keep pictures of the whole window")
    follow_moved_window: bool = Field(
        default=False,
        description="whether a window that was moved is written into at its new place, as long as its class and title "
        "fit no other window and its anchor looks the same there",
    )
    terminal: TerminalSchema | None = Field(
        default=None, description="how the program looks on a terminal's screen, for agents in panes"
    )

    def model(self, name: str, pictures: Mapping[str, bytes]) -> Profile:
        """`pictures` by their file names."""
        return self.into(
            Profile,
            name=name,
            busy=self.busy.sign() if self.busy else None,
            busy_accessible=self.busy.told() if self.busy else None,
            idle=self.idle.sign() if self.idle else None,
            idle_accessible=self.idle.told() if self.idle else None,
            confirm=frozenset(self.confirm),
            copy=tuple(self.copy_chords),
            acts=self._acts(),
            dialogs=tuple(dialog.model(pictures) for dialog in self.dialogs),
        )

    def _acts(self) -> dict[Act, Press]:
        """What can be done to the agent. A new conversation only where one chord begins it: a text that is a command
        would have to be sent."""
        anew = self.new_chat.chord if self.new_chat else None
        return self.acts.model() | ({Act.NEW_CHAT: Press(chord=anew)} if anew else {})

    def pane(self, name: str) -> PaneProfile | None:
        """How its program is driven in a terminal's pane, where only chords can be pressed."""
        if self.terminal is None:
            return None
        acts = {act: press for act, press in self._acts().items() if press.chord}
        return PaneProfile(
            name=name,
            submit=self.submit,
            newline=self.newline,
            normalise=Normalise.BLANKS,  # its program breaks lines as it likes, whatever a window of it does
            max_chars=self.max_chars,
            too_long=self.too_long,
            forbidden_prefixes=tuple(self.forbidden_prefixes),
            clear=tuple(self.clear),
            paste_timeout_ms=self.paste_timeout_ms,
            settle_ms=self.settle_ms,
            confirm_timeout_ms=self.confirm_timeout_ms,
            accepts_input_while_busy=self.accepts_input_while_busy,
            idle_ms=self.idle_ms,
            acts=acts,
            terminal=self.terminal.model(),
        )


TABLES: Mapping[str, type[Schema]] = {
    "composer": ComposerSchema,
    "busy": StateSchema,
    "idle": StateSchema,
    "transcript": TranscriptSchema,
    "acts": ActsSchema,
    "terminal": TerminalSchema,
}
"""Tables of a profile whose keys are values of their own; every other value is one, whole."""


def _keys(schema: type[Schema]) -> list[str]:
    return [known.alias or name for name, known in schema.model_fields.items()]


EVERY = "*"
"""In [sources]: all values that have no mark of their own."""
PATHS = frozenset(_keys(ProfileSchema)) | {
    f"{table}.{key}" for table, schema in TABLES.items() for key in _keys(schema)
}
"""Every value that a profile can have, by its path."""


class EnabledSchema(Schema):
    """`enabled` of a profile that ships disabled."""

    by: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="who said yes")
    at: Annotated[str, Field(min_length=1, max_length=40)] = Field(description="when, in UTC")


Words = Annotated[str, Field(min_length=1, max_length=500)]


class ProfileFileSchema(ProfileSchema):
    """A file in config/profiles: how one kind of window is driven, and how much of that is known."""

    disabled: Words | None = Field(default=None, description="why this profile may not be used without its owner's yes")
    enabled: EnabledSchema | None = Field(default=None, description="who said yes to that, and when")
    sources: dict[str, Words] = Field(default={}, description="where each value is known from, by its path")
    calibrate: dict[str, Words] = Field(
        default={}, description="what is measured at each person's own window, by its path, and what it is"
    )


def json_schema() -> dict[str, object]:
    """What editors need to complete and check a profile. A profile that leaves values to be measured lacks some, so no
    key is required here; `octet check` says which are."""
    found = ProfileFileSchema.model_json_schema()
    found.pop("required", None)
    cast("dict[str, dict[str, object]]", found["$defs"])["ComposerSchema"].pop("required", None)
    return {"$schema": DRAFT, **found, "title": "A profile of Octet: how one kind of window is driven"}
