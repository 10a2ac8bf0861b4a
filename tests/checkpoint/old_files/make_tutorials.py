"""Models of tutorials and of repositories, as Keras 2 and TensorFlow's Keras save them; run as `make_zoo.py` is."""

import numpy as np
from make_zoo import VERSION, ZOO, Input, L, Model, Sequential, floats, keras, main, model, since, until, whole

K = keras.backend
IS_TF = hasattr(keras, "__internal__") or "tf" in keras.__version__ or VERSION >= (2, 4)
ZOO.clear()


def in_tf(function):
    """Graphs with functions of TensorFlow as they are: TensorFlow's Keras since 1.15."""
    return model(function) if IS_TF else function


# ------------------------------------------------------------------ losses and metrics of tensors
@in_tf
def vae():
    i = Input((8,))
    h = L.Dense(6, activation="relu")(i)
    mean, log_var = L.Dense(2, name="z_mean")(h), L.Dense(2, name="z_log_var")(h)
    z = L.Lambda(sampling, output_shape=(2,), name="z")([mean, log_var])
    out = L.Dense(8, activation="sigmoid")(L.Dense(6, activation="relu")(z))
    m = Model(i, out, name="vae")
    xent = 8 * keras.losses.binary_crossentropy(i, out)
    kl = 1 + log_var - K.square(mean) - K.exp(log_var)
    kl = K.sum(kl, axis=-1) * -0.5
    m.add_loss(K.mean(xent + kl))
    m.compile(optimizer=keras.optimizers.SGD(0.05))
    return m, [np.abs(floats(4, 8))], None


def sampling(args):
    mean, log_var = args
    return mean + K.exp(0.5 * log_var) * 0.3


@in_tf
def added_loss_and_metric():
    i = Input((5,))
    h = L.Dense(4, activation="tanh", name="code")(i)
    y = L.Dense(2)(h)
    m = Model(i, y)
    m.add_loss(0.1 * K.mean(K.square(h)))
    m.add_metric(K.mean(K.abs(h)), name="size", aggregation="mean")
    m.compile(keras.optimizers.SGD(0.05), "mse")
    return m, [floats(4, 5)]


@in_tf
def siamese_contrastive():
    tower = Sequential([L.Dense(4, activation="relu", input_shape=(5,)), L.Dense(3)], name="tower")
    i, j = Input((5,)), Input((5,))
    a, b = tower(i), tower(j)
    d = K.sqrt(K.maximum(K.sum(K.square(a - b), axis=1, keepdims=True), K.epsilon()))
    return Model([i, j], d), [floats(3, 5), floats(3, 5)]


# ------------------------------------------------------------------ functions
@in_tf
def operators():
    i, j = Input((4,)), Input((4,))
    x = i + j
    x = x * 2.0 - 1.0
    x = (3.0 - x) / 2.0
    y = 1.0 / (2.0 + i * i)
    z = -x
    w = x**2
    v = abs(x - y)
    return Model([i, j], L.Dense(2)(L.concatenate([x, y, z, w, v]))), [floats(3, 4), floats(3, 4)]


@in_tf
def slices():
    i = Input((5, 4))
    a = i[:, 0]
    b = i[:, -1, :]
    c = i[:, 1:3, 0]
    d = i[:, :, 2]
    e = i[:, ::2]
    f = i[:, :, None, 1]
    return Model(i, L.Dense(2)(L.concatenate([a, b, c, d, L.Flatten()(e), L.Flatten()(f)]))), [floats(3, 5, 4)]


