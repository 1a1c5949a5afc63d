# One command per intent. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The registry's torch drags in gigabytes of CUDA. A wheel folder that pip was told of is handed on to uv;
# without one, uv is told to take the CPU build.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
else
export UV_TORCH_BACKEND := cpu
endif
# uv trusts what the machine trusts, as pip does: companies have certificates of their own.
export UV_SYSTEM_CERTS := 1
# Nothing is sent anywhere, and nothing is looked up at a model hub.
export HF_HUB_OFFLINE := 1
export TRANSFORMERS_OFFLINE := 1
export ANONYMIZED_TELEMETRY := False
export DO_NOT_TRACK := 1
# Python keeps what it compiled, whatever the machine says: each start is then half as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: setup ## Set up, load the sample knowledge base, start API and chat page on port 8000
	@exec $(BIN)/careloop serve --load-sample

.PHONY: test
test: setup ## Set up and run all tests, with branch coverage
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-branch --cov-report=term:skip-covered --cov-fail-under=95

.PHONY: setup
setup: $(READY) ## Make the virtual environment, convert the encoder, train triage

$(READY): requirements.lock pyproject.toml Makefile
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Careloop needs Python 3.11; set PYTHON=/path/to/python3.11."; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing what requirements.lock pins ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m inference.prepare var/models
	@$(BIN)/python -m careloop.prepare
	@touch $(READY)

.PHONY: lock
lock: ## Resolve pyproject.toml into requirements.lock
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --group dev pyproject.toml \
	  | sed -E 's/^(torch==[0-9.]+)\+cpu/\1/' > requirements.lock.new
	mv requirements.lock.new requirements.lock

.PHONY: check
check: setup ## Check format, lint, types, import layers and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/docs

.PHONY: format
format: setup ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: setup ## Compare with LangChain + Chroma and with Haystack, side by side in one run
	$(BIN)/python -m bench.run

.PHONY: load
load: setup ## 16 concurrent conversations for 60 seconds against a real server
	$(BIN)/python -m bench.load

.PHONY: bench-triage
bench-triage: setup ## What triage costs beside the encoder pass that it needs
	$(BIN)/python -m bench.triage --memory

.PHONY: crash
crash: setup ## kill -9 twenty times during ingestion and chat, and count what was lost
	$(BIN)/python -m bench.crash

.PHONY: deliver
deliver: setup ## 10,000 signals to every connector's contract server, the worker killed twenty times
	$(BIN)/python -m bench.delivery

.PHONY: latency
latency: setup ## From message to request at a connector, on SQLite and on PostgreSQL
	$(BIN)/python -m bench.latency

.PHONY: clean
clean: ## Remove the virtual environment and all data
	rm -rf $(VENV) var
