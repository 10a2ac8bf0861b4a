"""Models: Keras's docstring examples, structure, nesting, cutting, custom layers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def equal(a, b):
    return jax.tree.all(jax.tree.map(lambda x, y: bool(jnp.array_equal(x, y)), a, b))


# ------------------------------------------------------------------ Keras's Model docstring
def test_docstring_mlp():
    inputs = fk.Input((37,))
    x = fk.nn.Dense(32, activation="relu")(inputs)
    outputs = fk.nn.Dense(5, activation="softmax")(x)
    model = fk.Model(inputs=inputs, outputs=outputs)
    y = model.apply(model.init(KEY), np.ones((2, 37), "float32"))
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-6)  # float32 probabilities
    assert [layer.name for layer in model.layers] == ["input_layer", "dense", "dense_1"]


def test_docstring_cut_models_take_the_full_models_variables():
    inputs = fk.Input((None, None, 3))
    processed = fk.nn.RandomCrop(width=128, height=128)(inputs)
    conv = fk.nn.Conv2D(filters=32, kernel_size=3)(processed)
    pooling = fk.nn.GlobalAveragePooling2D()(conv)
    feature = fk.nn.Dense(10)(pooling)
    full_model = fk.Model(inputs, feature)
    backbone = fk.Model(processed, conv)
    activations = fk.Model(conv, feature)
    variables = full_model.init(KEY)
    images = np.random.default_rng(1).normal(size=(2, 130, 140, 3)).astype("float32")
    h = backbone.apply(variables, images)
    assert jnp.array_equal(activations.apply(variables, h), full_model.apply(variables, images))
    assert backbone.get_layer("conv2d") is full_model.get_layer("conv2d")
    cropped = full_model.apply(variables, images, training=True, rngs={"dropout": KEY})
    assert cropped.shape == (2, 10)


class MyModel(fk.Model):
    def __init__(self):
        super().__init__()
        self.dense1 = fk.nn.Dense(32, activation="relu")
        self.dense2 = fk.nn.Dense(5, activation="softmax")

    def call(self, inputs):
        x = self.dense1(inputs)
        return self.dense2(x)


class MyTrainingModel(fk.Model):
    def __init__(self):
        super().__init__()
        self.dense1 = fk.nn.Dense(32, activation="relu")
        self.dense2 = fk.nn.Dense(5, activation="softmax")
        self.dropout = fk.nn.Dropout(0.5)

    def call(self, inputs, training=False):
        x = self.dense1(inputs)
        x = self.dropout(x, training=training)
        return self.dense2(x)


def test_docstring_subclasses():
    for cls in (MyModel, MyTrainingModel):
        model = cls()
        variables = model.init(KEY, X)
        assert set(variables["params"]) == {"dense1", "dense2"}
        assert model.apply(variables, X).shape == (3, 5)
    still = model.apply(variables, X)
    assert not jnp.array_equal(model.apply(variables, X, training=True, rngs={"dropout": KEY}), still)


def test_docstring_sequential():
    model = fk.Sequential([fk.Input(shape=(None, None, 3)), fk.nn.Conv2D(filters=32, kernel_size=3)])
    assert model.output_shape == (None, None, None, 32)
    assert [layer.name for layer in model.layers] == ["conv2d"]


def test_training_reaches_layers_inside_a_call_that_does_not_take_it():
    class Quiet(fk.Model):
        def __init__(self):
            super().__init__()
            self.dropout = fk.nn.Dropout(0.5)

        def call(self, inputs):
            return self.dropout(inputs)

    model = Quiet()
    assert jnp.array_equal(model.apply({}, X), X)
    assert not jnp.array_equal(model.apply({}, X, training=True, rngs={"dropout": KEY}), X)
    graph = fk.Model(i := fk.Input((4,)), model(i))
    assert not jnp.array_equal(graph.apply({}, X, training=True, rngs={"dropout": KEY}), X)


# ------------------------------------------------------------------ structures
def test_a_model_is_called_on_the_inputs_it_begins_with():
    x = fk.Input((4,))
    halved = fk.nn.Rescaling(0.5)
    encoder = fk.Model(x, fk.nn.Dense(3)(halved(x)))
    model = fk.Model(x, fk.nn.Concatenate()([encoder(x), halved(x)]))
    variables = model.init(KEY)
    want = encoder.apply(model.variables_for(encoder, variables), X)
    np.testing.assert_array_equal(model.apply(variables, X), np.concatenate([want, X / 2], -1))


def test_inputs_and_outputs_are_any_pytree():
    a, b, c = fk.Input((4,), name="a"), fk.Input((4,), name="b"), fk.Input((4,), name="c")
    outputs = {"sum": a + b, "rest": [c * 2, (a - c,)]}
    model = fk.Model({"x": a, "more": [b, (c,)]}, outputs)
    y = model.apply({}, {"x": X, "more": [X + 1, (X + 2,)]})
    assert jax.tree.structure(y) == jax.tree.structure(outputs)
    np.testing.assert_array_equal(y["sum"], X + (X + 1))
    np.testing.assert_array_equal(y["rest"][1][0], X - (X + 2))
    listed = fk.Model([a, b], [a + b])
    np.testing.assert_array_equal(listed.apply({}, [X, X])[0], X + X)
    np.testing.assert_array_equal(listed.apply({}, {"a": X, "b": X})[0], X + X)


def test_dict_inputs_match_by_key_only():
    a, b = fk.Input((4,)), fk.Input((2,))
    model = fk.Model({"left": a, "right": b}, fk.nn.Concatenate()([a, b]))
    swapped = {"right": np.zeros((3, 2), "float32"), "left": X}
    assert model.apply({}, swapped).shape == (3, 6)
    with pytest.raises(
        ValueError, match=r"missing \['right'\] and unknown \['rihgt'\][\s\S]*expected \['left', 'right'\]"
    ):
        model.apply({}, {"left": X, "rihgt": X})
    with pytest.raises(ValueError, match=r"a dict with the keys \['left', 'right'\]"):
        model.apply({}, [X, X])


def test_a_shared_layer_is_one_set_of_weights():
    shared = fk.nn.Dense(4)
    x = fk.Input((4,))
    model = fk.Model(x, shared(shared(x)))
    variables = model.init(KEY)
    assert list(variables["params"]) == ["dense"]
    once = shared.apply({"params": variables["params"]["dense"]}, X)
    np.testing.assert_allclose(model.apply(variables, X), shared.apply({"params": variables["params"]["dense"]}, once))


def functional(inner=None):
    x = fk.Input((4,))
    h = fk.nn.Dense(4, activation="tanh")(x)
    return fk.Model(x, inner(h) if inner else h)


def sequential(inner=None):
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(4, activation="tanh"), *([inner] if inner else [])])


class Subclassed(fk.Model):
    def __init__(self, inner=None):
        super().__init__()
        self.first = fk.nn.Dense(4, activation="tanh")
        self.inner = inner

    def call(self, inputs):
        h = self.first(inputs)
        return self.inner(h) if self.inner is not None else h


KINDS = (functional, sequential, Subclassed)


@pytest.mark.parametrize(
    "kinds", list(itertools.product(KINDS, KINDS, KINDS)), ids=lambda k: "-".join(f.__name__ for f in k)
)
def test_models_nest_in_models_two_deep(kinds):
    outer, middle, inner = kinds
    innermost = inner()
    model = outer(middle(innermost))
    variables = model.init(KEY, X) if model.graph is None else model.init(KEY)
    assert len(jax.tree.leaves(variables)) == 6
    y = model.apply(variables, X)
    by_hand = X  # each level is tanh(x W + b); the levels in order of depth
    levels = sorted(jax.tree_util.tree_leaves_with_path(variables["params"]), key=lambda item: len(item[0]))
    kernels = [leaf for path, leaf in levels if path[-1].key == "kernel"]
    for kernel in kernels:
        by_hand = np.tanh(by_hand @ np.asarray(kernel))
    np.testing.assert_allclose(y, by_hand, atol=1e-5)  # biases start at 0; numpy's float32 tanh
    jitted = jax.jit(model.apply)(variables, X)
    np.testing.assert_allclose(jitted, y, atol=1e-6)  # fused float32 arithmetic
    part = model.variables_for(innermost, variables)
    assert len(jax.tree.leaves(part)) == 2


class Mixin:
    def describe(self):
        return f"{self.name} of {len(self.layers)} layers"


class Mixed(Mixin, fk.Model):
    pass


class OwnInit(fk.Model):
    def __init__(self, units, **kwargs):
        inputs = fk.Input((4,))
        self.hidden = fk.nn.Dense(units)
        super().__init__(inputs, self.hidden(inputs), **kwargs)
        self.units = units

    def double(self, variables, x):
        return 2 * self.apply(variables, x)


def test_a_subclass_called_with_inputs_and_outputs_is_functional():
    bases = Mixed.__bases__, OwnInit.__bases__, fk.Model.__bases__
    x = fk.Input((4,))
    model = Mixed(x, fk.nn.Dense(2)(x), name="mine")
    assert model.describe() == "mine of 2 layers"
    assert model.apply(model.init(KEY), X).shape == (3, 2)
    own = OwnInit(5)
    variables = own.init(KEY)
    np.testing.assert_array_equal(own.double(variables, X), 2 * own.apply(variables, X))
    assert own.units == 5
    assert [layer.name for layer in own.layers] == ["input_layer", "hidden"]
    nested = fk.Model(x, own(x))
    assert nested.apply(nested.init(KEY), X).shape == (3, 5)
    assert (Mixed.__bases__, OwnInit.__bases__, fk.Model.__bases__) == bases


def test_a_missing_call_names_the_class():
    class Empty(fk.Model):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no `call` method"):
        Empty().init(KEY, X)


# ------------------------------------------------------------------ looking inside
def test_get_layer_and_count_params():
    model = functional(sequential())
    assert model.get_layer("dense").units == 4
    assert model.get_layer(index=2) is model.layers[2]
    assert model.get_layer(name="nonsense", index=1).name == "dense"  # the index wins
    with pytest.raises(ValueError, match=r"no layer named 'dence'[\s\S]*Did you mean 'dense'"):
        model.get_layer("dence")
    with pytest.raises(ValueError, match="has 3 layers, so there is none at index 7"):
        model.get_layer(index=7)
    with pytest.raises(ValueError, match="needs a name or an index"):
        model.get_layer()
    assert model.count_params() == 40
    assert sorted(model.variable_map(model.init(KEY))) == [
        "dense/bias", "dense/kernel", "sequential/dense/bias", "sequential/dense/kernel",
    ]  # fmt: skip


def test_summary_equals_keras(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")  # Keras cuts its table at the terminal's width
    keras = pytest.importorskip("keras")

    def describe(lib, layers):
        x = lib.Input((4,), name="x")
        inner = lib.Sequential([lib.Input((3,)), layers.Dense(2, name="deep")], name="inner")
        return lib.Model(x, inner(layers.Dense(3, name="first", trainable=False)(x)), name="net")

    texts = []
    for model in (describe(keras, keras.layers), describe(fk, fk.nn)):
        lines = []
        model.summary(line_length=120, expand_nested=True, show_trainable=True, print_fn=lambda t, **k: lines.append(t))
        texts.append("\n".join(lines))
    words = [[w for w in t.replace("│", " ").split() if w not in "└┴┬┼"] for t in texts]
    shown = [[w for w in ws if not set(w) <= set("─━┏┳┓┡╇┩├┼┤┴┘┃└")] for ws in words]
    assert shown[0] == shown[1]
    fk.Sequential([fk.Input((4,)), fk.nn.Dense(1)]).summary()
    assert "Total params: 5 (20.00 B)" in capsys.readouterr().out


def test_summary_range_positions_and_errors():
    model = functional(sequential())
    lines = []
    model.summary(layer_range=("dense", "sequential"), positions=(0.5, 0.8, 1.0), print_fn=lines.append)
    assert "input_layer" not in lines[0]
    assert "dense" in lines[0]
    with pytest.raises(ValueError, match=r"no layer's name matches 'nowhere'"):
        model.summary(layer_range=("nowhere", "dense"))


def test_add_and_pop_return_new_models():
    first = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])
    second = first.add(fk.nn.Dense(2))
    assert (len(first.layers), len(second.layers)) == (1, 2)
    assert second.output_shape == (None, 2)
    assert second.layers[1].name == "dense_1"
    assert second.pop().output_shape == (None, 3)
    deferred = fk.Sequential().add(fk.nn.Dense(3)).add(fk.Input((7,)))
    assert deferred.output_shape == (None, 3)
    with pytest.raises(ValueError, match="no layers to pop"):
        fk.Sequential().pop()
    with pytest.raises(TypeError, match=r"takes layers[\s\S]*fk.nn.Lambda"):
        fk.Sequential([lambda x: x])


def test_a_deferred_sequential_learns_its_shape_from_data():
    model = fk.Sequential([fk.nn.Dense(3), fk.nn.Dense(2)])
    with pytest.raises(ValueError, match="does not know its input's shape"):
        model.init(KEY)
    variables = model.init(KEY, X)
    assert model.apply(variables, X).shape == (3, 2)
    assert variables["params"]["dense"]["kernel"].shape == (4, 3)


# ------------------------------------------------------------------ custom layers
class Linear(fk.nn.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

    def call(self, inputs):
        self.add_loss(1e-2 * jnp.sum(inputs))
        return jnp.einsum("...i,io->...o", inputs, self.w) + self.b[None]


class Counter(fk.nn.Layer):
    def build(self, input_shape):
        self.total = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False, name="total")

    def call(self, inputs):
        self.total.assign_add(jnp.sum(inputs, axis=0))
        return self.total.value


def test_a_loss_hung_on_a_finished_model_is_answered():
    x = fk.Input((2,))
    with pytest.raises(ValueError, match=r"(?s)functional.*a loss is added where a layer runs.*call\(self, inputs\)"):
        fk.Model(x, fk.nn.Dense(1)(x)).add_loss(fk.ops.mean(x))


class Block(fk.nn.Layer):
    def __init__(self):
        super().__init__()
        self.layers_ = [Linear(8), Linear(2)]

    def build(self, input_shape):
        self.late = fk.nn.Dense(input_shape[-1])

    def call(self, inputs):
        for layer in self.layers_:
            inputs = layer(inputs)
        return self.late(jnp.concatenate([inputs, inputs], -1))


class Fields(fk.nn.Layer):
    units: int = 3
    scale: float = 1.0

    @linen.compact
    def call(self, inputs):
        return linen.Dense(self.units)(inputs) * self.scale


class Setup(fk.nn.Layer):
    units: int = 3

    def setup(self):
        self.dense = fk.nn.Dense(self.units)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_keras_style_layer():
    layer = Linear(5)
    assert layer.get_config()["units"] == 5
    assert Linear.from_config(layer.get_config()) == layer
    variables = layer.init(KEY, X)
    assert jax.tree.map(jnp.shape, variables) == {"params": {"b": (5,), "w": (4, 5)}}
    y, updates = layer.apply(variables, X, mutable=["losses"])
    np.testing.assert_allclose(y, X @ np.asarray(variables["params"]["w"]), atol=1e-6)  # float32 sums
    assert float(updates["losses"]["loss"][0]) == pytest.approx(0.01 * X.sum(), rel=1e-5)


def test_a_weight_is_penalised_once_and_only_where_it_trains():
    x, y = fk.Input((4,)), fk.Input((4,))
    dense = fk.nn.Dense(3, kernel_regularizer="l2")
    model = fk.Model([x, y], [dense(x), dense(y)])
    variables = model.init(KEY)
    updates = model.apply(variables, [X, X], mutable=["losses"])[1]
    want = 0.01 * float(jnp.sum(variables["params"]["dense"]["kernel"] ** 2))  # Keras's l2, once for the weight
    assert sum(map(float, jax.tree.leaves(updates))) == pytest.approx(want, rel=1e-5)
    outer = fk.Model([x, y], model.replace(trainable=False, name="inner")([x, y]))
    for frozen in (model.freeze("dense"), outer):
        assert not jax.tree.leaves(frozen.apply(frozen.init(KEY), [X, X], mutable=["losses"])[1])


def test_a_frozen_model_keeps_its_batch_statistics():
    x = fk.Input((4,))
    inner = fk.Sequential([fk.Input((4,)), fk.nn.BatchNormalization()], trainable=False)
    model = fk.Model(x, inner(x))
    variables = model.init(KEY)
    updates = model.apply(variables, X, training=True, mutable=["batch_stats"])[1]
    assert equal(updates["batch_stats"], variables["batch_stats"])


def test_a_weight_that_does_not_train_is_state():
    layer = Counter()
    variables = layer.init(KEY, X)
    assert jax.tree.map(np.asarray, variables)["non_trainable"]["total"].tolist() == [0, 0, 0, 0]
    _, updates = layer.apply(variables, X, mutable=["non_trainable"])
    np.testing.assert_allclose(updates["non_trainable"]["total"], X.sum(0), atol=1e-6)
    model = fk.Model(x := fk.Input((4,)), layer(x))
    assert model.init(KEY)["non_trainable"]["counter"]["total"].shape == (4,)


def test_sublayers_in_init_and_in_build():
    model = fk.Model(x := fk.Input((4,)), Block()(x))
    variables = model.init(KEY)
    assert set(variables["params"]["block"]) == {"layers__0", "layers__1", "Dense_0"}
    assert model.apply(variables, X).shape == (3, 4)


@pytest.mark.parametrize("layer", [Fields(2, scale=2.0), Setup(2)], ids=["fields", "setup"])
def test_a_flax_style_layer(layer):
    assert type(layer).from_config(layer.get_config()) == layer
    model = fk.Model(x := fk.Input((4,)), layer(x))
    assert model.apply(model.init(KEY), X).shape == (3, 2)
    again = fk.model_from_json(model.to_json(), custom_objects={"Fields": Fields, "Setup": Setup})
    assert again == model


def test_a_subclass_that_is_not_in_custom_objects_is_refused():
    model = fk.Model(x := fk.Input((4,)), Linear(2)(x))
    with pytest.raises(ValueError, match=r"Unknown object 'Linear'[\s\S]*custom_objects=\{'Linear': Linear\}"):
        fk.model_from_json(model.to_json())
    assert fk.model_from_json(model.to_json(), custom_objects={"Linear": Linear}).count_params() == 10


def test_any_linen_module_is_a_layer_and_any_layer_works_in_one():
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, train=False):
            x = linen.BatchNorm(use_running_average=not train)(linen.Dense(5)(x))
            return fk.nn.Dense(2)(x)

    model = fk.Model(x := fk.Input((4,)), fk.nn.FlaxLayer(Net())(x))
    variables = model.init(KEY)
    assert set(variables) == {"params", "batch_stats"}
    assert set(variables["params"]["flax_layer"]) == {"Dense_0", "Dense_1", "BatchNorm_0"}
    still = model.apply(variables, X)
    moved, updates = model.apply(variables, X, training=True, mutable=["batch_stats"])
    assert not jnp.array_equal(still, moved)
    assert not equal(updates["batch_stats"], variables["batch_stats"])


# ------------------------------------------------------------------ transforms of models
def test_freeze_replace_map_layers_and_policy():
    model = functional(sequential())
    frozen = model.freeze("sequential")
    assert [f.trainable for p, f in frozen.weight_facts().items() if p == ("sequential", "dense")] == [False]
    assert model.get_layer("sequential").layers[0].trainable
    variables = model.init(KEY)
    assert jnp.array_equal(frozen.apply(variables, X), model.apply(variables, X))
    linear = model.map_layers(lambda layer: layer.replace(activation=None) if isinstance(layer, fk.nn.Dense) else layer)
    assert linear.get_layer("sequential").layers[0].activation is fk.activations.linear
    assert not jnp.array_equal(linear.apply(variables, X), model.apply(variables, X))
    half = model.with_dtype_policy("mixed_bfloat16")
    assert half.apply(variables, X).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match=r"matches no layer[\s\S]*sequential/dense"):
        model.freeze("nothing/.*")


def test_models_are_static_arguments():
    traces = []

    @jax.jit
    def seen(x):
        return x

    def run(model, variables, x):
        traces.append(model)
        return model.apply(variables, x)

    jitted = jax.jit(run, static_argnums=0)
    one, two = functional(), functional()
    assert one == two
    assert hash(one) == hash(two)
    variables = one.init(KEY)
    jitted(one, variables, X)
    jitted(two, variables, X)
    assert len(traces) == 1
    assert one != functional(sequential())
    del seen


def test_building_twice_gives_the_same_names_and_tree():
    trees = [functional(sequential(functional())).init(KEY) for _ in range(2)]
    assert equal(*trees)