@in_tf
def tf_functions():
    import tensorflow as tf

    i = Input((6, 4))
    x = tf.reshape(i, [-1, 24])
    a = tf.reshape(i, [-1, 4, 6])
    b = tf.transpose(a, [0, 2, 1])
    c = tf.concat([b, i], axis=-1)
    d = tf.reduce_mean(c, axis=1)
    e = tf.reduce_max(c, axis=[1], keepdims=True)
    f = tf.squeeze(e, axis=1)
    g = tf.expand_dims(d, 1)
    h = tf.matmul(g, tf.transpose(g, [0, 2, 1]))
    k = tf.nn.softmax(d)
    m = tf.tile(g, [1, 3, 1])
    n = tf.stack([d, f], axis=1)
    o, p = tf.split(d, 2, axis=-1)
    q = tf.nn.relu(o) + tf.nn.sigmoid(p)
    r = tf.where(tf.greater(o, 0.0), o, p * 0.5)
    s = tf.reduce_sum(tf.math.l2_normalize(x, axis=-1), axis=-1, keepdims=True)
    t = tf.nn.leaky_relu(o, 0.3)
    u = tf.clip_by_value(p, -0.2, 0.4)
    flat = [L.Flatten()(v) for v in (x, h, k, m, n, q, r, s, t, u)]
    return Model(i, L.Dense(3)(L.concatenate(flat))), [floats(2, 6, 4)]


@in_tf
def shapes():
    import tensorflow as tf

    i = Input((6, 4))
    n = tf.shape(i)[0]
    x = tf.reshape(i, [n, 24])
    y = tf.reshape(i, tf.stack([n, 2, 12]))
    z = tf.zeros([n, 2]) + 1.0
    return Model(i, [L.Dense(2)(x), y, L.Dense(2)(z)]), [floats(3, 6, 4)]


@in_tf
def images():
    import tensorflow as tf

    i = Input((4, 4, 3))
    x = tf.image.resize(i, [8, 8]) if hasattr(tf.image, "resize") else i
    y = tf.image.resize(i, [6, 6], method="nearest")
    z = tf.pad(i, [[0, 0], [1, 1], [1, 1], [0, 0]])
    w = tf.nn.depth_to_space(L.Conv2D(4, 1)(i), 2)
    s = tf.nn.space_to_depth(i, 2)
    v = tf.nn.max_pool2d(i, 2, 2, "VALID")
    u = tf.nn.avg_pool2d(i, 2, 2, "SAME")
    f = tf.reverse(i, axis=[2])
    return Model(i, [x, y, z, w, s, v, u, f]), [floats(2, 4, 4, 3)]


@in_tf
def backend_functions():
    i, j = Input((3, 4)), Input((4, 5))
    x = K.batch_dot(i, j)
    y = K.sum(i, axis=1)
    z = K.l2_normalize(y, axis=-1)
    w = K.concatenate([y, z], axis=-1)
    v = K.permute_dimensions(x, (0, 2, 1))
    u = K.expand_dims(w, -1)
    t = K.squeeze(u, -1)
    s = K.softmax(t)
    r = K.relu(t, alpha=0.1, max_value=0.5)
    q = K.clip(t, -0.1, 0.2)
    p = K.reshape(v, (-1, 15))
    o = K.stack([w, t], axis=1)
    n = K.repeat_elements(i, 2, axis=1)
    m = K.one_hot(K.argmax(w, axis=-1), 8)
    return Model([i, j], [x, p, o, n, L.Dense(2)(L.concatenate([s, r, q])), m]), [floats(2, 3, 4), floats(2, 4, 5)]


@in_tf
def functions_in_a_nested_model():
    a = Input((4,))
    inner = Model(a, L.Dense(3)(a * 2.0) + 1.0, name="inner")
    i = Input((4,))
    j = Input((4,))
    return Model([i, j], inner(i) - inner(j)), [floats(3, 4), floats(3, 4)]


@in_tf
def squeeze_excite_operators():
    i = Input((6, 6, 4))
    x = L.Conv2D(4, 3, padding="same", use_bias=False)(i)
    s = L.GlobalAveragePooling2D()(x)
    s = L.Dense(2, activation="relu")(s)
    s = L.Dense(4, activation="sigmoid")(s)
    x = x * L.Reshape((1, 1, 4))(s)
    x = x + i
    h = L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    return Model(i, L.GlobalAveragePooling2D()(x * h)), [floats(2, 6, 6, 4)]


