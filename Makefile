# ProctorHub: `make run` serves it, `make demo` rehearses one exam, `make test` tests everything.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# VISION=1 installs the extras that look and listen; an environment that has them keeps them.
LOCK   := $(if $(VISION)$(wildcard $(VENV)/vision.stamp),vision,run)
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run demo test lint lock bench-media bench-live bench-faults bench-soak bench-database bench-vision clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-16s %s\n", $$1, $$2}'

run: $(VENV)/$(LOCK).stamp ## Install what is needed and serve http://localhost:8000 until Ctrl-C (VISION=1: with software that looks)
	$(BIN)/proctorhub run $(ARGS)

demo: $(VENV)/$(LOCK).stamp ## Let one synthetic candidate sit a short exam, and say whether all of it worked
	$(BIN)/proctorhub rehearse -n 1 --minutes 0.5 --json $(ARGS)

test: $(VENV)/dev.stamp ## Run every check and test, the browser included
	scripts/test-tools
	$(MAKE) lint
	$(BIN)/pytest --numprocesses 2 --durations 20 $(ARGS)

lint: $(VENV)/dev.stamp ## Style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/dev.stamp ## Choose new versions of all dependencies
	$(BIN)/pip install --quiet uv
	$(COMPILE) --upgrade --extra dev --extra vision --extra insightface setup.cfg -o requirements/dev.txt
	$(COMPILE) --extra vision --extra insightface -c requirements/dev.txt setup.cfg -o requirements/vision.txt
	$(COMPILE) -c requirements/dev.txt setup.cfg -o requirements/run.txt

bench-media: $(VENV)/dev.stamp ## What the media node costs
	$(BIN)/python -m benchmarks.media $(ARGS)

bench-faults: $(VENV)/dev.stamp ## What cuts, crashes and absent storage do to recordings
	$(BIN)/python -m benchmarks.faults $(ARGS)

bench-soak: $(VENV)/dev.stamp ## Whether a node stays well: 60 sessions for 10 minutes
	$(BIN)/python -m benchmarks.soak $(ARGS)

bench-live: $(VENV)/dev.stamp ## How quickly a proctor sees a candidate
	$(BIN)/python -m benchmarks.live $(ARGS)

bench-database: $(VENV)/dev.stamp ## What the embedded database does
	$(BIN)/python -m benchmarks.database $(ARGS)

bench-vision: $(VENV)/dev.stamp ## What looking costs, how quick and how right it is
	$(BIN)/python -m benchmarks.vision $(ARGS)

clean: ## Remove the environment; data under var/ stays
	rm -rf $(VENV) build *.egg-info

$(VENV)/run.stamp: requirements/run.txt setup.cfg
	scripts/environment $(PYTHON) $(VENV) requirements/run.txt
	@touch $@

$(VENV)/vision.stamp: requirements/vision.txt setup.cfg
	scripts/environment $(PYTHON) $(VENV) requirements/vision.txt
	@touch $@ $(VENV)/run.stamp

$(VENV)/dev.stamp: requirements/dev.txt setup.cfg
	scripts/environment $(PYTHON) $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/run.stamp $(VENV)/vision.stamp
