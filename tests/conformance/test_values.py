"""Losses, metrics, optimizers, schedules, callbacks and histories are values: copies are equal, and nothing else is."""

import copy
import functools
import io
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.train.losses._exact_key import exact_key

from . import table_callbacks, table_losses, table_metrics, table_optimizers, table_schedules


def rows():
    """Every row of every table, as what makes the value."""
    for kind, table in (("losses", table_losses), ("metrics", table_metrics)):
        for name, cases in table.TABLE.items():
            for i, (kwargs, _) in enumerate(cases):
                yield f"{kind}-{name}-{i}", functools.partial(table.ours, name, kwargs)
    for kind, table in (("optimizers", table_optimizers), ("schedules", table_schedules)):
        for i, (name, kwargs) in enumerate(table.TABLE):
            yield f"{kind}-{name}-{i}", functools.partial(table.make, name, kwargs)
    for name, cases in table_callbacks.TABLE.items():
        for i, (kwargs, _) in enumerate(cases):
            yield f"callbacks-{name}-{i}", functools.partial(table_callbacks.make, name, kwargs)
    yield "losses-wrapped", lambda: fk.losses.get(cubed)
    yield "metrics-wrapped", lambda: fk.metrics.get(cubed)
    yield "metrics-of-a-loss", lambda: fk.metrics.get(fk.losses.Huber(0.3))
    yield "metrics-on-host", lambda: fk.metrics.OnHost(cubed)
    yield "metrics-by-target", lambda: fk.metrics.resolve("ce", None, (8, 3))
    yield "optimizers-by-path", lambda: fk.optimizers.by_path({"a/.*": fk.optimizers.SGD(), ".*": fk.optimizers.Adam()})
    yield "optimizers-accumulated", lambda: fk.optimizers.accumulate(fk.optimizers.SGD(0.1), 2)
    yield "optimizers-scaled", lambda: fk.optimizers.LossScaleOptimizer(fk.optimizers.SGD(0.1))
    yield (
        "optimizers-mapped",
        lambda: fk.optimizers.MultiOptimizer(
            fk.optimizers.OptimizerMap(fk.optimizers.SGD(), {"head/.*": fk.optimizers.Adam()})
        ),
    )
    yield "optimizers-sparing", lambda: fk.optimizers.AdamW().exclude_from_weight_decay(["bias"])
    yield "history", history


def history():
    found = fk.callbacks.History(epochs=2)
    found.add(0, {"loss": float("nan"), "per_class": np.array([0.5, 1.0])})
    found.bad_batch = {"x": jnp.ones((2, 1))}
    return found


def cubed(y_true, y_pred, scale=1):
    return scale * jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)


def by_joblib(value):
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "old pickle": lambda value: pickle.loads(pickle.dumps(value, 2)),
    "joblib": by_joblib,
}
every = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in rows()])


@every
def test_copies_are_equal_and_hash_alike(make):
    value = make()
    assert value == make()
    for name, how in COPIES.items():
        again = how(value)
        assert type(again) is type(value)
        assert again == value, name
        assert hash(again) == hash(value), name


@every
def test_a_frozen_copy_is_frozen(make):
    value = make()
    if isinstance(value, fk.callbacks.Callback | fk.callbacks.History):
        pytest.skip("callbacks and histories are not frozen")
    for how in COPIES.values():
        with pytest.raises(AttributeError):
            how(value).name = "other"


def test_what_a_run_holds_open_stays_with_the_run(tmp_path):
    board, save = fk.callbacks.TensorBoard(str(tmp_path)), fk.callbacks.OrbaxCheckpoint(str(tmp_path))
    board._writers["train"], save._pool = open(os.devnull), object()  # noqa: SIM115
    for callback in (board, save):
        again = pickle.loads(pickle.dumps(callback)) if callback is save else copy.copy(callback)
        assert again == callback
    assert copy.copy(board)._writers == {}
    assert copy.copy(save)._pool is None
    board._writers["train"].close()


def test_a_lambda_travels_wherever_functions_can():
    cloudpickle = pytest.importorskip("cloudpickle")
    y_true, y_pred = np.zeros((2, 1), "float32"), np.full((2, 1), 2, "float32")
    for value in (fk.losses.get(lambda y, p: 3 * (p - y)), fk.metrics.OnHost(lambda y, p: p.sum(), name="sum")):
        assert copy.deepcopy(value) == value  # a function is copied as itself
        again = cloudpickle.loads(cloudpickle.dumps(value))
        assert again.name == value.name
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            pickle.dumps(value)
    assert cloudpickle.loads(cloudpickle.dumps(fk.losses.get(lambda y, p: 3 * (p - y))))(y_true, y_pred) == 6


