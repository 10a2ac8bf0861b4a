"""Names of leaves: one for each, whatever the keys, and the tree from the names again."""

import collections
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fkeras as fk
from fkeras.checkpoint._orbax import _write_directory
from fkeras.core._words import _paths

X = np.ones((2, 4), "float32")
keys = st.one_of(st.text(max_size=4), st.sampled_from(["", ".", "..", "/", "%", "%2F", "a/b", "a%2Fb", "\0", "0"]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(st.lists(keys, min_size=1, max_size=4), st.lists(keys, min_size=1, max_size=4))
def test_keys_have_names_of_their_own(one, other):
    assert _paths.split_path(_paths.join_path(one)) == tuple(one)
    assert not {"", ".", ".."} & set(_paths.join_path(one).split("/"))
    assert (_paths.join_path(one) == _paths.join_path(other)) is (one == other)


def grown(part):
    return st.one_of(
        st.dictionaries(keys, part, min_size=1, max_size=3),
        st.dictionaries(st.integers(0, 99), part, min_size=1, max_size=3),
        st.lists(part, min_size=1, max_size=3),
        st.tuples(part, part),
    )


@given(st.recursive(st.just(1), grown, max_leaves=9))
def test_a_tree_is_made_of_its_names(tree):
    tree = {"params": tree}
    assert _paths.nest(_paths.named_leaves(tree), _paths.container_kinds(tree)) == tree


def test_a_part_of_a_list_is_no_list():
    assert _paths.nest({"a/1": 5}, {"a": "list"}) == {"a": {"1": 5}}


def test_two_arrays_of_one_name_are_refused():
    tree = {"params": collections.OrderedDict([(1, np.ones(2)), ("1", np.ones(2))])}
    with pytest.raises(ValueError, match=r"Two arrays are both called 'params/1'"):
        _paths.flatten(tree)


# ------------------------------------------------------------------ files
class Odd(linen.Module):
    @linen.compact
    def __call__(self, x):
        held = self.param("in/out", lambda key: {"50%": jax.random.normal(key, (4,)), "ws": [jnp.ones(4)]})
        return x * held["50%"] * held["ws"][0]


def model_of(module):
    return fk.Sequential([fk.Input((4,)), fk.nn.FlaxLayer(module)])


def test_files_of_before_names_were_escaped_open(tmp_path, monkeypatch):
    model = model_of(Odd())
    variables = model.init(0)
    trainer = fk.Trainer(Odd(), "adam", "mse")
    with monkeypatch.context() as then:
        then.setattr(_write_directory, "flatten", lambda tree: _paths.named_leaves(tree, _paths.plain_path_name))
        then.setattr(
            _write_directory, "named_leaves", lambda tree, name=None: _paths.named_leaves(tree, _paths.plain_path_name)
        )
        seal = _write_directory.seal
        then.setattr(_write_directory, "seal", lambda said: seal({k: v for k, v in said.items() if k != "containers"}))
        model.save_weights(tmp_path / "w", variables)
    assert "params/flax_layer/in/out/50%" in json.loads((tmp_path / "w" / "fkeras.json").read_text())["arrays"]
    loaded = model.load_weights(tmp_path / "w", jax.tree.map(jnp.zeros_like, variables))
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)
    state = trainer.init(0, X)
    trainer.save(tmp_path / "run", state)
    _, restored = fk.load_trainer(tmp_path / "run", model=Odd())
    jax.tree.map(np.testing.assert_array_equal, restored.params, state.params)
    assert isinstance(fk.checkpoint.load_arrays(tmp_path / "run", "params/.*")["params"]["in/out"]["ws"], list)


class Boxed(linen.Module):
    """Parameters in boxes of Flax's, which say how they are laid out over devices."""

    @linen.compact
    def __call__(self, x):
        return x @ self.param("w", linen.with_partitioning(linen.initializers.ones, (None, "model")), (4, 2))


def test_what_names_cannot_tell_comes_from_the_model_or_is_refused(tmp_path):
    trainer = fk.Trainer(Boxed(), "sgd", "mse")
    state = trainer.init(0, X)
    trainer.save(tmp_path / "run", state)
    _, restored = fk.load_trainer(tmp_path / "run", model=Boxed())
    assert jax.tree.structure(restored.params) == jax.tree.structure(state.params)
    bare = trainer.init(0, variables=Boxed().init(jax.random.key(0), X))  # whose boxes are taken off
    assert jax.tree.structure(bare.params) == jax.tree.structure(state.params)
    blind = bare.replace(params=Boxed().init(jax.random.key(0), X)["params"])
    with pytest.raises(ValueError, match=r"could not be loaded: 'params/w' is a Partitioned[\s\S]*trainer.init\(0, x"):
        trainer.save(tmp_path / "blind", blind)
    assert not (tmp_path / "blind").exists()


def test_random_keys_among_the_variables_come_back(tmp_path):
    class Dice(fk.nn.Layer):
        def call(self, inputs):
            key = self.variable("cache", "key", lambda: jax.random.key(7, impl="rbg"))
            return inputs + jax.random.uniform(key.value)

    model = fk.Sequential([fk.Input((4,)), Dice()])
    variables = model.init(0)
    for name in ("w.weights.h5", "w.safetensors", "w"):
        model.save_weights(tmp_path / name, variables)
        found = model.load_weights(tmp_path / name, model.init(1))["cache"]["dice"]["key"]
        assert found.dtype == variables["cache"]["dice"]["key"].dtype
    model.save(tmp_path / "m.keras", variables)
    _, loaded = fk.load_model(tmp_path / "m.keras", {"Dice": Dice})
    np.testing.assert_array_equal(model.apply(loaded, X), model.apply(variables, X))
