"""ONNX files, run by onnxruntime; `make test-onnx` has what this needs."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import fkeras as fk

from . import export_models

pytest.importorskip("jax2onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def run(path, names, leaves):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == names
    return session.run(None, dict(zip(names, leaves, strict=True)))


@pytest.mark.parametrize("make", export_models.MODELS, ids=lambda m: m.__name__)
def test_onnxruntime_computes_the_same(make, tmp_path):
    model = make()
    variables = model.init(jax.random.key(0))
    path = tmp_path / "model.onnx"
    model.export(path, variables, format="onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    for n, size in ((1, 7), (5, 12)):
        leaves = export_models.batch(model, n, size)
        wanted = jax.tree.leaves(model.apply(variables, jax.tree.unflatten(jax.tree.structure(model.input), leaves)))
        for want, got in zip(wanted, run(path, model.input_names, leaves), strict=True):
            np.testing.assert_allclose(got, want, atol=1e-5)  # another runtime's order of sums


@pytest.mark.parametrize("mode", ["int8", "int4_weight_only", "nf4"])
def test_quantised_models(mode, tmp_path):
    model = export_models.quantised()
    qmodel, qvariables = model.quantize(model.init(jax.random.key(0)), mode)
    qmodel.export(tmp_path / "q.onnx", qvariables, format="onnx")
    (got,) = run(tmp_path / "q.onnx", qmodel.input_names, export_models.batch(model, 5))
    # inputs rounded to a grid may fall to the other side of its middle
    np.testing.assert_allclose(got, qmodel.apply(qvariables, export_models.batch(model, 5)[0]), atol=2e-2)


def test_the_model_is_as_before(tmp_path):
    """The converter patches functions of JAX and Flax while it runs; nothing of that may stay in jit's cache."""
    model = export_models.cnn()
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "m.onnx", variables, format="onnx")
    (x,) = export_models.batch(model, 3)
    after = np.asarray(jax.jit(model.apply)(variables, x))
    jax.clear_caches()
    assert np.array_equal(after, np.asarray(jax.jit(model.apply)(variables, x)))


def test_what_onnx_cannot_say_is_an_error_and_leaves_nothing(tmp_path):
    inputs = fk.Input((4,))
    host = fk.nn.Lambda(lambda x: jax.pure_callback(np.sort, jax.ShapeDtypeStruct(x.shape, x.dtype), x))
    model = fk.Model(inputs, host(inputs))
    with pytest.raises(ValueError, match="cannot be exported as ONNX"):
        model.export(tmp_path / "m.onnx", {"params": {}}, format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_an_input_or_another_output(tmp_path):
    inputs = fk.Input((3,), name="x")
    y = fk.nn.Dense(2)(inputs)
    model = fk.Model(inputs, [inputs, y, y])
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "m.onnx", variables, format="onnx")
    x = np.ones((4, 3), "float32")
    found = run(tmp_path / "m.onnx", ["x"], [x])
    for got, want in zip(found, model.apply(variables, x), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_onnxruntime_alone_runs_it(tmp_path):
    model = export_models.several()
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "m.onnx", variables, format="onnx")
    code = """
import sys, numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
left, total = session.run(["left", "sum"], {"a": np.ones((4, 3), "float32"), "b": np.ones((4, 3), "float32")})
assert total.tolist() == [[2.0] * 3] * 4 and left.shape == (4, 2)
assert not {"jax", "flax", "fkeras"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "m.onnx"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
