"""Layers as Keras users write them: an `__init__` on a built-in layer, weights in `__init__`, shapes asked for."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")


# ------------------------------------------------------------------ an `__init__` on a built-in layer
class Scaled(fk.nn.Dense):
    def __init__(self, units, scale=1.0, **kwargs):
        super().__init__(units, activation="relu", **kwargs)
        self.scale = scale

    def call(self, inputs):
        return super().call(inputs) * self.scale


class Twice(Scaled):
    def __init__(self, scale, *, name=None):
        super().__init__(3, scale, name=name)
        self.twice = 2.0

    def call(self, inputs):
        return super().call(inputs) * self.twice


class Merged(Scaled):
    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class OfAnything(fk.nn.Dense):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Wide(fk.nn.Bidirectional):
    def __init__(self, units, **kwargs):
        super().__init__(fk.nn.LSTM(units, return_sequences=True), merge_mode="sum", **kwargs)


def _as_model(layer, shape=(4,)):
    return fk.Sequential([fk.Input(shape), layer])


def test_the_weights_and_outputs_are_those_of_the_built_in_layer():
    plain = _as_model(fk.nn.Dense(3, activation="relu", name="a"))
    variables = plain.init(KEY)
    for layer, factor in ((Scaled(3, scale=2.0, name="a"), 2.0), (Twice(3.0, name="a"), 6.0)):
        model = _as_model(layer)
        jax.tree.map(np.testing.assert_array_equal, model.init(KEY), variables)
        np.testing.assert_allclose(model.apply(variables, X), factor * plain.apply(variables, X), rtol=1e-6)
    assert Scaled(3)(fk.Input((4,))).shape == (None, 3)
    assert _as_model(Scaled(3)).layers[0].name == "scaled"


@pytest.mark.parametrize("layer", [Scaled(3, scale=2.0), Twice(3.0), OfAnything(3, use_bias=False), Wide(2)])
def test_it_is_a_value_with_a_config(layer):
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    for other in (again, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other == layer or isinstance(layer, OfAnything)  # whose `*args` are named in the config
        assert hash(other) == hash(layer) or other is again
    assert layer.replace(trainable=False).trainable is False
    assert layer.replace(dtype="bfloat16").replace(dtype="float32").get_config() == config


def test_the_config_is_the_arguments():
    config = Scaled(3, scale=2.0, use_bias=False).get_config()
    assert {k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")} == {
        "units": 3,
        "scale": 2.0,
        "use_bias": False,
    }
    assert Twice(3.0).get_config().keys() == {"name", "trainable", "dtype", "scale"}
    assert Scaled(3).replace(scale=5.0).scale == 5.0
    assert Scaled(3) != Scaled(3, scale=2.0)
    assert OfAnything(3) != OfAnything(4)


def test_a_get_config_of_ones_own_extends_that_of_the_built_in_layer():
    layer = Merged(3, scale=2.0)
    config = layer.get_config()
    assert config["units"] == 3
    assert config["scale"] == 2.0
    again = Merged.from_config(config)  # though `__init__` gives `activation` itself
    assert again.scale == 2.0
    assert again.get_config() == config
    with pytest.raises(TypeError, match="multiple values"):
        Merged.from_config({**config, "activation": "tanh"})


def test_it_is_saved_and_opened(tmp_path):
    model = fk.Sequential([fk.Input((4,)), Merged(3, scale=2.0), Twice(3.0)])
    variables = model.init(KEY)
    model.save(tmp_path / "m.keras", variables)
    again, read = fk.load_model(tmp_path / "m.keras", {"Merged": Merged, "Twice": Twice})
    np.testing.assert_array_equal(again.apply(read, X), model.apply(variables, X))


def test_it_works_inside_modules_and_wrappers():
    class Outer(linen.Module):
        @linen.compact
        def __call__(self, x):
            return Scaled(3, scale=2.0)(x) + linen.remat(Scaled)(3)(x)

    out, variables = Outer().init_with_output(KEY, X)
    assert jax.tree.map(jnp.shape, variables["params"])["Scaled_0"] == {"bias": (3,), "kernel": (4, 3)}
    np.testing.assert_array_equal(Outer().apply(variables, X), out)

    class Around(linen.Module):
        @linen.compact
        def __call__(self, x):
            return Wide(2)(x)

    out, variables = Around().init_with_output(KEY, np.ones((2, 3, 4), "float32"))
    assert out.shape == (2, 3, 2)
    assert sorted(variables["params"]["Wide_0"]) == ["backward_lstm", "forward_lstm"]
    model = fk.Sequential([fk.Input((5, 4)), fk.nn.TimeDistributed(Scaled(3))])
    assert model.apply(model.init(KEY), np.ones((2, 5, 4), "float32")).shape == (2, 5, 3)


def test_layers_that_adapt():
    class Standard(fk.nn.Normalization):
        def __init__(self, gain=1.0, **kwargs):
            super().__init__(**kwargs)
            self.gain = gain

        def call(self, inputs):
            return self.gain * super().call(inputs)

    layer = Standard(gain=3.0).adapt(np.array([[1.0], [3.0]]))
    variables = layer.init(KEY, np.ones((1, 1), "float32"))
    np.testing.assert_allclose(layer.apply(variables, np.array([[3.0]])), [[3.0]], rtol=1e-6)
    assert layer.get_config()["gain"] == 3.0

    class Words(fk.nn.TextVectorization):
        def __init__(self, length, **kwargs):
            super().__init__(output_sequence_length=length, **kwargs)

    assert Words(3).adapt(["a b", "b"])(np.array(["b c"])).tolist() == [[2, 1, 0]]


def test_an_init_that_gives_too_little_or_too_much_is_told():
    class Short(fk.nn.Dense):
        def __init__(self):
            super().__init__()

    class Silent(fk.nn.Dense):
        def __init__(self, units):
            self.own = units

    class Wrong(fk.nn.Dense):
        def __init__(self):
            super().__init__(3, activaton="relu")

    for cls, arguments, text in (
        (Short, (), r"Dense needs 'units'[\s\S]*from Short.__init__[\s\S]*super\(\)"),
        (Silent, (3,), r"Dense needs 'units'[\s\S]*from Silent.__init__"),
        (Wrong, (), r"no argument 'activaton'[\s\S]*from Wrong.__init__[\s\S]*Did you mean 'activation'"),
    ):
        with pytest.raises(TypeError, match=text):
            cls(*arguments)


# ------------------------------------------------------------------ weights that `__init__` asks for
class Linear(fk.nn.Layer):
    def __init__(self, units=3, input_dim=4, **kwargs):
        super().__init__(**kwargs)
        self.w = self.add_weight(shape=(input_dim, units), initializer="random_normal", regularizer="l2", name="w")
        self.more = [self.add_weight(shape=(units,), initializer="ones", trainable=False, name="offset")]

    def call(self, inputs):
        return jnp.einsum("bi,io->bo", inputs, self.w) + self.more[0].reshape(1, -1)


class InBuild(fk.nn.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(4, 3), initializer="random_normal", regularizer="l2", name="w")
        self.more = [self.add_weight(shape=(3,), initializer="ones", trainable=False, name="offset")]

    def call(self, inputs):
        return jnp.einsum("bi,io->bo", inputs, self.w) + self.more[0].reshape(1, -1)


def test_add_weight_in_init_makes_what_it_makes_in_build():
    model, twin = _as_model(Linear(name="a")), _as_model(InBuild(name="a"))
    variables = model.init(KEY)
    jax.tree.map(np.testing.assert_array_equal, variables, twin.init(KEY))
    outcomes = [m.apply(variables, X, mutable=["losses"]) for m in (model, twin)]
    jax.tree.map(np.testing.assert_array_equal, *outcomes)
    layer = Linear()
    assert layer.w.shape == (4, 3)
    assert pickle.loads(pickle.dumps(layer)) == copy.deepcopy(layer) == layer
    remat = _as_model(linen.remat(Linear)(name="a"))
    np.testing.assert_array_equal(remat.apply(variables, X), model.apply(variables, X))


def test_a_weight_of_init_has_no_numbers_outside():
    layer = Linear()
    for use in (lambda: layer.w.numpy(), lambda: layer.w.mean()):
        with pytest.raises(AttributeError, match=r"he weight 'w' was asked for in `__init__`[\s\S]*init\(key, x\)"):
            use()
    for use in (lambda: np.asarray(layer.w), lambda: layer.w * 2, lambda: -layer.w):
        with pytest.raises(TypeError, match=r"no numbers yet"):
            use()

    class Unknown(fk.nn.Layer):
        def __init__(self):
            super().__init__()
            self.w = self.add_weight(shape=(None, 3), name="w")

    with pytest.raises(ValueError, match=r"needs a known shape for its weight 'w'[\s\S]*def build"):
        Unknown()


# ------------------------------------------------------------------ non-trainable weights
class Running(fk.nn.Layer):
    def build(self, input_shape):
        self.total = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False, name="total")

    def call(self, inputs):
        self.total.assign_add(fk.ops.sum(inputs, axis=0))
        return {"total": self.total, "more": (self.total + 1.0, fk.ops.mean(self.total), self.total.mean())}

    def peek(self, inputs):
        return self.total if inputs is None else self.total[0]


def test_a_state_weight_is_an_array_wherever_it_goes():
    layer = Running()
    variables = layer.init(KEY, X)
    outputs, updates = jax.jit(lambda v: layer.apply(v, X, mutable=["non_trainable"]))(variables)
    assert list(outputs) == ["total", "more"] or list(outputs) == ["more", "total"]
    np.testing.assert_allclose(outputs["total"], X.sum(0), rtol=1e-6)
    np.testing.assert_array_equal(updates["non_trainable"]["total"], outputs["total"])
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(outputs))

    class Uses(fk.nn.Layer):
        def build(self, input_shape):
            self.n = self.add_weight(shape=(), dtype="int32", initializer="ones", trainable=False, name="n")
            self.v = self.add_weight(shape=(2,), initializer="ones", trainable=False, name="v")

        def call(self, inputs):
            assert self.n.name == "n"
            assert float(self.n) == int(self.n) == 1
            assert self.n.numpy() == 1
            assert len(self.v) == 2
            assert np.asarray(self.v).shape == (2,)
            assert bool((self.v == self.v).all())
            chosen = jax.lax.cond(True, lambda w: w * 2, lambda w: w + 0.0, self.v)
            return chosen + self.v - 1 + jnp.sum(self.v) + next(iter(self.v)) + 3.0 / self.v

    assert Uses().apply({"non_trainable": {"n": jnp.int32(1), "v": jnp.ones(2)}}, X).tolist() == [8.0, 8.0]


# ------------------------------------------------------------------ shapes
def test_compute_output_shape_takes_and_gives_keras_tuples():
    class Pairs(fk.nn.Layer):
        def call(self, inputs, scale):
            return {"sum": inputs["a"] + inputs["b"], "scaled": [inputs["a"] * scale]}

    x = fk.Input((4,))
    for layer, shapes, named, wanted in (
        (fk.nn.Add(), ([(None, 3), (None, 3)],), {}, (None, 3)),
        (fk.nn.LSTM(7, return_state=True), ([2, 5, 3],), {}, ((2, 7), (2, 7), (2, 7))),
        (fk.nn.MultiHeadAttention(2, 3), ((None, 5, 8),), {"value_shape": (None, 9, 8)}, (None, 5, 8)),
        (fk.nn.StringLookup(vocabulary=["a"]), ((None, 2),), {}, (None, 2)),
        (fk.nn.Embedding(5, 3), ((None, None),), {}, (None, None, 3)),
        (fk.Model(x, [fk.nn.Dense(2)(x), x]), ((7, 4),), {}, [(7, 2), (7, 4)]),
        (Scaled(3), (), {"input_shape": (None, 4)}, (None, 3)),
        (Pairs(), ({"a": (None, 2), "b": (1, 2)}, ()), {}, {"scaled": [(None, 2)], "sum": (None, 2)}),
    ):
        assert layer.compute_output_shape(*shapes, **named) == wanted
    with pytest.raises(ValueError, match="Layer Dense needs an input of rank 2"):
        fk.nn.Dense(2).compute_output_shape((3,))
    with pytest.raises(TypeError, match=r"no argument whose shape 'values_shape'[\s\S]*query"):
        fk.nn.MultiHeadAttention(2, 3).compute_output_shape((None, 5, 8), values_shape=(None, 5, 8))
    with pytest.raises(TypeError, match="A shape is a tuple of sizes"):
        fk.nn.Dense(2).compute_output_shape("wide")


def test_a_build_may_ask_its_layers_for_shapes():
    class Stack(fk.nn.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.layers_in_a_row = [Scaled(5), fk.Sequential([fk.nn.Dense(6), fk.nn.Dense(2)])]

        def build(self, input_shape):
            for layer in self.layers_in_a_row:
                layer.build(input_shape)
                input_shape = layer.compute_output_shape(input_shape)
            self.out = self.add_weight(shape=input_shape[-1:], initializer="ones", name="out")

        def call(self, inputs):
            for layer in self.layers_in_a_row:
                inputs = layer(inputs)
            return inputs * self.out.reshape(1, -1)

    model = _as_model(Stack())
    assert model.apply(model.init(KEY), X).shape == (2, 2)


def test_a_build_by_hand_says_that_nothing_was_built():
    for layer in (fk.nn.Dense(2), InBuild(), fk.Sequential([fk.nn.Dense(2)])):
        with pytest.warns(UserWarning, match=r"nothing was built[\s\S]*variables = layer.init\(key, x\)"):
            layer.build((None, 4))
    _as_model(fk.nn.Dense(2)).build((None, 4))  # whose shapes are known: nothing is missing


def test_compute_output_spec_records_no_call():
    layer, x = fk.nn.Dense(2, dtype="bfloat16"), fk.Input((4,))
    y = layer(x)
    spec = layer.compute_output_spec(x)
    assert (spec.shape, spec.dtype) == ((None, 2), jnp.bfloat16)
    assert layer.output is y


# ------------------------------------------------------------------ first layers
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **kw: fk.nn.Dense(3, input_shape=(4,), **kw), (None, 4)),
        (lambda **kw: fk.nn.Dense(3, input_dim=4, **kw), (None, 4)),
        (lambda **kw: fk.nn.Dense(3, batch_input_shape=(2, 4), **kw), (2, 4)),
        (lambda **kw: fk.nn.Dense(3, input_shape=[4], batch_size=2, dtype="float32", **kw), (2, 4)),
        (lambda **kw: fk.nn.LSTM(3, input_dim=4, input_length=5, **kw), (None, 5, 4)),
        (lambda **kw: fk.nn.Embedding(9, 3, input_length=5, **kw), (None, 5)),
        (lambda **kw: fk.nn.Bidirectional(fk.nn.LSTM(2), input_shape=(None, 4), **kw), (None, None, 4)),
        (lambda **kw: Scaled(3, input_shape=(4,), **kw), (None, 4)),
        (lambda **kw: Twice(3.0, input_shape=(4,), **kw), (None, 4)),
    ],
)
def test_the_first_layer_tells_the_input(make, shape):
    layer = make(name="first")
    model = fk.Sequential([layer, fk.nn.Flatten()])
    twin = fk.Sequential([fk.Input(batch_shape=shape), layer.replace(), fk.nn.Flatten()])
    assert model.input_shape == shape
    assert model.layers[0] is layer
    assert model.get_config()["layers"] == twin.get_config()["layers"]
    jax.tree.map(np.testing.assert_array_equal, model.init(KEY), twin.init(KEY))
    assert not {"input_shape", "batch_size", "batch_input_shape"} & set(layer.get_config())
    added = fk.Sequential().add(make()).add(fk.nn.Flatten())
    assert added.input_shape == shape
    assert added.pop().input_shape == shape


def test_the_argument_of_a_graph_is_checked_and_an_own_one_is_kept():
    dense = fk.nn.Dense(3, input_shape=(4,))
    assert dense(fk.Input((4,))).shape == (None, 3)
    assert pickle.loads(pickle.dumps(dense)) == dense
    assert dense != fk.nn.Dense(3)
    with pytest.raises(ValueError, match=r"made for another input[\s\S]*\(None, 5\)[\s\S]*\(4,\)"):
        dense(fk.Input((5,)))
    assert Linear(input_dim=4).get_config()["input_dim"] == 4
    assert fk.Sequential([Linear(input_dim=4)]).graph is None
    with pytest.raises(TypeError, match="no argument 'input_shape'"):
        fk.Sequential([fk.nn.Dense(2)], input_shape=(3,))


# ------------------------------------------------------------------ models as Keras users begin them
def test_an_empty_sequential_says_that_add_returns_the_model():
    model = fk.Sequential()
    model.add(fk.nn.Dense(1))
    for use in (
        lambda: model.compile("sgd", "mse"),
        lambda: model.init(KEY, X),
        lambda: fk.Trainer(model, "sgd", "mse").init(0, X),
        lambda: model(fk.Input((4,))),
        lambda: fk.Sequential([fk.Input((4,))]).init(KEY),
    ):
        with pytest.raises(ValueError, match=r"has no layers[\s\S]*model = model.add\("):
            use()


class WithAStep(fk.Model):
    def train_step(self, data):
        raise AssertionError("never called")


class WithACompile(WithAStep):
    def compile(self, optimizer, loss_fn):
        self.loss_fn = loss_fn
        super().compile(optimizer)


class WithALoop(fk.Model):
    def fit(self, x, y, epochs=1):
        raise AssertionError("never called")


def test_a_model_that_trains_itself_is_refused_with_the_trainer_to_write():
    def made(cls):
        x = fk.Input((4,))
        return cls(x, fk.nn.Dense(1)(x))

    for cls, name in ((WithAStep, "train_step"), (WithACompile, "train_step"), (WithALoop, "fit")):
        text = rf"class {cls.__name__} has a {name} of its own[\s\S]*class {cls.__name__}Trainer\(fk.Trainer\)"
        with pytest.raises(TypeError, match=text + r"[\s\S]*trainer_class="):
            made(cls).compile("sgd", "mse")
    with pytest.raises(TypeError, match="WithAStepTrainer"):
        fk.Trainer(made(WithAStep), "sgd", "mse")

    class MyTrainer(fk.Trainer):
        def train_step(self, state, batch):
            return super().train_step(state, batch)

    assert type(made(WithAStep).compile("sgd", "mse", trainer_class=MyTrainer)) is MyTrainer

    class Own(fk.Model):
        def compile(self, rate):
            return super().compile(fk.optimizers.SGD(rate), "mse")

        def fit(self, state, x):
            return state

    assert isinstance(made(Own).compile(0.1), fk.Trainer)

    class Forgets(fk.Model):
        def compile(self, rate):
            super().compile(fk.optimizers.SGD(rate), "mse")

    with pytest.raises(TypeError, match=r"Forgets.compile returned nothing[\s\S]*return super\(\).compile"):
        made(Forgets).compile(0.1)


# ------------------------------------------------------------------ masks, modes and specs of a `call` of one's own
class Mean(fk.nn.Layer):
    def call(self, x, mask):
        weights = fk.ops.expand_dims(fk.ops.cast(mask, "float32"), -1)
        return fk.ops.sum(x * weights, axis=1) / fk.ops.sum(weights, axis=1)


class Seen(fk.nn.Layer):
    def compute_mask(self, inputs, mask=None):
        return fk.ops.any(fk.ops.not_equal(inputs, 0), axis=-1)

    def call(self, inputs):
        return inputs


class Kept(fk.nn.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return inputs * fk.ops.expand_dims(fk.ops.cast(mask, "float32"), -1)


def test_a_layer_that_needs_its_mask_gets_it_while_it_is_described():
    tokens = fk.Input((None,), dtype="int32")
    h = fk.nn.Embedding(5, 3, mask_zero=True)(tokens)
    model = fk.Model(tokens, Mean()(fk.nn.Dense(2)(Kept()(h))))
    variables = model.init(KEY)
    given = np.array([[1, 2, 0], [3, 0, 0]])
    short = np.array([[3]])
    np.testing.assert_allclose(model.apply(variables, given)[1], model.apply(variables, short)[0], rtol=1e-6)

    x = np.array([[[1.0, 3.0], [3.0, 5.0], [0.0, 0.0]]], "float32")
    assert fk.Sequential([fk.Input((3, 2)), Seen(), Kept(), Mean()]).apply({}, x).tolist() == [[2.0, 4.0]]
    with pytest.raises(ValueError, match=r"cannot be called without a mask[\s\S]*fk.nn.Masking\(\)"):
        Mean()(fk.Input((3, 2)))


def test_calls_of_all_kinds_are_told_the_mode_once():
    class Required(fk.nn.Layer):
        def call(self, inputs, training):
            return inputs * (2.0 if training else 1.0)

    class Anything(fk.nn.Layer):
        def call(self, inputs, *others, training=None, **kwargs):
            return (inputs + sum(others)) * (2.0 if training else 1.0)

    x = fk.Input((4,))
    model = fk.Model(x, Anything()(Required()(x), x, x))
    np.testing.assert_array_equal(model.apply({}, X), 3 * X)
    np.testing.assert_array_equal(model.apply({}, X, training=True), 8 * X)


def test_an_input_spec_is_checked_wherever_it_is_set():
    class Rows(fk.nn.Layer):
        def __init__(self, size=None, **kwargs):
            super().__init__(**kwargs)
            self.size = size
            self.input_spec = fk.nn.InputSpec(ndim=2)

        def build(self, input_shape):
            if self.size:
                self.input_spec = fk.nn.InputSpec(ndim=2, axes={-1: self.size})

        def call(self, inputs):
            return inputs

    assert Rows(4)(fk.Input((4,))).shape == (None, 4)
    for size, shape, text in ((None, (2, 4), "input of rank 2"), (3, (4,), "input of 3 along axis -1")):
        with pytest.raises(ValueError, match=text):
            Rows(size)(fk.Input(shape))


def test_an_autocast_of_ones_own_leaves_inputs_as_they_are():
    class Raw(fk.nn.Layer):
        def __init__(self, **kwargs):
            super().__init__(autocast=False, dtype="mixed_bfloat16", **kwargs)

        def call(self, inputs):
            return inputs + jnp.ones((), inputs.dtype)

    assert Raw()(fk.Input((4,))).dtype == "float32"


# ------------------------------------------------------------------ arrays in a `get_config`
class Scales(fk.nn.Layer):
    def __init__(self, factors=(1.0, 1.0), kind=None, **kwargs):
        super().__init__(**kwargs)
        self.factors, self.kind = np.asarray(factors, "float32"), kind

    def call(self, inputs):
        return inputs * self.factors.reshape(1, -1)

    def get_config(self):
        return {**super().get_config(), "factors": self.factors, "kind": self.kind}


def test_arrays_in_a_config_are_written_as_keras_writes_them(tmp_path):
    x = np.ones((1, 2), "float32")
    for given, kind, written in (
        ([2.0, 3.0], np.float32(0.5), "__numpy__"),
        (np.array([2.0, 3.0]), jnp.arange(3), "__numpy__"),
        (jnp.array([2.0, 3.0]), b"raw", "__numpy__"),
    ):
        model = _as_model(Scales(given, kind), (2,))
        model.save(tmp_path / "m.keras", model.init(KEY))
        again, read = fk.load_model(tmp_path / "m.keras", {"Scales": Scales})
        np.testing.assert_array_equal(again.apply(read, x), [[2.0, 3.0]])
        entry = model.get_config()["layers"][1]["config"]
        assert entry["factors"] == {"class_name": written, "config": {"value": [2.0, 3.0], "dtype": "float32"}}
        np.testing.assert_array_equal(again.layers[0].kind, kind)
    assert isinstance(again.layers[0].kind, bytes)


def test_what_cannot_be_written_is_named_with_its_layer():
    class Odd:
        pass

    for layer in (Scales(kind=Odd()), Scales(kind={1, 2})):
        with pytest.raises(TypeError, match=r"cannot be written to a config[\s\S]*'kind' of Layer 'scales' \(Scales\)"):
            _as_model(layer, (2,)).to_json()


# ------------------------------------------------------------------ weights of the built-in layer, by Keras's names
class Standardised(fk.nn.Dense):
    def call(self, inputs):
        kernel = self.kernel - fk.ops.mean(self.kernel, axis=0, keepdims=True)
        return fk.ops.matmul(inputs, kernel) + fk.ops.expand_dims(self.bias, 0)


class Gated(fk.nn.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(units, kernel_regularizer="l2", **kwargs)

    def build(self, input_shape):
        super().build(input_shape)
        self.gate = self.add_weight(shape=self.kernel.shape, initializer="ones", name="gate")

    def call(self, inputs):
        return super().call(inputs) + fk.ops.matmul(inputs, self.kernel * self.gate) + super().call(inputs)


def test_a_call_of_ones_own_reads_the_weights_of_the_layer_it_extends():
    plain = _as_model(fk.nn.Dense(3, kernel_regularizer="l2", name="a"))
    variables = plain.init(KEY)
    weights = variables["params"]["a"]
    kernel = np.asarray(weights["kernel"])
    model = _as_model(Standardised(3, name="a"))
    jax.tree.map(np.testing.assert_array_equal, model.init(KEY), variables)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, X), X @ (kernel - kernel.mean(0)), rtol=1e-5)
    gated = _as_model(Gated(3, name="a"))
    assert jax.tree.map(jnp.shape, gated.init(KEY)["params"]["a"]) == {"bias": (3,), "gate": (4, 3), "kernel": (4, 3)}
    with_gate = {"params": {"a": {**weights, "gate": jnp.ones((4, 3))}}}
    found, sown = gated.apply(with_gate, X, mutable=["losses"])
    np.testing.assert_allclose(found, 3 * X @ kernel, rtol=1e-5)
    np.testing.assert_array_equal(
        sown["losses"]["a"]["kernel"], plain.apply(variables, X, mutable=True)[1]["losses"]["a"]["kernel"]
    )

    class Asks(fk.nn.Dropout):
        def call(self, inputs, training=False):
            assert not hasattr(self, "kernel")
            return super().call(inputs, training)

    np.testing.assert_array_equal(_as_model(Asks(0.5)).apply({}, X), X)


def test_what_init_sets_over_a_field_may_be_replaced():
    class Frozen(fk.nn.Dense):
        def __init__(self, units, **kwargs):
            super().__init__(units, **kwargs)
            self.trainable = False

    assert Frozen(3).trainable is False
    assert Frozen(3).replace(trainable=True).trainable is True


def test_a_layer_reads_a_weight_of_one_that_it_has_called():
    class Tied(fk.nn.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, inputs):
            return fk.ops.matmul(self.dense(inputs), fk.ops.transpose(self.dense.kernel))

    model = _as_model(Tied(fk.nn.Dense(3)))
    variables = model.init(KEY)
    kernel = variables["params"]["tied"]["dense"]["kernel"]
    np.testing.assert_allclose(model.apply(variables, X), X @ kernel @ kernel.T, rtol=1e-5)


def test_a_call_that_cannot_be_traced_is_described_by_its_own_shapes():
    class Host(fk.nn.Layer):
        def call(self, inputs):
            return jnp.asarray(np.asarray(inputs).repeat(2, axis=-1))

    class Told(Host):
        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2 * input_shape[-1])

    model = _as_model(Told())
    assert model.output_shape == (None, 8)
    assert model.apply({}, X).shape == (2, 8)
    with pytest.raises(jax.errors.TracerArrayConversionError):
        _as_model(Host())


def test_an_input_layer_takes_its_old_arguments():
    assert fk.Sequential([fk.nn.InputLayer(input_shape=(4,)), fk.nn.Dense(2)]).output_shape == (None, 2)
    assert fk.nn.InputLayer(batch_input_shape=(3, 4)).batch_shape == (3, 4)


class Words(fk.nn.TextVectorization):
    def __init__(self, length, **kwargs):
        super().__init__(output_sequence_length=length, **kwargs)


class Bins(fk.nn.Discretization):
    def __init__(self, bins):
        super().__init__(num_bins=bins)


@pytest.mark.parametrize(
    ("layer", "data", "x"),
    [
        (Words(3), ["a b", "b"], np.array([["b c"], ["a"]])),
        (Words(3, vocabulary=["b", "c"]), None, np.array([["b c"], ["a"]])),
        (Bins(3), np.arange(9.0), np.array([[1.0], [7.0]])),
    ],
)
def test_what_adapt_learnt_is_in_the_config(layer, data, x, tmp_path):
    layer = layer if data is None else layer.adapt(data)
    cls = type(layer)
    again = cls.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), layer(x))
    model = fk.Sequential([fk.Input((1,), dtype="string" if x.dtype.kind == "U" else "float32"), layer])
    model.save(tmp_path / "m.keras", model.init(KEY))
    opened, read = fk.load_model(tmp_path / "m.keras", {cls.__name__: cls})
    np.testing.assert_array_equal(opened.apply(read, x), layer(x))
