# Every target is complete on a fresh machine with Python >= 3.11: it makes .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
STORED := $(addprefix --stored ,$(wildcard reports/evidence.jsonl)) $(addprefix --error-rates ,$(wildcard reports/error_rates.json)) \
	$(addprefix --gallery ,$(wildcard reports/gallery))
INSTALLED := .venv/.installed

# The SEED of statements and of property tests; drawn if not given.
SEEDED := $(addprefix --fsr-seed ,$(SEED)) $(addprefix --hypothesis-seed ,$(SEED))

# One thread a process: tests run in several of them.
test test-all bench: export OMP_NUM_THREADS = 1

.PHONY: report test test-all docs evidence error-rates baseline bench mutants lint

# Scoreboard and errata are copied whatever the verdicts are; the exit code is theirs.
report: $(INSTALLED)
	$(BIN)/fsrcheck report --scale quick --out reports/html $(STORED); status=$$?; \
	test ! -f reports/html/scoreboard.md || cp reports/html/scoreboard.md reports/html/errata.md reports; exit $$status

test: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" $(SEEDED)

# With what continuous integration leaves out: the site, clusters, processes killed a hundred times.
test-all: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist worksteal $(SEEDED)

# The site in docs/_build; it needs nothing from the network, when it is made or when it is read.
docs: $(INSTALLED)
	$(BIN)/sphinx-build -E -W --keep-going -q -d docs/_build/.doctrees docs docs/_build

# Hours: every statement under RUNS fresh seeds. With the SEED that an interrupted one told, it goes on.
RUNS ?= 200
evidence: $(INSTALLED)
	$(BIN)/fsrcheck gather --runs $(RUNS) $(addprefix --seed ,$(SEED))

# Ten minutes: whether the error budget is kept where simulation reaches, and what is caught with how many trials.
error-rates: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/fsrcheck error-rates $(addprefix --seed ,$(SEED))

# Accept what the statements measure now: to be done on purpose, and looked at before it is committed.
baseline: $(INSTALLED)
	$(BIN)/fsrcheck compare --update

bench: $(INSTALLED)
	$(BIN)/pytest benchmarks --benchmark-only

# Hours, and of no use to continuous integration: would the tests notice? Run again, it goes on where it stopped.
mutants: export OMP_NUM_THREADS = 1
mutants: $(INSTALLED)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[mutants]'
	$(BIN)/python -m tests.mutants

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/mypy

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	touch $@
