"""Small models of every kind that leaves, for the tests of each format."""

import numpy as np

import fkeras as fk


def cnn():
    inputs = fk.Input((8, 8, 2), name="image")
    x = fk.nn.BatchNormalization()(fk.nn.Conv2D(4, 3, activation="relu")(inputs))
    x = fk.nn.Concatenate()([fk.nn.MaxPooling2D()(x), fk.nn.AveragePooling2D(2)(x)])
    return fk.Model(inputs, fk.nn.Dense(3, activation="softmax")(fk.nn.Flatten()(x)))


def images_of_any_size():
    inputs = fk.Input((None, None, 1))
    x = fk.nn.MaxPooling2D(padding="same")(fk.nn.Conv2D(2, 3)(inputs))
    return fk.Model(inputs, fk.nn.GlobalAveragePooling2D()(x))


def recurrent():
    inputs = fk.Input((5,), dtype="int32", name="ids")
    x = fk.nn.Embedding(9, 4, mask_zero=True)(inputs)
    return fk.Model(inputs, fk.nn.LSTM(3)(fk.nn.Bidirectional(fk.nn.GRU(3, return_sequences=True))(x)))


def transformer():
    inputs = fk.Input((None,), dtype="int32", name="ids")
    x = fk.nn.Embedding(9, 8)(inputs)
    x = fk.nn.LayerNormalization()(x + fk.nn.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
    return fk.Model(inputs, fk.nn.Dense(2)(fk.nn.Dense(8, activation="gelu")(x)))


def several():
    a, b = fk.Input((3,), name="a"), fk.Input((3,), name="b")
    return fk.Model([a, b], {"sum": a + b, "left": fk.nn.Dense(2)(a)})


def quantised():
    return fk.Sequential([fk.Input((6, 6, 1)), fk.nn.Conv2D(4, 3), fk.nn.Flatten(), fk.nn.Dense(3)])


MODELS = [cnn, images_of_any_size, recurrent, transformer, several]


def batch(model, n, size=7):
    """Random inputs in order; unknown dimensions are `size`."""
    import jax

    draw, leaves = np.random.default_rng(n), []
    for tensor in jax.tree.leaves(model.input):
        shape = (n, *(size if d is None else d for d in tensor.shape[1:]))
        whole = tensor.dtype.kind == "i"
        leaves.append((draw.integers(0, 9, shape) if whole else draw.normal(size=shape)).astype(tensor.dtype))
    return leaves
