"""What a machine must have is named by package, once, for the tiers that were chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.needs import NEEDS, TIERS, UnknownTierError, chosen_tiers, described, missing_packages


def test_without_a_choice_every_tier_is_run() -> None:
    assert chosen_tiers(None) == TIERS
    assert chosen_tiers("  ") == TIERS


def test_a_choice_may_be_written_with_spaces_or_commas() -> None:
    assert chosen_tiers("contract unit") == ("unit", "contract")
    assert chosen_tiers("unit,contract") == ("unit", "contract")


def test_a_tier_that_does_not_exist_is_refused_with_the_list() -> None:
    with pytest.raises(UnknownTierError, match=r'"units".*unit contract display browser database'):
        chosen_tiers("units")


def test_every_tier_and_the_demo_say_what_they_need() -> None:
    assert set(NEEDS) == {*TIERS, "demo", "tour", "check", "windows"}


def test_a_machine_without_programs_lacks_each_package_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = missing_packages(("contract", "display", "browser"))
    assert {"xvfb", "openbox", "xterm", "mousepad", "chromium"} <= set(missing)
    assert len(missing) == len(set(missing))


def test_a_program_on_path_is_not_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "Xvfb").touch(mode=0o755)
    assert "xvfb" not in missing_packages(("display",))


def test_the_unit_tier_needs_only_what_confines_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_packages(("unit",)) == ["bubblewrap"]


def test_each_group_of_packages_says_what_it_is_for() -> None:
    assert described(["python3-tk", "xvfb", "chromium", "chromium-sandbox", "mousepad"]) == [
        "  xvfb: a virtual screen with windows",
        "  chromium chromium-sandbox: one window that is a page in a browser",
        "  python3-tk: Octet itself",
        "  mousepad: the tests",
    ]
