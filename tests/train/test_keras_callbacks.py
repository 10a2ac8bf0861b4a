"""Callbacks as Keras users write them: what their hooks get, what they read of the run, and what they cannot change."""

import copy
import pickle

import jax
import numpy as np
import optax
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = (X @ RNG.normal(size=(3, 1))).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    layers = [fk.Input((3,)), fk.nn.Dense(2, name="a"), fk.nn.BatchNormalization(name="bn"), fk.nn.Dense(1, name="b")]
    return fk.Sequential(layers).compile(fk.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])


def of(**hooks):
    """A callback with these hooks."""
    return type("Mine", (fk.callbacks.Callback,), hooks)()


def recorder(base):
    """One class for both libraries: it notes what its hooks get, numbers rounded as two implementations agree."""

    class Recorder(base):
        def __init__(self):
            super().__init__()
            self.calls = []

        def note(self, hook, logs, *number):
            assert all(type(n) is int for n in number)
            numbers = {k: v for k, v in logs.items() if k != "outputs"}
            assert all(type(v) is float for v in numbers.values())
            self.calls.append((hook, *number, numbers, getattr(logs.get("outputs"), "shape", None)))

        def on_train_begin(self, logs=None):
            self.note("train begin", logs)
            self.note(str(sorted(self.params)), {}, self.params["epochs"], self.params["steps"])

        def on_train_end(self, logs=None):
            self.note("train end", logs)

        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            self.note("epoch begin", logs, epoch)

        def on_epoch_end(self, epoch, logs=None):
            self.note("epoch end", logs, epoch)
            weights = self.model.get_weights()
            self.note(str([w.shape for w in weights]), {"kernel": float(weights[0][0, 0])})
            self.note(str([tuple(w.shape) for w in self.model.trainable_variables]), {})
            self.note("rate", {"rate": float(self.model.optimizer.learning_rate)}, int(self.model.optimizer.iterations))
            self.note("predict", {"one": float(self.model.predict(X[:2], verbose=0)[0, 0])})
            self.note("call", {"one": float(self.model(X[:2])[0, 0])})
            self.note("layer", {"one": float(self.model.get_layer("a").get_weights()[0][1, 0])})
            if epoch == 1:
                self.model.stop_training = True

        def on_batch_end(self, batch, logs=None):
            self.note("batch end", logs, batch)

        def on_test_begin(self, logs=None):
            self.note("test begin", logs)

        def on_test_batch_end(self, batch, logs=None):
            self.note("test batch end", logs, batch)

        def on_test_end(self, logs=None):
            self.note("test end", logs)

        def on_predict_batch_end(self, batch, logs=None):
            self.note("predict batch end", logs, batch)

    return Recorder()


def test_hooks_get_what_keras_hands_over(trainer, tmp_path):
    state = trainer.init(0)
    trainer.model.save(tmp_path / "start.keras", state.variables)
    reference = keras.saving.load_model(tmp_path / "start.keras")
    reference.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"], jit_compile=False)
    ours, theirs = recorder(fk.callbacks.Callback), recorder(keras.callbacks.Callback)
    options = {"batch_size": 4, "epochs": 5, "shuffle": False, "verbose": 0, "validation_data": (X[:6], Y[:6])}
    with jax.numpy_rank_promotion("allow"):
        reference.fit(X, Y, callbacks=[theirs], **options)
        reference.predict(X[:6], batch_size=4, verbose=0, callbacks=[theirs])
    state, history = trainer.fit(state, X, Y, callbacks=[ours], **options)
    trainer.predict(state, X[:6], batch_size=4, callbacks=[ours])
    assert history.epoch == [0, 1]
    assert [c[:-2] for c in ours.calls] == [c[:-2] for c in theirs.calls]
    for one, two in zip(ours.calls, theirs.calls, strict=True):
        assert (set(one[-2]), one[-1]) == (set(two[-2]), two[-1])
        for name, value in two[-2].items():
            np.testing.assert_allclose(one[-2][name], value, rtol=1e-4, atol=1e-6)  # a few steps in float32


