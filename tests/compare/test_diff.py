"""`fk.diff`: planted faults of porting are named, ports without one are the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

from ..real_keras import keras_world

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.1, 1, (4, 6, 6, 3)).astype("float32")
ROWS = RNG.normal(size=(4, 6)).astype("float32")  # and layers with 6 units, so that what is tried has one shape
TEXT = RNG.normal(size=(2, 4, 6)).astype("float32")
WORDS = np.array([[1, 2, 3], [4, 2, 5]])


def moved(variables, seed=1):
    """Variables in which no weight is at its start, so that what is left out shows."""
    leaves, tree = jax.tree.flatten(variables)
    rng = np.random.default_rng(seed)
    drawn = [
        np.abs(rng.normal(0.6, 0.3, leaf.shape)) * rng.choice([1, -1], leaf.shape, p=[0.7, 0.3]) for leaf in leaves
    ]
    made = jax.tree.unflatten(tree, [jnp.asarray(a, leaf.dtype) for a, leaf in zip(drawn, leaves, strict=True)])
    stats = made.get("batch_stats", {})
    return {**made, "batch_stats": jax.tree.map(jnp.abs, stats)} if stats else made


def made(model, x):
    abstract = jax.eval_shape(lambda: model.init(jax.random.key(0), x))
    return moved(abstract)


def stack(*layers, shape=None):
    return fk.Sequential([fk.Input(shape), *layers])


def changed(variables, path, function):
    """Variables with one leaf changed."""
    collection, *names = path.split("/")

    def at(tree, names):
        return function(tree) if not names else {**tree, names[0]: at(tree[names[0]], names[1:])}

    return {**variables, collection: at(variables[collection], names)}


# ------------------------------------------------------------------ planted faults
def of_weights(model, x, path, function):
    variables = made(model, x)
    return model, variables, model, changed(variables, path, function), x


def of_models(a, b, x, variables=None):
    of_a = made(a, x)
    return a, of_a, b, of_a if variables is None else variables(of_a), x


def dense(**fields):
    return stack(fk.nn.Dense(6, name="one", **fields), fk.nn.Dense(2, name="two"), shape=(6,))


def conv(**fields):
    return stack(fk.nn.Conv2D(3, 3, name="conv", **fields), fk.nn.GlobalAveragePooling2D(), shape=(6, 6, 3))


def norm(layer):
    return stack(layer, fk.nn.Dense(2, name="head"), shape=(6,))


def transposed():
    return of_weights(dense(), ROWS, "params/one/kernel", lambda k: k.T)


def reshaped():
    model = stack(fk.nn.Dense(2, name="head"), shape=(6,))
    return of_weights(model, ROWS, "params/head/kernel", lambda k: k.T.reshape(k.shape))


def flipped():
    return of_weights(conv(), IMAGES, "params/conv/kernel", lambda k: k[::-1, ::-1])


def epsilon():
    one, other = (norm(fk.nn.BatchNormalization(epsilon=e, name="norm")) for e in (1e-3, 1e-5))
    return of_models(one, other, ROWS)


def epsilon_of_layer_norm():
    one, other = (norm(fk.nn.LayerNormalization(epsilon=e, name="norm")) for e in (1e-3, 1e-6))
    return of_models(one, other, ROWS)


def padding():
    return of_models(conv(padding="same"), conv(), IMAGES)


def padding_of_torch():
    layers = [fk.nn.ZeroPadding2D(1), fk.nn.Conv2D(3, 3, 2, name="conv")]
    a = stack(*layers, fk.nn.Flatten(), shape=(6, 6, 3))
    b = stack(fk.nn.Conv2D(3, 3, 2, "same", name="conv"), fk.nn.Flatten(), shape=(6, 6, 3))
    given = made(a, IMAGES)
    recorded = {"conv1": a.get_layer("conv").output, "flat": a.output}
    values = fk.Model(a.input, list(recorded.values())).apply(given, IMAGES)
    return b, given, dict(zip(recorded, values, strict=True)), None, IMAGES


def causal():
    one, other = (stack(fk.nn.Conv1D(3, 3, padding=p, name="conv"), shape=(4, 6)) for p in ("causal", "same"))
    return of_models(one, other, TEXT)


def strides():
    def block(first, second):
        convs = [fk.nn.Conv2D(3, 1, first, name="low"), fk.nn.Conv2D(3, 3, second, "same", name="high")]
        return stack(*convs, shape=(6, 6, 3))

    return of_models(block(1, 2), block(2, 1), IMAGES)


def flatten_order():
    model = stack(fk.nn.MaxPooling2D(2), fk.nn.Flatten(), fk.nn.Dense(2, name="head"), shape=(6, 6, 3))
    rows = np.arange(27).reshape(3, 3, 3).transpose(2, 0, 1).reshape(-1)
    return of_weights(model, IMAGES, "params/head/kernel", lambda k: k[rows])


def layout():
    def head(move):
        lines = fk.nn.Lambda(lambda x: jnp.moveaxis(x, -1, 1) if move else x, name="lines")
        return stack(lines, fk.nn.Conv2D(3, 2, name="conv"), shape=(3, 3, 3))

    a, b = head(False), head(True)
    variables = made(a, IMAGES[:, :3, :3])
    return a, variables, b, variables, IMAGES[:, :3, :3]


def missing_bias():
    def left_out(variables):
        return {"params": {**variables["params"], "one": {"kernel": variables["params"]["one"]["kernel"]}}}

    return of_models(dense(), dense(use_bias=False), ROWS, left_out)


def activation():
    one, other = (dense(activation=a) for a in ("gelu", lambda x: jax.nn.gelu(x, approximate=True)))
    return of_models(one, other, ROWS)


def activation_layer():
    one, other = (norm(fk.nn.LeakyReLU(slope, name="act")) for slope in (0.3, 0.01))
    return of_models(one, other, ROWS)


def statistics():
    model = norm(fk.nn.BatchNormalization(name="norm"))
    given = made(model, ROWS)
    start = model.init(0)["batch_stats"]
    return model, given, model, {**given, "batch_stats": start}, ROWS


def momentum():
    one, other = (norm(fk.nn.BatchNormalization(momentum=m, name="norm")) for m in (0.9, 0.1))
    return of_models(one, other, ROWS)


def gamma_and_beta():
    model = norm(fk.nn.LayerNormalization(name="norm"))
    swap = {"scale": "bias", "bias": "scale"}
    return of_weights(model, ROWS, "params/norm", lambda w: {n: w[m] for n, m in swap.items()})


def moved_gates(kernel, order):
    return jnp.concatenate([jnp.split(kernel, len(order), -1)[i] for i in order], -1)


def gates_of_lstm():
    model = stack(fk.nn.LSTM(3, name="lstm"), shape=(4, 6))
    order = (0, 2, 1, 3)
    return of_weights(model, TEXT, "params/lstm", lambda w: {n: moved_gates(a, order) for n, a in w.items()})


def gates_of_gru():
    model = stack(fk.nn.GRU(3, name="gru"), shape=(4, 6))
    return of_weights(model, TEXT, "params/gru", lambda w: {n: moved_gates(a, (1, 0, 2)) for n, a in w.items()})


def reset_after():
    one, other = (stack(fk.nn.GRU(3, reset_after=r, name="gru"), shape=(4, 6)) for r in (True, False))
    given = changed(made(one, TEXT), "params/gru/bias", lambda bias: bias.at[1].set(0))
    return one, given, other, changed(given, "params/gru/bias", lambda bias: bias[0]), TEXT


def attention():
    x = fk.Input((4, 6))
    return fk.Model(x, fk.nn.MultiHeadAttention(2, 3, name="mha")(x, x))


def heads():
    def other(w):
        turned = {n: {"kernel": w[n]["kernel"].swapaxes(1, 2).reshape(6, 2, 3)} for n in ("query", "key", "value")}
        return {**w, **{n: {**w[n], **turned[n]} for n in turned}}

    return of_weights(attention(), TEXT, "params/mha", other)


def attention_scale():
    return of_weights(attention(), TEXT, "params/mha/query", lambda w: jax.tree.map(lambda a: a * 3**0.5, w))


def softmax_axis():
    one, other = (stack(fk.nn.Softmax(axis=a, name="soft"), fk.nn.Dense(2), shape=(4, 6)) for a in (-1, 1))
    return of_models(one, other, TEXT)


class LeftOn(fk.Model):
    def __init__(self, always):
        super().__init__()
        self.always = always
        self.drop = fk.nn.Dropout(0.5)
        self.head = fk.nn.Dense(2)

    def call(self, x, training=False):
        return self.head(self.drop(x, training=True if self.always else training))


def dropout():
    return of_models(LeftOn(False), LeftOn(True), ROWS)


def scaling():
    convolution = fk.nn.Conv2D(3, 3, name="conv")
    a = stack(fk.nn.Rescaling(1 / 255), convolution, shape=(6, 6, 3))
    return of_models(a, stack(convolution, shape=(6, 6, 3)), IMAGES * 255)


def colours():
    return of_weights(conv(), IMAGES, "params/conv/kernel", lambda k: k[:, :, ::-1])


def embedding():
    model = stack(fk.nn.Embedding(7, 4, name="embed"), fk.nn.Dense(2), shape=(3,))
    return of_weights(model, WORDS, "params/embed/embedding", lambda e: jnp.roll(e, 1, 0))


class CountsPadding(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.avg_pool(x, (3, 3), strides=(1, 1), padding="SAME", count_include_pad=True)


def pooling():
    a = stack(fk.nn.AveragePooling2D(3, 1, "same", name="pool"), shape=(6, 6, 3))
    b = stack(fk.nn.FlaxLayer(CountsPadding(), name="pool"), shape=(6, 6, 3))
    return a, {}, b, {}, IMAGES


def dtype():
    one, other = (dense(dtype=d) for d in ("float32", "bfloat16"))
    return of_models(one, other, ROWS)


def with_residual(is_there):
    x = fk.Input((6,))
    h = fk.nn.Dense(6, name="one")(x)
    return fk.Model(x, fk.nn.Dense(2, name="two")(fk.nn.Add()([h, x]) if is_there else h))


def residual():
    return of_models(with_residual(True), with_residual(False), ROWS)


def joined(first):
    x = fk.Input((6,))
    one, two = fk.nn.Dense(6, name="one")(x), fk.nn.Dense(6, name="two")(x)
    pair = [one, two] if first else [two, one]
    return fk.Model(x, [fk.nn.Concatenate(name="join")(pair), fk.nn.Add(name="sum")(pair)])


def order_of_a_merge():
    return of_models(joined(True), joined(False), ROWS)


def normalised_axis():
    def over(axis):
        return stack(fk.nn.LayerNormalization(axis=axis, center=False, scale=False, name="norm"), shape=(4, 6))

    return of_models(over(-1), over((1, 2)), TEXT)


def block(before):
    x = fk.Input((4, 6))
    norm = fk.nn.LayerNormalization(name="norm")
    attend = fk.nn.MultiHeadAttention(2, 3, name="mha")
    if before:
        h = norm(x)
        return fk.Model(x, x + attend(h, h))
    return fk.Model(x, norm(x + attend(x, x)))


def norm_position():
    return of_models(block(True), block(False), TEXT)


# The name of the cause, the layer of b that is first, and what plants it.
PLANTED = [
    ("transposed kernel", "one", transposed),
    ("transposed kernel", "head", reshaped),
    ("flipped kernel", "conv", flipped),
    ("epsilon", "norm", epsilon),
    ("epsilon", "norm", epsilon_of_layer_norm),
    ("padding", "conv", padding),
    ("padding", "conv1", padding_of_torch),
    ("padding", "conv", causal),
    ("stride place", "low", strides),
    ("flatten order", "head", flatten_order),
    ("data layout", "conv", layout),
    ("missing bias", "one", missing_bias),
    ("other activation", "one", activation),
    ("other activation", "act", activation_layer),
    ("batch statistics not carried", "norm", statistics),
    ("momentum", "norm", momentum),
    ("swapped gamma and beta", "norm", gamma_and_beta),
    ("gate order", "lstm", gates_of_lstm),
    ("gate order", "gru", gates_of_gru),
    ("reset_after", "gru", reset_after),
    ("head layout", "mha", heads),
    ("attention scale", "mha", attention_scale),
    ("softmax axis", "soft", softmax_axis),
    ("dropout left on", "drop", dropout),
    ("input scaling", "conv", scaling),
    ("channel order", "conv", colours),
    ("embedding off by one", "embed", embedding),
    ("pooling counts the padding", "pool", pooling),
    ("dtype", "one", dtype),
    ("missing residual", "two", residual),
    ("other merge", "join", order_of_a_merge),
    ("normalised axis", "norm", normalised_axis),
    ("normalisation position", "mha", norm_position),
]


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("cause", "layer", "plant"), PLANTED, ids=[plant.__name__ for *_, plant in PLANTED])
def test_a_planted_fault_is_named(cause, layer, plant):
    report = fk.diff(*plant(), training=plant is momentum, atol=1e-4 if plant is dtype else None)
    assert report.first is not None
    assert (report.first.b, report.cause.split(":")[0]) == (layer, cause), f"\n{report}"


# ------------------------------------------------------------------ clean ports
class LinenMLP(linen.Module):
    @linen.compact
    def __call__(self, x):
        for _ in range(2):
            x = linen.relu(linen.Dense(6)(x))
        return linen.Dense(2)(x)


class LinenCNN(linen.Module):
    @linen.compact
    def __call__(self, x, train=False):
        x = linen.Conv(3, (3, 3))(x)
        x = linen.relu(linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-3)(x))
        x = linen.avg_pool(x, (2, 2), strides=(2, 2))
        x = linen.Dropout(0.3, deterministic=not train)(x)
        return linen.Dense(2)(x.reshape(len(x), -1))


class LinenAttention(linen.Module):
    @linen.compact
    def __call__(self, x):
        h = linen.LayerNorm(epsilon=1e-5)(x)
        x = x + linen.MultiHeadDotProductAttention(num_heads=2, qkv_features=6, out_features=6)(h, h)
        h = linen.gelu(linen.Dense(8)(linen.LayerNorm(epsilon=1e-5)(x)))
        return x + linen.Dense(6)(h)


def renamed(variables, names):
    return {c: {names.get(n, n): tree for n, tree in part.items()} for c, part in variables.items()}


def of_linen_mlp():
    a, b = LinenMLP(), stack(*[fk.nn.Dense(u, f, name=n) for u, f, n in
                               ((6, "relu", "low"), (6, "relu", "mid"), (2, None, "head"))], shape=(6,))  # fmt: skip
    given = made(a, ROWS)
    return a, given, b, renamed(given, {"Dense_0": "low", "Dense_1": "mid", "Dense_2": "head"}), ROWS


def to_linen_mlp():
    a, of_a, b, of_b, x = of_linen_mlp()
    return b, of_b, a, of_a, x


def of_linen_cnn():
    layers = [
        fk.nn.Conv2D(3, 3, padding="same", name="conv"),
        fk.nn.BatchNormalization(momentum=0.9, name="norm"),
        fk.nn.ReLU(),
        fk.nn.AveragePooling2D(2),
        fk.nn.Dropout(0.3),
        fk.nn.Flatten(),
        fk.nn.Dense(2, name="head"),
    ]
    a, b = LinenCNN(), stack(*layers, shape=(6, 6, 3))
    given = made(a, IMAGES)
    return a, given, b, renamed(given, {"Conv_0": "conv", "BatchNorm_0": "norm", "Dense_0": "head"}), IMAGES


def of_linen_attention():
    x = fk.Input((4, 6))
    h = fk.nn.LayerNormalization(epsilon=1e-5, name="ln_1")(x)
    y = x + fk.nn.MultiHeadAttention(2, 3, name="mha")(h, h)
    h = fk.nn.LayerNormalization(epsilon=1e-5, name="ln_2")(y)
    h = fk.nn.Dense(8, lambda x: jax.nn.gelu(x, approximate=True), name="up")(h)
    b = fk.Model(x, fk.nn.Add()([y, fk.nn.Dense(6, name="down")(h)]))
    a = LinenAttention()
    given = made(a, TEXT)
    norms = {"LayerNorm_0": "ln_1", "LayerNorm_1": "ln_2"}
    rest = {"MultiHeadDotProductAttention_0": "mha", "Dense_0": "up", "Dense_1": "down"}
    return a, given, b, renamed(given, {**norms, **rest}), TEXT


class Subclassed(fk.Model):
    def __init__(self):
        super().__init__()
        self.low = fk.nn.Dense(6, activation="relu")
        self.head = fk.nn.Dense(2)

    def call(self, x):
        return self.head(self.low(x) + x)


def subclassed():
    x = fk.Input((6,))
    low = fk.nn.Dense(6, "relu", name="first")(x)
    b = fk.Model(x, fk.nn.Dense(2, name="second")(fk.nn.Add()([low, x])))
    a = Subclassed()
    given = made(a, ROWS)
    return a, given, b, renamed(given, {"low": "first", "head": "second"}), ROWS


def nested():
    inner = stack(fk.nn.Dense(6, "tanh", name="low"), shape=(6,))
    a = stack(inner, fk.nn.Dense(2, name="head"), shape=(6,))
    b = stack(fk.nn.Dense(6, "tanh", name="low"), fk.nn.Dense(2, name="head"), shape=(6,))
    given = made(a, ROWS)
    inside = next(name for name in given["params"] if name != "head")
    return a, given, b, {"params": {"head": given["params"]["head"], **given["params"][inside]}}, ROWS


def activation_as_a_layer():
    a = stack(fk.nn.Dense(6, "gelu", name="one"), fk.nn.Dense(2, name="two"), shape=(6,))
    b = stack(fk.nn.Dense(6, name="one"), fk.nn.Activation("gelu"), fk.nn.Dense(2, name="two"), shape=(6,))
    return of_models(a, b, ROWS)


def half_precision():
    return of_models(conv(activation="relu"), conv(activation="relu", dtype="bfloat16"), IMAGES)


def half_precision_throughout():
    a = of_linen_cnn()[2]
    return of_models(a, a.with_dtype_policy("bfloat16"), IMAGES)


def channels_first():
    a = stack(fk.nn.Conv2D(4, 3, name="conv"), fk.nn.MaxPooling2D(2), shape=(6, 6, 3))
    first = {"data_format": "channels_first"}
    layers = [fk.nn.Conv2D(4, 3, name="conv", **first), fk.nn.MaxPooling2D(2, **first)]
    b = stack(fk.nn.Permute((3, 1, 2)), *layers, fk.nn.Permute((2, 3, 1)), shape=(6, 6, 3))
    return of_models(a, b, IMAGES)


def convolution_as_dense():
    a = stack(fk.nn.Conv2D(4, 1, name="mix"), shape=(6, 6, 3))
    b = stack(fk.nn.Dense(4, name="mix"), shape=(6, 6, 3))
    return of_models(a, b, IMAGES, lambda v: changed(v, "params/mix/kernel", lambda k: k[0, 0]))


def recurrent(layer):
    a = stack(fk.nn.Embedding(7, 6, name="embed"), layer, fk.nn.Dense(2, name="head"), shape=(3,))
    return of_models(a, a.replace(), WORDS)


def lstm():
    return recurrent(fk.nn.LSTM(3, name="lstm"))


def bidirectional():
    return recurrent(fk.nn.Bidirectional(fk.nn.GRU(3), name="both"))


def shared():
    x, y = fk.Input((6,)), fk.Input((6,))
    twice = fk.nn.Dense(6, "relu", name="twice")
    a = fk.Model([x, y], fk.nn.Concatenate()([twice(x), twice(y)]))
    return of_models(a, a.replace(), [ROWS, -ROWS])


def batch_norm_folded():
    a, given, *_ = of_linen_cnn()
    b = LinenCNN()
    return a, given, b, given, IMAGES


def with_dropout():
    a = stack(fk.nn.Dense(6, name="one"), fk.nn.Dropout(0.5), fk.nn.Dense(2, name="two"), shape=(6,))
    return of_models(a, a.replace(), ROWS)


def recorded_before_activations():
    a, _, b, of_b, x = of_linen_mlp()
    given = made(a, x)
    _, state = a.apply(given, x, capture_intermediates=True)
    names = [f"Dense_{i}" for i in range(3)]
    return b, of_b, [(name, state["intermediates"][name]["__call__"][0]) for name in names], None, x


def recorded_channels_first():
    a = conv(activation="relu")
    given = made(a, IMAGES)
    values = fk.Model(a.input, [a.layers[-2].output, a.output]).apply(given, IMAGES)
    return a, given, {"features.0": np.moveaxis(values[0], -1, 1), "avgpool": values[1]}, None, IMAGES


CLEAN = [
    of_linen_mlp, to_linen_mlp, of_linen_cnn, of_linen_attention, subclassed, nested, activation_as_a_layer,
    half_precision, half_precision_throughout, channels_first, convolution_as_dense, lstm, bidirectional, shared,
    batch_norm_folded, with_dropout, recorded_before_activations, recorded_channels_first,
]  # fmt: skip


@pytest.mark.parametrize("port", CLEAN, ids=lambda port: port.__name__)
def test_a_clean_port_is_the_same(port):
    report = fk.diff(*port())
    assert report.same, f"\n{report}"
    assert report.cause == ""
    assert sum(bool(row.a and row.b) for row in report.rows) >= 1


@pytest.mark.parametrize("port", [of_linen_cnn, with_dropout], ids=lambda port: port.__name__)
def test_a_clean_port_is_the_same_in_training(port):
    report = fk.diff(*port(), training=True, gradients=port is of_linen_cnn)
    assert report.same, f"\n{report}"
    assert ("random" in {row.status for row in report.rows}) == (port is of_linen_cnn)  # one seed, one mask


# ------------------------------------------------------------------ gradients
class Stopped(fk.nn.Layer):
    stops: bool = True

    def call(self, x):
        return jax.lax.stop_gradient(x) if self.stops else x


def test_the_first_gradient_on_the_way_back_that_differs_is_named():
    layers = [fk.nn.Dense(6, name="one"), fk.nn.Dense(2, name="two")]
    a, b = (stack(layers[0], Stopped(stops, name="gate"), layers[1], shape=(6,)) for stops in (False, True))
    variables = made(a, ROWS)
    assert fk.diff(a, variables, b, variables, ROWS).same
    report = fk.diff(a, variables, b, variables, ROWS, gradients=lambda y: jnp.sum(y**2))
    assert (report.first.b, report.first.status) == ("one", "differs in its gradient")
    assert "from the layers behind it, is zero in b" in report.cause
    assert [row.gradient for row in report.rows[1:3]] == [0, 0]
    assert "is the first that differs in its gradient" in str(report)


# ------------------------------------------------------------------ recordings
def test_a_live_model_of_keras_is_compared_through_its_activations(tmp_path):
    import keras

    inputs = keras.Input((6,))
    hidden = keras.layers.LayerNormalization()(keras.layers.Dense(6, activation="relu")(inputs))
    live = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    live.save(tmp_path / "live.keras")
    with keras_world():
        layers = live.layers[1:]
        values = keras.Model(live.inputs, [layer.output for layer in layers])([ROWS])
    recorded = {layer.name: np.asarray(value) for layer, value in zip(layers, values, strict=True)}
    model, variables = fk.load_model(tmp_path / "live.keras")
    assert fk.diff(model, variables, recorded, None, ROWS).same
    name = layers[0].name
    wrong = changed(variables, f"params/{name}/kernel", lambda kernel: kernel.T)
    report = fk.diff(recorded, None, model, wrong, ROWS)
    assert report.first.b == name
    assert report.cause == f"transposed kernel: with kernel transposed, {name!r} of b gives the numbers of a."


def test_a_recording_with_channels_first_before_its_activations():
    x = IMAGES * 0.1 - 0.05  # small, so that an activation shows
    layers = [fk.nn.Conv2D(3, 3, 1, "same", name="conv"), fk.nn.MaxPooling2D(2), fk.nn.Flatten()]
    a = stack(*layers, fk.nn.Dense(6, "gelu", name="low"), fk.nn.Dense(2, name="head"), shape=(6, 6, 3))
    given = made(a, x)
    conv, pool = fk.Model(a.input, [layers[0].output, layers[1].output]).apply(given, x)
    first = [np.moveaxis(value, -1, 1) for value in (conv, pool)]
    flat = first[1].reshape(4, -1)
    kernel = given["params"]["low"]["kernel"].reshape(3, 3, 3, 6).transpose(2, 0, 1, 3).reshape(27, 6)
    low = np.asarray(flat @ kernel) + np.asarray(given["params"]["low"]["bias"])
    last = jax.tree.map(np.asarray, given["params"]["head"])
    head = np.asarray(jax.nn.gelu(low, approximate=False)) @ last["kernel"] + last["bias"]
    recorded = [("conv1", first[0]), ("pool", first[1]), ("drop", flat), ("fc1", low), ("fc2", head)]
    report = fk.diff(a, given, recorded, None, x)
    assert report.same, f"\n{report}"
    assert [row.note for row in report.rows if row.b == "fc1"] == ["before its activation"]
    wrong = changed(given, "params/low/kernel", lambda _: jnp.asarray(kernel))
    assert fk.diff(a, wrong, recorded, None, x).cause.startswith("flatten order: ")
    b = a.map_layers(lambda layer: layer.replace(activation="relu") if layer.name == "low" else layer)
    assert "gelu, exact of the output of 'fc1' before it" in fk.diff(b, given, recorded, None, x).cause


# ------------------------------------------------------------------ the report, and what is wrong
def test_a_report_is_a_table_and_what_is_not_known_is_said():
    model = norm(fk.nn.Dense(6, name="one"))
    variables = made(model, ROWS)
    noise = np.random.default_rng(3).normal(size=(6, 6)).astype("float32")
    recorded = {"one": ROWS @ noise, "head": ROWS[:, :2]}
    report = fk.diff(model, variables, recorded, None, ROWS)
    lines = str(report).splitlines()
    assert lines[0].split() == ["a", "b", "kind", "differ", "by", "by", "itself", "numbers", "to"]
    assert lines[1].split()[:3] == ["one", "one", "dense"]
    assert report.cause.startswith("unknown: on equal inputs they differ by ")
    assert len(report.faults) == 2
    assert "<table" in report._repr_html_()
    with pytest.raises(AttributeError):
        report.rows = ()


def test_a_layer_that_is_missing_is_named():
    a = stack(fk.nn.Dense(6, name="one"), fk.nn.RMSNormalization(name="norm"), fk.nn.Dense(2, name="two"), shape=(6,))
    b = stack(fk.nn.Dense(6, name="one"), fk.nn.Dense(2, name="two"), shape=(6,))
    report = fk.diff(*of_models(a, b, ROWS))
    assert (report.first.b, report.first.status) == ("two", "differs before")
    assert report.cause == "missing layer: 'norm' (layer norm) of a has no partner in b."


class InCode(fk.Model):
    """An activation that is a line of the model's own code."""

    def __init__(self):
        super().__init__()
        self.one, self.two = fk.nn.Dense(6), fk.nn.Dense(2)

    def call(self, x):
        return self.two(jax.nn.relu(self.one(x)))


