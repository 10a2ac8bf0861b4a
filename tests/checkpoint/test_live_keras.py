"""Live models of real Keras, both ways: forward, a step of training, and the weights back."""

import os

import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
with keras_world():
    from . import live_models as live

EVERYTHING = os.environ.get("FKERAS_TEST") == "all"
NAMES = list(live.MODELS)


def flat(tree):
    return [np.asarray(leaf) for leaf in keras.tree.flatten(tree)]


def close(got, want, atol):
    got, want = flat(got), flat(want)
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=atol)


@pytest.mark.sweep(2)
@pytest.mark.parametrize("name", NAMES)
def test_a_live_model_computes_trains_and_goes_back(name):
    keras.utils.clear_session()  # Keras numbers what it names over all models of the process
    keras.utils.set_random_seed(0)
    with keras_world():
        model, x = live.compiled(name)
        y = live.targets(name)
        before, nodes = flat(model.variables), [layer.trainable for layer in model.layers]
        trainer, state = fk.trainer_from_keras(model, x if name == "a model" else None)
        want = model(x)
        close(
            trainer.predict(state, x), want, 1e-6 * max(1, *(np.abs(a).max() for a in flat(want)))
        )  # sums of such numbers
        close(flat(model.variables), before, 0)  # the live model is as it was
        assert [layer.trainable for layer in model.layers] == nodes

        moved, logs = trainer.train_step(state, (x, y))
        want = model.train_on_batch(x, y, return_dict=True)
        close([logs[key] for key in want], [*want.values()], 1e-5)
        again = fk.to_keras(trainer, moved, into=live.compiled(name)[0])
        close(again.get_weights(), model.get_weights(), 1e-5)
        close(flat(again.optimizer.variables), flat(model.optimizer.variables), 1e-5)

        if name not in ("states", "a loss and metrics") and not EVERYTHING:
            return
        # and one more step after the state went into Keras and out of it
        further, state = fk.trainer_from_keras(again, x if name == "a model" else None)
        assert int(state.step) == 1
        state, _ = further.train_step(state, (x, y))
        model.train_on_batch(x, y)
        again.train_on_batch(x, y)
        close(again.get_weights(), model.get_weights(), 1e-5)
        close(fk.to_keras(further.model, state.variables, into=again).get_weights(), model.get_weights(), 1e-5)
        jax.block_until_ready(moved)  # Keras's training took no memory of these


@keras_world()
def of(*layers, **kwargs):
    return fk.from_keras(live.row(*layers, **kwargs))


def test_what_a_guest_draws_follows_from_the_key():
    model, variables = of(live.Noisy(name="n"))

    def run(seed):
        return model.apply(variables, live.X, training=True, rngs={"dropout": seed})

    with keras_world():
        assert (run(0) == run(0)).all()
        assert (run(0) != run(1)).any()
        assert (run(0) == 0).any()
        np.testing.assert_array_equal(model.apply(variables, live.X), live.X)
    with pytest.raises(ValueError, match="dropout"):
        model.apply(variables, live.X, training=True)


def test_a_guest_is_a_pure_function():
    model, variables = of(live.Block(name="b"), live.Scaled(name="s"))
    with keras_world():
        want = model.apply(variables, live.X)
        close(jax.jit(model.apply)(variables, live.X), want, 1e-6)
        close(jax.vmap(lambda x: model.apply(variables, x[None])[0])(live.X), want, 1e-6)
        grads = jax.grad(lambda v: model.apply(v, live.X).sum())(variables)
        assert all(np.any(np.asarray(g)) for g in jax.tree.leaves(grads["params"]["s"]))
        again, same = of(live.Block(name="b"), live.Scaled(name="s"))
        assert jax.tree.structure(again.init(0)) == jax.tree.structure(variables)  # names that no process counts
    assert model == model.replace() == fk.models.clone_model(model)
    assert model != again
    assert jax.tree.structure(same) == jax.tree.structure(variables)
    assert sorted(variables["params"]["b"])[:2] == ["norm.beta", "norm.gamma"]


@keras_world()
def test_weights_are_listed_in_the_order_of_keras():
    model = live.row(live.Counting(name="c"), live.Block(name="b"), live.head())
    ours, variables = fk.from_keras(model)
    close(ours.get_weights(variables), model.get_weights(), 0)


def test_keras_takes_no_memory_of_the_variables():
    with keras_world():
        model, x = live.compiled("layers inside")
        trainer, state = fk.trainer_from_keras(model)
        model.fit(x, live.Y, verbose=0)
        back = fk.to_keras(trainer, state)
        back.fit(x, live.Y, verbose=0)
        close(back.get_weights(), model.get_weights(), 1e-5)
        trainer.train_step(state, (x, live.Y))


@keras_world()
def test_layers_that_are_shared_stay_one():
    shared, inner_in, inputs = keras.layers.Dense(6, name="shared"), keras.Input((6,)), keras.Input((6,))
    inner = keras.Model(inner_in, shared(inner_in), name="inner")
    once = keras.Model(inputs, inner(inner(inputs)))
    model, variables = fk.from_keras(once)
    close(model.apply(variables, live.X), once(live.X), 1e-6)
    assert model.count_params() == once.count_params()
    twice = keras.Model(inputs, inner(shared(inputs)))
    model, variables = fk.from_keras(twice)  # at two levels: Keras's own call, as a whole
    close(model.apply(variables, live.X), twice(live.X), 1e-6)
    assert model.count_params() == twice.count_params()


