"""Metrics as Keras users write them, beside the same classes in real Keras."""

import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 4)).astype("float32")
Y = RNG.integers(0, 3, (10, 1)).astype("int32")
W = RNG.uniform(0.5, 2, 10).astype("float32")


def written(kind, ops):
    """The same classes, derived from the metrics of either library."""

    class TruePositives(kind.Metric):  # Keras's guide
        def __init__(self, name="tp", **kwargs):
            super().__init__(name=name, **kwargs)
            self.true_positives = self.add_variable(shape=(), name="ctp", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            y_pred = ops.reshape(ops.argmax(y_pred, axis=1), (-1, 1))
            values = ops.cast(ops.cast(y_true, "int32") == ops.cast(y_pred, "int32"), "float32")
            if sample_weight is not None:
                values = ops.multiply(ops.reshape(values, (-1,)), ops.cast(sample_weight, "float32"))
            self.true_positives.assign_add(ops.sum(values))

        def result(self):
            return self.true_positives.value

        def reset_state(self):
            self.true_positives.assign(0)

    class F1(kind.Metric):  # metrics inside a metric
        def __init__(self, name="f1", **kwargs):
            super().__init__(name=name, **kwargs)
            self.parts = {"precision": kind.Precision(thresholds=0.3), "recall": kind.Recall(thresholds=0.3)}

        def update_state(self, y_true, y_pred, sample_weight=None):
            y_true = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), 3)
            for part in self.parts.values():
                part.update_state(y_true, y_pred, sample_weight)

        def result(self):
            precision, recall = (part.result() for part in self.parts.values())
            return 2 * precision * recall / (precision + recall + 1e-7)

        def reset_state(self):
            for part in self.parts.values():
                part.reset_state()

    class IoU(kind.MeanIoU):  # what a built-in metric is called with, changed
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(y_true, ops.argmax(y_pred, axis=-1), sample_weight)

    class Moments(kind.Metric):  # a list of variables, an integer, and what they are read by
        def __init__(self, name="moments", **kwargs):
            super().__init__(name=name, **kwargs)
            self.sums = [self.add_weight(shape=(3,), name=f"s{i}", initializer="ones") for i in range(2)]
            self.rows = self.add_weight(name="rows", initializer="zeros", dtype="int32")

        def update_state(self, y_true, y_pred, sample_weight=None):
            for i, total in enumerate(self.sums):
                total.assign(total + ops.sum(y_pred ** (i + 1), axis=0))
            self.rows.assign_add(ops.shape(y_pred)[0])

        def result(self):
            rows = ops.cast(self.rows, "float32")
            return ops.mean(self.sums[1] / rows - (self.sums[0] / rows) ** 2)

        def reset_state(self):
            for variable in self.variables:
                variable.assign(ops.zeros(variable.shape))

    class Largest(kind.Metric):  # no sum, and several numbers
        def __init__(self, name="largest", **kwargs):
            super().__init__(name=name, **kwargs)
            self.seen = self.add_variable(shape=(), initializer="zeros", name="seen")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.assign(ops.maximum(self.seen, ops.max(y_pred)))

        def result(self):
            return {"largest": self.seen + 0.0, "twice": 2 * self.seen}

        def reset_state(self):
            super().reset_state()

    return {"TruePositives": TruePositives, "F1": F1, "IoU": lambda: IoU(3), "Moments": Moments, "Largest": Largest}


OURS, THEIRS = written(fk.metrics, fk.ops), written(keras.metrics, keras.ops)


def model():
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, activation="softmax")])


def test_numbers_are_keras_s(tmp_path):
    """Metrics without the weights, and some with them, in one run."""

    def lists(made):
        weighted = [made["TruePositives"](name="wtp"), made["F1"](name="wf1")]
        return {"metrics": [make() for make in made.values()], "weighted_metrics": weighted}

    trainer = model().compile("sgd", "sparse_categorical_crossentropy", **lists(OURS))
    state = trainer.init(0)
    trainer.model.save(tmp_path / "m.keras", state.variables)
    reference = keras.saving.load_model(tmp_path / "m.keras")
    reference.compile("sgd", "sparse_categorical_crossentropy", **lists(THEIRS))
    options = {"sample_weight": W, "batch_size": 4, "verbose": 0}  # the last batch is short
    with jax.numpy_rank_promotion("allow"):
        wanted = reference.evaluate(X, Y, return_dict=True, **options)
        history = reference.fit(X, Y, epochs=2, shuffle=False, validation_data=(X, Y), **options).history
    got = trainer.evaluate(state, X, Y, **options)
    _, ours = trainer.fit(state, X, Y, epochs=2, shuffle=False, validation_data=(X, Y), **options)
    # Keras counts the objects of a class over the whole process, so that the number follows from the tests before this.
    rename = {name: re.sub(r"io_u_\d+", "io_u", name) for name in (*wanted, *history)}
    assert set(got.keys()) == {rename[n] for n in wanted}
    assert set(ours.history) == {rename[n] for n in history}
    for name, value in wanted.items():
        np.testing.assert_allclose(got[rename[name]], value, rtol=1e-5)
    for name, values in history.items():
        np.testing.assert_allclose(ours.history[rename[name]], values, rtol=1e-4)  # a few steps in float32