@pytest.mark.parametrize("turned", [False, True])
def test_an_activation_in_the_models_own_code_is_no_difference(turned):
    a = stack(fk.nn.Dense(6, activation="relu", name="one"), fk.nn.Dense(2, name="two"), shape=(6,))
    given = made(a, ROWS)
    sides = [(a, given), (InCode(), given)]
    (one, of_one), (other, of_other) = reversed(sides) if turned else sides
    report = fk.diff(one, of_one, other, of_other, ROWS)
    assert report.same, f"\n{report}"
    tanh = a.map_layers(lambda layer: layer.replace(activation="tanh") if layer.name == "one" else layer)
    assert fk.diff(InCode(), given, tanh, given, ROWS).cause.startswith("other activation: ")


def test_outputs_that_are_exchanged_or_missing_are_a_difference():
    x = fk.Input((6,))
    one = fk.nn.Dense(6, name="one")(x)
    two = fk.nn.Dense(6, name="two")(one)
    a, given = fk.Model(x, [two, one]), made(fk.Model(x, [two, one]), ROWS)
    assert fk.diff(a, given, fk.Model(x, [one, two]), given, ROWS).first.status == "differs before"
    report = fk.diff(a, given, fk.Model(x, two), given, ROWS)
    assert report.cause.startswith("other outputs: a gives 2 and b gives 1")
    named = fk.diff(a, given, fk.Model(x, {"a": two, "b": one}), given, ROWS)
    assert named.same
    assert named.rows[-1].note == "in another structure"


