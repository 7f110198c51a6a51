"""What the pause before a restart is worth: longer after each end, short again after a steady run."""

from __future__ import annotations

from core.kit.supervise import RestartPause


def test_a_pause_doubles_up_to_its_limit_and_begins_anew_after_a_steady_run() -> None:
    pause = RestartPause(first_s=1.0, longest_s=3.0, steady_s=60.0)
    assert [pause.after(5.0) for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    assert [pause.after(61.0), pause.after(5.0)] == [1.0, 2.0]
