# `make book` to read, `make check` after every change, `make test` before a release. All begin from a bare clone.
# Everything is made in .venv and _build, and in Python's own caches; delete any and it is made again.

PYTHON ?= python3
PORT ?= 8000
REMOTE ?= origin
BIN := .venv/bin

.PHONY: help book site check lint js fast test lab outputs course slides pdf epub publish words links clean
.DEFAULT_GOAL := help

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Options: PYTHON=python3.12 (any from 3.10), PORT=8000, REMOTE=origin"

book: site  ## Set up, build the book, and serve it at http://localhost:8000 until Ctrl-C
	@$(BIN)/python tools/serve.py _build/html $(PORT)

site: .venv/ready  ## Build the book into _build/html; a warning or a failing cell is an error
	@$(BIN)/python tools/progress.py "Building the book" $(BIN)/jupyter-book build . -W --keep-going

lint: .venv/ready  ## Check style, types, and which part of lib imports which: seconds
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

js:  ## Check the pages' JavaScript, where node is there: its types, and its pure parts with node's own test runner
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/ready && \
	    npx --no-install tsc && node --test --test-reporter=spec tests/js/*.test.mjs; \
	else echo "No node here: the pages' JavaScript is not checked."; fi

# Two processes with threads of linear algebra for both cores each would wait for each other.
fast test: export OPENBLAS_NUM_THREADS = 1

fast: .venv/ready  ## Test what needs neither a browser nor a built site, and the docstrings' examples
	@$(BIN)/python tools/progress.py "Compiling the kernels" $(BIN)/python -m tools.warm
	$(BIN)/python -m pytest tests lib -m "not browser and not site and not slow" -n 2 --dist loadfile -q --durations=5

check: lint js fast  ## Check a change in two minutes: all of lint, then the fast tests

test: .venv/ready  ## Test the library, the chapters' cells and the built site in a browser
	@.ci/browsers
	$(BIN)/python -m pytest tests lib book --nbval -n 2 --dist loadfile -rsR --durations=10

lab: .venv/ready  ## Open the chapters in JupyterLab
	$(BIN)/jupyter lab book

outputs: .venv/ready  ## Execute the chapters whose stored outputs are not those of the code, and store them
	$(BIN)/python book/_ext/outputs.py

course: .venv/ready  ## Write instructor's and students' notebooks (nbgrader) into _build/course
	$(BIN)/python -m tools.editions

slides: site  ## Build the chapters' slides; the site has them too, they are made from its pages
	@ls _build/html/slides/*.html

pdf: site  ## Print the whole book into _build/html/scaling-laws.pdf, which the pages then link to
	@.ci/browsers Chromium
	$(BIN)/python -m tools.pdf
	@$(BIN)/python tools/progress.py "Linking the PDF" $(BIN)/jupyter-book build . -W --keep-going

epub: site  ## Pack the whole book into _build/html/scaling-laws.epub, which the pages then link to
	$(BIN)/python -m tools.epub
	@$(BIN)/python tools/progress.py "Linking the EPUB" $(BIN)/jupyter-book build . -W --keep-going

publish: .venv/ready  ## Put the site, with PDF and EPUB, on the branch gh-pages of REMOTE, once no placeholder is left
	@$(BIN)/python -m tools.publish --check
	@$(MAKE) --no-print-directory pdf epub
	$(BIN)/python -m tools.publish --remote $(REMOTE)

links: .venv/ready  ## Check the links to other sites; internal ones are checked by the tests
	$(BIN)/jupyter-book build . --builder linkcheck

words: .venv/ready  ## Check the spelling; tools/words.txt holds the words that no dictionary knows
	$(BIN)/python -m tools.words

clean:  ## Delete what was built; the next build executes every cell again
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache node_modules lib/compiler/__pycache__ ~/.cache/scaling-laws-book

.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	@$(BIN)/python tools/progress.py "Installing pip" $(BIN)/python -m pip install --upgrade pip
	@$(BIN)/python tools/progress.py "Installing the packages" $(BIN)/python -m pip install -r requirements.txt
	@touch $@

node_modules/ready: package.json package-lock.json
	npm ci --no-audit --no-fund --silent
	@touch $@
