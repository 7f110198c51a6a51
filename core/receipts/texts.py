"""A receipt in words that any face can show. They claim nothing that was not observed."""

from __future__ import annotations

from core.deliveries.model import Assurance, DeliveryState, Moment, Reason, Settled
from core.kit.clock import as_datetime
from core.receipts.model import KeptPicture, Receipt
from core.remedies import sentence

ARRIVED: dict[Assurance, str] = {
    Assurance.EXACT: "Seen: the window itself shows the whole text, outside its composer.",
    Assurance.RECEIPT: "Seen: the window's own program took the text from the clipboard, then its composer was empty "
    "and its busy sign stood there. Its transcript was not read.",
    Assurance.WEAK: "Weak: after Enter the composer was seen empty, and nothing else proves that the text arrived. "
    "The window's transcript was not read.",
    Assurance.ANSWERED: "Proven by an answer that bore this prompt's code. The arrival itself was not seen.",
    Assurance.PERSON: "A person said that it arrived. Octet did not see it.",
}
SENT = "Enter was pressed; nothing shows whether the text arrived."
DRY_RUN = "A dry run: nothing was typed anywhere."
UNKNOWN = "Nobody saw whether it arrived, and Octet claims neither."
LATER: dict[Settled, str] = {
    Settled.ANSWERED: "Later an answer came that bore its code, so it had arrived.",
    Settled.ARRIVED: "Later a person said that it had arrived.",
    Settled.AGAIN: "Later a person said that it had not arrived, and it was sent again.",
    Settled.DROPPED: "Later it was given up.",
    Settled.ENDED: "Later it was given up.",
}
READBACKS: dict[str, str] = {
    "copy": "the whole text was copied back out of the composer and compared",
    "accessibility": "the whole text was read out of the composer through the accessibility bus and compared",
    "screen": "the composer's text was read from the pane's screen and compared, blanks and line ends aside",
    "placeholder": "a sign stood in the composer in place of the text, and counted right; the text itself was not seen",
    "recognised": "our whole draft, left by an interruption, was recognised in the composer",
    "none": "the text was not read back: the window's program had taken it, and nothing shows what it did with it",
    "pixels": "the text could not be read back: the window's program had taken it exactly once, and the picture of the "
    "composer had changed and stood still",
}
PORTABLE = "By the portable path: nobody was held off between the last look and the key."
NOT_READ = "the text was not read back"
STAGES = ("preflight", "focus", "stage", "readback", "submit", "confirm")
"""What follows one another in a delivery; other figures beside them lie within these."""
MOMENTS: dict[Moment, str] = {
    Moment.STAGED: "before Enter",
    Moment.AFTERWARDS: "after Enter",
    Moment.LAST_SEEN: "at the last look",
}


def claim(receipt: Receipt) -> str:
    """What is claimed of the arrival, and what was said of it later."""
    later = f" {LATER[receipt.settled]}" if receipt.settled else ""
    return f"{_claim(receipt)}{later}"


def before_enter(receipt: Receipt) -> str:
    """How it was known that the whole text stood in the composer; empty where no window was touched."""
    evidence = receipt.evidence
    if evidence is None:
        return ""
    how = READBACKS.get(evidence.readback, f"read back by {evidence.readback}") if evidence.readback else NOT_READ
    forgave = f" (forgiven differences: {evidence.normalise})" if evidence.normalise not in {"", "raw"} else ""
    portable = f" {PORTABLE}" if evidence.hand is not None and evidence.hand.path == "portable" else ""
    return f"Before Enter {how}{forgave}.{portable}"


def line(receipt: Receipt) -> str:
    """The receipt on one short line."""
    rests = receipt.assurance.value if receipt.assurance else sentence(receipt.reason)
    verdict = f"{receipt.state.value}{f' ({rests})' if rests else ''}"
    stages = [receipt.timings_ms[name] for name in STAGES if name in receipt.timings_ms]
    took = f"{sum(stages):.0f} ms" if stages else ""
    return " · ".join(part for part in (verdict, took, f"sha256 {receipt.sha256[:12]}", of_pictures(receipt)) if part)


def of_pictures(receipt: Receipt) -> str:
    """Which pictures there are, in a few words; those that were deleted are said to be."""
    if not receipt.pictures:
        return "no pictures"
    kept = [one for one in receipt.pictures if one.deleted_ms is None]
    gone = [one for one in receipt.pictures if one.deleted_ms is not None]
    said = [_counted(len(kept))] if kept else []
    if gone:
        last_ms = max(one.deleted_ms or 0 for one in gone)
        said.append(f"{_counted(len(gone))} deleted on {as_datetime(last_ms):%Y-%m-%d}, when their time was over")
    return ", ".join(said)


def of_picture(picture: KeptPicture, *, is_act: bool = False) -> str:
    """One picture: of what, when, and whether it is still there. An act has no Enter."""
    when = "afterwards" if is_act and picture.moment is Moment.AFTERWARDS else MOMENTS[picture.moment]
    what = f"the {picture.part.value} {when}"
    if picture.deleted_ms is None:
        return what
    return f"{what}: deleted on {as_datetime(picture.deleted_ms):%Y-%m-%d}, when its time was over"


def _claim(receipt: Receipt) -> str:
    if receipt.delivery.act is not None:
        if receipt.state is DeliveryState.UNKNOWN:
            return (
                f"Nobody saw whether its key for “{receipt.delivery.act.value}” was pressed; it is not pressed again."
            )
        return f"The key for “{receipt.delivery.act.value}” was pressed once; what it did is what was seen."
    match receipt.state:
        case DeliveryState.DELIVERED if receipt.assurance is not None:
            return ARRIVED[receipt.assurance]
        case DeliveryState.SENT:
            return DRY_RUN if receipt.reason is Reason.DRY_RUN else SENT
        case DeliveryState.UNKNOWN:
            return UNKNOWN
        case _:
            return f"It is {receipt.state.value}; nothing says what that rests on."


def _counted(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
