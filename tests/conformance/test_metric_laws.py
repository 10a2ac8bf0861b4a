"""The laws of metrics: what holds for every row of the table."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import itertools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fkeras.train import losses, metrics

from .table_losses import near
from .table_metrics import (
    COUNTED,
    CUTS,
    EXCEPTIONS,
    FUNCTIONS,
    ONE_EACH,
    OURS,
    ROWS,
    TABLE,
    WITHOUT_A_GOAL,
    N,
    for_maps,
    ours,
    same_state,
    samples,
    state_of,
    theirs,
    value_of,
    weights_for,
)

# Keras tells that weights of an IoU are cut to integers.
pytestmark = pytest.mark.filterwarnings("ignore:You are passing weight as `float`")


# ------------------------------------------------------------------ the table is whole
def test_every_public_name_of_keras_is_in_the_table():
    public = {n for n in dir(keras.metrics) if not n.startswith("_")}
    from_losses = {n for n in public if getattr(keras.metrics, n) is getattr(keras.losses, n, None)}
    assert public == {*TABLE, *FUNCTIONS, *EXCEPTIONS} | from_losses
    assert {n for n in dir(metrics) if not n.startswith("_")} == public | {*OURS}
    assert all(getattr(metrics, n) is getattr(losses, n) for n in from_losses)  # tested with the losses


@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_which_way_is_better_is_keras_s(name, kwargs, kind):
    said = {"up": "max", "down": "min", None: None}[getattr(theirs(name, kwargs), "_direction", None)]
    assert ours(name, kwargs).goal == COUNTED.get(name, said)
    assert (ours(name, kwargs).goal is None) == (name in WITHOUT_A_GOAL)


@pytest.mark.parametrize("name", [*TABLE, *FUNCTIONS, "Metric"])
def test_signature_is_keras_s(name):
    def arguments(f):
        return {p.name: p.default for p in inspect.signature(f).parameters.values()}

    got, want = arguments(getattr(metrics, name)), arguments(getattr(keras.metrics, name))
    assert list(got)[: len(want)] == list(want)
    assert {n: got[n] for n in want} == want
    # What a state needs to have its final shape before the first batch, and Keras reads off that batch.
    assert set(got) - set(want) <= {"num_classes", "num_outputs"}


# ------------------------------------------------------------------ values
@pytest.mark.sweep
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_streams_equal_keras(name, kwargs, kind, weighted):
    arrays = samples(kind)
    weights = for_maps(weights_for(kwargs), arrays) if weighted else None
    metric, oracle = ours(name, kwargs), theirs(name, kwargs)
    if not getattr(oracle, "_built", True):  # it makes its variables when it sees a batch
        oracle.update_state(*[x[:4] for x in arrays])
        oracle.reset_state()

    def streams(values, arrays, weights):
        state = metric.empty()
        for a, b in itertools.pairwise(CUTS):
            part, w = [x[a:b] for x in arrays], None if weights is None else weights[a:b]
            state = metric.update(state, *part, sample_weight=w)
            values = oracle.stateless_update_state(values, *part, sample_weight=w)
        return metric.compute(state), oracle.stateless_result(values)

    if not kwargs.get("num_regressors"):  # where Keras asks a number of its state
        streams = jax.jit(streams)
    near(*streams([v.value for v in oracle.variables], arrays, weights))


@pytest.mark.parametrize(
    ("name", "kwargs", "kind"),
    [pytest.param(n, *case, id=f"{n}-{i}") for n, cases in FUNCTIONS.items() for i, case in enumerate(cases)],
)
def test_functions_equal_keras(name, kwargs, kind):
    y_true, y_pred = samples(kind)
    pair = getattr(metrics, name), getattr(keras.metrics, name)
    near(*jax.jit(lambda *arrays: [f(*arrays, **kwargs) for f in pair])(y_true, y_pred))


@pytest.mark.sweep(4)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_a_mask_is_a_weight_of_0_or_1(name, kwargs, kind):
    arrays, metric = samples(kind), ours(name, kwargs)
    mask = np.arange(N) % 3 != 0

    @jax.jit
    def values(arrays, mask, weights):
        alone = value_of(metric, arrays, mask=mask), value_of(metric, arrays, mask.astype("float32"))
        return alone, (value_of(metric, arrays, weights, mask=mask), value_of(metric, arrays, mask * weights))

    for masked, weighted in values(arrays, mask, weights_for(kwargs)):
        near(masked, weighted)


# ------------------------------------------------------------------ laws
@pytest.mark.sweep(5)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_rows_of_weight_0_change_nothing(name, kwargs, kind):
    """What `evaluate` needs to pad batches: whatever the rows hold, with and without weights of the user's own."""
    arrays, metric = samples(kind), ours(name, kwargs)
    padded = [
        np.concatenate([a, np.full((3, *a.shape[1:]), fill, a.dtype)])
        for a, fill in zip(arrays, (7, 3.5), strict=False)
    ]

    @jax.jit
    def states(padded, arrays, more, weights):
        long, short = state_of(metric, padded, more), state_of(metric, arrays, weights)
        return long, short, metric.compute(long), value_of(metric, arrays)

    for weights in (np.ones(N, "float32"), weights_for(kwargs)):
        long, short, *_ = states(padded, arrays, np.append(weights, np.zeros(3, "float32")), weights)
        same_state(long, short)
    *_, of_padded, unweighted = states(padded, arrays, (np.arange(N + 3) < N).astype("float32"), np.ones(N, "float32"))
    if (name, kwargs.get("ignore_class")) != ("SparseCategoricalCrossentropy", 2):
        # Keras counts ignored labels in an unweighted mean and leaves them out of a weighted one.
        near(of_padded, unweighted)


