"""`init` without a forward pass, shapes over unknown dimensions, operators, immutability, config, errors."""

import functools
import gc
import json
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def cnn():
    x = i = fk.Input((16, 16, 3))
    for filters in (4, 8, 8):
        x = fk.nn.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = fk.nn.BatchNormalization()(x)
    return fk.Model(i, fk.nn.Dense(2)(fk.nn.GlobalAveragePooling2D()(x)))


# ------------------------------------------------------------------ init
def test_init_runs_no_forward_pass():
    ran = []

    class Loud(fk.nn.Layer):
        def call(self, inputs):
            jax.debug.callback(lambda: ran.append("forward"))
            return inputs * self.add_weight((4,), name="w", initializer="ones")[None]

    model = fk.Model(x := fk.Input((4,)), Loud()(x))
    variables = model.init(KEY)
    layer_variables = Loud().init(KEY, X)
    jax.effects_barrier()
    assert ran == []
    jax.block_until_ready(model.apply(variables, X))
    jax.effects_barrier()
    assert ran == ["forward"]
    assert layer_variables["params"]["w"].shape == (4,)
    program = jax.make_jaxpr(cnn().init)(KEY)
    assert "conv_general_dilated" not in str(program)
    assert "dot_general" not in str(program)


@functools.partial(jax.jit, static_argnums=(1, 2))
def draw_once(key, shape, dtype):
    return jax.random.normal(key, shape, dtype)


def test_each_initializer_and_shape_compiles_once(caplog):
    x = i = fk.Input((4,))
    for _ in range(5):
        x = fk.nn.Dense(4, kernel_initializer=draw_once)(x)
    model = fk.Model(i, x)
    with jax.log_compiles(True), caplog.at_level("WARNING"):
        variables = model.init(KEY)
    assert sum("Compiling jit(draw_once)" in record.getMessage() for record in caplog.records) == 1
    kernels = [np.asarray(p["kernel"]) for p in variables["params"].values()]
    assert all(not np.array_equal(a, b) for k, a in enumerate(kernels) for b in kernels[k + 1 :])


# ------------------------------------------------------------------ shared traces
def found_of(tensor):
    return tensor.node.inferred


def test_calls_that_are_alike_share_a_trace_and_not_their_weights():
    x = fk.Input((4,))
    one, two = fk.nn.Dense(4, activation="relu"), fk.nn.Dense(4, activation="relu", name="two")
    a, b = one(x), two(x)
    assert found_of(a) is found_of(b)
    model = fk.Model(x, a + b)
    params = model.init(KEY)["params"]
    assert not np.array_equal(params["dense"]["kernel"], params["two"]["kernel"])
    alone = fk.Model(x, fk.nn.Dense(4, activation="relu", name="two")(x)).init(KEY)["params"]["two"]
    np.testing.assert_array_equal(alone["kernel"], params["two"]["kernel"])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (lambda x: fk.nn.Dense(4)(x), lambda x: fk.nn.Dense(4, use_bias=False)(x)),
        (lambda x: fk.nn.Dense(4)(x), lambda x: fk.nn.Dense(4, dtype="bfloat16")(x)),
        (lambda x: fk.nn.Dense(4)(x), lambda x: fk.nn.Dense(4)(fk.ops.cast(x, "int32"))),
        (lambda x: fk.nn.Dense(4)(x), lambda x: fk.nn.Dense(4)(x[:, :3])),
        (lambda x: fk.ops.cast(x, "int32") * 2, lambda x: fk.ops.cast(x, "int32") * 2.0),
        (lambda x: fk.ops.cast(x, "int32") + True, lambda x: fk.ops.cast(x, "int32") + 1.0),
        (lambda x: x[:, 1], lambda x: x[:, :1]),
        (lambda x: fk.nn.RNN(fk.nn.GRUCell(2))(x[:, None]), lambda x: fk.nn.RNN(fk.nn.LSTMCell(2))(x[:, None])),
        (lambda x: fk.nn.Lambda(lambda t: t[:, :2])(x), lambda x: fk.nn.Lambda(lambda t: t[:, :3])(x)),
    ],
)
def test_calls_that_differ_share_nothing(one, two):
    x = fk.Input((4,))
    a, b = one(x), two(x)
    assert found_of(a) is not found_of(b)
    assert (a.shape, a.dtype) == (one(x).shape, one(x).dtype)
    assert (b.shape, b.dtype) == (two(x).shape, two(x).dtype)


