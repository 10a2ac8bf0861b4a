"""What layers call the axes of their weights: arguments, configs, files that real Keras opens, and words for errors."""

import copy
import pickle

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import linen
from jax.sharding import PartitionSpec

import fkeras as fk
from fkeras.core import inferred_names

from ..real_keras import keras_world

DENSE = fk.nn.Dense(4, kernel_axes=("embed", "mlp"), name="d")


class Mine(fk.nn.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")

    def call(self, inputs):
        return jnp.einsum("...i,io->...o", inputs, self.w)


class Strict(fk.nn.Layer):
    def __init__(self, units):
        super().__init__()
        self.inside = fk.nn.Dense(units)

    def call(self, inputs):
        return self.inside(inputs)


class Takes(fk.nn.Dense):
    def __init__(self, units, kernel_axes=3, **kwargs):
        super().__init__(units, **kwargs)
        self.number = kernel_axes


class Inside(linen.Module):
    @linen.compact
    def __call__(self, x):
        return fk.nn.Dense(4, kernel_axes=("embed", "mlp"), name="inside")(x)


def names(model, *shape):
    return inferred_names(model, (np.zeros(shape, "float32"),), {})


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (DENSE, "Dense(units=4, kernel_axes=('embed', 'mlp'), name='d')"),
        (fk.nn.Dense(4, weight_axes={"kernel": [("a", "b"), None]}), "Dense(units=4, kernel_axes=(('a', 'b'), None))"),
        (fk.nn.Dense(4, bias_axes=PartitionSpec("mlp")), "Dense(units=4, bias_axes=('mlp',))"),
        (Mine(3, w_axes=("embed", None)), "Mine(units=3, w_axes=('embed', None))"),
        (
            Strict(3, weight_axes={"inside/kernel": ("e", "m")}),
            "Strict(units=3, weight_axes={'inside/kernel': ('e', 'm')})",
        ),
        (Takes(3, kernel_axes=5, bias_axes=("mlp",)), "Takes(units=3, kernel_axes=5, bias_axes=('mlp',))"),
        (
            fk.nn.EinsumDense("ab,bc->ac", 3, bias_axes="c"),
            "EinsumDense(equation='ab,bc->ac', output_shape=(3,), bias_axes='c')",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_names_are_part_of_a_layers_value(layer, shown):
    assert repr(layer) == shown
    again = type(layer).from_config(layer.get_config())
    assert again == layer
    assert repr(again) == shown
    assert pickle.loads(pickle.dumps(layer)) == copy.deepcopy(layer) == layer
    assert layer.replace(trainable=False).replace(trainable=True) == layer


def test_they_tell_layers_apart_and_are_changed_one_by_one():
    assert fk.nn.Dense(4, name="d") != DENSE == DENSE.replace(units=5).replace(units=4)
    both = DENSE.replace(bias_axes=("mlp",))
    assert both.get_config()["weight_axes"] == {"bias": ["mlp"], "kernel": ["embed", "mlp"]}
    assert both.replace(kernel_axes=None).get_config()["weight_axes"] == {"bias": ["mlp"]}
    assert both.replace(weight_axes=None) == fk.nn.Dense(4, name="d")
    assert Mine(3, w_axes=("a", "b")).replace(units=4) == Mine(4, w_axes=("a", "b"))


def test_each_weight_has_its_names_by_its_path():
    inputs = fk.Input((6, 8))
    attention = fk.nn.MultiHeadAttention(2, 4, weight_axes={"query/kernel": ("embed", "heads", None)})
    x = attention(inputs, inputs)
    x = fk.nn.Bidirectional(fk.nn.LSTM(4, return_sequences=True, recurrent_kernel_axes=("units", "gates")))(x)
    x = fk.nn.Repeat(fk.nn.Dense(8, kernel_axes=("embed", "mlp")), 3)(x)
    x = fk.nn.BatchNormalization(mean_axes=("mlp",))(x)
    x = fk.nn.FlaxLayer(linen.Dense(4), kernel_axes=("embed", "mlp"))(x)
    assert names(fk.Model(inputs, x), 2, 6, 8) == {
        "params/multi_head_attention/query/kernel": ("embed", "heads", None),
        "params/bidirectional/forward_lstm/recurrent_kernel": ("units", "gates"),
        "params/bidirectional/backward_lstm/recurrent_kernel": ("units", "gates"),
        "params/repeat/block/kernel": (None, "embed", "mlp"),  # the blocks' weights are stacked
        "batch_stats/batch_normalization/mean": ("mlp",),
        "params/flax_layer/kernel": ("embed", "mlp"),
    }
    assert names(Inside(), 2, 6) == {"params/inside/kernel": ("embed", "mlp")}


def test_files_keep_them_and_real_keras_opens_the_files(tmp_path):
    nested = fk.Sequential([fk.Input((3,)), DENSE])
    model = fk.Sequential([fk.Input((3,)), nested, fk.nn.Dense(2, kernel_axes=("mlp", None))])
    variables, x = model.init(0), np.ones((2, 3), "float32")
    model.save(tmp_path / "model.keras", variables)
    found, _ = fk.load_model(tmp_path / "model.keras")
    assert found == model == fk.model_from_json(model.to_json())
    assert names(found, 2, 3) == {
        "params/sequential/d/kernel": ("embed", "mlp"),
        "params/dense/kernel": ("mlp", None),
    }
    with keras_world():
        real = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(real.predict(x, verbose=0), model.apply(variables, x), atol=1e-6)
        keras.models.model_from_json(model.to_json())
        keras.layers.deserialize(fk.layers.serialize(DENSE))


WRONG = {
    r"(?s)'kernel' of 2 axes, and names for 1.*kernel_axes=\('embed', None\)": lambda x: fk.nn.Dense(
        4, kernel_axes=("embed",)
    )(x),
    r"(?s)Layer Dense has no weight 'kernal'.*Did you mean 'kernel'.*kernel_axes=\('a', 'b'\)": lambda x: fk.nn.Dense(
        4, kernal_axes=("a", "b")
    )(x),
    r"weight_axes=\{'query/kernel': \('a', 'b', 'c'\)\}": lambda x: fk.nn.MultiHeadAttention(
        2, 4, weight_axes={"qery/kernel": ("a", "b", "c")}
    )(x, x),
    "a layer without weights": lambda x: fk.nn.Flatten(kernel_axes=("a",))(x),
    r"(?s)Dense: the names of a weight's axes.*'embed' for 'kernel'.*one name in place": lambda x: fk.nn.Dense(
        4, kernel_axes="embed"
    ),
    r"(?s)one name, or None, for each axis.*\(1, 2\)": lambda x: fk.nn.Dense(4, kernel_axes=(1, 2)),
    "has no argument 'kernel_axes'": lambda x: fk.Model(x, DENSE(x), kernel_axes=("a", "b")),
    "no weight 'other/kernel'": lambda x: names(
        fk.nn.FlaxLayer(Inside(), weight_axes={"other/kernel": ("a", "b")}), 2, 3
    ),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_fits_no_weight_is_said(said):
    with pytest.raises((ValueError, TypeError), match=said):
        WRONG[said](fk.Input((2, 3)))
