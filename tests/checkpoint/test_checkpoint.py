"""Checkpoints: what was saved comes back to the bit, what does not fit is refused whole, nothing is half written."""

import json
import pathlib
import pickle
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

import fkeras as fk

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = (np.arange(20) % 3).astype("int32")


def model(units=5, name="hidden"):
    inputs = fk.Input((4,))
    x = fk.nn.BatchNormalization()(fk.nn.Dense(units, name=name)(inputs))
    return fk.Model(inputs, fk.nn.Dense(3)(fk.nn.Dropout(0.2)(x)))


def trained(**kwargs):
    defaults = {"optimizer": "adam", "loss": fk.losses.SparseCategoricalCrossentropy(from_logits=True),
                "metrics": ["accuracy"]}  # fmt: skip
    trainer = model().compile(**{**defaults, **kwargs})
    return trainer, trainer.fit(trainer.init(0), X, Y, batch_size=8, verbose=0)[0]


def same(a, b):
    raw = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf  # noqa: E731
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and np.array_equal(raw(x), raw(y))
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def test_a_model_comes_back(tmp_path):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    again, variables = fk.load_model(tmp_path / "m")
    assert again == trainer.model
    assert same(variables, state.variables)


def test_a_model_comes_back_in_a_fresh_process(tmp_path):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    np.save(tmp_path / "x.npy", X)
    code = "import sys, numpy as np, fkeras as fk; m, v = fk.load_model(sys.argv[1]); "
    code += "np.save(sys.argv[3], m.predict(v, np.load(sys.argv[2])))"
    files = [str(tmp_path / n) for n in ("m", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), trainer.model.predict(state.variables, X))


def test_a_run_continues_as_the_same_run(tmp_path):
    trainer, state = trained()
    trainer.save(tmp_path / "run", state)
    again, restored = fk.load_trainer(tmp_path / "run")
    assert same(restored, state)
    assert again.get_config() == trainer.get_config()
    one, _ = trainer.fit(state, X, Y, batch_size=8, verbose=0)
    two, _ = again.fit(restored, X, Y, batch_size=8, verbose=0)
    assert same(one, two)
    _, variables = fk.load_model(tmp_path / "run")
    assert same(variables, state.variables)


@pytest.mark.sweep(3)
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion"])
def test_optimizers_come_back(tmp_path, name):
    trainer, state = trained(optimizer=name)
    trainer.save(tmp_path / "run", state)
    assert same(fk.load_trainer(tmp_path / "run")[1], state)


def test_any_optax_transformation_is_given_again(tmp_path):
    chain = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    trainer, state = trained(optimizer=chain)
    trainer.save(tmp_path / "run", state)
    assert same(fk.load_trainer(tmp_path / "run", optimizer=chain)[1], state)