# Batches of which merged states are drawn; the last has no rows.
POOL = [(0, 4), (4, 8), (5, 9), (0, 0)]


@pytest.mark.sweep(4, 3)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_merge_is_a_commutative_monoid(name, kwargs, kind):
    arrays, metric = samples(kind), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))
    update, merge = jax.jit(metric.update), jax.jit(metric.merge)

    def updated(state, a, b):
        return update(state, *[x[a:b] for x in arrays], sample_weight=weights_for(kwargs, b - a, seed=a))

    states = [metric.empty() if a == b else updated(metric.empty(), a, b) for a, b in POOL]

    @given(st.lists(st.integers(0, len(POOL) - 1), min_size=3, max_size=3))
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def laws(picked):
        a, b, c = (states[i] for i in picked)
        same_state(merge(a, b), merge(b, a))
        same_state(merge(merge(a, b), c), merge(a, merge(b, c)))
        jax.tree.map(np.testing.assert_array_equal, merge(a, metric.empty()), a)

    laws()
    # … and merging is updating with both parts
    a, b = POOL[0], POOL[1]
    same_state(merge(states[0], states[1]), updated(states[0], *b))
    assert a[1] == b[0]


@pytest.mark.sweep(5, 1)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_jit_vmap_and_scan(name, kwargs, kind):
    arrays, metric = samples(kind, rows=8), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))
    weights = weights_for(kwargs, 8)
    batches = [a.reshape(2, 4, *a.shape[1:]) for a in (*arrays, weights)]

    @jax.jit
    def run(batches):
        def step(state, batch):
            *part, w = batch
            return metric.update(state, *part, sample_weight=w), None

        state = jax.lax.scan(step, metric.empty(), batches)[0]
        each = jax.vmap(lambda *batch: state_of(metric, batch[:-1], batch[-1]))(*batches)
        merged = metric.merge(*(jax.tree.map(lambda s, i=i: s[i], each) for i in (0, 1)))
        return state, metric.compute(state), merged

    state, value, merged = run(tuple(batches))
    eager = state_of(metric, [b[0] for b in batches[:-1]], batches[-1][0])
    eager = metric.update(eager, *[b[1] for b in batches[:-1]], sample_weight=batches[-1][1])
    same_state(state, eager)
    near(value, metric.compute(eager))
    same_state(merged, eager)


@pytest.mark.sweep(4, 1)
@pytest.mark.parametrize(("name", "kwargs", "kind"), ONE_EACH)
def test_strict_promotion_of_dtypes_and_ranks(name, kwargs, kind):
    arrays, metric = samples(kind, rows=4), ours(name, kwargs)
    metric = metric.sized_for(*(x.shape for x in (arrays if len(arrays) == 2 else arrays * 2)))

    @jax.jit
    def values(arrays, weights, mask):
        want = value_of(metric, arrays, weights)
        with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
            return value_of(metric, arrays, weights, mask=mask), want

    near(*values(arrays, np.ones(4, "int32"), np.ones(4, bool)))


@pytest.mark.sweep(4, 2)
@pytest.mark.parametrize("name", [n for n, cases in TABLE.items() if len(samples(cases[0][1])) == 2])
def test_predictions_in_half_precision(name):
    kwargs, kind = TABLE[name][0]
    y_true, y_pred = samples(kind)
    if y_pred.dtype.kind == "i":
        pytest.skip("the predictions are class numbers")
    half, metric = y_pred.astype(jnp.bfloat16), ours(name, kwargs)

    @jax.jit
    def values(y_true, *predictions):
        return [value_of(metric, (y_true, y_pred)) for y_pred in predictions]

    near(*values(y_true, half, half.astype("float32")))


# ------------------------------------------------------------------ configs and names
@pytest.mark.parametrize(("name", "kwargs", "kind"), ROWS)
def test_config_round_trip_both_ways(name, kwargs, kind):
    metric, oracle = ours(name, kwargs), theirs(name, kwargs)
    config = json.loads(json.dumps(metrics.serialize(metric)))
    of_keras = json.loads(json.dumps(keras.metrics.serialize(oracle)))
    of_keras["config"]["name"] = config["config"]["name"]  # Keras numbers the names it makes up
    axis = config["config"].pop("axis", None) if "axis" not in of_keras["config"] else None  # which Keras leaves out
    if kwargs.get("label_weights"):  # a tensor's record, which Keras itself cannot read
        assert (
            metrics.deserialize(of_keras).get_config()["label_weights"] == np.float32(kwargs["label_weights"]).tolist()
        )
        of_keras["config"]["label_weights"] = kwargs["label_weights"]
    assert config == of_keras
    if axis is None:
        assert metrics.deserialize(of_keras) == metric
    else:
        assert axis == kwargs["axis"]
        config["config"]["axis"] = axis
    again = metrics.deserialize(config)
    assert again == metric
    assert hash(again) == hash(metric)
    read = keras.metrics.deserialize(config)  # Keras reads ours
    assert type(read) is type(oracle)
    of_ours = json.loads(json.dumps(keras.metrics.serialize(read)))
    assert {**of_ours["config"], **config["config"]} == {**of_keras["config"], **config["config"]}


@pytest.mark.parametrize("name", TABLE)
def test_nothing_seen_is_keras_s_nothing(name):
    kwargs, kind = TABLE[name][0]
    oracle = theirs(name, kwargs)
    if not getattr(oracle, "_built", True):
        oracle(*samples(kind))
        oracle.reset_state()
    metric = ours(name, kwargs).sized_for(*([np.shape(samples(kind)[-1])] * 2))
    near(metric.compute(metric.empty()), oracle.result())
