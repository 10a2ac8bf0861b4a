"""Files that Keras 1, 2 and 3 wrote in HDF5: what real Keras computed of each is recorded beside it."""

import contextlib
import json
import os
import pathlib
import zipfile

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world
from .old_files import check_zoo
from .old_files.pick import PICKED, ZIPPED

GOLDENS = pathlib.Path(__file__).parent / "old_files" / "goldens"
# Of these the others say as much in a second less; all are run by `make test-all`.
LONG = [
    "tutorials_2_13-backend_functions",
    "tutorials_tf_1-images",
    "keras_1_2-bidirectional",
    "keras_2_13-normalized",
    "keras_3-bidirectional",
    "keras_2_13-functions",
]
CASES = [
    (version, name)
    for version, names in PICKED.items()
    for name in names
    if f"{version}-{name}" not in LONG or os.environ.get("FKERAS_TEST") == "all"
]


WARNED = {"added_loss_and_metric": "The metrics size .* are left out"}


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
    warned = pytest.warns(UserWarning, match=WARNED[name]) if name in WARNED else contextlib.nullcontext()
    with warned:
        model, variables = fk.load_model(goldens / version / f"{name}.h5", custom_objects=check_zoo.OWN)
    apply = jax.jit(lambda variables, x: model.apply(variables, x, mutable=["recurrent_state"])[0])
    y = apply(variables, check_zoo.given(model, check_zoo.numbers(numbers, "x")))
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


def test_losses_of_tensors_train_as_they_did(goldens):
    place = goldens / "tutorials_2_13"
    numbers = dict(np.load(place / "vae.npz"))
    trainer, state = fk.load_trainer(place / "vae.h5", custom_objects=check_zoo.OWN)
    state, logs = trainer.train_step(state, (numbers["x0"],))
    assert logs["loss"] > 0
    assert np.abs(trainer.model.apply(state.variables, numbers["x0"]) - numbers["z0"]).max() <= 1e-5
    assert trainer.model.output_names == ["dense_1"]


def test_names_with_slashes_are_those_of_keras_3(goldens):
    place = goldens / "tutorials_2_13"
    model, variables = fk.load_model(place / "slashed_names.h5")
    assert "expanded_conv_depthwise_BatchNorm" in variables["params"]
    blank = jax.tree.map(np.zeros_like, variables)
    loaded = model.load_weights(place / "slashed_names.h5", blank, by_name=True)
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (loaded, variables)), strict=True))
    trainer, _ = fk.load_trainer(place / "slashed_names.h5")
    assert list(trainer.loss) == ["head_out"]


def test_the_input_of_a_sequential_is_told_by_its_weights(goldens, tmp_path):
    source = goldens / "keras_2_2" / "embedding_lstm.h5"
    numbers = dict(np.load(source.with_suffix(".npz")))
    (tmp_path / "m.h5").write_bytes(source.read_bytes())
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layers = config["config"]["layers"]
        for layer in layers:
            layer["config"].pop("batch_input_shape", None)
        config["config"].pop("build_input_shape", None)
        file.attrs["model_config"] = json.dumps(config)
    model, variables = fk.load_model(tmp_path / "m.h5")
    assert np.abs(model.apply(variables, numbers["x0"]) - numbers["y0"]).max() <= 1e-5
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        layers.insert(0, {"class_name": "Flatten", "config": {"name": "flat"}})
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match=r"(?s)without input_shape=.*fk.Input\(input_shape\)"):
        fk.load_model(tmp_path / "m.h5")


def test_old_names_of_compile_are_read(goldens):
    with pytest.warns(UserWarning, match="RMSprop goes on with Keras 3's steps"):
        trainer, state = fk.load_trainer(goldens / "keras_2_2" / "trained_outputs.h5")
    assert trainer.optimizer == fk.optimizers.RMSprop(trainer.optimizer.learning_rate, rho=trainer.optimizer.rho)
    assert list(trainer.loss) == ["one", "two"]
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


def branching():
    """Layers whose order in Keras is neither that of their names nor that in which they are called here."""
    x = fk.Input((3,))
    deep = fk.nn.Dense(4, name="b2")(fk.nn.Dense(4, name="b1")(x))
    both = fk.nn.Add()([fk.nn.Dense(4, name="a_shallow")(x), deep])
    inner = fk.Sequential([fk.Input((4,)), fk.nn.BatchNormalization(), fk.nn.Dense(2)], name="inner")
    return fk.Model(x, inner(both))


def test_real_keras_opens_what_is_written(tmp_path):
    trainer = branching().compile(fk.optimizers.SGD(0.1, momentum=0.9), "mse", metrics=["mae"])
    x, state = np.ones((4, 3), "float32"), trainer.init(0)
    state = state.replace(opt_state=jax.tree.map(lambda leaf: leaf + 1, state.opt_state))
    trainer.save(tmp_path / "m.h5", state)
    again, read = fk.load_trainer(tmp_path / "m.h5")
    assert again == trainer
    kept = [(s.params, s.model_state, s.opt_state) for s in (state, read)]
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, kept), strict=True))
    with keras_world():
        from keras.saving import load_model

        theirs = np.asarray(load_model(tmp_path / "m.h5", compile=False)(x))
    assert np.abs(theirs - trainer.model.apply(state.variables, x)).max() <= 1e-5


