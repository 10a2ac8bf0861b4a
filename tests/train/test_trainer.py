"""The Trainer: purity, tracing, data in all its forms, multi-output, freezing, constraints, custom steps."""

import os
import signal
import threading

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(26, 4)).astype("float32")
Y = RNG.integers(0, 3, 26).astype("int32")


def compiled(model=None, **kwargs):
    """Of one layer, if no model is given: each weight more has the optimizer's kernels in each program of a step."""
    defaults = {
        "optimizer": fk.optimizers.Adam(0.01),
        "loss": fk.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }
    return (model or linear(3)).compile(**{**defaults, **kwargs})


def linear(units):
    inputs = fk.Input((4,))
    return fk.Model(inputs, fk.nn.Dense(units)(inputs))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))


def leaves(tree):
    plain = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf  # noqa: E731
    return [np.asarray(plain(leaf)) for leaf in jax.tree.leaves(tree)]


# ------------------------------------------------------------------ purity
def test_fit_leaves_the_state_it_was_given_usable_and_identical():
    trainer = compiled()
    state = trainer.init(0)
    before = leaves(state)
    trained, _ = trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, leaves(state), strict=True))
    assert not same(state.params, trained.params)
    trainer.train_step(state, (X[:8], Y[:8]))  # not donated


def test_two_fits_from_one_state_are_bit_identical():
    trainer = compiled()
    state = trainer.init(3)
    runs = [trainer.fit(state, X, Y, batch_size=8, epochs=3, verbose=0) for _ in range(2)]
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1].history == runs[1][1].history
    other, _ = trainer.fit(trainer.init(4), X, Y, batch_size=8, epochs=3, verbose=0)
    assert not same(runs[0][0].params, other.params)


def test_fit_equals_a_loop_over_train_step():
    trainer = compiled()
    state = by_hand = trainer.init(0)
    state, history = trainer.fit(state, X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for start in range(0, 26, 8):
        by_hand, logs = trainer.train_step(by_hand, (X[start : start + 8], Y[start : start + 8]))
    assert same(state.params, by_hand.params)
    assert history.history["loss"] == [float(logs["loss"])]


def test_train_step_runs_inside_scan_vmap_and_grad():
    trainer = compiled(linear(1), optimizer=fk.optimizers.SGD(0.1), loss="mse", metrics=[])
    x, y = X[:24].reshape(3, 8, 4), X[:24, :1].reshape(3, 8, 1)
    state = trainer.init(0)
    scanned, logs = jax.lax.scan(trainer.train_step, state, (x, y))
    by_hand = state
    for batch in zip(x, y, strict=True):
        by_hand, _ = trainer.train_step(by_hand, batch)
    # float32 sums in another order
    chex.assert_trees_all_close(scanned.params, by_hand.params, atol=1e-6)
    assert logs["loss"].shape == (3,)

    def final_loss(rate):
        start = trainer.set_learning_rate(state, rate)
        return trainer.train_step(trainer.train_step(start, (x[0], y[0]))[0], (x[0], y[0]))[1]["loss"]

    rates = jnp.array([0.01, 0.1])
    many = jax.vmap(final_loss)(rates)
    np.testing.assert_allclose(many, [final_loss(r) for r in rates], rtol=1e-6)  # batched sums differ by an ulp
    slope = float(jax.grad(final_loss)(0.05))
    numeric = float(final_loss(0.06) - final_loss(0.04)) / 0.02
    assert slope == pytest.approx(numeric, rel=1e-2)  # a central difference of a smooth function


# ------------------------------------------------------------------ tracing
def count_traces(trainer_class=fk.Trainer):
    class Counting(trainer_class):
        def compute_loss(self, params, state, batch, rng):
            traces.append(jax.tree.map(jnp.shape, batch[0]))
            return super().compute_loss(params, state, batch, rng)

    traces = []
    return Counting, traces


def test_a_short_last_batch_traces_the_step_twice_however_many_epochs():
    chex.clear_trace_counter()
    cls, traces = count_traces()
    trainer = compiled(trainer_class=cls)
    trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=4, verbose=0)
    assert traces == [(8, 4), (2, 4)]


