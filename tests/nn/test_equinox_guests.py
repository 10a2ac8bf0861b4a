"""Equinox modules as layers and under a Trainer: to the numbers of a hand-written loop, and errors."""

import copy
import functools
import pickle
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

eqx = pytest.importorskip("equinox")

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


def squashed(x):
    return jnp.tanh(x)


class Net(eqx.Module):
    """One example at a time, as Equinox's own layers: a list, batch statistics, dropout, integers, a static field."""

    layers: list
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout
    table: jax.Array
    activation: object = eqx.field(static=True)

    def __init__(self, dim, *, key):
        keys = jax.random.split(key)
        self.layers = [eqx.nn.Linear(3, dim, key=keys[0]), eqx.nn.Linear(dim, 2, key=keys[1])]
        self.norm = eqx.nn.BatchNorm(dim, axis_name="rows", mode="ema")
        self.dropout = eqx.nn.Dropout(0.0)
        self.table = jnp.arange(3)
        self.activation = squashed

    def __call__(self, x, state, *, key):
        x, state = self.norm(self.layers[0](x), state)
        return self.layers[1](self.dropout(self.activation(x), key=key)), state

    def encode(self, x, scale=1.0):
        return self.layers[0](x) * scale


def by_hand(module, state, tx, steps):
    """The loop of Equinox's examples."""
    params, static = eqx.partition(module, eqx.is_inexact_array)
    slots = tx.init(params)

    def loss_fn(params, state):
        model = eqx.combine(params, static)
        run = jax.vmap(lambda x, k: model(x, state, key=k), out_axes=(0, None), axis_name="rows")
        outputs, new = run(X, jax.random.split(KEY, 8))
        return jnp.mean((outputs - Y) ** 2), new

    @jax.jit
    def step(params, state, slots):
        (loss, state), grads = jax.value_and_grad(loss_fn, has_aux=True)(params, state)
        updates, slots = tx.update(grads, slots, params)
        return eqx.apply_updates(params, updates), state, slots, loss

    losses = []
    for _ in range(steps):
        params, state, slots, loss = step(params, state, slots)
        losses.append(float(loss))
    return params, state, losses


