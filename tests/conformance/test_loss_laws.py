"""The laws of losses: what holds for every row of the table."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from fkeras.train import losses

from .table_losses import (
    BY_ROW,
    EXCEPTIONS,
    FUNCTIONS,
    OURS,
    ROWS,
    TABLE,
    WHOLE_BATCH,
    B,
    data,
    near,
    ours,
    theirs,
    weights_for,
)


# ------------------------------------------------------------------ the table is whole
def test_every_public_name_of_keras_is_in_the_table():
    public = {n for n in dir(keras.losses) if not n.startswith("_")}
    assert public == {*TABLE, *FUNCTIONS, *EXCEPTIONS}
    assert {n for n in dir(losses) if not n.startswith("_")} == public | {*OURS}


@pytest.mark.parametrize("name", [*TABLE, *FUNCTIONS, "Loss"])
def test_signature_is_keras_s(name):
    def arguments(f):
        return [(p.name, p.default) for p in inspect.signature(f).parameters.values()]

    assert arguments(getattr(losses, name)) == arguments(getattr(keras.losses, name))


# ------------------------------------------------------------------ values
@pytest.mark.sweep
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_values_and_weighted_values_equal_keras(name, kwargs, kind, reduction):
    y_true, y_pred = data(kind)
    loss, oracle = ours(name, kwargs, reduction=reduction), theirs(name, kwargs, reduction=reduction)
    weights = weights_for(jax.eval_shape(theirs(name, kwargs, reduction="none"), y_true, y_pred).shape or (B,))

    @jax.jit
    def values(*arrays):
        return [[f(*arrays[:2]), f(*arrays[:2], sample_weight=arrays[2])] for f in (loss, oracle)]

    for got, want in zip(*values(y_true, y_pred, weights), strict=True):
        near(got, want)


@pytest.mark.parametrize(
    ("name", "kwargs", "kind"),
    [pytest.param(n, *case, id=f"{n}-{i}") for n, cases in FUNCTIONS.items() for i, case in enumerate(cases)],
)
def test_functions_equal_keras(name, kwargs, kind):
    y_true, y_pred = data(kind)
    if name in ("mean_squared_error", "huber"):  # Keras's functions also bring (n,) and (n, 1) together
        near(*(getattr(module, name)(y_true[:, 0], y_pred[:, :1]) for module in (losses, keras.losses)))
    y_true_keras = (
        y_true if name.startswith(("sparse", "ctc", "circle")) or "generalized" in name else y_true.astype("float32")
    )
    pair = getattr(losses, name), getattr(keras.losses, name)
    both = jax.jit(lambda *trues, p: [f(t, p, **kwargs) for f, t in zip(pair, trues, strict=True)])
    near(*both(y_true, y_true_keras, p=y_pred))


# ------------------------------------------------------------------ gradients
@pytest.mark.sweep
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_gradients_equal_keras_and_are_finite(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss, oracle = ours(name, kwargs), theirs(name, kwargs)
    got, want = jax.jit(lambda t, p: [jax.grad(f, argnums=1)(t, p) for f in (loss, oracle)])(y_true, y_pred)
    assert np.isfinite(got).all()
    near(got, want, factor=10)  # slopes of clipped logs go up to 1e7


@pytest.mark.sweep(2, 1)
@pytest.mark.parametrize(("name", "kwargs", "kind"), [pytest.param(n, *c[0], id=n) for n, c in TABLE.items()])
def test_gradients_are_finite_differences(name, kwargs, kind):
    y_true, y_pred = data(kind)
    both = jax.jit(jax.value_and_grad(ours(name, kwargs), argnums=1))
    loss = lambda t, p: both(t, p)[0]  # noqa: E731
    value, slope = both(y_true, y_pred)
    slope = np.asarray(slope, "float64")
    steepest, step = np.sign(slope).astype("float32"), 1e-3
    rise = float(loss(y_true, y_pred + step * steepest)) - float(loss(y_true, y_pred - step * steepest))
    along = np.abs(slope).sum()
    assert along > 0.01
    # float32 resolves the loss to 1e-7 of itself, which is divided by two steps
    assert abs(rise / (2 * step) - along) < 0.01 * along + 1e-4 * max(1.0, abs(float(value)))


# ------------------------------------------------------------------ JAX's transformations and dtypes
@pytest.mark.sweep(6)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_jit_vmap_and_half_precision(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs)
    eager, cut = loss(y_true, y_pred), y_pred.astype(jnp.bfloat16)
    pair = [np.stack([a, b]) for a, b in zip(data(kind), data(kind, seed=1), strict=True)]

    def values(fn, t, p, other, pair, cut):
        narrow = ours(name, kwargs, dtype="bfloat16")
        return fn(t, p), fn(*other), jax.vmap(fn)(*pair), fn(t, cut), fn(t, cut.astype("float32")), narrow(t, p)

    compiled = jax.jit(values, static_argnums=0)  # a loss hashes
    one, other, many, half, full, narrow = compiled(loss, y_true, y_pred, data(kind, seed=1), pair, cut)
    near(one, eager)
    near(many, np.stack([eager, other]))
    assert half.dtype == jnp.float32  # predictions are cast to the loss's dtype, as in Keras
    near(half, full)
    assert narrow.dtype == jnp.bfloat16
    # 8 bits of mantissa, and a circle's gamma of 80 multiplies what they lose
    assert abs(float(narrow) - float(eager)) <= (1.0 if name == "Circle" else 0.05) * max(1.0, abs(float(eager)))


@pytest.mark.sweep(4, 1)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_strict_promotion_of_dtypes_and_ranks(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs)

    @jax.jit
    def values(*arrays):
        want = loss(*arrays)
        with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
            weighted = loss(*arrays, sample_weight=np.ones(B, "int32"), mask=np.ones(B, bool))
            return want, loss(*arrays), weighted

    want, plain, weighted = values(y_true, y_pred)
    near(plain, want)
    near(weighted, want)


# ------------------------------------------------------------------ exact under batching
@pytest.mark.sweep
@pytest.mark.parametrize(("name", "kwargs", "kind"), BY_ROW)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
def test_padded_batches_add_up_to_the_loss_of_the_whole(name, kwargs, kind, reduction):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs, reduction=reduction)
    assert losses.is_known(loss)
    weights = weights_for(B)
    part = jax.jit(
        lambda rows, valid: losses.weighted_sum_and_count(loss, *rows[:2], sample_weight=rows[2], valid=valid)
    )
    total = count = 0.0
    for start in (0, 4):  # batches of 4 rows, the second with 2 of padding
        rows = [np.resize(a[start : start + 4], (4, *a.shape[1:])) for a in (y_true, y_pred, weights)]
        valid = np.arange(4) < B - start
        rows = [np.where(valid.reshape((4,) + (1,) * (a.ndim - 1)), a, 3).astype(a.dtype) for a in rows]
        n, d = part(rows, valid)
        assert n.shape == d.shape == ()
        assert n.dtype == d.dtype == jnp.float32
        total, count = total + float(n), count + float(d)
    want = jax.jit(lambda t, p, w: loss(t, p, sample_weight=w))(y_true, y_pred, weights)
    near(total / (count or 1.0), want)
    assert (count == 0) == (reduction == "sum")


@pytest.mark.parametrize(("name", "kwargs", "kind"), WHOLE_BATCH)
def test_losses_of_a_whole_batch_say_so(name, kwargs, kind):
    loss = ours(name, kwargs)
    assert not losses.is_known(loss)
    oracle = theirs(name, kwargs)
    both = jax.jit(lambda *arrays: (losses.weighted_sum_and_count(loss, *arrays), oracle(*arrays)))
    (numerator, denominator), want = both(*data(kind))
    near(numerator / denominator, want)


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_config_round_trip_both_ways(name, kwargs, kind):
    y_true, y_pred = data(kind)
    loss = ours(name, kwargs, reduction="sum", name="mine")
    config = json.loads(json.dumps(losses.serialize(loss)))
    of_keras = json.loads(json.dumps(keras.losses.serialize(theirs(name, kwargs, reduction="sum", name="mine"))))
    forgotten = {"delta", "axis"} - set(of_keras["config"])  # what Keras leaves out of its own config
    kept = {k: config["config"].pop(k) for k in forgotten & set(config["config"])}
    assert config == of_keras
    assert all(np.all(kept[k] == kwargs[k]) for k in kept)
    config["config"] |= kept
    again = losses.deserialize(config)
    assert again == loss
    assert hash(again) == hash(loss)
    # Keras reads ours, delta and axis too. (Not `keras.losses.deserialize`: it does not know one of its own classes.)
    read = keras.saving.deserialize_keras_object(config)
    assert json.loads(json.dumps(keras.losses.serialize(read))) == of_keras
    if kept:
        near(*jax.jit(lambda *arrays: (read(*arrays), loss(*arrays)))(y_true, y_pred))
    assert losses.deserialize(of_keras) == loss or kept  # and we read Keras's, which may have lost something


def test_defaults_are_keras_s_config():
    for name in TABLE:
        assert losses.serialize(ours(name)) == keras.losses.serialize(theirs(name)), name
