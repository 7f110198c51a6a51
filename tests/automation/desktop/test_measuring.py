"""What calibration finds in pictures: where one writes, what stands still, how a window looks at work."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from PIL import Image, ImageDraw

from automation.desktop.calibration.busy_learning import sign_of_work
from automation.desktop.calibration.composer_detection import anchors, blank_around
from automation.desktop.calibration.trial_delivery import TrialObserver
from automation.desktop.observation.inspector import WindowInspector
from automation.protocol.ports import DeliveryClock
from core.deliveries.model import Outcome, Result
from core.profiles.model import Box, Composer, Profile
from tests.fakes.desk import TK


class Looks:
    """Eyes that see every draft."""

    def profile(self, name: str) -> Profile:
        del name
        return replace(TK, composer=Composer(box=COMPOSER, background="#1e1e1e"))

    def is_empty_in(self, name: str, picture: Image.Image) -> bool:
        del name, picture
        return False


COMPOSER = Box(x=40, y=240, width=320, height=40)
LAMP = Box(x=360, y=4, width=36, height=16)


def window(*, caret: bool = False, clock: str = "", lamp: str = "#404040", said: str = "") -> Image.Image:
    """A dark editor: a header, a chat, a composer set off by very little."""
    picture = Image.new("RGB", (400, 300), "#252526")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 399, 23), fill="#3c3c3c")
    draw.text((8, 6), "Explorer  apollo  src  tests  README", fill="#cccccc")
    draw.rectangle((360, 4, 395, 19), fill=lamp)
    draw.text((250, 6), clock, fill="#cccccc")
    draw.text((20, 60), said, fill="#d4d4d4")
    draw.rectangle((40, 240, 359, 279), fill="#1e1e1e")
    if caret:
        draw.rectangle((44, 246, 45, 260), fill="#ffffff")
    return picture


def test_the_composer_is_found_around_any_of_its_points_though_its_ground_is_nearly_that_of_the_window() -> None:
    for point in ((200, 260), (44, 250), (355, 245)):
        found = blank_around([window(), window(caret=True)], point)
        assert found is not None
        assert found[1] == "#1e1e1e"
        assert found[0].fits_into(COMPOSER)
        assert found[0].width >= COMPOSER.width - 24  # scrollbars may come and go


def test_no_composer_is_found_in_a_header_full_of_words() -> None:
    assert blank_around([window()], (60, 11)) is None


def test_anchors_keep_out_of_what_changes_and_of_what_shows_nothing() -> None:
    frames = [window(clock=clock, caret=bool(number % 2)) for number, clock in enumerate(("11:11", "22:22", "33:33"))]
    found = anchors(frames, COMPOSER, [])

    assert found
    assert found[0].y + found[0].height <= 32
    assert not any(box.overlaps(Box(x=252, y=8, width=20, height=6)) for box in found)
    assert not any(box.overlaps(COMPOSER) for box in found)
    assert anchors([Image.new("RGB", (400, 300), "#252526")] * 2, COMPOSER, []) == ()


def test_a_sign_of_work_is_what_shows_between_and_is_gone_again_not_what_was_said() -> None:
    before = window()
    during = [window(lamp="#d08000", said="thinking"), window(lamp="#d08000", said="one"), window(lamp="#d08000")]
    after = window(said="the answer, which stays")

    sign = sign_of_work(before, [before, *during, after], after, [COMPOSER])

    assert sign is not None
    assert sign.colour == "#d08000"
    assert sign.box.overlaps(LAMP)
    assert sign.share >= 0.3
    assert sign_of_work(before, [before, after, after], after, [COMPOSER]) is None
    blinks = [window(caret=True), *during, window(caret=True), window(caret=True), window(caret=True)]
    narrow = Box(x=48, y=242, width=300, height=36)  # the caret stands beside what was measured
    assert sign_of_work(before, blinks, after, [narrow]) == sign
    typed = window(caret=True)
    assert sign_of_work(before, [typed, typed], before, [COMPOSER]) is None


def test_a_sign_that_touches_what_was_said_is_told_from_it() -> None:
    """An avatar or a code block that stays, right below the lamp: both are new, and only one goes again."""

    def with_block(picture: Image.Image) -> Image.Image:
        ImageDraw.Draw(picture).rectangle((200, 20, 395, 120), fill="#0e639c")
        return picture

    before, after = window(), with_block(window())
    sign = sign_of_work(before, [with_block(window(lamp="#d08000")) for _ in range(3)], after, [COMPOSER])

    assert sign is not None
    assert sign.colour == "#d08000"
    assert sign.box.fits_into(Box(x=LAMP.x - 4, y=LAMP.y - 4, width=LAMP.width + 8, height=LAMP.height + 8))


def test_parts_that_stood_still_beside_the_anchor_are_kept_as_other_candidates() -> None:
    trial = TrialObserver(name="agent-1", eyes=cast("WindowInspector", Looks()), pace=cast("DeliveryClock", None))
    trial.before, trial.staged, trial.after = window(), window(caret=True), window(said="said")
    anchor, over, moved = Box(x=0, y=0, width=120, height=20), Box(x=60, y=0, width=120, height=20), COMPOSER
    spares = [Box(x=x, y=0, width=40, height=20) for x in (125, 170, 215, 260)]
    outcome = Outcome(result=Result.REHEARSED)
    tried = trial.tried(outcome, text="", anchors=(anchor, over, moved, *spares))
    assert [box for box, _ in tried.candidates] == spares[:3]
    assert tried.anchor == anchor
    assert not trial.tried(Outcome(result=Result.REFUSED), text="", anchors=(anchor, *spares)).candidates