@in_tf
def vae_of_rows():
    """A loss with a number for each row, and draws of a normal distribution that are of no width."""
    i = Input((6,))
    h = L.Dense(4, activation="relu")(i)
    mean, log_var = L.Dense(2, name="z_mean")(h), L.Dense(2, name="z_log_var")(h)
    z = mean + K.exp(0.5 * log_var) * K.random_normal(shape=(K.shape(mean)[0], 2), stddev=0.0)
    out = L.Dense(6, activation="sigmoid")(z)
    m = Model(i, out)
    m.add_loss(K.sum(K.square(i - out), axis=-1) - 0.5 * K.sum(1 + log_var - K.square(mean) - K.exp(log_var), axis=-1))
    m.compile(keras.optimizers.SGD(0.01))
    return m, [np.abs(floats(4, 6))], None


@model
def slashed_names():
    """MobileNetV3 of TensorFlow 2.3 has such names."""
    i = Input((6, 6, 2))
    x = L.Conv2D(3, 3, name="expanded_conv/depthwise")(i)
    x = L.BatchNormalization(name="expanded_conv/depthwise/BatchNorm")(x)
    x = L.add([x, L.Conv2D(3, 3, name="expanded_conv/other")(i)], name="expanded_conv/Add")
    m = Model(i, L.Dense(2, name="head/out")(L.GlobalAveragePooling2D()(x)))
    m.compile("sgd", {"head/out": "mse"})
    return m, [floats(2, 6, 6, 2)]


# ------------------------------------------------------------------ recurrent
@model
def seq2seq():
    i, j = Input((None, 5)), Input((None, 4))
    _, h, c = L.LSTM(6, return_state=True)(i)
    y, _, _ = L.LSTM(6, return_sequences=True, return_state=True)(j, initial_state=[h, c])
    return Model([i, j], L.Dense(4, activation="softmax")(y)), [floats(2, 4, 5), floats(2, 3, 4)]


@model
def seq2seq_decoder():
    """The decoder of inference: its states are inputs and outputs."""
    j, h, c = Input((None, 4)), Input((6,)), Input((6,))
    y, h2, c2 = L.LSTM(6, return_sequences=True, return_state=True, name="decoder_lstm")(j, initial_state=[h, c])
    y = L.Dense(4, activation="softmax")(y)
    return Model([j, h, c], [y, h2, c2]), [floats(2, 3, 4), floats(2, 6), floats(2, 6)]


@model
def seq2seq_gru():
    i, j = Input((4,)), Input((3,))
    e = L.Embedding(11, 5, mask_zero=True)
    _, h = L.GRU(6, return_state=True)(e(i))
    y = L.GRU(6, return_sequences=True)(e(j), initial_state=h)
    return Model([i, j], L.TimeDistributed(L.Dense(11, activation="softmax"))(y)), [whole(11, 2, 4), whole(11, 2, 3)]


@since(2, 2)
def bidirectional_states():
    i, j = Input((4, 5)), Input((3, 4))
    _, fh, fc, bh, bc = L.Bidirectional(L.LSTM(3, return_state=True))(i)
    h, c = L.concatenate([fh, bh]), L.concatenate([fc, bc])
    y = L.LSTM(6, return_sequences=True)(j, initial_state=[h, c])
    z = L.Bidirectional(L.LSTM(3, return_sequences=True))(j, initial_state=[fh, fc, bh, bc])
    return Model([i, j], [L.Dense(2)(y), z]), [floats(2, 4, 5), floats(2, 3, 4)]


class WithConstant(L.Layer):
    """The cell of Keras's own tests of constants."""

    def __init__(self, units, known=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.known = units, known
        self.state_size = units

    def build(self, input_shape):
        x = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.a = self.add_weight(shape=(x[-1], self.units), initializer="uniform", name="a")
        self.r = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="r")
        self.c = self.add_weight(shape=(self.known, self.units), initializer="uniform", name="c")
        self.built = True

    def call(self, inputs, states, constants):
        y = K.dot(inputs, self.a) + K.dot(states[0], self.r) + K.dot(constants[0], self.c)
        return y, [y]

    def get_config(self):
        return dict(super().get_config(), units=self.units, known=self.known)