def test_a_plain_linen_module_is_given_again(tmp_path):
    module = linen.Dense(3)
    trainer = fk.Trainer(module, optimizer="adam", loss=fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    state = trainer.init(0, X[:1])
    trainer.save(tmp_path / "run", state)
    with pytest.raises(ValueError, match=r"no model that could be rebuilt[\s\S]*model=model"):
        fk.load_trainer(tmp_path / "run")
    assert same(fk.load_trainer(tmp_path / "run", model=module)[1], state)


class Custom(fk.Model):
    def __init__(self, units=3):
        super().__init__()
        self.dense = fk.nn.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_subclassed_model_comes_back_through_custom_objects(tmp_path):
    trainer = Custom(3).compile("adam", fk.losses.SparseCategoricalCrossentropy(from_logits=True))
    state, _ = trainer.fit(trainer.init(0, X[:1]), X, Y, verbose=0)
    trainer.save(tmp_path / "run", state)
    with pytest.raises(ValueError, match=r"Unknown object 'Custom'"):
        fk.load_trainer(tmp_path / "run")
    again, restored = fk.load_trainer(tmp_path / "run", {"Custom": Custom})
    assert same(restored, state)
    assert again.model.get_config()["units"] == 3


def test_weights_alone(tmp_path):
    trainer, state = trained()
    trainer.model.save_weights(tmp_path / "w", state.variables)
    blank = jax.tree.map(jnp.zeros_like, state.variables)
    assert same(trainer.model.load_weights(tmp_path / "w", blank), state.variables)
    assert not any(leaf.any() for leaf in jax.tree.leaves(blank))


# ------------------------------------------------------------------ strict
def test_every_mismatch_is_listed(tmp_path):
    trainer, state = trained()
    trainer.model.save_weights(tmp_path / "w", state.variables)
    other = model(units=7, name="hiden")
    with pytest.raises(ValueError) as caught:
        other.load_weights(tmp_path / "w", other.init(jax.random.key(0)))
    text = str(caught.value)
    assert "missing     params/hiden/kernel float32(4, 7)   (did you mean 'params/hidden/kernel'?)" in text
    assert "unexpected  params/hidden/bias float32(5,)" in text
    assert "mismatched  params/dense/kernel float32(5, 3) in the file, float32(7, 3) expected" in text
    kept = other.init(jax.random.key(0))
    with pytest.warns(UserWarning, match=r"loaded 1 arrays.*Kept as given: .*hiden/bias.* Of the file.*hidden/kernel"):
        loaded = other.load_weights(tmp_path / "w", kept, skip_mismatch=True)
    assert same(loaded["params"]["hiden"], kept["params"]["hiden"])
    assert same(loaded["params"]["dense"]["bias"], state.params["dense"]["bias"])


def test_changing_one_array_is_caught(tmp_path):
    trainer, state = trained()
    changed = jax.tree.map(lambda a: a, state.variables)
    changed["params"]["hidden"]["kernel"] = changed["params"]["hidden"]["kernel"].at[0, 0].add(1e-6)
    trainer.model.save(tmp_path / "a", state.variables)
    trainer.model.save(tmp_path / "b", changed)
    shutil.copy(tmp_path / "a" / "fkeras.json", tmp_path / "b" / "fkeras.json")
    with pytest.raises(ValueError, match="cannot be read"):
        fk.load_model(tmp_path / "b")
    # a manifest of the first format knows nothing of files, and has no seal
    manifest = json.loads((tmp_path / "a" / "fkeras.json").read_text())
    del manifest["files"], manifest["sha256"]
    (tmp_path / "b" / "fkeras.json").write_text(json.dumps({**manifest, "version": 1}))
    with pytest.raises(ValueError, match=r"'params/hidden/kernel' is not what was saved"):
        fk.load_model(tmp_path / "b")


def test_a_file_that_was_damaged_is_refused_before_it_is_parsed(tmp_path):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    for path in (p for p in sorted((tmp_path / "m" / "arrays").rglob("*")) if p.is_file() and p.stat().st_size):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ValueError, match=r"cannot be read[\s\S]*another SHA-256 than was written"):
            fk.load_model(tmp_path / "m")
        path.write_bytes(whole)
    assert same(fk.load_model(tmp_path / "m")[1], state.variables)


def test_wrong_variables_are_refused_before_anything_is_written(tmp_path):
    trainer, state = trained()
    with pytest.raises(ValueError, match=r"missing     params/hidden/kernel"):
        trainer.model.save(tmp_path / "m", {"params": {"dense": state.params["dense"]}})
    with pytest.raises(ValueError, match=r"needs the model's variables[\s\S]*state.variables"):
        trainer.model.save(tmp_path / "m", state.params)
    with pytest.raises(TypeError, match="needs the state of the run"):
        trainer.save(tmp_path / "m", state.variables)
    assert list(tmp_path.iterdir()) == []


def test_the_pair_that_load_model_returns_says_so(tmp_path):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m.keras", state.variables)
    trainer.model.save(tmp_path / "m", state.variables)
    for place in ("m.keras", "m"):
        pair = fk.load_model(tmp_path / place, safe_mode=True)
        with pytest.raises(AttributeError, match=r"model, variables = fk\.load_model\(path\)[\s\S]*fk\.load_trainer"):
            pair.evaluate(np.ones((2, 4)), np.ones(2))
        model, variables = pair
        assert isinstance(pair, tuple)
        assert pair == (model, variables)
        again = pickle.loads(pickle.dumps(pair))
        assert (type(again), again[0]) == (type(pair), model)
        assert len(jax.tree.leaves(pair)) == 1 + len(jax.tree.leaves(variables))
    with pytest.raises(TypeError, match=r"model, variables = fk\.load_model"):
        pair["params"]
    with pytest.raises(ValueError, match=r"Code in a file is never run[\s\S]*custom_objects="):
        fk.load_model(tmp_path / "m", safe_mode=False)


