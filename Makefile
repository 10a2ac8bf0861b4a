# Two commands do all the set-up: `make demo` and `make test`.
# The newest Python that is there; `make PYTHON=python3.11 test` takes another.
PYTHON ?= $(shell .ci/python 3.13 3.12 3.11)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# A thousand files are compiled once, and not by each process that imports them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo docs docs-serve test-docs test-notebooks release old-files test test-fast test-gpu test-all test-applications test-trackers test-floor mutate test-quantize test-export test-onnx export-oracle fuzz bench bench-quick bench-gpu bench-deep notebooks lint format clean

demo: $(VENV)/.demo
	$(BIN)/python examples/digits.py

# A file's tests run in one worker, which then has its programs compiled once and gives its memory back after it; workers
# take what takes long first (tests/conftest.py).
PYTEST := python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.test lint
	$(BIN)/$(PYTEST)

# A break in any room turns this red, in three minutes on two cores: tests/fast.py has what is run.
test-fast: $(VENV)/.test
	$(BIN)/$(PYTEST) --fast

# What an accelerator computes, on the one that JAX finds (`make PIP_JAX='jax[cuda12]' test-gpu` installs for one); it says
# so where there is none, and runs on the CPU. tests/gpu.py has the tests and the tolerances.
PIP_JAX ?=
test-gpu: $(VENV)/.test
	$(if $(PIP_JAX),$(PIP) '$(PIP_JAX)')
	$(BIN)/$(PYTEST) --gpu

# Every law on every row of the tables: for the night.
test-all: $(VENV)/.test lint
	FKERAS_TEST=all $(BIN)/$(PYTEST)
	$(MAKE) test-notebooks

# Every network of fk.applications beside the real one, forward: some time for each of forty.
test-applications: $(VENV)/.test
	$(BIN)/python -m tests.applications.against_keras

# Each tracker's library, run for real in an environment of its own; `make test` runs those that it has.
test-trackers: .venv-trackers/.ready
	.venv-trackers/bin/python -m pytest tests/train/test_trackers.py

# Breaks one line in each of thirty files and counts how many `make test-fast` sees: about half an hour.
mutate: $(VENV)/.test
	$(BIN)/python -m tests.mutate

# On the oldest versions that are supported, which .ci/floor.txt has: the core, the training loop, checkpoints, and the
# numbers of every layer. Of each test a few cases (tests/fast.py), as `make test` runs them all on the newest versions.
FLOOR := tests/test_readme.py tests/test_quiet.py tests/core tests/conformance/test_laws.py \
	$(addprefix tests/train/test_,$(addsuffix .py,history trainer state evaluate data_sources front_door unfinished rates nans)) \
	$(addprefix tests/checkpoint/test_,$(addsuffix .py,checkpoint orbax keras_files trainer_fields programs export))
test-floor: .venv-floor/.ready
	.venv-floor/bin/$(PYTEST) $(FLOOR) --few -k "not test_laws or test_equals_keras"

# The quantisation tests alone; `make test` runs them too, as they need no library of their own.
test-quantize: $(VENV)/.test
	$(BIN)/python -m pytest tests/checkpoint/test_quantize.py

# Programs for TensorFlow, and for ONNX, each in an environment of its own: jax2onnx wants an older orbax. `make test`
# runs the StableHLO ones.
test-export: .venv-export/.ready
	.venv-export/bin/python -m pytest tests/checkpoint/test_export_tensorflow.py tests/checkpoint/test_export.py

test-onnx: .venv-onnx/.ready
	.venv-onnx/bin/python -m pytest tests/checkpoint/test_export_onnx.py tests/checkpoint/test_export.py

# Every .keras file of FOLDER exported and run without fkeras: make export-oracle FOLDER=... FORMAT=onnx
FORMAT ?= stablehlo
READER = $(if $(filter onnx,$(FORMAT)),.venv-onnx,$(if $(filter stablehlo,$(FORMAT)),$(VENV),.venv-export))
export-oracle: $(if $(filter stablehlo,$(FORMAT)),$(VENV)/.test,$(READER)/.ready)
	$(READER)/bin/python benchmarks/export_oracle.py $(FOLDER) --format $(FORMAT)