def test_a_layer_of_the_users_own_is_traced_at_each_call():
    widths = iter((2, 3))

    class Widening(fk.nn.Dense):
        def call(self, inputs):
            return jnp.zeros((inputs.shape[0], next(widths)))

    x = fk.Input((4,))
    assert [Widening(1)(x).shape, Widening(1)(x).shape] == [(None, 2), (None, 3)]


def test_a_trace_is_not_shared_across_settings_of_jax_and_dies_with_its_graph():
    make = lambda: fk.nn.Dense(5)(fk.Input((4,), dtype="float64"))  # noqa: E731
    kept = make()
    with jax.enable_x64(True):
        assert found_of(make()) is not found_of(kept)
    gone = weakref.ref(found_of(kept))
    del kept
    gc.collect()
    assert gone() is None


def test_init_under_jit_vmap_eval_shape():
    model = cnn()
    variables = model.init(KEY)
    jitted = jax.jit(model.init)(KEY)
    # fused float32 arithmetic in the initializers
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), variables, jitted)
    many = jax.vmap(model.init)(jax.random.split(KEY, 3))
    assert jax.tree.map(lambda a: a.shape[1:], many) == jax.tree.map(jnp.shape, variables)
    shapes = jax.eval_shape(model.init, KEY)
    assert jax.tree.map(lambda a: a.shape, shapes) == jax.tree.map(jnp.shape, variables)
    assert jax.tree.map(lambda a: a.shape, model.abstract_variables()) == jax.tree.map(jnp.shape, variables)


def test_apply_under_jit_vmap_and_grad():
    model = cnn()
    variables = model.init(KEY)
    images = np.random.default_rng(0).normal(size=(5, 2, 16, 16, 3)).astype("float32")
    many = jax.jit(jax.vmap(lambda x: model.apply(variables, x)))(images)
    one = jax.jit(model.apply)(variables, images[1])
    np.testing.assert_allclose(many[1], one, atol=1e-5)  # batched convolutions sum in another order
    grads = jax.jit(jax.grad(lambda v: model.apply(v, images[0]).sum()))(variables)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
    run = lambda v: model.apply(v, images[0], training=True, mutable=["batch_stats"])  # noqa: E731
    assert set(jax.eval_shape(run, variables)[1]) == {"batch_stats"}


# ------------------------------------------------------------------ unknown dimensions
def test_shapes_are_algebra():
    x = fk.Input((None, None, 8))
    up = fk.nn.UpSampling2D()(x)
    assert str(up.symbolic_shape) == "(batch, 2*h, 2*w, 8)"
    down = fk.nn.MaxPooling2D()(x)
    assert down.shape == (None, None, None, 8)
    assert str(down.symbolic_shape[1]) == "floordiv(h - 2, 2) + 1"
    assert str(fk.nn.Flatten()(x).symbolic_shape) == "(batch, 8*h*w)"
    assert fk.nn.LSTM(5, return_sequences=True)(fk.Input((None, 3))).shape == (None, None, 5)


def test_undecidable_comparisons_are_tried_with_sizes():
    x = fk.Input((None, None, 3))
    crop = fk.nn.Lambda(lambda a: a[:, : min(a.shape[1], 32), : min(a.shape[2], 32)])(x)
    assert crop.shape == (None, 32, 32, 3)
    up = fk.nn.UpSampling2D()(fk.nn.MaxPooling2D()(x))  # a U-Net's skip: 2*floordiv(h, 2) beside h
    assert fk.nn.Concatenate()([x, up]).shape == (None, None, None, 6)
    model = fk.Model(x, fk.nn.Concatenate()([x, up]))
    assert model.apply({}, np.zeros((1, 6, 8, 3), "float32")).shape == (1, 6, 8, 6)


