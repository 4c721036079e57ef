# Two commands: `make demo` and `make test`. Each makes .venv if there is none and installs tested versions into it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test check lint docs clean

demo: $(READY)
	$(BIN)/ipl run examples/quickstart/cycles.yaml

test: $(READY)
	$(BIN)/pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: lint test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: $(READY)
	$(BIN)/python docs/generate.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"ipl needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}. Set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv runs dist build
