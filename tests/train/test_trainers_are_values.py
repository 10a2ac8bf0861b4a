"""Trainers are values: equal fields make equal trainers, which share what is compiled."""

import copy
import gc
import pickle
import weakref

import jax
import numpy as np
import optax
import pytest

import fkeras as fk

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


def model():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, kernel_initializer="zeros")])


def squares(y_true, y_pred):
    return (y_true - y_pred) ** 2


def trainer(**changes):
    fields = {
        "optimizer": fk.optimizers.SGD(0.1), "loss": "mse", "metrics": ["mae", fk.metrics.MeanSquaredError()],
        "loss_weights": [1.0],
    }  # fmt: skip
    return model().compile(**{**fields, **changes})


class Weighed(fk.Trainer):
    factor: float = 1.0

    def compute_loss(self, params, state, batch, rng):
        loss, extras = super().compute_loss(params, state, batch, rng)
        return self.factor * loss, extras


def test_equal_fields_make_equal_trainers_that_share_programs():
    one, other = trainer(), trainer()
    assert one == other
    assert hash(one) == hash(other)
    assert one.train_step is other.train_step
    assert one.programs is other.programs
    state, _ = one.fit(one.init(0), X, Y, epochs=2, verbose=0)
    traces = len(other.programs.traces)
    again, _ = other.fit(other.init(0), X, Y, epochs=2, verbose=0)
    assert len(other.programs.traces) == traces
    jax.tree.map(np.testing.assert_array_equal, state.params, again.params)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": fk.optimizers.SGD(0.2)}, {"optimizer": optax.sgd(0.1)}, {"loss": "mae"}, {"loss": squares},
        {"metrics": ["mae"]}, {"loss_weights": [1]}, {"loss_weights": None}, {"log": ["grad_norm"]},
        {"run_eagerly": True}, {"steps_per_execution": 2}, {"trainer_class": Weighed},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_any_other_field_makes_another_trainer(changes):
    assert trainer(**changes) != trainer()
    assert trainer(**changes).programs is not trainer().programs
    assert trainer(**changes) == trainer(**changes)


def test_another_model_or_a_subclass_is_another_trainer():
    wide = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    assert wide.compile("sgd", "mse") != model().compile("sgd", "mse")
    assert Weighed(model(), factor=2.0) != Weighed(model())
    assert Weighed(model(), factor=1) != Weighed(model(), factor=1.0)
    assert Weighed(model(), factor=2.0) == Weighed(model()).replace(factor=2.0)


def test_fields_that_have_no_hash_are_told_apart_by_identity_or_content():
    class Table:
        __hash__ = None

    table = Table()
    assert Weighed(model(), factor=table) == Weighed(model(), factor=table)
    assert Weighed(model(), factor=table) != Weighed(model(), factor=Table())
    assert Weighed(model(), factor=np.ones(3)) == Weighed(model(), factor=np.ones(3))
    assert Weighed(model(), factor=np.ones(3)) != Weighed(model(), factor=np.ones(3, "float32"))
    assert Weighed(model(), factor={"a": [np.ones(3)]}) == Weighed(model(), factor={"a": [np.ones(3)]})


def test_what_a_trainer_does_not_change_by_what_it_did():
    fresh, used = trainer(), trainer()
    state = used.init(0)
    used.evaluate(state, X, Y)
    used.predict(state, X)
    _, logs = used.train_step(state, (X, Y))
    _, first = fresh.train_step(fresh.init(0), (X, Y))
    assert {k: float(v) for k, v in logs.items()} == {k: float(v) for k, v in first.items()}
    assert used == fresh


def test_programs_live_as_long_as_one_of_the_trainers():
    one, other = trainer(loss=squares, metrics=None), trainer(loss=squares, metrics=None)
    one.train_step(one.init(0), (X, Y))
    record = weakref.ref(one.programs)
    assert other.programs is record()
    del one
    gc.collect()
    assert record() is other.programs
    del other
    gc.collect()
    assert record() is None


@pytest.mark.parametrize("copied", [lambda t: pickle.loads(pickle.dumps(t)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_copy_is_equal_and_makes_the_same_step(copied):
    for one in (trainer(), Weighed(model(), "adam", squares, factor=2.0), fk.Trainer(model(), None)):
        again = copied(one)
        assert again == one
        assert again is not one
        if one.optimizer is not None:
            state = one.init(0)
            a, b = one.train_step(state, (X, Y))[0], again.train_step(state, (X, Y))[0]
            jax.tree.map(np.testing.assert_array_equal, a.params, b.params)


def test_steps_can_be_lowered_and_traced_before_their_first_call():
    one = trainer()
    state = jax.eval_shape(lambda: one.init(0))
    assert one.train_step.lower(state, (X, Y)).compile().cost_analysis()
    assert one.predict_step.trace(state.variables, X).jaxpr.out_avals[0].shape == (8, 1)


def test_a_trainer_of_traced_numbers_trains_under_vmap_and_grad():
    one = model()

    def last_loss(rate, weight):
        trainer = one.compile(fk.optimizers.SGD(rate), "mse", loss_weights=[weight])
        state = trainer.init(0)
        for _ in range(2):
            state, logs = trainer.train_step(state, (X, Y))
        return logs["loss"]

    rates, weights = np.float32([0.1, 0.01]), np.float32([1, 2])
    together = jax.vmap(last_loss)(rates, weights)
    np.testing.assert_allclose(together, [last_loss(*pair) for pair in zip(rates, weights, strict=True)], rtol=1e-6)
    assert np.isfinite(jax.grad(last_loss)(0.1, 1.0))


def test_large_arrays_among_the_fields_are_compared_and_not_kept():
    table = np.ones(2**20, "float32")
    one, other = Weighed(model(), factor={"w": table}), Weighed(model(), factor={"w": table.copy()})
    assert one == other
    other = Weighed(model(), factor={"w": np.where(np.arange(2**20) == 7, 2, table)})
    assert one != other
    assert len(pickle.dumps(fk.core.content_key(table))) < 100