def test_evaluate_and_predict_trace_once():
    chex.clear_trace_counter()
    calls = []

    class Seen(fk.nn.Layer):
        def call(self, inputs):
            calls.append(inputs.shape)
            return inputs

    inputs = fk.Input((4,))
    trainer = compiled(fk.Model(inputs, fk.nn.Dense(3)(Seen()(inputs))))
    state = trainer.init(0)
    trainer.predict(state, X[:4], batch_size=8)
    calls.clear()
    trainer.predict(state, X, batch_size=8)
    assert calls == [(8, 4)]
    calls.clear()
    trainer.evaluate(state, X, Y, batch_size=8)
    concrete = [shape for shape in calls if shape == (8, 4)]
    assert len(concrete) == 1, calls


def test_assert_max_traces_holds_around_a_step():
    trainer = compiled()
    step = jax.jit(chex.assert_max_traces(lambda s, b: trainer.train_step(s, b), n=2))
    chex.clear_trace_counter()
    state = trainer.init(0)
    for _ in range(3):
        for start in (0, 8, 16, 24):
            state, _ = step(state, (X[start : start + 8], Y[start : start + 8]))
    assert int(state.step) == 12


def test_changing_the_learning_rate_does_not_compile_again():
    cls, traces = count_traces()
    trainer = compiled(trainer_class=cls)
    halve = fk.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    _, history = trainer.fit(trainer.init(0), X[:24], Y[:24], batch_size=8, epochs=3, callbacks=[halve], verbose=0)
    assert len(traces) == 1
    np.testing.assert_allclose(history.history["learning_rate"], [0.005, 0.0025, 0.00125], rtol=1e-6)


# ------------------------------------------------------------------ Ctrl-C
def test_an_interrupt_returns_the_last_whole_state_and_its_history():
    trainer = compiled()
    state = trainer.init(0)

    def interrupt(trainer, state, logs):
        if int(state.step) >= 8:  # after the second epoch of four steps
            raise KeyboardInterrupt
        return state

    stopped, history = trainer.fit(state, X, Y, batch_size=8, epochs=9, callbacks=[interrupt], verbose=0)
    assert history.interrupted
    assert len(history.history["loss"]) == 1
    reference, _ = trainer.fit(state, X, Y, batch_size=8, epochs=2, verbose=0)
    assert same(stopped.params, reference.params)
    trainer.evaluate(stopped, X, Y)


def test_sigint_in_the_middle_of_an_epoch_waits_for_the_step():
    assert threading.current_thread() is threading.main_thread()
    # a shell starts background jobs with SIGINT ignored, and Python then leaves it so
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _interrupted_by_sigint()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted_by_sigint():
    trainer = compiled()

    def batches():
        for start in range(0, 26, 4):
            if start == 8:
                os.kill(os.getpid(), signal.SIGINT)
            yield X[start : start + 4], Y[start : start + 4]

    state, history = trainer.fit(trainer.init(0), batches(), epochs=1, verbose=0)
    assert history.interrupted
    assert int(state.step) == 3  # the batch that was being drawn is trained on, the next ones are not drawn
    assert all(np.isfinite(leaf).all() for leaf in leaves(state.params))


