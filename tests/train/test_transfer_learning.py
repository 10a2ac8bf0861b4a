"""Transfer learning as in Keras's guide: train a head on a frozen base, then all of it, beside real Keras."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6)).astype("float32")
Y = RNG.normal(size=(24, 1)).astype("float32")
LEAVES = {"gamma": ("params", "scale"), "beta": ("params", "bias"), "moving_mean": ("batch_stats", "mean"),
          "moving_variance": ("batch_stats", "var")}  # fmt: skip


def base_of(lib, layers):
    i = lib.Input((6,))
    x = layers.BatchNormalization(momentum=0.5, name="norm")(i)
    return lib.Model(i, layers.Dense(4, activation="relu", name="high")(x), name="base")


class Tuned(keras.Model):
    """A base that is called in inference: Keras's functional models forget that a call was told so."""

    def __init__(self, base):
        super().__init__()
        self.base, self.head = base, keras.layers.Dense(1, name="head")

    def call(self, x):
        return self.head(self.base(x, training=False))


def around(lib, layers, base, **mode):
    x = lib.Input((6,))
    return lib.Model(x, layers.Dense(1, name="head")(base(x, **mode)))


def variables_of(model):
    """Keras's weights as fkeras has them."""
    variables = {"params": {"base": {}}, "batch_stats": {"base": {}}}
    for weight in model.weights:
        layer, name = weight.path.split("/")[-2:]
        collection, leaf = LEAVES.get(name, ("params", name))
        place = variables[collection] if layer == "head" else variables[collection]["base"]
        place.setdefault(layer, {})[leaf] = jnp.array(np.array(weight.value))
    return variables


def close(got, want):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, want)  # float32, three steps


@pytest.mark.parametrize("mode", [{}, {"training": False}], ids=["base(x)", "base(x, training=False)"])
def test_a_head_and_then_the_base_are_trained_as_in_keras(mode):
    with keras_world():
        base = base_of(keras, keras.layers)
        theirs = Tuned(base) if mode else around(keras, keras.layers, base)
        theirs(X)
        stages = [variables_of(theirs)]
        for trainable, optimizer in ((False, keras.optimizers.Adam(0.1)), (True, keras.optimizers.SGD(0.05, 0.9))):
            base.trainable = trainable
            theirs.compile(optimizer, "mse")
            theirs.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
            stages.append(variables_of(theirs))

    model = around(fk, fk.nn, base_of(fk, fk.nn), **mode).freeze("base")
    trainer = model.compile(fk.optimizers.Adam(0.1), "mse")
    state = trainer.init(0, variables=stages[0])
    state, _ = trainer.fit(state, X, Y, batch_size=8, shuffle=False, verbose=0)
    close(dict(state.variables), stages[1])
    close(state.variables["batch_stats"], stages[0]["batch_stats"])  # frozen: in inference, though fit trains

    trainer = model.unfreeze("base").compile(fk.optimizers.SGD(0.05, 0.9), "mse")
    state = trainer.init(0, variables=state.variables)
    state, _ = trainer.fit(state, X, Y, batch_size=8, shuffle=False, verbose=0)
    close(dict(state.variables), stages[2])
    moved = not np.allclose(state.variables["batch_stats"]["base"]["norm"]["mean"], 0)
    assert moved == (not mode)
    assert not np.allclose(state.params["base"]["norm"]["scale"], 1)  # what stays in inference trains all the same


def test_a_call_that_was_told_to_stay_in_inference_stays_there():
    x = fk.Input((6,))
    norm, drop = fk.nn.BatchNormalization(), fk.nn.Dropout(0.5)
    for part in (norm, fk.Sequential([norm]), base_of(fk, fk.nn)):
        model = fk.Model(x, drop(part(x, training=False)))
        variables = model.init(jax.random.key(0))
        call = {"training": True, "mutable": ["batch_stats"], "rngs": {"dropout": jax.random.key(1)}}
        for again in (model, fk.model_from_json(model.to_json())):
            y, updates = again.apply(variables, X, **call)
            jax.tree.map(np.testing.assert_array_equal, updates["batch_stats"], variables["batch_stats"])
            assert (np.asarray(y) == 0).any()  # the rest of the model trains
        moved = fk.Model(x, part(x)).apply(variables, X, **call)[1]["batch_stats"]
        assert not jax.tree.all(jax.tree.map(np.array_equal, moved, variables["batch_stats"]))
    # Keras writes training=False into its files for each Dropout that was told nothing, so there it says nothing
    both = [name for name in dir(fk.nn) if isinstance(getattr(keras.layers, name, None), type)]
    layers = [name for name in both if hasattr(getattr(fk.nn, name), "_call_parameters")]
    for name in (name for name in layers if getattr(fk.nn, name)._call_parameters.keeps_mode):
        told = inspect.signature(getattr(keras.layers, name).call).parameters.get("training")
        assert told is None or told.default is not False, name
    with keras_world():
        i = keras.Input((6,))
        config = keras.Model(i, keras.layers.Dropout(0.5)(i)).to_json()
    assert '"training": false' in config
    y = fk.model_from_json(config).apply({}, X, training=True, rngs={"dropout": jax.random.key(1)})
    assert (np.asarray(y) == 0).any()


def test_keras_s_script_line_by_line():
    base = base_of(fk, fk.nn)
    weights = base.init(jax.random.key(1))
    with pytest.raises(AttributeError, match=r"base = base\.freeze\(\)"):
        base.trainable = False
    base = base.freeze()
    assert not any(fact.trainable for fact in base.weight_facts().values())
    model = around(fk, fk.nn, base)
    variables = model.put(model.init(jax.random.key(0)), "base", weights)
    trainer = model.compile("adam", "mse")
    state = trainer.init(0, variables=variables)
    state, _ = trainer.fit(state, X, Y, verbose=0)
    close(model.variables_for("base", dict(state.variables)), weights)
    cut = fk.Model(base.input, base.get_layer("norm").output)  # a part of the base, with the base's variables
    assert cut.apply(weights, X).shape == (24, 6)
    x = fk.Input((6,))
    other = fk.Model(x, fk.nn.Dense(3, name="other_head")(base(x)))
    fresh = other.init(jax.random.key(2))
    kept = other.put(fresh, "base", model.variables_for("base", state.variables))
    assert other.apply(kept, X).shape == (24, 3)
    everything = model.unfreeze()
    assert all(fact.trainable for fact in everything.weight_facts().values())
    by_argument = fk.Model(cut.input, cut.output, trainable=False)
    assert not any(fact.trainable for fact in by_argument.weight_facts().values())


def test_a_rule_that_matches_nothing_is_said():
    model = around(fk, fk.nn, base_of(fk, fk.nn)).freeze("base")
    rules = {"base": fk.optimizers.SGD(0.0), ".*/bias": "sgd", ".*": "adam"}
    model.compile(rules, "mse").init(0)  # of what is frozen nothing is said
    with pytest.warns(UserWarning, match=r"'bass/\.\*' of the optimizer matches no parameter[\s\S]*Did you mean 'base"):
        model.compile({"bass/.*": "sgd", ".*": "adam"}, "mse").init(0)
