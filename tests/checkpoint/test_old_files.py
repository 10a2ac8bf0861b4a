"""Files that Keras 1, 2 and 3 wrote in HDF5: what real Keras computed of each is recorded beside it."""

import pathlib
import zipfile

import jax
import numpy as np
import pytest

import fkeras as fk

from .old_files import check_zoo
from .old_files.pick import PICKED, ZIPPED

GOLDENS = pathlib.Path(__file__).parent / "old_files" / "goldens"
CASES = [(version, name) for version, names in PICKED.items() for name in names]


@pytest.fixture(scope="module")
def goldens(tmp_path_factory):
    place = tmp_path_factory.mktemp("goldens")
    for path in GOLDENS.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(place / path.stem)
    return place


@pytest.mark.parametrize(("version", "name"), CASES, ids=[f"{v}-{n}" for v, n in CASES])
def test_models_predict_what_the_keras_that_saved_them_did(goldens, version, name):
    numbers = dict(np.load(goldens / version / f"{name}.npz"))
    model, variables = fk.load_model(goldens / version / f"{name}.h5", custom_objects=check_zoo.OWN)
    y = model.apply(variables, check_zoo.given(model, check_zoo.numbers(numbers, "x")), mutable=["recurrent_state"])[0]
    assert check_zoo.worst(check_zoo.listed(y), check_zoo.numbers(numbers, "y")) <= 1e-5


@pytest.mark.parametrize("name", ["frozen", "bidirectional"])
def test_weights_are_loaded_by_the_order_of_layers(goldens, name):
    place = goldens / "keras_2_13"
    model, variables = fk.load_model(place / f"{name}.h5")
    blank = jax.tree.map(np.zeros_like, variables)
    loaded = model.load_weights(place / f"{name}.w.h5", blank)
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (loaded, variables)), strict=True))


def test_a_lambda_is_refused_and_never_run(goldens):
    path = goldens / "keras_2_2" / "lambda_layer.h5"
    with pytest.raises(ValueError, match=r"(?s)bytecode, which fkeras never runs.*custom_objects={'double'"):
        fk.load_model(path)
    model, variables = fk.load_model(path, custom_objects={"double": lambda x: 2 * x})
    assert model.predict(variables, np.ones((2, 4), "float32")).shape == (2, 2)


# Of these the optimizers of the old version and of Keras 3 make the same step from the same state.
TRAINED = [("keras_2_13", "trained_adam"), ("keras_2_13", "trained_schedule"), ("keras_2_13", "trained_objects")]


@pytest.mark.parametrize(("version", "name"), TRAINED, ids=[name for _, name in TRAINED])
def test_training_goes_on_from_the_optimizers_arrays(goldens, version, name):
    numbers = dict(np.load(goldens / version / f"{name}.npz"))
    trainer, state = fk.load_trainer(goldens / version / f"{name}.h5")
    assert int(state.step) == 2
    state, _ = trainer.train_step(state, (numbers["x0"], numbers["t0"]))
    y = trainer.model.apply(state.variables, numbers["x0"])
    assert np.abs(y - numbers["z0"]).max() <= 1e-5


def test_old_names_of_compile_are_read(goldens):
    trainer, state = fk.load_trainer(goldens / "keras_2_2" / "trained_outputs.h5")
    assert trainer.optimizer == fk.optimizers.RMSprop(trainer.optimizer.learning_rate, rho=trainer.optimizer.rho)
    assert trainer.loss == {"one": "mse", "two": "binary_crossentropy"} or list(trainer.loss) == ["one", "two"]
    assert np.abs(state.opt_state.inner[0].nu["body"]["kernel"]).max() > 0
    with pytest.warns(UserWarning, match="Nadam goes on with Keras 3's schedule"):
        fk.load_trainer(goldens / "keras_2_13" / "trained_legacy_nadam.h5")


@pytest.mark.parametrize("name", [name for name in ZIPPED if name in PICKED["keras_2_13"]])
def test_the_zips_of_keras_2_13_hold_the_same(goldens, name):
    place = goldens / "keras_2_13"
    model, variables = fk.load_model(place / f"{name}.h5")
    again, read = fk.load_model(place / f"{name}.keras")
    assert again == model
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (read, variables)), strict=True))


def test_runs_in_the_zips_of_keras_2_13_go_on(goldens):
    _, state = fk.load_trainer(goldens / "keras_2_13" / "trained_adam.h5")
    _, again = fk.load_trainer(goldens / "keras_2_13" / "trained_adam.keras")
    assert all(
        np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (state.opt_state, again.opt_state)), strict=True)
    )
