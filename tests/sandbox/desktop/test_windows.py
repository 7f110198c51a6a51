"""The real desktop, held against config/: every window at its place, looking and behaving as its profile says."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.config.desks import DeskFiles, read_desks
from core.desks.model import Window
from core.profiles.model import Act, Activity, Box, Profile
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.sandbox.desktop.eyes import LIMIT_S, Eyes, Offer, environment, keys, until

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).resolve().parents[3]
TK, TERMINAL = "agent-1", "agent-5"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desktop() -> AsyncIterator[DesktopSession]:
    async with open_desktop(work_seconds=1.0) as session:
        with environment(session.environment):
            yield session


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eyes(desktop: DesktopSession) -> AsyncIterator[Eyes]:
    eyes = Eyes(desktop.display)
    yield eyes
    eyes.close()


@pytest.fixture(scope="module")
def files() -> DeskFiles:
    problems: list = []
    found = read_desks(ROOT, problems)
    assert problems == []
    return found


def one(files: DeskFiles, name: str) -> tuple[Window, Profile]:
    (desk,) = files.desks
    window = next(window for window in desk.windows if window.name == name)
    return window, files.profiles[window.profile]


def fake_octet(folder: Path) -> tuple[Path, Path]:
    """A program that stands for octet: keeps its words and the answer, and says a line."""
    program, kept = folder / "octet", folder / "kept"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"kept = pathlib.Path({str(kept)!r})\n"
        "answer = pathlib.Path(sys.argv[sys.argv.index('--file') + 1]).read_text(encoding='utf-8')\n"
        "kept.with_suffix('.part').write_text('\\0'.join([*sys.argv[1:], answer]), encoding='utf-8')\n"
        "kept.with_suffix('.part').rename(kept)\n"
        "print('received')\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, kept


def briefing(body: str, command: str) -> str:
    ending = "(or the MCP tool report_done; no shell? write the answer between <<<k3v9x2qa and k3v9x2qa>>>)"
    header = "[D2A] hub → Agent-3 · task T-142 · P1"
    return f"{header}\n{body}\nWhen finished:  {command} done T-142 --code k3.7F3K --file answer.md     {ending}"


async def click(desktop: DesktopSession, eyes: Eyes, window: Window, profile: Profile) -> None:
    """Click into the composer, unless it is active, and wait until the window is.

    A third click at one place within half a second would select a line, and with it take the selection over.
    """
    (number,) = eyes.matching(window, profile)
    if eyes.active() == number:
        return
    box = profile.composer.box
    x, y = window.box.x + box.x + box.width // 2, window.box.y + box.y + box.height // 2
    keys(desktop.environment, "mousemove", str(x), str(y), "click", "1")
    await until(lambda: eyes.active() == number)


async def paste(desktop: DesktopSession, eyes: Eyes, window: Window, profile: Profile, text: str) -> None:
    """Put `text` into the window's composer as the driver would, and wait until it is drawn."""
    Offer(desktop.display, selection=profile.selection, text=text).start()
    await click(desktop, eyes, window, profile)
    keys(desktop.environment, "key", profile.paste.replace("insert", "Insert"))
    composer = profile.composer
    await until(lambda: eyes.others(window.box, composer.box, composer.background) > composer.caret_px)


async def hears(desktop: DesktopSession, name: str, *texts: str) -> None:
    """Wait until these were the last ones that its agent got; how long it works on them nobody has to see."""
    async with asyncio.timeout(LIMIT_S):
        while (await desktop.heard(name))[-len(texts) :] != list(texts):  # noqa: ASYNC110 - its window does not tell
            await asyncio.sleep(0.02)


def is_busy(eyes: Eyes, window: Window, profile: Profile) -> bool:
    assert profile.busy.sign is not None
    return eyes.share(window.box, profile.busy.sign.box, profile.busy.sign.colour) >= profile.busy.sign.share


async def test_every_window_of_main_toml_stands_alone_at_its_place(eyes: Eyes, files: DeskFiles) -> None:
    (desk,) = files.desks
    assert len(desk.windows) == 8
    for window in desk.windows:
        (found,) = eyes.matching(window, files.profiles[window.profile])
        assert eyes.box(found) == window.box, window.name


