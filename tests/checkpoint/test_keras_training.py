"""Runs travel both ways: what real Keras began fkeras goes on with, and the other way round, to the same weights."""

import io
import os
import zipfile

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
rng = np.random.default_rng(0)
X = rng.normal(size=(8, 4)).astype("float32")
Y = rng.normal(size=(8, 2)).astype("float32")
FIT = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}

# Each compiles four training programs, so most run at night; these have a state of every form.
DAILY = ("momentum", "ema", "accumulate", "schedule", "rmsprop", "nadam", "adafactor", "scale")


def optimizers(lib):
    o = lib.optimizers
    return {
        "momentum": lambda: o.SGD(0.05, momentum=0.9, nesterov=True),
        "ema": lambda: o.Adam(0.01, amsgrad=True, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
        "accumulate": lambda: o.AdamW(0.01, gradient_accumulation_steps=2),
        "schedule": lambda: o.Lion(o.schedules.ExponentialDecay(0.05, 3, 0.8)),
        "rmsprop": lambda: o.RMSprop(0.01, momentum=0.9, centered=True),
        "nadam": lambda: o.Nadam(0.01),
        "adafactor": lambda: o.Adafactor(0.01),
        "scale": lambda: o.LossScaleOptimizer(o.Adam(0.01), initial_scale=4.0, dynamic_growth_steps=3),
        "sgd": lambda: o.SGD(0.05),
        "adamax": lambda: o.Adamax(0.01),
        "adagrad": lambda: o.Adagrad(0.05),
        "adadelta": lambda: o.Adadelta(1.0),
        "lamb": lambda: o.Lamb(0.01),
        "ftrl": lambda: o.Ftrl(0.05),
        "muon": lambda: o.Muon(0.01),
        "schedule_free": lambda: o.ScheduleFreeAdamW(0.01),
    }


def network(lib, layers):
    inputs = lib.Input((4,), name="i")
    x = layers.BatchNormalization(name="norm")(layers.Dense(5, activation="tanh", name="first")(inputs))
    x = layers.Dense(5, name="rests", trainable=False)(x)
    return lib.Model(inputs, layers.Dense(2, name="last")(x))


NAMES = {
    "kernel": "kernel", "bias": "bias", "gamma": "scale", "beta": "bias",
    "moving_mean": "mean", "moving_variance": "var",
}  # fmt: skip


def same_weights(theirs, variables):
    """Each of Keras's weights, found by its path."""
    ours = {}
    for tree in variables.values():
        for layer, weights in tree.items():
            ours.update({f"{layer}/{name}": value for name, value in weights.items()})
    assert len(ours) == len(theirs.weights)
    for weight in theirs.weights:
        layer, name = weight.path.split("/")
        # float32 rounding of two compilers' programs over four steps: 4e-7 measured at most
        np.testing.assert_allclose(ours[f"{layer}/{NAMES[name]}"], weight.value, atol=1e-5, err_msg=weight.path)


def trained_by_keras(optimizer):
    with jax.numpy_rank_promotion("allow"):
        model = network(keras, keras.layers)
        model.compile(optimizer, "mse", metrics=["mae"])
        model.fit(X, Y, **FIT)
    return model


def cases():
    chosen = optimizers(fk) if os.environ.get("FKERAS_TEST") == "all" else DAILY
    return pytest.mark.parametrize("name", list(chosen))


@pytest.mark.sweep(2)
@cases()
def test_fkeras_goes_on_with_what_keras_began(name, tmp_path):
    theirs = trained_by_keras(optimizers(keras)[name]())
    theirs.save(tmp_path / "m.keras")
    trainer, state = fk.load_trainer(tmp_path / "m.keras")
    assert type(trainer.optimizer).__name__ == type(theirs.optimizer).__name__
    assert trainer.metrics == ["mae"]
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    with jax.numpy_rank_promotion("allow"):
        theirs.fit(X, Y, **FIT)
    state, _ = trainer.fit(state, X, Y, **FIT)
    assert int(state.step) == 8
    same_weights(theirs, state.variables)


@pytest.mark.sweep(2, 1)
@cases()
def test_keras_goes_on_with_what_fkeras_began(name, tmp_path):
    trainer = network(fk, fk.nn).compile(optimizers(fk)[name](), "mse", metrics=["mae"])
    state, _ = trainer.fit(trainer.init(0), X, Y, **FIT)
    trainer.save(tmp_path / "m.keras", state)
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    with jax.numpy_rank_promotion("allow"):
        theirs.fit(X, Y, **FIT)
    again, restored = fk.load_trainer(tmp_path / "m.keras")
    assert again.get_config() == trainer.get_config()
    kept = ("step", "params", "model_state", "opt_state")
    for part in kept:
        jax.tree.map(np.testing.assert_array_equal, getattr(restored, part), getattr(state, part))
    assert np.array_equal(jax.random.key_data(restored.rng), jax.random.key_data(state.rng))
    state, _ = trainer.fit(state, X, Y, **FIT)
    same_weights(theirs, state.variables)


def test_a_run_that_never_began(tmp_path):
    model = network(keras, keras.layers)
    model.compile(keras.optimizers.Adam(0.25), "mse")
    model.save(tmp_path / "m.keras")
    trainer, state = fk.load_trainer(tmp_path / "m.keras")
    assert int(state.step) == 0
    assert float(trainer.get_learning_rate(state)) == 0.25
    same_weights(model, state.variables)


def test_a_model_that_was_never_compiled(tmp_path):
    model = network(fk, fk.nn)
    model.save(tmp_path / "m.keras", model.init(jax.random.key(0)))
    with pytest.raises(ValueError, match=r"never compiled[\s\S]*fk.load_trainer\(path, optimizer=\"adam\", loss"):
        fk.load_trainer(tmp_path / "m.keras")
    trainer, state = fk.load_trainer(tmp_path / "m.keras", optimizer="adam", loss="mse")
    trainer.fit(state, X, Y, **FIT)


def test_what_a_keras_file_cannot_hold(tmp_path):
    import optax

    model = network(fk, fk.nn)
    trainer = model.compile(optax.adam(1e-3), "mse")
    with pytest.raises(ValueError, match=r"cannot hold this trainer's optimizer[\s\S]*an Orbax directory"):
        trainer.save(tmp_path / "m.keras", trainer.init(0))
    rules = fk.optimizers.get({"first/.*": "adam", ".*": "sgd"})
    trainer = model.compile(rules, "mse")
    with pytest.raises(ValueError, match=r"cannot hold the state of a ByPath"):
        trainer.save(tmp_path / "m.keras", trainer.init(0))
    trainer = model.compile(fk.optimizers.Adam(gradient_accumulation_steps=4), "mse")
    state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match=r"between two moves of gradient accumulation"):
        trainer.save(tmp_path / "m.keras", state)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")  # what Keras says of it
