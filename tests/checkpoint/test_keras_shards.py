"""Keras's sharded weights, both ways: `x.weights.json` and the files beside it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")
SMALL = 1e-7  # gigabytes: 107 bytes


def network(lib, layers):
    inputs = lib.Input((4,), name="i")
    x = layers.BatchNormalization(name="norm")(layers.Dense(5, name="body")(inputs))
    return lib.Model(inputs, layers.Dense(5, name="head")(x), name="net")


@pytest.fixture(scope="module")
def model():
    return network(fk, fk.nn)


@pytest.fixture(scope="module")
def variables(model):
    leaves = model.init(jax.random.key(0))
    return jax.tree.map(lambda a: jnp.arange(a.size, dtype=a.dtype).reshape(a.shape) + 0.5, leaves)


def test_shards_of_real_keras_open(model, variables, tmp_path):
    theirs = network(keras, keras.layers)
    for number, weight in enumerate(theirs.weights):
        weight.assign(np.arange(weight.value.size).reshape(weight.shape) + number)
    theirs.save_weights(tmp_path / "k.weights.json", max_shard_size=SMALL)
    assert len(list(tmp_path.glob("k_*.weights.h5"))) > 1
    found = model.load_weights(tmp_path / "k.weights.json", variables)
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(model.predict(found, x), theirs(x), rtol=1e-5)  # float32 sums in another order


def test_real_keras_opens_shards(model, variables, tmp_path):
    model.save_weights(tmp_path / "f.weights.json", variables, max_shard_size=SMALL)
    names = ["f.weights.json", *(f"f_{i:05}.weights.h5" for i in range(4))]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    theirs = network(keras, keras.layers)
    theirs.load_weights(tmp_path / "f.weights.json")
    np.testing.assert_array_equal(theirs.get_layer("head").kernel, variables["params"]["head"]["kernel"])
    np.testing.assert_array_equal(theirs.get_layer("norm").moving_variance, variables["batch_stats"]["norm"]["var"])
    theirs.save_weights(tmp_path / "k.weights.json", max_shard_size=SMALL)
    maps = [json.loads((tmp_path / f"{n}.weights.json").read_text().replace("k_0", "f_0")) for n in "fk"]
    assert maps[0] == maps[1]


def test_fewer_shards_leave_none_of_the_old(model, variables, tmp_path):
    (tmp_path / "f_00002.weights.h5").write_bytes(b"mine")
    model.save_weights(tmp_path / "f.weights.json", variables, max_shard_size=2 * SMALL)
    assert (tmp_path / "f_00002.weights.h5").read_bytes() == b"mine"
    model.save_weights(tmp_path / "f.weights.json", variables, max_shard_size=1)
    names = ["f.weights.json", "f_00000.weights.h5", "f_00002.weights.h5"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    blank = jax.tree.map(jnp.zeros_like, variables)
    loaded = model.load_weights(tmp_path / "f.weights.json", blank)
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded, variables))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(tmp_path / "f.weights.json", variables, max_shard_size=1, overwrite=False)


def test_arguments(model, variables, tmp_path):
    for name, size in (("f.weights.json", None), ("f.weights.h5", 1), ("f.weights.json", 0)):
        with pytest.raises(ValueError, match=r"suffix .weights.json and a positive max_shard_size"):
            model.save_weights(tmp_path / name, variables, max_shard_size=size)
    with pytest.raises(ValueError, match=r"'layers/dense/vars/0' is larger than a shard[\s\S]*80 bytes"):
        model.save_weights(tmp_path / "f.weights.json", variables, max_shard_size=5e-8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: m.update({"/layers/dense/vars": "../../secret.weights.h5"}), "is no file beside it"),
        (lambda m: m.update({"/layers/dense/vars": "/etc/passwd"}), "is no file beside it"),
        (lambda m: m.update({"/layers/dense/vars": "f_00009.weights.h5"}), "is not there"),
        (lambda m: m.update({"/layers/dense/vars": 7}), "is 7, and has to be a file's name"),
        (lambda m: m.update({"/layers/other/vars": m.pop("/layers/dense/vars")}), "which the map does not know"),
        (lambda m: m.pop("/layers/dense_1/vars"), r"missing     params/head/kernel"),  # and its shards with it
    ],
)
def test_a_map_that_was_edited_is_refused(model, variables, tmp_path, change, text):
    path = tmp_path / "f.weights.json"
    model.save_weights(path, variables, max_shard_size=SMALL)
    said = json.loads(path.read_text())
    change(said["weight_map"])
    path.write_text(json.dumps(said))
    with pytest.raises(ValueError, match=text):
        model.load_weights(path, variables)


def test_shards_that_are_missing_or_links_are_refused(model, variables, tmp_path):
    path, shard = tmp_path / "f.weights.json", tmp_path / "f_00001.weights.h5"
    model.save_weights(path, variables, max_shard_size=SMALL)
    shard.rename(tmp_path / "elsewhere.h5")
    with pytest.raises(ValueError, match="is not there"):
        model.load_weights(path, variables)
    shard.symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(ValueError, match="is a link"):
        model.load_weights(path, variables)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        model.load_weights(tmp_path / "nowhere.weights.json", variables)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"f\.weights\.json' is no JSON that can be read"):
        model.load_weights(path, variables)
