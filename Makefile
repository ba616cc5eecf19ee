# Every target sets up what it needs. `make demo SECONDS=90 SOUND=street.wav DEVICES=20`
.PHONY: help setup training servers test-tools secrets demo check format unit laws integration e2e test fuzz-api test-training conformity privacy reference faults disaster load security fuzz peers clean

# many short processes: none of them should compile our code again
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
SYNCED := .venv/.synced
CODE := schemas acoustics hearing agents processors records api cityhum dashboard training benchmarks deploy
# no doctests in processors/adapters, whose imports take a second
PURE_TESTS := --ignore=processors/adapters tests/unit tests/property schemas acoustics hearing agents processors records api dashboard/charts dashboard/tables.py dashboard/spans.py dashboard/summary.py dashboard/columns.py dashboard/reports.py

help:
	@echo "make demo         twenty simulated devices through the whole stack (SECONDS=, SOUND=, DEVICES=, SEED=)"
	@echo "make test         everything: check, then real brokers and the whole stack"
	@echo "make check        style, types, import rules, unit and property tests, doctests"
	@echo "make privacy      words sought in what leaves the device; the ceiling under 100,000 bad batches (JSON=1)"
	@echo "make faults       everything killed at random; the record must be that of an undisturbed run (KILLS=, SEED=)"
	@echo "make load         2,000 devices at work, ten minutes without a broker, the burst (DEVICES=, SECONDS=, OUTAGE=, JSON=1)"
	@echo "make disaster     servers destroyed and restored, disks full, a database that stalls; nothing lost (NAMES=, SECONDS=, JSON=1)"
	@echo "make security     who may what, tried by everybody against real servers with TLS and logins; secrets sought (JSON=1)"
	@echo "make fuzz         a million mutated messages through the bridge, 10,000 through MQTT (COUNT=, MQTT=, JSON=1)"
	@echo "make fuzz-api     the HTTP API asked thousands of questions made from its OpenAPI document"
	@echo "make conformity   our levels against the published values"
	@echo "make test-training  a tiny model trained, exported and heard with (installs torch)"
	@echo "make reference    docs/reference anew from the code"
	@echo "make unit | integration | e2e | laws | format | training | secrets | clean"

setup: $(SYNCED)

$(SYNCED): uv.lock pyproject.toml deploy/local/setup.sh
	@sh deploy/local/setup.sh --extra agent --extra processors --extra dashboard --extra api --extra notify --extra pki --extra hub

# a copy of this folder, or the folder under another name: what was set up is another's
ifneq ($(shell [ "$$(cat .venv/.synced 2>/dev/null)" = "$$(pwd -P)" ] || echo moved),)
.PHONY: $(SYNCED)
endif

# torch and its libraries: 5 GB that only training needs
training: setup
	@.venv/bin/uv sync --quiet --frozen --inexact --all-extras

servers: setup
	@$(PYTHON) -m deploy.local install

test-tools: setup
	@.venv/bin/uv sync --quiet --frozen --inexact --group containers
	@$(PYTHON) -m deploy.local install-for-tests

secrets: setup
	@$(PYTHON) -m deploy.local secrets
	@sh deploy/compose/environment.sh

demo: setup
	@$(PYTHON) -m deploy.local.demo $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SOUND),--sound "$(SOUND)") $(if $(DEVICES),--devices $(DEVICES)) $(if $(SEED),--seed $(SEED))

format: setup
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format --quiet .

check: setup
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary $(CODE) tests
	@.venv/bin/lint-imports > .venv/imports.log || { cat .venv/imports.log; exit 1; }
	@$(PYTHON) -m pytest -q -n auto --dist worksteal $(PURE_TESTS)

unit: setup
	@$(PYTHON) -m pytest -q -n auto --dist worksteal $(PURE_TESTS)

# every law on twenty times as many examples
laws: setup
	@HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -q -n auto tests/property

integration: servers test-tools
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile tests/integration

e2e: servers test-tools
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile tests/e2e

# can words be got back from what leaves the device, and does the bridge hold its ceiling? JSON=1
privacy: setup
	@.venv/bin/uv sync --quiet --frozen --inexact --group privacy
	@$(PYTHON) -m benchmarks.ceiling $(if $(JSON),--json)
	@OMP_NUM_THREADS=1 $(PYTHON) -m benchmarks.privacy $(if $(JSON),--json)

# docs/reference, from the code
reference: servers
	@$(PYTHON) -m deploy.reference

# does killing anything change the record? KILLS=30 SEED=1
faults: servers test-tools
	@$(PYTHON) -m benchmarks faults $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

# a city at work, without its broker, and the burst; DEVICES=2000 SECONDS=300 OUTAGE=600 JSON=1
load: servers
	@$(PYTHON) -m benchmarks.load $(if $(DEVICES),--devices $(DEVICES)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(OUTAGE),--outage $(OUTAGE)) $(if $(JSON),--json)

# backup, destruction, restore; full disks; stalls. NAMES="kafka_full postgres_full" SECONDS=1200 JSON=1
disaster: servers test-tools
	@$(PYTHON) -m benchmarks disaster $(NAMES) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(JSON),--json)

# who may what, tried by everybody, on the servers as a city runs them; JSON=1
security: servers
	@$(PYTHON) -m benchmarks.security $(if $(JSON),--json)

# mutated messages: none lost, none forwarded that the ceiling forbids. COUNT=1000000 MQTT=10000 SEED=1 JSON=1
fuzz: servers
	@OMP_NUM_THREADS=1 $(PYTHON) -m benchmarks.fuzz $(if $(COUNT),--count $(COUNT)) \
		$(if $(MQTT),--mqtt $(MQTT)) $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json)

# the API asked hundreds of good and bad questions made from its own document
fuzz-api: servers test-tools
	@HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -q tests/integration/test_api_fuzz.py

test: check integration e2e

# a tiny model from sounds made in the test, through every step; torch is too large for `make test`
test-training: training
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q tests/training

# others to be measured beside, in an environment of their own: quixstreams holds back our pydantic
peers: setup
	@[ -x .local/peers/bin/python ] || .venv/bin/uv venv --quiet --python .venv/bin/python .local/peers
	@.venv/bin/uv pip install --quiet --python .local/peers/bin/python -r benchmarks/peers/requirements.txt

# our levels against published values
conformity: setup
	@$(PYTHON) -m benchmarks.conformity

# as root PostgreSQL's data may lie behind a link
clean:
	@if [ -L .local/postgres ]; then rm -rf "$$(readlink .local/postgres)"; fi
	@rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