def test_bytecode_in_a_compile_config_is_refused(tmp_path):
    model = network(keras, keras.layers)
    model.compile("adam", loss=lambda y_true, y_pred: keras.ops.mean(y_pred))
    model.save(tmp_path / "m.keras")
    for load in (fk.load_model, fk.load_trainer):
        with pytest.raises(ValueError, match=r"holds a lambda's bytecode, which is never run"):
            load(tmp_path / "m.keras")
    fk.load_model(tmp_path / "m.keras", compile=False)
    trainer, _ = fk.load_trainer(tmp_path / "m.keras", loss="mse")
    assert type(trainer.optimizer).__name__ == "Adam"


def test_optimizer_variables_that_do_not_fit_are_listed(tmp_path):
    trainer = network(fk, fk.nn).compile("adam", "mse")
    trainer.save(tmp_path / "m.keras", trainer.init(0))
    with zipfile.ZipFile(tmp_path / "m.keras") as old:
        members = {name: old.read(name) for name in old.namelist()}
    file = io.BytesIO(members["model.weights.h5"])
    with h5py.File(file, "r+") as h5:
        del h5["optimizer/vars/3"]
        h5["optimizer/vars/99"] = np.zeros(3)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
        for name, data in {**members, "model.weights.h5": file.getvalue()}.items():
            new.writestr(name, data)
    with pytest.raises(ValueError, match=r"The optimizer's state in .* does not fit: 2 arrays differ") as caught:
        fk.load_trainer(tmp_path / "m.keras")
    assert "missing     optimizer/vars/3 float32(4, 5)" in str(caught.value)
    assert "unexpected  optimizer/vars/99 float64(3,)" in str(caught.value)
    fk.load_model(tmp_path / "m.keras")