@pytest.mark.parametrize("name", OURS)
def test_they_are_pure_functions(name):
    metric = OURS[name]()
    y, p = Y.reshape(5, 2, 1), RNG.dirichlet(np.ones(3), (5, 2)).astype("float32")
    before = metric.empty()
    by_hand, update = before, jax.jit(metric.update)
    for batch in zip(y, p, strict=True):
        by_hand = update(by_hand, *batch)
    scanned = jax.jit(lambda s: jax.lax.scan(lambda s, b: (metric.update(s, *b), None), s, (y, p))[0])(before)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), scanned, by_hand)
    rows = jax.jit(jax.vmap(lambda y, p: metric.compute(metric.update(metric.empty(), y, p))))(y, p)
    assert all(leaf.shape == (5,) for leaf in jax.tree.leaves(rows))
    jax.tree.map(np.testing.assert_array_equal, metric.empty(), before)
    assert metric == OURS[name]()
    assert hash(metric) == hash(OURS[name]())


class Errors(fk.metrics.Metric):
    def __init__(self, name="errors", limit=0.5, **kwargs):
        super().__init__(name=name, **kwargs)
        self.limit = limit
        self.total = self.add_weight(name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(fk.ops.sum(fk.ops.abs(y_true - y_pred) > self.limit))

    def result(self):
        return self.total

    def reset_state(self):
        self.total.assign(0.0)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


def test_they_are_values_and_are_saved(tmp_path):
    metric = Errors(limit=0.25)
    assert metric != Errors()
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert Errors.from_config(metric.get_config()) == metric
    trainer = fk.Sequential([fk.Input((4,)), fk.nn.Dense(1)]).compile("sgd", "mse", metrics=[metric])
    state, _ = trainer.fit(trainer.init(0), X, X[:, :1], verbose=0)
    for place in ("run", "m.keras"):
        trainer.save(tmp_path / place, state)
        again, loaded = fk.load_trainer(tmp_path / place, custom_objects={"Errors": Errors})
        assert again == trainer
        assert again.evaluate(loaded, X, X[:, :1]) == trainer.evaluate(state, X, X[:, :1])
    by_class = trainer.replace(metrics=[Errors])  # as in Keras, a class is called
    assert "errors" in by_class.evaluate(state, X, X[:, :1])


def test_a_callback_watches_a_number_that_result_names():
    trainer = model().compile("sgd", "sparse_categorical_crossentropy", metrics=[OURS["Largest"]()])
    stop = fk.callbacks.EarlyStopping("val_twice", mode="max", patience=1)
    options = {"epochs": 3, "verbose": 0, "validation_data": (X, Y), "callbacks": [stop]}
    _, history = trainer.fit(trainer.init(0), X, Y, **options)
    assert set(history.history) == {"loss", "largest", "twice", "val_loss", "val_largest", "val_twice"}


def test_what_cannot_be_read_as_functions_is_answered():
    class Unreset(fk.metrics.Metric):
        def __init__(self):
            super().__init__()
            self.total = self.add_variable(shape=(), name="total", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(1.0)

        def result(self):
            return self.total

    with pytest.raises(
        NotImplementedError, match=r"no `reset_state`[\s\S]*assign\(0.0\)[\s\S]*def empty[\s\S]*def update"
    ):
        Unreset()

    class Old(Errors):
        def __init__(self):
            super().__init__()
            self.more = self.add_weight("more", initializer="zeros")

    with pytest.raises(TypeError, match=r"first argument of add_weight is the shape[\s\S]*name='more'"):
        Old()

    class Late(Errors):
        def update_state(self, y_true, y_pred):
            self.total.assign(jnp.ones(3))

    late = Late()
    with pytest.raises(ValueError, match=r"'total' of a metric keeps its shape[\s\S]*shape \(3,\)"):
        late.update(late.empty(), Y, Y)
    with pytest.raises(TypeError, match=r"takes no sample_weight[\s\S]*weighted_metrics"):
        late.update(late.empty(), Y, Y, sample_weight=W)
    with pytest.raises(NotImplementedError, match=r"put together[\s\S]*def merge"):
        late.merge(late.empty(), late.empty())
    with pytest.raises(AttributeError, match=r"no `assign` outside of update_state"):
        late.total.assign(1.0)
    with pytest.raises(RuntimeError, match=r"makes a variable after it was made"):
        late.add_variable()
    for metric in (late, fk.metrics.Mean(name="kl")):
        for call, text in (
            (lambda m: m.update_state(1.0), r"state = metric\.update\([\s\S]*return loss, \{\"logs\""),
            (lambda m: m.result(), r"metric\.compute\(state\)"),
            (lambda m: m.reset_state(), r"state = metric\.empty\(\)"),
            (lambda m: m.variables, r"holds none"),
        ):
            with pytest.raises(AttributeError, match=text):
                call(metric)
