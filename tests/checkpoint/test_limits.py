"""Configs made to fill memory or time are refused before a layer is built."""

import json
import tracemalloc
import zipfile

import jax
import numpy as np
import pytest

import fkeras as fk


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])
    path = tmp_path_factory.mktemp("good") / "m.keras"
    model.save(path, model.init(jax.random.key(0)))
    return path


def with_config(good, path, change):
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                data = json.dumps(change(config) or config)
            new.writestr(name, data)


def layer(class_name, **config):
    def change(whole):
        entry = {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None}
        whole["config"]["layers"].append(entry)

    return change


@pytest.mark.parametrize(
    "change",
    [
        layer("AdaptiveAveragePooling2D", output_size=[1, 10**9]),
        layer("MelSpectrogram", num_mel_bins=10**9),
        layer("MelSpectrogram", fft_length=10**9),
        layer("STFTSpectrogram", frame_length=10**9, fft_length=10**9),
        layer("IntegerLookup", num_oov_indices=10**9),
        layer("ContrastLimitedAdaptiveHistogramEqualization", tile_grid_size=[10**9, 2]),
        lambda c: c["config"]["layers"].extend([c["config"]["layers"][-1]] * 6_000),
        lambda c: c["config"].update(name=[[]] * 600_000),
    ],
)
def test_they_are_refused(good, tmp_path, change):
    with_config(good, tmp_path / "bad.keras", change)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"is larger than any that is read|lists and dicts"):
        fk.load_model(tmp_path / "bad.keras")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 << 20


def lookup(class_name, vocabulary):
    def change(whole):
        entry = {"module": "keras.layers", "class_name": class_name, "config": {"vocabulary": vocabulary}}
        whole["config"]["layers"].append({**entry, "registered_name": None})

    return change


@pytest.mark.parametrize("class_name", ["StringLookup", "TextVectorization"])
def test_text_in_a_config_is_no_path(good, tmp_path, class_name):
    """Whatever form it has: the lines of a local file are never the vocabulary of a model that was loaded."""
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP\nSECRET\n")
    name = str(secret)

    def array(value, dtype, kind="__numpy__"):
        return {"class_name": kind, "config": {"value": value, "dtype": dtype}}

    for value in (
        name, array(name, "str"), array(name, f"<U{len(name)}"), array(name, "object"), array(name, "S99"),
        array(name, "str", "__tensor__"), {"class_name": "__bytes__", "config": {"value": name}}, {"path": name},
        array([[name]], "str"), [array(name, "str")], [[name]], {"class_name": "__slice__", "config": {"start": name}},
        array(array(name, "str"), "str"), name.encode().hex(), 5, True, {},
    ):  # fmt: skip
        with_config(good, tmp_path / "bad.keras", lookup(class_name, value))
        with pytest.raises(ValueError, match=r"bad\.keras"):
            fk.load_model(tmp_path / "bad.keras")
    for value in ([name], array([name], "str"), array([name], "object"), array([name], "string", "__tensor__")):
        config = {"vocabulary": value}
        layer = getattr(fk.nn, class_name).from_config(config)
        assert layer.get_vocabulary()[-1] == name


def test_a_long_text_makes_no_wide_array():
    """numpy keeps all entries as wide as the longest, so a few long ones among many would take gigabytes."""
    entry = {"value": ["x" * 60_000, *map(str, range(100_000))], "dtype": "<U60000"}
    tracemalloc.start()
    found = fk.core.deserialize({"class_name": "__numpy__", "config": entry})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == "x" * 60_000
    assert peak < 50 << 20


def test_a_file_that_is_no_vocabulary_is_still_read_where_code_names_it(tmp_path):
    (tmp_path / "words.txt").write_text("cat\ndog\n")
    assert fk.nn.StringLookup(vocabulary=str(tmp_path / "words.txt")).get_vocabulary() == ["[UNK]", "cat", "dog"]
    with pytest.raises(ValueError, match="`vocabulary` is a list"):
        fk.nn.StringLookup(vocabulary=np.asarray(str(tmp_path / "words.txt")))


def test_a_checkpoint_s_config_too(tmp_path):
    model = fk.Sequential([fk.Input((4, 4, 1)), fk.nn.AdaptiveMaxPooling2D(2)])
    model.save(tmp_path / "m", model.init(jax.random.key(0)))
    manifest = json.loads((tmp_path / "m" / "fkeras.json").read_text())
    del manifest["sha256"]
    manifest["model"]["config"]["layers"][1]["config"]["output_size"] = 10**9
    (tmp_path / "m" / "fkeras.json").write_text(json.dumps({**manifest, "version": 1}))
    with pytest.raises(ValueError, match="output_size=1000000000, where at most 16384"):
        fk.load_model(tmp_path / "m")
