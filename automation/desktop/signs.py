"""The signs by which a window shows what its agent does: colours and pictures at known places of one picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from PIL import Image

from automation.desktop import pictures
from automation.desktop.anchors import NOISE_PX
from core.deliveries.model import Reason
from core.profiles.model import Activity, Box, Dialog, Sign

DIALOGS = {
    Activity.NEEDS_INPUT: "it waits for an answer",
    Activity.ERROR: "it shows an error",
    Activity.LIMITED: "it shows that a limit is reached",
}
"""What the dialogs of a window mean, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one look at a window gave, all of it from one picture. What it means is for who knows what was before."""

    why_not: str = ""
    """Why it cannot be seen; then nothing else is known."""
    reason: Reason | None = None
    """The same for whoever decides by it."""
    frame: Image.Image | None = None
    """The whole window."""
    dialog: int | None = None
    """Which of the profile's dialogs is there."""
    crop: Image.Image | None = None
    """The part of it that people are shown."""
    is_busy: bool = False
    is_resting: bool = True
    """Its idle sign is shown, or its profile has none."""
    is_empty: bool = True
    """Nothing stands in its composer."""


def part(frame: Image.Image, box: Box) -> Image.Image:
    """This part of a window's picture."""
    return frame.crop((box.x, box.y, box.x + box.width, box.y + box.height))


def stands(sign: Sign, there: Image.Image) -> bool:
    """Whether the sign stands in the picture of its box."""
    return pictures.share(there, sign.colour) >= sign.share


def shows(dialog: Dialog, frame: Image.Image) -> bool:
    """Whether the window shows all signs of this dialog inside it."""
    if dialog.sign is not None and not stands(dialog.sign, part(frame, dialog.sign.box)):
        return False
    if dialog.picture is None:
        return dialog.sign is not None
    return pictures.count_differing(part(frame, dialog.picture.box), _read(dialog.picture.png)) <= NOISE_PX


@lru_cache(maxsize=64)
def _read(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as picture:
        return picture.convert("RGB")
