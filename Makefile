# What one does in this checkout. `make help` lists it.

SYSTEM ?= targets/shop/system.yaml
ARGS ?=
BIN := .venv/bin

# A shell may tell Python to keep no bytecode; here that is compiled again in each of the many programs that are started.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test defects kills doctor lint format lock lock-check clean

help: ## what one can make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  (options go into ARGS: make run ARGS="--seed 7", make test ARGS="-k relay")'

setup: ## make the environment in .venv, if it is not there or no longer fits the lock
	@PYTHON='$(PYTHON)' scripts/bootstrap

run: setup ## the main job: bring the shop up, verify, break and fuzz it; ends in a verdict and a report
	@$(BIN)/harness run $(SYSTEM) $(ARGS)

test: setup ## the tests of the harness, and the contracts of the shop
	@scripts/test $(ARGS)

defects: setup ## plant mistakes in the shop one by one, and see which of them are found
	@$(BIN)/python -m chaos.defects $(ARGS)

kills: setup ## kill the harness in every phase of an experiment, and see what is left
	@$(BIN)/python -m chaos.kills $(ARGS)

doctor: setup ## what the harness needs, what it found, and what mends the rest
	@$(BIN)/harness doctor

lint: setup ## ruff, mypy and import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

format: setup ## let ruff format the code
	@$(BIN)/ruff format

lock: ## resolve uv.lock anew where pyproject.toml asks for it, and export it for pip (needs uv)
	@scripts/lock

lock-check: ## prove that uv.lock fits pyproject.toml, and that the export is equal to it (needs uv)
	@scripts/lock --check

clean: ## remove the environment, the runs and all caches
	rm -rf .venv .harness .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
