.PHONY: sweep test check ui bench slow clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; one to three minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

sweep: $(READY)  ## train seven architectures on real text and compare them
	@$(BIN)/rnnsweep sweep sweeps/quickstart.yaml

ui: $(READY)  ## open the MLflow UI on mlruns/
	@$(BIN)/rnnsweep ui

test: $(READY)  ## the quick tests
	@$(BIN)/python -m pytest -n 2 -m "not slow and not browser and not server"

slow: $(READY)  ## the tests that train, open browsers and start servers
	@$(BIN)/python -m pytest -n 2 -m "slow and not browser and not server"
	@$(BIN)/python -m pytest -m "browser or server"

check: $(READY)  ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(READY)  ## what it costs, beside what one would do instead
	@$(BIN)/python -m benchmarks
