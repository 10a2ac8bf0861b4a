"""Variables that depend on the input, outputs that nobody kept, and names that are refused."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


# ------------------------------------------------------------------ variables from an example
class Cache(fk.nn.Layer):
    def call(self, x):
        kept = self.variable("cache", "keys", jnp.zeros, (x.shape[0], 5, x.shape[-1]))
        return x + kept.value[:, 0]


class Centred(linen.Module):
    """The mean starts as the data's, as weights do that are made from the first batch."""

    @linen.compact
    def __call__(self, x):
        return x - self.param("mean", lambda _: x.mean(0))[None]


def cached():
    inputs = fk.Input((4,))
    x = Cache(name="first")(inputs)
    nested = fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name="deep"), Cache(name="second")], name="nested")
    return fk.Model(inputs, nested(x))


def test_a_variable_as_long_as_the_batch_is_made_from_an_example():
    model = cached()
    variables = model.init(KEY, X)
    assert jax.tree.map(jnp.shape, variables["cache"]) == {
        "first": {"keys": (3, 5, 4)}, "nested": {"second": {"keys": (3, 5, 2)}}
    }  # fmt: skip
    assert model.apply(variables, X).shape == (3, 2)
    structs = model.init(KEY, jax.ShapeDtypeStruct((7, 4), "float32"))
    assert structs["cache"]["first"]["keys"].shape == (7, 5, 4)
    jax.tree.map(np.testing.assert_array_equal, structs["params"], variables["params"])
    jitted = jax.jit(model.init)(KEY, X)
    assert jax.tree.map(jnp.shape, jitted) == jax.tree.map(jnp.shape, variables)
    assert jax.tree.map(jnp.shape, model.abstract_variables(X)) == jax.tree.map(jnp.shape, variables)
    state = model.compile("sgd", "mse").init(0, X)
    assert state.model_state["cache"]["first"]["keys"].shape == (3, 5, 4)
    with pytest.raises(
        ValueError, match=r"without an example input[\s\S]*'first'[\s\S]*'cache/keys' is \(batch, 5, 4\)"
    ):
        model.init(KEY)


def test_a_cache_is_saved_and_read(tmp_path):
    model = fk.Sequential([fk.Input((4,)), Cache(name="first")])
    variables = model.init(KEY, X)
    model.save(tmp_path / "m", variables)
    again, read = fk.load_model(tmp_path / "m", custom_objects={"Cache": Cache})
    jax.tree.map(np.testing.assert_array_equal, read, variables)
    assert again.count_params() == model.count_params()
    wrong = {"params": {}, "cache": {"first": {"keys": jnp.zeros((3, 6, 4))}}}
    with pytest.raises(ValueError, match=r"cache/first/keys float32\(3, 6, 4\)"):
        model.save(tmp_path / "n", wrong)


def test_layers_before_a_cache_have_the_weights_that_they_have_without_it():
    dense = fk.Sequential([fk.Input((4,)), fk.nn.Dense(4, name="dense")])
    both = fk.Sequential([fk.Input((4,)), fk.nn.Dense(4, name="dense"), Cache()])
    jax.tree.map(np.testing.assert_array_equal, both.init(KEY, X)["params"], dense.init(KEY)["params"])


def test_a_weight_that_starts_from_the_data_is_made_from_an_example():
    inputs = fk.Input((4,))
    model = fk.Model(inputs, fk.nn.FlaxLayer(Centred(), name="centred")(inputs * 2.0))
    variables = model.init(KEY, X)
    np.testing.assert_allclose(variables["params"]["centred"]["mean"], 2 * X.mean(0), atol=1e-6)  # float32 sums
    for args in ((), (jax.ShapeDtypeStruct((3, 4), "float32"),)):
        with pytest.raises(ValueError, match=r"without an example input[\s\S]*'params/mean' depends on the input"):
            model.init(KEY, *args)
    alone = fk.nn.FlaxLayer(Centred()).init(KEY, X)
    np.testing.assert_allclose(alone["params"]["mean"], X.mean(0), atol=1e-6)


