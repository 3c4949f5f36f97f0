.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-newer-engine test-unit test-contracts test-integration test-e2e corpus check docs bench fuzz abuse chaos lock clean
MAKEFLAGS += --no-print-directory

PYTEST = .venv/bin/python -m pytest $(PYTEST_ARGS)
# Real files to try, where there is such a folder; without one those tests are skipped.
export BOXSHIP_CORPUS ?= $(abspath $(wildcard ../shared/corpus))

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## boot the reference appliance on an emulated box, and say where to look and how to upgrade it
	@scripts/setup demo
	@scripts/demo

demo-down: ## stop the demo, and remove what it made
	@scripts/demo down

test: ## all tests: unit, contracts, integration, end to end
	@scripts/setup test
	@$(PYTEST)

test-unit: ## only values and fakes; needs no engine
	@scripts/setup check
	@$(PYTEST) tests/unit

test-contracts: ## the same expectations on the fakes and on the real things
	@scripts/setup test
	@$(PYTEST) tests/contracts

test-integration: ## on a real engine
	@scripts/setup test
	@$(PYTEST) tests/integration

test-e2e: ## as a person would: command line and browser
	@scripts/setup test
	@$(PYTEST) tests/e2e

test-newer-engine: ## contracts and `up` on the newest Docker Engine that Debian has, beside the installed one
	@scripts/setup test
	@programs=$$(scripts/newer-engine) && PATH=$$programs:$$PATH .venv/bin/python -m tests.integration.on_private_engine \
		$$PWD/$(PYTEST) tests/contracts tests/integration/test_up.py -m docker

corpus: ## real files that people have: read all, start some, and write down how it went
	@scripts/setup test
	@BOXSHIP_CORPUS_RESULT=docs/real-projects.json $(PYTEST) tests/corpus
	@.venv/bin/python -m scripts.docs

check: ## format, lint, types, layers, spelling, dependencies, secrets, documents
	@scripts/setup check
	@.venv/bin/python -m scripts.check $(CHECKS)

docs: ## write the pages of docs/, the manual and the completions that follow from the program
	@scripts/setup check
	@.venv/bin/python -m scripts.docs
	@.venv/bin/python -m scripts.packaged

bench: ## measure what benchmarks/ promises, compare with the last time, and draw it for docs/
	@scripts/setup test
	@.venv/bin/python benchmarks/run.py $(or $(BENCH),--compare --draw)

fuzz: ## search for inputs that break reading: make fuzz TIME=3600 (seconds)
	@scripts/setup fuzz
	@.venv/bin/python -m tests.fuzz.campaign --time $(or $(TIME),600)

abuse: ## long campaigns: make abuse ARGS='cycles --services 20 --cycles 200' (or faults, cuts, pulls, attached, many)
	@scripts/setup test
	@.venv/bin/python -m tests.abuse.campaign $(ARGS)

chaos: ## cut a box off at every request and commit: make chaos ARGS='--sample 8' (or --time 1800; all: hours)
	@scripts/setup test
	@.venv/bin/python -m tests.chaos.campaign $(ARGS)

lock: ## pin pyproject.toml's dependencies again (make lock ARGS=--upgrade: to the newest)
	@scripts/lock $(ARGS)

clean: ## remove what make made here; the engine, its containers and its volumes stay
	rm -rf .venv .state/venv .state/lock-venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
