"""Ways of writing a layer, each with weights in other places, and models that hold them all."""

from __future__ import annotations

import json
import pathlib
import pickle

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

import fkeras as fk

from ..conformance.descriptors import rows

Dense = fk.nn.Dense
X = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
CUSTOM: dict[str, type] = {}


def way(cls):
    CUSTOM[cls.__name__] = cls
    return cls


# ------------------------------------------------------------------ Keras's ways
@way
class InInit(fk.nn.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = Dense(units)
        self.parts = [Dense(2), {"b": Dense(units), "a": (Dense(units),)}]
        self._private = Dense(4)
        self.later = None
        self.grown = []
        self.swapped = []
        self.swapped = 2.0

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), name="w")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.later = Dense(4)
        self.more = [Dense(self.units)]
        self.grown.append(Dense(4))

    def call(self, inputs):
        x = self.parts[1]["a"][0](self.parts[1]["b"](self.parts[0](self.first(inputs * self.w))))
        return self.grown[0](self.later(self._private(self.more[0](x * self.swapped)) + self.count))


@way
class InBuild(fk.nn.Layer):
    def build(self, input_shape):
        self.z = Dense(4, name="named")
        self.parts = {"b": Dense(3), "a": [Dense(4), 7, (Dense(4),)]}
        self._private = Dense(4)
        self.same = self.z
        self.unused = Dense(9)
        self.scale = self.add_weight(shape=(4,), name="scale")
        self.norm = fk.nn.BatchNormalization()
        self.inner = InInit(2)
        local = Dense(4)
        self.keep = lambda x: local(x)

    def call(self, inputs):
        x = self.parts["a"][2][0](self.parts["a"][0](self.parts["b"](self.same(inputs))))
        return self.keep(self.inner(self.norm(self._private(x) * self.scale)))


@way
class WrapsInBuild(fk.nn.Layer):
    def build(self, input_shape):
        self.time = fk.nn.TimeDistributed(Dense(3))
        self.both = fk.nn.Bidirectional(fk.nn.GRU(2, return_sequences=True))
        self.attention = fk.nn.MultiHeadAttention(1, 2)
        self.net = fk.Sequential([Dense(3), fk.nn.LayerNormalization()])
        self.spectral = fk.nn.SpectralNormalization(Dense(2))
        self.rnn = fk.nn.RNN(fk.nn.LSTMCell(4))

    def call(self, inputs):
        x = self.both(self.time(inputs[:, None]))
        return self.rnn(self.spectral(self.net(self.attention(x, x))))


# ------------------------------------------------------------------ Flax's ways
@way
class InSetup(fk.nn.Layer):
    def setup(self):
        self.inner = Dense(3)
        self.many = [Dense(4), linen.Dense(4)]

    def call(self, inputs):
        return self.many[1](self.many[0](self.inner(inputs)))


@way
class InCall(fk.nn.Layer):
    def call(self, inputs):
        return InBuild()(linen.Dense(4)(Dense(3)(inputs)))


@way
class Compact(fk.nn.Layer):
    width: int = 4

    @linen.compact
    def call(self, inputs):
        x = Dense(self.width, name="..")(Net(name=".")(inputs))
        seen = self.variable("cache", "seen/ever", lambda: jnp.zeros((2, 1)))
        key = self.variable("cache", "key", lambda: jax.random.key(3))
        return x + seen.value.sum() + 0 * jax.random.uniform(key.value)


@way
class Odd(fk.nn.Layer):
    """Parameters in lists and tuples, and under keys that are no part of a path."""

    def call(self, inputs):
        held = self.param("held", self.start)
        w = held["a/b"] + held["a"]["b"] + held[".."] + held["."] + held[""] + held["50%"] + held["50%25"] + held["é"]
        return inputs * (w + held["list"][1][0] + held["list"][0]["0"]) + self.param(
            "x/y", linen.initializers.ones, (4,)
        )

    @staticmethod
    def start(key):
        def one(i):
            return jax.random.normal(jax.random.fold_in(key, i), (4,))

        names = ("a/b", "..", ".", "", "50%", "50%25", "é")
        held = {name: one(i) for i, name in enumerate(names)}
        return {**held, "a": {"b": one(7)}, "list": [{"0": one(8)}, (one(9), one(10))]}


@way
class Stateful(fk.nn.Layer):
    def build(self, input_shape):
        self.rnn = fk.nn.GRU(4, stateful=True)

    def call(self, inputs):
        return self.rnn(inputs[:, None])


