"""Models of real Keras with layers, losses and metrics of a user's own, for the tests of live models."""

import keras
import numpy as np

X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
TOKENS = np.array([[3, 1, 2, 0], [4, 3, 0, 0], [1, 2, 2, 1], [2, 0, 0, 0]], "int32")
Y = np.random.default_rng(1).normal(size=(4, 2)).astype("float32")


class Scaled(keras.layers.Layer):
    """A layer with a `build`, a regularizer and a constraint."""

    def build(self, input_shape):
        shape, kinds = (input_shape[-1], 3), {"regularizer": "l2", "constraint": "max_norm"}
        self.w = self.add_weight(shape=shape, initializer="glorot_uniform", name="w", **kinds)

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.w)


class Block(keras.layers.Layer):
    """A layer with layers inside, in a list and as private attributes."""

    def __init__(self, units=5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.stack = [keras.layers.Dense(units, activation="tanh") for _ in range(2)]
        self._norm = keras.layers.LayerNormalization()

    def build(self, input_shape):
        for layer in (*self.stack, self._norm):
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return self._norm(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Noisy(keras.layers.Layer):
    """A layer with a seed generator of its own, which draws while it trains."""

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed_generator = rate, keras.random.SeedGenerator(3)

    def call(self, inputs, training=False):
        return keras.random.dropout(inputs, self.rate, seed=self.seed_generator) if training else inputs


class Counting(keras.layers.Layer):
    """A layer with states that no gradient moves."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization(momentum=0.5)

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs, training=None):
        if training:
            self.calls.assign(self.calls + 1.0)
        return self.norm(inputs, training=training)


class Net(keras.Model):
    """A subclassed model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.out = keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)

    def call(self, inputs):
        return self.out(self.hidden(inputs))


class Attending(keras.layers.Layer):
    """Attention with a mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = keras.layers.MultiHeadAttention(2, 3)
        self.supports_masking = True

    def build(self, shape):
        self.attention.build(shape, shape)

    def call(self, inputs, mask=None):
        return self.attention(inputs, inputs, query_mask=mask, value_mask=mask)


class Pulling(keras.layers.Layer):
    """A layer that adds a loss."""

    def call(self, inputs):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(inputs)))
        return inputs


class Joining(keras.layers.Layer):
    """A layer of two inputs and two outputs, one of them by name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.d = keras.layers.Dense(3)

    def build(self, first_shape, second_shape=None):
        self.d.build(first_shape)

    def call(self, first, second=None, factor=1.0):
        return self.d(first) * factor, self.d(second)


class Cubic(keras.losses.Loss):
    """A loss of one's own class."""

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)


class Largest(keras.metrics.Metric):
    """A metric of one's own class."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(keras.ops.maximum(self.value, keras.ops.max(y_pred)))

    def result(self):
        return keras.ops.convert_to_tensor(self.value)


def mean_gap(y_true, y_pred):
    """A function as a loss and as a metric."""
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


class Warming(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of one's own class."""

    def __call__(self, step):
        return 0.01 * (keras.ops.cast(step, "float32") + 1.0)

    def get_config(self):
        return {}


def row(*layers, shape=(6,), dtype="float32"):
    inputs = x = keras.Input(shape, dtype=dtype, name="i")
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name="net")


def built(model, x=X):
    model(x)
    return model


def attending():
    layers = keras.layers
    return row(
        layers.Embedding(5, 4, mask_zero=True, name="e"), Attending(name="a"), layers.GlobalAveragePooling1D(name="l"),
        layers.Dense(2, name="d"), shape=(4,), dtype="int32",
    )  # fmt: skip


def joining():
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    one, two = Joining(name="j")(a, second=b, factor=2.0)
    return keras.Model([a, b], [keras.layers.Dense(2, name="d")(one), keras.ops.sum(two, axis=-1, keepdims=True)])


def head(name="d"):
    return keras.layers.Dense(2, name=name)


#: What makes a model, what goes in, and what it is compiled with, by what it has of one's own.
MODELS = {
    "a build": (lambda: row(keras.layers.Dense(5, lambda z: z * 2, name="k"), Scaled(name="s"), head()), X, {}),
    "layers inside": (lambda: row(Block(name="b"), head()), X, {"optimizer": keras.optimizers.Adam}),
    "a seed generator": (lambda: row(Noisy(0.0, name="n"), head()), X, {}),
    "states": (lambda: row(Counting(name="c"), head()), X, {}),
    "a model": (lambda: built(Net(name="net")), X, {}),
    "a model inside": (lambda: row(keras.layers.Dense(5, name="k"), Net(name="inside")), X, {"metrics": ["mae"]}),
    "attention with masks": (attending, TOKENS, {}),
    "add_loss": (lambda: row(Pulling(name="p"), head()), X, {"optimizer": lambda: keras.optimizers.SGD(Warming())}),
    "a loss and metrics": (
        lambda: row(Block(name="b"), head()),
        X,
        {"loss": Cubic, "metrics": lambda: [Largest(), mean_gap, "mae"]},
    ),
    "several inputs": (joining, [X, X[::-1]], {"loss": ["mse", mean_gap], "loss_weights": [1.0, 0.5]}),
}


def targets(name):
    return [Y, Y[:, :1]] if name == "several inputs" else Y


def compiled(name):
    """A model, and what goes into it."""
    make, x, arguments = MODELS[name]
    model = make()
    said = {"optimizer": lambda: keras.optimizers.SGD(0.1, momentum=0.9), "loss": "mse", **arguments}
    given = {key: value() if callable(value) and value is not mean_gap else value for key, value in said.items()}
    model.compile(**given)
    return model, x
