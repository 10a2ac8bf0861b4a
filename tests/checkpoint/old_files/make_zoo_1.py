"""Models as Keras 1 saves them: `python make_zoo_1.py FOLDER` in an environment with Keras 1.2.2. See `make_zoo.py`."""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
from keras import backend as K  # noqa: N812
from keras.layers import (
    GRU,
    LSTM,
    Activation,
    AtrousConvolution2D,
    BatchNormalization,
    Bidirectional,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling1D,
    MaxPooling2D,
    Merge,
    Reshape,
    SimpleRNN,
    TimeDistributed,
    ZeroPadding2D,
    merge,
)
from keras.models import Model, Sequential

rng = np.random.RandomState(0)
ZOO = {}


def model(function):
    ZOO[function.__name__] = function
    return function


def floats(*shape):
    return rng.uniform(-1, 1, shape).astype("float32")


@model
def dense():
    m = Sequential()
    m.add(Dense(5, input_dim=4, init="uniform", activation="hard_sigmoid", W_regularizer="l2"))
    m.add(BatchNormalization())
    m.add(Dropout(0.2))
    m.add(Dense(2, init="glorot_normal", bias=False))
    return m, [floats(3, 4)]


@model
def conv_th():
    m = Sequential()
    m.add(ZeroPadding2D((1, 1), input_shape=(3, 6, 6), dim_ordering="th"))
    m.add(Convolution2D(4, 3, 2, border_mode="same", dim_ordering="th"))
    m.add(MaxPooling2D((1, 2), dim_ordering="th"))
    m.add(BatchNormalization(axis=1))
    m.add(Flatten())
    m.add(Dense(3))
    return m, [floats(2, 3, 6, 6)]


@model
def conv_tf():
    m = Sequential()
    m.add(Convolution2D(4, 3, 2, border_mode="same", subsample=(2, 1), input_shape=(6, 6, 3), dim_ordering="tf"))
    m.add(Activation("relu"))
    m.add(AtrousConvolution2D(3, 2, 2, atrous_rate=(2, 2), dim_ordering="tf"))
    m.add(MaxPooling2D((1, 2), dim_ordering="tf"))
    m.add(GlobalAveragePooling2D(dim_ordering="tf"))
    return m, [floats(2, 6, 6, 3)]


@model
def conv_1d():
    m = Sequential()
    m.add(Convolution1D(4, 3, border_mode="valid", input_shape=(8, 3)))
    m.add(MaxPooling1D(2))
    m.add(LSTM(3, inner_activation="sigmoid"))
    return m, [floats(2, 8, 3)]


@model
def conv_3d():
    m = Sequential([Convolution3D(2, 2, 2, 2, input_shape=(4, 4, 4, 2), dim_ordering="tf"), Flatten()])
    return m, [floats(2, 4, 4, 4, 2)]


@model
def deconvolution():
    d = Deconvolution2D(
        2,
        3,
        3,
        output_shape=(None, 7, 7, 2),
        subsample=(2, 2),
        border_mode="valid",
        input_shape=(3, 3, 3),
        dim_ordering="tf",
    )
    return Sequential([d]), [floats(2, 3, 3, 3)]


@model
def recurrent():
    m = Sequential()
    m.add(Embedding(10, 4, input_length=5, mask_zero=True))
    m.add(LSTM(3, return_sequences=True))
    m.add(GRU(3, return_sequences=True))
    m.add(SimpleRNN(2))
    return m, [rng.randint(0, 10, (3, 5)).astype("int32")]


@model
def bidirectional():
    i = Input((4, 3))
    x = Bidirectional(LSTM(3, return_sequences=True))(i)
    x = Bidirectional(GRU(2, return_sequences=True), merge_mode="sum")(x)
    x = TimeDistributed(Dense(2))(x)
    return Model(i, x), [floats(2, 4, 3)]


@model
def merges():
    i, j = Input((4,), name="left"), Input((4,), name="right")
    a, b = Dense(3)(i), Dense(3)(j)
    s = merge([a, b], mode="sum")
    c = merge([a, b], mode="concat", concat_axis=-1)
    p = merge([a, b], mode="mul")
    v = merge([a, b], mode="ave")
    d = merge([a, b], mode="dot", dot_axes=1)
    return Model([i, j], [merge([s, c, p, v, d], mode="concat"), s]), [floats(3, 4), floats(3, 4)]


@model
def merged_branches():
    left = Sequential([Dense(3, input_shape=(4,)), Activation("relu")])
    right = Sequential([Dense(3, input_shape=(5,))])
    m = Sequential()
    m.add(Merge([left, right], mode="concat"))
    m.add(Dense(2))
    return m, [floats(3, 4), floats(3, 5)]


@model
def nested():
    inner = Sequential([Dense(3, input_shape=(4,)), BatchNormalization()])
    i = Input((4,))
    return Model(i, Dense(2)(inner(i))), [floats(3, 4)]


@model
def reshaped():
    return Sequential([Dense(6, input_dim=4), Reshape((2, 3)), LSTM(2, dropout_W=0.1, dropout_U=0.1)]), [floats(3, 4)]


def trained(optimizer):
    def make():
        m = Sequential([Dense(4, activation="tanh", input_dim=3), Dense(2)])
        m.compile(optimizer, "mse", metrics=["mae"])
        return m, [floats(8, 3)]

    return make


for _name in ("sgd", "rmsprop", "adam", "adagrad", "adadelta", "adamax", "nadam"):
    ZOO["trained_" + _name] = trained(_name)


def main(folder, names):
    os.makedirs(folder, exist_ok=True)
    for name in names or ZOO:
        rng.seed(len(name))
        K.clear_session()
        m, xs = ZOO[name]()
        m.set_weights([w + rng.uniform(0.05, 0.5, w.shape).astype(w.dtype) for w in m.get_weights()])
        x = xs if len(xs) > 1 else xs[0]
        said = {"x%d" % i: value for i, value in enumerate(xs)}  # noqa: UP031
        ys = None
        if getattr(m, "optimizer", None) is not None:
            ys = np.random.RandomState(2).uniform(-1, 1, m.predict(x).shape).astype("float32")
            for _ in range(2):
                m.train_on_batch(x, ys)
            said["t0"] = ys
        m.save(os.path.join(folder, name + ".h5"))
        m.save_weights(os.path.join(folder, name + ".w.h5"))
        with open(os.path.join(folder, name + ".json"), "w") as file:
            file.write(m.to_json())

        def outputs():
            found = m.predict(x)
            return list(found) if isinstance(found, list) else [found]

        said.update({"y%d" % i: value for i, value in enumerate(outputs())})  # noqa: UP031
        if ys is not None:
            m.train_on_batch(x, ys)
            said.update({"z%d" % i: value for i, value in enumerate(outputs())})  # noqa: UP031
        np.savez(os.path.join(folder, name + ".npz"), **said)
        print("made", name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
