"""The demo's page in Chromium, driven by its profile; and what the demo says where something for it is missing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from automation.protocol.text import has_block
from core.config.desks import read_desks
from core.deliveries.model import Assurance, Result
from core.profiles.model import Act, Activity
from tests.automation.desktop.test_acts import asked, do, told
from tests.automation.desktop.test_demo_windows import PROMPTS, assert_holds, copied_out, demo
from tests.fakes.desk import ROOT

pytestmark = [pytest.mark.display, pytest.mark.browser]
PAGE = "agent-4"
RICH = "Prompt for a page\n\n\tdéjà vu ✅  漢字 שלום 👩‍🚀\n  indented, and the end"


async def test_the_page_takes_prompts_and_answers_as_the_other_windows_do(tmp_path: Path) -> None:
    async with demo(tmp_path, "--page") as on:
        assert on.ready["lacks"] == []
        await told(on, PAGE, Activity.IDLE)
        long = "\n".join(f"{line:04d} of a long brief, with some words to fill it" for line in range(390))
        for text in (RICH, long):
            outcome = await on.deliver(PAGE, text)
            assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), outcome
            assert outcome.evidence is not None
            assert outcome.evidence.readback == "accessibility", outcome
            await told(on, PAGE, Activity.IDLE)
        assert await on.heard(PAGE) == [RICH, long]

        shown = await asked(on, PAGE)
        assert set(shown.answers) == {Act.APPROVE, Act.DENY}
        assert shown.png
        outcome = await do(on, PAGE, Act.APPROVE, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        await told(on, PAGE, Activity.IDLE)
        said = await on.desk.hands.transcript(PAGE)
        assert said.by == "accessibility"
        assert "asked whether to run `rm -r build`: approved" in said.text


async def test_a_copy_of_the_pages_transcript_holds_the_last_fifty_messages_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `complete = true` in config/profiles/demo_page.toml rests on: each message of fifty, in order, whole."""
    async with demo(tmp_path, "--page", "--windows", "4") as on:
        profile = read_desks(ROOT, []).profiles["demo_page"]
        assert profile.transcript is not None
        assert profile.transcript.complete
        at = (await on.tell(look=PAGE))["window"]["box"]
        sent = [
            f"demo: wait 0.01\nPrompt {number} of {PROMPTS}\n\twith a line  more, déjà vu ✅"
            for number in range(PROMPTS)
        ]
        for text in sent:
            assert (await on.deliver(PAGE, text)).result is Result.DELIVERED
        monkeypatch.setenv("XAUTHORITY", on.xauthority)
        said = await asyncio.to_thread(copied_out, on, profile.transcript, at)
        assert_holds(said, sent, profile.normalise)
        assert not has_block(f"Prompt {PROMPTS} of {PROMPTS}", said, profile.normalise)


def without(folder: Path, *programs: str) -> dict[str, str]:
    """An environment in which these programs are not there."""
    folder.mkdir()
    for name in os.get_exec_path()[::-1]:
        for program in Path(name).iterdir() if Path(name).is_dir() else ():
            link = folder / program.name
            link.unlink(missing_ok=True)
            if program.name not in programs:
                link.symlink_to(program)
    return {**os.environ, "PATH": str(folder)}


async def test_without_a_bus_the_page_is_read_by_copying_and_the_demo_says_so(tmp_path: Path) -> None:
    environ = without(tmp_path / "bin", "dbus-daemon")
    async with demo(tmp_path, "--page", "--windows", "4", environ=environ) as on:
        (lack,) = on.ready["lacks"]
        assert "apt install dbus at-spi2-core" in lack
        outcome = await on.deliver(PAGE, RICH)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), outcome
        assert outcome.evidence is not None
        assert outcome.evidence.readback == "copy", outcome
        assert await on.heard(PAGE) == [RICH]


async def test_a_chromium_that_does_not_start_ends_nothing_and_the_demo_says_why(tmp_path: Path) -> None:
    environ = without(tmp_path / "bin", "chromium")
    broken = tmp_path / "bin" / "chromium"
    broken.write_text("#!/bin/sh\necho No usable sandbox! >&2\nexit 1\n")
    broken.chmod(0o755)
    async with demo(tmp_path, "--page", "--windows", "4", environ=environ) as on:
        (lack,) = on.ready["lacks"]
        assert PAGE in lack
        assert "No usable sandbox!" in lack
        assert [window["class"] for window in on.ready["windows"]] == ["OctetChat"] * 4
        assert (await on.deliver(PAGE, RICH)).result is Result.DELIVERED


async def test_without_chromium_a_plain_window_stands_in_its_place_and_the_demo_says_so(tmp_path: Path) -> None:
    environ = without(tmp_path / "bin", "chromium")
    async with demo(tmp_path, "--page", "--windows", "4", environ=environ) as on:
        (lack,) = on.ready["lacks"]
        assert PAGE in lack
        assert "apt install chromium" in lack
        assert [window["class"] for window in on.ready["windows"]] == ["OctetChat"] * 4
        assert (await on.deliver(PAGE, RICH)).result is Result.DELIVERED
