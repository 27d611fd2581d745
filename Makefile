# Needs make and Python 3.11 or newer; everything else is installed into .venv.
BOOTSTRAP ?= python3
VENV ?= .venv
# Where `make install` puts things; DESTDIR comes before all of it, for those who make packages.
PREFIX ?= /usr/local
DESTDIR ?=
DIST ?= dist
LANE ?= on
LIB := $(DESTDIR)$(PREFIX)/lib/bpx
BIN := $(DESTDIR)$(PREFIX)/bin
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
SERVICES := $(patsubst systemd/%,$(UNITS)/%,$(wildcard systemd/*.service))
CONFIG := $(DESTDIR)/etc/bpx
PYTHON ?= $(VENV)/bin/python
RUN := $(VENV)/.installed-run
SIMULATOR := $(VENV)/.installed-simulator
DEV := $(VENV)/.installed-dev

.PHONY: help run demo smoke bench soak test long faults figures check format lint types layers bandit hadolint lock sbom licences dist install uninstall fix clean

help:  ## print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(RUN)  ## serve spot on 8090 and futures on 8091, against Binance
	$(PYTHON) -m bpx

demo: $(SIMULATOR)  ## the same against a simulated exchange, without any network
	@exec $(PYTHON) -m bpx demo

smoke: $(RUN)  ## ask every endpoint of a running proxy (SPOT=, FUTURES= say where it is)
	$(PYTHON) -m bpx smoke

bench: $(DEV)  ## all benchmarks, into docs/performance.md: alone on the machine, half an hour or so
	$(PYTHON) -m benchmarks.page

soak: $(DEV)  ## two hours of mixed load with a fault every few minutes (MINUTES=10 for less)
	$(PYTHON) -m benchmarks.soak --minutes $(or $(MINUTES),120)

test faults figures long: export PYTHONDONTWRITEBYTECODE =
test: export BPX_TEST_LANE = $(LANE)
test: $(DEV)  ## what fits into some minutes (LANE=off: without the fast lane)
	$(PYTHON) -m pytest -q -n 4 --dist loadfile -m "not long"

long: $(DEV)  ## what it leaves out, but for faults: recorded sessions, hours of comparison
	$(PYTHON) -m pytest -q -n 4 --dist loadfile -m long --ignore tests/faults

faults: $(DEV)  ## the tests of faults, with all of their numbers: alone on the machine, an hour or so
	status=0; export BPX_FAULTS_FULL=1; \
	$(PYTHON) -m pytest -q -n 4 --timeout=1200 -m patient tests/faults || status=1; \
	$(PYTHON) -m pytest -q --timeout=1200 -m "not patient" tests/faults || status=1; \
	exit $$status

figures: export BPX_FAULTS_FIGURES = $(CURDIR)/build/figures.json
figures: $(DEV)  ## the same, and what they measured into docs/reliability.md
	mkdir -p build
	rm -f $(BPX_FAULTS_FIGURES)
	$(MAKE) faults
	$(PYTHON) -m tests.faults.page $(BPX_FAULTS_FIGURES)

check: format lint types layers bandit hadolint  ## all static checks

format: $(DEV)  ## is everything formatted?
	$(PYTHON) -m ruff format --check .

lint: $(DEV)  ## ruff
	$(PYTHON) -m ruff check .

types: $(DEV)  ## mypy --strict
	$(PYTHON) -m mypy

layers: $(DEV)  ## who may import whom
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command as main; main()'

bandit: $(DEV)  ## what is known to be dangerous
	$(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml bpx wsgi.py gunicorn.conf.py

hadolint: $(DEV)  ## what is known to be bad in a Dockerfile
	$(dir $(PYTHON))hadolint Dockerfile

lock: $(DEV)  ## requirements*.txt, with hashes, from requirements*.in
	for name in "" -simulator -dev; do \
	  $(PYTHON) -m uv pip compile --quiet --python-platform linux --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header requirements.in $${name:+requirements$$name.in} \
	    -o requirements$$name.txt; \
	done

sbom: $(DEV)  ## what bpx is made of, for tools: build/sbom.json (CycloneDX)
	mkdir -p build
	$(PYTHON) -m uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements \
	  --output-reproducible --pyproject pyproject.toml --output-file build/sbom.json requirements.txt

licences: $(DEV)  ## of what bpx is made of: docs/licences.md
	mkdir -p build
	( echo '# Licences'; echo; \
	echo 'Of what `requirements.txt` pins, as its authors state them; written by `make licences`.'; echo; \
	$(PYTHON) -m uv tool run --quiet --from pip-licenses==5.5.5 --with-requirements requirements.txt \
	  pip-licenses --packages $$(sed -n 's/^\([[:alnum:]._-]*\)==.*/\1/p' requirements.txt) \
	  --format=markdown --with-urls --order=name ) > build/licences.md
	mv build/licences.md docs/licences.md

dist: $(DEV)  ## a wheel and what it is made from: dist/
	rm -rf $(DIST)
	$(PYTHON) -m uv build --quiet --out-dir $(DIST)

install: $(RUN)  ## bpx as a command and as services of systemd; PREFIX, DESTDIR
	rm -rf $(LIB) build/lib build/bdist*
	umask 022 && $(BOOTSTRAP) -m venv --without-pip $(LIB) && \
	pip="$(PYTHON) -m pip --python $(LIB)/bin/python --disable-pip-version-check install --quiet" && \
	$$pip --require-hashes -r requirements.txt && $$pip --no-deps .
	find $(LIB)/bin -type f -delete  # they name DESTDIR; Python is a link
	install -d -m 755 $(BIN) $(UNITS) $(CONFIG)
	install -m 755 systemd/bpx $(BIN)/bpx
	install -m 644 systemd/*.service $(UNITS)
	sed -i 's|/usr/local/bin|$(PREFIX)/bin|' $(SERVICES)
	install -m 644 systemd/bpx.env $(CONFIG)/bpx.env.example
	@case "$$($(LIB)/bin/python -c 'import sys; print(sys.base_prefix)')" in "$$HOME"/* | /home/*) \
	  echo "the services see no Python in a home: BOOTSTRAP=/usr/bin/python3 would be another" >&2;; esac

uninstall:  ## remove what install has put there; the operator's own files stay
	rm -rf $(LIB)
	rm -f $(BIN)/bpx $(SERVICES) $(CONFIG)/bpx.env.example
	rmdir $(CONFIG) 2> /dev/null || true

fix: $(DEV)  ## format, and repair what can be repaired
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

clean:  ## remove what the tools leave behind
	rm -rf dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

$(VENV)/bin/python:
	@$(BOOTSTRAP) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@$(BOOTSTRAP) -m venv $(VENV)

$(RUN): requirements.txt | $(VENV)/bin/python
	@echo installing requirements.txt into $(VENV), once
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(SIMULATOR): requirements-simulator.txt requirements.txt | $(VENV)/bin/python
	@echo installing requirements-simulator.txt into $(VENV), once
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-simulator.txt
	@touch $@ $(RUN)

$(DEV): requirements-dev.txt requirements-simulator.txt requirements.txt | $(VENV)/bin/python
	@echo installing requirements-dev.txt into $(VENV), once
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(RUN) $(SIMULATOR)