async def test_ready_line_says_what_stands_on_the_screen(desktop: DesktopSession, eyes: Eyes, files: DeskFiles) -> None:
    for told in desktop.windows:
        window, profile = one(files, told.name)
        (found,) = eyes.matching(window, profile)
        assert told.class_name == eyes.class_name(found)
        assert told.title == eyes.title(found)
        assert told.box.as_list() == [window.box.x, window.box.y, window.box.width, window.box.height]


async def test_idle_window_has_an_empty_composer_and_no_busy_sign(eyes: Eyes, files: DeskFiles) -> None:
    for name in (f"agent-{number}" for number in range(1, 9)):
        window, profile = one(files, name)
        composer = profile.composer
        assert eyes.others(window.box, composer.box, composer.background) <= composer.caret_px, name
        assert not is_busy(eyes, window, profile), name


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_a_focused_empty_composer_differs_by_its_caret_at_most_and_stands_still(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    composer = profile.composer
    before = eyes.picture(window.box, composer.box).tobytes()
    was_active = [eyes.active()] == eyes.matching(window, profile)
    await click(desktop, eyes, window, profile)
    await until(lambda: was_active or eyes.picture(window.box, composer.box).tobytes() != before)
    focused = eyes.picture(window.box, composer.box).tobytes()
    assert 0 < eyes.others(window.box, composer.box, composer.background) <= composer.caret_px
    for _ in range(15):  # longer than any caret's blink
        await asyncio.sleep(0.1)
        assert eyes.picture(window.box, composer.box).tobytes() == focused


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_prompt_sent_by_keys_is_worked_on_and_answered_through_its_done_line(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles, tmp_path: Path
) -> None:
    window, profile = one(files, name)
    program, kept = fake_octet(tmp_path)
    body = "Review the retry logic.\n\n\tSay what its tests lack: 日本語, שלום, 👩‍🚀."
    prompt = briefing(body, f"{sys.executable} {program}")
    assert profile.anchor is not None
    anchor = eyes.picture(window.box, profile.anchor).tobytes()
    heard = len(await desktop.heard(name))
    await paste(desktop, eyes, window, profile, prompt)
    keys(desktop.environment, "key", "Return")
    await until(lambda: is_busy(eyes, window, profile))
    composer = profile.composer
    await until(lambda: eyes.others(window.box, composer.box, composer.background) <= composer.caret_px)
    assert eyes.picture(window.box, profile.anchor).tobytes() == anchor
    await until(kept.exists)
    await until(lambda: not is_busy(eyes, window, profile))
    assert eyes.picture(window.box, profile.anchor).tobytes() == anchor
    assert (await desktop.heard(name))[heard:] == [prompt]
    *words, answer = kept.read_text(encoding="utf-8").split("\0")
    assert words == ["done", "T-142", "--code", "k3.7F3K", "--file", "answer.md"]
    assert "Review the retry logic." in answer
    assert hashlib.sha256(body.encode()).hexdigest() in answer


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_typed_line_without_a_done_line_is_heard_and_sent_nowhere(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    await until(lambda: not is_busy(eyes, window, profile))
    await click(desktop, eyes, window, profile)
    keys(desktop.environment, "type", "--delay", "5", "hello from a keyboard")
    keys(desktop.environment, "key", "Return")
    await hears(desktop, name, "hello from a keyboard")
    await until(lambda: not is_busy(eyes, window, profile))


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_longest_prompt_lands_whole_within_the_profiles_limit(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    await until(lambda: not is_busy(eyes, window, profile))
    line = "a line — with 日本 and “quotes”, 0123456789\n"
    prompt = ("demo: wait 0.3\n" + line * 1_000)[: profile.max_chars - 1] + "."
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await paste(desktop, eyes, window, profile, prompt)
    took = loop.time() - begun
    keys(desktop.environment, "key", "Return")
    await hears(desktop, name, prompt)
    await until(lambda: not is_busy(eyes, window, profile))
    print(f"{name}: {len(prompt)} characters pasted and drawn in {took * 1000:.0f} ms")


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_the_clearing_chords_empty_the_composer(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    composer = profile.composer
    await until(lambda: not is_busy(eyes, window, profile))
    await paste(desktop, eyes, window, profile, "an old draft\nof two lines")
    for chord in profile.clear:
        keys(desktop.environment, "key", chord.replace("backspace", "BackSpace"))
    await until(lambda: eyes.others(window.box, composer.box, composer.background) <= composer.caret_px)


async def test_what_the_terminal_gets_while_it_works_is_kept_and_done_afterwards(
    desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, TERMINAL)
    assert profile.accepts_input_while_busy
    composer = profile.composer
    await until(lambda: not is_busy(eyes, window, profile))
    heard = len(await desktop.heard(TERMINAL))
    texts = ("demo: wait 1.5", "demo: wait 0.2\nkept", "demo: wait 0.2\nkept too")
    for text in texts:
        await paste(desktop, eyes, window, profile, text)
        keys(desktop.environment, "key", "Return")
        await until(lambda: eyes.others(window.box, composer.box, composer.background) <= composer.caret_px)
    await hears(desktop, TERMINAL, *texts)
    assert len(await desktop.heard(TERMINAL)) == heard + len(texts)
    await until(lambda: not is_busy(eyes, window, profile))


async def test_enter_while_the_chat_works_keeps_the_draft_and_sends_nothing(
    desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name := TK)
    assert not profile.accepts_input_while_busy
    composer = profile.composer
    await until(lambda: not is_busy(eyes, window, profile))
    await paste(desktop, eyes, window, profile, "demo: wait 600")
    keys(desktop.environment, "key", "Return")
    await until(lambda: is_busy(eyes, window, profile))
    heard = await desktop.heard(name)
    await paste(desktop, eyes, window, profile, "the next one, much too early")
    keys(desktop.environment, "key", "Return")
    do(desktop, window, profile, Act.INTERRUPT)
    await until(lambda: not is_busy(eyes, window, profile))
    assert await desktop.heard(name) == heard
    assert eyes.others(window.box, composer.box, composer.background) > composer.caret_px
    for chord in profile.clear:
        keys(desktop.environment, "key", chord.replace("backspace", "BackSpace"))


def shows(eyes: Eyes, window: Window, profile: Profile) -> Activity | None:
    """Which of the profile's dialogs is seen."""
    for dialog in profile.dialogs:
        sign = dialog.sign
        assert sign is not None
        if eyes.share(window.box, sign.box, sign.colour) >= sign.share:
            return dialog.shows
    return None


def is_resting(eyes: Eyes, window: Window, profile: Profile) -> bool:
    assert profile.idle.sign is not None
    return eyes.share(window.box, profile.idle.sign.box, profile.idle.sign.colour) >= profile.idle.sign.share


def do(desktop: DesktopSession, window: Window, profile: Profile, act: Act) -> None:
    press = profile.acts[act]
    if press.at is None:
        keys(desktop.environment, "key", {"esc": "Escape"}.get(press.chord, press.chord))
    else:
        x, y = window.box.x + press.at[0], window.box.y + press.at[1]
        keys(desktop.environment, "mousemove", str(x), str(y), "click", "1")


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_an_agent_asks_before_a_command_and_goes_on_as_it_is_answered(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles, tmp_path: Path
) -> None:
    window, profile = one(files, name)
    program, kept = fake_octet(tmp_path)
    prompt = briefing("demo: wait 0.1\nask: rm -r build", f"{sys.executable} {program}")
    for act, said in {Act.APPROVE: "approved", Act.DENY: "denied"}.items():
        await until(lambda: is_resting(eyes, window, profile))
        await paste(desktop, eyes, window, profile, prompt)
        keys(desktop.environment, "key", "Return")
        await until(lambda: shows(eyes, window, profile) is Activity.NEEDS_INPUT)
        await until(lambda: not is_busy(eyes, window, profile))
        assert not is_resting(eyes, window, profile)
        do(desktop, window, profile, act)
        await until(lambda: shows(eyes, window, profile) is None)
        await until(kept.exists)
        assert f"whether to run `rm -r build`: {said}" in kept.read_text(encoding="utf-8")
        kept.unlink()
    await until(lambda: is_resting(eyes, window, profile))


@pytest.mark.parametrize("name", [TK, TERMINAL])
async def test_an_error_and_a_limit_stand_there_until_the_agent_may_go_on_and_esc_ends_its_work(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    await until(lambda: is_resting(eyes, window, profile))
    await paste(
        desktop, eyes, window, profile, "demo: wait 0.1\ndemo: error no network\ndemo: limit until noon\nask: go"
    )
    keys(desktop.environment, "key", "Return")
    for activity in (Activity.ERROR, Activity.LIMITED):
        await until(lambda activity=activity: shows(eyes, window, profile) is activity)
        do(desktop, window, profile, Act.CONTINUE)
    await until(lambda: shows(eyes, window, profile) is Activity.NEEDS_INPUT)
    do(desktop, window, profile, Act.INTERRUPT)
    await until(lambda: is_resting(eyes, window, profile))
    assert shows(eyes, window, profile) is None


@pytest.mark.parametrize("name", ["agent-1", "agent-2"])
async def test_two_windows_share_a_class_and_their_titles_change_before_the_stable_part(
    name: str, desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, name)
    (number,) = eyes.matching(window, profile)
    before = eyes.title(number)
    await until(lambda: not is_busy(eyes, window, profile))
    await paste(desktop, eyes, window, profile, "demo: wait 600")
    keys(desktop.environment, "key", "Return")
    seen: set[str] = set()
    await until(lambda: seen.add(eyes.title(number)) or len(seen) > 3)
    do(desktop, window, profile, Act.INTERRUPT)
    await until(lambda: not is_busy(eyes, window, profile))
    assert eyes.matching(window, profile) == [number]
    await until(lambda: eyes.title(number) not in {before} | {t for t in seen if t[0] in "◐◓◑◒"})
    assert eyes.class_name(number) == "OctetChat"


async def test_a_paste_into_the_chat_window_replaces_the_selection(
    desktop: DesktopSession, eyes: Eyes, files: DeskFiles
) -> None:
    window, profile = one(files, TK)
    await until(lambda: not is_busy(eyes, window, profile))
    await paste(desktop, eyes, window, profile, "an old draft\nof two lines")
    Offer(desktop.display, selection="clipboard", text="the new draft").start()
    keys(desktop.environment, "key", "ctrl+a", "key", "ctrl+v", "key", "Return")
    await hears(desktop, TK, "the new draft")
    await until(lambda: not is_busy(eyes, window, profile))


async def test_window_boxes_leave_room_for_every_box_of_their_profile(files: DeskFiles) -> None:
    (desk,) = files.desks
    for window in desk.windows:
        profile = files.profiles[window.profile]
        assert profile.busy.sign is not None
        assert profile.anchor is not None
        parts: list[Box] = [profile.anchor, profile.composer.box, profile.busy.sign.box]
        for part in parts:
            assert part.x + part.width <= window.box.width
            assert part.y + part.height <= window.box.height
        assert not profile.anchor.overlaps(profile.busy.sign.box)
        assert not profile.composer.box.overlaps(profile.busy.sign.box)


def permissions(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


async def test_no_tcp_port_is_open_and_strangers_need_the_cookie(desktop: DesktopSession, tmp_path: Path) -> None:
    assert permissions(desktop.xauthority) == 0o600
    with environment({"XAUTHORITY": str(tmp_path / "none")}):
        stranger = await asyncio.create_subprocess_exec("xdotool", "getmouselocation", stderr=asyncio.subprocess.PIPE)
        _, complaint = await stranger.communicate()
    assert stranger.returncode != 0
    assert b"Authorization required" in complaint
    number = 6000 + int(desktop.display[1:])
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", number)
