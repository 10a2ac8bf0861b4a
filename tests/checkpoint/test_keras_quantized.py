"""Models that real Keras quantised: the same arrays, the same predictions, and files that real Keras opens."""

import io
import warnings
import zipfile

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
layers = keras.layers
quantizers = keras.quantizers
RNG = np.random.default_rng(0)
ZEROS = {"kernel_initializer": "zeros"}  # numbers of ours are put in, so none are drawn
TOKENS = RNG.integers(0, 9, (4, 6)).astype("int32")


def described():
    """A block between an embedding and a head; attention in it, whose projections no config speaks of."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = table = layers.Embedding(9, 8, "zeros", name="table")(tokens)
    x = layers.MultiHeadAttention(2, 4, name="attend", **ZEROS)(x, x)
    x = layers.GroupQueryAttention(4, 2, 1, use_bias=False, name="grouped", **ZEROS)(x, x)
    x = layers.EinsumDense("abc,cd->abd", (6, 8), bias_axes="d", name="mix", **ZEROS)(x)
    block = keras.Model(table, layers.Dense(8, "relu", name="body", **ZEROS)(x), name="block")
    x = layers.Flatten()(block(table))
    return keras.Model(tokens, layers.Dense(1, use_bias=False, name="head", **ZEROS)(x)), block


def predicts(model):
    """A function that says what a model of Keras now predicts of `TOKENS`, by one program."""
    program = jax.jit(model.stateless_call)

    def predicted():
        values = [[v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables)]
        with keras_world():
            return np.asarray(program(*values, TOKENS)[0])

    return predicted


def config_of(mode):
    if mode in ("gptq", "awq"):
        kind = quantizers.GPTQConfig if mode == "gptq" else quantizers.AWQConfig
        own = {"symmetric": True} if mode == "gptq" else {"num_grid_points": 2}
        return kind([TOKENS[:1]], len, num_samples=1, sequence_length=6, group_size=4, **own)
    return MODES[mode]


# Each second one is of another kind; what is between them is a kind with other arguments.
MODES = {
    "int8": quantizers.Int8QuantizationConfig(),
    "int8 weights": quantizers.Int8QuantizationConfig(activation_quantizer=None),
    "int4 in blocks": quantizers.Int4QuantizationConfig(block_size=3),
    "int4": quantizers.Int4QuantizationConfig(),
    "float8": quantizers.Float8QuantizationConfig(),
    "int4 by channel": quantizers.Int4QuantizationConfig(block_size=-1),
    "gptq": None,
}


def quantised(mode, path):
    """A model that Keras quantised and saved."""
    model, block = described()
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape) * 0.5)
    structure = {"pre_block_layers": [model.get_layer("table")], "sequential_blocks": [block]}
    model.get_quantization_layer_structure = lambda mode: structure
    chosen = (lambda layer: layer.name != "head") if mode in ("gptq", "awq") else None  # the head is in no block
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize(config=config_of(mode), filters=chosen)
        model.save(path)
        model.save_weights(path.with_suffix(".weights.h5"))
        return model


def test_kernels_whose_zeros_keras_leaves_out_are_refused(tmp_path):
    quantised("awq", tmp_path / "q.keras")
    with pytest.raises(ValueError, match=r"lacks the zeros of[\s\S]*Keras leaves kernel_zero out"):
        fk.load_model(tmp_path / "q.keras")


@pytest.mark.sweep(2)
@pytest.mark.parametrize("mode", MODES)
def test_a_model_that_keras_quantised_opens_and_goes_back(mode, tmp_path):
    theirs = quantised(mode, tmp_path / "q.keras")
    predicted = predicts(theirs)
    want = predicted()
    model, variables = fk.load_model(tmp_path / "q.keras")
    # the products of float32 are XLA's in another order
    close = {"rtol": 1e-5, "atol": 1e-5 * np.abs(want).max()}
    np.testing.assert_allclose(jax.jit(model.apply)(variables, TOKENS), want, **close)
    names = {str(leaf.dtype) for leaf in jax.tree.leaves(variables)}
    assert names & {"int8", "uint8"} if mode != "float8" else "body" in str(jax.tree.structure(variables))
    blank = jax.tree.map(np.zeros_like, variables)
    for name in ("q.keras", "q.weights.h5"):
        loaded = model.load_weights(tmp_path / name, blank)
        assert jax.tree.all(jax.tree.map(np.array_equal, loaded, variables))
    if mode == "int8 weights":  # attention without rounded inputs has no config in Keras
        with pytest.raises(ValueError, match=r"a form that Keras files do not have"):
            model.save(tmp_path / "back.keras", variables)
        return
    model.save_weights(tmp_path / "back.weights.h5", variables)
    for weight in theirs.weights:
        weight.assign(np.zeros(weight.shape, weight.dtype))
    theirs.load_weights(tmp_path / "back.weights.h5")
    assert np.array_equal(predicted(), want)
    model.save(tmp_path / "back.keras", variables)
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = keras.saving.load_model(tmp_path / "back.keras")
        np.testing.assert_allclose(predicts(again)(), want, **close)
    same, restored = fk.load_model(tmp_path / "back.keras")
    assert same == model
    assert jax.tree.all(jax.tree.map(np.array_equal, restored, variables))


def test_an_orbax_directory_keeps_it_too(tmp_path):
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, dtype="int4/2_from_float32"), fk.nn.Dense(2, lora_rank=1)])
    variables = model.init(0)
    model.save(tmp_path / "m", variables)
    again, restored = fk.load_model(tmp_path / "m")
    assert again == model
    assert jax.tree.all(jax.tree.map(np.array_equal, restored, variables))


@pytest.mark.sweep(2)  # the forms between are those of the models above
@pytest.mark.parametrize("dtype", [None, "int8_from_float32", "int4/2_from_float32", "int4/-1_from_float32"])
def test_low_rank_changes_are_written_into_the_kernel(dtype, tmp_path):
    told = {} if dtype is None else {"dtype": dtype}

    def model_of(lib, of):
        inputs = lib.Input((3, 4))
        x = of.EinsumDense("abc,cd->abd", (None, 4), lora_rank=1, lora_alpha=2, name="mix", **told)(inputs)
        return lib.Model(inputs, of.Dense(3, lora_rank=2, name="out", **told)(x))

    x = RNG.normal(size=(2, 3, 4)).astype("float32")
    model = model_of(fk, fk.nn)
    variables = jax.tree.map(
        lambda a: (
            (RNG.integers(-8, 8, a.shape) if a.dtype == "int8" else RNG.uniform(0.5, 2, a.shape)).astype(a.dtype)
            if a.shape != (4,) or dtype is None
            else np.asarray(a)
        ),
        model.init(0),
    )
    model.save_weights(tmp_path / "m.weights.h5", variables)
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = model_of(keras, layers)
        names = {w.path: w for w in theirs.weights}
        for path, weight in names.items():
            layer, own = path.split("/")
            place = variables["non_trainable" if not weight.trainable else "params"][layer][own]
            weight.assign(place)
        want = np.asarray(theirs(x))
        theirs.save_weights(tmp_path / "k.weights.h5")
        other = model_of(keras, layers)
        other.load_weights(tmp_path / "m.weights.h5")
        merged = np.asarray(other(x))
    close = {"rtol": 1e-5, "atol": 1e-5 * np.abs(want).max()}
    apply = jax.jit(model.apply)
    np.testing.assert_allclose(apply(variables, x), want, **close)
    ours = model.load_weights(tmp_path / "m.weights.h5", variables)
    theirs = model.load_weights(tmp_path / "k.weights.h5", variables)
    for loaded in (ours, theirs):  # what either wrote is one to both: the sum, rounded again where it is in few bits
        np.testing.assert_allclose(apply(loaded, x), merged, **close)
        assert not any(
            leaf.any() for layer in loaded["params"].values() for n, leaf in layer.items() if n.endswith("_b")
        )


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
        (lambda h5: h5.pop("layers/dense/vars/3"), r"missing     non_trainable/dense/kernel_zero|g_idx"),
        (another("layers/dense/vars/3", np.zeros((1, 4), "int8")), r"mismatched  non_trainable/dense/kernel_zero"),
        (another("layers/dense/vars/0", np.zeros((4, 3), "int8")), r"mismatched  non_trainable/dense/kernel"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(edit, text, tmp_path):
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, dtype="int4/2_from_float32")])
    model.save(tmp_path / "q.keras", model.init(0))
    edited(tmp_path / "q.keras", edit)
    with pytest.raises(ValueError, match=text):
        fk.load_model(tmp_path / "q.keras")


def test_a_float_model_refuses_quantised_weights_in_words(tmp_path):
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, layers.MultiHeadAttention(2, 3)(inputs, inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    model.save_weights(tmp_path / "m.weights.h5")
    inputs = fk.Input((3, 4))
    ours = fk.Model(inputs, fk.nn.MultiHeadAttention(2, 3)(inputs, inputs))
    with pytest.raises(ValueError, match=r"in a way that this model does not have[\s\S]*attention too"):
        ours.load_weights(tmp_path / "m.weights.h5", ours.init(0))
