"""The benchmarks run; what they measure is never judged here."""

import json
import pathlib
import subprocess
import sys

import jax
import pytest

import fkeras as fk

_RUN = pathlib.Path(__file__).parents[1] / "benchmarks" / "run.py"


@pytest.mark.parametrize("figure", ["train_step in the user's loop", "graph, 100 to 1,000 layers"])
def test_a_quick_run_writes_a_row_for_each_bar(figure, tmp_path):
    command = [sys.executable, str(_RUN), "--quick", "--only", f"^{figure}$", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert [row["figure"] for row in found["rows"]] == [figure]
    assert found["rows"][0]["ratio"] > 0
    assert figure in (tmp_path / "RESULTS.md").read_text()


def test_a_name_that_no_figure_has_is_an_error():
    done = subprocess.run([sys.executable, str(_RUN), "--only", "no such figure"], capture_output=True, text=True)
    assert done.returncode == 1


def test_a_folder_of_models_is_exported_and_run_elsewhere(tmp_path):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    model.save(tmp_path / "dense.keras", model.init(jax.random.key(0)))
    command = [sys.executable, str(_RUN.with_name("export_oracle.py")), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stablehlo: 1 of 1 agree, 0 differ, 0 cannot" in done.stdout
