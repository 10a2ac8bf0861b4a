"""Keras files, both ways: what real Keras writes is read, what fkeras writes real Keras opens."""

import io
import json
import zipfile

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
TOKENS = np.array([[3, 1, 2, 0], [4, 0, 1, 2], [1, 2, 0, 0]], "int32")


def shared_and_nested(lib, layers):
    inputs = lib.Input((4,), name="i")
    shared = layers.Dense(4, activation="relu", name="shared")
    inner = lib.Sequential([lib.Input((4,), name="j"), layers.Dense(3, name="deep")], name="inner")
    k = lib.Input((3,), name="k")
    last = lib.Model(k, layers.BatchNormalization(name="norm")(k), name="last")
    return lib.Model(inputs, last(inner(shared(shared(inputs)))), name="net")


def recurrent(lib, layers):
    inputs = lib.Input((4,), dtype="int32", name="i")
    x = layers.Embedding(5, 6, mask_zero=True, name="e")(inputs)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True, name="g"), name="b")(x)
    x = layers.MultiHeadAttention(2, 3, name="m")(x, x)
    x = layers.RNN([layers.LSTMCell(4, name="c0"), layers.GRUCell(2, name="c1")], name="r")(x)
    return lib.Model(inputs, layers.Dense(2, dtype="mixed_bfloat16", name="d")(x), name="net")


MODELS = [(shared_and_nested, X), (recurrent, TOKENS)]


def randomised(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        value = rng.normal(size=weight.shape) * 0.5
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    return model


def outputs_of(model, x):
    with jax.numpy_rank_promotion("allow"):
        return np.asarray(model(x, training=False)).astype("float32")


@pytest.mark.parametrize(("describe", "x"), MODELS, ids=lambda v: getattr(v, "__name__", ""))
def test_files_of_real_keras_open(describe, x, tmp_path):
    theirs = randomised(describe(keras, keras.layers))
    theirs.save(tmp_path / "m.keras")
    theirs.save_weights(tmp_path / "m.weights.h5")
    model, variables = fk.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(model.apply(variables, x), outputs_of(theirs, x), atol=1e-5)
    ours = describe(fk, fk.nn)
    assert [(layer.name, type(layer)) for layer in model.layers] == [(la.name, type(la)) for la in ours.layers]
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, ours.init(jax.random.key(0)))
    blank = jax.tree.map(jnp.zeros_like, variables)
    loaded = model.load_weights(tmp_path / "m.weights.h5", blank)
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded, variables))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(blank))


def test_weights_that_keras_adapted_with_lora_open_with_the_change_in_them(tmp_path):
    layers = keras.layers
    theirs = randomised(keras.Sequential([keras.Input((4,)), layers.Dense(3, lora_rank=2), layers.Dense(2)]))
    theirs.save(tmp_path / "m.keras")
    model, variables = fk.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(model.apply(variables, X), outputs_of(theirs, X), atol=1e-5)


@pytest.mark.parametrize(("describe", "x"), MODELS, ids=lambda v: getattr(v, "__name__", ""))
def test_real_keras_opens_what_is_written(describe, x, tmp_path):
    model = describe(fk, fk.nn)
    variables = jax.tree.map(lambda a: a + jnp.asarray(0.25, a.dtype), model.init(jax.random.key(0)))
    model.save(tmp_path / "m.keras", variables)
    model.save_weights(tmp_path / "m.weights.h5", variables)
    want = np.asarray(model.apply(variables, x)).astype("float32")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(outputs_of(theirs, x), want, atol=1e-5)
    other = randomised(describe(keras, keras.layers))
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(outputs_of(other, x), want, atol=1e-5)
    again, restored = fk.load_model(tmp_path / "m.keras")
    assert again == model
    assert jax.tree.all(jax.tree.map(np.array_equal, restored, variables))


def test_bfloat16_weights_come_back_to_the_bit(tmp_path):
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, dtype="bfloat16")])
    variables = model.init(jax.random.key(0))
    model.save(tmp_path / "m.keras", variables)
    _, restored = fk.load_model(tmp_path / "m.keras")
    kernel = restored["params"]["dense"]["kernel"]
    assert kernel.dtype == jnp.bfloat16
    assert np.array_equal(kernel, variables["params"]["dense"]["kernel"])


