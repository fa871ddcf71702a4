# make run     set up .venv and run `miniload /bin/ls -l /`
# make test    set up .venv and run the tests
# make stub    compile the freestanding stubs into miniload/_built
# make bench   run the benchmarks and print ratios (installs what they compare with)
# make lint    ruff and mypy
PYTHON ?= python3
VENV   ?= .venv
PY      = $(VENV)/bin/python

.PHONY: run test stub bench lint clean
.DELETE_ON_ERROR:

run: $(VENV)/installed
	$(VENV)/bin/miniload /bin/ls -l /

test: $(VENV)/test-installed
	$(PY) -m pytest

stub: $(VENV)/test-installed
	$(PY) stub/build_stub.py

bench: $(VENV)/installed
	$(PY) benchmarks/run.py

lint: $(VENV)/lint-installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The compiled parts are made by the install, so it has to happen again when their sources change.
SOURCES = pyproject.toml setup.py $(wildcard stub/* stub/launcher/* arch/*/*.S arch/*/*.h arch/*/__init__.py miniload/vcpu/*.[ch] miniload/linker/*.[ch] miniload/linker/guest/*.c bin/*)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/%-installed: $(VENV)/installed
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info miniload/_built
