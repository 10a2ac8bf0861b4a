"""What could not be read again is not written."""

import jax
import pytest

import fkeras as fk


@pytest.mark.parametrize("name", ["model", "model.keras"])
def test_a_model_beyond_the_readers_bounds_is_not_saved(tmp_path, name):
    text = fk.Input((), dtype="string")
    model = fk.Model(text, fk.nn.StringLookup(vocabulary=["a", "b" * 70_000])(text))
    with pytest.raises(ValueError, match=r"could not be read again[\s\S]*70,000 characters, where at most 65,536"):
        model.save(tmp_path / name, {"params": {}})
    assert not list(tmp_path.iterdir())


def test_a_trainer_of_one_is_not_saved(tmp_path):
    inputs = fk.Input((2,))
    model = fk.Model(inputs, fk.nn.Dense(1, name="d" * 70_000)(inputs))
    trainer = model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="could not be read again"):
        trainer.save(tmp_path / "run", trainer.init(0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors"])
def test_weights_beyond_the_readers_bounds_are_not_saved(tmp_path, suffix, monkeypatch):
    from fkeras.checkpoint._keras import _h5
    from fkeras.checkpoint._safetensors import _tensor_file

    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(2), fk.nn.Dense(1)])
    variables = model.init(jax.random.key(0))
    path = tmp_path / f"m{suffix}"
    model.save_weights(path, variables)
    before = path.read_bytes()
    monkeypatch.setattr(_tensor_file, "_MAX_TENSORS", 3)
    monkeypatch.setattr(_h5.WeightsFile.__init__, "__defaults__", (3,))
    with pytest.raises(ValueError, match="could not be read again, so it is not written"):
        model.save_weights(path, variables)
    assert path.read_bytes() == before  # the old file is whole
    assert list(tmp_path.iterdir()) == [path]
