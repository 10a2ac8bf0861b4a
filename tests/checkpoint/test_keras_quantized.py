"""Models that real Keras quantised: the same numbers in few bits, and the same predictions."""

import io
import zipfile

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
layers = keras.layers
int4, int8 = keras.quantizers.Int4QuantizationConfig, keras.quantizers.Int8QuantizationConfig
TOKENS = np.random.default_rng(0).integers(0, 9, (4, 6)).astype("int32")


def quantised(mode, path):
    """A model that Keras quantised and saved, and what it predicts."""
    inputs = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Flatten()(layers.Embedding(9, 7, name="table")(inputs))
    x = layers.LayerNormalization(name="norm")(layers.Dense(5, "relu", name="body")(x))
    model = keras.Model(inputs, layers.Dense(1, use_bias=False, name="head")(x))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    with keras_world():
        model.quantize(mode) if isinstance(mode, str) else model.quantize(config=mode)
    model.save(path)
    with jax.numpy_rank_promotion("allow"):
        return np.asarray(model(TOKENS))


MODES = {
    "int8": ("int8", "int8", "int8"),
    "int8 weights": (int8(activation_quantizer=None), "int8", None),
    "int4": ("int4", "int8", None),
    "int4 in blocks": (int4(block_size=4), "int8", None),
    "int4 by channel": (int4(block_size=-1), "int4", None),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_model_that_keras_quantised_predicts_as_it_does(mode, tmp_path):
    asked, form, activation = MODES[mode]
    want = quantised(asked, tmp_path / "q.keras")
    model, variables = fk.load_model(tmp_path / "q.keras")
    # float32 rounding: the numbers and scales are Keras's own
    np.testing.assert_allclose(jax.jit(model.apply)(variables, TOKENS), want, rtol=1e-5, atol=1e-5)
    storage = model.get_layer("body")._weights_as
    assert (storage.form, storage.activation) == (form, activation)
    assert variables["non_trainable"]["body"]["kernel"].dtype == ("int8" if form == "int8" else "uint8")
    blank = jax.tree.map(np.zeros_like, variables)
    loaded = model.load_weights(tmp_path / "q.keras", blank)
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded, variables))


def test_it_is_saved_like_any_quantised_model(tmp_path):
    quantised("int8", tmp_path / "q.keras")
    model, variables = fk.load_model(tmp_path / "q.keras")
    model.save(tmp_path / "again", variables)
    again, restored = fk.load_model(tmp_path / "again")
    assert again == model
    assert jax.tree.all(jax.tree.map(np.array_equal, restored, variables))


def edited(path, edit):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    file = io.BytesIO(members["model.weights.h5"])
    with h5py.File(file, "r+") as h5:
        edit(h5)
    members["model.weights.h5"] = file.getvalue()
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)


def another(name, value):
    def edit(h5):
        del h5[name]
        h5[name] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda h5: h5.pop("layers/dense/vars/3"), "cannot be read"),
        (another("layers/dense/vars/4", np.zeros(42, "float32")), "do not belong to blocks of 4"),
        (another("layers/dense/vars/3", np.full((11, 5), 100, "int8")), "do not belong to blocks of 4"),
        (another("layers/dense/vars/0", np.zeros((42, 5), "int8")), r"mismatched  non_trainable/body/kernel"),
        (another("layers/dense/vars/2", np.zeros((10, 5), "float32")), r"mismatched  non_trainable/body/kernel_scale"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(edit, text, tmp_path):
    quantised(int4(block_size=4), tmp_path / "q.keras")
    edited(tmp_path / "q.keras", edit)
    with pytest.raises(ValueError, match=text):
        fk.load_model(tmp_path / "q.keras")


def test_other_ways_are_refused_in_words(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.quantize("float8")
    model.save(tmp_path / "q.keras")
    with pytest.raises(ValueError, match=r"in a way that fkeras does not read[\s\S]*QuantizedFloat8DTypePolicy"):
        fk.load_model(tmp_path / "q.keras")
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, layers.MultiHeadAttention(2, 3)(inputs, inputs))
    model.quantize("int8")
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"in a way that fkeras does not read"):
        fk.load_model(tmp_path / "m.keras")
