"""Sentences about calibrations, for every interface, and what users type as answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from core.calibration.model import (
    Agreed,
    Answer,
    CalibrationResult,
    Candidate,
    ChooseWindows,
    Chosen,
    ComposerPlace,
    ConnectedWindow,
    KnowByPlace,
    NotProposed,
    Pick,
    Point,
    PointAt,
    Question,
    Risk,
    from_corner,
)
from core.profiles.model import PaneReadback

SAME_TITLES = "Their titles do not differ."
CHANGING_TITLES = "Their titles differ only in what changes, such as a file's name."
BY_PLACE = (
    "Octet can identify them by their places instead: a window that is moved gets no "
    "prompt until it is back, and after its program restarts you calibrate again. A separate title or virtual display "
    "for each is better (`octet desk up`)."
)
HOW = "numbers such as 1,3-5; 2=Agent-4 gives window 2 to Agent-4, 2:gtk sets its profile"
NO = frozenset({"n", "no", "none", "s", "skip"})
_POINT = re.compile(r"\s*(-?\d{1,6})\s*[, ]\s*(-?\d{1,6})\s*")
_PICK = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?(?:=([^:]+))?(?::(.+))?")
_PLACE = re.compile(r"\d+(?:-\d+)*")
_WHY_NOT = {
    NotProposed.NO_PROFILE: "no profile fits; name one, or make your own: `octet profile new`",
    NotProposed.DISABLED: "its profile {profile} is disabled: {reason} `octet profile enable {profile}` enables it",
    NotProposed.OWN_TERMINAL: "you are typing in it",
    NotProposed.NO_COMPOSER: "Octet found no composer in it",
}
_RISKS = {
    Risk.BY_PLACE: "Octet identifies it by its place only: give it a unique title, or a virtual display.",
    Risk.UNTIL_CLOSED: "Octet identifies it for as long as it is open: after its program restarts, calibrate it again. "
    "A part that stays the same, such as a header, avoids that; "
    "so does a program on the accessibility bus (`octet doctor`).",
}


def why_not(candidate: Candidate) -> str:
    """Say why Octet does not propose this window; empty where it does."""
    if candidate.why_not is None:
        return ""
    return _WHY_NOT[candidate.why_not].format(profile=candidate.profile, reason=candidate.disabled)


def summary(one: ConnectedWindow) -> str:
    """Say how Octet connected this window."""
    if one.read_by == PaneReadback.SCREEN:
        return f"typed a draft, read it from the screen and deleted it; {one.profile} now describes its composer"
    where = "its program reported the composer's place" if one.is_told else "found its composer in the picture"
    by = "its place" if Risk.BY_PLACE in one.risks else f"“{one.title}”"
    return f"connected: {where}; typed a draft, read it back ({one.read_by}) and deleted it; identified by {by}"


def risks(one: ConnectedWindow) -> list[str]:
    """Say what may keep Octet from identifying this window again, with the cure of each."""
    return [_RISKS[risk] for risk in one.risks]


def asks(question: Question, picks: Mapping[int, Pick]) -> str:
    """Put the question; `picks` are the windows that it proposes."""
    match question:
        case ChooseWindows():
            listed = ",".join(map(str, picks))
            what = f"Octet types a draft into {listed}, reads it back, deletes it, and saves what works"
            moves = [
                f"{one.agent} leaves “{one.leaves}”, which is not on this display, for window {one.number}. "
                for one in question.candidates
                if one.leaves and one.number in picks
            ]
            return f"{''.join(moves)}{what}" if listed else "Which of them are agents?"
        case PointAt():
            return f"Where is the composer of {question.agent}, {question.window.called}? {question.note}"
        case KnowByPlace():
            called = ", ".join(f"{one.number} ({one.window.called})" for one in question.candidates)
            why = CHANGING_TITLES if question.titles_differ else SAME_TITLES
            return f"Windows {called}: {why} {BY_PLACE} Identify them by their places?"


def read(question: Question, text: str, picks: Mapping[int, Pick]) -> Answer | None:
    """Read what a user typed as the answer to this question; None: it is none."""
    text = text.strip()
    word = text.casefold()
    is_yes, is_no = word in {"y", "yes"}, word in NO
    match question:
        case ChooseWindows() if is_no or ((is_yes or not word) and picks):
            return Chosen(picks=() if is_no else tuple(picks.values()))
        case ChooseWindows():
            found: dict[int, Pick] = {}
            for part in re.split(r"[,\s]+", text.strip(", ")):
                pick = _PICK.fullmatch(part)
                if pick is None:
                    return None
                for number in range(int(pick[1]), int(pick[2] or pick[1]) + 1):
                    known = picks.get(number, Pick(number=number))
                    found[number] = replace(known, agent=pick[3] or known.agent, profile=pick[4] or known.profile)
            return Chosen(picks=tuple(found.values()))
        case PointAt():
            if offset := read_point(text):
                return ComposerPlace(point=from_corner(offset, question.window))
            return ComposerPlace() if is_no else ComposerPlace(place=word) if _PLACE.fullmatch(word) else None
        case KnowByPlace():
            return Agreed(is_yes=is_yes)


def read_point(text: str) -> Point | None:
    """Read `120,-60`; None: it is not a point."""
    found = _POINT.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def ended(result: CalibrationResult) -> list[str]:
    """Say how a calibration ended, a line for each fact."""
    lines: list[str] = []
    for one in result.connected:
        lines += [f"{one.agent}: {summary(one)}", *(f"  {risk}" for risk in risks(one))]
    for one in result.failed:
        lines.append(f"{one.agent}, {one.called}: not connected: {one.note}")
    lines += [f"wrote {file}" for file in result.files]
    lines += [result.note] if result.note else []
    if lacking := ", ".join(one.agent for one in result.connected if one.lacks_busy):
        lines.append(f"Octet learns from the first prompts how these look at work: {lacking}.")
    return lines
