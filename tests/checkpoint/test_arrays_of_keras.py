"""`load_arrays` of Keras's files: the datasets by their paths, and what is refused."""

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk


@pytest.fixture(scope="module")
def model():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, name="body"), fk.nn.Dense(4, name="head")])


@pytest.fixture(scope="module")
def variables(model):
    return model.init(jax.random.key(0))


@pytest.mark.parametrize("suffix", [".weights.h5", ".weights.json", ".keras"])
def test_datasets_of_any_file_by_their_paths(model, variables, tmp_path, suffix):
    place = tmp_path / f"m{suffix}"
    if suffix == ".keras":
        model.save(place, variables)
    else:
        model.save_weights(place, variables, max_shard_size=6e-8 if suffix == ".weights.json" else None)
    found = fk.checkpoint.load_arrays(place, "layers/dense_1/.*")
    assert list(found["layers"]) == ["dense_1"]
    np.testing.assert_array_equal(found["layers"]["dense_1"]["vars"]["0"], variables["params"]["head"]["kernel"])
    assert set(fk.checkpoint.load_arrays(place)["layers"]) == {"dense", "dense_1"}


def test_where_they_lie(model, variables, tmp_path):
    model.save_weights(tmp_path / "m.weights.h5", variables)
    last = jax.sharding.SingleDeviceSharding(jax.devices()[-1])
    found = fk.checkpoint.load_arrays(tmp_path / "m.weights.h5", ".*/0", shardings={".*dense/.*": last})["layers"]
    assert found["dense"]["vars"]["0"].devices() == {jax.devices()[-1]}
    assert found["dense_1"]["vars"]["0"].devices() == {jax.devices()[0]}


def test_what_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        fk.checkpoint.load_arrays(tmp_path / "no.weights.h5")
    with h5py.File(tmp_path / "text.weights.h5", "w") as file:
        file["layers/lookup/vars/0"] = ["a", "b"]
    with pytest.raises(ValueError, match=r"'layers/lookup/vars/0' in .* holds no numbers(.|\n)*dtype object"):
        fk.checkpoint.load_arrays(tmp_path / "text.weights.h5")
    with h5py.File(tmp_path / "link.weights.h5", "w") as file:
        file["vars"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ValueError, match="'vars' is a ExternalLink"):
        fk.checkpoint.load_arrays(tmp_path / "link.weights.h5")
    with pytest.raises(ValueError, match=r"The pattern 'layers/dens/\.\*' matches no array"):
        fk.checkpoint.load_arrays(tmp_path / "text.weights.h5", "layers/dens/.*")