@since(2, 1)
def recurrent_constants():
    i, c, s = Input((4, 5)), Input((3,)), Input((6,))
    layer = L.RNN(WithConstant(6))
    y = layer(i, constants=c)
    z = L.RNN(WithConstant(6, name="second"), return_sequences=True)(i, initial_state=s, constants=c)
    return Model([i, c, s], [y, z]), [floats(2, 4, 5), floats(2, 3), floats(2, 6)]


@model
def masked_bidirectional():
    """A tagger: what padded steps give is a prediction too."""
    i = Input((5,))
    x = L.Embedding(20, 4, mask_zero=True)(i)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    y = L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum")(x)
    return Model(i, [L.TimeDistributed(L.Dense(2, activation="softmax"))(x), y]), [
        np.array([[1, 2, 3, 0, 0], [0, 0, 9, 3, 2], [4, 0, 5, 0, 6]], "int32")
    ]


@model
def masked_tagger():
    i = Input((5,))
    x = L.Embedding(20, 4, mask_zero=True)(i)
    x = L.LSTM(3, return_sequences=True)(x)
    x = L.SimpleRNN(3, return_sequences=True)(x)
    return Model(i, L.TimeDistributed(L.Dense(2))(x)), [
        np.array([[1, 2, 3, 0, 0], [0, 0, 9, 3, 2], [4, 0, 5, 0, 6]], "int32")
    ]


@since(2, 2)
def masked_cells():
    i = Input((5,))
    x = L.Embedding(20, 4, mask_zero=True)(i)
    x = L.RNN([L.LSTMCell(3), L.GRUCell(3)], return_sequences=True)(x)
    return Model(i, L.Dense(2)(x)), [np.array([[1, 2, 3, 0, 0], [4, 5, 6, 0, 6]], "int32")]


@model
def attention_of_layers():
    i = Input((5,))
    x = L.Embedding(20, 4)(i)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    a = L.TimeDistributed(L.Dense(1, activation="tanh"))(x)
    a = L.Flatten()(a)
    a = L.Activation("softmax")(a)
    a = L.Permute((2, 1))(L.RepeatVector(6)(a))
    x = L.multiply([x, a])
    return Model(i, L.Dense(2)(L.GlobalAveragePooling1D()(x))), [whole(20, 3, 5)]


@model
def crnn():
    i = Input((4, 8, 8, 1))
    x = L.TimeDistributed(L.Conv2D(3, 3, activation="relu", padding="same"))(i)
    x = L.TimeDistributed(L.BatchNormalization())(x)
    x = L.TimeDistributed(L.MaxPooling2D(2))(x)
    x = L.TimeDistributed(L.Flatten())(x)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True, dropout=0.1))(x)
    return Model(i, L.Dense(3, activation="softmax")(x)), [floats(2, 4, 8, 8, 1)]


@model
def ocr():
    """The model of image_ocr.py without its loss."""
    i = Input((16, 8, 1), name="the_input")
    x = L.Conv2D(4, (3, 3), padding="same", activation="relu", kernel_initializer="he_normal", name="conv1")(i)
    x = L.MaxPooling2D(pool_size=(2, 2), name="max1")(x)
    x = L.Reshape(target_shape=(8, 16), name="reshape")(x)
    x = L.Dense(5, activation="relu", name="dense1")(x)
    a = L.GRU(4, return_sequences=True, kernel_initializer="he_normal", name="gru1")(x)
    b = L.GRU(4, return_sequences=True, go_backwards=True, kernel_initializer="he_normal", name="gru1_b")(x)
    x = L.add([a, b])
    return Model(i, L.Activation("softmax", name="softmax")(L.Dense(6, name="dense2")(x))), [floats(2, 16, 8, 1)]


@model
def stacked_stateful():
    m = Sequential()
    m.add(L.LSTM(4, batch_input_shape=(2, 3, 2), stateful=True, return_sequences=True))
    m.add(L.LSTM(3, stateful=True))
    m.add(L.Dense(1))
    m.compile("rmsprop", "mse")
    return m, [floats(2, 3, 2)]