def test_a_module_trains_as_by_hand():
    module, state = eqx.nn.make_with_state(Net)(4, key=KEY)
    tx = optax.adam(0.05)
    trainer = fk.Trainer((module, state), tx, "mse")
    run = trainer.init(0, X)
    losses = []
    for _ in range(3):
        run, logs = trainer.train_step(run, (X, Y))
        losses.append(float(logs["loss"]))
    params, end, want = by_hand(module, state, tx, 3)
    # One program sums in another order than the other: a few units in the last place.
    np.testing.assert_allclose(losses, np.cumsum(want) / np.arange(1, 4), rtol=1e-6, atol=1e-6)
    for got, leaf in zip(jax.tree.leaves(run.params), jax.tree.leaves(named(params)), strict=True):
        np.testing.assert_allclose(got, leaf, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(run.variables["non_trainable"]["table"], [0, 1, 2])
    for got, leaf in zip(jax.tree.leaves(run.variables["state"]), jax.tree.leaves(end), strict=True):
        np.testing.assert_allclose(got, leaf, rtol=1e-5, atol=1e-6)
    trained, end = fk.to_equinox((module, state), run)
    model = eqx.nn.inference_mode(trained)
    want = jax.vmap(lambda x: model(x, end, key=None)[0], axis_name="rows")(X)
    np.testing.assert_allclose(trainer.predict(run, X), want, rtol=1e-5, atol=1e-5)
    held = fk.from_equinox((trained, end))
    assert jax.tree.all(jax.tree.map(lambda a, b: a is b, held, dict(run.variables)))
    further = fk.Trainer((trained, end), tx, "mse")  # what came back is a module like any other
    jax.tree.map(np.testing.assert_array_equal, dict(further.init(0, X).variables), held)
    assert trained.activation is squashed
    assert jax.tree.structure(fk.to_equinox(trainer.model, run)[0]) == jax.tree.structure(trained)


def named(params):
    """In the order of names, which is that of dicts."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def test_layers_of_a_model_are_frozen_saved_and_mapped(tmp_path):
    guest = fk.nn.EquinoxLayer(Net, args=(4,))
    model = fk.Sequential([fk.Input((3,)), guest, fk.nn.Dense(2)])
    trainer = model.freeze("equinox_layer").compile("sgd", "mse")
    start = trainer.init(0)
    state, _ = trainer.train_step(start, (X, Y))
    jax.tree.map(np.testing.assert_array_equal, state.params["equinox_layer"], start.params["equinox_layer"])
    variables = state.variables
    assert variables["params"]["equinox_layer"]["layers"]["0"]["weight"].shape == (4, 3)
    for name in ("w.safetensors", "w.weights.h5"):
        model.save_weights(tmp_path / name, variables)
        got = model.load_weights(tmp_path / name, jax.tree.map(jnp.zeros_like, variables))
        jax.tree.map(np.testing.assert_array_equal, got, dict(variables))
    encoder = fk.nn.EquinoxLayer(Net, "encode", args=(4,))
    inner = model.variables_for(guest, variables)
    linear = inner["params"]["layers"]["0"]
    want = X @ linear["weight"].T + linear["bias"][None]
    np.testing.assert_allclose(encoder.apply(inner, X), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(encoder.apply(inner, X, scale=2.0), 2 * want, rtol=1e-5, atol=1e-6)
    whole = fk.nn.EquinoxLayer(Net, lambda module, x: jax.vmap(module.encode)(x), args=(4,), vmap=False)
    np.testing.assert_allclose(whole.apply(inner, X), want, rtol=1e-5, atol=1e-6)


def test_each_example_has_a_key_of_its_own():
    layer = fk.nn.EquinoxLayer(eqx.nn.Dropout(0.5))
    run = functools.partial(layer.apply, {}, np.ones((8, 16), "float32"), training=True)
    one = np.asarray(run(rngs={"dropout": KEY}))
    assert len({tuple(row) for row in one}) == 8
    np.testing.assert_array_equal(one, run(rngs={"dropout": KEY}))
    np.testing.assert_array_equal(layer.apply({}, X), X)


def test_a_trainer_of_a_module_is_a_value():
    def made(seed=0):
        return fk.Trainer(eqx.nn.make_with_state(Net)(4, key=jax.random.key(seed)), "sgd", "mse")

    one = made()
    assert one == made() == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(made())
    assert one != made(1)


def test_a_filter_says_what_trains():
    module = eqx.nn.Linear(3, 2, key=KEY)
    only = eqx.tree_at(lambda m: m.weight, jax.tree.map(lambda _: False, module), True)
    layer = fk.nn.EquinoxLayer(module, filter=only)
    variables = layer.init(KEY, X)
    for held in (layer, module):  # which of its arrays train, only the layer knows
        assert fk.to_equinox(held, variables).bias is variables["non_trainable"]["bias"]
    assert jax.tree.map(jnp.shape, variables) == {"params": {"weight": (2, 3)}, "non_trainable": {"bias": (2,)}}


class Writing(eqx.Module):
    seen: list

    def __call__(self, x):
        self.seen[0] = self.seen[0] + 1.0
        return x * self.seen[0]


linear = fk.nn.EquinoxLayer(eqx.nn.Linear, args=(3, 2))


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda: fk.nn.EquinoxLayer(eqx.nn.MLP), TypeError, "MLP cannot be made of these arguments"),
        (lambda: fk.nn.EquinoxLayer(3), TypeError, "needs an eqx.Module, a class of them, or a function"),
        (lambda: fk.nn.EquinoxLayer(eqx.nn.make_with_state(Net)(4, key=KEY)[0]), ValueError, "its state was not given"),
        (lambda: fk.nn.EquinoxLayer(eqx.nn.Linear(3, 2, key=KEY), args=(3,)), ValueError, "an instance, which is made"),
        (lambda: linear.init(KEY, X, train=True), TypeError, "no argument 'train'"),
        (lambda: fk.nn.EquinoxLayer(eqx.nn.Linear, "encode", args=(3, 2)).init(KEY, X), AttributeError, "no method"),
        (lambda: fk.nn.EquinoxLayer(Writing([jnp.ones(3)])).init(KEY, X), ValueError,
         r"(?s)Writing changed the module itself.*eqx.nn.StateIndex"),
        (lambda: fk.nn.EquinoxLayer(lambda: 3).init(KEY, X), TypeError, "made no eqx.Module"),
        (lambda: linear.apply({"params": {}}, X), ValueError, "have no 'params/weight', which Linear has"),
        (lambda: fk.Trainer(lambda x: x, "sgd", "mse"), TypeError, "A Trainer needs a model"),
        (lambda: fk.to_equinox(fk.nn.Dense(2), {}), TypeError, r"(?s)takes a module of Equinox.*model.variables_for\("),
        (lambda: fk.to_equinox(linear, fk.Trainer(eqx.nn.Linear(3, 2, key=KEY))), TypeError, "a trainer holds no"),
        (lambda: fk.to_equinox(linear, {"params": {"weight": X, "a": X}}), ValueError,
         "missing: params/bias; no place for: params/a"),
        (lambda: fk.to_equinox(linear, {"params": {"weight": X, "bias": X}}), ValueError,
         r"params/weight: \(8, 3\) for \(2, 3\); params/bias"),
        (lambda: fk.from_equinox(lambda key: eqx.nn.Linear(3, 2, key=key)), TypeError, "holds no arrays"),
    ],
)  # fmt: skip
def test_errors_say_what_to_write(wrong, kind, text):
    with pytest.raises(kind, match=text):
        wrong()


def test_equinox_is_asked_for_by_name(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("fkeras.nn._guests._equinox_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "equinox", None)
    with pytest.raises(ImportError, match=r"pip install 'fkeras\[guests\]'"):
        fk.nn.EquinoxLayer(3)
