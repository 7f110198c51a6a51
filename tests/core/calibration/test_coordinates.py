"""Old files of coordinates: the three shapes they had, and what is said about those that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.calibration.coordinates import AgentPoint, misplaced, read_coordinates, shifted
from core.calibration.model import BadCoordinates
from core.profiles.model import Box

LEFT, MAIN = Box(x=-1920, y=0, width=1920, height=1080), Box(x=0, y=0, width=1920, height=1080)
NESTED = """{
  "version": "2.0", "last_updated": "2025-09-15",
  "coordinate_system": {"origin": "top-left", "unit": "pixels", "max_resolution": "multi-monitor"},
  "agents": {
    "Agent-1": {"active": true, "chat_input_coordinates": [-1269, 481], "onboarding_input_coords": [-1265, 171],
                "description": "Integration"},
    "Agent-5": {"chat_input_coordinates": [652, 421], "colour": "red"},
    "Agent-9": {"active": false, "chat_input_coordinates": [9, 9]}
  },
  "validation_rules": {"max_x": 2000}, "favourite": 7
}"""


def written(folder: Path, text: str) -> Path:
    file = folder / "cursor_agent_coords.json"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_flat_shape(tmp_path: Path) -> None:
    flat = {
        "Agent-1": {"chat_input_coordinates": [-1269, 481], "onboarding_input_coords": [-1265, 171]},
        "Agent-2": {"chat_input_coordinates": [-308.0, 480]},
    }

    found = read_coordinates(written(tmp_path, json.dumps(flat)))

    assert found.points == (
        AgentPoint(agent="Agent-1", at=(-1269, 481), onboarding=(-1265, 171)),
        AgentPoint(agent="Agent-2", at=(-308, 480)),
    )
    assert found.left_out == ()


def test_the_nested_shape_with_all_that_stands_in_such_files_and_a_mark_of_windows_before_it(tmp_path: Path) -> None:
    found = read_coordinates(written(tmp_path, "\ufeff" + NESTED))

    assert [(point.agent, point.at) for point in found.points] == [("Agent-1", (-1269, 481)), ("Agent-5", (652, 421))]
    assert found.left_out == (
        '"favourite" beside the agents is not known and was left out',
        "agents.Agent-5.colour is not known and was left out",
        "Agent-9 is not active there and was left out",
    )


def test_the_list_shape(tmp_path: Path) -> None:
    listed = [{"agent_id": "Agent-1", "x": -1269, "y": 481}, {"agent_id": "Agent-2", "x": 5, "y": 6, "speed": 3}]

    found = read_coordinates(written(tmp_path, json.dumps(listed)))

    assert found.points == (AgentPoint(agent="Agent-1", at=(-1269, 481)), AgentPoint(agent="Agent-2", at=(5, 6)))
    assert found.left_out == ("[1] (Agent-2).speed is not known and was left out",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is no JSON (line 1: Expecting property name enclosed in double quotes)"),
        ("7", "it holds neither a table of agents nor a list of them"),
        ("{}", "it names no agent"),
        ('{"Agent-1": [1, 2]}', "Agent-1 is a list where a table of an agent is expected"),
        ('{"Agent-1": {"x": 3}}', "Agent-1 has no chat_input_coordinates"),
        (
            '{"agents": {"A": {"chat_input_coordinates": [1]}, "B": {"chat_input_coordinates": ["1", 2.5]}}}',
            ("agents.A.chat_input_coordinates is [1] where two whole numbers of pixels are expected, [x, y]; "
            'agents.B.chat_input_coordinates is ["1", 2.5] where two whole numbers of pixels are expected, [x, y]'),
        ),
        (
            '{"A": {"chat_input_coordinates": [true, 1e9]}}',
            "A.chat_input_coordinates is [true, 1000000000.0] where two whole numbers of pixels are expected, [x, y]",
        ),
        ('[{"x": 1, "y": 2}, {"agent_id": "B", "x": 1}, 3]', ("[0] has no agent_id; [1] (B) has no y; [2] is 3 where a "
         "table of an agent is expected")),
        ('[{"agent_id": "B", "x": 1, "y": 2}, {"agent_id": "b", "x": 9, "y": 9}]', '[1] names "b" a second time'),
        (
            '{"A": {"chat_input_coordinates": [1, 2]}, "A": {"chat_input_coordinates": [3, 4]}}',
            '"A" stands twice in one table',
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = written(tmp_path, text)

    with pytest.raises(BadCoordinates) as wrong:
        read_coordinates(file)

    assert wrong.value.message == f"{file} cannot be imported: {why}."


def test_points_on_a_monitor_to_the_left_are_right_and_outside_of_every_monitor_are_not() -> None:
    points = [AgentPoint(agent="Agent-1", at=(-1269, 481)), AgentPoint(agent="Agent-5", at=(652, 421))]

    assert misplaced(points, [LEFT, MAIN]) == []
    assert misplaced(points, [MAIN]) == [
        "Agent-1 is at -1269,481, outside of every monitor",
        "the monitors here: 1920×1080 from 0,0. If all are meant to be moved by the same way, say --shift x,y",
    ]
    both = Box(x=0, y=0, width=3840, height=1080)
    assert misplaced(shifted(points, (1920, 0)), [both]) == []


def test_two_agents_at_one_place_are_told() -> None:
    points = [AgentPoint(agent="Agent-7", at=(698, 936)), AgentPoint(agent="Agent-8", at=(700, 940))]

    assert misplaced(points, [MAIN]) == ["Agent-8 and Agent-7 share one place, 700,940 and 698,936"]
