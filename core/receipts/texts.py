"""The sentences of a receipt, for all interfaces. They claim nothing that Octet did not observe."""

from __future__ import annotations

from core.deliveries.model import Assurance, DeliveryState, Moment, Settled
from core.kit.clock import as_datetime
from core.reasons import Reason
from core.receipts.model import KeptPicture, Receipt
from core.remedies import sentence

ARRIVED: dict[Assurance, str] = {
    Assurance.EXACT: "Octet saw that the window shows the whole text outside its composer.",
    Assurance.RECEIPT: "Octet saw that the window's own program took the text from the clipboard, then its composer "
    "was empty and it showed its busy sign. Octet did not read its transcript.",
    Assurance.WEAK: "Not proven: after Enter Octet saw the composer empty; nothing else shows that the text arrived. "
    "Octet did not read the window's transcript.",
    Assurance.ANSWERED: "Proven by an answer with this prompt's code. Octet did not see the arrival itself.",
    Assurance.PERSON: "A user said that it arrived. Octet did not see it.",
}
SHOWN_AS_SAID = "Octet saw this prompt's first line and its code above the composer of the pane."
SENT = "Octet pressed Enter; nothing shows whether the text arrived."
DRY_RUN = "A dry run: Octet typed nothing."
UNKNOWN = "Octet does not know whether it arrived."
LATER: dict[Settled, str] = {
    Settled.ANSWERED: "Later an answer with its code came, so it had arrived.",
    Settled.REPORTED: "Later the agent's program reported by its hook that it had got this prompt.",
    Settled.ARRIVED: "Later it was recorded as arrived.",
    Settled.AGAIN: "Later it was recorded as not arrived, and Octet sent it again.",
    Settled.DROPPED: "Later it was dropped.",
    Settled.ENDED: "Later it was dropped.",
}
READBACKS: dict[str, str] = {
    "copy": "Octet copied the whole text out of the composer and compared it",
    "accessibility": "Octet read the whole text from the composer over the accessibility bus and compared it",
    "screen": "Octet read the composer's text from the pane's screen and compared it, spaces and line ends aside",
    "placeholder": "the composer showed a sign with the right count in place of the text, which Octet did not see",
    "recognised": "Octet recognised in the composer its whole draft from before an interruption",
    "none": "Octet did not read the text back: the program had taken it, and nothing shows what it did with it",
    "pixels": "Octet could not read the text back: the program had taken it exactly once, and the picture of the "
    "composer had changed and stayed the same",
}
PORTABLE = "Sent by the portable path, which cannot block user input between the last look and the key."
NOT_READ = "Octet did not read the text back"
STAGES = ("preflight", "focus", "stage", "readback", "submit", "confirm")
"""The steps of a delivery in their order; all other figures are parts of these."""
MOMENTS: dict[Moment, str] = {
    Moment.STAGED: "before Enter",
    Moment.AFTERWARDS: "after Enter",
    Moment.LAST_SEEN: "at the last look",
}


def claim(receipt: Receipt) -> str:
    """Say what Octet claims about the arrival, and what users said of it later."""
    later = f" {LATER[receipt.settled]}" if receipt.settled else ""
    return f"{_claim(receipt)}{later}"


def before_enter(receipt: Receipt) -> str:
    """How Octet knew that the composer had the whole text; empty if no window was touched."""
    evidence = receipt.evidence
    if evidence is None:
        return ""
    how = READBACKS.get(evidence.readback, f"read back by {evidence.readback}") if evidence.readback else NOT_READ
    forgave = f" (forgiven differences: {evidence.normalise})" if evidence.normalise not in {"", "raw"} else ""
    portable = f" {PORTABLE}" if evidence.hand is not None and evidence.hand.path == "portable" else ""
    return f"Before Enter {how}{forgave}.{portable}"


def line(receipt: Receipt) -> str:
    rests = receipt.assurance.value if receipt.assurance else sentence(receipt.reason)
    verdict = f"{receipt.state.value}{f' ({rests})' if rests else ''}"
    stages = [receipt.timings_ms[name] for name in STAGES if name in receipt.timings_ms]
    took = f"{sum(stages):.0f} ms" if stages else ""
    return " · ".join(part for part in (verdict, took, f"sha256 {receipt.sha256[:12]}", of_pictures(receipt)) if part)


def of_pictures(receipt: Receipt) -> str:
    """Say which pictures there are, also the deleted ones."""
    if not receipt.pictures:
        return "no pictures"
    kept = [one for one in receipt.pictures if one.deleted_ms is None]
    gone = [one for one in receipt.pictures if one.deleted_ms is not None]
    parts = [_counted(len(kept))] if kept else []
    if gone:
        last_ms = max(one.deleted_ms or 0 for one in gone)
        parts.append(f"{_counted(len(gone))} deleted on {as_datetime(last_ms):%Y-%m-%d}, at the end of their time")
    return ", ".join(parts)


def of_picture(picture: KeptPicture, *, is_act: bool = False) -> str:
    """Say of what the picture is, when it was taken, and whether it is still there. An act has no Enter."""
    when = "afterwards" if is_act and picture.moment is Moment.AFTERWARDS else MOMENTS[picture.moment]
    what = f"the {picture.part.value} {when}"
    if picture.deleted_ms is None:
        return what
    return f"{what}: deleted on {as_datetime(picture.deleted_ms):%Y-%m-%d}, at the end of its time"


def _claim(receipt: Receipt) -> str:
    if receipt.delivery.act is not None:
        if receipt.state is DeliveryState.UNKNOWN:
            return f"Octet does not know whether it pressed “{receipt.delivery.act.value}”; it does not press it again."
        return f"Octet pressed the key for “{receipt.delivery.act.value}” once. Its effect is as seen."
    match receipt.state:
        case DeliveryState.DELIVERED if receipt.assurance is not None:
            hand = receipt.evidence.hand if receipt.evidence else None
            is_shown = receipt.assurance is Assurance.RECEIPT and hand is not None and hand.path == "terminal"
            return SHOWN_AS_SAID if is_shown else ARRIVED[receipt.assurance]
        case DeliveryState.SENT:
            return DRY_RUN if receipt.reason is Reason.DRY_RUN else SENT
        case DeliveryState.UNKNOWN:
            return UNKNOWN
        case _:
            return f"It is {receipt.state.value}, without a recorded reason."


def _counted(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
