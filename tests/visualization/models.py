"""Models of which pictures are drawn."""

from __future__ import annotations

import fkeras as fk
from fkeras import nn


def chain():
    return fk.Sequential([fk.Input((4,)), *[nn.Dense(4 + i) for i in range(20)]])


def residual():
    inputs = x = fk.Input((8, 8, 4))
    for _ in range(2):
        y = nn.BatchNormalization()(nn.Conv2D(4, 3, padding="same", activation="relu")(x))
        x = nn.Activation("relu")(nn.Add()([x, y]))
    return fk.Model(inputs, nn.Dense(3, name="head")(nn.GlobalAveragePooling2D()(x)), name="residual")


def unet():
    inputs = x = fk.Input((16, 16, 1))
    skips = []
    for filters in (2, 3, 4):
        x = nn.Conv2D(filters, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = nn.MaxPooling2D()(x)
    x = nn.Conv2D(5, 3, padding="same")(x)
    for skip, filters in zip(skips[::-1], (4, 3, 2), strict=True):
        x = nn.Concatenate()([skip, nn.Conv2DTranspose(filters, 2, strides=2)(x)])
        x = nn.Conv2D(filters, 3, padding="same")(x)
    return fk.Model(inputs, nn.Conv2D(1, 1)(x), name="unet")


def inception():
    inputs = x = fk.Input((8, 8, 4))
    for _ in range(3):
        small = nn.Conv2D(2, 1)(x)
        middle = nn.Conv2D(2, 3, padding="same")(nn.Conv2D(2, 1)(x))
        large = nn.Conv2D(3, 3, padding="same")(nn.Conv2D(2, 3, padding="same")(nn.Conv2D(2, 1)(x)))
        pooled = nn.Conv2D(2, 1)(nn.AveragePooling2D(3, 1, padding="same")(x))
        x = nn.Concatenate()([small, middle, large, pooled])
    return fk.Model(inputs, x)


def transformer(blocks=12):
    inputs = fk.Input((6,))
    x = nn.Embedding(10, 4)(inputs)
    for _ in range(blocks):
        y = nn.LayerNormalization()(x)
        x = nn.Add()([x, nn.MultiHeadAttention(2, 2)(y, y)])
        y = nn.Dense(8, activation="gelu")(nn.LayerNormalization()(x))
        x = nn.Add()([x, nn.Dense(4)(y)])
    return fk.Model(inputs, nn.Dense(10)(nn.LayerNormalization()(x)))


def siamese():
    encoder = fk.Sequential([fk.Input((8,)), nn.Dense(4), nn.Dense(2)], name="encoder")
    left, right = fk.Input((8,), name="left"), fk.Input((8,), name="right")
    return fk.Model([left, right], nn.Dense(1)(nn.Subtract()([encoder(left), encoder(right)])))


def many_ends():
    title, body, tags = fk.Input((8,), name="title"), fk.Input((9,), name="body"), fk.Input((3,), name="tags")
    read = [nn.LSTM(4)(nn.Embedding(10, 3)(text)) for text in (title, body)]
    x = nn.Concatenate()([*read, tags])
    return fk.Model([title, body, tags], [nn.Dense(1, name="priority")(x), nn.Dense(4, name="department")(x)])


def nested():
    def block(units, name):
        inputs = fk.Input((4,))
        return fk.Model(inputs, nn.Add()([inputs, nn.Dense(4)(nn.Dense(units)(inputs))]), name=name)

    inputs = fk.Input((4,))
    return fk.Model(inputs, nn.Dense(1)(block(8, "large")(block(3, "small")(inputs))))


class Written(fk.Model):
    """A model in Python."""

    def __init__(self, units=4):
        super().__init__()
        self.first = nn.Dense(units)
        self.blocks = [nn.Dense(units) for _ in range(3)]

    def call(self, inputs):
        x = self.first(inputs)
        for block in self.blocks:
            x = block(x)
        return x


ALL = (chain, residual, unet, inception, transformer, siamese, many_ends, nested, Written)
