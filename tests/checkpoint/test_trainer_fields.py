"""What a trainer is comes back: every argument of `compile` and every field of a subclass, or an error names it."""

import dataclasses
import enum
import functools
import json
import zipfile
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

import fkeras as fk
from fkeras.checkpoint._files import _array_schema as array_schema
from fkeras.checkpoint._training._example_input import as_example, example_record

PLACES = ("run", "run.keras")


class Mode(enum.Enum):
    SLOW = 1
    FAST = 2


@dataclasses.dataclass(frozen=True)
class Config:
    depth: int = 1
    inside: Any = None


class Pair(NamedTuple):
    a: Any
    b: Any


def halve(x):
    return x / 2


class Own(fk.Trainer):
    value: Any = None
    made: dict = dataclasses.field(default_factory=dict)


CUSTOM = {"Own": Own, "Mode": Mode, "Config": Config, "Pair": Pair, "halve": halve}


def model(**kwargs):
    inputs = fk.Input((4,))
    return fk.Model(inputs, {"a": fk.nn.Dense(1, name="a", **kwargs)(inputs), "b": fk.nn.Dense(1, name="b")(inputs)})


# A value other than the default for every field of a Trainer; a new field needs a row here.
CHANGED = {
    "optimizer": fk.optimizers.Adam(0.02, use_ema=True),
    "loss": {"a": fk.losses.Huber(0.5), "b": "mae"},
    "loss_weights": {"a": np.float32(0.25), "b": jnp.asarray(0.5)},
    "metrics": {"a": ["mse", fk.metrics.MeanAbsoluteError(name="mine")]},
    "weighted_metrics": {"b": ["mae"]},
    "run_eagerly": True,
    "steps_per_execution": 4,
    "jit_compile": False,
    "auto_scale_loss": False,
    "log": ("grad_norm", "learning_rate"),
    "accumulate_in_step": 2,
}


def comparable(name, trainer):
    config = trainer.get_config_of(name)
    return json.loads(json.dumps(jax.tree.map(lambda v: float(v) if hasattr(v, "dtype") else v, config)))


def test_every_field_has_a_row():
    assert {f.name for f in dataclasses.fields(fk.Trainer) if f.init} == {"model", "distribution", *CHANGED}


@pytest.mark.parametrize("place", PLACES)
def test_the_devices_of_a_machine_are_not_saved(tmp_path, place):
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}).distribute(2, "fsdp")
    trainer.save(tmp_path / place, trainer.init(0))
    again, state = fk.load_trainer(tmp_path / place)
    assert again.distribution is None
    assert jax.tree.map(np.asarray, again.predict(state, np.ones((2, 4), "float32")))["a"].shape == (2, 1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_field_comes_back(tmp_path, name, place):
    default = model().compile("sgd", {"a": "mse", "b": "mse"})
    trainer = default.replace(**{name: CHANGED[name]})
    assert comparable(name, trainer) != comparable(name, default)
    trainer.save(tmp_path / place, trainer.init(0))
    again, _ = fk.load_trainer(tmp_path / place)
    assert type(getattr(again, name)) is type(getattr(trainer, name))
    for field in CHANGED:
        assert comparable(field, again) == comparable(field, trainer)


@pytest.mark.parametrize("place", PLACES)
def test_a_loss_that_is_not_scaled_stays_so(tmp_path, place):
    trainer = model(dtype="mixed_float16").compile("sgd", {"a": "mse", "b": "mse"}, auto_scale_loss=False)
    trainer.save(tmp_path / place, trainer.init(0))
    assert fk.load_trainer(tmp_path / place)[0].optimizer == trainer.optimizer


VALUES = {
    "float": 0.1,
    "infinity": float("inf"),
    "tuple": (1, ("a", [2.5, None])),
    "dict": {2: "b", "a": {"deep": (1,)}},
    "sets": [{1, 2}, frozenset({"a"})],
    "bytes": b"\0\1",
    "numpy": np.arange(3, dtype="int64"),
    "scalar": np.float32(0.1),
    "bfloat16": jnp.arange(4, dtype=jnp.bfloat16),
    "key": jax.random.key(3, impl="rbg"),
    "dtype": np.dtype("float16"),
    "enum": Mode.FAST,
    "record": Config(2, (1, Config(inside=Pair(1, [2])))),
    "a function of one's own": halve,
    "a function of the library": fk.nn.activations.relu,
    "loss": fk.losses.Huber(0.5),
    "schedule": fk.optimizers.schedules.CosineDecay(0.1, 10),
    "optimizer": fk.optimizers.Adam(0.1),
    "layer": fk.nn.Dense(3, activation="relu"),
    "a teacher and its weights": (model(), model().init(jax.random.key(1))),
}


def same(a, b):
    if isinstance(a, np.ndarray | jax.Array):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if type(a) in (list, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("place", PLACES)
def test_fields_of_one_s_own_come_back(tmp_path, place):
    # all in one file: what is tried is each value
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}, trainer_class=Own, value=VALUES, made={"mine": 1})
    trainer.save(tmp_path / place, trainer.init(0))
    for choice in ({"custom_objects": CUSTOM}, {"custom_objects": {**CUSTOM, "Own": None}, "trainer_class": Own}):
        again, _ = fk.load_trainer(tmp_path / place, **choice)
        assert type(again) is Own
        assert again.made == {"mine": 1}
        assert [name for name in VALUES if not same(VALUES[name], again.value[name])] == []