def test_an_unknown_feature_size_names_the_layer():
    with pytest.raises(ValueError, match=r"needs a known size for its weight 'kernel'"):
        fk.nn.Dense(3)(fk.Input((None,)))


# ------------------------------------------------------------------ operators and ops
def test_an_op_on_shapes_that_do_not_go_together_says_which():
    a, b = fk.Input((4,)), fk.Input((5,))
    with pytest.raises(ValueError, match=r"op 'add' does not take[\s\S]*shapes \(batch, 4\), \(batch, 5\)"):
        a + b
    with pytest.raises(ValueError, match=r"op 'concatenate' does not take[\s\S]*Write:    fk.ops.expand_dims"):
        fk.ops.concatenate([a, fk.Input((3, 2))])

    with pytest.raises(ValueError, match=r"op 'split' does not take these arguments[\s\S]*shape") as caught:
        fk.ops.split(a, 3, axis=1)
    assert "Write:" not in str(caught.value)

    def own(x):
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        fk.ops.vectorized_map(own, a)


@jax.numpy_rank_promotion("allow")  # numpy's rows are broadcast, as numpy does it
def test_operators_indexing_and_ops():
    x = fk.Input((4,))
    outputs = [
        x + 1, 1 - x, x * x, 2 / (x + 9), x // 2, x % 2, x**2, -x, abs(x), x > 0, x <= 0,
        x[:, 1:3], x[..., None], x[:, 0], fk.ops.mean(x, axis=1), fk.ops.relu(x), fk.ops.concatenate([x, x], axis=-1),
        fk.ops.expand_dims(x, 1), x.astype("int32"), x.reshape(-1, 2, 2), fk.ops.where(x > 0, x, 0.0),
        x == 0, x != X[0], +x, round(x, 1), X[0] * x, jnp.asarray(X[0]) - x, np.float32(2) / (x + 9), X[0] <= x,
    ]  # fmt: skip
    got = fk.Model(x, outputs).apply({}, X)
    want = [
        X + 1, 1 - X, X * X, 2 / (X + 9), X // 2, X % 2, X**2, -X, abs(X), X > 0, X <= 0,
        X[:, 1:3], X[..., None], X[:, 0], X.mean(1), np.maximum(X, 0), np.concatenate([X, X], -1),
        X[:, None], X.astype("int32"), X.reshape(-1, 2, 2), np.where(X > 0, X, 0),
        X == 0, X[0] != X, X, np.round(X, 1), X[0] * X, X[0] - X, 2 / (X + 9), X[0] <= X,
    ]  # fmt: skip
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)  # float32 powers and quotients
    assert fk.ops.shape(x) == (None, 4)
    one, two = (fk.nn.InputLayer(batch_shape=(None, 4), input_tensor=t) for t in (x, fk.Input((4,))))
    assert one != two  # by identity, where a tensor is an argument
    assert {x: 1}[x] == 1
    np.testing.assert_array_equal(fk.ops.relu(X), np.maximum(X, 0))


@pytest.mark.parametrize("use", [bool, len, list, float, np.asarray, jnp.asarray, np.sin], ids=lambda f: f.__name__)
def test_a_symbolic_tensor_has_no_value(use):
    with pytest.raises(TypeError, match=r"needs a value[\s\S]*fk.ops"):
        use(fk.Input((4,)))


# ------------------------------------------------------------------ immutability
def every_kind():
    x = fk.Input((4,))
    dense = fk.nn.Dense(3)
    functional = fk.Model(x, dense(x))

    class Sub(fk.Model):
        def __init__(self):
            super().__init__()
            self.inner = fk.nn.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    sub = Sub()
    return {"layer": dense, "fresh": fk.nn.Dense(1), "model": functional, "sequential": fk.Sequential([fk.nn.Dense(1)]),
            "subclass": sub, "inner": sub.inner, "tensor": x, "trainer": functional.compile("sgd", "mse")}  # fmt: skip


