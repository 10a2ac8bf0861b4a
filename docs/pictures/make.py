"""Draws the pictures of models and runs in this folder: `python docs/pictures/make.py`.

A test holds that they are those of the library as it is.
"""

from __future__ import annotations

import pathlib

import numpy as np

import fkeras as fk
from fkeras import nn
from fkeras.core import Picture

HERE = pathlib.Path(__file__).parent


def transformer() -> fk.Model:
    """Twelve equal blocks, which one picture shows once."""
    tokens = fk.Input((128,), dtype="int32", name="tokens")
    x = nn.Embedding(1000, 64)(tokens)
    for _ in range(12):
        y = nn.LayerNormalization()(x)
        x = nn.Add()([x, nn.MultiHeadAttention(4, 16)(y, y)])
        y = nn.Dense(256, activation="gelu")(nn.LayerNormalization()(x))
        x = nn.Add()([x, nn.Dense(64)(y)])
    return fk.Model(tokens, nn.Dense(1000)(nn.LayerNormalization()(x)), name="transformer")


def tickets() -> fk.Model:
    """Three inputs and two outputs: the functional API's own example."""
    title, body = fk.Input((20,), name="title"), fk.Input((200,), name="body")
    tags = fk.Input((12,), name="tags")
    read = [nn.LSTM(32)(nn.Embedding(5000, 32)(text)) for text in (title, body)]
    x = nn.Concatenate()([*read, tags])
    ends = [nn.Dense(1, name="priority", activation="sigmoid")(x), nn.Dense(4, name="department")(x)]
    return fk.Model([title, body, tags], ends, name="tickets")


def unet() -> fk.Model:
    """Down, up, and what is carried over."""
    inputs = x = fk.Input((64, 64, 3))
    carried = []
    for filters in (16, 32):
        x = nn.Conv2D(filters, 3, padding="same", activation="relu")(x)
        carried.append(x)
        x = nn.MaxPooling2D()(x)
    x = nn.Conv2D(64, 3, padding="same", activation="relu")(x)
    for skip, filters in zip(carried[::-1], (32, 16), strict=True):
        x = nn.Concatenate()([nn.Conv2DTranspose(filters, 2, strides=2)(x), skip])
        x = nn.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return fk.Model(inputs, nn.Conv2D(1, 1, activation="sigmoid")(x), name="unet")


def run() -> fk.callbacks.History:
    """Numbers as a run has them."""
    history = fk.callbacks.History()
    for epoch in range(12):
        gone = np.exp(-epoch / 3)
        logs = {"loss": 2 * gone + 0.03, "accuracy": 0.99 - 0.7 * gone}
        history.add(epoch, {**logs, "val_loss": 1.9 * gone + 0.02 * epoch, "val_accuracy": 0.95 - 0.68 * gone})
    return history


def pictures() -> dict[str, Picture]:
    """Each picture by the name of its file."""
    animals = ["bird", "cat", "deer", "dog", "frog", "horse"]
    random = np.random.default_rng(0)
    true = random.integers(0, 6, 600)
    taken = np.where(random.random(600) < 0.85, true, random.integers(0, 6, 600))
    return {
        "transformer.svg": fk.plot_model(transformer()),
        "tickets.svg": fk.plot_model(tickets(), show_layer_names=True),
        "unet.svg": fk.plot_model(unet(), show_shapes=True),
        "run.svg": run().to_picture(columns=1),
        "confusion.svg": fk.visualization.plot_confusion_matrix(true, taken, animals),
    }


if __name__ == "__main__":
    for name, picture in pictures().items():
        picture.save(HERE / name)
        print(f"{name}: {picture!r}, {(HERE / name).stat().st_size:,} bytes")
