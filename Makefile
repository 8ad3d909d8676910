# Every target is complete on a fresh machine with Python >= 3.11: it makes .venv first, once, with what it needs: the
# report only what checks statements, the others also the tools for developing.
PYTHON ?= python3
BIN := .venv/bin
STORED := $(addprefix --stored ,$(wildcard reports/evidence.jsonl)) $(addprefix --error-rates ,$(wildcard reports/error_rates.json)) \
	$(addprefix --gallery ,$(wildcard reports/gallery))
INSTALLED := .venv/.installed
DEVELOPING := .venv/.developing

# The SEED of statements and of property tests; drawn if not given.
SEEDED := $(addprefix --fsr-seed ,$(SEED)) $(addprefix --hypothesis-seed ,$(SEED))

# Where the environment forbids bytecode, as containers do, each of a hundred processes would compile the large libraries again.
export PYTHONDONTWRITEBYTECODE =

# One thread a process: tests run in several of them.
test test-all bench: export OMP_NUM_THREADS = 1

.PHONY: report test test-all docs evidence error-rates baseline bench mutants lint

# Scoreboard and errata are copied whatever the verdicts are; the exit code is theirs.
report: $(INSTALLED)
	$(BIN)/fsrcheck report --scale quick --out reports/html $(STORED); status=$$?; \
	test ! -f reports/html/scoreboard.md || cp reports/html/scoreboard.md reports/html/errata.md reports; exit $$status

test: $(DEVELOPING)
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" $(SEEDED)

# With what continuous integration leaves out: the site, clusters, processes killed a hundred times.
test-all: $(DEVELOPING)
	$(BIN)/pytest -n 2 --dist worksteal $(SEEDED)

# The site in docs/_build; it needs nothing from the network, when it is made or when it is read.
docs: $(DEVELOPING)
	$(BIN)/sphinx-build -E -W --keep-going -q -d docs/_build/.doctrees docs docs/_build

# Days of one core: every statement under RUNS fresh seeds. With the SEED that an interrupted one told, it goes on.
RUNS ?= 300
evidence: $(INSTALLED)
	$(BIN)/fsrcheck gather --runs $(RUNS) $(addprefix --seed ,$(SEED))

# Ten minutes: whether the error budget is kept where simulation reaches, and what is caught with how many trials.
error-rates: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/fsrcheck error-rates $(addprefix --seed ,$(SEED))

# Accept what the statements measure now: to be done on purpose, and looked at before it is committed.
baseline: $(INSTALLED)
	$(BIN)/fsrcheck compare --update

bench: $(DEVELOPING)
	$(BIN)/pytest benchmarks --benchmark-only

# Hours, and of no use to continuous integration: would the tests notice? Run again, it goes on where it stopped.
mutants: export OMP_NUM_THREADS = 1
mutants: $(DEVELOPING)
	$(INSTALL) -e '.[mutants]'
	$(BIN)/python -m tests.mutants

lint: $(DEVELOPING)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Nothing is compiled beforehand: Python compiles what is imported, a small part of all, when it is.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile -c constraints.txt

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[images]'
	touch $@

$(DEVELOPING): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[dev]'
	touch $@ $(INSTALLED)
