# The targets are the README's commands. Everything lives in .venv; nothing is installed outside it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# A worker that crashes ends the run: with another in its place the rest may wait for each other for ever.
PARALLEL := -n 2 --dist loadfile --max-worker-restart 0
EXTRAS := $(shell $(PYTHON) -c 'import sys; print("blender,dev" if sys.version_info[:2] == (3, 11) else "dev")')

.PHONY: help demo test test-docs test-blender test-benchmarks test-window extension test-extension check format bench bench-solve bench-judging clean

help:
	@echo "make demo         track the sample plate and say where the result is"
	@echo "make test         run the tests (PYTHON=python3.13 VENV=.venv-3.13: on that Python, without Blender)"
	@echo "make test-blender  those that need Blender (BPY=4.2.* VENV=.venv-4.2: on that Blender)"
	@echo "make test-docs    run all that the documentation shows"
	@echo "make test-benchmarks  run those of the benchmarks' plates and measures, which render"
	@echo "make test-window  run the tests that open a real Blender window (needs Debian's blender and xvfb)"
	@echo "make extension    build the Blender extension, dist/cinematic_tracking-*.zip, with all that it needs (200 MB)"
	@echo "make test-extension  build it, install it into a Blender that has nothing else, and use it there"
	@echo "make check        ruff and mypy"
	@echo "make format       let ruff rewrite the layout"
	@echo "make bench        speed and accuracy against Blender and OpenCV, on plates with exact truth (minutes)"
	@echo "make bench-solve  Blender's first camera solve with each contender's tracks"
	@echo "make bench-judging  bad tracks found, named and cleaned, and Blender's first solve afterwards"
	@echo "make clean        remove .venv and everything that was generated"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cinematic-tracking needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@case "$(EXTRAS)" in *blender*) ;; *) echo "Blender's module (bpy) exists for Python 3.11 only: installing without it";; esac
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[$(EXTRAS)]" $(if $(BPY),"bpy==$(BPY)")
	@touch $@

demo: $(READY)
	$(BIN)/cinetrack track examples/sample_plate.mp4 --output demo --solve --overwrite
	@if $(BIN)/python -c 'import bpy' 2>/dev/null; then \
	    echo; echo "The same with Blender's own engine:"; \
	    $(BIN)/cinetrack track examples/sample_plate.mp4 --output demo/libmv --engine libmv --overwrite; fi

test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m "not window and not extension and not benchmarks and not docs"

test-docs: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) --dist load -m docs

test-blender: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m "blender and not window and not benchmarks"

test-benchmarks: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m benchmarks

test-window: $(READY)
	$(BIN)/python -m pytest -m window

extension: $(READY)
	$(BIN)/python extension/build.py dist

test-extension: $(READY)
	$(BIN)/python -m pytest -m extension

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks.run warped
	$(BIN)/python -m benchmarks.run warped --tracks 1100 --only "Affine|LK|klt"
	$(BIN)/python -m benchmarks.run rendered --rounds 1
	$(BIN)/python -m benchmarks.run scaling --rounds 1 --only "Affine|LK|klt"
	$(BIN)/python -m benchmarks.engine_cost

bench-solve: $(READY)
	$(BIN)/python -m benchmarks.run solve

bench-judging: $(READY)
	$(BIN)/python -m benchmarks.run judging

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
