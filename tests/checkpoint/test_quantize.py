"""Quantised models, models trained to be quantised, and LoRA, on what was trained here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

import fkeras as fk


def nbytes(tree):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def bits(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    images, labels = found.images.astype("float32") / 16, found.target.astype("int32")
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    return images[:1200], labels[:1200], images[1200:], labels[1200:]


def cnn():
    inputs = fk.Input((8, 8, 1), name="image")
    x = fk.nn.Conv2D(32, 3, padding="same", use_bias=False)(inputs)
    x = fk.nn.BatchNormalization()(x)
    x = fk.nn.ReLU()(x)
    x = fk.nn.MaxPooling2D()(x)
    x = fk.nn.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = fk.nn.Flatten()(x)
    return fk.Model(inputs, fk.nn.Dense(10)(x), name="digits")


def transformer():
    inputs = fk.Input((8, 8))
    x = fk.nn.Dense(64)(inputs)
    x = fk.nn.LayerNormalization()(x + fk.nn.MultiHeadAttention(4, 16)(x, x))
    h = fk.nn.Dense(64)(fk.nn.Dense(128, activation="relu")(x))
    x = fk.nn.LayerNormalization()(x + h)
    return fk.Model(inputs, fk.nn.Dense(10)(fk.nn.Flatten()(x)), name="transformer")


LOSS = fk.losses.SparseCategoricalCrossentropy(from_logits=True)


def train(model, data, epochs, variables=None, rate=2e-3):
    x, y = data[:2]
    trainer = model.compile(optimizer=fk.optimizers.Adam(rate), loss=LOSS, metrics=["accuracy"])
    state = trainer.init(0, variables=variables)
    state, _ = trainer.fit(state, x, y, batch_size=100, epochs=epochs, verbose=0)
    return state.variables


@pytest.fixture(scope="module")
def trained(digits):
    x, y, xt, yt = digits
    net, former = cnn(), transformer()
    images = (x[..., None], y, xt[..., None], yt)
    return {"cnn": (net, train(net, images, 6), images), "transformer": (former, train(former, digits, 8), digits)}


def swapped(data):
    """The task with threes and fives exchanged."""
    x, y, xt, yt = data
    exchange = np.arange(10)
    exchange[[3, 5]] = 5, 3
    return x, exchange[y].astype("int32"), xt, exchange[yt].astype("int32")


def moving(lmodel, lvariables):
    """How many numbers an optimizer would move."""
    trainer = lmodel.compile("adam", LOSS)
    return sum(a.size for a in jax.tree.leaves(trainer.partition().split(lvariables["params"])[0]))


def accuracy(model, variables, data):
    logits = jax.jit(model.apply)(variables, data[2])
    return float(np.mean(np.argmax(logits, -1) == data[3]))


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["cnn", "transformer"])
@pytest.mark.parametrize(("mode", "points", "share"), [("int8", 0.5, 0.30), ("int4_weight_only", 1.0, 0.18)])
def test_few_bits_keep_the_accuracy(trained, name, mode, points, share):
    model, variables, data = trained[name]
    qmodel, qvariables = model.quantize(variables, mode)
    before, after = accuracy(model, variables, data), accuracy(qmodel, qvariables, data)
    assert before > 0.93
    assert 100 * (before - after) <= points, (before, after)
    assert nbytes(qvariables) <= share * nbytes(variables), nbytes(qvariables) / nbytes(variables)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("mode", ["int8", "int4", "float8", "nf4"])
def test_the_float_model_is_untouched_to_the_bit(trained, mode):
    model, variables, data = trained["cnn"]
    x = data[2][:4]
    before, kept = np.asarray(jax.jit(model.apply)(variables, x)), bits(variables)
    key = hash(model)
    qmodel, qvariables = model.quantize(variables, mode, calibration_data=x)
    quantised = np.asarray(jax.jit(qmodel.apply)(qvariables, x))
    # shapes that were traced with the twin first are traced anew for the float model
    jax.jit(qmodel.apply)(qvariables, data[2][:3])
    again = np.asarray(jax.jit(model.apply)(variables, data[2][:3]))
    fresh = np.asarray(jax.jit(cnn().apply)(variables, x))
    assert bits(variables) == kept
    assert hash(model) == key
    assert np.array_equal(before, np.asarray(jax.jit(model.apply)(variables, x)))
    assert np.array_equal(before, fresh)
    np.testing.assert_allclose(again, before[:3], atol=1e-5)  # another batch size, another order of sums
    assert not np.array_equal(before, quantised)
    assert qmodel != model


@pytest.mark.parametrize("form", ["int8", "int4"])
def test_the_numbers_are_those_of_keras(form):
    keras = pytest.importorskip("keras")
    weight = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    model = fk.Sequential([fk.Input((6,)), fk.nn.Dense(5, use_bias=False)])
    _, qvariables = model.quantize({"params": {"dense": {"kernel": jnp.asarray(weight)}}}, f"{form}_weight_only")
    kept = qvariables["non_trainable"]["dense"]
    with jax.numpy_rank_promotion("allow"):
        limits = {"int8": (-127, 127), "int4": (-8, 7)}[form]
        theirs, scale = keras.quantizers.abs_max_quantize(
            weight, axis=0, value_range=limits, dtype="int8", to_numpy=True
        )
        if form == "int4":
            theirs, _, _ = keras.quantizers.pack_int4(theirs, axis=0)
    np.testing.assert_array_equal(np.asarray(kept["kernel"]).view("int8"), np.asarray(theirs))
    # Keras divides by the largest plus 1e-7
    np.testing.assert_allclose(1 / np.asarray(kept["kernel_scale"]), np.asarray(scale).reshape(1, -1), rtol=1e-5)


def test_dense_int8_is_near_keras_int8():
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(16, 5)).astype("float32"), rng.normal(size=(7, 16)).astype("float32")
    with jax.numpy_rank_promotion("allow"):
        layer = keras.layers.Dense(5, use_bias=False)
        layer.build((None, 16))
        layer.set_weights([weight])
        layer.quantize("int8")
        theirs = np.asarray(layer(x))
    model = fk.Sequential([fk.Input((16,)), fk.nn.Dense(5, use_bias=False)])
    qmodel, qvariables = model.quantize({"params": {"dense": {"kernel": jnp.asarray(weight)}}}, "int8")
    # the same integers; Keras multiplies them as such, here they are scaled before the sum
    np.testing.assert_allclose(qmodel.apply(qvariables, x), theirs, atol=1e-5)


@pytest.mark.sweep
@pytest.mark.parametrize("block_size", [None, 4])
@pytest.mark.parametrize("shape", [(5, 3), (3, 3, 2, 4)])
@pytest.mark.parametrize(("form", "step"), [("int8", 1 / 254), ("int4", 1 / 14), ("float8", 1 / 16), ("nf4", 0.16)])
def test_what_is_kept_is_near_what_was(form, step, shape, block_size):
    storage = fk.nn.QuantizedWeights(form, None, block_size)
    names = ("kernel", "embedding")
    weight = np.random.default_rng(0).normal(size=shape).astype("float32")

    @jax.jit
    def backs(weight):
        kept = [{n: v for (_, n), v in storage.convert(name, weight).items()} for name in names]
        return [
            storage.read(name, of[name], of[f"{name}_scale"], shape, "float32")
            for name, of in zip(names, kept, strict=True)
        ]

    for back in backs(weight):
        assert back.shape == shape
        # half a step of the grid at its end
        assert np.abs(back - weight).max() <= step * np.abs(weight).max() * 1.001


def test_a_quantised_model_is_a_model(trained, tmp_path):
    model, variables, data = trained["transformer"]
    for mode in ("int8", "float8", "int4"):  # and nf4 where low-rank changes are saved
        qmodel, qvariables = model.quantize(variables, mode, calibration_data=data[0][:50])
        x = data[2][:6]
        qmodel.save(tmp_path / mode, qvariables)
        again, restored = fk.load_model(tmp_path / mode)
        assert again == qmodel
        assert hash(again) == hash(qmodel)
        assert bits(restored) == bits(qvariables)
    here = qmodel.predict(qvariables, x)  # equal models with equal variables: of one form, as each is a program
    assert np.array_equal(here, again.predict(restored, x))
    lines = []
    qmodel.summary(print_fn=lines.append)
    assert f"({nbytes(qvariables) / 1024:.2f} KB)" in lines[0]
    one = jax.jit(jax.vmap(lambda row: qmodel.apply(qvariables, row[None])[0]))(x)
    np.testing.assert_allclose(one, here, atol=1e-4)  # sums of float32 in another order
    slope = jax.jit(jax.grad(lambda x: qmodel.apply(qvariables, x).sum()))(x)
    assert bool(jnp.isfinite(slope).all())
    assert float(jnp.abs(slope).max()) > 0
    with pytest.raises(ValueError, match=r"an Orbax directory"):
        qmodel.save(tmp_path / "model.keras", qvariables)


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize("mode", ["int8", "int4", "float8", "nf4"])
def test_a_quantised_model_is_exported(trained, mode, tmp_path):
    model, variables, data = trained["cnn"]
    qmodel, qvariables = model.quantize(variables, mode)
    qmodel.export(tmp_path / mode, qvariables)
    again = fk.load_exported(tmp_path / mode)
    for size in (1, 5):
        x = data[2][:size]
        # the same program, compiled a second time
        np.testing.assert_allclose(again(x), jax.jit(qmodel.apply)(qvariables, x), atol=1e-5)
    # what is kept in few bits leaves in few bits: the program itself takes some tens of KB
    assert (tmp_path / mode / "model.stablehlo").stat().st_size <= nbytes(qvariables) + 60_000


def test_rules_by_path_and_filters(trained):
    model, variables, data = trained["cnn"]
    qmodel, qvariables = model.quantize(variables, {"dense": None, "conv2d": "int8", ".*": "int4"})
    kept = qvariables["non_trainable"]
    assert "dense" not in kept
    assert kept["conv2d"]["kernel"].dtype == jnp.int8
    assert kept["conv2d_1"]["kernel"].dtype == jnp.uint8
    assert accuracy(qmodel, qvariables, data) > 0.9
    _, some = model.quantize(variables, "int8", filters="conv2d.*")
    assert sorted(some["non_trainable"]) == ["conv2d", "conv2d_1"]
    _, same = model.quantize(variables, "int8", filters=lambda layer: isinstance(layer, fk.nn.Conv2D))
    assert bits(same) == bits(some)


def test_ranges_from_data_are_kept(trained):
    model, variables, data = trained["transformer"]
    qmodel, qvariables = model.quantize(variables, "int8", calibration_data=data[0])
    found = qvariables["non_trainable"]["dense"]["input_scale"]
    assert float(found) == pytest.approx(float(data[0].max()))
    assert "input_scale" in qvariables["non_trainable"]["multi_head_attention"]["query"]
    # less than a point from the float model, as with ranges found for each example
    assert accuracy(model, variables, data) - accuracy(qmodel, qvariables, data) <= 0.01


@pytest.mark.parametrize("layer", [
    lambda: fk.nn.Embedding(11, 8),
    lambda: fk.Sequential([fk.nn.Embedding(11, 8), fk.nn.LSTM(4)]),
    lambda: fk.Sequential([fk.nn.Embedding(11, 8), fk.nn.Bidirectional(fk.nn.GRU(4))]),
    lambda: fk.Sequential([fk.nn.Embedding(11, 8), fk.nn.TimeDistributed(fk.nn.Dense(4))]),
    lambda: fk.Sequential([fk.nn.Embedding(11, 8), fk.nn.SeparableConv1D(4, 3)]),
])  # fmt: skip
def test_other_layers(layer):
    model = fk.Sequential([fk.Input((5,), dtype="int32"), layer()])
    variables = model.init(jax.random.key(0))
    tokens = jnp.array([[1, 2, 3, 4, 10]])
    qmodel, qvariables = model.quantize(variables, "int8", calibration_data=tokens)
    assert jax.tree.structure(qmodel.abstract_variables()) == jax.tree.structure(qvariables)
    wanted, got = jax.jit(lambda x: (model.apply(variables, x), qmodel.apply(qvariables, x)))(tokens)
    # two roundings of at most 1/254 of a row's largest in each layer
    assert float(jnp.abs(wanted - got).max()) <= 0.05 * float(jnp.abs(wanted).max())


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", ["cnn", "transformer"])
def test_training_for_four_bits_is_no_worse_than_rounding(trained, name):
    model, variables, data = trained[name]
    rounded = accuracy(*model.quantize(variables, "int4"), data)
    prepared = model.with_fake_quant("int4")
    tuned = train(prepared, data, 2, variables, rate=3e-4)
    qmodel, qvariables = prepared.quantize(tuned, "int4")
    assert accuracy(qmodel, qvariables, data) >= rounded
    # what was trained is what is kept
    seen, got = jax.jit(lambda x: (prepared.apply(tuned, x), qmodel.apply(qvariables, x)))(data[2][:8])
    np.testing.assert_allclose(got, seen, atol=1e-3)  # inputs at the middle of two grid points may fall either way


def test_lora_trains_little_and_merges(trained):
    model, variables, data = trained["cnn"]
    task = swapped(data)
    lmodel = model.with_lora(1, filters=["conv2d_1", "dense"], alpha=2)
    lvariables = lmodel.lora_variables(variables)
    x = data[2][:5]
    assert np.array_equal(lmodel.apply(lvariables, x), model.apply(variables, x))
    assert moving(lmodel, lvariables) < 0.05 * model.count_params()
    tuned = train(lmodel, task, 6, lvariables, rate=1e-2)
    assert bits(tuned["non_trainable"]) == bits(lvariables["non_trainable"])
    assert bits(tuned["batch_stats"]) == bits(lvariables["batch_stats"])
    merged, plain = lmodel.merge_lora(tuned)
    assert merged == model
    assert jax.tree.structure(plain) == jax.tree.structure(variables)
    np.testing.assert_allclose(merged.apply(plain, x), lmodel.apply(tuned, x), atol=1e-5)
    assert accuracy(model, variables, task) < 0.85
    assert accuracy(merged, plain, task) > 0.9


def test_lora_on_four_bits(trained, tmp_path):
    model, variables, data = trained["transformer"]
    task = swapped(data)
    qmodel, qvariables = model.quantize(variables, "nf4", block_size=64)
    lmodel = qmodel.with_lora(2, filters="dense.*")
    lvariables = lmodel.lora_variables(qvariables, 1)
    x = data[2][:5]
    np.testing.assert_allclose(
        *jax.jit(lambda x: (lmodel.apply(lvariables, x), qmodel.apply(qvariables, x)))(x), atol=1e-6
    )
    assert moving(lmodel, lvariables) < 0.05 * model.count_params()
    tuned = train(lmodel, task, 3, lvariables, rate=1e-2)
    assert bits(tuned["non_trainable"]) == bits(lvariables["non_trainable"])
    merged, plain = lmodel.merge_lora(tuned)
    assert merged == model
    np.testing.assert_allclose(*jax.jit(lambda x: (merged.apply(plain, x), lmodel.apply(tuned, x)))(x), atol=1e-5)
    assert accuracy(merged, plain, task) > 0.9
    lmodel.save(tmp_path / "lora", tuned)
    again, restored = fk.load_model(tmp_path / "lora")
    assert again == lmodel
    assert bits(restored) == bits(tuned)


class Stack(fk.Model):
    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [fk.nn.Dense(units, activation="relu"), fk.nn.Dense(3)]

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return inputs


def test_models_by_subclass(tmp_path):
    model, x = Stack(), jax.random.normal(jax.random.key(1), (2, 5))
    variables = model.init(jax.random.key(0), x)
    qmodel, qvariables = model.quantize(variables, "nf4", filters="blocks_0")
    lmodel = qmodel.with_lora(2)
    lvariables = lmodel.lora_variables(qvariables, 0, x)
    for number, (one, its) in enumerate([(qmodel, qvariables), (lmodel, lvariables)]):
        one.save(tmp_path / str(number), its)
        again, restored = fk.load_model(tmp_path / str(number), custom_objects={"Stack": Stack})
        assert again == one
        assert np.array_equal(again.apply(restored, x), one.apply(its, x))
    merged, plain = lmodel.merge_lora(lvariables, x)
    assert jax.tree.structure(plain) == jax.tree.structure(variables)
    np.testing.assert_allclose(merged.apply(plain, x), qmodel.apply(qvariables, x), atol=1e-5)


def test_errors_say_what_to_write(trained):
    model, variables, _ = trained["cnn"]
    with pytest.raises(ValueError, match=r"Unknown quantisation mode 'int9'[\s\S]*int8"):
        model.quantize(variables, "int9")
    with pytest.raises(ValueError, match=r"'dens' matches no layer[\s\S]*Did you mean 'dense'"):
        model.quantize(variables, "int8", filters="dens")
    with pytest.raises(ValueError, match="would be quantised"):
        model.quantize(variables, {".*": None})
    with pytest.raises(ValueError, match="block_size is a positive"):
        model.quantize(variables, "int8", block_size=0)
    with pytest.raises(ValueError, match="rank is a positive integer"):
        model.with_lora(0)
    with pytest.raises(ValueError, match="no low-rank changes"):
        model.merge_lora(variables)
    qmodel, qvariables = model.quantize(variables, "int8")
    with pytest.raises(ValueError, match="needs a model with plain weights"):
        qmodel.quantize(qvariables, "int8")
    with pytest.raises(ValueError, match="float model's variables were passed"):
        qmodel.apply(variables, jnp.ones((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="not those of the model"):
        qmodel.with_lora(2).lora_variables(variables)
