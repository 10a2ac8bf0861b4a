"""SavedModels and LiteRT files, run by TensorFlow; `make test-export` has what this needs."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import fkeras as fk

from . import export_models

tf = pytest.importorskip("tensorflow")


def wanted_of(model, variables, leaves):
    found = model.apply(variables, jax.tree.unflatten(jax.tree.structure(model.input), leaves))
    return dict(zip(model.output_names, jax.tree.leaves(found), strict=True))


def agrees(found, wanted, atol=1e-5):  # another compiler's order of sums
    assert set(found) == set(wanted)
    for name, want in wanted.items():
        np.testing.assert_allclose(np.asarray(found[name]), want, atol=atol)


@pytest.mark.parametrize("make", export_models.MODELS, ids=lambda m: m.__name__)
def test_tensorflow_computes_the_same(make, tmp_path):
    model = make()
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "saved", variables, format="tf_saved_model")
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    for n, size in ((1, 7), (5, 12)):
        leaves = export_models.batch(model, n, size)
        named = {k: tf.constant(x) for k, x in zip(model.input_names, leaves, strict=True)}
        agrees(serve(**named), wanted_of(model, variables, leaves))


FIXED = [make for make in export_models.MODELS if make is not export_models.images_of_any_size]


@pytest.mark.parametrize("make", FIXED, ids=lambda m: m.__name__)
def test_litert_computes_the_same(make, tmp_path):
    model = make()
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "m.tflite", variables, format="litert")
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]
    serve = tf.lite.Interpreter(model_path=str(tmp_path / "m.tflite")).get_signature_runner("serving_default")
    for n, size in ((1, 7), (5, 12)):
        leaves = export_models.batch(model, n, size)
        agrees(serve(**dict(zip(model.input_names, leaves, strict=True))), wanted_of(model, variables, leaves))


def test_sizes_that_litert_needs_say_so(tmp_path):
    model = export_models.images_of_any_size()
    variables = model.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"only with a fixed size of 'h'[\s\S]*\(None, 64, 64, 1\)"):
        model.export(tmp_path / "m.tflite", variables, format="litert")
    assert list(tmp_path.iterdir()) == []
    model.export(tmp_path / "m.tflite", variables, format="litert", input_signature=(None, 9, 12, 1))
    serve = tf.lite.Interpreter(model_path=str(tmp_path / "m.tflite")).get_signature_runner("serving_default")
    x = np.random.default_rng(0).normal(size=(5, 9, 12, 1)).astype("float32")
    agrees(serve(**{model.input_names[0]: x}), wanted_of(model, variables, [x]))


def test_weights_are_variables_that_train(tmp_path):
    model = export_models.cnn()
    variables = model.init(jax.random.key(0))
    model.export(tmp_path / "saved", variables, format="tf_saved_model")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert set(loaded.weights) == {
        f"{c}/{path}" for c, tree in variables.items() for path in model.variable_map({c: tree})
    }
    x = tf.constant(export_models.batch(model, 4)[0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded.serve(x)["dense"] ** 2)
    trained = [v for v in loaded.weights.values() if v.trainable]
    slopes = dict(zip((v.name.split(":")[0] for v in trained), tape.gradient(loss, trained), strict=True))

    def square(params):
        return (model.apply({**variables, "params": params}, np.asarray(x)) ** 2).sum()

    for name, slope in model.variable_map({"params": jax.grad(square)(variables["params"])}).items():
        np.testing.assert_allclose(slopes[f"params/{name}"], slope, atol=1e-5)  # sums in another order
    loaded.weights["params/dense/bias"].assign([9.0, 0.0, 0.0])
    assert int(np.argmax(loaded.serve(x)["dense"][0])) == 0


@pytest.mark.parametrize(
    ("mode", "format"), [("int8", "tf_saved_model"), ("int4", "tf_saved_model"), ("int4", "litert")]
)
def test_quantised_models(mode, format, tmp_path):
    model = export_models.quantised()
    qmodel, qvariables = model.quantize(model.init(jax.random.key(0)), mode)
    path = tmp_path / ("q.tflite" if format == "litert" else "q")
    qmodel.export(path, qvariables, format=format)
    (x,) = export_models.batch(model, 5)
    if format == "litert":
        found = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()(**{model.input_names[0]: x})
    else:
        loaded = tf.saved_model.load(str(path))
        found = loaded.serve(tf.constant(x))
    # inputs rounded to a grid may fall to the other side of its middle
    agrees(found, wanted_of(qmodel, qvariables, [x]), atol=2e-2)


def test_tensorflow_alone_loads_it(tmp_path):
    model = export_models.several()
    model.export(tmp_path / "saved", model.init(jax.random.key(0)), format="tf_saved_model")
    code = """
import sys, tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
found = serve(a=tf.ones((4, 3)), b=tf.ones((4, 3)))
assert found["sum"].numpy().tolist() == [[2.0] * 3] * 4 and found["left"].shape == (4, 2)
assert not {"flax", "fkeras"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "saved"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_saved_model_is_replaced_whole_and_named(tmp_path):
    model = export_models.several()
    variables = model.init(jax.random.key(0))
    for _ in range(2):
        model.export(tmp_path / "saved", variables, format="tf_saved_model", verify=False)
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
    with pytest.raises(ValueError, match=r"is a tf_saved_model[\s\S]*tf.saved_model.load"):
        fk.load_exported(tmp_path / "saved")


def test_what_cannot_be_said_is_an_error_and_leaves_nothing(tmp_path):
    inputs = fk.Input((4,))
    host = fk.nn.Lambda(lambda x: jax.pure_callback(np.sort, jax.ShapeDtypeStruct(x.shape, x.dtype), x))
    model = fk.Model(inputs, host(inputs))
    for format, name in (("tf_saved_model", "m"), ("litert", "m.tflite")):
        with pytest.raises(ValueError, match=r"cannot be exported as (SavedModel|LiteRT)"):
            model.export(tmp_path / name, {"params": {}}, format=format)
    assert list(tmp_path.iterdir()) == []