@model
def char_lstm():
    m = Sequential([L.LSTM(6, input_shape=(None, 7)), L.Dense(7), L.Activation("softmax")])
    m.compile(keras.optimizers.RMSprop(0.01), "categorical_crossentropy")
    return m, [floats(3, 4, 7)], [np.eye(7, dtype="float32")[whole(7, 3)]]


# ------------------------------------------------------------------ vision
@model
def inception():
    i = Input((8, 8, 3))
    a = L.Conv2D(2, (1, 1), padding="same", activation="relu")(i)
    b = L.Conv2D(2, (3, 3), padding="same", activation="relu")(L.Conv2D(2, 1, padding="same")(i))
    c = L.Conv2D(2, (1, 3), padding="same")(L.Conv2D(2, (3, 1), padding="same")(i))
    d = L.AveragePooling2D((3, 3), strides=(1, 1), padding="same")(i)
    x = L.concatenate([a, b, c, d], axis=3)
    x = L.BatchNormalization(axis=3, scale=False)(x)
    x = L.Activation("relu")(x)
    x = L.MaxPooling2D((3, 3), strides=(2, 2))(x)
    return Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x))), [floats(2, 8, 8, 3)]


@model
def unet():
    i = Input((8, 8, 1))
    c1 = L.Conv2D(3, 3, activation="relu", padding="same", kernel_initializer="he_normal")(i)
    p1 = L.MaxPooling2D((2, 2))(c1)
    c2 = L.Conv2D(4, 3, activation="relu", padding="same")(p1)
    d2 = L.Dropout(0.5)(c2)
    u1 = L.Conv2D(3, 2, activation="relu", padding="same")(L.UpSampling2D(size=(2, 2))(d2))
    m1 = L.concatenate([c1, u1], axis=3)
    u2 = L.Conv2DTranspose(2, (2, 2), strides=(2, 2), padding="same")(d2)
    m2 = L.concatenate([u2, m1])
    return Model(i, L.Conv2D(1, 1, activation="sigmoid")(m2)), [floats(2, 8, 8, 1)]


@since(2, 2)
def bilinear():
    i = Input((5, 4, 2))
    return Model(i, L.UpSampling2D((2, 3), interpolation="bilinear")(i)), [floats(2, 5, 4, 2)]


@since(2, 2)
def mobilenet_block():
    i = Input((8, 8, 3))
    x = L.ZeroPadding2D(padding=((0, 1), (0, 1)))(i)
    x = L.Conv2D(4, 3, strides=(2, 2), padding="valid", use_bias=False)(x)
    x = L.BatchNormalization(axis=-1, epsilon=1e-3, momentum=0.999)(x)
    x = L.ReLU(6.0)(x)
    x = L.DepthwiseConv2D((3, 3), padding="same", depth_multiplier=1, strides=(1, 1), use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.2)(x) if VERSION >= (2, 3) else L.ReLU(6.0)(x)
    x = L.GlobalAveragePooling2D()(x)
    x = L.Reshape((1, 1, 4))(x)
    x = L.Dropout(1e-3)(x)
    x = L.Conv2D(3, (1, 1), padding="same")(x)
    return Model(i, L.Reshape((3,))(L.Activation("softmax")(x))), [floats(2, 8, 8, 3)]


@model
def resnet_block():
    i = Input((8, 8, 4))
    x = L.Conv2D(4, 3, padding="same", kernel_regularizer=keras.regularizers.l2(1e-4))(i)
    x = L.Activation("relu")(L.BatchNormalization()(x))
    x = L.BatchNormalization(epsilon=1.001e-5, momentum=0.9, center=False)(L.Conv2D(4, 3, padding="same")(x))
    x = L.Activation("relu")(L.add([x, i]))
    y = L.Conv2D(6, 1, strides=2)(x)
    x = L.SeparableConv2D(6, 3, strides=2, padding="same")(x)
    x = L.Add()([x, y])
    x = L.AveragePooling2D(4)(x)
    return Model(i, L.Dense(3)(L.Flatten()(x))), [floats(2, 8, 8, 4)]


