"""Configs made to fill memory or time are refused before a layer is built."""

import json
import tracemalloc
import zipfile

import jax
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


def test_a_checkpoint_s_config_too(tmp_path):
    model = fk.Sequential([fk.Input((4, 4, 1)), fk.nn.AdaptiveMaxPooling2D(2)])
    model.save(tmp_path / "m", model.init(jax.random.key(0)))
    manifest = json.loads((tmp_path / "m" / "fkeras.json").read_text())
    del manifest["sha256"]
    manifest["model"]["config"]["layers"][1]["config"]["output_size"] = 10**9
    (tmp_path / "m" / "fkeras.json").write_text(json.dumps({**manifest, "version": 1}))
    with pytest.raises(ValueError, match="output_size=1000000000, where at most 16384"):
        fk.load_model(tmp_path / "m")
