"""Sentences about calibrations, for every interface."""

from __future__ import annotations

from core.calibration.questions import Candidate, ConnectedWindow, Risk, WhyNot

BY_PLACE = (
    "Their titles do not differ. Octet can identify them by their places instead: a window that is moved gets no "
    "prompt until it is back, and after its program restarts you calibrate again. A title or a display of its own for "
    "each is the better cure (`octet desk up`)."
)
_WHY_NOT = {
    WhyNot.NO_PROFILE: "no profile fits; name one, or make your own: `octet profile new`",
    WhyNot.DISABLED: "its profile {profile} is disabled: {reason} `octet profile enable {profile}` enables it",
    WhyNot.OWN_TERMINAL: "you are typing in it",
    WhyNot.NO_COMPOSER: "Octet found no composer in it",
}
_RISKS = {
    Risk.BY_PLACE: "Octet identifies it by its place only: give it a title of its own, or a display of its own.",
    Risk.UNTIL_CLOSED: "Octet identifies it for as long as it is open: after its program restarts, calibrate it again. "
    "A part that stays the same, such as a header, cures that, or a program on the accessibility bus (`octet doctor`).",
}


def why_not(candidate: Candidate) -> str:
    """Say why Octet does not propose this window; empty where it does."""
    if candidate.why_not is None:
        return ""
    return _WHY_NOT[candidate.why_not].format(profile=candidate.profile, reason=candidate.reason)


def told(one: ConnectedWindow) -> str:
    """Say how Octet connected this window."""
    if one.untried:
        return f"connected without a draft: {one.untried}"
    where = "its program told where the composer is" if one.is_told else "found its composer in the picture"
    by = "its place" if Risk.BY_PLACE in one.risks else f"“{one.title}”"
    return f"connected: {where}; typed a draft, read it back ({one.read_by}) and deleted it; identified by {by}"


def risks(one: ConnectedWindow) -> list[str]:
    """Say what may keep Octet from identifying this window again, with the cure of each."""
    return [_RISKS[risk] for risk in one.risks]
