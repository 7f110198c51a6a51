"""Which program that Octet starts gets which agent's token, and by which file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bot.cli.init.templates import copy_templates
from core.calibration.writer import DeskTemplate, write_displays, write_panes
from core.config.loader import Config, load
from core.config.program_environ import write_program_environs
from core.home import Home, hooks_file
from core.security.codes import ReplyKeys
from core.security.keys import load_key


def written(config: Config) -> dict[str, str]:
    write_program_environs(config, ("/usr/bin/octet",))
    home = config.home
    return {str(file.relative_to(home.displays)): file.read_text() for file in home.displays.glob("*/*.env")}


def token_of(home: Home, agent: str) -> str:
    return ReplyKeys(key=load_key(home.codes_key)).key(agent)


def test_each_display_and_pane_gets_its_agents_token_in_a_file_for_this_account(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    write_displays(home, 1, DeskTemplate(program=["xterm"], profile="demo_xterm", title="{agent}"))
    found = written(load(home))
    assert list(found) == ["desk-1/program.env"]
    assert f"OCTET_AGENT_TOKEN={token_of(home, 'Agent-1')}\n" in found["desk-1/program.env"]
    assert f"OCTET_HOME={tmp_path.resolve()}\n" in found["desk-1/program.env"]
    write_panes(home, [DeskTemplate(program=["cat"], profile="claude_code")] * 2)
    found = written(load(home))
    assert token_of(home, "Agent-2") in found["panes/agent-2.env"]
    assert {file.stat().st_mode & 0o777 for file in home.displays.glob("*/*.env")} == {0o600}


def test_a_pane_gets_a_settings_file_whose_hooks_call_this_octet(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    write_panes(home, [DeskTemplate(program=["claude"], profile="claude_code")] * 2)
    written(load(home))
    file = hooks_file(home.displays / "panes")
    assert file.stat().st_mode & 0o777 == 0o600
    (group,) = json.loads(file.read_text())["hooks"]["UserPromptSubmit"]
    command = f"/usr/bin/octet hook claude_code --home {tmp_path.resolve()}"
    assert group == {"hooks": [{"type": "command", "command": command}]}


def test_a_program_that_several_agents_share_gets_no_token_any_more(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    write_displays(home, 1, DeskTemplate(program=["xterm"], profile="demo_xterm", title="{agent}"))
    config = load(home)
    assert list(written(config)) == ["desk-1/program.env"]
    first = next(agent for agent in config.agents if agent.desk == "desk-1")
    assert written(replace(config, agents=(*config.agents, replace(first, name="Second")))) == {}
    assert list(written(config)) == ["desk-1/program.env"]
    assert written(replace(config, agents=())) == {}


def test_a_lost_key_is_not_made_again_for_a_token(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    write_displays(home, 1, DeskTemplate(program=["xterm"], profile="demo_xterm", title="{agent}"))
    home.db.write_text("tasks")
    assert written(load(home)) == {}
    assert not home.codes_key.exists()
