"""Which of the keys that a user typed in a hold are replayed after it."""

from __future__ import annotations

from automation.desktop.x11.input_guard import OURS, Stroke, whole_taps


def stroke(code: int, *, is_press: bool, device: int = 7) -> Stroke:
    return Stroke(device=device, code=code, is_press=is_press)


def test_only_whole_taps_are_replayed_and_what_is_still_down_is_tapped_by_the_test_keyboard() -> None:
    shift, a, b = 50, 38, 56
    down, up = (lambda code: stroke(code, is_press=True)), (lambda code: stroke(code, is_press=False))
    rolled = [down(a), down(b), up(a), up(b)]
    assert whole_taps(rolled, {shift}) == rolled, "rolled over keys keep their order"
    assert whole_taps([up(a), down(b), up(b)], {shift}) == [down(b), up(b)], "a release without its press is no tap"
    ours = [stroke(a, is_press=True, device=OURS), stroke(a, is_press=False, device=OURS)]
    assert whole_taps([down(a)], {shift}) == ours
    held = whole_taps([down(shift), down(b), up(b)], {shift})
    assert held == [
        stroke(shift, is_press=True, device=OURS), down(b), up(b), stroke(shift, is_press=False, device=OURS),
    ]  # fmt: skip
    assert whole_taps([down(b), up(b), down(shift)], {shift}) == [down(b), up(b)], "a modifier alone types nothing"
