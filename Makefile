# Everything a developer runs, and what CI runs: the same words. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8400
DATA := data
BIN := .venv/bin

.PHONY: help run setup test mutants lint format bench lock clean

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: .venv/run ## Serve the demo on http://127.0.0.1:8400 (PORT=...), with SQLite in ./data
	@$(BIN)/postroom demo --data-dir $(DATA) --base-url http://127.0.0.1:$(PORT) || echo "Serving what is in ./$(DATA)."
	@exec $(BIN)/postroom serve --data-dir $(DATA) --port $(PORT)

setup: .venv/dev ## Make the environment for development

test: .venv/dev ## Run all tests, on SQLite and PostgreSQL, with real mail servers
	@scripts/install-test-servers.sh
	$(BIN)/coverage run -m pytest -q tests/core
	$(BIN)/coverage report
	$(BIN)/pytest -q -n auto --dist worksteal

mutants: .venv/dev ## Change the law in one place at a time, and see that a test notices
	scripts/mutants.sh

lint: .venv/dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev ## Put the code into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev ## Measure, and write docs/performance.md
	$(BIN)/python -m bench

lock: .venv/dev ## Write the lock files anew, also those of the SDKs
	scripts/lock.sh

clean: ## Remove the environment and every cache, never ./data
	rm -rf .venv .cache .coverage .hypothesis .mypy_cache mutants .pytest_cache .ruff_cache

.venv/run: requirements/run.txt pyproject.toml
	@scripts/install-environment.sh $(PYTHON) run
	@touch $@

.venv/dev: requirements/dev.txt pyproject.toml
	@scripts/install-environment.sh $(PYTHON) dev
	@touch $@ .venv/run