def test_large_arrays_are_kept_beside_a_directory_s_manifest(tmp_path):
    value = (jnp.ones((200, 100)), np.ones((200, 100), "float32"))
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}, trainer_class=Own, value=value)
    trainer.save(tmp_path / "run", trainer.init(0))
    assert (tmp_path / "run" / "fkeras.json").stat().st_size < 40_000
    assert same(fk.load_trainer(tmp_path / "run", CUSTOM)[0].value, value)
    with pytest.raises(ValueError, match=r"cannot hold this trainer's value[\s\S]*an array of 80,000 bytes"):
        trainer.save(tmp_path / "run.keras", trainer.init(0))


@pytest.mark.parametrize("value", [lambda x: x, object(), functools.partial(halve), Config, fk.Trainer])
def test_a_field_that_cannot_be_written_is_named(tmp_path, value):
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}, trainer_class=Own, value=value)
    with pytest.warns(UserWarning, match=r"trainer's value cannot be written[\s\S]*load_trainer\(path, value=...\)"):
        trainer.save(tmp_path / "run", trainer.init(0))
    with pytest.raises(ValueError, match=r"parts that have no config: value"):
        fk.load_trainer(tmp_path / "run", CUSTOM)
    assert fk.load_trainer(tmp_path / "run", CUSTOM, value=value)[0].value is value
    with pytest.raises(ValueError, match=r"cannot hold this trainer's value"):
        trainer.save(tmp_path / "run.keras", trainer.init(0))
    assert not (tmp_path / "run.keras").exists()


@pytest.mark.parametrize("place", PLACES)
def test_classes_and_parts_are_what_the_user_says(tmp_path, place):
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}, trainer_class=Own, value=Mode.FAST)
    trainer.save(tmp_path / place, trainer.init(0))

    class Later(fk.Trainer):
        """The class without its fields."""

    with pytest.raises(ValueError, match=r"saved by 'Own'[\s\S]*custom_objects=\{'Own': Own\}, or trainer_class=Own"):
        fk.load_trainer(tmp_path / place)
    with pytest.raises(ValueError, match=r"is no Trainer"):
        fk.load_trainer(tmp_path / place, {"Own": Config})
    with pytest.raises(ValueError, match=r"field 'value' cannot be made again[\s\S]*Unknown object 'Mode'"):
        fk.load_trainer(tmp_path / place, {"Own": Own})
    with pytest.raises(TypeError, match=r"got 'optimiser', which a Own does not have[\s\S]*Did you mean 'optimizer'"):
        fk.load_trainer(tmp_path / place, CUSTOM, optimiser="adam")
    with pytest.warns(UserWarning, match=r"fields that a Later does not have[\s\S]*value, made"):
        again, _ = fk.load_trainer(tmp_path / place, trainer_class=Later)
    assert type(again) is Later
    assert fk.load_trainer(tmp_path / place, {"Own": Own}, value=3)[0].value == 3


