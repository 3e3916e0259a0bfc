.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# uv installs a lock file in 3 s where pip takes 22 s. Where uv cannot (an index that only pip's settings name), pip does.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(1) || $(PIP) $(1)

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.tools .venv/.installed .venv/.compiled var/kafka-jars/.classes.jsa charts examples/node_modules/.package-lock.json ## Install everything that is missing: system packages, .venv, Kafka's jars
	@:

.PHONY: running
running: | .venv/.system ## Install what running needs and no more; Kafka comes with the first start
	@$(MAKE) --no-print-directory --jobs 2 .venv/.running charts

.PHONY: charts
charts: | .venv/.system ## Fetch what draws the pages' charts (uPlot), where it is missing
	@[ dashboard/static/vendor/uPlot.LICENSE -nt dashboard/package-lock.json ] || .ci/charts .venv

.PHONY: run
run: running ## From nothing to the first alert: set up, start everything, play a crisis, stay up
	@$(BIN)/buzzwatch demo

.PHONY: train
train: setup ## Install what training needs, too, and show the commands
	@$(BIN)/buzzwatch train --help

.PHONY: retrain
retrain: setup ## Retrain the champion with what people said (old data: BUZZWATCH_DATA_DIR)
	@$(BIN)/buzzwatch retrain

.PHONY: up
up: running ## Start the stack (Kafka, Redis, MLflow, worker, notifier, API) until Ctrl-C
	@$(BIN)/buzzwatch up

.PHONY: test
test: lint ## Lint and types, then all tests on all cores: unit, integration, end to end and trials with real servers
	$(BIN)/pytest --numprocesses auto

.PHONY: unit
unit: setup ## The tests that need no servers, on all cores
	$(BIN)/pytest --numprocesses auto tests/unit tests/behavioural

.PHONY: chaos
chaos: setup ## Kill things while they work and count what came out; the long run (`make test` has a short one)
	CHAOS=all $(BIN)/pytest tests/chaos -s

.PHONY: bench
bench: setup ## Measure throughput and latency on this machine
	$(BIN)/buzzwatch bench

.PHONY: lint
lint: setup types ## Style, layers, dependencies and types, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .

.PHONY: types
types: setup ## mypy, strict
	$(BIN)/mypy

.PHONY: hooks
hooks: setup ## Run the same checks before each commit
	$(BIN)/pre-commit install

.PHONY: format
format: setup ## Put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: schemas
schemas: setup ## Write docs/reference, docs/settings.md and docs/schemas from the code
	$(BIN)/python docs/generate.py

.PHONY: docs
docs: setup ## Build the documents as a site, into build/site
	$(BIN)/zensical build --strict
	@echo 'open build/site/index.html'

.PHONY: lock
lock: .venv/.uv ## Write the lock files from pyproject.toml; with UPGRADE=1 to the newest versions
	$(BIN)/uv pip compile pyproject.toml $(LOCKING) --extra train --extra deep --extra onnx --extra local --extra streamlit --extra tracing --extra bench --extra docs --extra dev --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(LOCKING) $(LEAN) --extra local --group build --output-file running.lock
	$(BIN)/uv pip compile pyproject.toml $(LOCKING) $(LEAN) --extra onnx --output-file deploy/serving.lock
	$(BIN)/uv pip compile --group pyproject.toml:mlflow-server $(LOCKING) $(LEAN) --output-file deploy/mlflow.lock
LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
  --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)
LEAN := --constraint requirements.lock --excludes deploy/unused.txt

TOOL := $(BIN)/uv tool run --quiet --from
BILL := --output-format JSON --output-reproducible --output-file build/sbom

.PHONY: sbom
sbom: .venv/.uv ## List what the images are made of, as CycloneDX, under build/sbom
	@mkdir -p build/sbom
	@$(TOOL) cyclonedx-bom==7.5.0 cyclonedx-py requirements deploy/serving.lock $(BILL)/serving.json
	@$(TOOL) cyclonedx-bom==7.5.0 cyclonedx-py requirements deploy/mlflow.lock $(BILL)/mlflow.json

.PHONY: audit
audit: .venv/.uv ## Ask whether a version in the images is known to be vulnerable (needs the advisory database)
	@$(TOOL) pip-audit==2.10.1 pip-audit --require-hashes --disable-pip --progress-spinner off --requirement deploy/serving.lock --requirement deploy/mlflow.lock

.PHONY: clean
clean: ## Remove the environment, caches and Kafka's jars; the data under var stays
	rm -rf .venv build var/kafka-jars var/environments *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +

# Each step leaves a stamp, so that the next `make setup` has nothing to do.
.venv/.system: .ci/system-packages
	@.ci/system-packages .venv
	@touch $@

# Programs that only tests start.
.venv/.tools: .ci/system-packages
	@.ci/system-packages .venv tests
	@touch $@

.venv/.uv: .venv/.system running.lock
	@awk '/^[a-z]/ {wanted = /^uv==/} wanted' running.lock > $@.txt
	@$(PIP) --require-hashes --requirement $@.txt
	@touch $@

.venv/.running: .venv/.uv running.lock pyproject.toml
	@echo 'Installing what buzzwatch runs with, into .venv: a minute or less, once.'
	@if [ ! .venv/.installed -nt running.lock ] || [ ! .venv/.installed -nt pyproject.toml ]; then \
	  $(call INSTALL,--require-hashes --requirement running.lock); \
	  $(call INSTALL,--no-build-isolation --editable .); \
	fi
	@touch $@

# The same versions and all others: into the environment that running has made, or a new one.
.venv/.installed: .venv/.uv requirements.lock pyproject.toml
	$(call INSTALL,--require-hashes --requirement requirements.lock)
	$(call INSTALL,--no-build-isolation --editable .)
	@touch $@

KERNELS := $(shell grep -ls '^@compiled' models/*/*.py stream/*/*.py)

.venv/.compiled: .venv/.installed $(KERNELS)
	@echo 'compiling the scoring path'
	@$(BIN)/python -m bootstrap.compile

examples/node_modules/.package-lock.json: examples/package-lock.json | .venv/.tools
	@.ci/examples .venv

var/kafka-jars/.pom: pom.xml | .venv/.running
	$(BIN)/python -c "from local.servers.kafka_jars import ensure_jars; ensure_jars()"
	@touch $@

# Half of the processor time that a broker of the tests takes to start.
var/kafka-jars/.classes.jsa: var/kafka-jars/.pom .venv/.installed
	@echo "keeping Kafka's classes for tests"
	@$(BIN)/python -m tests.java_classes