# ------------------------------------------------------------------ evaluation
@pytest.mark.sweep(6, 2)
@pytest.mark.parametrize("batch_size", [1, 3, 7, 25, 26, 64])
def test_evaluate_does_not_depend_on_the_batch_size(batch_size):
    trainer = compiled(metrics=["accuracy", "sparse_categorical_crossentropy"])
    state = trainer.init(0)
    whole = trainer.evaluate(state, X, Y, batch_size=26, return_dict=True)
    weights = RNG.random(26).astype("float32")
    weighted = trainer.evaluate(state, X, Y, batch_size=26, sample_weight=weights, return_dict=True)
    # float32 sums in another order
    assert trainer.evaluate(state, X, Y, batch_size=batch_size) == pytest.approx(whole, rel=1e-5)
    again = trainer.evaluate(state, X, Y, batch_size=batch_size, sample_weight=weights)
    assert again == pytest.approx(weighted, rel=1e-5)
    assert weighted["accuracy"] == pytest.approx(whole["accuracy"])  # metrics ignore sample weights


def test_predict_has_one_row_for_each_input():
    trainer = compiled()
    state = trainer.init(0)
    want = np.asarray(trainer.model.apply(state.variables, X))
    for size in (5, 26, 100):
        # the same rows in batches of another size: XLA may order the sums otherwise
        np.testing.assert_allclose(trainer.predict(state, X, batch_size=size), want, atol=1e-6)
    np.testing.assert_allclose(trainer.model.predict(state.variables, X), want, atol=1e-6)


def test_on_batch_methods():
    trainer = compiled()
    state = trainer.init(0)
    after, logs = trainer.train_on_batch(state, X[:8], Y[:8])
    assert logs == pytest.approx(trainer.test_on_batch(state, X[:8], Y[:8], return_dict=True), rel=1e-5)
    assert int(after.step) == 1
    assert trainer.predict_on_batch(state, X[:8]).shape == (8, 3)


# ------------------------------------------------------------------ data
def test_all_forms_of_data_train_alike():
    trainer = compiled()
    state = trainer.init(0)
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 26, 8)]

    class Dataset:
        def __len__(self):
            return len(batches)

        def __getitem__(self, i):
            if i >= len(batches):
                raise IndexError
            return batches[i]

    want, _ = trainer.fit(state, X, Y, batch_size=8, shuffle=False, verbose=0)
    for source in (list(batches), iter(batches), lambda: iter(batches), Dataset(), (b for b in batches)):
        got, _ = trainer.fit(state, source, shuffle=False, verbose=0)
        assert same(got.params, want.params)
    got, _ = trainer.fit(state, jnp.asarray(X), jnp.asarray(Y), batch_size=8, shuffle=False, verbose=0)
    assert same(got.params, want.params)


def test_an_endless_generator_is_cut_into_epochs():
    trainer = compiled()

    def endless():
        while True:
            yield X[:8], Y[:8]

    state, history = trainer.fit(trainer.init(0), endless(), epochs=3, steps_per_epoch=4, verbose=0)
    assert int(state.step) == 12
    assert len(history.history["loss"]) == 3


