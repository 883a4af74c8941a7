# `make help` lists what there is. Everything below sets up what it needs by itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
ARGS ?=
unexport PYTHONDONTWRITEBYTECODE  # where it is set, each of hundreds of processes would compile all it loads: 3 s

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what running needs: Python and front-end packages, the broker
	@.ci/setup runtime

.PHONY: setup-dev
setup-dev: ## Install what testing needs on top: test tools, Chromium, Chinese fonts
	@.ci/setup dev

.PHONY: demo
demo: setup ## Run a whole cycle on this machine and leave it open to look around (ARGS="--once --json")
	@$(BIN)/evenhand demo $(ARGS)

.PHONY: check
check: setup-dev lint ## The quick tier, under two minutes: lint, types, import rules, tests without real processes
	$(BIN)/pytest -q -n 2 -m "not system and not slow" $(ARGS)

.PHONY: test
test: setup-dev lint ## Everything: the quick tier, then real broker, real database, real browser, wheel, migrations
	$(BIN)/pytest -q -n 2 -m "not system and not slow"
	$(BIN)/pytest -q -n 2 --dist loadscope -m "system or slow" --durations=30 $(ARGS)

.PHONY: test-the-tests
test-the-tests: setup-dev ## Plant defects one by one; each must be caught by the suite
	$(BIN)/python tests/defects/run.py $(ARGS)

.PHONY: sim-night
sim-night: setup-dev ## 20,000 seeds of whole simulated devices; prints the command that plays a failing one again
	$(BIN)/evenhand sim sweep --seeds 20000 $(ARGS)

.PHONY: lint
lint: setup-dev ## Formatting, lint, strict types, import rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup-dev ## Put the code into its form
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

.PHONY: load
load: setup-dev ## Load on a local server, small by default: HTTP ordering and console, an allocation batch
	$(BIN)/evenhand load $(ARGS)

.PHONY: bench
bench: setup-dev ## Measure against the targets; writes docs/benchmarks.md and a JSON beside it
	$(BIN)/python -m loadtests.bench $(ARGS)

.PHONY: bench-allocation
bench-allocation: setup-dev ## The allocation's rows alone, with solvers as peers; others' figures stay (ARGS="--quick")
	$(BIN)/python -m loadtests.bench allocation $(ARGS)

.PHONY: bench-forecast
bench-forecast: setup-dev ## Forecasts against simple and costlier methods, in error and speed; others' figures stay
	$(BIN)/python -m loadtests.bench forecast $(ARGS)

.PHONY: bench-terminal
bench-terminal: setup-dev ## A busy shop's terminal: start, memory after a day, tap to painted in Chromium; others' figures stay
	$(BIN)/python -m loadtests.bench terminal $(ARGS)

.PHONY: bench-console
bench-console: setup-dev ## Time and queries of every page of the console, with 10,000 shops and 1 M order lines
	$(BIN)/python -m loadtests.bench console $(ARGS)

.PHONY: bench-fleet
bench-fleet: setup-dev ## 10,000 terminals with certificates: connected, ordering in the last second, coming back at once
	$(BIN)/python -m loadtests.bench fleet $(ARGS)

.PHONY: bench-voices
bench-voices: setup-dev ## An announcement to 10,000 terminals, a survey's results of 200,000 answers, a plan of 2,000 visits
	$(BIN)/python -m loadtests.bench voices visits $(ARGS)

.PHONY: seed-large
seed-large: setup-dev ## Fill a running, empty installation: 10,000 shops, 1 M order lines, three years of cycles
	$(BIN)/python -m loadtests.seeding

.PHONY: docs
docs: setup-dev ## Write the generated pages: configuration, OpenAPI, JSON Schemas
	$(BIN)/python -m evenhand.docs

.PHONY: i18n
i18n: setup-dev ## Collect the texts to translate into the catalogs
	$(BIN)/python -m evenhand.catalogs

.PHONY: lock
lock: setup-dev ## Resolve the locked packages anew
	@.ci/lock

.PHONY: sbom
sbom: setup-dev ## Write dist/sbom.json: what a running installation is made of, from the lock (CycloneDX)
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.json .ci/runtime.lock

.PHONY: clean
clean: ## Remove everything that running and testing left, the data of demos included
	@.ci/clean
