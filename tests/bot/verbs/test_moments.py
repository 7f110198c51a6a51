"""How Octet reads the times that users write."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.verbs import users
from bot.verbs.moments import LocalTime
from core.kit.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 5, tzinfo=BERLIN)  # a Wednesday
LOCAL = LocalTime(now_ms=int(NOW.timestamp() * 1000), zone=BERLIN)
_WORDS = st.sampled_from(
    [
        "today",
        "tonight",
        "tomorrow",
        "fri",
        "friday",
        "wed",
        "at",
        "in",
        "next",
        "9am",
        "9",
        "17:00",
        "24:00",
        "9:60",
        "13pm",
        "0am",
        "2",
        "h",
        "2h",
        "days",
        "3d",
        "+1h",
        "2026-11-27",
        "T",
        "Z",
    ]
)


def _read(text: str, *, is_end: bool = False) -> str:
    found = LOCAL.read(text, is_end=is_end)
    assert found
    return f"{datetime.fromtimestamp(found / 1000, tz=BERLIN):%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2h", "11-25 16:05", "11-25 16:05"),
        ("in 3 days", "11-28 14:05", "11-28 14:05"),
        ("+ 30 minutes", "11-25 14:35", "11-25 14:35"),
        ("1 week", "12-02 14:05", "12-02 14:05"),
        ("Tomorrow 9am", "11-26 09:00", "11-26 09:00"),
        ("tomorrow at 12:30 pm", "11-26 12:30", "11-26 12:30"),
        ("fri 17:00", "11-27 17:00", "11-27 17:00"),
        ("wed 15:00", "11-25 15:00", "11-25 15:00"),
        ("wednesday 9am", "12-02 09:00", "12-02 09:00"),
        ("18:30", "11-25 18:30", "11-25 18:30"),
        ("tonight", "11-25 20:00", "11-25 23:59"),
        ("today", "11-25 14:05", "11-25 23:59"),
        ("Friday", "11-27 00:00", "11-27 23:59"),
        ("2026-11-27", "11-27 00:00", "11-27 23:59"),
        ("2026-11-27 18:00", "11-27 18:00", "11-27 18:00"),
        ("2026-11-27T18:00Z", "11-27 19:00", "11-27 19:00"),
    ],
)
def test_a_time_counts_in_the_users_zone_and_a_day_alone_has_a_beginning_and_an_end(
    text: str, begins: str, ends: str
) -> None:
    assert (_read(text), _read(text, is_end=True)) == (begins, ends)


@pytest.mark.parametrize("text", ["2020-01-01", "today 9am", "13:00", "2026-11-25 14:04"])
def test_a_time_in_the_past_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        LOCAL.read(text)
    assert (refused.value.code, refused.value.details) == ("moment_past", {"text": text})


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "yesterday",
        "2hello",
        "3dogs",
        "31.02.2027",
        "2027-02-31",
        "tomorrow 25:00",
        "fri 9",
        "fri fri",
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        LOCAL.read(text)
    assert refused.value.code == ("moment_past" if text.startswith("0001") else "invalid_moment")


@given(st.lists(_WORDS, max_size=4).map(" ".join) | st.text(max_size=20), st.sampled_from([BERLIN, None]))
@example("9999-12-31 23:59", None)
@example("0001-01-01", None)
def test_any_text_is_a_time_that_has_not_passed_or_is_refused(text: str, zone: ZoneInfo | None) -> None:
    local = LocalTime(now_ms=LOCAL.now_ms, zone=zone)
    try:
        found = local.read(text), local.read(text, is_end=True)
    except Invalid:
        return
    if all(found):
        assert LOCAL.now_ms <= (found[0] or 0) <= (found[1] or 0)
    else:
        assert not text.strip() or text.strip().casefold() == "none"


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]).map(
        ZoneInfo
    ),
    st.datetimes(datetime(2026, 12, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - a wall's clock has no zone
)
@example(BERLIN, datetime(2027, 3, 28, 2, 30))  # noqa: DTZ001 - left out by the step to summer
@example(BERLIN, datetime(2027, 10, 31, 2, 30))  # noqa: DTZ001 - there twice
def test_a_wall_clock_comes_back_over_steps_and_what_a_step_leaves_out_is_later(zone: ZoneInfo, wall: datetime) -> None:
    wall = wall.replace(second=0, microsecond=0)
    found = LocalTime(now_ms=LOCAL.now_ms, zone=zone).read(f"{wall:%Y-%m-%d %H:%M}")
    assert found
    back = datetime.fromtimestamp(found / 1000, tz=zone).replace(tzinfo=None)
    assert back == wall or wall < back <= wall + timedelta(hours=1)


@pytest.mark.parametrize("name", ["Berlin", "Europe", "../etc/passwd", "", "/etc/localtime", "CET "])
def test_a_zone_is_read_by_its_name(name: str) -> None:
    (zone,) = [one for one in users.notify.parameters if one.name == "zone"]
    if name == "CET ":
        assert (zone.read(name), zone.read(" Machine")) == (ZoneInfo("CET"), "machine")
        return
    with pytest.raises(Invalid) as refused:
        zone.read(name)
    assert refused.value.code == "invalid_zone"