@keras_world()
def test_weights_in_another_form_are_taken_as_they_are():
    model = live.row(keras.layers.Dense(4, name="d"))
    model.layers[1].enable_lora(2)
    ours, variables = fk.from_keras(model)
    assert sorted(variables["params"]["d"]) == ["bias", "lora_kernel_a", "lora_kernel_b"]
    close(ours.apply(variables, live.X), model(live.X), 1e-6)
    ours = fk.Sequential([fk.Input((6,)), fk.nn.Dense(4, dtype="int8_from_float32")])  # and back in Keras's own form
    variables = ours.init(0)
    variables["non_trainable"]["dense"]["kernel"] += np.arange(24, dtype="int8").reshape(6, 4)
    close(fk.to_keras(ours, variables)(live.X), ours.apply(variables, live.X), 1e-6)


@keras_world()
def test_fkeras_layers_train_in_keras_and_come_back():
    class Mine(fk.nn.Layer):
        def build(self, shape):
            self.w = self.add_weight((shape[-1], 2), name="w")
            self.seen = self.add_weight((), "zeros", trainable=False, name="seen")

        def call(self, inputs, training=False):
            self.seen.assign(self.seen + 1.0)
            self.add_loss(0.1 * (self.w**2).sum())
            return jax.numpy.einsum("bi,io->bo", inputs, self.w)

    inputs = fk.Input((6,))
    trainer = fk.Model(inputs, Mine()(fk.nn.Dense(4, activation=lambda x: x * 2)(inputs))).compile("sgd", "mse")
    state = trainer.init(0)
    theirs = fk.to_keras(trainer, state)
    assert type(theirs.layers[1]) is keras.layers.Dense
    close(theirs(live.X), trainer.predict(state, live.X), 1e-6)
    theirs.train_on_batch(live.X, live.Y)
    state, _ = trainer.train_step(state, (live.X, live.Y))
    close(theirs.get_weights(), trainer.model.get_weights(state.variables), 1e-5)
    again, back = fk.from_keras(theirs)
    assert again.layers[2] == trainer.model.layers[2]
    close(jax.tree.leaves(back), jax.tree.leaves(state.variables), 1e-5)


@keras_world()
def test_real_keras_writes_and_opens_a_model_with_guests(tmp_path):
    model, x = live.compiled("layers inside")
    model.train_on_batch(x, live.Y)
    trainer, state = fk.trainer_from_keras(model)
    trainer.save(tmp_path / "run.keras", state)
    trainer.model.save(tmp_path / "model.keras", state.variables)
    with keras.saving.custom_object_scope({"Block": live.Block}):
        opened = keras.saving.load_model(tmp_path / "run.keras")
        close(keras.saving.load_model(tmp_path / "model.keras")(x), model(x), 1e-6)
    assert int(opened.optimizer.iterations) == 1
    close(opened(x), model(x), 1e-6)
    with pytest.raises(ValueError, match=r"fk\.to_keras\(model, variables\)\.save_weights"):
        trainer.model.save_weights(tmp_path / "m.weights.h5", state)
    with pytest.warns(UserWarning, match=r"The trainer's model cannot be written"):
        trainer.save(tmp_path / "run", state)
    further, read = fk.load_trainer(tmp_path / "run", model=fk.from_keras(model)[0])
    close(further.predict(read, x), model(x), 1e-6)
    close(jax.tree.leaves(read.opt_state), jax.tree.leaves(state.opt_state), 0)


def words(error, function, *args, **kwargs):
    with keras_world(), pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_what_cannot_be_is_said_in_words(monkeypatch):
    class Gan(keras.Model):
        def train_step(self, data):
            return {}

    class Sealed(keras.layers.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(**kwargs)
            self.function = function

        def call(self, inputs):
            return self.function(inputs)

    with keras_world():
        plain = live.row(live.head())
        gan = Gan(plain.input, plain.output)
        gan.compile("sgd", "mse")
        sealed = live.row(Sealed(lambda x: x), live.head())
    assert "keras_model(x[:1])" in words(ValueError, fk.from_keras, keras.Sequential([keras.layers.Dense(2)]))
    assert "fkeras's already" in words(TypeError, fk.from_keras, fk.nn.Dense(2))
    assert "keras_model.compile" in words(ValueError, fk.trainer_from_keras, plain)
    assert "a train_step of its own" in words(ValueError, fk.trainer_from_keras, gan)
    model, variables = fk.from_keras(sealed)
    assert "into=keras_model" in words(TypeError, fk.to_keras, model, variables)
    assert "which is not pickled" in words(TypeError, __import__("pickle").dumps, model)
    assert "missing" in words(ValueError, fk.to_keras, model, variables, into=live.row(live.head("other"), live.head()))
    with keras_world():
        assert fk.to_keras(model, jax.tree.map(lambda x: x * 0, variables), into=sealed) is sealed
        assert not np.any(sealed(live.X))
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert "KERAS_BACKEND=jax" in words(RuntimeError, fk.from_keras, plain)
    monkeypatch.setitem(__import__("sys").modules, "keras", None)
    assert "pip install keras" in words(ImportError, fk.from_keras, plain)
