# Needs make, Python >= 3.11 and a package index; everything else lands in .venv and .local.
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.9
AUDIT_VERSION := 2.10.1
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
BENCH := .venv-bench
RIVALS := tests/benchmarks/requirements.txt
QUEUES := tests/benchmarks/queues
SUPPORTED_PYTHONS := 3.11 3.12 3.13 3.14
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-pythons faults soak coverage bench check audit format dashboards stack traffic pictures lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start everything on this machine: PostgreSQL, Valkey, the API (ARGS="--port 8001" for options)
	@exec $(BIN)/python -m service up $(ARGS)

test: $(INSTALLED) ## Prove it: every test that needs no Docker, on real servers
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(MAKE) --no-print-directory test-pythons

test-pythons: $(INSTALLED) ## The unit tests on every supported Python that is installed
	@UV=$(UV) sh tests/on_each_python.sh $(SUPPORTED_PYTHONS)

faults: $(INSTALLED) ## Kill, freeze and cut off what the service is made of, and prove that nothing is lost, in under 10 minutes (ARGS="--seed 7")
	@$(BIN)/python -W error -m tests.faults $(ARGS)

soak: $(INSTALLED) ## Half an hour of load and restarts, and nothing may grow: memory, files, connections, keys, series (ARGS="--minutes 2")
	@$(BIN)/python -m tests.soak $(ARGS)

coverage: $(INSTALLED) ## Fails unless the tests of `observability` itself take each of its branches, in about 90 seconds
	$(BIN)/python -m pytest tests/unit/observability tests/integration/test_admin.py \
		--cov=observability --cov-branch --cov-report=term-missing --cov-fail-under=100 $(ARGS)

bench: $(BENCH)/.installed ## Measure us beside our rivals, in about 20 minutes (ARGS="p1 p3" for some rows)
	@$(BENCH)/bin/python -m tests.benchmarks $(ARGS)

check: $(INSTALLED) ## Lint, format, types, import contracts, generated files up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m dashboards check

audit: $(UV) ## Ask PyPI whether a locked dependency has a known weakness (needs a network; not part of check)
	@sh tests/audit.sh $(UV) tool run --quiet pip-audit==$(AUDIT_VERSION)

format: $(INSTALLED) ## Format and apply safe lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

traffic: $(INSTALLED) ## Two minutes of realistic load on `make run`, with a slow spell and a spell of errors (ARGS="--run-time 10m --host ...")
	@SAMPLE_PASSWORD="$${SAMPLE_PASSWORD:-$$(cat .local/sample-users.secret 2>/dev/null)}" \
		$(BIN)/python -m locust -f dashboards/traffic/locustfile.py --headless --only-summary --exit-code-on-error 0 \
		--host http://127.0.0.1:8000 --users 20 --run-time 2m $(ARGS)

pictures: $(INSTALLED) ## Draw docs/pictures from the data of a real run, in about three minutes (needs prometheus)
	$(BIN)/python -m tests.pictures

dashboards: $(INSTALLED) ## Write rules, alerts, their tests and boards from dashboards/slo.yaml
	$(BIN)/python -m dashboards build

stack: $(INSTALLED) ## Prometheus and Alertmanager of this machine, beside `make run` (ARGS="--api-port 8001" for options)
	@exec $(BIN)/python -m dashboards stack $(ARGS)

lock: $(UV) ## Resolve pyproject.toml into requirements.lock again
	$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --upgrade \
		--output-file requirements.lock --quiet

clean: ## Remove the environment and all local data
	@# Root may have had to keep the data of PostgreSQL elsewhere, behind this link.
	@[ ! -L .local/postgres ] || rm -rf "$$(readlink -f .local/postgres)"
	rm -rf $(VENV) $(BENCH) .venv-3.* .local .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Glasshouse needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Creating $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock | $(UV)
	@echo "Installing the locked dependencies"
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

$(BENCH)/.installed: requirements.lock $(RIVALS) $(QUEUES)/requirements.txt $(QUEUES)/arq.txt | $(UV)
	@echo "Installing the locked dependencies and the rivals into $(BENCH)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(BENCH)
	@$(UV) pip install --quiet --compile-bytecode --python $(BENCH)/bin/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --compile-bytecode --python $(BENCH)/bin/python -r $(RIVALS)
	@$(UV) venv --quiet --python $(BIN)/python $(BENCH)/queues
	@$(UV) pip install --quiet --compile-bytecode --python $(BENCH)/queues/bin/python -r $(QUEUES)/requirements.txt
	@$(UV) venv --quiet --python $(BIN)/python $(BENCH)/arq
	@$(UV) pip install --quiet --compile-bytecode --python $(BENCH)/arq/bin/python -r $(QUEUES)/arq.txt
	@touch $@