@model
def mnist_cnn():
    m = Sequential()
    m.add(L.Conv2D(4, kernel_size=(3, 3), activation="relu", input_shape=(8, 8, 1)))
    m.add(L.Conv2D(4, (3, 3), activation="relu"))
    m.add(L.MaxPooling2D(pool_size=(2, 2)))
    m.add(L.Flatten())
    m.add(L.Dense(5, activation="relu"))
    m.add(L.Dense(3, activation="softmax"))
    m.compile(loss=keras.losses.categorical_crossentropy, optimizer=keras.optimizers.Adadelta(), metrics=["accuracy"])
    return m, [floats(4, 8, 8, 1)], [np.eye(3, dtype="float32")[whole(3, 4)]]


@model
def dqn():
    m = Sequential()
    m.add(L.Conv2D(4, (4, 4), strides=(2, 2), activation="relu", input_shape=(10, 10, 4)))
    m.add(L.Flatten())
    m.add(L.Dense(8, activation="relu", kernel_initializer="he_uniform"))
    m.add(L.Dense(3, activation="linear"))
    m.compile(loss="mse", optimizer=keras.optimizers.Adam(0.001))
    return m, [floats(3, 10, 10, 4)]


@model
def behavioural_cloning():
    """Self-driving cars of 2017: cropping, five convolutions, no Lambda."""
    m = Sequential()
    m.add(L.Cropping2D(cropping=((3, 2), (0, 0)), input_shape=(16, 20, 3)))
    m.add(L.BatchNormalization(epsilon=0.001))
    m.add(L.Conv2D(4, (5, 5), strides=(2, 2), activation="elu"))
    m.add(L.Conv2D(4, (3, 3), activation="elu"))
    m.add(L.Flatten())
    m.add(L.Dense(6, activation="elu"))
    m.add(L.Dense(1))
    m.compile("adam", "mse")
    return m, [floats(2, 16, 20, 3)]


# ------------------------------------------------------------------ text, several inputs, nested
@model
def text_cnn():
    i = Input((12,), dtype="int32")
    x = L.Embedding(30, 5, input_length=12, trainable=False)(i)
    found = []
    for size in (2, 3, 4):
        c = L.Conv1D(filters=3, kernel_size=size, padding="valid", activation="relu", strides=1)(x)
        found.append(L.GlobalMaxPooling1D()(c))
    x = L.concatenate(found)
    m = Model(i, L.Dense(1, activation="sigmoid")(x))
    m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return m, [whole(30, 4, 12)], [whole(2, 4, 1).astype("float32")]


@model
def text_cnn_reshaped():
    i = Input((6,))
    x = L.Reshape((6, 5, 1))(L.Embedding(30, 5)(i))
    a = L.MaxPool2D((5, 1), strides=(1, 1))(L.Conv2D(3, (2, 5), activation="relu")(x))
    b = L.MaxPool2D((4, 1), strides=(1, 1))(L.Conv2D(3, (3, 5), activation="relu")(x))
    x = L.Flatten()(L.Concatenate(axis=1)([a, b]))
    return Model(i, L.Dense(2)(x)), [whole(30, 3, 6)]


@model
def recommender():
    i, j = Input((1,), name="user"), Input((1,), name="movie")
    u = L.Flatten()(L.Embedding(7, 4, embeddings_regularizer=keras.regularizers.l2(1e-6))(i))
    v = L.Flatten()(L.Embedding(9, 4)(j))
    x = L.Dot(axes=-1)([u, v])
    y = L.Dense(1)(L.Concatenate()([u, v, x]))
    m = Model([i, j], L.Activation("sigmoid")(y))
    return m, [whole(7, 5, 1), whole(9, 5, 1)]