def test_the_model_is_there_while_a_run_goes_on(trainer):
    seen = []

    def on_epoch_end(self, epoch, logs=None):
        seen.append((self.model, self.params))
        assert copy.copy(self) == self
        assert "model" not in vars(copy.deepcopy(self))
        self.model.evaluate(X, Y, callbacks=[self])  # a run within the run leaves it as it was
        assert self.model is seen[-1][0]
        assert [layer.name for layer in self.model.layers] == ["a", "bn", "b"]
        assert self.model.get_layer("a").kernel.shape == (3, 2)
        assert self.model.count_params() == 19
        assert repr(self.model.loss) == repr(trainer.loss)

    callback = of(on_epoch_end=on_epoch_end)
    with pytest.raises(
        AttributeError, match=r"no attribute 'model'[\s\S]*while a run goes on[\s\S]*event.trainer.model"
    ):
        _ = callback.model
    assert callback.params is None
    trainer.fit(trainer.init(0), X, Y, callbacks=callback, verbose=0)
    assert seen[0][1] == {"epochs": 1, "steps": 1, "verbose": 0}
    assert vars(callback) == {}


def test_a_model_is_saved_from_a_hook(trainer, tmp_path):
    def on_epoch_end(self, epoch, logs=None):
        self.model.save(tmp_path / "m.keras")
        self.model.save_weights(tmp_path / "m.weights.h5")

    state, _ = trainer.fit(trainer.init(0), X, Y, callbacks=[of(on_epoch_end=on_epoch_end)], verbose=0)
    again, saved = fk.load_trainer(tmp_path / "m.keras")
    assert again == trainer
    jax.tree.map(np.testing.assert_array_equal, saved.opt_state, state.opt_state)


