.PHONY: sweep test check ui bench failed slow slow-trains slow-serves exhaustive docs clean
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
TOOLS := $(VENV)/tools
TRAINS := slow and not exhaustive and not browser and not server and not ray
SERVES := (browser or server or ray) and not exhaustive
ALONE := --last-failed --last-failed-no-failures none

# runs a command and prints a line every few seconds until it ends: a download is silent for long
EVERY ?= 8
define watched
{ while sleep $(EVERY) >/dev/null 2>&1; do echo "  ... $$SECONDS s, $$(du -sm $(VENV) | cut -f1) MB in $(VENV)"; done & \
  ticker=$$!; trap "kill $$ticker" EXIT; $(1); }
endef

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing rnnsweep into $(VENV) (once; downloads 300 MB beside PyTorch: minutes, or less from pip's cache)"
	@$(call watched,$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1")
	@$(call watched,$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --editable . \
	  | { grep --line-buffered -E "^(Collecting|Installing)" || true; })
	@echo "compiling the loops of recurrent layers for this processor (once; some seconds)"
	@$(call watched,$(BIN)/python -P -m rnnsweep.api.compile_ahead 2>/dev/null || echo "the first training compiles them")
	@touch $@
	@$(if $(filter-out $(READY),$(MAKECMDGOALS)),:,echo "done; next: make sweep, or a command of README as $(BIN)/rnnsweep COMMAND")

$(TOOLS): $(READY)
	@echo "installing what tests, checks and docs need (once)"
	@$(call watched,$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev)
	@touch $@

sweep: $(READY)  ## train four architectures on real text and compare them
	@$(BIN)/rnnsweep sweep sweeps/quickstart.yaml

ui: $(READY)  ## open the MLflow UI on mlruns/
	@$(BIN)/rnnsweep ui

test: $(TOOLS)  ## the quick tests
	@$(BIN)/python -m pytest -n 2 -m "not slow and not browser and not server"

failed: $(TOOLS)  ## those that failed, once more and alone: on a busy machine a wait may end too soon
	@$(BIN)/python -m pytest $(ALONE) -m "not slow and not browser and not server"

slow: slow-trains slow-serves  ## the tests that train, open browsers and start servers

# what fails runs once more, alone
slow-trains: $(TOOLS)
	@$(BIN)/python -m pytest -n 2 -m "$(TRAINS)" || $(BIN)/python -m pytest $(ALONE) -m "$(TRAINS)"

slow-serves: $(TOOLS)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(SERVES)" || $(BIN)/python -m pytest $(ALONE) -m "$(SERVES)"

exhaustive: $(TOOLS)  ## every prefix of a sweep's record, thousands of damaged files: an hour or more
	@$(BIN)/python -m pytest -n 2 -m exhaustive

check: $(TOOLS)  ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(TOOLS)  ## what it costs, beside what one would do instead
	@$(BIN)/python -m benchmarks

docs: $(TOOLS)  ## the documentation as a site in build/site
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