# ------------------------------------------------------------------ outputs that nobody kept
def seq2seq():
    source, target = fk.Input((None, 3)), fk.Input((None, 2))
    _, h, c = fk.nn.LSTM(4, return_state=True, name="encoder")(source)
    decoded = fk.nn.LSTM(4, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return fk.Model([source, target], fk.nn.Dense(2)(decoded))


@pytest.mark.parametrize("form", ["made", "read", "frozen", "nested"])
def test_outputs_that_nobody_kept_can_be_taken(form):
    model = {
        "made": seq2seq,
        "read": lambda: fk.model_from_json(seq2seq().to_json()),
        "frozen": lambda: seq2seq().freeze("encoder"),
        "nested": lambda: fk.Model(i := [fk.Input((None, 3)), fk.Input((None, 2))], seq2seq()(i)),
    }[form]()
    gc.collect()
    inner = model.layers[-1] if form == "nested" else model
    outputs = inner.get_layer("encoder").output
    assert [t.shape for t in outputs] == [(None, 4)] * 3
    encoder = fk.Model(inner.inputs[0], list(outputs[1:]))
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")

    @jax.jit
    def both(key):
        variables = inner.init(key)
        alone = fk.nn.LSTM(4, return_state=True).apply({"params": variables["params"]["encoder"]}, x)
        return encoder.apply(variables, x), alone[1:]

    states, want = both(KEY)
    jax.tree.map(np.testing.assert_array_equal, list(states), list(want))
    assert inner == seq2seq() or form == "frozen"
    assert hash(inner) == hash(fk.model_from_json(inner.to_json()))


# ------------------------------------------------------------------ names
def with_attribute(name):
    class Named(fk.Model):
        def __init__(self):
            super().__init__()
            setattr(self, name, fk.nn.Dense(2))

        def call(self, inputs):
            return getattr(self, name)(inputs)

    return Named()


def with_weight(name):
    class Weighted(fk.nn.Layer):
        def build(self, input_shape):
            self.kept = self.add_weight(shape=(4,), name=name)

        def call(self, inputs):
            return inputs * self.kept[None]

    return Weighted()


def in_setup(name):
    class Named(fk.nn.Layer):
        def setup(self):
            setattr(self, name, fk.nn.Dense(2))

        def call(self, inputs):
            return getattr(self, name)(inputs)

    return Named()


MAKERS = {
    "layer": lambda name: fk.Sequential([fk.Input((4,)), fk.nn.Dense(2, name=name)]),
    "model": lambda name: fk.Sequential([fk.Input((4,)), fk.Sequential([fk.nn.Dense(2)], name=name)]),
    "attribute": with_attribute,
    "setup": in_setup,
    "weight": with_weight,
}


@pytest.mark.parametrize("how", MAKERS)
def test_params_is_refused_as_a_name(how):
    with pytest.raises(ValueError, match=r"'params' cannot be the name of a layer or weight"):
        MAKERS[how]("params").init(KEY, X)
    assert fk.Input((4,), name="params").name == "params"  # an input has no variables


@pytest.mark.parametrize("name", ["name", "parent", "scope", "variables", "layers", "output", "init", "_state"])
def test_attributes_that_every_layer_has_are_refused_for_layers(name):
    with pytest.raises(ValueError, match=rf"cannot be kept under the name '{name}'"):
        with_attribute(name)


@pytest.mark.parametrize("name", ["batch_stats", "losses", "masks", "name", "scope", "variables", "call", "output"])
def test_other_names_of_flax_and_keras_work_in_a_graph(name):
    model = MAKERS["layer"](name)
    variables = model.init(KEY)
    assert list(variables["params"]) == [name]
    assert model.apply(variables, X).shape == (3, 2)


def test_variables_wrapped_once_more_are_named():
    model = MAKERS["layer"]("dense")
    with pytest.raises(ValueError, match=r"'params' inside their 'params'[\s\S]*wrapped once more"):
        model.apply({"params": model.init(KEY)}, X)