CHANGES = {
    "set_weights": (lambda m: m.set_weights([]), r"return event\.state\.with_variables\(variables\)"),
    "load_weights": (lambda m: m.load_weights("x"), r"with_variables\(event\.trainer\.model\.load_weights\("),
    "rate": (lambda m: setattr(m.optimizer, "learning_rate", 0.1), r"set_learning_rate\(event\.state, 1e-4\)"),
    "assign": (lambda m: m.optimizer.learning_rate.assign(0.1), r"set_learning_rate\(event\.state, 1e-4\)"),
    "lr": (lambda m: m.optimizer.lr, r"has no `lr`[\s\S]*learning_rate"),
    "trainable": (lambda m: setattr(m.layers[0], "trainable", False), r"model\.freeze"),
    "weight": (lambda m: m.layers[0].kernel.assign(0), r"def on_epoch_end\(self, event\): return event\.state"),
    "attribute": (lambda m: setattr(m, "best", 3), r"event\.remember"),
    "compile": (lambda m: m.compile("sgd"), r"event\.replace\(stop=True\)"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_would_change_the_model_is_refused_with_the_hook_to_write(trainer, change):
    function, text = CHANGES[change]
    callback = of(on_epoch_end=lambda self, epoch, logs=None: function(self.model))
    with pytest.raises(AttributeError, match=text):
        trainer.fit(trainer.init(0), X, Y, callbacks=[callback], verbose=0)
    assert vars(callback) == {}


REFUSED = {
    "nothing": (lambda: of(on_epoch_end=lambda self: None), r"Mine\.on_epoch_end takes neither[\s\S]*logs"),
    "others": (lambda: of(on_epoch_end=lambda self, trainer, state: None), r"Received: on_epoch_end\(trainer, state\)"),
    "three": (lambda: of(on_epoch_end=lambda self, epoch, logs, more: None), r"one too many"),
    "epoch": (lambda: of(on_epoch_end=lambda self, epoch: None), r"neither the event nor Keras's"),
    "anything": (lambda: of(on_train_begin=lambda self, *args: None), r"def on_train_begin\(self, logs=None\)"),
    "batch": (lambda: of(on_batch_end=lambda self, logs: None), r"def on_batch_end\(self, batch, logs=None\)"),
    "lambda": (lambda: fk.callbacks.LambdaCallback(on_epoch_end=lambda logs: None), r"LambdaCallback\.on_epoch_end"),
    "function": (lambda: lambda epoch, logs: None, r"\(trainer, state, logs\)[\s\S]*LambdaCallback\(on_epoch_end="),
    "class": (lambda: fk.callbacks.EarlyStopping, r"a class was passed[\s\S]*EarlyStopping\(…\)"),
    "keras": (lambda: keras.callbacks.EarlyStopping(), r"a callback of Keras[\s\S]*fk\.callbacks\.EarlyStopping"),
    "built-in": (
        lambda: type("Mine", (fk.callbacks.EarlyStopping,), {"on_epoch_end": lambda self, epoch, logs=None: None})(),
        r"that of EarlyStopping, which it overrides, takes the event[\s\S]*super\(\)\.on_epoch_end\(event\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_hook_in_neither_form_is_refused_before_anything_runs(trainer, kind):
    make, text = REFUSED[kind]
    with pytest.raises(TypeError, match=text):
        fk.callbacks.CallbackList([make()])


def test_both_forms_and_other_names():
    seen = []
    calls = fk.callbacks.CallbackList(
        [
            of(on_epoch_end=lambda self, event: seen.append(event.epoch)),
            of(on_epoch_end=lambda self, e: seen.append(e.epoch)),
            of(on_epoch_end=lambda self, epoch, logs=None: seen.append(epoch)),
            of(on_train_batch_end=lambda self, batch, **kwargs: seen.append((batch, kwargs))),
            of(on_batch_end=lambda self, event: seen.append(event.batch)),
            of(on_train_end=lambda self, logs={}: seen.append(logs)),  # as in old scripts
            fk.callbacks.LambdaCallback(on_train_end=lambda last: seen.append(last), on_epoch_begin=lambda event: None),
        ]
    )
    event = fk.callbacks.Event(trainer=None, state=None, epoch=2, batch=3, logs={"loss": np.float32(0.5)})
    calls.call("on_epoch_end", event)
    assert seen == [2, 2, 2]
    calls.call("on_train_batch_end", event)
    assert seen[3:] == [(3, {"logs": {"loss": 0.5}}), 3]
    calls.call("on_train_end", event)
    assert seen[5:] == [{"loss": 0.5}] * 2
    assert calls.hooks("on_train_batch_end") == 2
    with pytest.warns(UserWarning, match=r"on_epoch_ended is never called[\s\S]*Did you mean 'on_epoch_end'"):
        fk.callbacks.CallbackList(of(on_epoch_ended=lambda self, epoch, logs=None: None))


def test_training_ends_where_a_hook_says_so(trainer):
    def stop(self, *args):
        self.model.stop_training = True

    def go_on(self, epoch, logs=None):
        assert self.model.stop_training
        self.model.stop_training = False

    state = trainer.init(0)
    for hook, steps in (("on_batch_end", 1), ("on_test_end", 4), ("on_epoch_begin", 0), ("on_train_begin", 0)):
        number = hook in ("on_batch_end", "on_epoch_begin")
        body = (lambda self, number, logs=None: stop(self)) if number else (lambda self, logs=None: stop(self))
        options = {"batch_size": 2, "epochs": 3, "verbose": 0, "validation_data": (X, Y)}
        got, _ = trainer.fit(state, X, Y, callbacks=[of(**{hook: body})], **options)
        assert int(got.step) == steps, hook
    ends = of(on_epoch_end=lambda self, event: event.replace(stop=True))
    _, history = trainer.fit(state, X, Y, epochs=3, verbose=0, callbacks=[ends, of(on_epoch_end=go_on)])
    assert len(history.epoch) == 3


def test_what_a_hook_adds_to_the_logs_is_in_the_history(trainer):
    def on_epoch_end(self, epoch, logs=None):
        logs["rate"] = epoch / 2

    _, history = trainer.fit(trainer.init(0), X, Y, epochs=2, callbacks=[of(on_epoch_end=on_epoch_end)], verbose=0)
    assert history.history["rate"] == [0.0, 0.5]


class Losses(fk.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])


def test_a_run_that_goes_on_says_that_attributes_begin_anew(trainer, tmp_path):
    state, quiet = trainer.init(0), of(on_epoch_end=lambda self, epoch, logs=None: None)
    first, second = Losses(), Losses()
    trainer.fit(state, X, Y, epochs=1, checkpoint=tmp_path / "run", callbacks=[first, quiet], verbose=0)
    with pytest.warns(UserWarning, match=r"Losses begins anew in this run[\s\S]*event\.remember") as said:
        trainer.fit(state, X, Y, epochs=3, checkpoint=tmp_path / "run", callbacks=[second, quiet], verbose=0)
    assert len(said) == 1
    assert (len(first.losses), len(second.losses)) == (1, 2)
    assert pickle.loads(pickle.dumps(second)) == second


def test_hooks_find_numbers_at_the_end(trainer):
    seen = {}
    watch = of(
        on_train_end=lambda self, event: seen.update(train=dict(event.logs)),
        on_test_batch_end=lambda self, event: seen.update(batch=dict(event.logs)),
        on_test_end=lambda self, event: seen.update(test=dict(event.logs)),
        on_predict_batch_end=lambda self, event: seen.update(outputs=event.logs["outputs"]),
    )
    options = {"validation_data": (X[:4], Y[:4]), "validation_freq": 2, "verbose": 0}
    state, history = trainer.fit(trainer.init(0), X, Y, epochs=3, callbacks=[watch], **options)
    assert seen["train"] == {k: v[-1] for k, v in history.history.items() if not k.startswith("val_")}
    results = trainer.evaluate(state, X[:6], Y[:6], batch_size=4, callbacks=[watch])
    assert {k: float(v) for k, v in seen["batch"].items()} == seen["test"] == dict(results)
    outputs = trainer.predict(state, X[:6], batch_size=4, callbacks=[watch])
    np.testing.assert_array_equal(seen["outputs"], outputs[4:])


def test_batches_of_a_loss_of_one_s_own_have_its_numbers(trainer):
    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            outputs, _ = self.forward(params, state, batch[0], state.rng if rng is None else rng, rng is not None)
            return (outputs**2).mean(), {"logs": {"size": abs(outputs).mean()}}

    seen = []
    watch = of(on_test_batch_end=lambda self, batch, logs=None: seen.append(logs))
    own = trainer.model.compile("sgd", trainer_class=Own)
    found = own.evaluate(own.init(0), X[:6], Y[:6], batch_size=4, callbacks=[watch])
    assert [set(logs) for logs in seen] == [{"loss", "size"}] * 2
    assert seen[-1] == dict(found)


# ------------------------------------------------------------------ files
@pytest.mark.parametrize("name", ["m.keras", "run"])
def test_training_goes_on_from_a_model_checkpoint(trainer, tmp_path, name):
    keep = fk.callbacks.ModelCheckpoint(tmp_path / name, "loss", save_best_only=True)
    state, _ = trainer.fit(trainer.init(0), X, Y, epochs=2, callbacks=[keep], verbose=0)
    again, saved = fk.load_trainer(tmp_path / name)
    next_one, other = trainer.train_step(state, (X, Y))[0], again.train_step(saved, (X, Y))[0]
    jax.tree.map(np.testing.assert_array_equal, other.params, next_one.params)
    _, variables = fk.load_model(tmp_path / name)
    jax.tree.map(np.testing.assert_array_equal, variables, state.variables)


def test_a_model_checkpoint_says_what_a_file_cannot_hold(trainer, tmp_path):
    optaxian = trainer.model.compile(optax.adam(0.1), "mse")
    keep = fk.callbacks.ModelCheckpoint(tmp_path / "m-{epoch}.keras")
    with pytest.warns(UserWarning, match=r"gets the model alone[\s\S]*optimizer[\s\S]*OrbaxCheckpoint") as said:
        state, _ = optaxian.fit(optaxian.init(0), X, Y, epochs=2, callbacks=[keep], verbose=0)
    assert len(said) == 1
    _, variables = fk.load_model(tmp_path / "m-2.keras")
    jax.tree.map(np.testing.assert_array_equal, variables, state.variables)