# Ten thousand damaged files, none of which may crash, hang or load other weights: for the night.
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.checkpoint.fuzz 10000

# What fkeras makes of a folder of old files, each beside what the Keras that wrote it computed: make old-files FOLDER=...
# tests/checkpoint/old_files has the scripts that make such folders, for an environment of each version of Keras.
old-files: $(VENV)/.test
	$(BIN)/python -m tests.checkpoint.old_files.check_zoo $(FOLDER)

# The site, from a fresh clone: tutorials, how-to guides, the reference of every public name. Warnings are errors.
SITE := build/docs/html
docs: $(VENV)/.docs
	@start=$$(date +%s); \
	$(BIN)/python -m sphinx -W --keep-going -q -j auto -b html -c docs -d build/docs/doctrees . $(SITE) && \
	echo "$(SITE)/docs/index.html: built in $$(( $$(date +%s) - start )) s"

PORT ?= 8000
docs-serve: docs
	@echo "http://localhost:$(PORT)/docs/index.html"
	$(BIN)/python -m http.server --directory $(SITE) $(PORT)

# The site in a browser without a screen: CONTRIBUTING.md says which it takes. Without one this is red.
test-docs: docs $(VENV)/.test
	$(BIN)/python -m pytest tests/docs_site/check_site.py docs/_ext/fkeras_docs/docstrings.py

# Every figure beside Keras and a loop written by hand; writes benchmarks/RESULTS.md. Who else is measured where he is
# installed: make bench PEERS="--torch-python torch/bin/python --nightly-path nightly"
PEERS ?=
bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py $(PEERS)

bench-quick: $(VENV)/.test
	$(BIN)/python benchmarks/run.py --quick

# What a GPU shows, in eight minutes on one card, for the JAX of the environment; writes benchmarks/gpu/GPU.md.
bench-gpu: $(VENV)/.test
	$(if $(PIP_JAX),$(PIP) '$(PIP_JAX)')
	$(BIN)/python benchmarks/gpu.py --output benchmarks/gpu $(PEERS)

# Compile times of deep stacks beside Linen's, with XLA's optimizer on: about half an hour.
bench-deep: $(VENV)/.test
	$(BIN)/python benchmarks/run.py --only "compiling 48 blocks" --output benchmarks/deep

# Executes every notebook from the top, writes its outputs into it, and prints the time of each.
notebooks: $(VENV)/.test
	$(BIN)/python -m tests.notebooks

# The same, compared with what is kept in each: a minute and a half on two cores.
test-notebooks: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --maxschedchunk 1 tests/check_notebooks.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each stamp stands for one extra installed from this pyproject.toml.
$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[docs]'
	touch $@

.venv-floor/.ready: pyproject.toml .ci/floor.txt
	$(shell .ci/python 3.11) -m venv .venv-floor
	.venv-floor/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	.venv-floor/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/floor.txt --editable '.[test]'
	touch $@

.venv-trackers/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-trackers
	.venv-trackers/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test,wandb,mlflow]' tensorboard
	touch $@

.venv-export/.ready .venv-onnx/.ready: .venv-%/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*,keras]' pytest
	touch $@

# Wheel and source archive, checked, and the wheel installed by itself into an environment of its own, where it runs.
release: .venv-release/.ready
	rm -rf dist
	.venv-release/bin/python -m build --quiet
	.venv-release/bin/python -m twine check --strict dist/*
	rm -rf .venv-wheel
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd / && $(CURDIR)/.venv-wheel/bin/python -m fkeras.demo

.venv-release/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install --quiet --disable-pip-version-check 'build>=1.2' 'twine>=6.1'
	touch $@

clean:
	rm -rf $(VENV) .venv-floor .venv-export .venv-onnx .venv-trackers .venv-release .venv-wheel .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