@model
def gan():
    g = Sequential(name="generator")
    g.add(L.Dense(4 * 4 * 3, input_dim=5))
    g.add(L.LeakyReLU(alpha=0.2))
    g.add(L.BatchNormalization(momentum=0.8))
    g.add(L.Reshape((4, 4, 3)))
    g.add(L.UpSampling2D())
    g.add(L.Conv2DTranspose(2, 4, strides=2, padding="same"))
    g.add(L.Activation("tanh"))
    d = Sequential(name="discriminator")
    d.add(L.Conv2D(3, 3, strides=2, input_shape=(16, 16, 2), padding="same"))
    d.add(L.LeakyReLU(0.2))
    d.add(L.ZeroPadding2D(padding=((0, 1), (0, 1))))
    d.add(L.Flatten())
    d.add(L.Dense(1, activation="sigmoid"))
    d.compile(loss="binary_crossentropy", optimizer="sgd")
    d.trainable = False
    z = Input((5,))
    m = Model(z, d(g(z)))
    m.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.0002, 0.5))
    return m, [floats(4, 5)], [whole(2, 4, 1).astype("float32")]


@model
def acgan():
    """An embedded label times noise, and a discriminator of two outputs, each a model in a Sequential in a model."""
    z, label = Input((4,)), Input((1,), dtype="int32")
    e = L.Flatten()(L.Embedding(3, 4)(label))
    net = Sequential([L.Dense(6, activation="relu", input_dim=4), L.BatchNormalization(momentum=0.8), L.Dense(5)])
    image = net(L.multiply([z, e]))
    g = Model([z, label], image)
    a = Input((5,))
    f = Sequential([L.Dense(4, input_shape=(5,)), L.LeakyReLU(alpha=0.2), L.Dropout(0.2)])(a)
    d = Model(a, [L.Dense(1, activation="sigmoid")(f), L.Dense(3, activation="softmax")(f)])
    z2, label2 = Input((4,)), Input((1,), dtype="int32")
    m = Model([z2, label2], d(g([z2, label2])))
    return m, [floats(3, 4), whole(3, 3, 1)]


@model
def autoencoder():
    i = Input((8, 8, 1))
    x = L.Conv2D(3, (3, 3), activation="relu", padding="same")(i)
    x = L.MaxPooling2D((2, 2), padding="same")(x)
    code = L.Conv2D(2, (3, 3), activation="relu", padding="same", activity_regularizer=keras.regularizers.l1(1e-5))(x)
    encoder = Model(i, code, name="encoder")
    c = Input((4, 4, 2))
    x = L.UpSampling2D((2, 2))(c)
    decoder = Model(c, L.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x), name="decoder")
    j = Input((8, 8, 1))
    m = Model(j, decoder(encoder(j)))
    m.compile(keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    return m, [floats(2, 8, 8, 1)], [np.abs(floats(2, 8, 8, 1))]


@model
def lstm_autoencoder():
    m = Sequential()
    m.add(L.LSTM(5, activation="relu", input_shape=(4, 2)))
    m.add(L.RepeatVector(4))
    m.add(L.LSTM(5, activation="relu", return_sequences=True))
    m.add(L.TimeDistributed(L.Dense(2)))
    return m, [floats(2, 4, 2)]


@model
def siamese_layers():
    base = Sequential([L.Conv2D(3, 3, input_shape=(6, 6, 1), activation="relu"), L.Flatten(), L.Dense(4)])
    i, j = Input((6, 6, 1)), Input((6, 6, 1))
    d = L.subtract([base(i), base(j)]) if hasattr(L, "subtract") else L.add([base(i), base(j)])
    return Model([i, j], L.Dense(1, activation="sigmoid")(d)), [floats(2, 6, 6, 1), floats(2, 6, 6, 1)]


@model
def transfer():
    """A model cut from keras.applications with a head on it, as in the blog of 2016."""
    a = Input((12, 12, 3))
    x = L.Conv2D(3, 3, padding="same", activation="relu", name="block1_conv1")(a)
    x = L.MaxPooling2D((2, 2), strides=(2, 2), name="block1_pool")(x)
    base = Model(a, x, name="vgg")
    for layer in base.layers:
        layer.trainable = False
    x = L.Flatten(name="flatten")(base.output)
    x = L.Dense(4, activation="relu", name="fc1")(x)
    top = Sequential([L.Dense(3, input_shape=(4,), activation="softmax")], name="top")
    m = Model(inputs=base.input, outputs=top(x))
    m.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.SGD(0.001, momentum=0.9))
    return m, [floats(2, 12, 12, 3)], [np.eye(3, dtype="float32")[whole(3, 2)]]


