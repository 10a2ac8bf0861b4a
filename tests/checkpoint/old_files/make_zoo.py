"""Models of every kind as Keras 2 (2.0 to 2.13) and Keras 3 save them, each with inputs and what Keras computes.

`python make_zoo.py FOLDER [NAME ...]` in an environment with one version of Keras. For each model: NAME.h5 (trained two
steps where it is compiled), NAME.keras where that version writes one, weights alone as NAME.w.h5, NAME.json,
and NAME.npz with the inputs `x0, x1, ...`, the outputs `y0, y1, ...`, and the outputs after one more step of training
`z0, ...` where it is compiled. `check_zoo.py` opens them with fkeras. No file of a user is needed, and no fkeras.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("KERAS_BACKEND", "jax" if os.environ.get("ZOO") == "3" else "tensorflow")

import numpy as np

if os.environ.get("ZOO") == "tf":  # the Keras inside of TensorFlow 1 and 2
    from tensorflow import keras
else:
    import keras

L, Model, Sequential = keras.layers, keras.models.Model, keras.models.Sequential
VERSION = tuple(int(n) for n in keras.__version__.split(".")[:2])
Input = getattr(keras, "Input", None) or L.Input
rng = np.random.RandomState(0)
ZOO = {}


def model(function):
    ZOO[function.__name__] = function
    return function


def since(major, minor=0):
    return (lambda f: model(f)) if (major, minor) <= VERSION else (lambda f: f)


def until(major, minor=99):
    return (lambda f: model(f)) if (major, minor) >= VERSION else (lambda f: f)


def floats(*shape):
    return rng.uniform(-1, 1, shape).astype("float32")


def whole(high, *shape):
    return rng.randint(0, high, shape).astype("int32")


# ------------------------------------------------------------------ the usual ones
@model
def sequential_dense():
    m = Sequential(
        [L.Dense(5, activation="relu", input_shape=(4,), name="one"), L.Dropout(0.3), L.Dense(2, name="two")]
    )
    return m, [floats(3, 4)]


@model
def sequential_input_dim():
    m = Sequential()
    m.add(L.Dense(5, input_dim=4, kernel_initializer="he_normal", kernel_regularizer=keras.regularizers.l2(0.01)))
    m.add(L.LeakyReLU(0.1))
    m.add(L.BatchNormalization())
    m.add(L.Activation("hard_sigmoid"))
    m.add(L.Dense(3, activation="softmax", kernel_constraint=keras.constraints.MaxNorm(2)))
    return m, [floats(3, 4)]


@model
def convnet():
    m = Sequential()
    m.add(L.Conv2D(4, (3, 3), padding="same", activation="relu", input_shape=(8, 8, 3)))
    m.add(L.BatchNormalization())
    m.add(L.MaxPooling2D((2, 2)))
    m.add(L.Conv2D(3, 3, strides=(1, 1), dilation_rate=(1, 1), use_bias=False))
    m.add(L.ZeroPadding2D(1))
    m.add(L.ELU(0.7))
    m.add(L.UpSampling2D(2))
    m.add(L.AveragePooling2D(2))
    m.add(L.Flatten())
    m.add(L.Dense(2))
    return m, [floats(2, 8, 8, 3)]


@model
def conv_1d():
    i = Input((9, 3))
    x = L.Conv1D(4, 3, padding="causal", dilation_rate=2)(i)
    x = L.MaxPooling1D(2)(x)
    x = L.ZeroPadding1D(2)(x)
    x = L.Cropping1D(1)(x)
    x = L.UpSampling1D(2)(x)
    x = L.SpatialDropout1D(0.2)(x)
    y = L.GlobalMaxPooling1D()(x)
    z = L.GlobalAveragePooling1D()(x)
    return Model(i, L.concatenate([y, z])), [floats(2, 9, 3)]


@model
def conv_3d():
    i = Input((5, 5, 5, 2))
    x = L.Conv3D(3, 2)(i)
    x = L.MaxPooling3D(2)(x)
    x = L.Cropping3D(0)(x)
    x = L.PReLU(shared_axes=[1, 2, 3])(x)
    return Model(i, L.GlobalAveragePooling3D()(x)), [floats(2, 5, 5, 5, 2)]


@model
def separable():
    i = Input((7, 7, 3))
    x = L.SeparableConv2D(4, 3, depth_multiplier=2, padding="same")(i)
    x = L.Conv2DTranspose(3, 3, strides=2, padding="same")(x)
    return Model(i, x), [floats(2, 7, 7, 3)]


@since(2, 2)
def depthwise():
    i = Input((7, 7, 3))
    x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(i)
    x = L.ReLU(max_value=0.8)(x)
    x = L.Softmax()(x)
    return Model(i, x), [floats(2, 7, 7, 3)]


@since(2, 4)
def more_convolutions():
    i = Input((8, 4))
    x = L.Conv1DTranspose(4, 3, strides=2)(i)
    x = L.SeparableConv1D(4, 3)(x)
    x = L.DepthwiseConv1D(2)(x) if VERSION >= (2, 8) else x
    x = L.Conv1D(4, 2, groups=2)(x)
    return Model(i, x), [floats(2, 8, 4)]


@model
def transposed_3d():
    i = Input((3, 3, 3, 2))
    return Model(i, L.Conv3DTranspose(3, 2, strides=2)(i)), [floats(1, 3, 3, 3, 2)]


@model
def embedding_lstm():
    m = (
        Sequential([L.Embedding(20, 6, input_length=5), L.LSTM(4), L.Dense(1, activation="sigmoid")])
        if VERSION < (3,)
        else (Sequential([L.Input((5,)), L.Embedding(20, 6), L.LSTM(4), L.Dense(1, activation="sigmoid")]))
    )
    return m, [whole(20, 3, 5)]


@model
def masked_gru():
    i = Input((6,))
    x = L.Embedding(20, 5, mask_zero=True)(i)
    x = L.GRU(4, return_sequences=True, go_backwards=True)(x)
    x = L.GRU(3, use_bias=False)(x)
    return Model(i, L.Dense(2)(x)), [np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9]], "int32")]


@model
def masking():
    i = Input((4, 3))
    x = L.Masking(0.0)(i)
    x = L.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid", unit_forget_bias=False)(x)
    x = L.SimpleRNN(3)(x)
    data = floats(2, 4, 3)
    data[0, 2:] = 0
    return Model(i, x), [data]


@since(2, 1)
def gru_after():
    i = Input((4, 3))
    return Model(i, L.GRU(3, reset_after=True, recurrent_activation="sigmoid")(i)), [floats(2, 4, 3)]


@model
def bidirectional():
    i = Input((5, 3))
    x = L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="concat")(i)
    x = L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum", name="both")(x)
    x = L.TimeDistributed(L.Dense(4, activation="tanh"))(x)
    return Model(i, x), [floats(2, 5, 3)]


@model
def time_distributed_model():
    inner = Sequential(
        [L.Conv2D(2, 2, input_shape=(4, 4, 1)), L.BatchNormalization(), L.Flatten(), L.Dense(3)], name="inner"
    )
    i = Input((3, 4, 4, 1))
    x = L.TimeDistributed(inner)(i)
    return Model(i, L.LSTM(2)(x)), [floats(2, 3, 4, 4, 1)]


@since(2, 1)
def cells():
    i = Input((4, 3))
    x = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(i)
    return Model(i, L.RNN(L.SimpleRNNCell(2))(x)), [floats(2, 4, 3)]


@model
def conv_lstm():
    i = Input((3, 5, 5, 2))
    return Model(i, L.ConvLSTM2D(2, 3, padding="same")(i)), [floats(1, 3, 5, 5, 2)]


@model
def stateful():
    m = (
        Sequential([L.LSTM(3, stateful=True, batch_input_shape=(2, 4, 3)), L.Dense(1)])
        if VERSION < (3,)
        else (Sequential([L.Input(batch_shape=(2, 4, 3)), L.LSTM(3, stateful=True), L.Dense(1)]))
    )
    return m, [floats(2, 4, 3)]


@model
def encoder_decoder():
    i, j = Input((4, 3)), Input((5, 3))
    _, h, c = L.LSTM(3, return_state=True)(i)
    y = L.LSTM(3, return_sequences=True)(j, initial_state=[h, c])
    return Model([i, j], L.Dense(2)(y)), [floats(2, 4, 3), floats(2, 5, 3)]


# ------------------------------------------------------------------ graphs
@model
def branches():
    i, j = Input((4,), name="left"), Input((3,), name="right")
    x, y = L.Dense(5, name="z_first")(i), L.Dense(5, name="a_second")(j)
    s = L.add([x, y])
    p = L.multiply([x, y])
    a = L.average([x, y])
    m = L.maximum([x, y])
    d = L.dot([x, y], axes=1, normalize=True)
    c = L.concatenate([s, p, a, m, d], axis=-1)
    b = L.subtract([x, y]) if hasattr(L, "subtract") else L.add([x, y])
    return Model([i, j], [L.Dense(2, name="out")(c), L.Dense(1, name="other")(b)]), [floats(3, 4), floats(3, 3)]


@model
def shared():
    i, j = Input((4,)), Input((4,))
    d = L.Dense(3, name="twice")
    e = L.Dense(2, name="end")
    return Model([i, j], L.concatenate([e(d(i)), e(d(j))])), [floats(3, 4), floats(3, 4)]


@model
def nested():
    a = Input((4,))
    inner = Model(a, L.BatchNormalization(name="norm")(L.Dense(3, name="d")(a)), name="inner")
    b = Input((4,))
    deep = Model(b, L.Dense(2, name="e")(inner(b)), name="deep")
    c = Input((4,))
    other = Model(c, L.Dense(3, name="d")(c), name="other")
    i = Input((4,))
    x = deep(i)
    y = other(i)
    return Model(i, L.concatenate([x, L.Dense(2)(y)])), [floats(3, 4)]


@model
def nested_twice():
    inner = Sequential([L.Dense(3, input_shape=(4,)), L.BatchNormalization(), L.Dense(2)], name="tower")
    i, j = Input((4,)), Input((4,))
    x, y = inner(i), inner(j)
    return Model([i, j], [L.add([x, y]), x]), [floats(3, 4), floats(3, 4)]


@model
def nested_first():
    a = Input((6, 6, 3))
    x = L.Conv2D(4, 3, name="c1")(a)
    x = L.BatchNormalization(name="b1")(x)
    base = Model(a, L.GlobalAveragePooling2D()(x), name="base")
    return Sequential([base, L.Dense(3), L.Dense(2)]), [floats(2, 6, 6, 3)]


@model
def frozen():
    a = Input((4,))
    x = L.Dense(4, name="f1", trainable=False)(a)
    x = L.BatchNormalization(name="fb", trainable=False)(x)
    x = L.Dense(4, name="f2")(x)
    x = L.BatchNormalization(name="b2")(x)
    base = Model(a, x, name="base")
    i = Input((4,))
    return Model(i, L.Dense(2)(base(i))), [floats(3, 4)]


@model
def frozen_model():
    base = Sequential(
        [L.Dense(4, input_shape=(4,)), L.BatchNormalization(), L.Dense(4), L.BatchNormalization()], name="base"
    )
    base.trainable = False
    return Sequential([base, L.Dense(2)]), [floats(3, 4)]


@model
def sequential_in_sequential():
    one = Sequential([L.Dense(4, input_shape=(3,), activation="tanh"), L.Dense(4)], name="one")
    two = Sequential([L.Dense(2, input_shape=(4,))], name="two")
    return Sequential([one, two, L.Activation("softmax")]), [floats(3, 3)]


@model
def branches_of_one_depth():
    i = Input((4,))
    a = L.Dense(3, name="b_deep_1")(i)
    a = L.Dense(3, name="b_deep_2")(a)
    b = L.Dense(3, name="a_shallow")(i)
    return Model(i, L.add([b, a])), [floats(3, 4)]


@model
def odd_layers():
    i = Input((4, 6))
    x = L.Permute((2, 1))(i)
    x = L.Reshape((4, 6))(x)
    x = L.GaussianNoise(0.1)(x)
    x = L.GaussianDropout(0.1)(x)
    x = L.AlphaDropout(0.1)(x)
    x = L.ActivityRegularization(l2=0.01)(x)
    x = L.Flatten()(x)
    y = L.RepeatVector(2)(x)
    return Model(i, y), [floats(2, 4, 6)]


@until(2)
def thresholded():
    i = Input((5,))
    return Model(i, L.ThresholdedReLU(0.3)(L.Dense(4)(i))), [floats(4, 5)]


@model
def channels_first():
    i = Input((3, 6, 6))
    if VERSION < (3,) and keras.__name__ == "keras" and VERSION > (2, 3):
        x = L.UpSampling2D(2, data_format="channels_first")(i)
    else:
        x = L.ZeroPadding2D(2, data_format="channels_first")(i)
    x = L.Flatten(data_format="channels_first")(x) if VERSION >= (2, 2) else L.Flatten()(x)
    return Model(i, L.Dense(3)(x)), [floats(2, 3, 6, 6)]


@since(2, 4)
def normalized():
    i = Input((4, 6))
    x = L.LayerNormalization(axis=-1)(i)
    x = L.MultiHeadAttention(2, 3)(x, x)
    y = L.Attention(use_scale=True)([x, i])
    z = L.AdditiveAttention()([x, i])
    x = (
        L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")(L.add([x, y, z]))
        if VERSION >= (2, 11)
        else x
    )
    return Model(i, x), [floats(2, 4, 6)]


@since(2, 11)
def newer_normalizations():
    i = Input((4, 6))
    x = L.UnitNormalization()(i)
    x = L.GroupNormalization(3)(x)
    return Model(i, x), [floats(2, 4, 6)]


@since(2, 6)
def preprocessing():
    i = Input((6, 6, 3))
    n = L.Normalization(axis=-1, mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
    x = L.Rescaling(0.5, offset=0.1)(n(i))
    x = L.Resizing(4, 4)(x)
    x = L.CenterCrop(2, 2)(x)
    x = L.RandomFlip()(x)
    x = L.RandomRotation(0.1)(x)
    return Model(i, L.GlobalAveragePooling2D()(x)), [floats(2, 6, 6, 3)]


@since(2, 6)
def adapted():
    n = L.Normalization()
    n.adapt(np.random.RandomState(3).uniform(-2, 3, (50, 4)).astype("float32"))
    i = Input((4,))
    return Model(i, L.Dense(2)(n(i))), [floats(3, 4)]


@since(2, 4)
def functions():
    if VERSION >= (3,):
        i = Input((4, 3))
        x = i[:, 1:, :2] * 2.0 + 1.0
        return Model(i, L.Dense(2)(1.0 - x)), [floats(2, 4, 3)]
    import tensorflow as tf

    i = Input((4, 3))
    x = i[:, 1:, :2] * 2.0 + 1.0
    x = tf.reshape(x, (-1, 6))
    x = tf.concat([x, tf.nn.relu(x)], axis=-1)
    x = tf.clip_by_value(x, -0.5, 1.5)
    a, b = tf.split(x, 2, axis=1)
    c, d, e = tf.split(x, [3, 4, 5], axis=1)
    y = tf.stack([a, b], axis=1)
    y = tf.transpose(y, perm=[0, 2, 1])
    y = tf.expand_dims(tf.reduce_mean(y, axis=[1, 2], keepdims=True), -1)
    y = tf.squeeze(y, axis=-1)
    y = tf.tile(y, [1, 1, 5])[:, 0]
    z = tf.sqrt(tf.abs(tf.exp(e) - tf.square(y))) / 3.0
    w = tf.pad(tf.math.maximum(c, 0.1), [[0, 0], [1, 1]])
    v = tf.nn.softmax(-tf.nn.leaky_relu(d)) ** 2
    u = tf.cast(tf.argmax(x, axis=1), "float32")
    u = tf.math.l2_normalize(tf.nn.gelu(v) + u[:, tf.newaxis], axis=1)
    return Model(i, [L.Dense(2)(z), w, v, tf.where(u > 0.1, u, tf.zeros_like(u)), x[:, -1]]), [floats(2, 4, 3)]


@since(2, 4)
def named_inputs_and_outputs():
    i, j = Input((4,), name="i"), Input((3,), name="j")
    x, y = L.Dense(2, name="x")(i), L.Dense(2, name="y")(j)
    return Model({"i": i, "j": j}, {"sum": L.add([x, y]), "x": x}), [floats(3, 4), floats(3, 3)]


@since(2, 4)
def mixed_precision():
    if VERSION >= (3,):
        d = L.Dense(3, dtype="mixed_bfloat16")
    else:
        d = L.Dense(3, dtype=keras.mixed_precision.Policy("mixed_bfloat16"))
    i = Input((4,))
    return Model(i, L.Dense(2, dtype="float32")(d(i))), [floats(3, 4)]


@model
def deep_names():
    i = Input((4,))
    x = i
    for n in range(60):
        x = (
            L.Dense(4, name="a_rather_long_name_of_a_layer_" * 40 + str(n))(x)
            if n % 20 == 0
            else L.Activation("tanh")(x)
        )
    return Model(i, x), [floats(2, 4)]


@model
def many_layers():
    m = Sequential()
    for n in range(150):
        m.add(L.Dense(2, name="x" * 600 + str(n), **({"input_shape": (2,)} if n == 0 else {})))
    return m, [floats(2, 2)]


@until(2)
def no_input_shape():
    if VERSION < (2, 2):
        return Sequential([L.Dense(3, input_shape=(4,)), L.Dense(2)]), [floats(3, 4)]
    m = Sequential([L.Dense(3), L.Dense(2)])
    m.build((None, 4))
    m.predict(floats(3, 4))
    return m, [floats(3, 4)]


# ------------------------------------------------------------------ trained
def _trained(optimizer, loss="mse", **more):
    def make():
        m = Sequential([L.Dense(4, activation="tanh", input_shape=(3,)), L.BatchNormalization(), L.Dense(2)])
        m.compile(optimizer(), loss, **more)
        return m, [floats(8, 3)]

    return make


optimizers = keras.optimizers
_rate = "learning_rate" if VERSION >= (2, 3) else "lr"
ZOO["trained_sgd"] = _trained(lambda: optimizers.SGD(**{_rate: 0.05}), metrics=["mae"])
ZOO["trained_momentum"] = _trained(
    lambda: optimizers.SGD(**{_rate: 0.05, "momentum": 0.9, "nesterov": True}), metrics=["mse"]
)
ZOO["trained_rmsprop"] = _trained(lambda: optimizers.RMSprop(**{_rate: 0.01}), "mean_absolute_error")
ZOO["trained_adam"] = _trained(
    lambda: optimizers.Adam(**{_rate: 0.01}), "mean_squared_error", metrics=["mean_absolute_error"]
)
ZOO["trained_adagrad"] = _trained(lambda: optimizers.Adagrad(**{_rate: 0.02}))
ZOO["trained_adadelta"] = _trained(lambda: optimizers.Adadelta(**{_rate: 0.5}))
ZOO["trained_adamax"] = _trained(lambda: optimizers.Adamax(**{_rate: 0.01}))
ZOO["trained_nadam"] = _trained(lambda: optimizers.Nadam(**{_rate: 0.01}))
if VERSION >= (2, 1):
    ZOO["trained_amsgrad"] = _trained(lambda: optimizers.Adam(**{_rate: 0.01, "amsgrad": True}))
if VERSION < (3,):
    legacy = getattr(optimizers, "legacy", optimizers)
    ZOO["trained_decay"] = _trained(lambda: legacy.Adam(**{_rate: 0.01, "decay": 0.01}))
    ZOO["trained_legacy_momentum"] = _trained(lambda: legacy.SGD(**{_rate: 0.05, "momentum": 0.9, "decay": 0.1}))
    ZOO["trained_legacy_rmsprop"] = _trained(lambda: legacy.RMSprop(**{_rate: 0.01}))
    ZOO["trained_legacy_adam"] = _trained(lambda: legacy.Adam(**{_rate: 0.01, "clipnorm": 1.0}))
    ZOO["trained_legacy_nadam"] = _trained(lambda: legacy.Nadam(**{_rate: 0.01}))
    ZOO["trained_legacy_adagrad"] = _trained(lambda: legacy.Adagrad(**{_rate: 0.01}))
    ZOO["trained_legacy_adadelta"] = _trained(lambda: legacy.Adadelta(**{_rate: 0.5}))
    ZOO["trained_legacy_adamax"] = _trained(lambda: legacy.Adamax(**{_rate: 0.01}))
    ZOO["trained_legacy_ftrl"] = _trained(lambda: getattr(legacy, "Ftrl", legacy.SGD)(**{_rate: 0.01}))
if VERSION >= (2, 11):
    ZOO["trained_adamw"] = _trained(lambda: optimizers.AdamW(0.01, weight_decay=0.01))
    ZOO["trained_ftrl"] = _trained(lambda: optimizers.Ftrl(0.01))
    ZOO["trained_schedule"] = _trained(lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)))


@model
def trained_classifier():
    m = Sequential([L.Dense(4, activation="relu", input_shape=(3,)), L.Dense(3, activation="softmax")])
    m.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return m, [floats(8, 3)], [np.eye(3, dtype="float32")[whole(3, 8)]]


@model
def trained_outputs():
    i = Input((3,))
    x = L.Dense(4, activation="tanh", name="body")(i)
    m = Model(i, [L.Dense(2, name="one")(x), L.Dense(1, activation="sigmoid", name="two")(x)])
    m.compile(
        "rmsprop",
        {"one": "mse", "two": "binary_crossentropy"},
        loss_weights={"one": 1.0, "two": 0.2},
        metrics={"one": ["mae"], "two": ["accuracy"]},
    )
    return m, [floats(8, 3)], [floats(8, 2), whole(2, 8, 1).astype("float32")]


@since(2, 3)
def trained_objects():
    m = Sequential([L.Dense(4, activation="relu", input_shape=(3,)), L.Dense(3)])
    m.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    )
    return m, [floats(8, 3)], [whole(3, 8)]


# ------------------------------------------------------------------ the user's own
class Scale(L.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.shift = self.add_weight(name="shift", shape=(int(input_shape[-1]),), initializer="ones")
        super().build(input_shape)

    def call(self, x):
        return x * self.factor + self.shift

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return dict(super().get_config(), factor=self.factor)


def twice(x):
    return 2 * x


@model
def custom():
    i = Input((4,))
    x = Scale(3.0, name="scale")(i)
    x = L.Dense(2, activation=twice)(x)
    return Model(i, x), [floats(3, 4)]


@model
def lambda_layer():
    i = Input((4,))
    return Model(i, L.Dense(2)(L.Lambda(lambda x: 2 * x, name="double", output_shape=(4,))(i))), [floats(3, 4)]


@model
def named_lambda():
    i = Input((4,))
    return Model(i, L.Dense(2)(L.Lambda(twice, name="double", output_shape=(4,))(i))), [floats(3, 4)]


def outputs_of(m, xs):
    x = (
        {k: xs[i] for i, k in enumerate(sorted(m.input))}
        if isinstance(getattr(m, "input", None), dict)
        else xs
        if len(xs) > 1
        else xs[0]
    )
    y = m.predict(x, batch_size=len(xs[0]), verbose=0)
    if isinstance(y, dict):
        return [y[k] for k in sorted(y)]
    return list(y) if isinstance(y, (list, tuple)) else [y]


def reset_names():
    clear = getattr(keras.backend, "clear_session", None)
    if clear:
        clear()


def main(folder, names):
    os.makedirs(folder, exist_ok=True)
    for name in names or ZOO:
        rng.seed(len(name))
        reset_names()
        try:
            np.random.seed(1)
            made = ZOO[name]()
            m, xs = made[:2]
            for _ in range(1):  # weights that are no initializer's: zeros and ones say nothing of their order
                if name == "adapted" and VERSION >= (3,):
                    continue  # what is computed of them is not computed again
                m.set_weights(
                    [
                        w + rng.uniform(0.05, 0.5, w.shape).astype(w.dtype) if w.dtype == "float32" else w
                        for w in m.get_weights()
                    ]
                )
            ys = made[2] if len(made) > 2 else None
            said = {}
            if getattr(m, "optimizer", None) is not None and not (len(made) > 2 and ys is None):
                ys = ys or [
                    np.random.RandomState(2).uniform(-1, 1, y.shape).astype("float32") for y in outputs_of(m, xs)
                ]
                said.update({f"t{i}": y for i, y in enumerate(ys)})
            whole_x = xs if len(xs) > 1 else xs[0]
            target = None if ys is None else ys if len(ys) > 1 else ys[0]
            if getattr(m, "optimizer", None) is not None:
                for _ in range(2):
                    m.train_on_batch(whole_x, target)
            m.save(os.path.join(folder, name + ".h5"))
            if VERSION >= (2, 12):
                m.save(os.path.join(folder, name + ".keras"))
            if VERSION < (3,):
                m.save_weights(os.path.join(folder, name + ".w.h5"))
            try:
                with open(os.path.join(folder, name + ".json"), "w") as file:
                    file.write(m.to_json())
            except Exception as error:
                print("no json", name, str(error)[:80])
            if hasattr(m, "reset_states") and "stateful" in name:
                m.reset_states()
            said.update({f"x{i}": x for i, x in enumerate(xs)})
            said.update({f"y{i}": np.asarray(y, "float32") for i, y in enumerate(outputs_of(m, xs))})
            if getattr(m, "optimizer", None) is not None:
                m.train_on_batch(whole_x, target)
                said.update({f"z{i}": y for i, y in enumerate(outputs_of(m, xs))})
            np.savez(os.path.join(folder, name + ".npz"), **said)
            print("made", name, flush=True)
        except Exception as error:
            print("NOT MADE", name, type(error).__name__, str(error)[:200], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
