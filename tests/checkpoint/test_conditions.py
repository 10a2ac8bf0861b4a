"""What the bits of a run follow from beside its arguments: written with each checkpoint, compared when it goes on."""

import json
import warnings

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.checkpoint._files._conditions import conditions, deterministic, warn_of_changes

X = np.ones((8, 3), "float32")


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")


def went_on(trainer, place, epochs):
    return trainer.fit(trainer.init(0), X, X[:, :1], epochs=epochs, checkpoint=place, verbose=0)


def test_a_run_says_where_it_was_made_and_another_precision_is_named(trainer, tmp_path):
    went_on(trainer, tmp_path, 1)
    (checkpoint,) = tmp_path.iterdir()
    said = json.loads((checkpoint / "fkeras.json").read_text())["conditions"]
    assert said == conditions(trainer.init(0).params)
    assert (said["jax"], said["x64"], said["devices"]) == (jax.__version__, False, 1)
    went_on(trainer, tmp_path, 2)  # the same conditions: nothing is said
    changed = r"rounded in another way(?s:.*)matmul_precision default, now float32(?s:.*)to rounding, not to the bit"
    with jax.default_matmul_precision("float32"), pytest.warns(RuntimeWarning, match=changed) as caught:
        went_on(trainer, tmp_path, 3)
    assert caught[0].filename == __file__


CPU = {
    "platform": "cpu", "device": "cpu", "devices": 1, "jax": "0.12.1", "jaxlib": "0.12.1", "matmul_precision": None,
    "x64": False, "deterministic": "",
}  # fmt: skip
GPU = {**CPU, "platform": "gpu", "device": "NVIDIA H100"}
EXACT = {**GPU, "deterministic": "xla_gpu_deterministic_ops"}


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (CPU, GPU, "platform cpu, now gpu; device cpu, now NVIDIA H100"),
        (EXACT, {**EXACT, "devices": 4}, "devices 1, now 4"),
        (CPU, {**CPU, "jaxlib": "0.13.0"}, r"jaxlib 0\.12\.1, now 0\.13\.0"),
        (CPU, {**CPU, "x64": True}, "x64 False, now True"),
        (EXACT, GPU, "deterministic xla_gpu_deterministic_ops, now default"),
        (GPU, GPU, r"goes on on a GPU(?s:.*)to rounding, not to the bit(?s:.*)XLA_FLAGS=--xla_gpu_deterministic_ops"),
        (None, GPU, "goes on on a GPU"),
    ],
)
def test_what_can_change_bits_is_named(before, now, text):
    with pytest.warns(RuntimeWarning, match=text) as caught:
        warn_of_changes("run", before, now, level=0)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("before", "now"), [(CPU, CPU), (None, CPU), (EXACT, EXACT), (CPU, {**CPU, "deterministic": "x"}), ({}, CPU)]
)
def test_what_changes_no_bits_is_not(before, now):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_changes("run", before, now, level=0)


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("", ""),
        ("--xla_gpu_exclude_nondeterministic_ops=true", "xla_gpu_exclude_nondeterministic_ops"),
        ("--xla_gpu_deterministic_ops --xla_gpu_exclude_nondeterministic_ops=1", "xla_gpu_deterministic_ops"),
        ("--xla_gpu_deterministic_ops=false", ""),
        ("--xla_gpu_deterministic_ops=False --xla_dump_to=/tmp/xla_gpu_deterministic_ops=true", ""),
    ],
)
def test_flags_are_read_as_xla_reads_them(flags, found):
    assert deterministic(flags) == found