def test_validation_split_holds_out_the_last_rows():
    trainer = compiled()
    state = trainer.init(0)
    trained, split = trainer.fit(state, X, Y, batch_size=19, validation_split=0.25, verbose=0)
    cut = int(26 * 0.75)
    again, given = trainer.fit(state, X[:cut], Y[:cut], batch_size=19, validation_data=(X[cut:], Y[cut:]), verbose=0)
    assert same(trained.params, again.params)
    assert split.history == given.history
    assert set(split.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_class_weight_is_a_sample_weight():
    trainer = compiled()
    state = trainer.init(0)
    table = {0: 2.0, 2: 0.5}
    x, y = X[:24], Y[:24]
    weights = np.array([table.get(int(c), 1.0) for c in y], "float32")
    a, _ = trainer.fit(state, x, y, class_weight=table, verbose=0, batch_size=8)
    b, _ = trainer.fit(state, x, y, sample_weight=weights, verbose=0, batch_size=8)
    assert same(a.params, b.params)


# ------------------------------------------------------------------ several outputs
def two_heads():
    inputs = fk.Input((4,))
    outputs = {"kind": fk.nn.Dense(3, name="kind")(inputs), "size": fk.nn.Dense(1, name="size")(inputs)}
    return fk.Model(inputs, outputs)


def test_losses_and_metrics_by_output():
    trainer = two_heads().compile(
        "sgd",
        loss={"kind": fk.losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"},
        loss_weights={"size": 0.5},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    y = {"kind": Y, "size": X[:, :1]}
    state, history = trainer.fit(trainer.init(0), X, y, batch_size=26, verbose=0)
    logs = trainer.evaluate(state, X, y)
    assert list(logs.keys()) == ["loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae"]
    assert logs["loss"] == pytest.approx(logs["kind_loss"] + 0.5 * logs["size_loss"], rel=1e-5)
    assert list(history.history) == list(logs.keys())


def test_an_unknown_output_name_lists_the_outputs():
    trainer = two_heads().compile("sgd", loss={"kind": "mse", "sise": "mse"})
    with pytest.raises(ValueError, match=r"loss has the key 'sise'.*[\s\S]*Did you mean 'size'"):
        trainer.init(0)


# ------------------------------------------------------------------ weights that rest, weights that are bound
def test_frozen_weights_stay_and_get_no_slots():
    inputs = fk.Input((4,))
    model = fk.Model(inputs, fk.nn.Dense(3)(fk.nn.Dense(5, activation="tanh")(inputs)))
    trainer = compiled(model.freeze("dense"))
    state = trainer.init(0)
    momentum = state.opt_state.inner.momentum
    assert set(momentum) == {"dense_1"}
    trained, _ = trainer.fit(state, X, Y, epochs=2, verbose=0)
    assert same(trained.params["dense"], state.params["dense"])
    assert not same(trained.params["dense_1"], state.params["dense_1"])


def test_transfer_learning_keeps_the_frozen_part_bit_identical():
    inputs = fk.Input((4,))
    x = fk.nn.Dense(6, activation="relu", name="block")(inputs)
    base = fk.Model(inputs, fk.nn.Dense(3, name="top")(x), name="base")
    trainer = compiled(base)
    pretrained, _ = trainer.fit(trainer.init(0), X, Y, epochs=2, verbose=0)

    backbone = fk.Model(base.input, base.get_layer("block").output, name="backbone")
    new_inputs = fk.Input((4,))
    head = fk.nn.Dense(2, name="head")(backbone(new_inputs))
    full = fk.Model(new_inputs, head).freeze("backbone")
    variables = full.init(jax.random.key(1))
    kept = {"block": pretrained.params["block"]}
    variables = {"params": {**variables["params"], "backbone": kept}}
    again = full.compile("adam", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    state, _ = again.fit(again.init(1, variables=variables), X, Y % 2, epochs=3, verbose=0)
    assert same(state.params["backbone"], kept)
    assert not same(state.params["head"], variables["params"]["head"])
    part = full.variables_for(full.get_layer("backbone"), state.variables)
    np.testing.assert_array_equal(backbone.apply(part, X), backbone.apply(pretrained.variables, X))


def test_constraints_and_regularizers_are_applied():
    inputs = fk.Input((4,))
    outputs = fk.nn.Dense(3, kernel_constraint="non_neg", kernel_regularizer="l2")(inputs)
    trainer = compiled(fk.Model(inputs, outputs), loss=None, metrics=[])
    state = trainer.init(0)
    state, logs = trainer.train_step(state, (X[:8],))
    start = trainer.init(0).params["dense"]["kernel"]
    assert float(logs["loss"]) == pytest.approx(0.01 * float(jnp.sum(start**2)), rel=1e-6)
    assert float(state.params["dense"]["kernel"].min()) >= 0


# ------------------------------------------------------------------ callbacks
def test_early_stopping_restores_the_best_weights():
    trainer = compiled(optimizer=fk.optimizers.SGD(0.0))
    seen = []

    def worsen(trainer, state, logs):
        seen.append(leaves(state.params))
        return state.replace(params=jax.tree.map(lambda p: p * 3, state.params))

    stop = fk.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True, mode="min")
    state, history = trainer.fit(trainer.init(0), X, Y, epochs=20, callbacks=[stop, worsen], verbose=0)
    losses = history.history["loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3
    assert all(np.array_equal(a, b) for a, b in zip(seen[best], leaves(state.params), strict=True))


def test_a_function_is_a_callback_and_what_it_returns_trains_next():
    trainer = compiled()

    def reset(trainer, state, logs):
        return state.replace(params=jax.tree.map(jnp.zeros_like, state.params))

    state, _ = trainer.fit(trainer.init(0), X, Y, callbacks=[reset], verbose=0)
    assert all(not leaf.any() for leaf in leaves(state.params))


def test_lambda_callback_is_called_as_in_keras():
    calls = []
    callback = fk.callbacks.LambdaCallback(
        on_train_begin=lambda logs: calls.append("begin"),
        on_epoch_end=lambda epoch, logs: calls.append((epoch, sorted(logs))),
        on_train_batch_end=lambda batch, logs: calls.append(batch),
        on_train_end=lambda logs: calls.append("end"),
    )
    trainer = compiled()
    trainer.fit(trainer.init(0), X[:16], Y[:16], batch_size=8, epochs=1, callbacks=callback, verbose=0)
    assert calls == ["begin", 0, 1, (0, ["accuracy", "loss"]), "end"]


def test_a_callback_may_keep_the_state_it_saw():
    kept = []
    trainer = compiled()
    trainer.fit(trainer.init(0), X, Y, epochs=3, verbose=0, callbacks=[lambda t, s, logs: (kept.append(s), s)[1]])
    assert [int(s.step) for s in kept] == [1, 2, 3]
    assert all(np.isfinite(leaf).all() for s in kept for leaf in leaves(s.params))


# ------------------------------------------------------------------ custom steps and plain modules
def test_compute_loss_can_be_overridden():
    class Ridge(fk.Trainer):
        strength: float = 0.1

        def compute_loss(self, params, state, batch, rng):
            loss, extras = super().compute_loss(params, state, batch, rng)
            penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))
            return loss + self.strength * penalty, {**extras, "logs": {"penalty": penalty}}

    trainer = compiled(trainer_class=Ridge, strength=0.5)
    assert trainer.strength == 0.5
    state, history = trainer.fit(trainer.init(0), X, Y, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "penalty"}
    plain, _ = compiled().fit(trainer.init(0), X, Y, verbose=0)
    assert not same(state.params, plain.params)


def test_train_step_can_be_overridden():
    class Doubling(fk.Trainer):
        def train_step(self, state, batch):
            state, logs = super().train_step(state, batch)
            return super().train_step(state, batch)[0], {"mine": logs["loss"] * 0}

    trainer = compiled(trainer_class=Doubling)
    state, history = trainer.fit(trainer.init(0), X[:8], Y[:8], batch_size=8, verbose=0)
    assert int(state.step) == 2
    assert history.history == {"mine": [0.0]}


class Plain(linen.Module):
    @linen.compact
    def __call__(self, x, train=False):
        x = linen.Dense(6)(x)
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        x = linen.Dropout(0.2, deterministic=not train)(x)
        return linen.Dense(3)(linen.relu(x))


def test_a_plain_linen_module_trains():
    trainer = fk.Trainer(Plain(), optimizer=optax.sgd(0.1), loss=_scce(), metrics=["accuracy"])
    state = trainer.init(0, X[:1])
    trained, history = trainer.fit(state, X[:24], Y[:24], batch_size=8, epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
    assert not same(state.model_state["batch_stats"], trained.model_state["batch_stats"])
    assert trainer.predict(trained, X).shape == (26, 3)


def _scce():
    return fk.losses.SparseCategoricalCrossentropy(from_logits=True)


def test_dropout_differs_by_step_and_repeats_by_seed():
    trainer = fk.Trainer(Plain(), optimizer="sgd", loss=_scce())
    state = trainer.init(0, X[:1])
    first, _ = trainer.train_step(state, (X[:8], Y[:8]))
    again, _ = trainer.train_step(state, (X[:8], Y[:8]))
    later, _ = trainer.train_step(state.replace(step=state.step + 1), (X[:8], Y[:8]))
    assert same(first.params, again.params)
    assert not same(first.params, later.params)


def test_a_subclassed_model_trains_with_an_example_input():
    class Net(fk.Model):
        def __init__(self):
            super().__init__()
            self.hidden = fk.nn.Dense(5, activation="relu", trainable=False)
            self.out = fk.nn.Dense(3)

        def call(self, inputs):
            return self.out(self.hidden(inputs))

    trainer = compiled(Net())
    with pytest.raises(ValueError, match="does not know its input's shape"):
        trainer.init(0)
    state = trainer.init(0, X[:1])
    trained, _ = trainer.fit(state, X, Y, verbose=0)
    assert same(state.params["hidden"], trained.params["hidden"])
    assert not same(state.params["out"], trained.params["out"])


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"loss": "mean_squared_eror"},
            r"Unknown name 'mean_squared_eror' in losses[\s\S]*Did you mean 'mean_squared_error'",
        ),
        ({"metrics": ["acuracy"]}, r"Unknown name 'acuracy' in metrics[\s\S]*accuracy"),
        ({"optimizer": "adamm"}, r"'adamm'[\s\S]*adam"),
    ],
)
def test_unknown_names_list_the_known_ones(arguments, text):
    with pytest.raises(ValueError, match=text):
        compiled(**arguments)