# ------------------------------------------------------------------ equality is exact
DIFFERENT = [
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (1.0, np.float32(1)),
    (1, np.int32(1)),
    ([1, 2], (1, 2)),
    (np.ones(2), np.ones(2, "float32")),
    (np.ones(2), np.ones((2, 1))),
    (np.ones(2), np.zeros(2)),
    (np.ones(2, "float32"), jnp.ones(2)),
    (jnp.float32(1), jnp.asarray(1.0)),  # the second is weakly typed: it gives way to another's dtype
    ({"a": 1}, {"a": True}),
    ({1}, {True}),
    (slice(1), slice(True)),
    ("1", 1),
    (None, False),
    (jax.random.key(0), jax.random.key(1)),
    (functools.partial(cubed, scale=1), functools.partial(cubed, scale=1.0)),
    (lambda y, p: p, lambda y, p: p),
]


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_what_can_give_another_program_is_another_value(a, b):
    assert exact_key(a) != exact_key(b)
    assert exact_key(a) == exact_key(copy.deepcopy(a))
    assert hash(exact_key(a)) == hash(exact_key(copy.deepcopy(a)))
    for wrap in (
        lambda value: fk.losses.LossFunctionWrapper(cubed, scale=value),
        lambda value: fk.metrics.MeanMetricWrapper(cubed, scale=value),
    ):
        assert wrap(a) == wrap(a)
        assert hash(wrap(a)) == hash(wrap(a))
        assert wrap(a) != wrap(b)


def test_numbers_of_library_classes_count_with_their_types():
    assert fk.losses.Huber(1) != fk.losses.Huber(1.0) == fk.losses.Huber()
    assert fk.metrics.FBetaScore(beta=1) != fk.metrics.FBetaScore(beta=1.0)
    assert fk.optimizers.SGD(momentum=0) != fk.optimizers.SGD(momentum=0.0)
    assert fk.optimizers.SGD(1) == fk.optimizers.SGD(1.0)  # the rate is a float32 in the state, never in the program
    decay = fk.optimizers.schedules.ExponentialDecay
    assert decay(1, 10, 0.5) != decay(1.0, 10, 0.5)
    assert fk.optimizers.SGD(decay(1, 10, 0.5)) != fk.optimizers.SGD(decay(1.0, 10, 0.5))
    assert fk.optimizers.accumulate(fk.optimizers.SGD(momentum=1), 2) != fk.optimizers.accumulate(
        fk.optimizers.SGD(momentum=1.0), 2
    )


def test_a_list_in_a_config_is_the_tuple_that_was_written():
    for value in (
        fk.losses.Dice(axis=(1, 2)),
        fk.losses.CategoricalFocalCrossentropy(alpha=(0.2, 0.8)),
        fk.metrics.Precision(thresholds=(0.2, 0.5)),
        fk.metrics.IoU(3, (0, 1)),
    ):
        assert type(value).from_config(value.get_config()) == value
    assert fk.losses.Dice(axis=[1, 2]) == fk.losses.Dice(axis=(1, 2))


def test_functions_are_compared_by_identity_and_optax_s_too():
    assert fk.losses.get(cubed) == fk.losses.get(cubed) != fk.losses.get(lambda y, p: cubed(y, p))
    assert fk.optimizers.by_path({".*": optax.sgd(0.1)}) != fk.optimizers.by_path({".*": optax.sgd(0.1)})
    rule = optax.sgd(0.1)
    assert fk.optimizers.by_path({".*": rule}) == fk.optimizers.by_path({".*": rule})


def test_what_a_user_s_subclass_holds_counts():
    class Weighted(fk.losses.Loss):
        def __init__(self, weights, **kwargs):
            super().__init__(**kwargs)
            self.weights = weights

        def call(self, y_true, y_pred):
            return jnp.mean(self.weights * (y_true - y_pred), axis=-1)

    class Watches(fk.callbacks.Callback):
        def __init__(self):
            self.seen = []

    assert Weighted(np.ones(2)) == Weighted(np.ones(2)) != Weighted(np.zeros(2))
    assert Weighted(1) != Weighted(1.0)
    assert Weighted(fk.losses.Huber(1)) != Weighted(fk.losses.Huber(1.0))
    a, b = Watches(), Watches()
    assert a == b
    before = hash(a)
    a.seen.append(1)
    assert a != b
    assert hash(a) == before == hash(b)


def test_equal_static_arguments_share_a_program_and_others_do_not():
    traces = []

    @functools.partial(jax.jit, static_argnums=0)
    def value(loss, y_true, y_pred):
        traces.append(loss)
        return loss(y_true, y_pred)

    y = jnp.ones((2, 1))
    for delta in (1.0, 1.0, 1, 2.0):
        value(fk.losses.Huber(delta), y, y)
    assert [loss.delta for loss in traces] == [1.0, 1, 2.0]
