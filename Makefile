# Needs only make and Python 3.11+. `make demo` runs the product, `make test` proves it, `make check` is its quick part.
# Windows without make: see README.md.

# The first of these that is a Python 3.11 or newer. PYTHON=... decides it by hand.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
ARGS ?=
# Two workers: the suite is laid out for two cores, and each worker runs a PostgreSQL of its own. Each begins with a half
# in one piece, so that what a file prepares is prepared once, and takes over from the other what is left at the end.
PYTEST_ARGS ?= -n 2 --dist worksteal
PG ?=

ifneq ($(filter-out 15,$(PG)),)
$(error PG=$(PG) is not known; PG=15 repeats the database tests on Debian's PostgreSQL 15)
endif

HOURS ?= 1
SEED ?= 1000

.PHONY: sim package demo test check format lock clean runtime dev python

demo: runtime
	@$(BIN)/fieldsync demo $(ARGS)

test: check
	@$(BIN)/python tools/debian.py chromium
	@$(BIN)/python -m pytest $(PYTEST_ARGS) $(ARGS)
ifeq ($(PG),15)
	@$(BIN)/python tools/debian.py postgresql
	@FIELDSYNC_TEST_PG=15 $(BIN)/python -m pytest $(PYTEST_ARGS) -m database $(ARGS)
endif

check: dev
	@$(BIN)/ruff check --quiet src tests tools
	@$(BIN)/ruff format --quiet --check src tests tools
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/house

# The Field app for people without Python, for the system this runs on.
package: dev
	@$(BIN)/python tools/package.py dist $(FOR)

sim: dev
	@$(BIN)/fieldsync sim --seed $(SEED) --steps 600 --devices 2 --hours $(HOURS)
	@$(BIN)/python -m fieldsync.sim.proof

format: dev
	@$(BIN)/ruff check --quiet --fix src tests tools
	@$(BIN)/ruff format --quiet src tests tools

lock: python
	@$(PYTHON) tools/bootstrap.py lock

clean:
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +

runtime dev: python
	@$(PYTHON) tools/bootstrap.py $@

python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer on the PATH; install one, or say make PYTHON=/path/to/it" >&2; exit 1; }
