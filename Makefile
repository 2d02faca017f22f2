# Attune. `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= python3.11
PIP_ARGS ?=
PROFILE ?= local
SET ?=
REGISTRY ?= ghcr.io/attune
BASE ?= python:3.11-slim-bookworm
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ATTUNE_SHARED_DATA ?= $(wildcard $(abspath ../shared/data))
export ATTUNE_SHARED_DATA

settings := $(if $(DATA),--set data.conversations=$(DATA)) $(if $(PREFERENCES),--set data.preferences=$(PREFERENCES)) \
	$(if $(BASE_MODEL),--set base_model.id=$(BASE_MODEL)) $(foreach item,$(SET),--set $(item))

.DEFAULT_GOAL := help
.PHONY: help setup run compile test test-slow test-images lint format type check-lock samples base-model detector bench-anonymize bench-dp bench-ppo golden-record images lock clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): pyproject.toml images/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q $(PIP_ARGS) -c images/constraints.txt torch
	$(BIN)/pip install -q $(PIP_ARGS) -c images/constraints.txt -e ".[author,data,anonymize,train,privacy,evaluate,dev]"
	touch $@

setup: $(STAMP) ## Make .venv with pinned dependencies (torch first, so that PIP_ARGS can point at its CPU build).

run: $(STAMP) ## Run the pipeline here. DATA=, PREFERENCES=, BASE_MODEL= for your own; SET="ppo.kl_coef=0.1 ..." for settings.
	$(BIN)/attune run --profile $(PROFILE) $(settings)

compile: $(STAMP) ## Write the KFP IR to attune-alignment.yaml.
	$(BIN)/attune compile attune-alignment.yaml --profile $(if $(filter local,$(PROFILE)),single-gpu,$(PROFILE)) $(settings)

test: $(STAMP) ## Lint, types and every test but the slow and container tiers (under 15 minutes on 2 cores).
	$(MAKE) --no-print-directory lint type
	$(BIN)/python -m pytest -m "not slow and not docker"

test-slow: $(STAMP) ## The whole DAG, run, repeated, changed (about 12 minutes on 2 cores).
	$(BIN)/python -m pytest -m slow

test-images: $(STAMP) ## Build both images and run stages in them (needs a container engine; BASE= and PIP_ARGS= as for `images`).
	$(BIN)/python -m pytest -m docker tests/images

lint: $(STAMP) ## Ruff: style and errors.
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(STAMP) ## Ruff: mend what can be mended.
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

type: $(STAMP) ## Mypy, strict, over components and pipelines.
	$(BIN)/mypy

samples: $(STAMP) ## Generate the sample data again (byte-identical) and print their audit.
	$(BIN)/python -m components.builtin.samples.build && $(BIN)/python -m components.builtin.samples.audit

base-model: $(STAMP) ## Pretrain builtin:tiny again. DATA= names the folder of public text sets (see its model card).
	$(BIN)/python -m components.builtin.tiny.pretrain --data $(DATA)

detector: $(STAMP) ## Train the neural detector's head again. DATA= names the folder of public text sets (see its model card).
	$(BIN)/python -m components.anonymize.neural.train --data $(DATA)

bench-anonymize: $(STAMP) ## Recall, fairness, over-masking, leaks and cost of anonymization, with bounds. BENCH="--quick --part planted --memory ...".
	$(BIN)/python -m tests.benchmarks.anonymize $(BENCH)

bench-dp: $(STAMP) ## What differential privacy of sft costs and buys: validation loss and membership attacks, by budget.
	$(BIN)/python -m tests.benchmarks.dp_sft

.venv-trl/.installed: images/constraints.txt
	test -x .venv-trl/bin/python || $(PYTHON) -m venv .venv-trl
	echo '*' > .venv-trl/.gitignore
	.venv-trl/bin/pip install -q $(PIP_ARGS) -c images/constraints.txt torch
	grep -v '^trl==' images/constraints.txt > .venv-trl/constraints.txt
	.venv-trl/bin/pip install -q $(PIP_ARGS) -c .venv-trl/constraints.txt trl==1.12.0 transformers peft datasets accelerate
	touch $@

bench-ppo: $(STAMP) .venv-trl/.installed ## PPO against TRL 1.12.0's: speed, memory, distance from the limit. BENCH="--sizes default,large --part mixed ...".
	$(BIN)/python -m tests.benchmarks.ppo --peer-python .venv-trl/bin/python $(BENCH)

golden-record: $(STAMP) ## Record the golden runs anew; refuses a dirty tree.
	$(BIN)/python -m tests.golden.record

images: ## Build the container images. REGISTRY=, BASE=, PIP_ARGS=, DOCKER_ARGS=.
	for image in data train; do docker build $(DOCKER_ARGS) -f images/$$image/Dockerfile --build-arg BASE=$(BASE) \
	  --build-arg PIP_ARGS="$(PIP_ARGS)" --build-arg GIT_COMMIT=$$(git rev-parse HEAD) -t $(REGISTRY)/$$image:$$(git rev-parse --short HEAD) . || exit 1; done

lock: $(STAMP) ## Write images/constraints.txt from what is installed.
	$(BIN)/pip freeze --exclude-editable > images/constraints.txt

clean: ## Remove runs and caches; .venv stays.
	rm -rf runs .mypy_cache .ruff_cache .pytest_cache