@pytest.mark.parametrize("kind", ["layer", "fresh", "model", "sequential", "subclass", "inner", "tensor", "trainer"])
def test_setting_any_attribute_is_an_error(kind):
    thing = every_kind()[kind]
    for name in ("trainable", "name", "layers", "something_new"):
        with pytest.raises(AttributeError):
            setattr(thing, name, 1)
    if kind not in ("tensor", "trainer"):
        with pytest.raises(AttributeError, match=r"is immutable[\s\S]*Write: .*freeze"):
            thing.trainable = False
        variables = thing.init(KEY, X)
        thing.apply(variables, X)
        with pytest.raises(AttributeError, match="is immutable"):
            thing.units = 7


def test_setting_an_attribute_in_call_is_an_error():
    class Stateful(fk.nn.Layer):
        def call(self, inputs):
            self.last = inputs
            return inputs

    with pytest.raises(AttributeError, match="'last' cannot be set"):
        Stateful()(X)


# ------------------------------------------------------------------ config, both ways with Keras
def graph(lib, layers):
    a = lib.Input((4,), name="a")
    shared = layers.Dense(4, activation="relu", name="shared")
    inner = lib.Sequential([lib.Input((4,), name="i"), layers.Dense(3, name="deep")], name="inner")  # else Keras counts
    h = shared(shared(a)) + a
    return lib.Model(a, {"cut": h[:, :2] * 2.0, "deep": inner(h)}, name="net")


def test_json_travels_both_ways_with_keras():
    keras = pytest.importorskip("keras")
    theirs, ours = graph(keras, keras.layers), graph(fk, fk.nn)
    read = fk.model_from_json(theirs.to_json())
    assert [layer.name for layer in read.layers] == [layer.name for layer in ours.layers]
    assert read == ours
    back = keras.models.model_from_json(ours.to_json())
    assert [layer.name for layer in back.layers] == [layer.name for layer in theirs.layers]
    values = {}
    for weight in back.weights:
        *_, layer, name = weight.path.split("/")
        values[layer, name] = np.asarray(weight.value)
    variables = jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.asarray(values[path[-2].key, path[-1].key]), ours.init(KEY)
    )
    with jax.numpy_rank_promotion("allow"):
        want = back(X)
    got = ours.apply(variables, X)
    for key in want:
        np.testing.assert_allclose(got[key], np.asarray(want[key]), atol=1e-5)  # float32 sums
    assert json.loads(ours.to_json())["config"]["layers"][0] == json.loads(theirs.to_json())["config"]["layers"][0]


def test_configs_round_trip():
    model = graph(fk, fk.nn)
    again = fk.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert again == model
    variables = model.init(KEY)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, again.apply(variables, X), model.apply(variables, X)))
    assert fk.model_from_json(model.to_json()).output_shape == model.output_shape
    shapes = fk.nn.Dense(3).build_from_config({"input_shape": [None, 5]})
    assert shapes["params"]["kernel"].shape == (5, 3)


def test_a_cycle_in_a_config():
    config = json.loads(fk.Model(x := fk.Input((4,)), fk.nn.Dense(2)(fk.nn.Dense(3)(x))).to_json())
    entries = {e["name"]: e for e in config["config"]["layers"]}
    entries["dense"]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["dense_1", 0, 0]
    with pytest.raises(ValueError, match=r"\['dense', 'dense_1'\] wait for each other \(a cycle\)"):
        fk.model_from_json(json.dumps(config))