# ------------------------------------------------------------------ bad input
@pytest.fixture
def saved(tmp_path):
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])
    variables = model.init(jax.random.key(0))
    model.save(tmp_path / "m.keras", variables)
    return model, variables, tmp_path / "m.keras"


def rewrite(path, change):
    """The same zip with `change(members)` applied."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)


def edit_weights(members, edit):
    file = io.BytesIO(members["model.weights.h5"])
    with h5py.File(file, "r+") as h5:
        edit(h5)
    members["model.weights.h5"] = file.getvalue()


def test_mismatches_are_listed_and_nothing_is_loaded(saved):
    _, _, path = saved

    def edit(h5):
        kernel = h5["layers/dense/vars/0"][()]
        del h5["layers/dense/vars/0"], h5["layers/dense/vars/1"]
        h5["layers/dense/vars/0"] = kernel[:, :2]
        h5["layers/dense/vars/7"] = kernel

    rewrite(path, lambda members: edit_weights(members, edit))
    with pytest.raises(ValueError, match="does not fit") as error:
        fk.load_model(path)
    text = str(error.value)
    assert "mismatched  params/dense/kernel float32(4, 2) in the file, float32(4, 3) expected" in text
    assert "missing     params/dense/bias" in text
    assert "unexpected  layers/dense/vars/7" in text


@pytest.mark.parametrize("link", ["soft", "external", "storage"])
def test_weights_outside_the_file_are_refused(saved, link, tmp_path):
    _, _, path = saved
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["secret"] = np.ones((4, 3), "float32")

    def edit(h5):
        del h5["layers/dense/vars/0"]
        if link == "soft":
            h5["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense/vars/1")
        elif link == "external":
            h5["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
        else:
            place = [(str(tmp_path / "raw"), 0, 48)]
            h5.create_dataset("layers/dense/vars/0", (4, 3), "float32", external=place)

    rewrite(path, lambda members: edit_weights(members, edit))
    with pytest.raises(ValueError, match="cannot be read"):
        fk.load_model(path)


def test_names_that_leave_the_archive_are_refused(saved):
    _, _, path = saved
    rewrite(path, lambda members: members.update({"../evil.txt": b"x"}))
    with pytest.raises(ValueError, match=r"leaves the archive"):
        fk.load_model(path)


def test_damaged_archives_are_errors(saved):
    _, _, path = saved
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"no whole .keras file|cannot be read"):
            fk.load_model(path)
    path.write_bytes(b"not a zip at all")
    with pytest.raises(ValueError, match=r"no whole .keras file"):
        fk.load_model(path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        fk.load_model(path.with_name("nowhere.keras"))


def test_a_class_that_is_not_registered_is_never_imported(saved):
    _, _, path = saved

    def change(members):
        config = json.loads(members["config.json"])
        config["config"]["layers"][1].update(module="os", class_name="system", registered_name=None)
        members["config.json"] = json.dumps(config).encode()

    rewrite(path, change)
    with pytest.raises(ValueError, match=r"Unknown object 'system'"):
        fk.load_model(path)


def test_lambda_bytecode_is_refused(tmp_path):
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    theirs.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        fk.load_model(tmp_path / "m.keras")


def test_a_failed_save_leaves_the_old_file(saved, monkeypatch):
    model, variables, path = saved
    before = path.read_bytes()
    wrong = {"params": {"dense": {"kernel": variables["params"]["dense"]["kernel"]}}}
    with pytest.raises(ValueError, match="missing     params/dense/bias"):
        model.save(path, wrong)
    monkeypatch.setattr(h5py, "File", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        model.save(path, variables)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.safetensors"])
def test_reading_weights_compiles_nothing(tmp_path, caplog, name):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(17), fk.nn.Dense(19)])
    variables = model.init(jax.random.key(0))
    save, load = (model.save, fk.load_model) if name == "m.keras" else (model.save_weights, None)
    save(tmp_path / name, variables)
    with jax.log_compiles():
        loaded = load(tmp_path / name)[1] if load else model.load_weights(tmp_path / name, variables)
    assert "XLA compilation" not in caplog.text
    jax.tree.map(np.testing.assert_array_equal, dict(loaded), dict(variables))
