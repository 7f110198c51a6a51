# Two commands matter: `make demo` to see it, `make test` to trust it. Both set everything up on a fresh machine.
.DEFAULT_GOAL := help
.PHONY: help demo demo-check tour test test-long test-root test-windows test-clients test-agents check fmt wheel wheels release-home lock schemas docs page web golden bench soak mutations fresh late clean setup

# Tests start hundreds of Python programs, each of which would compile all of Octet again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PY := .venv/bin/python
BOOTSTRAP := $(PYTHON) -B -m scripts.bootstrap
# Two for each core: a test with windows or whole programs mostly waits for them.
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | awk -F': +' '{printf "  make %-12s %s\n", $$1, $$2}'

demo:  ## a local Discord, eight windows, the real bot and the real driver, on one page (AGENT=opencode adds the real one)
	@$(BOOTSTRAP) demo
	@$(if $(AGENT),$(PY) -m scripts.agents.start $(AGENT) --install)
	@$(PY) -m bot demo $(if $(AGENT),--program "env PYTHONPATH=$(CURDIR) $(abspath $(PY)) -m scripts.agents.start $(AGENT)")

demo-check:  ## drive the demo through its page in Chromium, from its start to its end; leaves seven screenshots
	@$(BOOTSTRAP) test
	@OCTET_TIERS="display browser" $(PY) -m pytest -q tests/e2e/test_demo.py
	@echo "The screenshots:" && ls tests/out/demo-*.png

tour:  ## write the pictures of docs/tour.md, people.md and tasks.md anew: runs the demo and uses its page in Chromium
	@$(BOOTSTRAP) tour
	@$(PY) -m scripts.tour

test:  ## make check, then every tier of tests but their long forms (OCTET_TIERS="unit contract" chooses fewer)
	@$(PYTHON) -B -m scripts.durations
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.check
	@$(PY) -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-long:  ## what make test has in a short form (long kills and matrices, properties with many examples; at most 40 min)
	@$(PYTHON) -B -m scripts.durations long
	@$(BOOTSTRAP) test
	@$(PY) -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
		-m "long or hypothesis" --hypothesis-profile=long -o timeout=1800

test-root:  ## full and write-protected disks, power cuts, a container, a second account (needs root, mount and e2fsprogs)
	@$(BOOTSTRAP) test
	@unshare --mount --propagation private $(PY) -m pytest -q tests/as_root $$(find tests -name test_second_account.py)

test-windows:  ## the parts for Windows, with Windows' own Python under Wine (COUNT=200 for a longer self-test)
	@$(BOOTSTRAP) windows
	@$(PY) -m scripts.wine --count $(or $(COUNT),40)

test-clients:  ## bots of eleven Discord libraries against the local Discord (needs npm and PyPI; NAME=eris takes one)
	@$(BOOTSTRAP) check
	@$(PY) -m scripts.clients $(if $(NAME),--name $(NAME))

test-agents:  ## Octet with the real agent programs of npm on a scripted model (a part: NAME=codex LANE=panes CHECKS=texts; FRESH=1)
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.agents $(if $(NAME),--name $(NAME)) $(if $(LANE),--lane $(LANE)) $(if $(CHECKS),--checks "$(CHECKS)") \
		$(if $(FRESH),--fresh)

check:  ## linter, types, imports and the project's rules
	@$(BOOTSTRAP) check
	@$(PY) -m scripts.check
	@OCTET_TIERS=unit $(PY) -m pytest -q tests/architecture

fmt:  ## format and mend what can be mended by machine
	@$(BOOTSTRAP) check
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

wheel:  ## the wheel of this version, with its sha256 beside it, in dist/
	@$(BOOTSTRAP) demo
	@$(PY) -m scripts.page
	@$(PY) -m scripts.wheels --own

release-home:  ## a home of this version for the tests of upgrades, in tests/data/releases (once for each release)
	@$(BOOTSTRAP) demo
	@$(PY) -m scripts.release_home

wheels:  ## all that pipx installs, checked against the locks, in dist/; prints the command that installs it
	@$(BOOTSTRAP) demo
	@$(PY) -m scripts.page
	@$(PY) -m scripts.wheels

lock:  ## compile requirements/*.txt anew (UPGRADE=1 takes newer versions)
	@sh scripts/lock.sh $(if $(UPGRADE),--upgrade)

schemas:  ## write config/schemas/*.json anew, by which editors complete the files of config/
	@$(BOOTSTRAP) check
	@$(PY) -m scripts.schemas

docs:  ## write the tables of commands, configuration and API in docs/, and of agents' commands, anew, from the code
	@$(BOOTSTRAP) check
	@$(PY) -m scripts.verb_tables
	@$(PY) -m scripts.config_tables
	@$(PY) -m scripts.agent_commands
	@$(PY) -m scripts.page_words

page:  ## build the page (web/) into bot/web/static; make demo and make test do it too
	@$(BOOTSTRAP) demo
	@$(PY) -m scripts.page

web:  ## the page's development server, before the Octet at OCTET_URL (http://127.0.0.1:8321): see CONTRIBUTING.md
	@$(BOOTSTRAP) check
	@$(PY) -m scripts.page --serve

golden:  ## write tests/golden anew: the list of sentences and the payloads of a tour through Discord; review the diff
	@$(BOOTSTRAP) test
	@$(PY) -m tests.golden

bench:  ## one benchmark: make bench NAME=ack (N=… for the long form); without NAME all
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.bench $(NAME)

soak:  ## the long forms of kills, days, commands, thieves and the self-test; takes hours (NAME=kills takes one)
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.soak $(NAME)

mutations:  ## small mutations of the code, of which the tests must detect each (REV=… takes a commit and its tests)
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.mutations $(if $(REV),--rev $(REV))

fresh:  ## prove demo, first use and test on a fresh Debian (needs root and mmdebstrap); STEPS="refused demo" takes some
	@$(PYTHON) -B -m scripts.fresh $(STEPS)

late:  ## all tests beside busy cores; with TESTS=tests/e2e/test_kills.py these, their processes stopped now and then
	@$(BOOTSTRAP) test
	@$(PY) -m scripts.late $(if $(TESTS),,--busy) $(PY) -m pytest -q $(TESTS)

clean:  ## remove what the other commands made
	@rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/out .wine .clients .agents tests/sandbox/clients/node_modules web/node_modules web/out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