@model
def wide_and_deep():
    i, j = Input((3,), name="wide"), Input((4,), name="deep")
    x = L.Dense(5, activation="selu", kernel_initializer="lecun_normal")(j)
    x = L.Dense(5, activation="selu", kernel_initializer="lecun_normal")(x)
    y = L.Dense(1, name="out", kernel_regularizer=keras.regularizers.l1_l2(0.01, 0.01))(L.concatenate([i, x]))
    aux = L.Dense(1, name="aux", activation="softplus")(x)
    m = Model([i, j], [y, aux])
    m.compile(keras.optimizers.SGD(0.01), {"out": "mse", "aux": "mae"}, loss_weights=[0.9, 0.1])
    return m, [floats(3, 3), floats(3, 4)]


@model
def activations():
    i = Input((6,))
    found = [i]
    for name in ("softmax", "elu", "selu", "softplus", "softsign", "relu", "hard_sigmoid", "linear", "exponential"):
        if hasattr(keras.activations, name):
            found.append(L.Activation(name)(i))
    found += [L.LeakyReLU()(i), L.PReLU()(i), L.ELU()(i), L.Softmax()(i) if VERSION >= (2, 2) else i]
    found += [L.ThresholdedReLU()(i)] if VERSION < (3,) else []
    return Model(i, L.concatenate(found)), [floats(3, 6)]


@model
def softmax_over_channels():
    i = Input((3, 4, 5))
    x = L.Activation("softmax")(i)
    y = L.Conv2D(2, 1, activation="softmax")(i)
    z = L.Softmax(axis=1)(i) if VERSION >= (2, 2) else i
    return Model(i, [x, y, z]), [floats(2, 3, 4, 5)]


@until(2)
def locally_connected():
    return Sequential([L.LocallyConnected1D(3, 2, input_shape=(5, 2)), L.Flatten(), L.Dense(2)]), [floats(2, 5, 2)]


@until(2)
def locally_connected_2d():
    m = Sequential([L.LocallyConnected2D(3, (2, 2), input_shape=(5, 4, 2)), L.Flatten(), L.Dense(2)])
    return m, [floats(2, 5, 4, 2)]


@until(2)
def deferred():
    """Built when it is first called, by its data."""
    if VERSION < (2, 2):
        return Sequential([L.Dense(3, input_shape=(4,))]), [floats(3, 4)]
    m = Sequential()
    m.add(L.Dense(5, activation="relu"))
    m.add(L.BatchNormalization())
    m.add(L.Dense(2))
    m.compile("sgd", "mse")
    m.fit(floats(3, 4), floats(3, 2), verbose=0)
    return m, [floats(3, 4)]


@until(2)
def deferred_convolutions():
    if VERSION < (2, 2):
        return Sequential([L.Dense(3, input_shape=(4,))]), [floats(3, 4)]
    m = Sequential([L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(2)])
    m.compile("sgd", "mse")
    m.fit(floats(3, 8, 8, 2), floats(3, 2), verbose=0)
    return m, [floats(3, 8, 8, 2)]


@until(2)
def deferred_text():
    if VERSION < (2, 2):
        return Sequential([L.Dense(3, input_shape=(4,))]), [floats(3, 4)]
    m = Sequential([L.Embedding(12, 4), L.LSTM(3), L.Dense(1, activation="sigmoid")])
    m.compile("sgd", "binary_crossentropy")
    m.fit(whole(12, 3, 5), whole(2, 3, 1), verbose=0)
    return m, [whole(12, 3, 5)], [whole(2, 3, 1).astype("float32")]


if __name__ == "__main__":
    import sys

    main(sys.argv[1], sys.argv[2:])
