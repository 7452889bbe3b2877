# Every target sets up what it needs first; the machine needs Python 3.11+, make and a C library.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := torch==2.13.0
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
# two a core: a third of the tests' time is waiting
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')

WEB := soundmill/studio/web
# its own Node, from PyPI, and never another that happens to be there
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(WEB)

.PHONY: setup web demo dev test lint types types-web bench lock clean help

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(VENV)/.installed $(VENV)/.web ## create .venv with everything pinned in requirements.lock, and build the pages' scripts

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "set-up: about 2.4 GB of packages into $(VENV), once; three to ten minutes"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Soundmill needs Python 3.11 or newer; name one with: make setup PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot create virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@# lhotse needs torch; its ordinary Linux build brings gigabytes of CUDA, so the CPU build is tried first.
	@echo "set-up 1 of 4: PyTorch, CPU build"
	@$(BIN)/python -c 'import importlib.metadata as m, sys; sys.exit(not m.version("torch").startswith("2.13.0"))' 2>/dev/null \
	  || $(PIP) install --quiet --no-deps --retries 0 --timeout 15 --index-url $(TORCH_CPU_INDEX) $(TORCH) 2>/dev/null \
	  || $(PIP) install --quiet --quiet $(TORCH)
	@echo "set-up 2 of 4: $$(wc -l < requirements.lock) packages of requirements.lock"
	@( $(PIP) install --no-deps -r requirements.lock 2>&1; echo "exit $$?" ) | $(PYTHON) .ci/progress.py $$(wc -l < requirements.lock)
	@echo "set-up 3 of 4: Soundmill itself"
	@$(PIP) install --quiet --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Without an npm registry in reach all else works: the pages say what is missing, and the next make tries again.
$(VENV)/.web: $(VENV)/.installed $(WEB)/package-lock.json $(WEB)/build.mjs $(wildcard $(WEB)/src/*.ts $(WEB)/src/*.tsx)
	@echo "set-up 4 of 4: the pages' scripts"
	@if $(MAKE) --no-print-directory web; then touch $@; else \
	  echo "the pages' scripts could not be built: see above; the pipeline, the commands and the APIs work without them"; fi

web: $(VENV)/.installed ## fetch what the pages' scripts are built from (npm, by hash), and build them
	@test $(WEB)/node_modules/.package-lock.json -nt $(WEB)/package-lock.json || $(NPM) ci --no-update-notifier --loglevel=error \
	  || { echo "npm could not fetch its packages; behind a proxy with a certificate of its own set NODE_EXTRA_CA_CERTS"; exit 1; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" node $(WEB)/build.mjs

demo: setup ## a household scene through the whole graph, with a table of what was found
	@$(BIN)/soundmill demo

dev: setup ## the Dagster UI on http://localhost:3000, the studio on http://localhost:8000
	@$(BIN)/soundmill dev

test: setup ## the whole test suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: setup ## ruff and the layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: setup ## mypy, strict; tsc, strict, against the studio's own OpenAPI
	@$(BIN)/mypy
	@test ! -e $(WEB)/node_modules || $(MAKE) --no-print-directory types-web

types-web:
	@mkdir -p $(WEB)/src/generated
	@$(BIN)/python -m soundmill.studio.openapi > $(WEB)/src/generated/openapi.json
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(WEB)/node_modules/.bin/openapi-typescript $(WEB)/src/generated/openapi.json -o $(WEB)/src/generated/api.d.ts >/dev/null
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(WEB)/node_modules/.bin/tsc -p $(WEB)

bench: setup ## speed, as ratios against named peers in the same run
	@$(BIN)/python -m bench

lock: ## resolve requirements.lock anew (needs uv); names no registry, nothing of CUDA, no StrEnum for Pythons before 3.11
	uv pip compile pyproject.toml --group dev --universal --no-emit-index-url --no-header --no-annotate --quiet \
	  | grep -vE '^(nvidia-|cuda-|triton|backports-strenum)' > requirements.lock.new && mv requirements.lock.new requirements.lock

clean: ## remove the environment, caches and the local data in .soundmill
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/src/generated soundmill/studio/static/built .soundmill .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