def test_lambda_bytecode_is_refused():
    config = json.loads(fk.Model(x := fk.Input((4,)), fk.nn.Lambda(jnp.tanh)(x)).to_json())
    config["config"]["layers"][1]["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}
    with pytest.raises(ValueError, match="never runs code from a file"):
        fk.model_from_json(json.dumps(config))
    with pytest.raises(TypeError, match="has no name that a config could hold"):
        fk.Model(x, fk.nn.Lambda(lambda a: a)(x)).to_json()


# ------------------------------------------------------------------ bad input
def test_wrong_input_shape_names_the_input():
    model = cnn()
    with pytest.raises(
        ValueError, match=r"'input_layer'[\s\S]*expects shape \(None, 16, 16, 3\)[\s\S]*shape \(16, 16, 3\)"
    ):
        model.apply(model.init(KEY), np.zeros((16, 16, 3), "float32"))


def test_a_tensor_of_another_models_graph():
    a, b = fk.Input((4,), name="a"), fk.Input((4,), name="b")
    with pytest.raises(ValueError, match=r"depends on 'b'[\s\S]*another model's graph"):
        fk.Model(a, a + fk.nn.Dense(4)(b))
    with pytest.raises(ValueError, match=r"must be symbolic tensors[\s\S]*fk.Input"):
        fk.Model(a, X)


def test_two_layers_of_one_name():
    x = fk.Input((4,))
    with pytest.raises(ValueError, match=r"Two different layers of Model share the name 'same'[\s\S]*same_b"):
        fk.Model(x, fk.nn.Dense(2, name="same")(fk.nn.Dense(3, name="same")(x)))


def test_a_layer_at_two_levels_names_both_paths():
    shared = fk.nn.Dense(4, name="shared")
    x, y = fk.Input((4,)), fk.Input((4,))
    inner = fk.Model(x, shared(x), name="inner")
    with pytest.raises(ValueError, match=r"at 'shared' and at 'inner/shared'|at 'inner/shared' and at 'shared'"):
        fk.Model(y, inner(shared(y)))


def test_a_layer_with_weights_called_on_arrays():
    with pytest.raises(ValueError, match=r"holds no weights[\s\S]*layer.init"):
        fk.nn.Dense(3)(X)
    np.testing.assert_array_equal(fk.nn.ReLU()(X), np.maximum(X, 0))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.Dense(-1), r"Dense: `units` must be a positive integer[\s\S]*units=-1"),
        (lambda: fk.nn.Dense(3, activation="rely"), r"Unknown name 'rely' in activations[\s\S]*relu"),
        (lambda: fk.nn.Dense(3, dtype="float31"), "Unknown dtype policy 'float31'"),
        (lambda: fk.nn.Conv2D(4, 3, padding="full"), r"`padding` must be one of"),
        (lambda: fk.nn.Conv2D(4, 9)(fk.Input((5, 5, 1))), "the window is larger than the input"),
        (lambda: fk.nn.Conv2D(4, 3, groups=3), "groups must divide filters"),
        (lambda: fk.nn.Conv2D(4, 3, groups=2)(fk.Input((5, 5, 3))), "groups must divide the input's channels"),
        (lambda: fk.nn.Conv2D(4, 3)(fk.Input((5, 5))), r"needs an input of rank 4[\s\S]*rank 3"),
        (lambda: fk.nn.Dropout(1.5), "`rate` must be a number between 0 and 1"),
        (lambda: fk.nn.Reshape((5,))(fk.Input((4,))), r"cannot make \(5,\) of 4 numbers"),
        (lambda: fk.nn.Add()([fk.Input((4,)), fk.Input((5,))]), "cannot merge these shapes"),
        (lambda: fk.nn.Add()(fk.Input((4,))), "merges a list of at least 2 tensors"),
        (lambda: fk.nn.Conv2D(4, 2.5), r"`kernel_size` must be a positive integer[\s\S]*2.5"),
        (lambda: fk.nn.Cropping2D(2.5), r"`cropping` must be a non-negative integer[\s\S]*2.5"),
        (lambda: fk.nn.Dot((1, 2, 3)), "one axis for both inputs, or two axes"),
        (lambda: fk.nn.Dot(5)([fk.Input((4,)), fk.Input((4,))]), r"Layer Dot has no such axis[\s\S]*axes=5"),
        (lambda: fk.nn.Reshape((-1, -1)), "one may be -1"),
        (lambda: fk.nn.BatchNormalization(axis=5)(fk.Input((4,))), r"has no such axis[\s\S]*axis=5"),
        (lambda: fk.nn.BatchNormalization(axis=[1, 2]), "`axis` is one axis"),
        (lambda: fk.nn.GroupNormalization(2, axis=7)(fk.Input((4,))), "has no such axis"),
        (lambda: fk.nn.Normalization(axis=4, mean=[1.0], variance=[1.0])(fk.Input((4,))), "has no such axis"),
        (lambda: fk.nn.MultiHeadAttention(2, 3, output_shape=-3), "`output_shape` must be a positive integer"),
        (lambda: fk.nn.MelSpectrogram(num_mel_bins=-2), "`num_mel_bins` must be a positive integer"),
        (lambda: fk.nn.STFTSpectrogram(frame_length=256)(fk.Input((64, 1))), "the window is larger than the input"),
        (lambda: fk.nn.MixUp(-1.0), "`alpha` must be a number above 0"),
        (lambda: fk.nn.IntegerLookup(vocabulary=["a"]), r"IntegerLookup looks up integers[\s\S]*StringLookup"),
        (lambda: fk.nn.Dense(3, name="a/b"), r"Dense 'a/b': `name` must be text without '/'"),
        (lambda: fk.nn.Dense(3, activaton="relu"), r"no argument 'activaton'[\s\S]*Did you mean 'activation'"),
        (lambda: fk.nn.Dense(3, batch_size=4), r"no argument 'batch_size'[\s\S]*fk.Input"),
        (lambda: fk.nn.Dense(3, input_shape=(4, 0)), r"`input_shape` is a shape[\s\S]*\(4, 0\)"),
        (lambda: fk.nn.Dense(), "Dense needs 'units'"),
        (lambda: fk.nn.Dense(2)([fk.Input((4,))] * 2), "several tensors were passed where the layer takes one"),
        (lambda: fk.Input("wide"), r"Input got a wrong shape[\s\S]*'wide'"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()


def test_variables_that_lack_something_are_named():
    model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(3), fk.nn.Dropout(0.5)])
    variables = model.init(KEY)
    for wrong in (variables["params"], {"params": {"other": {}}}):
        with pytest.raises(
            ValueError, match=r"no weights of its own in these variables[\s\S]*(model.init|state.variables)"
        ):
            model.apply(wrong, X)
    with pytest.raises(ValueError, match=r"no key for them[\s\S]*rngs="):
        model.apply(variables, X, training=True)
    with pytest.raises(ValueError, match="needs a random key"):
        model.init("0")