def test_layers_are_loaded_by_their_names(tmp_path):
    model = branching()
    variables = model.init(jax.random.key(0))
    model.save(tmp_path / "m.hdf5", variables)
    other = fk.Sequential([fk.Input((3,)), fk.nn.Dense(4, name="b1"), fk.nn.Dense(9, name="head")])
    blank = jax.tree.map(np.zeros_like, other.init(jax.random.key(1)))
    loaded, report = other.load_weights(tmp_path / "m.hdf5", blank, by_name=True, report=True)
    assert np.array_equal(loaded["params"]["b1"]["kernel"], variables["params"]["b1"]["kernel"])
    assert not loaded["params"]["head"]["kernel"].any()
    assert len(report.loaded) == 2
    with pytest.raises(ValueError, match="has weights for 4 layers, and the model has 2"):
        other.load_weights(tmp_path / "m.hdf5", blank)
    with pytest.raises(ValueError, match="an order of layers and no paths"):
        other.load_weights(tmp_path / "m.hdf5", blank, rename={"a": "b"})
    wide = fk.Sequential([fk.Input((3,)), fk.nn.Dense(5, name="b1")])
    blank = jax.tree.map(np.zeros_like, wide.init(jax.random.key(1)))
    with pytest.raises(ValueError, match=r"mismatched +params/b1/kernel"):
        wide.load_weights(tmp_path / "m.hdf5", blank, by_name=True)
    with pytest.warns(UserWarning, match="Kept as given: params/b1"):
        kept = wide.load_weights(tmp_path / "m.hdf5", blank, skip_mismatch=True, by_name=True)
    assert not kept["params"]["b1"]["kernel"].any()


def test_what_is_no_model_is_named(tmp_path):
    def said(name, content=None):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            fk.load_model(tmp_path / name)
        return str(error.value)

    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    assert "a TensorFlow SavedModel" in said("saved")
    (tmp_path / "ckpt.index").write_bytes(b"x")
    assert "a TensorFlow checkpoint" in said("ckpt")
    assert "a TensorFlow checkpoint" in said("ckpt.index")
    assert "a Python pickle" in said("m.h5", b"\x80\x04\x95abc")
    assert "is text, and no model" in said("m.h5", b"<html>not found</html>")
    assert "is text, and no model" in said("m.keras", b"version https://git-lfs.github.com/spec/v1")
    assert "There is no file" in said("none.h5")
    assert "a TensorFlow Lite model" in said("m.tflite", b"\x1c\0\0\0TFL3\0\0")
    assert "an ONNX model" in said("m.onnx", b"\x08\x07\x12\x07pytorch")
    assert "a compressed file" in said("m.tar.gz", b"\x1f\x8b\x08\0")
    assert "a description of a model in YAML" in said("m.yaml", b"class_name: Sequential\nconfig: []\n")
    assert "fk.model_from_json(open(" in said("m.json", b"{}")
    assert "holds weights, and no description" in said("m.weights.json", b"{}")
    np.savez(tmp_path / "m.npz", x=1)
    assert "an archive of NumPy arrays" in said("m.npz")
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert "safetensors.torch.save_file" in said("m.pt")
    fk.utils.FeatureSpace({"age": "float"}).save(tmp_path / "space.keras")
    assert "fk.utils.FeatureSpace.load(" in said("space.keras")
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text('{"model_type": "gpt2"}')
    assert "fk.applications.load_pretrained(" in said("gpt2")
    model = branching()
    model.save(tmp_path / "zip.keras", model.init(jax.random.key(0)))
    (tmp_path / "zip.keras").rename(tmp_path / "zip.h5")
    assert fk.load_model(tmp_path / "zip.h5")[0] == model
    model.save(tmp_path / "old.h5", model.init(jax.random.key(0)))
    (tmp_path / "old.h5").rename(tmp_path / "old.keras")
    assert fk.load_model(tmp_path / "old.keras")[0] == model
    with pytest.raises(ValueError, match="for weights alone"):
        model.save(tmp_path / "m.weights.h5", model.init(jax.random.key(0)))


@pytest.mark.parametrize("harm", ["soft", "external", "number", "twice", "missing", "large"])
def test_files_made_to_harm_are_refused(tmp_path, harm):
    model, path = branching(), tmp_path / "m.h5"
    model.save(path, model.init(jax.random.key(0)))
    with h5py.File(path, "r+") as file:
        weights = file["model_weights"]
        if harm == "soft":
            weights["b1"]["more"] = h5py.SoftLink("/model_weights/b2")
        elif harm == "external":
            weights["b1"]["more"] = h5py.ExternalLink("/etc/passwd", "x")
        elif harm == "number":
            file.attrs["model_config"] = 3.0
        elif harm == "twice":
            weights["b1"].attrs["weight_names"] = [weights["b1"].attrs["weight_names"][0]] * 2
        elif harm == "missing":
            weights.attrs["layer_names"] = [*weights.attrs["layer_names"], b"nobody"]
        else:
            del weights["b1/b1/kernel"]
            weights.create_dataset("b1/b1/kernel", (1 << 20, 1 << 12), "float32", chunks=(1 << 10, 1 << 10))
    with pytest.raises(ValueError, match="Usually"):
        fk.load_model(path)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_weights_of_cudnns_layers_are_converted_as_keras_did(tmp_path, kind):
    recorded = dict(np.load(GOLDENS / "cudnn.npz"))
    model = fk.Sequential([fk.Input((4, 2)), getattr(fk.nn, kind)(3, name="layer")])
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = [b"layer"], b"2.2.4"
        group = file.create_group("layer")
        group.attrs["weight_names"] = [b"kernel:0", b"recurrent_kernel:0", b"bias:0"]
        for i, name in enumerate(group.attrs["weight_names"]):
            group[name] = recorded[f"{kind}w{i}"]
    blank = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), model.abstract_variables())
    loaded = model.load_weights(tmp_path / "w.h5", blank)["params"]["layer"]
    for i, name in enumerate(("kernel", "recurrent_kernel", "bias")):
        assert np.allclose(loaded[name], recorded[f"{kind}c{i}"])
