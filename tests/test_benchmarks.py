"""The benchmarks run; what they measure is never judged here."""

import importlib
import json
import os
import pathlib
import subprocess
import sys
from unittest import mock

import jax
import pytest

import fkeras as fk

_HERE = pathlib.Path(__file__).parents[1] / "benchmarks"
_RUN = _HERE / "run.py"


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    ("pattern", "figures"),
    [
        ("^graph, 100", ["graph, 100 to 1,000 layers"]),
        ("^(train_step|second)", [*["train_step in the user's loop"] * 2, "second process: XLA compilations"]),
    ],
)
def test_a_quick_run_writes_a_row_for_each_bar(pattern, figures, tmp_path):
    command = [sys.executable, str(_RUN), "--quick", "--only", pattern, "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert [row["figure"] for row in found["rows"]] == figures
    assert all(row["ratio"] >= 0 for row in found["rows"])
    assert all(figure in (tmp_path / "RESULTS.md").read_text() for figure in figures)


def test_a_figure_that_fails_or_dies_leaves_the_others_alone(tmp_path):
    """Written into a copy of the harness, since every figure there is works."""
    script = tmp_path / "broken.py"
    script.write_text(
        f"import os, sys; sys.path[:0] = [{str(_HERE)!r}]\n"
        "import run\n"
        "def fails(rounds, quick): raise ValueError('no numbers')\n"
        "run.__file__ = __file__\n"
        "good = lambda rounds, quick: {'fkeras': 1.0}\n"
        "run.FIGURES = {name: run.Figure(f, 1, (run.Bar(2),)) for name, f in\n"
        "    {'fails': fails, 'dies': lambda rounds, quick: os._exit(3), 'good': good, 'better': good}.items()}\n"
        "sys.exit(run.main())\n"
    )
    command = [sys.executable, str(script), "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["figure"] for row in rows] == ["fails", "dies", "good", "better"]
    assert [row.get("error") for row in rows] == ["ValueError: no numbers", "ended with 3", None, None]


def test_a_smoke_for_a_gpu_prints_each_figure_as_it_is_measured_and_ratios_at_the_end(tmp_path):
    command = [sys.executable, str(_HERE / "gpu.py"), "--smoke", "--only", "^tiny", "--who", "fkeras|scan|nightly/16"]
    done = subprocess.run([*command, "--output", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert "(cpu)" in records[0]["about"]["device"]
    steps = [record for record in records if record.get("figure") == "tiny MLP, batch 32"]
    assert [record["who"] for record in steps] == ["fkeras", "scan"]
    assert "pip install --pre --no-deps --target nightly keras-nightly" in records[-1]["why"]
    table = (tmp_path / "GPU.md").read_text()
    assert table.splitlines()[-1] in done.stdout
    assert [line.count("|") for line in table.splitlines() if line.startswith("| tiny")] == [8] * 2


def test_a_gpu_run_whose_time_is_up_says_what_it_left_out(tmp_path):
    command = [sys.executable, str(_HERE / "gpu.py"), "--limit", "0", "--only", "LSTM", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    records = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert {record["skipped"] for record in records} == {"the time was up"}
    assert done.stdout.count("not measured: the time was up") == len(records) == 4


def test_who_trains_a_large_model_on_a_gpu_has_a_process_of_its_own(monkeypatch):
    monkeypatch.syspath_prepend(_HERE)
    gpu = importlib.import_module("gpu")
    stages = gpu.plan(list(gpu.CASES), ".*", smoke=False)
    assert [{name.split()[0] for name, _ in stage.jobs} for stage in stages[:2]] == [{"tiny", "MLP", "CNN"}] * 2
    assert [stage.nightly for stage in stages] == [False, True] + [False] * (len(stages) - 2)
    alone = [stage.jobs[0] for stage in stages if len(stage.jobs) == 1]
    assert [who for name, who in alone if name.startswith("ResNet-50, ")] == ["fkeras", "scan", "keras/1"]
    jobs = [job for stage in stages for job in stage.jobs]
    assert len(set(jobs)) == len(jobs) == sum(len(case.who) for case in gpu.CASES.values())
    assert [{who for _, who in stage.jobs} for stage in gpu.plan(list(gpu.CASES), "fkeras|scan", smoke=True)] == [
        {"fkeras", "scan"}
    ]


def main_of(monkeypatch, name, *arguments):
    """What a script answers, in this process: one of its own would first import all that is here already."""
    monkeypatch.syspath_prepend(_HERE)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    with mock.patch.dict(os.environ):  # where it notes who else is measured
        return importlib.import_module(name).main()


def test_a_name_that_no_figure_has_is_an_error(monkeypatch, capsys):
    assert main_of(monkeypatch, "run", "--only", "no such figure") == 1
    assert capsys.readouterr().out.endswith("| --- |\n")  # a table without a row


def test_a_folder_of_models_is_exported_and_run_elsewhere(tmp_path, monkeypatch, capsys):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    model.save(tmp_path / "dense.keras", model.init(jax.random.key(0)))
    assert main_of(monkeypatch, "export_oracle", str(tmp_path)) == 0
    assert "stablehlo: 1 of 1 agree, 0 differ, 0 cannot" in capsys.readouterr().out
