# What a person types. Everything happens in .venv and .demo, and `make clean` removes both.
#
#   make demo                     see it work, in about a minute
#   make learn                    then train on it, in about three minutes
#   make test ARGS="-k archive"   only some tests
#   make PYTHON=python3.13 demo   another Python

PYTHON ?= python3
ARGS ?=
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
# A home of its own, so that the demo leaves the real collection alone. Root's Postgres runs as another user, whom
# root's own folder does not let in.
DEMO_HOME := $(if $(filter /root/%,$(CURDIR)/),/var/lib/paddock-demo,$(CURDIR)/.demo)
DEMO := PADDOCK_HOME=$(DEMO_HOME) $(BIN)/collector
LEARN := env PADDOCK_HOME=$(DEMO_HOME) $(BIN)/trainer
# A step says what it does, its command, and what it cost.
STEP := sh -c 'from=$$(date +%s); printf "\n%s\n%s\n" "$$0" "$$*"; "$$@" && echo "Took $$(($$(date +%s) - from)) s."'
# What builds the package is locked too, so that an install resolves nothing and runs only what was pinned.
# editables is what hatchling asks for when it installs in place.
BUILD_TOOLS := 'hatchling>=1.27' editables
COMPILE = $(if $(UV),$(UV),$(BIN)/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-package torch --custom-compile-command "make lock" $(UPGRADE)
# The build that pip finds: for CUDA on Linux, for the CPU where that is the one that is at hand.
TORCH ?= torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help demo learn test siege check lock screenshots compose-check clean
.DELETE_ON_ERROR:

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "make %-14s %s\n", $$1, $$2}'

demo: .venv/runtime.stamp  ## a look-alike site, crawled into a database of its own
	$(DEMO) crawl --since 2016 --demo
	$(DEMO) refresh-labels --demo
	@rm -rf '$(DEMO_HOME)/camera'
	$(BIN)/collector demo-camera '$(DEMO_HOME)/camera'
	$(DEMO) import --demo --camera '$(DEMO_HOME)/camera' --course 中京 --clock IMG_0001.JPG=9:30:00 \
		--photographer 'A visitor of the demo' --rights CC-BY-4.0
	$(DEMO) status --demo
	@echo 'Name the horses of the camera: $(DEMO) serve --demo --admin, and there Review'
	@echo 'Take its tables out: $(DEMO) export --demo --to demo.duckdb'
	@echo 'Look at it in a browser: $(DEMO) serve --demo'

learn: .venv/trainer.stamp  ## after `make demo`: labels, a data set, three models, how good they are, forecasts, and likenesses
	@$(STEP) 'How reliable are the labels, and how far do they agree?' $(LEARN) labels --demo --compare poll,results
	@$(STEP) 'Write the photos with both labels as a data set.' $(LEARN) export --demo --label poll --label results
	@$(STEP) 'Train the first model of 2017: an SVR on pixels.' $(LEARN) train --demo --preset svr
	@$(STEP) 'Train the second model of 2017: a small network.' $(LEARN) train --demo --preset first-cnn
	@$(STEP) 'Train a model of today: a ridge regression on features of a pretrained network.' $(LEARN) train --demo --preset probe
	@$(STEP) 'How good is the SVR on horses that it has not seen?' $(LEARN) evaluate svr --demo
	@$(STEP) 'How good is the model of today on the same horses?' $(LEARN) evaluate probe --demo
	@$(STEP) 'Where does its error come from?' $(LEARN) diagnose probe --demo
	@$(STEP) 'Freeze its answers to photos whose horses have not run since.' $(LEARN) forecast --demo --run probe
	@$(STEP) 'Place every photo in its eyes: the photo search then shows which look alike.' $(LEARN) index --demo --run probe
	@echo
	@echo 'So few horses decide little. `collector crawl --since 2005 --demo` and `collector refresh-labels --demo` bring more.'
	@echo 'To go on: . .venv/bin/activate; export PADDOCK_HOME=$(DEMO_HOME); then `trainer serve --demo --run probe` answers for photos,'
	@echo 'and beside it `PADDOCK_ANSWERS=http://127.0.0.1:8771 collector serve --demo` shows its answers in the search.'

test: .venv/test.stamp  ## install what the tests need, then run them; ARGS="..." goes to pytest
	$(BIN)/pytest $(ARGS)

siege: .venv/test.stamp  ## all blows at workers and at their Postgres; ARGS="--chaos-seed 7" strikes otherwise
	$(BIN)/pytest tests/chaos -m "" -n 2 --chaos-strikes 60 $(ARGS)

check: .venv/test.stamp  ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

lock:  ## pin the dependencies anew; UPGRADE=--upgrade takes newer versions
	@[ -n "$(UV)" ] || $(MAKE) --no-print-directory $(BIN)/uv
	printf '%s\n' $(BUILD_TOOLS) | $(COMPILE) -o requirements.lock pyproject.toml -
	printf '%s\n' $(BUILD_TOOLS) | $(COMPILE) --extra trainer -c requirements.lock -o requirements-trainer.lock pyproject.toml -
	printf '%s\n' $(BUILD_TOOLS) | $(COMPILE) --extra trainer --extra test -c requirements-trainer.lock \
		-o requirements-test.lock pyproject.toml -

screenshots: .venv/test.stamp  ## draw the documents' pictures of the pages anew, in a home of their own
	$(BIN)/python scripts/screenshots.py

compose-check: .venv/test.stamp  ## the whole stack in containers, compared with a crawl in one process
	scripts/compose-check

clean:  ## remove .venv, the demo's data and every cache
	rm -rf .venv $(DEMO_HOME) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Paddock needs Python 3.11 or newer; name one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
ifneq ($(UV),)
	@$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
else
	@$(PYTHON) -m venv --clear .venv >/dev/null 2>&1 || \
		{ $(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python install -qq pip; } || \
		{ rm -rf .venv; echo "$(PYTHON) cannot make a .venv with pip in it; on Debian: apt-get install python3-venv" >&2; exit 2; }
endif

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv

# The stamps make a second run install nothing, and a changed lock or a new command install again.
.venv/runtime.stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)

.venv/trainer.stamp: requirements-trainer.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-trainer.lock)
	$(call install-torch)
	@touch .venv/runtime.stamp

.venv/test.stamp: requirements-test.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-test.lock)
	$(call install-torch)
	@touch .venv/runtime.stamp .venv/trainer.stamp

# Nothing is compiled ahead: what is used is compiled when it is first imported, which is a tenth of it.
define install
@echo "Installing $(1) into .venv ..."
@$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(call pip) --no-compile) --no-deps --require-hashes -r $(1)
@$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(call pip)) --no-deps --no-build-isolation -e .
@touch $@
endef

define install-torch
@echo "Installing $(TORCH) into .venv ..."
@$(call pip) --no-compile '$(TORCH)'
@touch $@
endef

# A .venv that uv once made has no pip of its own.
pip = { $(BIN)/python -m pip --version || $(BIN)/python -m ensurepip; } >/dev/null 2>&1; $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
