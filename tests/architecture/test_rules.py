"""The whole tree keeps the project's rules. (test_rules_bite.py shows that each rule finds what it looks for.)"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.mutations import LIST, read
from tests.architecture import product_rules, rules

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for path in rules.tracked_files(ROOT) if "tests/data/" not in path.as_posix()]
PYTHON = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in rules.PARTS]
# The sandbox has no kit to supervise by, and ends its tasks where it starts them.
SUPERVISED = [p for p in OURS if p.name != "supervise.py" and p.relative_to(ROOT).parts[0] != "sandbox"]
TESTS = [path for path in PYTHON if path.relative_to(ROOT).parts[0] == "tests"]
WAITING = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in {"tests", "bench"}]
NPM_LOCKS = [path for path in rules.tracked_files(ROOT) if path.name == "package-lock.json"]
LOCKS = [path for path in FILES if path.parent == ROOT / "requirements" and path.name != "overrides.txt"]
RULES: dict[str, tuple[Callable[[str], list[str]], list[Path]]] = {
    "files and functions are short": (rules.too_long, PYTHON),
    "every module says what it is for": (rules.without_docstring, PYTHON),
    "importing never reads the environment": (rules.early_environment, OURS),
    "no bare background tasks": (rules.loose_tasks, SUPERVISED),
    "limits of waits follow the machine's pace": (rules.unscaled_waits, WAITING),
    "no notes to oneself": (rules.markers, FILES),
    "every ignore has a reason": (rules.bare_ignores, PYTHON),
    "every handler of all errors has a reason": (rules.broad_excepts, OURS),
    "no package host is named": (rules.hosts, FILES),
    "no path of one machine": (rules.machine_paths, FILES),
    "no test skips itself": (rules.skipped_tests, TESTS),
    "locks hold no address": (rules.addresses_in_lock, [*LOCKS, *NPM_LOCKS]),
    "every setting that ignores says why": (rules.unreasoned_settings, [ROOT / "pyproject.toml"]),
}


def test_there_is_something_to_look_at() -> None:
    assert len(OURS) > 5
    assert {path.parent.name for path in NPM_LOCKS} >= {"editors", "inspector", "web"}
    assert {path.name for path in LOCKS} == {"runtime.txt", "dev.txt", "build.txt", "web.txt", "wine.txt"}


@pytest.fixture(scope="module")
def breaches() -> dict[str, list[str]]:
    """Ask all rules about one file after the other, so that each is read and parsed once."""
    asked: dict[Path, list[str]] = defaultdict(list)
    for name, (_, paths) in RULES.items():
        for path in paths:
            asked[path].append(name)
    found: dict[str, list[str]] = defaultdict(list)
    for path, names in asked.items():
        text = rules.text_of(path)
        for name in names:
            found[name] += [f"{path.relative_to(ROOT)}: {what}" for what in RULES[name][0](text)]
    return found


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_kept(breaches: dict[str, list[str]], rule: str) -> None:
    assert not breaches[rule], "\n".join(breaches[rule])


@pytest.fixture(scope="module")
def trees() -> product_rules.Trees:
    return product_rules.trees(ROOT)


def source(trees: product_rules.Trees, path: Path) -> str | ast.Module:
    """Return a module of the product as it was parsed, and the text of any other."""
    return trees.get(product_rules.dotted(path, ROOT)) or rules.text_of(path)


@pytest.mark.parametrize("rule", product_rules.RULES)
def test_the_product_keeps_each_rule(trees: product_rules.Trees, rule: str) -> None:
    breaches = product_rules.RULES[rule](trees)
    assert not breaches, "\n".join(breaches)


def test_comments_and_the_pages_for_contributors_are_plain_english() -> None:
    assert product_rules.odd_words(ROOT) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [f"{path.relative_to(ROOT)}: {what}" for path in PYTHON for what in rules.vague_name(path, ROOT)]
    assert not found, "\n".join(found)


def test_no_package_is_empty() -> None:
    assert rules.empty_packages(ROOT) == []


@pytest.mark.parametrize("part", [*rules.PARTS, "bench", "scripts"])
def test_no_modules_import_each_other_in_a_circle(trees: product_rules.Trees, part: str) -> None:
    paths = [path for path in PYTHON if path.relative_to(ROOT).parts[0] == part]
    assert rules.import_cycle({rules.module_name(path, ROOT): source(trees, path) for path in paths}) == []


def test_private_modules_are_imported_only_at_home(trees: product_rules.Trees) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in OURS
        for what in rules.private_imports(
            source(trees, path), rules.module_name(path, ROOT), is_package=path.name == "__init__.py"
        )
    ]
    assert not found, "\n".join(found)


def test_interfaces_translate_and_neither_store_nor_act(trees: product_rules.Trees) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in OURS
        for what in rules.interface_imports(source(trees, path), rules.module_name(path, ROOT))
    ]
    assert not found, "\n".join(found)


def test_locks_hold_every_dependency_and_never_the_other_xlib() -> None:
    project = tomllib.loads(rules.text_of(ROOT / "pyproject.toml"))
    wanted = {
        "runtime": project["project"]["dependencies"],
        "dev": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
        "build": project["dependency-groups"]["build"],
    }
    for name, dependencies in wanted.items():
        pins = rules.pinned_names(rules.text_of(ROOT / f"requirements/{name}.txt"))
        assert rules.required_names(dependencies) <= pins, f"requirements/{name}.txt is behind: make lock"
        assert "python3-xlib" not in pins


def test_the_packages_that_the_user_asked_for_are_dependencies() -> None:
    project = tomllib.loads(rules.text_of(ROOT / "pyproject.toml"))
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    asked_for = {"discord-py", "aiosqlite", "apscheduler", "pyautogui", "pillow", "openai", "pytest", "pytest-asyncio"}
    assert asked_for <= rules.required_names(declared)


def test_both_locks_agree_on_every_version() -> None:
    runtime = rules.pins(rules.text_of(ROOT / "requirements/runtime.txt"))
    dev = rules.pins(rules.text_of(ROOT / "requirements/dev.txt"))
    assert runtime.items() <= dev.items(), "requirements/dev.txt must hold all of runtime.txt: make lock"


def test_each_mutation_of_the_list_fits_the_code() -> None:
    """Who changes a line that tests/data/mutations.toml names changes the entry, too."""
    mutations = read(LIST)
    stale = [
        f'"{one.name}": {one.file} has the old text {count} times'
        for one in mutations
        if (count := rules.text_of(ROOT / one.file).count(one.old)) != 1
    ]
    gone = [test for one in mutations for test in one.tests if not (ROOT / test.partition("::")[0]).exists()]
    assert (stale, gone) == ([], [])


def test_there_are_sixty_mutations_of_all_layers() -> None:
    mutations = read(LIST)
    assert len({one.name for one in mutations}) == len(mutations) >= 60
    assert {one.file.split("/")[0] for one in mutations} == {"automation", "bot", "core", "sandbox"}
