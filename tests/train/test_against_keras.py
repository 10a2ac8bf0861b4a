"""Twenty steps beside real Keras: loss, metrics and weights of an MLP and of a CNN with BatchNormalization."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)


def mlp(lib, layers):
    inputs = lib.Input((6,))
    x = layers.Dense(8, activation="relu", name="hidden")(inputs)
    return lib.Model(inputs, layers.Dense(3, activation="softmax", name="out")(x))


def cnn(lib, layers):
    inputs = lib.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return lib.Model(inputs, layers.Dense(3, activation="softmax", name="out")(x))


# Keras's name of a weight -> collection and leaf
LEAVES = {"gamma": ("params", "scale"), "beta": ("params", "bias"), "moving_mean": ("batch_stats", "mean"),
          "moving_variance": ("batch_stats", "var")}  # fmt: skip


def variables_of(model):
    variables = {"params": {}}
    for weight in model.weights:
        *_, layer, name = weight.path.split("/")
        collection, leaf = LEAVES.get(name, ("params", name))
        variables.setdefault(collection, {}).setdefault(layer, {})[leaf] = jnp.asarray(np.array(weight.value))
    return variables


@pytest.mark.sweep(4, 2)
@pytest.mark.parametrize(
    ("describe", "shape", "optimizer"),
    [(mlp, (6,), "adam"), (mlp, (6,), "sgd"), (cnn, (8, 8, 2), "adam"), (mlp, (6,), "rmsprop")],
    ids=["mlp-adam", "mlp-sgd", "cnn-adam", "mlp-rmsprop"],
)
def test_twenty_steps(describe, shape, optimizer):
    x = RNG.normal(size=(40, *shape)).astype("float32")
    y = RNG.integers(0, 3, 40).astype("int32")  # Keras warns of int64 where 64 bits are off
    with jax.numpy_rank_promotion("allow"):
        theirs = describe(keras, keras.layers)
        theirs.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        start = variables_of(theirs)
        want = theirs.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, validation_data=(x[:12], y[:12]))
        predictions = theirs.predict(x, verbose=0)

    trainer = describe(fk, fk.nn).compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    state = trainer.init(0, variables=start)
    state, got = trainer.fit(
        state, x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, validation_data=(x[:12], y[:12])
    )
    assert int(state.step) == 20
    assert set(got.history) == set(want.history)
    for name, values in want.history.items():
        np.testing.assert_allclose(got.history[name], values, atol=1e-5, err_msg=name)
    final = variables_of(theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), state.variables, final)
    np.testing.assert_allclose(trainer.predict(state, x), predictions, atol=1e-5)