def test_real_keras_opens_what_a_subclass_wrote(tmp_path):
    keras = pytest.importorskip("keras")
    trainer = model().compile("adam", {"a": "mse", "b": "mse"}, loss_weights={"a": np.float32(0.5), "b": 1.0},
                              log=["grad_norm"], auto_scale_loss=False, trainer_class=Own, value=(1, 2))  # fmt: skip
    trainer.save(tmp_path / "run.keras", trainer.init(0))
    theirs = keras.saving.load_model(tmp_path / "run.keras")
    assert theirs.optimizer.__class__.__name__ == "Adam"
    with zipfile.ZipFile(tmp_path / "run.keras") as archive:
        assert json.loads(archive.read("config.json"))["compile_config"]["loss_weights"] == {"a": 0.5, "b": 1.0}


DAMAGE = {
    "class": ({"trainer_class": [1]}, r"'fkeras/trainer_class' is a list, and has to be a text"),
    "fields": ({"fields": [1]}, r"'fkeras/fields' is a list, and has to be a dict"),
    "value": ({"fields": {"value": {"list": 1, "tuple": 2}}}, r"field 'value' cannot be made again"),
    "kind": ({"fields": {"value": {"pickle": "gASV"}}}, r"A value of an unknown kind: 'pickle'"),
    "dtype": ({"fields": {"value": {"numpy": ["object", [1], "AAAA"]}}}, r"field 'value' cannot be made again"),
    "size": ({"fields": {"value": {"numpy": ["float32", [10**9], "AAAA"]}}}, r"field 'value' cannot be made again"),
    "code": ({"fields": {"value": {"function": {"module": "os", "class_name": "function", "config": "system"}}}},
             r"Unknown object 'system'"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_fields_in_a_file_are_data(tmp_path, name):
    change, says = DAMAGE[name]
    trainer = model().compile("sgd", {"a": "mse", "b": "mse"}, trainer_class=Own)
    trainer.save(tmp_path / "whole.keras", trainer.init(0))
    with zipfile.ZipFile(tmp_path / "whole.keras") as old, zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
        for member in old.namelist():
            said = old.read(member)
            if member == "metadata.json":
                said = json.loads(said)
                said = json.dumps({**said, "fkeras": {**said["fkeras"], **change}})
            new.writestr(member, said)
    with pytest.raises(ValueError, match=says):
        fk.load_trainer(tmp_path / "m.keras", CUSTOM)


@pytest.mark.parametrize(
    "example",
    [
        (jnp.ones((2, 3)), jax.random.key(0)),
        {"shape": jnp.ones(2), "dtype": [jnp.ones((1, 4), "bfloat16"), jnp.ones(3, "int8")]},
        {"dict": {"tuple": [jnp.ones(2)]}},
        ({"tuple": jnp.ones(2)}, [jax.random.split(jax.random.key(0, impl="rbg"), 3)]),
    ],
    ids=["inputs and a key", "names of a record", "names of containers", "nested"],
)
def test_an_example_input_comes_back_from_a_manifest(example):
    structs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), example)
    record = json.loads(json.dumps(example_record(structs)))
    array_schema.example(record, ("example",))
    assert as_example(record) == structs


def test_a_module_of_several_inputs_is_loaded_with_its_run(tmp_path):
    class Noisy(linen.Module):
        @linen.compact
        def __call__(self, x, key):
            return linen.Dense(3)(x + jax.random.normal(key, x.shape))

    class Own(fk.Trainer):
        def compute_loss(self, params, state, batch, rng):
            return jnp.mean(self.model.apply({"params": params}, batch[0], state.rng) ** 2)

    x = np.ones((4, 3), "float32")
    trainer = Own(Noisy(), optax.adam(1e-3))
    state, _ = trainer.fit(trainer.init(0, (x, jax.random.key(0))), x, verbose=0)
    trainer.save(tmp_path / "run", state)
    again, loaded = fk.load_trainer(tmp_path / "run", model=Noisy(), optimizer=optax.adam(1e-3), trainer_class=Own)
    assert again.evaluate(loaded, x) == trainer.evaluate(state, x)
    assert loaded.example_spec == state.example_spec
