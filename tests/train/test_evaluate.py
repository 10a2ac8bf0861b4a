"""`evaluate` gives the same numbers for every batch size, whatever the weights and the metrics."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fkeras as fk

ROWS = 5
# Batches of which the last is filled up; each size is a program. One by one: test_trainer.py.
SIZES = range(1, ROWS) if os.environ.get("FKERAS_TEST") == "all" else (2,)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 3)).astype("float32")
YES = RNG.integers(0, 2, (ROWS, 1)).astype("float32")
CLASS = RNG.integers(0, 4, ROWS)
# Sums of a few float32 numbers in another order; counts and what follows from counts are the same to the bit.
TOLERANCE = 1e-5


def of(output, loss, metrics):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(*output)])
    trainer = model.compile("sgd", loss, metrics=metrics, weighted_metrics=metrics)
    return trainer, trainer.init(0)


CASES = {
    "yes or no": (
        *of((1, "sigmoid"), "binary_crossentropy", ["accuracy", "AUC", "Precision", "Recall", "F1Score", "mse"]),
        YES,
    ),
    "classes": (
        *of(
            (4, "softmax"), "sparse_categorical_crossentropy", ["accuracy", fk.metrics.MeanIoU(4, sparse_y_pred=False)]
        ),
        CLASS,
    ),
    "numbers": (*of((1,), fk.losses.Huber(), ["mae", "R2Score", "RootMeanSquaredError", "CosineSimilarity"]), YES),
    "by weight": (*of((1,), fk.losses.MeanSquaredError(reduction="mean_with_sample_weight"), ["mae"]), YES),
}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(weights=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=ROWS, max_size=ROWS).filter(any))
def test_evaluate_does_not_depend_on_the_batch_size(case, weights):
    trainer, state, y = CASES[case]
    weights = np.array(weights, "float32")
    want = trainer.evaluate(state, X, y, batch_size=ROWS, sample_weight=weights)
    for size in SIZES:
        got = trainer.evaluate(state, X, y, batch_size=size, sample_weight=weights)
        assert got.keys() == want.keys()
        for name, value in want.items():
            np.testing.assert_allclose(got[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name} by {size}")


# ------------------------------------------------------------------ a loss that hands out no outputs
class Bare(fk.Trainer):
    def compute_loss(self, params, state, batch, rng):
        return ((self.forward(params, state, batch[0], state.rng, rng is not None)[0] - batch[1]) ** 2).mean()


class Whole(Bare):
    def compute_loss(self, params, state, batch, rng):
        y_pred, _ = self.forward(params, state, batch[0], state.rng, rng is not None)
        return ((y_pred - batch[1]) ** 2).mean(), {"y_pred": y_pred}


@pytest.mark.parametrize("batches", [False, True])
def test_metrics_of_no_data_are_left_out_with_a_warning(batches):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse", metrics=["mae", "mse"], trainer_class=Bare)
    data = ([(X, YES), (X, YES)],) if batches else (X, YES)
    with pytest.warns(UserWarning, match=r"leaves out metrics[\s\S]*mae, mse[\s\S]*Bare.compute_loss") as said:
        logs = trainer.evaluate(trainer.init(0), *data)
    assert list(logs.keys()) == ["loss"]
    assert len(said) == 1
    whole = model.compile("sgd", "mse", metrics=["mae", "mse"], trainer_class=Whole)
    assert whole.evaluate(whole.init(0), *data)["mse"] == pytest.approx(logs["loss"], rel=TOLERANCE)


def test_a_validation_leaves_them_out_as_well():
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse", metrics=["mae"], trainer_class=Bare)
    with pytest.warns(UserWarning, match="leaves out metrics"):
        _, history = trainer.fit(trainer.init(0), X, YES, validation_data=(X, YES), verbose=0)
    assert list(history.history) == ["loss", "val_loss"]
