# demo, test, check and bench: each makes the environment first, so a clone needs nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-faults test-timm check format golden clean
.DEFAULT_GOAL := demo

demo: .venv/ready  ## run the first study and print its answer
	$(BIN)/twopath run studies/fusion.py --workers 2

test: .venv/ready  ## all tests but the slow ones
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow"

test-slow: .venv/ready  ## those that start clusters, processes and exports
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m slow

test-faults: .venv/ready  ## those that kill and stop processes, nodes and servers
	$(BIN)/pytest tests/faults

test-timm: .venv-timm/ready  ## the part that needs timm, with the full torch it asks for (GBs)
	.venv-timm/bin/pytest tests/architectures/test_timm.py tests/contracts -k timm

check: .venv/ready  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready  ## put the code into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: .venv/ready  ## write the golden costs anew, after a change of a part that is meant
	$(BIN)/python tests/golden/regenerate.py

# One script a bench: `make bench-train ARGS="--data camvid=PATH --json"`.
bench-%: .venv/ready  ## measure; bench-train: the training loop beside a plain one
	$(BIN)/python tests/bench/$*.py $(ARGS)

clean:  ## forget the environment; results in runs/ stay
	rm -rf .venv .venv-timm build dist *.egg-info

# Rebuilt when a dependency or a version changes.
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  f"Twopath needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Without constraints.txt, whose torch has no torchvision beside it.
.venv-timm/ready: pyproject.toml
	$(PYTHON) -m venv .venv-timm
	.venv-timm/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,timm]'
	@touch $@
