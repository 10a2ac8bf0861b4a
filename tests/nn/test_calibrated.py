"""GPTQ and AWQ with calibration: Keras's arrays, a smaller error than plain rounding, and what was left out and why."""

import warnings

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
measuring = pytest.importorskip("keras.src.quantizers.gptq")
weighing = pytest.importorskip("keras.src.quantizers.awq")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("GPTQ", {"group_size": 4}),
        ("GPTQ", {"group_size": -1, "weight_bits": 8, "symmetric": True}),
        ("GPTQ", {"group_size": 4, "activation_order": True}),
        ("AWQ", {"group_size": 4, "num_grid_points": 5}),
    ],
)
def test_the_arrays_of_a_kernel_are_those_of_keras(kind, options):
    """Of one layer: `keras.Model.quantize` hooks calls that no longer run, so that it measures nothing."""
    x, weight = RNG.normal(size=(40, 10)).astype("float32"), RNG.normal(size=(10, 3)).astype("float32")
    x[:, 4] = 0  # an input that is always zero
    with keras_world():
        config = getattr(keras.quantizers, f"{kind}Config")(None, None, **options)
        theirs = keras.layers.Dense(3, use_bias=False)
        theirs.build((None, 10))
        theirs.set_weights([weight])
        theirs.quantize(config.mode, config=config)
        if kind == "GPTQ":
            measured = measuring.GPTQ(theirs, config)
            measured.update_hessian_with_batch(x)
            measured.quantize_and_correct_layer()
        else:
            measured = weighing.AWQ(theirs, config)
            measured.update_activation_magnitudes(x)
            measured.quantize_layer()
        want = np.asarray(theirs(x))
    model = fk.Sequential([fk.Input((10,)), fk.nn.Dense(3, use_bias=False, name="dense")])
    variables = {"params": {"dense": {"kernel": weight}}}
    config = getattr(fk.quantizers, f"{kind}Config")(x, **options)
    qmodel, qvariables = model.quantize(variables, kind.lower(), config=config)
    assert list(variables["params"]["dense"]) == ["kernel"]
    found = qvariables["non_trainable"]["dense"]
    np.testing.assert_array_equal(found["kernel"], np.asarray(theirs.quantized_kernel))
    np.testing.assert_array_equal(found["kernel_zero"], np.asarray(theirs.kernel_zero))
    np.testing.assert_allclose(found["kernel_scale"], np.asarray(theirs.kernel_scale), rtol=1e-5)
    np.testing.assert_array_equal(np.floor(found["g_idx"]), np.floor(np.asarray(theirs.g_idx)))
    if kind == "AWQ":
        np.testing.assert_allclose(found["awq_scales"], np.asarray(theirs.awq_scales), rtol=1e-5)
    np.testing.assert_allclose(qmodel.apply(qvariables, x), want, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def digits():
    """A small network that was trained, and its data."""
    x = (load_digits().data / 16).astype("float32")
    y = load_digits().target.astype("int32")
    model = fk.Sequential([fk.Input((64,)), fk.nn.Dense(32, "relu"), fk.nn.Dense(10, name="head")])
    trainer = model.compile("adam", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    state, _ = trainer.fit(trainer.init(0), x[:1200], y[:1200], epochs=4, batch_size=100, verbose=0)
    return model, state.variables, x


def test_the_error_is_far_smaller_than_that_of_plain_int4(digits):
    model, variables, x = digits
    shown = x[1200:1712]  # whole batches, so that all of them are one program
    want = model.predict(variables, shown)

    def error(config):
        qmodel, qvariables = model.quantize(variables, config=config)
        return float(np.mean((qmodel.predict(qvariables, shown) - want) ** 2))

    plain = error(fk.quantizers.Int4QuantizationConfig(block_size=32))
    ratios = {
        "gptq": error(fk.quantizers.GPTQConfig(x[:128], group_size=32)) / plain,
        "awq": error(fk.quantizers.AWQConfig(x[:128], group_size=32, num_grid_points=10)) / plain,
    }
    assert ratios["gptq"] < 0.5, ratios
    assert ratios["awq"] < 0.9, ratios


def block_of(lib, of):
    tokens = lib.Input((6,), dtype="int32", name="tokens")
    x = of.Embedding(9, 8, name="table")(tokens)
    inner = lib.Input((6, 8), name="hidden")
    block = lib.Model(
        inner, of.Dense(8, name="body")(of.MultiHeadAttention(2, 3, name="attend")(inner, inner)), name="block"
    )
    x = of.Conv1D(8, 3, name="conv")(block(x))
    return lib.Model(tokens, of.Dense(1, name="head")(of.Flatten(name="flat")(x)))


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """A model, its variables, and a file that has both."""
    model, place = block_of(fk, fk.nn), tmp_path_factory.mktemp("blocks") / "m.keras"
    variables = model.init(0)
    model.save(place, variables)
    return model, variables, place


def test_blocks_attention_and_what_was_left_out(blocks, tmp_path):
    model, variables, _ = blocks
    tokens = RNG.integers(0, 9, (3, 6)).astype("int32")
    structure = {"pre_block_layers": ["table"], "sequential_blocks": [model.get_layer("block")]}
    config = fk.quantizers.AWQConfig(tokens, group_size=4, num_grid_points=2, quantization_layer_structure=structure)
    qmodel, qvariables = model.quantize(variables, config=config)
    assert qvariables["non_trainable"]["block"]["attend"]["out"]["awq_scales"].shape == (6,)
    report = fk.nn.quantization_report(qmodel, qvariables)
    assert {row.path: row.mode for row in report.layers} == {
        "table": None, "block/attend": "awq/4/4", "block/body": "awq/4/4", "conv": None, "head": None,
    }  # fmt: skip
    assert report.left == {
        "table": "Embedding has no awq",
        "conv": "Conv1D has no awq",
        "head": "the filters, the rules or the blocks leave it out",
    }
    assert report.bytes_before == sum(leaf.nbytes for leaf in jax.tree.leaves(variables))
    assert report.bytes_after == sum(leaf.nbytes for leaf in jax.tree.leaves(qvariables))
    assert "block/attend" in str(report)
    # real Keras opens it: what is written has the zeros that Keras leaves out of its own files
    want = np.asarray(jax.jit(qmodel.apply)(qvariables, tokens))
    qmodel.save(tmp_path / "q.keras", qvariables)
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.asarray(keras.saving.load_model(tmp_path / "q.keras")(tokens))
    np.testing.assert_allclose(theirs, want, rtol=1e-5, atol=1e-5)
    again, restored = fk.load_model(tmp_path / "q.keras")
    assert again == qmodel
    assert jax.tree.all(jax.tree.map(np.array_equal, restored, qvariables))


@pytest.mark.parametrize(
    "config",
    [
        fk.quantizers.Int8QuantizationConfig(),
        fk.quantizers.Int4QuantizationConfig(block_size=3),
    ],
)
def test_a_config_makes_the_arrays_that_keras_makes(config, blocks, tmp_path):
    model, variables, place = blocks
    with keras_world(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.saving.load_model(place)
        theirs.quantize(config=keras.saving.deserialize_keras_object(fk.saving.serialize_keras_object(config)))
        theirs.save(tmp_path / "q.keras")
    _, wanted = fk.load_model(tmp_path / "q.keras")
    _, qvariables = model.quantize(variables, config=config)
    assert jax.tree.structure(qvariables) == jax.tree.structure(wanted)
    for got, want in zip(jax.tree.leaves(qvariables), jax.tree.leaves(wanted), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_texts_are_cut_into_pieces():
    model = fk.Sequential([fk.Input((4,), dtype="int32"), fk.nn.Embedding(200, 2), fk.nn.Dense(2, name="dense")])
    variables = model.init(0)
    few = {"num_grid_points": 1}  # each is a piece of the program
    text = fk.quantizers.AWQConfig(
        ["abcd", "efgh"], lambda t: [ord(c) for c in t], num_samples=2, sequence_length=4, **few
    )
    rows = fk.quantizers.AWQConfig(np.array([[ord(c) for c in t] for t in ("abcd", "bcde")]), **few)
    found, wanted = (model.quantize(variables, config=config)[1] for config in (text, rows))
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    with pytest.raises(ValueError, match="Texts need a tokenizer"):
        model.quantize(variables, config=fk.quantizers.GPTQConfig(["abc"]))


def test_errors_say_what_to_write(digits):
    model, variables, x = digits
    with pytest.raises(ValueError, match=r"A config of fk\.quantizers says how[\s\S]*GPTQConfig"):
        model.quantize(variables, "gptq")
    with pytest.raises(ValueError, match=r"A config of fk\.quantizers says how"):
        model.quantize(variables, "awq", config=fk.quantizers.GPTQConfig(x))
    with pytest.raises(ValueError, match="needs data to measure"):
        model.quantize(variables, "gptq", config=fk.quantizers.GPTQConfig())
    lost = fk.quantizers.GPTQConfig(x, quantization_layer_structure={"sequential_blocks": ["nope"]})
    with pytest.raises(ValueError, match="'nope' is no layer"):
        model.quantize(variables, config=lost)
    with pytest.raises(ValueError, match="With a config, data and sizes are the config's"):
        model.quantize(variables, config=fk.quantizers.Int8QuantizationConfig(), block_size=4)
    conv = fk.Sequential([fk.Input((4, 2)), fk.nn.Conv1D(2, 2)])
    with pytest.raises(ValueError, match=r"No layer of[\s\S]*quantization_report"):
        conv.quantize(conv.init(0), config=fk.quantizers.Int8QuantizationConfig())