def test_arrays_of_different_lengths():
    trainer = compiled()
    with pytest.raises(ValueError, match=r"different numbers of examples[\s\S]*x: 26, y: 20"):
        trainer.fit(trainer.init(0), X, Y[:20], verbose=0)


def test_one_hot_targets_with_a_sparse_loss():
    trainer = compiled()
    with pytest.raises(ValueError, match=r"one class number for each prediction[\s\S]*categorical_crossentropy"):
        trainer.fit(trainer.init(0), X, np.eye(3, dtype="float32")[Y], verbose=0)


def test_no_targets():
    trainer = compiled()
    with pytest.raises(ValueError, match=r"has no target[\s\S]*trainer.fit\(state, x, y\)"):
        trainer.fit(trainer.init(0), X, verbose=0)


def test_no_loss():
    trainer = compiled(loss=None, metrics=[])
    with pytest.raises(ValueError, match="There is no loss to minimise"):
        trainer.fit(trainer.init(0), X, Y, verbose=0)


def test_wrong_input_shape_and_dtype():
    trainer = compiled()
    state = trainer.init(0)
    with pytest.raises(ValueError, match=r"expects shape \(None, 4\)[\s\S]*shape \(\d+, 5\)"):
        trainer.fit(state, np.zeros((26, 5), "float32"), Y, verbose=0)
    tokens = fk.Model(*_integer_graph())
    with pytest.raises(TypeError, match=r"has dtype int32[\s\S]*float32"):
        tokens.apply({"params": {}}, X[:, :2])


def _integer_graph():
    inputs = fk.Input((2,), dtype="int32")
    return inputs, inputs + 1


def test_a_spent_generator_is_said_to_be_one():
    trainer = compiled()
    with pytest.warns(UserWarning, match=r"yielded no batch in epoch 2"):
        state, history = trainer.fit(trainer.init(0), ((X[:8], Y[:8]) for _ in range(2)), epochs=2, verbose=0)
    assert int(state.step) == 2
    assert history.epoch == [0]


def test_verbose_two_prints_a_line_an_epoch(capsys):
    trainer = compiled()
    trainer.fit(trainer.init(0), X, Y, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("loss:" in line and "accuracy:" in line for line in lines)
