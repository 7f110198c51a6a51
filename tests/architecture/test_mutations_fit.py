"""The list of mutations fits the code: who changes a line that it names changes the entry, too (`make mutations`)."""

from __future__ import annotations

from scripts.mutations import LIST, ROOT, read

MUTATIONS = read(LIST)


def test_the_old_text_of_each_mutation_occurs_once_and_its_tests_exist() -> None:
    stale = [
        f'tests/data/mutations.toml: "{one.name}": {one.file} has the old text {count} times'
        for one in MUTATIONS
        if (count := (ROOT / one.file).read_text(encoding="utf-8").count(one.old)) != 1
    ]
    gone = [test for one in MUTATIONS for test in one.tests if not (ROOT / test.partition("::")[0]).exists()]
    assert (stale, gone) == ([], [])


def test_there_are_thirty_mutations_of_all_three_layers_each_with_its_own_name() -> None:
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS) >= 30
    assert {one.file.split("/")[0] for one in MUTATIONS} == {"automation", "bot", "core"}