class Plain(fk.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = fk.nn.Dense(1)

    def call(self, x):
        return self.dense(x)


def test_a_subclassed_model_is_told_the_verb_that_was_called(tmp_path):
    model, x = Plain(), np.ones((2, 3), "float32")
    variables = model.init(0, x)
    with pytest.raises(ValueError, match=r"Write: +model\.save\(path, variables, x=x\)"):
        model.save(tmp_path / "m.keras", variables)
    with pytest.raises(ValueError, match=r"Write: +model\.save_weights\(path, variables, x=x\)"):
        model.save_weights(tmp_path / "m.weights.h5", variables)
    model.save(tmp_path / "m.keras", variables, x=x)
    with pytest.raises(ValueError, match=r"Unknown object 'Plain'.*custom_objects=\{'Plain': Plain\}") as caught:
        fk.load_model(tmp_path / "m.keras")
    assert len(str(caught.value)) < 800


def test_a_failing_save_leaves_the_old_checkpoint_and_no_rubbish(tmp_path, monkeypatch):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    monkeypatch.setattr(pathlib.Path, "write_text", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        trainer.model.save(tmp_path / "m", jax.tree.map(jnp.zeros_like, state.variables))
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert same(fk.load_model(tmp_path / "m")[1], state.variables)


def test_places(tmp_path):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    with pytest.raises(FileExistsError, match=r"exists[\s\S]*overwrite=True"):
        trainer.model.save(tmp_path / "m", state.variables, overwrite=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text")
    with pytest.raises(FileExistsError, match="is no checkpoint, so it is not overwritten"):
        trainer.model.save(tmp_path / "mine", state.variables)
    with pytest.raises(FileNotFoundError, match=r"There is no checkpoint[\s\S]*wrong path"):
        fk.load_model(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"is a model, not a trainer[\s\S]*fk.load_model"):
        fk.load_trainer(tmp_path / "m")
    with pytest.raises(ValueError, match=r"does not do this with .safetensors"):
        trainer.model.save(tmp_path / "m.safetensors", state.variables)


@pytest.mark.parametrize("damage", ["truncate", "text", "later", "gone"])
def test_a_damaged_checkpoint_is_an_error(tmp_path, damage):
    trainer, state = trained()
    trainer.model.save(tmp_path / "m", state.variables)
    manifest = tmp_path / "m" / "fkeras.json"
    if damage == "truncate":
        manifest.write_text(manifest.read_text()[:100])
    elif damage == "text":
        manifest.write_text('{"format": "other", "version": 1, "arrays": {}}')
    elif damage == "later":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 99}))
    else:
        for path in sorted((tmp_path / "m" / "arrays").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    text = {"truncate": "is damaged", "text": "is no manifest", "later": "format version 99", "gone": "cannot be read"}
    with pytest.raises(ValueError, match=text[damage]):
        fk.load_model(tmp_path / "m")


def test_dtypes_and_empty_arrays_survive(tmp_path):
    half = model().with_dtype_policy("bfloat16")
    variables = half.init(jax.random.key(0))
    half.save(tmp_path / "m", variables)
    assert same(fk.load_model(tmp_path / "m")[1], variables)


@pytest.mark.parametrize("version", [1, 2])
def test_checkpoints_of_every_released_format_open(version):
    # written by the fkeras of that format: a run of four steps, and what it predicted then
    place = pathlib.Path(__file__).parent / "data" / f"format_{version}"
    x = np.arange(12, dtype="float32").reshape(4, 3)
    trainer, state = fk.load_trainer(place)
    assert int(state.step) == 4
    want = [[-2.159595, -1.1230565], [-6.8781967, -3.2566886], [-11.596799, -5.3903203], [-16.3154, -7.5239525]]
    np.testing.assert_allclose(trainer.predict(state, x), want, rtol=1e-6)  # of printed float32 numbers
    model, variables = fk.load_model(place)
    np.testing.assert_array_equal(model.predict(variables, x), trainer.predict(state, x))