class Net(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.BatchNorm(use_running_average=True)(linen.Dense(5)(x))
        ws = self.param("ws", lambda key: [jax.random.normal(key, (5, 4)), (jnp.ones(4),)])
        return linen.Dense(4)(x) + x @ ws[0] + ws[1][0] + Dense(4)(x)


# ------------------------------------------------------------------ models of them
def flat(kinds):
    """All of them on one input, and three one on the other under names that are no names elsewhere."""
    inputs = fk.Input(batch_shape=X.shape)
    outputs = {kind.__name__: kind()(inputs) for kind in kinds}
    outputs["again"] = InBuild(name="..")(InSetup(name="fkeras.tree")(Dense(4, name=".")(inputs)))
    return fk.Model(inputs, outputs)


def described():
    inner = fk.Sequential([fk.Input(batch_shape=X.shape), InBuild()], name="inner")
    inputs = fk.Input(batch_shape=X.shape)
    model = flat([InInit, WrapsInBuild, InCall, Compact, Odd, Stateful])  # and InSetup, in "again"
    return fk.Model(inputs, {"flat": model(inputs), "inner": inner(inputs)})


def in_few_bits():
    """A model whose kernels are kept in four bits, with low-rank changes; variables are drawn."""
    model = flat([InCall, Compact, Odd])  # the other ways are within these, and in "again"
    quantised, variables = model.quantize(drawn(model.abstract_variables()), "int4_weight_only")
    adapted = quantised.with_lora(2)
    return adapted, adapted.lora_variables(variables)


def foreign():
    """Linen modules and functions, which have no config."""
    inputs = fk.Input(batch_shape=X.shape)
    function = fk.nn.JaxLayer(
        lambda params, inputs: inputs @ params["w"][0] + params["b"],
        lambda rng, inputs: {"w": [jax.random.normal(rng, (4, 4))], "b": jnp.ones(4)},
    )
    return fk.Model(inputs, function(fk.nn.FlaxLayer(Net())(fk.nn.FlaxLayer(linen.Dense(4))(inputs))))


@way
class Subclassed(fk.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.zoom = InBuild()
        self.blocks = [InCall(), [InSetup()]]
        self._private = Compact()

    def build(self, input_shape):
        self.made = Odd()
        self._hidden = Dense(4)
        self.more = [InInit(3)]

    def call(self, inputs):
        x = self.blocks[1][0](self.blocks[0](self.zoom(inputs)))
        return self.more[0](self._hidden(self.made(self._private(x))))


def table_rows(everything):
    """The rows of the table that have weights, and a config; one of each class unless `everything` is asked for."""
    frozen = json.loads((pathlib.Path(__file__).parents[1] / "conformance" / "parameters.json").read_text())
    # Keras's files have the blocks of a Repeat one by one: tests/nn/test_repeat.py opens those
    found = [
        r for r in rows() if frozen[r.id] and r.cls not in ("Lambda", "FlaxLayer", "JaxLayer", "EquinoxLayer", "Repeat")
    ]
    for row in found:
        CUSTOM.update(row.kwargs_by_name())
    return found if everything else list({row.cls: row for row in reversed(found)}.values())[::-1]


def table(chosen):
    """One model of rows of the table."""
    tensors, outputs = [], {}
    for row in chosen:
        shapes = row.shapes if isinstance(row.shapes, list) else [row.shapes]
        own = [fk.Input(batch_shape=shape, dtype=row.dtype) for shape in shapes]
        packed = row.packed(own if isinstance(row.shapes, list) else own[0])
        outputs[row.id] = row.layer(fk.nn).replace(name=row.id)(*packed, **row.call_kwargs)
        tensors += own
    return fk.Model(tensors, outputs)


def drawn(tree, seed=0):
    """The same tree with other numbers in it, no two alike."""
    rng = np.random.default_rng(seed)

    def one(leaf):
        if is_key(leaf):
            return jax.random.key(int(rng.integers(1 << 30)))
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype)
        return jnp.asarray(rng.integers(0, 100, leaf.shape), leaf.dtype)

    return jax.tree.map(one, tree)


# ------------------------------------------------------------------ what was saved, for another process
def keep(place, **trees):
    """Write down trees as they should come back."""
    plain = jax.tree.map(
        lambda a: ("key", np.asarray(jax.random.key_data(a))) if is_key(a) else ("array", np.asarray(a)), trees
    )
    (place / "expected.pickle").write_bytes(pickle.dumps(plain))


def expected(place):
    """What `keep` wrote down."""
    plain = pickle.loads((place / "expected.pickle").read_bytes())
    made = {"key": jax.random.wrap_key_data, "array": np.asarray}
    return jax.tree.map(lambda pair: made[pair[0]](pair[1]), plain, is_leaf=is_pair)


def is_pair(value):
    return isinstance(value, tuple) and len(value) == 2 and value[0] in ("key", "array")


def is_key(leaf):
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def is_saved(path):
    return path.name in NAMES


NAMES = ("model.keras", "model", "w.weights.h5", "w.weights.json", "w.safetensors", "w", "run.keras", "run")
