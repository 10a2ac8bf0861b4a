"""Arrays that are on a device are used where they are, and nothing goes to the device or back that nobody asked for."""

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 4)).astype("float32")
Y = RNG.normal(size=(44, 1)).astype("float32")
W = RNG.uniform(0.5, 2, 44).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((4,)), fk.nn.Dropout(0.2), fk.nn.Dense(1)]).compile("adam", "mse", metrics=["mae"])


@pytest.fixture(scope="module")
def state(trainer):
    return trainer.init(0)


def spread(*arrays):
    mesh = jax.make_mesh((4,), ("data",), (jax.sharding.AxisType.Auto,))
    return [jax.device_put(a, NamedSharding(mesh, P("data"))) for a in arrays]


CALLS = {
    "fit": lambda t, s, x, y: t.fit(s, x, y, batch_size=8, epochs=2, verbose=0),
    "fit, validated": lambda t, s, x, y: t.fit(s, x, y, batch_size=8, verbose=0, validation_data=(x, y)),
    "evaluate": lambda t, s, x, y: t.evaluate(s, x, y, batch_size=8, verbose=0),
    "predict": lambda t, s, x, y: t.predict(s, x, batch_size=8),
    "predict, one batch": lambda t, s, x, y: t.predict(s, x, batch_size=64),
    "train_step": lambda t, s, x, y: t.train_step(s, (x, y)),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_copied_that_nobody_asked_for(trainer, state, name):
    x, y = jax.device_put((X, Y))
    CALLS[name](trainer, state, x, y)  # what is compiled may have constants
    with jax.transfer_guard("disallow"):
        CALLS[name](trainer, state, x, y)


@pytest.mark.parametrize("name", ["fit", "fit, validated", "evaluate", "predict"])
def test_arrays_on_several_devices_give_the_numbers_of_one(trainer, state, name, monkeypatch):
    found = CALLS[name](trainer, state, *spread(X, Y))
    wanted = CALLS[name](trainer, state, X, Y)
    if name.startswith("fit"):
        found, wanted = ({**part[1].history, **part[0].params} for part in (found, wanted))
    leaves = [jax.tree.leaves(dict(part) if name == "evaluate" else part) for part in (found, wanted)]
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # sums in another order, twelve steps of Adam


def test_they_are_not_gathered(trainer, state, monkeypatch):
    x, y = spread(X, Y)

    def refused(*args, **kwargs):
        raise AssertionError("the whole of a spread array was read")

    asked = type(x).__array__
    monkeypatch.setattr(
        type(x), "__array__", lambda a, *args, **kwargs: refused() if a is x else asked(a, *args, **kwargs)
    )
    trainer.fit(state, x, y, batch_size=8, verbose=0)
    trainer.evaluate(state, x, y, batch_size=8, verbose=0)


def test_weights_splits_and_classes_go_with_them(trainer, state):
    x, y, w = spread(X, Y, W)
    options = {"batch_size": 11, "verbose": 0, "validation_split": 0.25}
    found, history = trainer.fit(state, x, y, sample_weight=w, **options)
    wanted, other = trainer.fit(state, X, Y, sample_weight=W, **options)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found.params, wanted.params)
    np.testing.assert_allclose(history.history["val_loss"], other.history["val_loss"], rtol=1e-4)
    with pytest.raises(ValueError, match="infinite or NaN"):
        trainer.fit(state, x, y, sample_weight=spread(np.where(W > 1, np.nan, W))[0], verbose=0)


def test_batches_by_callback_are_taken_where_they_are(trainer, state):
    x, y = spread(X[:40], Y[:40])
    seen = []
    each = fk.callbacks.LambdaCallback(on_train_batch_end=lambda event, logs=None: seen.append(event))
    found, _ = trainer.fit(state, x, y, batch_size=8, verbose=0, callbacks=[each])
    wanted, _ = trainer.fit(state, X[:40], Y[:40], batch_size=8, verbose=0)
    assert len(seen) == 5
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found.params, wanted.params)
