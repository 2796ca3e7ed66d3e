# Needs Python 3.11 or newer and make, nothing else. PYTHON=… chooses the interpreter.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.crossbook-installed
NOTEBOOK_STAMP := $(VENV)/.crossbook-notebook-installed
PEERS_VENV := .venv-peers
PEERS_STAMP := $(PEERS_VENV)/.crossbook-installed
PEERS_PINS := tests/differential/requirements.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check
PART_BENCHES := $(filter-out bench_peers,$(basename $(notdir $(wildcard tests/bench/bench_*.py))))
PYTEST_ARGS ?=

IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$name -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1; then echo $$name; exit; fi; done; echo python3)
endif

.PHONY: help demo test check lint format bench mutants notebook setup peers constraints clean

help: ## Show this help
	@echo "Crossbook: backtests of strategies that trade spreads across venues"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## Backtest both demo strategies and write their report
	@$(BIN)/crossbook demo

test: $(STAMP) ## Run the tests (PYTEST_ARGS="-k name" for some)
	@$(MAKE) --no-print-directory peers || \
		echo "No $(PEERS_VENV): the tests against other simulators will be skipped." >&2
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint test ## Run everything CI runs: lint, format, types, import contracts, tests

lint: $(STAMP) ## Check style, format, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## Race other simulators and measure parts (ARGS="--only market_making" for some)
	@$(MAKE) --no-print-directory peers
	@$(BIN)/python -m tests.bench.bench_peers $(or $(ARGS),--write-docs)
	@set -e; for script in $(if $(ARGS),,$(PART_BENCHES)); do \
		echo "== $$script"; $(BIN)/python -m tests.bench.$$script; done

mutants: $(STAMP) ## Plant ten faults in the exchange, tests and gate must catch each (slow)
	@$(BIN)/python -m tests.mutants

notebook: $(NOTEBOOK_STAMP) ## Open the notebooks in JupyterLab, on this machine only
	@$(BIN)/jupyter lab --ip=127.0.0.1 --notebook-dir=$(or $(wildcard notebooks),.) \
		$(if $(filter 0,$(shell id -u)),--allow-root)

setup: $(STAMP) ## Create .venv and install the project into it

peers: $(PEERS_STAMP) ## Create .venv-peers, other simulators to test against

constraints: ## Pin every package anew into constraints.txt
	@rm -rf build/constraints
	@$(PYTHON) -m venv build/constraints
	@build/constraints/bin/python -m pip --disable-pip-version-check install --quiet \
		--editable ".[ml,dev,notebook,spark,state,transformer,volatility]"
	@{ echo "# Everything that base, ml, dev, notebook, spark, state, transformer and volatility install; made by: make constraints"; \
		build/constraints/bin/python -m pip --disable-pip-version-check freeze \
		--exclude-editable | sed 's/+cpu$$//'; } > constraints.txt
	@rm -rf build/constraints
	@echo "constraints.txt: $$(grep -c == constraints.txt) packages pinned"

clean: ## Remove caches and build results; keeps .venv, lake and out
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Made once, and again when what is to be installed changes.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(IS_NEW_ENOUGH)' 2>/dev/null || { \
		echo "Crossbook needs Python 3.11 or newer; $(PYTHON) is" \
			"$$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Name another one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python cannot make virtual environments: on Debian and Ubuntu install" \
			"the package python3-venv." >&2; exit 1; }
	@echo "Installing Crossbook into $(VENV) (once; a few minutes)"
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[ml,dev,spark,transformer,volatility]"
	@touch $@

$(NOTEBOOK_STAMP): $(STAMP)
	@echo "Installing JupyterLab into $(VENV) (once)"
	@$(PIP) install --quiet --constraint constraints.txt --editable ".[ml,dev,notebook,spark,transformer,volatility]"
	@touch $@

# Other simulators cap numpy and pandas lower than Crossbook does, hence an environment of their own.
$(PEERS_STAMP): $(PEERS_PINS)
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	@echo "Installing other simulators into $(PEERS_VENV) (once)"
	@$(PEERS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement $(PEERS_PINS)
	@touch $@
