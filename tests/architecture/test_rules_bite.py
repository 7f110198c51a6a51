"""Positive controls: each rule complains about a broken variant and accepts its correct twin."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import product_rules, rules

NOQA = "# no" + "qa"


@pytest.mark.parametrize(
    ("rule", "broken", "mended"),
    [
        (rules.too_long, '"""."""\n' * 1_001, '"""."""\n' * 1_000),
        (rules.too_long, "def f():\n" + "    x = 1\n" * 80, "def f():\n" + "    x = 1\n" * 79),
        (rules.too_long, "class C:\n  async def f(self):\n" + "    x = 1\n" * 80, "class C:\n" + "    x = 1\n" * 90),
        (rules.without_docstring, "import os\n", '"""Says why."""\nimport os\n'),
        (rules.early_environment, "import os\nHOME = os.environ['HOME']\n", "def f():\n    return os.environ\n"),
        (rules.early_environment, "def f(home=os.getenv('HOME')): ...\n", "def f(home=None): return getenv('HOME')\n"),
        (rules.early_environment, "class C:\n    home = environ.get('X')\n", "C = lambda: environ.get('X')\n"),
        (rules.loose_tasks, "asyncio.create_task(f())\n", "group.create_task(f())\n"),
        (rules.loose_tasks, "asyncio.get_running_loop().create_task(f())\n", "supervise(group, f)\n"),
        (rules.loose_tasks, "asyncio.ensure_future(f())\n", "asyncio.sleep(0)\n"),
        (rules.unscaled_waits, "subprocess.run(argv, timeout=60)\n", "subprocess.run(argv, timeout=patience(60))\n"),
        (rules.unscaled_waits, "LIMIT_S = 30.0\nprocess.wait(LIMIT_S)\n", "LIMIT_S = patience(30)\np.wait(LIMIT_S)\n"),
        (rules.unscaled_waits, "thread.join(20)\n", "','.join(names)\nthread.join(1)\n"),
        (rules.unscaled_waits, "@pytest.mark.timeout(30)\ndef f(): ...\n", "pytest.mark.timeout(300)(f)\n"),
        (rules.markers, "# TO" + "DO: later\n", "# done\n"),
        (rules.markers, "x = 1  # FIX" + "ME\n", "fixme_count = 1\n"),
        (rules.bare_ignores, f"x = 1  {NOQA}\n", "x = 1\n"),
        (rules.bare_ignores, f"x = 1  {NOQA}: S608\n", f"x = 1  {NOQA}: S608 — the name is ours\n"),
        (rules.bare_ignores, "x = 1  # type: " + "ignore\n", "x = 1  # pyright: " + "ignore[reportX] — has no types\n"),
        (rules.broad_excepts, "    except Exception as e:\n", "    except Exception:  # of one row\n"),
        (rules.hosts, "https://pypi" + ".org/simple\n", "the package index\n"),
        (rules.machine_paths, "open('/wo" + "rk/main/x')\n", "open(root / 'work/main')\n"),
        (rules.machine_paths, "HOME=/ro" + "ot/octet\n", "see https://example.org/ro" + "ot/octet\n"),
        (rules.skipped_tests, "@pytest.mark.ski" + "pif(True)\n", "@pytest.mark.display\n"),
        (rules.addresses_in_lock, "--index-url https://x\n", "a==1 \\\n    --hash=sha256:00\n"),
        (rules.unreasoned_settings, 'ignore = [\n    "D100",\n]\n', 'ignore = [\n    "D100",  # why not\n]\n'),
        (
            rules.unreasoned_settings,
            '[tool.ruff.lint.per-file-ignores]\n"a.py" = ["T20"]\n',
            '[tool.ruff.lint.per-file-ignores]\n"a.py" = ["T20"]  # speaks\n[tool.other]\nx = ["T20"]\n',
        ),
    ],
)
def test_rule_finds_the_breach_and_only_it(rule: Callable[[str], list[str]], broken: str, mended: str) -> None:
    assert rule(broken)
    assert rule(mended) == []


@pytest.mark.parametrize("test", ["entry.name == 'EggLaid'", "entry.name in {'EggLaid', 'x'}"])
def test_an_event_that_code_knows_by_its_name_is_found(test: str) -> None:
    event = "class EggLaid(Event): ...\n"
    assert product_rules.events_by_name({"core.a": ast.parse(f"{event}if {test}: ...")})
    assert product_rules.events_by_name({"core.a": ast.parse(f"{event}match x:\n  case 'EggLaid': ...")})
    assert (
        product_rules.events_by_name({"core.a": ast.parse(f"{event}match x:\n  case EggLaid(): y = 'EggLaid'")}) == []
    )


def test_a_foreign_look_at_how_far_a_route_got_is_found() -> None:
    look = ast.parse("text('SELECT 1 FROM notice_posts')")
    assert product_rules.foreign_posts({"core.messages._store": look})
    assert product_rules.foreign_posts({"core.notices._store": look}) == []


def test_a_second_door_to_done_is_found() -> None:
    door = ast.parse("class A:\n  def finish(self): self.move(tx, 1, TaskState.DONE, by=by)")
    assert product_rules.doors_to_done({"core.tasks.repository": door}) == []
    assert product_rules.doors_to_done({"core.tasks.answers": door})


@pytest.mark.parametrize("broken", ["briefs.templates = 1", "a.news.b, c = 1, 2", "self.tasks.files |= {}"])
def test_an_object_that_composition_finishes_later_is_found(broken: str) -> None:
    kept = "class C:\n  def __init__(self): self.tasks, x = make(self.store), 1"
    assert product_rules.finished_later({"core.coordinator": ast.parse(f"def f(): {broken}")})
    assert product_rules.finished_later({"core.coordinator": ast.parse(kept)}) == []


def test_names_that_say_nothing_are_found_anywhere_in_the_path(tmp_path: Path) -> None:
    assert rules.vague_name(tmp_path / "core/tasks/utils.py", tmp_path)
    assert rules.vague_name(tmp_path / "core/_helpers/model.py", tmp_path)
    assert rules.vague_name(tmp_path / "core/tasks/model.py", tmp_path) == []


def test_an_empty_package_is_found_until_it_has_a_module(tmp_path: Path) -> None:
    package = tmp_path / "core/tasks"
    package.mkdir(parents=True)
    (tmp_path / "core/__init__.py").write_text('"""Decides."""\n')
    (package / "__init__.py").write_text('"""Tasks."""\n')
    assert rules.empty_packages(tmp_path)
    (package / "model.py").write_text('"""What a task is."""\n')
    assert rules.empty_packages(tmp_path) == []


def test_a_circle_of_imports_is_found_and_a_line_is_not() -> None:
    line = {"a": "from b import x", "b": "import c.d", "c.d": "import os"}
    assert rules.import_cycle(line) == []
    assert set(rules.import_cycle({**line, "c.d": "from a import y"})) == {"a", "b", "c.d"}


@pytest.mark.parametrize(
    ("source", "module", "is_allowed"),
    [
        ("from core.tasks import _store", "core.dispatch.service", False),
        ("from core.tasks._store import rows", "core.dispatch.service", False),
        ("import core.tasks._store", "bot.app", False),
        ("from core.tasks.service import _secret", "core.dispatch.service", False),
        ("from core.tasks._store import rows", "core.tasks.service", True),
        ("from core.store import _sqlite", "core.store.deeper.engine", True),
        ("from core.tasks import __version__", "bot.app", True),
        ("from pyautogui import _pyautogui_x11", "automation.desktop.x11.input", True),
    ],
)
def test_private_modules_stay_private(source: str, module: str, *, is_allowed: bool) -> None:
    assert (rules.private_imports(source, module) == []) is is_allowed


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("from core.coordinator import Coordinator", True),
        ("from core.tasks.model import Task", True),
        ("from core.notices.ports import Notices", True),
        ("from core.kit.errors import NotFound", True),
        ("from bot.discord.render import card", True),
        ("import discord", True),
        ("from core.tasks.service import Tasks", False),
        ("from core.store import Store", False),
        ("from automation.desktop import worker", False),
        ("from bot.web import app", False),
    ],
)
def test_interfaces_know_little(source: str, *, is_allowed: bool) -> None:
    assert (rules.interface_imports(source, "bot.discord.cogs.tasks") == []) is is_allowed


def test_pins_and_requirements_are_read_by_their_normal_names() -> None:
    assert rules.required_names(["discord.py>=2.7", "sqlalchemy[asyncio]>=2", "Xlib; sys_platform == 'linux'"]) == {
        "discord-py",
        "sqlalchemy",
        "xlib",
    }
    assert rules.pins(
        "Discord_py==2.7.1 \\\n    --hash=sha256:00\nsqlalchemy[asyncio]==2.1 ; python_version > '3'\n"
    ) == {
        "discord-py": "2.7.1",
        "sqlalchemy": "2.1",
    }


SEVEN = ", ".join(f"p{number}: int" for number in range(7))
FIELDS = "\n    ".join(f"f{number}: int" for number in range(7))


@pytest.mark.parametrize(
    ("rule", "broken", "kept"),
    [
        (product_rules.wide_constructors, f"class C:\n    def __init__(self, {SEVEN}): ...", f"def f({SEVEN}): ..."),
        (
            product_rules.wide_constructors,
            f"@dataclass(slots=True)\nclass C:\n    {FIELDS}",
            f"class C(BaseModel):\n    {FIELDS}",
        ),
        (
            product_rules.wide_constructors,
            f"class C:\n    def __init__(self, *, {SEVEN}): ...",
            f"@dataclass(frozen=True)\nclass C:\n    {FIELDS}",
        ),
        (product_rules.deep_chains, "coordinator.fleet.boards.remove()", "coordinator.fleet.remove()"),
        (product_rules.deep_chains, "self._words.words.deliveries.end()", "self._services.words.deliveries.end()"),
        (product_rules.deep_chains, "i.client.coordinator.tasks.signs.stir()", "i.client.coordinator.tasks.stir()"),
        (product_rules.deep_chains, "view.task.place.jump()", "view.task.place.lower()"),
        (product_rules.deep_chains, "os.path.part.walk()", "import os\nos.path.part.walk()"),
        (product_rules.sentence_fields, "class C:\n    reason: str", "class C:\n    reason: Reason"),
        (product_rules.sentence_fields, "class C:\n    note: str | None = None", "class C:\n    note: Text"),
        (product_rules.decisions_by_text, "row.reason.startswith('window ')", "row.name.startswith('window ')"),
        (product_rules.decisions_by_text, "reason.removeprefix(x)", "remove(reason)"),
        (product_rules.decisions_by_text, "'lock' in listener.why", "why in WHYS"),
        (product_rules.decisions_by_text, "self.note != 'by Ada'", "self.note != ''"),
        (product_rules.dialects, "from sqlalchemy.dialects.sqlite import insert", "from sqlalchemy import insert"),
        (product_rules.dialects, "Index('a', 'b', sqlite_where=X)", "partial_index('a', 'b', where=X)"),
        (product_rules.odd_english, "say('Nobody is told.')", "say('Octet tells the user.')"),
        (product_rules.odd_english, 'def f(): """What stands there."""', 'def f(): """Return the text."""'),
        (
            product_rules.lonely_protocols,
            "class P(Protocol):\n    def run(self): ...",
            "class P(Protocol):\n    def __call__(self): ...",
        ),
        (
            product_rules.lonely_protocols,
            "class P(Protocol):\n    async def run(self): ...",
            "class P(Protocol):\n    @property\n    def desk(self): ...\n    def run(self): ...",
        ),
    ],
)
def test_a_counted_rule_finds_the_breach_and_only_it(
    rule: Callable[[product_rules.Trees], list[str]], broken: str, kept: str
) -> None:
    assert rule({"core.tasks.model": ast.parse(broken)})
    assert rule({"core.tasks.model": ast.parse(kept)}) == []


def test_a_class_name_of_two_modules_is_found_and_a_private_one_is_not() -> None:
    one, private = ast.parse("class Lookout: ..."), ast.parse("class _Lookout: ...")
    assert product_rules.doubled_classes({"bot.a": one, "core.b": one})
    assert product_rules.doubled_classes({"bot.a": one, "core.b": private, "core.c": private}) == []


@pytest.mark.parametrize(
    ("module", "users", "lines", "is_kept"),
    [
        ("core.tasks.crumb", 1, 20, False),
        ("core.tasks.crumb", 0, 59, False),
        ("core.tasks.crumb", 2, 20, True),
        ("core.tasks.crumb", 1, 60, True),
        ("core.tasks._store", 1, 20, True),
        ("core.tasks.__init__", 0, 1, True),
        ("bot.verbs.crumb", 1, 20, True),
    ],
)
def test_a_small_module_with_one_user_is_found(module: str, users: int, lines: int, *, is_kept: bool) -> None:
    user = ast.parse(f"from {module} import x")
    trees = {module: ast.parse("\n" * (lines - 1) + "x = 1")}
    trees |= {f"core.other{number}": ast.Module(body=user.body * 80, type_ignores=[]) for number in range(users)}
    long = {name: tree for name, tree in trees.items() if name != module}
    found = [one for one in product_rules.crumbs(trees) if one.split()[0] not in long]
    assert (found == []) is is_kept
