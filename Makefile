# Every target does all of its own set-up; it needs Python 3.11 or newer (with venv), git and make, and touches nothing outside this folder.
# Choose another interpreter with `make test PYTHON=python3.12`.

VENV ?= .venv
FIND_PYTHON = for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys._base_executable)' 2>/dev/null && break; done
PYTHON ?= $(shell $(FIND_PYTHON))
PY = $(VENV)/bin/python
READY = $(VENV)/.ready

unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE # without bytecode on disk, each of the hundred processes that tests start compiles everything anew
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help test-openapi test test-long test-import test-failover test-deployments test-node node-generated simulation crashes demo bench audit lint types format lock clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

test: $(READY) ## every test but the long ones, on SQLite and on a real PostgreSQL
	$(PY) -m pytest -n 3 --dist worksteal $(ARGS)
	@echo 'And what measures real time, with nothing beside it:'
	@$(PY) -m pytest --alone $(ARGS) || test $$? = 5 # 5: ARGS chose none of it

test-long: $(READY) ## the long tests: crashes, load, thousands of simulated worlds; a few minutes of them: ARGS=--bounded
	$(PY) -m pytest -m long --hypothesis-profile thorough $(ARGS) || test $$? = 5 # 5: ARGS chose none of it
	@echo 'And what has random input, with more of it:'
	@$(PY) -m pytest -n 2 -m "random and not long" --hypothesis-profile thorough $(ARGS) || test $$? = 5

test-import: $(READY) ## the import from BullMQ, with the real package of npm and a real Redis
	timeout --kill-after=10 280 $(PY) -m pytest -m bullmq tests/bullmq_import $(ARGS)

test-failover: $(READY) ## the primary of two PostgreSQL servers killed under load, its standby promoted, with figures
	timeout --kill-after=10 280 $(PY) -m pytest -m failover -s tests/failover $(ARGS)

test-deployments: $(READY) ## behind PgBouncer in both modes, and with roles, disks and URLs that cannot work; needs pgbouncer
	timeout --kill-after=10 280 $(PY) -m pytest -m deployments tests/deployments $(ARGS)

test-deploy: $(READY) ## the folder deploy/: linted, its alert rules tried, the commands of its units and image run; what is missing is skipped
	@test -x build/deploy/bin/python || $(PY) -m venv build/deploy
	build/deploy/bin/python -m pip install --quiet --require-hashes --no-deps -r tests/deploy/requirements.lock
	timeout --kill-after=10 280 $(PY) -m pytest -m deploy tests/deploy $(ARGS)

test-node: $(READY) ## the Node package: built, tested, compared with the service, packed, installed, used with the service; needs node and npm
	cd clients/node && npm ci --silent && npm run --silent build && npm run --silent test
	mkdir -p build/node && $(PY) -m tests.client.node.generate --check build/node
	cd clients/node && npm run --silent check:generated -- ../../build/node/openapi.json && npm run --silent check:pack
	$(PY) -m pytest -m long tests/client/node

test-openapi: $(READY) ## the API's document: linted, and clients that three generators make of it compiled and called; needs node and npm
	@$(PY) -m tests.openapi

node-generated: $(READY) ## write what clients/node holds of the service: its API's document and types
	$(PY) -m tests.client.node.generate
	cd clients/node && npm run --silent generate

simulation: $(READY) ## random worlds by their seeds; ARGS='--first 0 --count 1000', ARGS='--backend postgres --seed 17'
	$(PY) -m tests.simulation $(ARGS)

crashes: $(READY) ## real processes killed, stopped and starved under load, with figures; bounded: ARGS='--kills 3 --restarts 1'
	$(PY) -m tests.crashes $(ARGS)

demo: $(READY) ## a campaign of 600 messages from schedule to arrival, in 40 seconds
	@$(VENV)/bin/queue-services demo $(ARGS)

bench: $(READY) ## the speed of the store, the intake and an idle service, as JSON lines
	$(PY) -m benchmarks $(ARGS)

audit: $(READY) ## known vulnerabilities of the locked packages; says so where nobody could be asked
	@$(PY) .ci/audit

lint: $(READY) ## style
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY) ## mypy --strict
	$(VENV)/bin/mypy

format: $(READY) ## rewrite in the project's style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(READY) ## choose the newest versions that pyproject.toml allows
	$(PY) -m pip install --quiet 'uv>=0.9'
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --extra client --extra tracing --group dev pyproject.toml --no-emit-package queue-services-client --upgrade --quiet --output-file requirements.lock
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --constraint requirements.lock pyproject.toml --no-emit-package queue-services-client --quiet --output-file deploy/container/requirements.lock
	@! grep -n '://' requirements.lock deploy/container/requirements.lock || { echo 'a lock must name no address' >&2; exit 1; }

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist src/*.egg-info clients/python/build clients/python/src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

# The packages of requirements.lock, their hashes checked, then this checkout's two distributions. Made again when one of the files changes.
$(READY): requirements.lock pyproject.toml clients/python/pyproject.toml
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer was found. Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo '$(PYTHON) is older than Python 3.11, or does not start.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation -e clients/python -e .
	@touch $@