def test_a_recording_of_one_number_is_compared_without_a_warning():
    report = fk.diff(dense(), made(dense(), ROWS), {"other": np.zeros((4, 2), "float32")}, None, ROWS)
    assert not report.same


@pytest.mark.parametrize("atol", [-1.0, float("nan")])
def test_a_distance_is_not_below_zero(atol):
    with pytest.raises(ValueError, match="atol is a distance"):
        fk.diff(dense(), {}, dense(), {}, ROWS, atol=atol)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((dense(), {}, dense(), {}, ROWS[:0]), ValueError, "an input with numbers in it"),
        (({"one": ROWS}, None, {"one": ROWS}, None, ROWS), ValueError, "both are recordings"),
        ((None, None, dense(), {}, ROWS), TypeError, "model_a is neither a model nor activations"),
        ((dense(), {}, {}, None, ROWS), ValueError, "holds no arrays"),
        ((dense(), {}, {"params": {}}, None, ROWS), TypeError, "a model comes before its variables"),
        ((dense(), {}, {"one": object()}, None, ROWS), TypeError, "What was recorded of 'one' is no array"),
        ((dense(), dense(), dense(), {}, ROWS), TypeError, "variables_a are no variables"),
        ((dense(), {}, dense(), {}), TypeError, "needs an input on which both models run"),
    ],
)
def test_what_is_wrong_is_said(arguments, error, text):
    with pytest.raises(error, match=text):
        fk.diff(*arguments)


def test_gradients_of_a_recording_are_refused():
    with pytest.raises(ValueError, match="Gradients are compared of two models that run"):
        fk.diff(dense(), {}, {"one": ROWS}, None, ROWS, gradients=True)
