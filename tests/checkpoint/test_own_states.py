"""A subclass of `TrainState` is trained, resumed, saved and loaded with its fields, or refused before that."""

import dataclasses
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
TRAINER = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")


class Pair(NamedTuple):
    a: Any
    b: Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Averaged(fk.TrainState):
    average: Any = None
    tag: str = dataclasses.field(default="", metadata={"static": True})


@flax.struct.dataclass
class ByFlax(fk.TrainState):
    average: Any = None
    tag: str = flax.struct.field(pytree_node=False, default="")


@dataclasses.dataclass(frozen=True)
class Unknown(fk.TrainState):
    average: Any = None


KINDS = [Averaged, ByFlax]
CUSTOM = {"Averaged": Averaged, "ByFlax": ByFlax, "Pair": Pair, "ScaleByAdamState": optax.ScaleByAdamState,
          "EmptyState": optax.EmptyState}  # fmt: skip
PARAMS = TRAINER.init(0).params
AVERAGES = {
    "like the weights": PARAMS,
    "nothing": None,
    "an array": jnp.ones(3, jnp.bfloat16),
    "a number": 0.5,
    "a key": jax.random.key(3, impl="rbg"),
    "containers": Pair(PARAMS, ([jnp.zeros(())], {"x": jnp.ones(2)})),
    "another optimizer's state": optax.adam(1.0).init(PARAMS),
}


def own(cls, **fields):
    state = TRAINER.init(0)
    return cls(**{f.name: getattr(state, f.name) for f in dataclasses.fields(fk.TrainState)}, **fields)


def same(a, b):
    raw = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf  # noqa: E731
    a, b = jax.tree.map(jnp.asarray, a), jax.tree.map(jnp.asarray, b)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and np.array_equal(raw(x), raw(y))
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.mark.parametrize("cls", KINDS)
def test_it_resumes(tmp_path, cls):
    state = own(cls, average=AVERAGES["containers"], tag="mine")
    for epochs in (1, 2):
        resumed, history = TRAINER.fit(state, X, X[:, :1], epochs=epochs, verbose=0, checkpoint=tmp_path / "run")
    straight, _ = TRAINER.fit(TRAINER.init(0), X, X[:, :1], epochs=2, verbose=0)
    assert type(resumed) is cls
    assert resumed.tag == "mine"
    assert len(history.history["loss"]) == 2
    assert same(resumed.average, state.average)
    assert same(resumed.params, straight.params)
    loaded = fk.load_trainer(tmp_path / "run", CUSTOM)[1]
    assert same(loaded, resumed)


@pytest.mark.parametrize("name", AVERAGES)
@pytest.mark.parametrize("cls", KINDS)
def test_it_is_saved_and_loaded(tmp_path, cls, name):
    state = own(cls, average=AVERAGES[name], tag="mine")
    TRAINER.save(tmp_path / "run", state)
    again = fk.load_trainer(tmp_path / "run", CUSTOM)[1]
    assert type(again) is cls
    assert same(again, state)
    assert fk.load_model(tmp_path / "run")[1].keys() == {"params"}


def test_a_trainer_that_makes_it_needs_no_custom_object(tmp_path):
    class Averaging(fk.Trainer):
        def init(self, *args, **kwargs):
            state = super().init(*args, **kwargs)
            return Averaged(
                **{f.name: getattr(state, f.name) for f in dataclasses.fields(state)}, average=Pair(1.0, 2.0)
            )

    trainer = TRAINER.model.compile("adam", "mse", trainer_class=Averaging)
    trainer.save(tmp_path / "run", trainer.init(0).replace(tag="mine"))
    again = fk.load_trainer(tmp_path / "run", trainer_class=Averaging)[1]
    assert (type(again), type(again.average), again.tag) == (Averaged, Pair, "mine")


def test_what_cannot_be_kept_is_refused_before_anything_is_written(tmp_path):
    state = own(Averaged, average=PARAMS)
    with pytest.raises(ValueError, match=r"cannot hold a Averaged[\s\S]*average, tag[\s\S]*an Orbax directory"):
        TRAINER.save(tmp_path / "run.keras", state)
    with pytest.raises(TypeError, match=r"field 'tag' of the state cannot be written"):
        TRAINER.save(tmp_path / "run", own(Averaged, tag=lambda: 0))
    unknown = own(Unknown, average=PARAMS)
    for use in (
        lambda: TRAINER.save(tmp_path / "run", unknown),
        lambda: TRAINER.fit(unknown, X, X[:, :1], verbose=0, checkpoint=tmp_path / "run"),
        lambda: TRAINER.evaluate(unknown, X, X[:, :1], verbose=0),
    ):
        with pytest.raises(TypeError, match=r"no pytree with named parts[\s\S]*register_dataclass\(Unknown\)"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_class_is_what_the_user_says(tmp_path):
    TRAINER.save(tmp_path / "run", own(Averaged, average=Pair(1.0, 2.0)))
    with pytest.raises(ValueError, match=r"saved as a 'Averaged'[\s\S]*custom_objects=\{'Averaged': Averaged\}"):
        fk.load_trainer(tmp_path / "run")
    with pytest.raises(ValueError, match=r"saved as a 'Averaged'[\s\S]*is no TrainState"):
        fk.load_trainer(tmp_path / "run", {"Averaged": dict})
    with pytest.raises(ValueError, match=r"Unknown object 'Pair'"):
        fk.load_trainer(tmp_path / "run", {"Averaged": Averaged})
    with pytest.raises(ValueError, match=r"field 'average', which Averaged does not have"):
        fk.load_trainer(tmp_path / "run", {**CUSTOM, "Averaged": fk.TrainState})


@pytest.mark.parametrize("cls", KINDS)
def test_replace_keeps_the_class(cls):
    state = own(cls, average=PARAMS, tag="mine").replace(step=jnp.int32(3))
    assert (type(state), state.tag, int(state.step)) == (cls, "mine", 3)
    assert type(state.with_variables(state.variables)) is cls
    stepped = TRAINER.train_step(state, (X, X[:, :1]))[0]
    assert (type(stepped), stepped.tag, int(stepped.step)) == (cls, "mine", 4)