def test_constructors_take_keras_positional_order():
    layer = fk.nn.Conv2D(32, (3, 3), (2, 2), "same")
    assert (layer.filters, layer.kernel_size, layer.strides, layer.padding) == (32, (3, 3), (2, 2), "same")
    assert fk.nn.MaxPooling2D(2, 2, "valid", None, "pool").name == "pool"  # some of Keras's take the name by position
    with pytest.raises(TypeError, match="multiple values for argument 'units'"):
        fk.nn.Dense(3, units=3)


# ------------------------------------------------------------------ keys
@pytest.mark.parametrize("form", ["layer", "sequential", "functional", "unknown sizes"])
def test_keys_of_every_kind_make_weights(form):
    x = np.ones((2, 4, 3), "float32")
    if form == "layer":
        model, args = fk.nn.Dense(2), (x,)
    elif form == "functional":
        inputs = fk.Input((4, 3))
        model, args = fk.Model(inputs, fk.nn.Dense(2)(fk.nn.Dropout(0.1)(inputs))), ()
    else:
        model, args = fk.Sequential([fk.Input((None if form == "unknown sizes" else 4, 3)), fk.nn.Dense(2)]), ()
    typed, raw = (model.init(key, *args) for key in (jax.random.key(0), jax.random.PRNGKey(0)))
    jax.tree.map(np.testing.assert_array_equal, typed, raw)
    other = model.init(jax.random.key(0, impl="rbg"), *args)
    kernel = lambda variables: max(jax.tree.leaves(variables), key=np.size)  # noqa: E731
    assert np.abs(kernel(other)).max() > 0
    assert not np.array_equal(kernel(other), kernel(typed))
    stacked = jax.vmap(lambda key: model.init(key, *args))(jax.random.split(jax.random.PRNGKey(0), 3))
    assert kernel(stacked).shape == (3, *kernel(typed).shape)


def test_what_is_no_key_is_refused():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    for wrong in (np.ones((2, 3), "float32"), True, "0", None, np.zeros(4, "uint32")):
        with pytest.raises(ValueError, match=r"`init` needs a random key(?s:.*)trainer.init\(0\)"):
            model.init(wrong)
