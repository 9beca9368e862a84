# Everything runs in .venv, which appears by itself: Python >= 3.10, pip and make are enough.
#
#   make demo    the store at work, on a Postgres of its own
#   make test    the tests
#   make check   format, lint, types
#   make bench   the measurements
#   make audit   known holes in what is installed
#   make sbom    the bill of materials, sbom.cdx.json
#   make docs    the documentation site, in site/; to see it: make docs ARGS=serve
#   make clean   remove .venv and what tools left behind
#
# Another interpreter: PYTHON=python3.12 make test
# Arguments for pytest: make test ARGS="-m slow tests/runtime"

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Half the processors: every worker of the tests has a Postgres to feed.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
	[ $$n -gt 8 ] && n=8; echo $$(( n > 3 ? n / 2 : n )))
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'

# A .venv of another version than the one asked for is made anew; none asked for, it stays.
WANTED := $(if $(PYTHON),$(shell $(PYTHON) $(VERSION)))
ifneq ($(PYTHON),)
ifeq ($(WANTED),)
$(error PYTHON=$(PYTHON) cannot be run)
endif
endif
FOUND := $(shell $(BIN)/python $(VERSION) 2>/dev/null)
ifneq ($(WANTED),)
ifneq ($(WANTED),$(FOUND))
FOUND :=
.PHONY: $(VENV)/python-made
endif
endif
PYTHON ?= python3

.PHONY: help demo test check format bench audit sbom docs clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/demo-installed
	@$(BIN)/python examples/demo.py $(ARGS)

test: $(VENV)/dev-installed
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/dev-installed
	@echo "ruff format --check"
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@echo "ruff check"
	@$(BIN)/ruff check --quiet .
	@echo "mypy"
	@MYPY_NUM_WORKERS=$(WORKERS) $(BIN)/mypy

format: $(VENV)/dev-installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/dev-installed
	@$(BIN)/python -m benchmarks $(ARGS)

audit: $(VENV)/dev-installed
	@$(BIN)/python .ci/supply_chain.py audit $(ARGS)

sbom: $(VENV)/dev-installed
	@$(BIN)/python .ci/supply_chain.py sbom $(ARGS)

docs: $(VENV)/docs-installed
	@NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs $(or $(ARGS),build --strict)

# Debian keeps ensurepip in a package of its own (python3-venv): pip itself can stand in for it.
$(VENV)/python-made:
ifeq ($(FOUND),)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "Python 3.10 or later is needed, $(PYTHON) is older: PYTHON=python3.12 make …"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@rm -f $(VENV)/*-installed
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
# That of an older Python takes minutes to choose the versions, a newer one seconds.
	-@$(PIP) --upgrade pip
endif
	@touch $@

$(VENV)/demo-installed: pyproject.toml | $(VENV)/python-made
	@echo "installing what the demo needs (once)"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/dev-installed: pyproject.toml | $(VENV)/python-made
	@echo "installing what development needs (once, some minutes)"
	@$(PIP) --editable '.[dev]'
# Without it, jsonschema checks no IRI; with it, each process that imports jsonschema takes 3 s more.
	@$(BIN)/python -m pip uninstall --quiet --yes rfc3987-syntax
	@touch $@

$(VENV)/docs-installed: pyproject.toml | $(VENV)/python-made
	@echo "installing what the site needs (once)"
	@$(PIP) --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) build dist site sbom.cdx.json htmlcov .coverage .coverage.* .hypothesis \
		.mypy_cache .pytest_cache .ruff_cache .langgraph_api *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
