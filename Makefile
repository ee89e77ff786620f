# make demo and make test set up .venv on their first run.
# Without a GPU, unless the CPU wheel of PyTorch is the default: make demo TORCH_INDEX=<URL of PyTorch's CPU index> (README).
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
READY := $(VENV)/.ready
BIN := $(VENV)/bin

.PHONY: demo test test-all lint clean

demo: $(READY)
	$(BIN)/kanseq demo -o demo

test: $(READY) lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 -m "not slow"

# All tests, also those marked slow.
test-all: $(READY) lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Install torch first and pinned, so that packages that depend on it do not fetch another build.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("kanseq needs Python 3.10 or newer; set PYTHON=...") if sys.version_info < (3, 10) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo
