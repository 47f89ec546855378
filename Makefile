# `make demo` and `make test` set up everything they need: Python and a package registry are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ALIVE := $(BIN)/python .ci/alive

.PHONY: demo test lint unit screenshots setup clean

demo: .make/local
	@$(BIN)/finetui demo

test: .make/test lint unit

lint: .make/test
	@echo "== ruff, pyright, import-linter"
	@$(ALIVE) $(BIN)/ruff check .
	@$(ALIVE) $(BIN)/ruff format --check .
	@$(ALIVE) $(BIN)/pyright
	@$(ALIVE) $(BIN)/lint-imports --no-logo

# Two workers, one thread each: two torch processes with two threads each on two cores are ten times slower.
unit: .make/test
	@echo "== tests"
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE PYTHONUNBUFFERED=1 $(ALIVE) $(BIN)/pytest -n 2 --dist loadgroup

# Pictures and a recorded tour for the README, of the real app over real jobs.
screenshots: .make/pictures
	@$(ALIVE) $(BIN)/python screenshots/draw.py
	@$(ALIVE) $(BIN)/python screenshots/tour.py

setup: .make/test

clean:
	rm -rf $(VENV) .make .types build dist *.egg-info

.make/local: pyproject.toml .ci/setup
	@PYTHON=$(PYTHON) .ci/setup $(VENV) local
	@mkdir -p .make && touch $@

.make/test: pyproject.toml .ci/setup
	@PYTHON=$(PYTHON) .ci/setup $(VENV) local,test
	@mkdir -p .make .types && ln -sfn .. .types/finetui && touch $@ .make/local

.make/pictures: .make/test
	@PYTHON=$(PYTHON) .ci/setup $(VENV) local,test,pictures
	@touch $@
