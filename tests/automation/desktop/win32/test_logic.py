"""What the driver concludes from what Windows says: who a window is, what covers it, who may be typed into, whose input
it was, and what becomes of the clipboard. (On Windows itself `octet desk selftest` proves it with real windows.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.desktop.target.clipboard_backup import ClipboardBackup
from automation.desktop.win32.api import C
from automation.desktop.win32.clipboard import MARK, SECRETS, UNSEEN, WindowsClipboard
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.windows import Win32Windows
from automation.desktop.worker import user_presence
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.desks.model import InputSource, ScreenCorner, UserActivityPolicy
from core.profiles.model import Box
from tests.fakes import win32
from tests.fakes.win32 import HIGH, FakeBoard, FakeDesktop, Made, Shared

TARGET, OTHER = 7, 8


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    made = Shared()
    monkeypatch.setattr(win32, "SHARED", made)
    return made


@pytest.fixture
def clipboard(shared: Shared) -> Iterator[WindowsClipboard]:
    made = _clipboard()
    yield made
    made.close()


def _clipboard(safe: ClipboardBackup | None = None) -> WindowsClipboard:
    whose = {70: TARGET, 80: OTHER, 99: 1}
    return WindowsClipboard(process_of=lambda window: whose.get(window, 0), safe=safe, board=FakeBoard)  # pyright: ignore[reportArgumentType] a fake of it


def test_a_window_is_known_by_its_program_whose_toolkit_gives_all_the_same_class() -> None:
    desktop = FakeDesktop(Made(id=1), Made(id=2, process=9, program="Code"), Made(id=3, process=10, is_shown=False))
    windows = Win32Windows(desktop)
    assert [seen.id for seen in windows.find("Cursor", "work")] == [1]
    assert [seen.kind for seen in windows.all()] == ["Cursor", "Code"], "what was never shown is no window"
    (unknown,) = Win32Windows(FakeDesktop(Made(id=1, program="", kind="Notepad"))).all()
    assert unknown.kind == "Notepad", "what may not be asked for its program is known by its class"


@pytest.mark.parametrize(
    ("above", "covers"),
    [
        (Made(id=2, box=Box(x=450, y=350, width=100, height=100)), True),
        (Made(id=2, box=Box(x=500, y=100, width=100, height=100)), False),
        (Made(id=2, is_minimised=True), False),
        (Made(id=2, is_cloaked=True), False),
        (Made(id=2, is_seen_through=True), False),
        (Made(id=2, is_shown=False), False),
    ],
)
def test_only_what_is_drawn_over_it_and_takes_clicks_covers_a_window(above: Made, *, covers: bool) -> None:
    windows = Win32Windows(FakeDesktop(above, Made(id=1), Made(id=3)))
    target = windows.see(1)
    assert target is not None
    cover = windows.find_cover(target)
    assert (cover is not None and cover.id == 2) is covers


def test_a_window_with_more_rights_and_one_that_hangs_are_refused_with_the_reason() -> None:
    windows = Win32Windows(
        FakeDesktop(Made(id=1, rights=HIGH), Made(id=2, process=9, is_hung=True), Made(id=3, process=5))
    )
    for window, why in ((1, "administrator"), (2, "does not answer")):
        with pytest.raises(PermanentFailure, match=why):
            windows.check_reachable(window)
    windows.check_reachable(3)


def test_a_place_between_two_monitors_is_on_no_monitor_and_left_of_the_first_is_negative() -> None:
    desktop = FakeDesktop()
    desktop.seats = [Box(x=-1280, y=200, width=1280, height=720), Box(x=0, y=0, width=1920, height=1080)]
    windows = Win32Windows(desktop)
    assert windows.screen() == Box(x=-1280, y=0, width=3200, height=1080)
    assert windows.is_on_monitors(Box(x=-1280, y=200, width=400, height=300))
    assert windows.is_on_monitors(Box(x=-100, y=300, width=200, height=100)), "over the edge of both is seen whole"
    assert not windows.is_on_monitors(Box(x=-400, y=50, width=300, height=300)), "above the smaller one is nothing"


def test_a_locked_screen_and_an_open_menu_take_the_keys() -> None:
    desktop = FakeDesktop(Made(id=1))
    windows = Win32Windows(desktop)
    assert not windows.is_keyboard_taken()
    desktop.menu = True
    assert windows.is_keyboard_taken()
    assert windows.is_pointer_taken()
    desktop.menu, desktop.locked = False, True
    assert windows.is_keyboard_taken()
    assert not windows.is_pointer_taken()


def test_the_text_is_only_promised_who_reads_it_is_noted_and_histories_are_asked_to_keep_nothing(
    clipboard: WindowsClipboard, shared: Shared
) -> None:
    offer = clipboard.offer("one\ntwo")
    assert shared.data[C.CF_UNICODETEXT] is None, "no program asked yet"
    assert {shared.data[shared.names[name]] for name in UNSEEN} == {b"\0\0\0\0"}
    assert shared.read_by(70) == "one\r\ntwo"
    assert offer.readers == [TARGET]
    assert offer.read_s > 0
    shared.read_by(80)
    assert offer.readers == [TARGET], "what was given once Windows keeps"
    offer = clipboard.offer("text")
    shared.read_by(0)
    assert offer.readers == [0], "a reader that does not say who it is is no receipt"


def test_all_formats_of_a_person_are_given_back(clipboard: WindowsClipboard, shared: Shared) -> None:
    persons: dict[int, bytes | None] = {13: "words\0".encode("utf-16-le"), 0xC123: b"<b>words</b>", 8: b"a picture"}
    shared.data, shared.owner = dict(persons), 80
    clipboard.keep()
    clipboard.offer("ours")
    clipboard.restore_clipboard()
    assert {kind: data for kind, data in shared.data.items() if kind in persons} == persons


def test_what_a_person_copied_meanwhile_is_left_to_them(clipboard: WindowsClipboard, shared: Shared) -> None:
    shared.put_by(80, text="before")
    offer = clipboard.offer("ours")
    shared.put_by(80, text="copied just now")
    assert offer.is_lost
    clipboard.restore_clipboard()
    assert shared.read_by(0) == "copied just now"


def test_what_the_target_copied_for_us_is_read_and_then_the_persons_comes_back(
    clipboard: WindowsClipboard, shared: Shared
) -> None:
    shared.put_by(80, text="a person's")
    clipboard.offer("ours")
    since = clipboard.expect_copy(TARGET)
    assert clipboard.copied(since, 0.01) is None, "nothing was copied yet"
    shared.put_by(70, text="ours\r\nread back")
    assert clipboard.copied(since, 0.5) == ("ours\nread back", TARGET)
    clipboard.restore_clipboard()
    assert shared.read_by(0) == "a person's"
    clipboard.offer("ours")
    clipboard.expect_copy(TARGET)
    shared.put_by(70, text="ours, late")  # after we gave up waiting
    clipboard.restore_clipboard()
    assert shared.read_by(0) == "a person's"


def test_a_paste_that_is_read_late_finds_nothing_once_our_draft_is_being_cleared(
    clipboard: WindowsClipboard, shared: Shared
) -> None:
    shared.put_by(80, text="a person's")
    clipboard.offer("ours")
    clipboard.drop()
    assert shared.read_by(70) is None
    clipboard.restore_clipboard()
    assert shared.read_by(0) == "a person's"


@pytest.mark.parametrize("newer", ["", "newer"], ids=["nothing newer", "somebody copied meanwhile"])
def test_what_could_not_be_given_back_is_owed_unless_a_person_copied_meanwhile(
    clipboard: WindowsClipboard, shared: Shared, newer: str
) -> None:
    shared.put_by(80, text="a person's")
    shared.held_by_another = True
    with pytest.raises(TransientFailure):
        clipboard.keep()
    shared.held_by_another = False
    clipboard.offer("ours")
    shared.held_by_another = True
    with pytest.raises(TransientFailure):
        clipboard.restore_clipboard()
    shared.held_by_another = False
    if newer:
        shared.put_by(80, text=newer)
    clipboard.offer("ours, once more")
    clipboard.restore_clipboard()
    assert shared.read_by(0) == (newer or "a person's")


@pytest.mark.parametrize("newer", ["", "newer"], ids=["nothing newer", "somebody copied since"])
def test_the_next_worker_gives_back_what_a_killed_one_could_not_unless_a_person_copied_since(
    shared: Shared, tmp_path: Path, newer: str
) -> None:
    safe = ClipboardBackup(tmp_path / "safe" / "clipboard", "session")
    shared.put_by(80, text="a person's")
    _clipboard(safe).offer("ours")
    assert shared.names[MARK] in shared.data
    shared.owner = 0  # its window is gone with it
    if newer:
        shared.put_by(80, text=newer)
    _clipboard(safe).close()
    assert shared.read_by(0) == (newer or "a person's")


def test_what_a_password_manager_copied_is_given_back_and_never_written_down(shared: Shared, tmp_path: Path) -> None:
    safe = ClipboardBackup(tmp_path / "safe" / "clipboard", "session")
    clipboard = _clipboard(safe)
    for text, names, is_written in (("open", (), True), ("hidden", SECRETS[:1], False), ("open again", (), True)):
        shared.put_by(80, text=text)
        shared.data |= {shared.names.setdefault(name, 50_000 + len(shared.names)): b"\0" for name in names}
        for _ in range(2):  # what Octet put back bears marks of its own: they make no secret of it, nor hide that it is
            clipboard.offer("ours")
            assert (safe.get() is not None) is is_written, text
            clipboard.restore_clipboard()
            assert shared.read_by(0) == text
    clipboard.close()


class _Heard(WindowsUserInput):
    """Without the hook: a test says what it would hear."""

    def _listen(self) -> None:
        self._begun.set()

    def _watch(self) -> None:
        return


def _people(desktop: FakeDesktop, *, counts_injected: bool = False) -> tuple[_Heard, list[str]]:
    stops: list[str] = []
    made = _Heard(
        desktop,
        ours=42,
        is_ours=lambda _: False,
        user_activity=UserActivityPolicy(
            kill_switch_keys=("ctrl+alt+end",),
            kill_switch_corner=ScreenCorner.TOP_RIGHT,
            input_source=InputSource.OTHERS if counts_injected else InputSource.DEVICES,
        ),
        stopped=stops.append,
    )
    return made, stops


@pytest.mark.parametrize(
    ("counts_injected", "key", "is_heard"),
    [
        (False, {"is_injected": True, "word": 0}, False),
        (False, {"is_injected": False, "word": 0}, True),
        (True, {"is_injected": True, "word": 0}, True),
        (True, {"is_injected": True, "word": 42}, False),
    ],
    ids=["injected", "a person's", "injected, which shall count", "our own"],
)
def test_keys_that_programs_inject_are_no_persons_unless_they_shall_count(
    key: dict[str, Any], *, counts_injected: bool, is_heard: bool
) -> None:
    people, _ = _people(FakeDesktop(), counts_injected=counts_injected)
    before = time.monotonic()
    people.note_key(0x41, is_down=True, **key)
    assert people.typed_since(before) is is_heard


def test_the_stop_chord_is_heard_from_a_persons_keys_alone_left_or_right() -> None:
    people, stops = _people(FakeDesktop())
    for keys, is_injected in (((0x11, 0x12, 0x23), True), ((0xA3, 0xA4, 0x23), False)):
        assert not stops
        for key in keys:
            people.note_key(key, is_down=True, is_injected=is_injected, word=0)
    assert len(stops) == 1


def test_a_mouse_is_known_by_windows_own_time_of_the_last_input() -> None:
    desktop = FakeDesktop()
    people, _ = _people(desktop)
    moment = time.monotonic() - 0.01
    desktop.idle = 0.0
    assert people.typed_since(moment)


def test_a_corner_is_one_of_each_monitor() -> None:
    assert user_presence.is_corner(ScreenCorner.TOP_RIGHT, 1919, 0, 1920, 1080)
    assert not user_presence.is_corner(ScreenCorner.TOP_RIGHT, 0, 0, 1920, 1080)
    assert not user_presence.is_corner(ScreenCorner.NONE, 0, 0, 1920, 1080)
