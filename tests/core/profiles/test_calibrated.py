"""What each window has to be asked for: a profile that leaves values open drives nothing until they are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automation.protocol.ports import PermanentFailure
from automation.protocol.text import prepare
from core.config.loader import Config, load
from core.config.profiles import (
    TABLES,
    Kind,
    complete,
    in_pane,
    leaves,
    merged,
    nested,
    read_profiles,
    value_paths,
)
from core.deliveries.model import Reason
from core.home import Home
from core.kit.problems import ConfigWrong
from core.profiles.model import Act, Box, PaneProfile, Profile, TooLong

PROFILE = """
paste = "ctrl+v"
selection = "clipboard"
submit = "enter"
newline = "keep"
readback = "copy"
normalise = "raw"
clear = ["ctrl+a", "backspace"]
confirm = ["composer_empty"]
max_chars = 4000

[composer]
caret_px = 60

[acts]
interrupt = "esc"

[terminal]
prompt = "^> "

[sources]
paste = "measured"
selection = "measured"
composer = "measured"
submit = "its manual"

[calibrate]
match_class = "the class of its windows"
anchor = "a part that always looks the same"
max_chars = "how long a paste may be"
"composer.box" = "where prompts are written"
"composer.background" = "the colour of the empty composer"
busy = "where it shows that the agent works"
"acts.approve" = "the key that says yes"
"""
BUSY = """
[busy]
box = { x = 10, y = 30, width = 20, height = 20 }
colour = "#ff0000"
"""
MEASURED = """
[windows.calibrated]
match_class = "^Cursor$"
anchor = { x = 0, y = 0, width = 100, height = 20 }
[windows.calibrated.composer]
box = { x = 10, y = 200, width = 300, height = 80 }
background = "#1e1e1e"
"""
MEASURED_THERE = nested(
    {
        "match_class": "^Cursor$",
        "anchor": Box(x=0, y=0, width=100, height=20),
        "composer.box": Box(x=10, y=200, width=300, height=80),
        "composer.background": "#1e1e1e",
    }
)
AGENTS = '[[agents]]\nname = "A"\nrole = "r"\ncapabilities = []\nlane = "window"\ndesk = "main"\nwindow = "w1"\n'


def home(root: Path, *, profile: str = PROFILE, measured: str = MEASURED) -> Home:
    window = '[[windows]]\nname = "w1"\nprofile = "chat"\ntitle = "apollo"\n'
    window += "box = { x = 0, y = 0, width = 400, height = 300 }\n"
    files = {
        "config/octet.toml": "",
        "config/agents.toml": AGENTS,
        "config/profiles/chat.toml": profile,
        "config/desks/main.toml": f'display = ":0"\n{window}{measured}',
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Home(root=root)


def wrong(place: Home) -> list[str]:
    with pytest.raises(ConfigWrong) as caught:
        load(place)
    return [str(problem) for problem in caught.value.problems]


def kind_of(root: Path, text: str = PROFILE) -> Kind:
    return read_profiles(home(root, profile=text).root, []).kinds["chat"]


def driven(config: Config) -> Profile:
    return config.profiles[config.desks[0].windows[0].profile]


def test_a_window_of_which_nothing_is_measured_is_refused_with_what_to_do(tmp_path: Path) -> None:
    assert wrong(home(tmp_path, measured="")) == [
        (
            'config/desks/main.toml:4: windows[0].profile: "chat" leaves match_class, composer.box and '
            "composer.background to be measured at this window; `octet calibrate main w1` does that with you"
        )
    ]


def test_what_is_still_missing_of_a_window_is_named_alone(tmp_path: Path) -> None:
    found = wrong(home(tmp_path, measured=MEASURED.replace('background = "#1e1e1e"', "")))
    assert len(found) == 1
    assert '"chat" leaves composer.background to be measured' in found[0]


def test_a_measured_window_is_driven_by_its_kind_with_what_was_measured(tmp_path: Path) -> None:
    config = load(home(tmp_path))
    window, profile = config.desks[0].windows[0], driven(config)
    assert (window.profile, window.kind, profile.name) == ("chat@main.w1", "chat", "chat@main.w1")
    assert profile.composer.box == Box(x=10, y=200, width=300, height=80)
    assert (profile.composer.caret_px, profile.match_class, profile.submit) == (60, "^Cursor$", "enter")
    assert "chat" not in config.profiles, "nothing can be driven by what is not whole"


def test_what_was_measured_goes_before_what_a_whole_profile_says_and_touches_no_other_window(tmp_path: Path) -> None:
    other = '[[windows]]\nname = "w2"\nprofile = "chat"\ntitle = "gemini"\n'
    other += "box = { x = 500, y = 0, width = 400, height = 300 }\n"
    keys, _, composer = MEASURED.partition("[windows.calibrated]\n")[2].partition("[windows.calibrated.composer]\n")
    whole = PROFILE[: PROFILE.index("[calibrate]")].replace("[composer]\n", f"{keys}[composer]\n{composer}")
    config = load(home(tmp_path, profile=whole, measured="[windows.calibrated]\nmax_chars = 900\n" + other))
    first, second = (config.profiles[window.profile] for window in config.desks[0].windows)
    assert (first.max_chars, second.max_chars) == (900, 4000)
    assert first.composer == second.composer


@pytest.mark.parametrize(
    ("measured", "says"),
    [
        ("[windows.calibrated]\nsubmit = 3\n", "windows[0].calibrated.submit: must be text in quotes, not 3"),
        (
            "[windows.calibrated]\nsumbit = 3\n",
            'windows[0].calibrated.sumbit: there is no such key here; did you mean "submit"?',
        ),
        ('[windows.calibrated]\ndisabled = "x"\n', "windows[0].calibrated.disabled: there is no such key here"),
        ("calibrated = 3\n", "windows[0].calibrated: must be a table, not 3"),
        (
            MEASURED.replace("width = 300", "width = 999"),
            'windows[0].calibrated.composer.box: reaches beyond window "w1" of desk "main", which is 400 × 300 pixels',
        ),
    ],
)
def test_what_is_wrong_with_what_was_measured_is_said_of_the_desks_file(
    tmp_path: Path, measured: str, says: str
) -> None:
    rest = "" if measured.startswith(("calibrated", MEASURED[:5])) else MEASURED.partition("[windows.calibrated]\n")[2]
    found = [line for line in wrong(home(tmp_path, measured=measured + rest)) if says in line]
    assert found, wrong(home(tmp_path, measured=measured + rest))
    assert all(line.startswith("config/desks/main.toml:") for line in found)


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        ('[calibrate]\nanchro = "x"\n', 'calibrate.anchro: "anchro" is not a key of a profile; did you mean "anchor"?'),
        (
            '[sources]\nanchor = "x"\n[calibrate]\nanchor = "x"\n',
            '"anchor" is also in `known` of [sources]; a value has one mark',
        ),
        ('[sources]\npaste = ""\n', "sources.paste: must not be empty"),
        ('enabled = { by = "ann", at = "now" }\n', "enabled: enables a profile"),
    ],
)
def test_a_mark_that_means_nothing_is_a_problem_of_the_profile(tmp_path: Path, marks: str, says: str) -> None:
    cut = PROFILE[: PROFILE.index("[sources]")]
    text = marks + cut if marks.startswith("enabled") else cut + marks
    assert any(
        says in line and line.startswith("config/profiles/chat.toml") for line in wrong(home(tmp_path, profile=text))
    )


def test_what_is_wrong_beside_the_open_values_is_said_all_the_same(tmp_path: Path) -> None:
    text = PROFILE.replace('interrupt = "esc"', 'interrupt = "enter"')
    assert any("acts.interrupt" in line and "sends" in line for line in wrong(home(tmp_path, profile=text)))


def test_a_kind_tells_what_is_still_to_calibrate_the_needed_first(tmp_path: Path) -> None:
    kind = kind_of(tmp_path)
    assert [(one.path, one.is_needed) for one in kind.wanted()] == [
        ("match_class", True),
        ("composer.box", True),
        ("composer.background", True),
        ("anchor", False),
        ("busy", False),
        ("acts.approve", False),
    ]
    assert [one.path for one in kind.wanted(MEASURED_THERE)] == ["busy", "acts.approve"]
    assert [one.path for one in kind.wanted({**MEASURED_THERE, "acts": {"approve": "y"}})] == ["busy"]


def test_a_profile_is_made_whole_for_a_window_that_no_desk_has_yet(tmp_path: Path) -> None:
    kind = kind_of(tmp_path)
    profile = complete(kind, MEASURED_THERE)
    assert isinstance(profile, Profile)
    assert profile.anchor == Box(x=0, y=0, width=100, height=20)
    open_ = complete(kind, {})
    assert isinstance(open_, tuple)
    assert not any(line.startswith("anchor") for line in open_)
    known = complete(kind, {key: value for key, value in MEASURED_THERE.items() if key != "anchor"})
    assert isinstance(known, Profile)
    assert known.anchor is None
    assert complete(kind, {**MEASURED_THERE, "submit": "entr"}) == (
        'submit: "entr" is not a chord: there is no key "entr"; did you mean "enter"?, f1 … f12',
    )


def test_a_pane_needs_no_box_and_no_colour(tmp_path: Path) -> None:
    pane = in_pane(kind_of(tmp_path))
    assert isinstance(pane, PaneProfile)
    assert (pane.submit, pane.terminal.prompt, pane.acts[Act.INTERRUPT].chord) == ("enter", "^> ", "esc")
    without = kind_of(tmp_path, PROFILE.replace('[terminal]\nprompt = "^> "\n', ""))
    assert in_pane(without) == ("it has no table [terminal], which describes its program's screen",)


def test_a_profile_for_panes_alone_says_nothing_of_what_only_windows_need(tmp_path: Path) -> None:
    text = 'submit = "enter"\nnewline = "keep"\nclear = ["ctrl+u"]\n[terminal]\nprompt = "^> "\n'
    assert isinstance(in_pane(kind_of(tmp_path, text)), PaneProfile)


def test_windows_of_a_disabled_profile_are_refused_until_somebody_said_yes(tmp_path: Path) -> None:
    reason = 'disabled = "its terms forbid typing programs."\n'
    assert wrong(home(tmp_path, profile=reason + PROFILE)) == [
        (
            'config/desks/main.toml:4: windows[0].profile: "chat" is disabled: its terms forbid typing programs. '
            "`octet profile enable chat` asks you once"
        )
    ]
    said = reason + 'enabled = { by = "ann", at = "2026-11-22T00:00:00Z" }\n'
    assert load(home(tmp_path, profile=said + PROFILE)).kinds["chat"].enabled == "by ann, 2026-11-22T00:00:00Z"


@pytest.mark.parametrize(
    ("too_long", "then"),
    [
        ("", TooLong.FILE),
        ('too_long = "file"', TooLong.FILE),
        ('too_long = "split"', TooLong.SPLIT),
        ('too_long = "refuse"', TooLong.REFUSE),
    ],
)
def test_a_long_prompt_goes_into_a_file_only_for_agents_that_can_read_one(
    tmp_path: Path, too_long: str, then: TooLong
) -> None:
    config = load(home(tmp_path, profile=f"{too_long}\n{PROFILE}{BUSY}"))
    (profile,) = config.driven_agents().values()
    assert (profile.max_chars, profile.too_long) == (4000, then)
    text = "x" * 4001
    with pytest.raises(PermanentFailure) as refused:
        prepare(text, driven(config))
    assert refused.value.reason is Reason.TOO_LONG


def test_parts_need_a_sign_that_says_when_the_next_may_come(tmp_path: Path) -> None:
    found = wrong(home(tmp_path, profile=f'too_long = "split"\n{PROFILE}'))
    assert len(found) == 1
    assert 'too_long: "split" needs a [busy] table' in found[0]


VALUES = st.one_of(st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3))
PROFILES = st.dictionaries(st.sampled_from(sorted(value_paths() - set(TABLES))), VALUES)


@given(PROFILES)
def test_values_by_their_paths_and_the_tables_of_a_file_are_the_same_thing(values: dict[str, object]) -> None:
    assert dict(leaves(nested(values))) == values


@given(PROFILES, PROFILES)
@example({"anchor": 0}, {"composer.box": 0})
def test_what_was_measured_goes_first_and_nothing_else_is_lost(
    profile: dict[str, object], measured: dict[str, object]
) -> None:
    if "composer.box" in measured:  # a window whose composer was measured has the anchor found there, or none
        profile = {path: value for path, value in profile.items() if path != "anchor"}
    assert dict(leaves(merged(nested(profile), nested(measured)))) == {**profile, **measured}
