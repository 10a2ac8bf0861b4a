"""The list of `make test-gpu` names what there is, and its tolerances are those of the table."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import gpu

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.parametrize("name", [*gpu.FILES, *gpu.WHOLE, *gpu.ONLY_ON_CPU])
def test_what_is_listed_is_there(name):
    file, _, test = name.partition("::")
    assert file in gpu.FILES
    assert f"def {test.partition('[')[0]}" in (ROOT / file).read_text() if test else (ROOT / file).is_file()


def test_a_test_that_takes_long_is_run_where_it_is_asked_for():
    killed = "tests/checkpoint/test_resume.py::test_processes_that_are_killed_go_on"
    ids = [
        killed,
        "tests/core/test_graph.py::test_a",
        "tests/nn/test_masks.py::test_slow",
        "tests/nn/test_masks.py::test_b",
    ]
    assert gpu.chosen(ids, [killed, "tests/nn/test_masks.py::test_slow"]) == {killed, ids[3]}


@pytest.mark.parametrize(
    ("node_id", "kind"),
    [
        ("tests/conformance/test_laws.py::test_equals_keras[Conv2D-default]", "convolutions"),
        ("tests/conformance/test_laws.py::test_equals_keras[LSTM-default]", "recurrences"),
        ("tests/conformance/test_laws.py::test_half[Dense-default]", "half"),
        ("tests/nn/test_attention.py::test_masks", "products"),
        ("tests/train/test_fit.py::test_x", "training"),
        ("tests/conformance/test_optimizer_laws.py::test_x[Adam]", "optimizers"),
        ("tests/conformance/test_loss_laws.py::test_x[MSE]", "float32"),
    ],
)
def test_numbers_may_differ_by_what_their_kind_allows(node_id, kind):
    assert gpu.kind_of(node_id) == kind
    allowed, want = gpu.TOLERANCES[kind], np.array([1.0, -200.0, np.nan, np.inf])
    with gpu.allowed(node_id):
        assert jax.config.jax_default_matmul_precision == gpu.PRECISION
        np.testing.assert_allclose(want * (1 + 0.9 * allowed.rtol), want, rtol=1e-7)
        np.testing.assert_allclose(want[:2] + 150 * allowed.atol, want[:2], atol=0, err_msg="by the largest beside it")
        np.testing.assert_allclose(jnp.ones(2), jnp.ones(2) + 0.5, atol=0.6)  # what a test allows it has still
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(np.ones(2) * (1 + 3 * (allowed.rtol + allowed.atol)), np.ones(2))
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(1 + 0.9 * allowed.rtol, 1.0)
