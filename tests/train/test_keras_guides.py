"""Lines of Keras's guides, typed as they stand there, with the state first in and new state out."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world


def _row() -> fk.Sequential:
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, activation="relu", name="low"), fk.nn.Dense(2, name="high")])


# ------------------------------------------------------------------ layers, as a list
@pytest.mark.parametrize("form", ["sequential", "functional", "subclass"])
def test_layers_are_a_list_to_cut_and_to_append_to(form):
    class Own(fk.Model):
        def __init__(self):
            super().__init__()
            self.low, self.high = fk.nn.Dense(4), fk.nn.Dense(2)

    row = _row()
    model = {"sequential": row, "functional": fk.Model(row.input, row.output), "subclass": Own()}[form]
    kept = list(model.layers)
    extracted = model.layers[:-1]
    extracted.append(fk.nn.Dense(5, name="new"))
    model.layers.append(extracted[-1])  # of a list of one's own, as in Keras
    assert model.layers == kept
    again = fk.Sequential([layer for layer in extracted if layer.name != row.input.name] + [fk.nn.Dense(1)])
    assert [layer.name for layer in again.layers] == ["low", "new", "dense"]
    assert again.apply(again.init(0, np.ones((1, 3))), np.ones((1, 3))).shape == (1, 1)


# ------------------------------------------------------------------ weights, as a list in Keras's order
class Mlp(fk.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.norm = fk.nn.BatchNormalization()
        self.dense = fk.nn.Dense(units)

    def call(self, inputs):
        return self.norm(self.dense(inputs))


def test_weights_go_from_a_functional_model_to_a_subclassed_one_and_back():
    x = np.ones((2, 3), "float32")
    inputs = fk.Input((3,))
    functional = fk.Model(inputs, fk.nn.BatchNormalization()(fk.nn.Dense(2)(inputs)))
    subclassed, ours = Mlp(2), functional.init(0)
    variables = subclassed.init(1, x)
    order = [np.shape(weight) for weight in subclassed.get_weights(variables, x)]
    assert order == [(2,), (2,), (2,), (2,), (3, 2), (2,)]  # as the attributes were set
    weights = functional.get_weights(ours)
    moved = subclassed.set_weights(variables, weights[2:] + weights[:2], x)
    np.testing.assert_array_equal(subclassed.apply(moved, x), functional.apply(ours, x))
    assert variables["params"]["dense"]["kernel"] is not moved["params"]["dense"]["kernel"]
    with pytest.raises(ValueError, match=r"not known before it is called[\s\S]*get_weights\(variables, x\)"):
        subclassed.get_weights(variables)
    outputs = subclassed(inputs)  # a call that is in a graph tells the order, as long as the graph is there
    assert len(subclassed.get_weights(variables)) == 6
    assert outputs.shape == (None, 2)


def test_weights_of_a_layer():
    inputs = fk.Input((5, 3))
    lstm, rnn = fk.nn.LSTM(2), fk.nn.RNN(fk.nn.LSTMCell(2))
    one, other = fk.Model(inputs, lstm(inputs)), fk.Model(inputs, rnn(inputs))
    variables = one.init(0)
    weights = lstm.get_weights(one.variables_for(lstm, variables))
    assert [weight.shape for weight in weights] == [(3, 8), (2, 8), (8,)]
    moved = other.set_weights(other.init(1), one.get_weights(variables))
    x = np.ones((2, 5, 3), "float32")
    np.testing.assert_allclose(other.apply(moved, x), one.apply(variables, x), atol=1e-6)
    assert sorted(lstm.variable_map(one.variables_for(lstm, variables))) == ["bias", "kernel", "recurrent_kernel"]
    with pytest.raises(ValueError, match=r"not the variables of Layer 'lstm'[\s\S]*model\.variables_for\(layer"):
        lstm.get_weights(variables)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w[:-1], r"has 4 weights, which these 3 do not fit\.[\s\S]*\[3\]: nothing for params/high/bias"),
        (lambda w: [w[0].T, *w[1:]], r"\[0\]: \(4, 3\) for params/low/kernel \(3, 4\)"),
        (lambda w: w[0], r"\[0\]: \(4,\) for params/low/kernel"),
    ],
)
def test_weights_that_do_not_fit_are_listed(change, said):
    model = _row()
    variables = model.init(0)
    with pytest.raises(ValueError, match=said):
        model.set_weights(variables, change(model.get_weights(variables)))
    with pytest.raises(ValueError, match="not the variables"):
        model.get_weights({"params": {"low": variables["params"]["low"]}})


def test_weights_go_to_real_keras_and_back():
    with keras_world():
        keras = pytest.importorskip("keras")
        theirs, model = (
            lib.Sequential(
                [
                    lib.Input((6, 4)),
                    layers.Conv1D(4, 3),
                    layers.BatchNormalization(),
                    layers.Bidirectional(layers.GRU(2, return_sequences=True)),
                    layers.SeparableConv1D(3, 2),
                    layers.LayerNormalization(),
                    layers.Flatten(),
                    layers.Dense(2),
                ]
            )
            for lib, layers in ((keras, keras.layers), (fk, fk.nn))
        )
        variables = model.init(0)
        state = model.compile("sgd", "mse").init(0, variables=variables)
        theirs.set_weights(model.get_weights(state))
        x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
        np.testing.assert_allclose(theirs(x), model.apply(variables, x), atol=1e-5)
        back = model.set_weights(model.init(1), theirs.get_weights())
    np.testing.assert_array_equal(model.apply(back, x), model.apply(variables, x))


# ------------------------------------------------------------------ seeds, wherever keys are taken
@pytest.mark.parametrize("rngs", [7, np.int32(7), {"dropout": 7}, {"params": 7}])
def test_a_seed_is_a_key(rngs):
    layer, x = fk.nn.Dropout(0.5), np.ones((4, 8), "float32")
    key = jax.random.key(7)
    keys = dict.fromkeys(rngs, key) if isinstance(rngs, dict) else key
    want = layer.apply({}, x, training=True, rngs=keys)
    np.testing.assert_array_equal(layer.apply({}, x, training=True, rngs=rngs), want)
    np.testing.assert_array_equal(layer(x, training=True, rngs=rngs), want)
    model = fk.Sequential([fk.Input((8,)), fk.nn.Dense(2)])
    assert jax.tree.all(jax.tree.map(np.array_equal, model.init(keys), model.init(rngs)))
    assert model.init({"params": rngs} if not isinstance(rngs, dict) else 7, x, method="call")["params"]


def test_a_traced_seed_is_a_key():
    layer, x = fk.nn.Dropout(0.5), np.ones((4, 8), "float32")
    draw = jax.vmap(lambda seed: layer.apply({}, x, training=True, rngs={"dropout": seed}))
    ours = draw(np.arange(2))
    np.testing.assert_array_equal(ours[1], layer.apply({}, x, training=True, rngs=1))


# ------------------------------------------------------------------ draws of a layer with a generator of its own
class Sampling(fk.nn.Layer):
    def __init__(self, seed=1337, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = fk.random.SeedGenerator(seed)

    def call(self, inputs):
        mean, log_variance = inputs
        epsilon = fk.random.normal(shape=fk.ops.shape(mean), seed=self.seed_generator)
        return mean + fk.ops.exp(0.5 * log_variance) * epsilon


class Twice(fk.nn.Layer):
    def build(self, input_shape):
        self.generator = fk.random.SeedGenerator(3)

    def call(self, inputs):
        shape = fk.ops.shape(inputs)
        uniform = fk.random.uniform(shape, 2.0, 3.0, seed=self.generator)
        return uniform, fk.random.uniform(shape, 2.0, 3.0, seed=self.generator)


def test_a_generator_of_a_layer_draws_from_the_layer_s_stream():
    inputs, x = fk.Input((3,)), np.zeros((2, 3), "float32")
    model = fk.Model(inputs, Sampling(name="sampling")([inputs, inputs]))
    one, again, other = (np.asarray(model.apply({}, x, rngs=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, other).any()
    of_seed = fk.Model(inputs, Sampling(7, name="sampling")([inputs, inputs])).apply({}, x, rngs=0)
    assert not np.isclose(one, of_seed).any()
    np.testing.assert_array_equal(jax.jit(lambda key: model.apply({}, x, rngs=key))(jax.random.key(0)), one)
    with pytest.raises(ValueError, match=r"no key for them[\s\S]*rngs="):
        model.apply({}, x)
    with pytest.raises(TypeError, match=r"generator\.next\(\)"):
        fk.random.normal((2,), seed=fk.random.SeedGenerator(0))
    read = fk.model_from_json(model.to_json(), custom_objects={"Sampling": Sampling})
    np.testing.assert_array_equal(read.apply({}, x, rngs=0), one)


def test_each_draw_and_each_step_has_its_own():
    first, second = Twice().apply({}, np.zeros((2, 3), "float32"), rngs=0)
    assert not np.isclose(first, second).any()
    assert np.all((first >= 2) & (first < 3))
    inputs = fk.Input((3,))
    model = fk.Model(inputs, fk.nn.Dense(1, kernel_initializer="zeros")(Sampling()([inputs, inputs])))
    trainer = model.compile(fk.optimizers.SGD(0.0), "mse")
    state, x = trainer.init(0), np.zeros((2, 3), "float32")
    state = state.replace(params=jax.tree.map(np.ones_like, state.params))
    losses = []
    for _ in range(2):
        state, logs = trainer.train_step(state, (x, x[:, :1]))
        losses.append(float(logs["loss"]))
    assert losses[0] != losses[1]


# ------------------------------------------------------------------ the training loop of Keras's guides for JAX
def test_the_stateless_functions_train_as_a_trainer_does():
    model = fk.Sequential([fk.Input((3,)), fk.nn.BatchNormalization(), fk.nn.Dense(1, activity_regularizer="l2")])
    optimizer, metric = fk.optimizers.Adam(0.1), fk.metrics.MeanSquaredError()
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    y = x[:, :1] * 2

    def compute_loss_and_updates(trainable_variables, non_trainable_variables, metric_variables, x, y):
        y_pred, non_trainable_variables, losses = model.stateless_call(
            trainable_variables, non_trainable_variables, x, training=True, return_losses=True
        )
        metric_variables = metric.stateless_update_state(metric_variables, y, y_pred)
        loss = fk.ops.mean((y_pred - y) ** 2) + sum(losses)
        return loss, (non_trainable_variables, metric_variables)

    @jax.jit
    def train_step(state, data):
        trainable, rest, optimizer_variables, metric_variables = state
        (loss, (rest, metric_variables)), grads = jax.value_and_grad(compute_loss_and_updates, has_aux=True)(
            trainable, rest, metric_variables, *data
        )
        trainable, optimizer_variables = optimizer.stateless_apply(optimizer_variables, grads, trainable)
        return loss, (trainable, rest, optimizer_variables, metric_variables)

    rest = dict(model.init(0))
    params = rest.pop("params")
    trainer = model.compile(optimizer, "mse")
    theirs = trainer.init(0, variables={"params": params, **rest})
    state = (params, rest, optimizer.init(params), metric.stateless_reset_state())
    for _ in range(2):
        loss, state = train_step(state, (x, y))
        theirs, _ = trainer.train_step(theirs, (x, y))
    ours = {"params": state[0], **state[1]}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, dict(theirs.variables))
    assert metric.stateless_result(state[3]) > 0
    assert np.isfinite(loss)


@pytest.mark.parametrize("parts", [lambda v: (v, {}), lambda v: (v["params"], v), lambda v: ([1.0], [])])
def test_variables_that_were_not_taken_apart_are_answered(parts):
    model = _row()
    with pytest.raises(TypeError, match=r"in two parts[\s\S]*rest\.pop"):
        model.stateless_call(*parts(model.init(0)), np.ones((1, 3)))


# ------------------------------------------------------------------ what Keras calls while it saves
@fk.saving.register_keras_serializable("guides")
class Vocabulary(fk.nn.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale

    def save_assets(self, inner_path):
        raise AssertionError

    def load_own_variables(self, store):
        raise AssertionError


@fk.saving.register_keras_serializable("guides")
class Compiled(fk.Model):
    def get_compile_config(self):
        raise AssertionError


def test_methods_that_saving_does_not_call_are_named(tmp_path):
    inputs = fk.Input((3,))
    model = Compiled(inputs, fk.nn.TimeDistributed(Vocabulary())(fk.nn.Reshape((1, 3))(inputs)))
    trainer, variables = model.compile("sgd", "mse"), model.init(0)
    named = r"Compiled\.get_compile_config, Vocabulary\.load_own_variables, Vocabulary\.save_assets\."
    saves = {
        "model.save": lambda: model.save(tmp_path / "m.keras", variables),
        "model.save_weights": lambda: model.save_weights(tmp_path / "m.weights.h5", variables),
        "trainer.save": lambda: trainer.save(tmp_path / "run", trainer.init(0)),
        "fk.load_model": lambda: fk.load_model(tmp_path / "m.keras"),
    }
    for verb, save in saves.items():
        with pytest.warns(UserWarning, match=rf"`{verb}` does not call {named}[\s\S]*self\.add_weight"):
            save()
    _row().save(tmp_path / "plain.keras", _row().init(0))


# ------------------------------------------------------------------ names and masks
def test_the_names_of_the_logs_are_known_before_there_are_any():
    trainer = _row().compile("sgd", "mse", metrics=["mae", fk.metrics.RootMeanSquaredError(name="rmse")])
    results = trainer.evaluate(trainer.init(0), np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert trainer.metrics_names == ["loss", "mae", "rmse"] == list(results.keys())
    assert dict(zip(trainer.metrics_names, results, strict=True)) == dict(results)
    inputs = fk.Input((3,))
    two = fk.Model(inputs, {"a": fk.nn.Dense(1)(inputs), "b": fk.nn.Dense(1)(inputs)})
    trainer, y = two.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"]}), np.ones((4, 1))
    results = trainer.evaluate(trainer.init(0), np.ones((4, 3)), {"a": y, "b": y}, verbose=0)
    assert trainer.metrics_names == list(results.keys())
    with pytest.raises(AttributeError, match=r"without a graph[\s\S]*logs\.keys\(\)"):
        _ = Mlp(2).compile("sgd", "mse").metrics_names


def test_the_mask_of_a_tensor_is_asked_of_its_layer():
    embedding, tokens = fk.nn.Embedding(5, 2, mask_zero=True), np.array([[3, 1, 0]])
    x = embedding(fk.Input((3,), dtype="int32"))
    assert not hasattr(x, "_keras_mask")
    with pytest.raises(AttributeError, match=r"carries no mask[\s\S]*layer\.compute_mask\(inputs\)"):
        print(x._keras_mask)
    np.testing.assert_array_equal(embedding.compute_mask(tokens), [[True, True, False]])
    np.testing.assert_array_equal(fk.nn.Masking().compute_mask(np.eye(2)[None] * [[1], [0]]), [[True, False]])


class TemporalSoftmax(fk.nn.Layer):
    def call(self, inputs, mask=None):
        assert mask is not None
        mask = fk.ops.expand_dims(fk.ops.cast(mask, "float32"), -1)
        exponentials = fk.ops.exp(inputs) * mask
        return exponentials / fk.ops.sum(exponentials * mask, axis=1, keepdims=True)


def test_a_layer_that_needs_its_mask_is_described_with_one():
    inputs = fk.Input((None,), dtype="int32")
    x = fk.nn.Dense(1)(fk.nn.Embedding(5, 2, mask_zero=True)(inputs))
    model = fk.Model(inputs, TemporalSoftmax()(x))
    y = model.apply(model.init(0), np.array([[3, 1, 0]]))
    np.testing.assert_allclose(y.sum(), 1, atol=1e-6)
    assert y[0, 2, 0] == 0
