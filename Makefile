# Needs only python3 (3.11 or newer, with venv) and make; everything else is installed into .venv.
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
DATA ?= $(MONITOR_DEV_DATA)

.PHONY: install demo test check bench crash model clean

install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@PATH="$$PATH:$(CURDIR)/$(BIN)" uv sync --frozen --inexact --quiet --all-extras --python $(BIN)/python
	@touch $@

demo: install
	@$(BIN)/monitor demo

test: install
	$(BIN)/pytest

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

bench: install
	$(BIN)/python -m tests.bench

crash: install
	$(BIN)/python -m tests.crash

model: install
	$(BIN)/python models/train.py $(DATA)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis
