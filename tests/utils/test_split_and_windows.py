"""`split_dataset` and `timeseries_dataset_from_array` beside Keras's: the same examples, in the same orders."""

import random

import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
grain = pytest.importorskip("grain")

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def keras_order(count, seed):
    """The order of Keras's `split_dataset`, whose parts only TensorFlow can hold."""
    from keras.src.utils import dataset_utils

    order = list(range(count))
    random.seed(seed)
    random.shuffle(order)
    return order, dataset_utils._rescale_dataset_split_sizes


SIZES = [(0.8, None), (None, 0.33), (7, None), (None, 1), (0.5, 0.2), (3, 4), (0.25, 5)]


@pytest.mark.parametrize(("left", "right"), SIZES)
@pytest.mark.parametrize("seed", [None, 0, 5])
def test_a_split_has_the_sizes_and_orders_of_keras(left, right, seed):
    order, sizes = keras_order(10, seed)
    order = list(range(10)) if seed is None else order
    first, second = sizes(left, right, 10)
    found = fk.utils.split_dataset(Y, left, right, shuffle=seed is not None, seed=seed)
    assert [list(part) for part in found] == [order[:first], order[-second:]]


def test_what_can_be_split():
    rows = [(X[i], Y[i]) for i in range(10)]
    for data in ((X, Y), [X, Y], (jnp.asarray(X), Y), grain.MapDataset.source(rows)):
        left, right = fk.utils.split_dataset(data, 7, shuffle=True, seed=1)
        assert isinstance(left, grain.MapDataset)
        assert (len(left), len(right)) == (7, 3)
        assert all(x[0] == 2 * y for x, y in [*left, *right])
        x, y = left.batch(4)[0]
        assert (x.shape, y.shape) == ((4, 2), (4,))
    left, _ = fk.utils.split_dataset({"x": X, "y": Y}, 0.5)
    assert left[4]["y"] == 4
    (inputs, y), *_ = fk.utils.split_dataset(({"a": X, "b": Y}, Y), 0.5)[1]
    assert (inputs["b"], y) == (5, 5)
    whole = grain.MapDataset.source(rows).to_iter_dataset()
    assert [y for _, y in fk.utils.split_dataset(whole, right_size=2)[1]] == [8, 9]
    assert fk.utils.split_dataset(["a", "b", "c"], 1) == (["a"], ["b", "c"])
    assert fk.utils.split_dataset((n * n for n in range(4)), right_size=1) == ([0, 1, 4], [9])


def test_parts_train():
    inputs = fk.Input((2,))
    model = fk.Model(inputs, fk.nn.Dense(1)(inputs))
    trainer = model.compile(optimizer="sgd", loss="mse")
    left, right = fk.utils.split_dataset((X, Y), left_size=8)
    state, history = trainer.fit(trainer.init(0), left.batch(4), validation_data=right.batch(2), epochs=1, verbose=0)
    expected, _ = trainer.fit(trainer.init(0), X[:8], Y[:8], batch_size=4, shuffle=False, epochs=1, verbose=0)
    np.testing.assert_array_equal(state.params["dense"]["kernel"], expected.params["dense"]["kernel"])
    assert "val_loss" in history.history


@pytest.mark.parametrize(
    ("data", "sizes", "error", "says"),
    [
        (Y, {}, ValueError, "needs the size of a part"),
        (Y, {"left_size": 1.5}, ValueError, "left_size is a float between 0 and 1"),
        (Y, {"right_size": 10}, ValueError, "right_size is a whole number from 1 to 9"),
        (Y, {"left_size": 0.7, "right_size": 0.7}, ValueError, "more than the whole"),
        (Y, {"left_size": 8, "right_size": 8}, ValueError, "10 examples as 8 and 8"),
        (Y, {"left_size": 0.01}, ValueError, "10 examples as 0 and 10"),
        (Y, {"left_size": "80%"}, TypeError, "left_size is a number"),
        ((X, Y[:3]), {"left_size": 2}, ValueError, "have one length"),
        (7, {"left_size": 2}, TypeError, "takes arrays"),
        (grain.MapDataset.source(Y).repeat(), {"left_size": 2}, ValueError, "without an end"),
        (Y, {"left_size": 2, "preferred_backend": "torch"}, ValueError, "a data set of Grain or a list"),
    ],
)
def test_splits_that_are_refused(data, sizes, error, says):
    with pytest.raises(error, match=says):
        fk.utils.split_dataset(data, **sizes)


# ------------------------------------------------------------------ windows
SERIES, ANSWERS = np.arange(60.0).reshape(30, 2), np.arange(100, 130)
WINDOWS = [
    {"sequence_length": 4},
    {"sequence_length": 3, "sequence_stride": 5, "sampling_rate": 2, "batch_size": 2},
    {"sequence_length": 5, "start_index": 3, "end_index": 21, "batch_size": 4},
    {"sequence_length": 4, "shuffle": True, "seed": 3, "batch_size": 8},
    {"sequence_length": 2, "shuffle": True, "seed": 4, "sampling_rate": 3, "sequence_stride": 2, "start_index": 2},
    {"sequence_length": 4, "batch_size": None},
]


@pytest.mark.parametrize("targets", [None, ANSWERS, ANSWERS[:20]], ids=["alone", "targets", "fewer"])
@pytest.mark.parametrize("arguments", WINDOWS, ids=lambda a: "-".join(a))
def test_windows_are_those_of_keras(arguments, targets):
    if arguments.get("start_index") and targets is not None and len(targets) < len(SERIES):
        pytest.skip("Keras looks for targets behind their end")
    ours = fk.utils.timeseries_dataset_from_array(SERIES, targets, **arguments)
    with keras_world():
        theirs = list(keras.utils.timeseries_dataset_from_array(SERIES, targets, format="grain", **arguments))
    assert len(ours) == len(theirs)
    for batch, expected in zip(ours, theirs, strict=True):
        pairs = [(batch, expected)] if targets is None else zip(batch, expected, strict=True)
        for array, other in pairs:
            np.testing.assert_array_equal(array, other)


def test_windows_are_made_once_and_go_on_where_they_were():
    dataset = fk.preprocessing.timeseries_dataset_from_array(SERIES, ANSWERS, 4, batch_size=5, shuffle=True)
    iterator = iter(dataset)
    first = [next(iterator), next(iterator)]
    state = iterator.get_state()
    rest = list(iterator)
    again = iter(dataset)
    again.set_state(state)
    for (x, y), (x_again, y_again) in zip(rest, again, strict=True):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
    assert len(dataset) == len(first) + len(rest) == 6
    assert first[0][0].dtype == np.float64
    assert first[0][1].dtype == ANSWERS.dtype
    twice = [y.tolist() for _, y in dataset.repeat(2)]
    assert twice[:6] != twice[6:], "each pass has its own order"
    short, _ = fk.utils.timeseries_dataset_from_array(SERIES, ANSWERS[:20], 4, start_index=10)[0]
    assert len(short) == 10, "windows that have a target"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"start_index": -1}, "start_index is a row of the data, 0 to 29"),
        ({"start_index": 30}, "start_index is a row"),
        ({"start_index": 5, "end_index": 5}, "end_index is behind start_index"),
        ({"end_index": 31}, "end_index is behind start_index, up to 30"),
        ({"sampling_rate": 0}, "sampling_rate is from 1"),
        ({"sequence_stride": 30}, "sequence_stride is from 1"),
        ({"sequence_length": 0}, "sequence_length is from 1"),
        ({"sequence_length": 31}, "too short for a window"),
        ({"format": "tf"}, "a data set of Grain"),
    ],
)
def test_windows_that_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        fk.utils.timeseries_dataset_from_array(SERIES, None, **{"sequence_length": 4, **arguments})
