"""`accumulate_in_step`: the step of a whole batch, whatever its loss is divided by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 6)).astype("float32")
Y = RNG.normal(size=(10, 3)).astype("float32")
W = RNG.uniform(0.1, 3, 10).astype("float32")
TOKENS = RNG.integers(0, 4, (10, 5))  # 0 is padding, of which each row has another share
LABELS = RNG.integers(0, 3, (10, 5))
MSE, SPARSE = fk.losses.MeanSquaredError, fk.losses.SparseCategoricalCrossentropy


def dense(**options):
    return fk.Sequential([fk.Input((6,)), fk.nn.Dense(3, activation="tanh", **options)])


def tagger():
    return fk.Sequential([fk.Input((5,), dtype="int32"), fk.nn.Embedding(4, 4, mask_zero=True), fk.nn.Dense(3)])


def two_outputs():
    i = fk.Input((6,))
    return fk.Model(i, [fk.nn.Dense(3, name="a")(i), fk.nn.Dense(3, name="b")(i)])


CASES = {
    "mean": (dense, {"loss": "mse", "metrics": ["mae"]}, (X, Y)),
    "weighted": (dense, {"loss": "mse", "weighted_metrics": ["mae"]}, (X, Y, W)),
    "by weight": (dense, {"loss": MSE(reduction="mean_with_sample_weight"), "loss_weights": 0.5}, (X, Y, W)),
    "sum": (lambda: dense(kernel_regularizer="l2"), {"loss": MSE(reduction="sum")}, (X, Y)),
    "regularised": (lambda: dense(kernel_regularizer="l2", activity_regularizer="l1"), {"loss": "mse"}, (X, Y)),
    "masked": (tagger, {"loss": SPARSE(from_logits=True), "metrics": ["accuracy"]}, (TOKENS, LABELS)),
    "two outputs": (two_outputs, {"loss": "mse", "loss_weights": [1.0, 0.25]}, (X, [Y, Y + 1])),
}


@pytest.mark.sweep(5)
@pytest.mark.parametrize("parts", [4, 10])
@pytest.mark.parametrize("name", CASES)
def test_the_step_is_that_of_the_whole_batch(name, parts):
    model, arguments, batch = CASES[name]
    # a method without normalisation, whose steps show a gradient as it is
    trainer = model().compile(fk.optimizers.SGD(0.5), **arguments, log=["grad_norm"])
    state = trainer.init(0)
    if parts == 10:
        batch = jax.tree.map(lambda a: a[:9], batch)  # more parts than rows: one row each
    wanted, logs = trainer.train_step(state, batch)
    found, numbers = trainer.replace(accumulate_in_step=parts).train_step(state, batch)
    # the same sums in another order
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), found.params, wanted.params)
    assert numbers.keys() == logs.keys()
    for key in logs:
        np.testing.assert_allclose(numbers[key], logs[key], rtol=1e-5)


def test_fit_with_dropout_batch_statistics_and_a_short_last_batch():
    layers = [fk.Input((6,)), fk.nn.BatchNormalization(), fk.nn.Dropout(0.3), fk.nn.Dense(3)]
    trainer = fk.Sequential(layers).compile(fk.optimizers.Adam(0.1), "mse", metrics=["mae"], accumulate_in_step=2)
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=3, verbose=0)
    again, _ = trainer.fit(trainer.init(0), X, Y, batch_size=4, epochs=3, verbose=0)
    assert int(state.step) == 9
    assert all(map(np.array_equal, jax.tree.leaves(state), jax.tree.leaves(again)))
    assert history.history["loss"][-1] < history.history["loss"][0]
    # two parts a step, of the full batches of 4 and of the last one of 2
    assert float(jnp.abs(state.model_state["batch_stats"]["batch_normalization"]["mean"]).max()) > 0


def test_convolutions_on_a_cpu_are_written_out():
    model = fk.Sequential([fk.Input((4, 4, 1)), fk.nn.Conv2D(2, 3), fk.nn.Flatten(), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse", accumulate_in_step=2)
    state, batch = trainer.init(0), (X[:4, :, None, None].repeat(4, 2)[:, :4], Y[:4, :1])
    program = trainer.train_step.lower(state, batch).as_text()
    assert "while" not in program


def test_a_loss_of_ones_own_counts_by_rows():
    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            y_pred, _ = self.forward(params, state, batch[0], rng)
            loss = jnp.mean((y_pred - batch[1]) ** 2)
            return loss, {"y_pred": y_pred, "logs": {"root": loss}}

    trainer = Own(dense(), optimizer=fk.optimizers.SGD(0.5), metrics=["mae"])
    state = trainer.init(0)
    wanted, logs = trainer.train_step(state, (X, Y))
    found, numbers = trainer.replace(accumulate_in_step=4).train_step(state, (X, Y))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found.params, wanted.params)
    for key in logs:
        np.testing.assert_allclose(numbers[key], logs[key], rtol=1e-5)


def test_what_cannot_be_cut_is_said():
    trainer = dense().compile("sgd", fk.losses.Dice(), accumulate_in_step=2)
    with pytest.raises(ValueError, match="for a loss that sees it as a whole"):
        trainer.train_step(trainer.init(0), (X, Y))
    trainer = two_outputs().compile(
        "sgd", [MSE(reduction="sum"), MSE(reduction="mean_with_sample_weight")], accumulate_in_step=2
    )
    with pytest.raises(ValueError, match="divided by different counts"):
        trainer.train_step(trainer.init(0), (X, [Y, Y]))
    for wrong in (0, 2.5, None, True):
        with pytest.raises(ValueError, match="the number of parts that a step cuts its batch into"):
            dense().compile("sgd", "mse", accumulate_in_step=wrong)


def test_less_memory_is_taken():
    layers = [fk.Input((64,)), *(fk.nn.Dense(256, activation="tanh") for _ in range(3)), fk.nn.Dense(1)]
    trainer = fk.Sequential(layers).compile("sgd", "mse")
    x, y = (jax.ShapeDtypeStruct((4096, n), "float32") for n in (64, 1))

    def bytes_of(trainer):
        state = jax.eval_shape(trainer.init, 0)
        return trainer.train_step.lower(state, (x, y)).compile().memory_analysis().temp_size_in_bytes

    assert bytes_of(trainer.replace(accumulate_in_step=8)) < 0.5 * bytes_of(trainer)
