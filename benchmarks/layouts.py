"""`layout="auto"` on twelve families of models: bytes on a device, and the losses of 200 steps beside one device's.

    XLA_FLAGS=--xla_force_host_platform_device_count=8 python benchmarks/layouts.py [NAME ...]

With `relu`, some convolutional networks differ by up to 1e-3: an entry that rounding puts on the other side of the kink
changes the gradient. `swish` has none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import fkeras as fk
from fkeras import nn

ROWS, BATCH, STEPS, CLASSES, TOKENS = 64, 16, 200, 10, 48
IMAGE = (8, 8, 3)


def mlp() -> Any:
    hidden = [layer for _ in range(2) for layer in (nn.Dense(64, "relu"), nn.BatchNormalization(), nn.Dropout(0.2))]
    return fk.Sequential([fk.Input((20,)), *hidden, nn.Dense(CLASSES)])


def cnn() -> Any:
    begin = [fk.Input((12, 12, 3)), nn.Conv2D(16, 3, activation="swish"), nn.MaxPooling2D()]
    end = [nn.Conv2D(32, 3, activation="swish"), nn.Dropout(0.3), nn.Flatten(), nn.Dense(CLASSES)]
    return fk.Sequential([*begin, *end])


def resnet() -> Any:
    def conv(x: Any, width: int) -> Any:
        return nn.BatchNormalization()(nn.Conv2D(width, 3, padding="same", use_bias=False)(x))

    inputs = fk.Input(IMAGE)
    x = conv(inputs, 16)
    for width in (16, 32):
        inside = conv(nn.Activation("swish")(conv(x, width)), width)
        x = nn.Activation("swish")(nn.Add()([nn.Conv2D(width, 1, use_bias=False)(x), inside]))
    return fk.Model(inputs, nn.Dense(CLASSES)(nn.GlobalAveragePooling2D()(x)))


def separable() -> Any:
    begin = [fk.Input(IMAGE), nn.Conv2D(32, 3, padding="same"), nn.DepthwiseConv2D(3, padding="same")]
    end = [nn.SeparableConv2D(64, 3, activation="swish"), nn.GlobalAveragePooling2D(), nn.Dense(CLASSES)]
    return fk.Sequential([*begin, nn.Conv2D(32, 1, activation="swish"), *end])


def _blocks(x: Any, attention: Callable[[], Any], causal: bool) -> Any:
    for _ in range(2):
        y = nn.LayerNormalization()(x)
        x = nn.Add()([x, attention()(y, y, use_causal_mask=causal)])
        y = nn.Dropout(0.1)(nn.Dense(96, "gelu")(nn.LayerNormalization()(x)))
        x = nn.Add()([x, nn.Dense(32)(y)])
    return nn.LayerNormalization()(x)


def encoder() -> Any:
    inputs = fk.Input((12, 32))
    x = _blocks(inputs, lambda: nn.MultiHeadAttention(4, 8, dropout=0.1), causal=False)
    return fk.Model(inputs, nn.Dense(CLASSES)(nn.GlobalAveragePooling1D()(x)))


def decoder(attention: Callable[[], Any] = lambda: nn.MultiHeadAttention(4, 8)) -> Any:
    inputs = fk.Input((12,), dtype="int32")
    return fk.Model(inputs, nn.Dense(TOKENS)(_blocks(nn.Embedding(TOKENS, 32)(inputs), attention, causal=True)))


def grouped() -> Any:
    return decoder(lambda: nn.GroupQueryAttention(6, 8, 2))


def lstm() -> Any:
    return fk.Sequential([fk.Input((10, 6)), nn.LSTM(24, dropout=0.1), nn.Dense(CLASSES)])


def gru() -> Any:
    return fk.Sequential([fk.Input((10, 6)), nn.Bidirectional(nn.GRU(16)), nn.Dense(CLASSES)])


def text() -> Any:
    begin = [fk.Input((12,), dtype="int32"), nn.Embedding(TOKENS, 24), nn.GlobalAveragePooling1D()]
    return fk.Sequential([*begin, nn.Dense(40, "relu"), nn.Dropout(0.2), nn.Dense(CLASSES)])


def unet() -> Any:
    inputs = fk.Input(IMAGE)
    first = nn.Conv2D(16, 3, padding="same", activation="swish")(inputs)
    second = nn.Conv2D(32, 3, padding="same", activation="swish")(nn.AveragePooling2D(2)(first))
    up = nn.Conv2DTranspose(16, 2, strides=2, padding="same")(second)
    x = nn.Conv2D(16, 3, padding="same", activation="swish")(nn.Concatenate()([first, up]))
    return fk.Model(inputs, nn.Conv2D(1, 1)(x))


def mixture() -> Any:
    inputs = fk.Input((20,))
    x = nn.Dense(48, "relu")(inputs)
    heads = nn.Flatten()(nn.EinsumDense("ab,bcd->acd", output_shape=(4, 16), bias_axes="cd")(x))
    return fk.Model(inputs, [nn.Dense(CLASSES, name="classes")(heads), nn.Dense(3, name="numbers")(x)])


FAMILIES = {
    f.__name__: f for f in (mlp, cnn, resnet, separable, encoder, decoder, grouped, lstm, gru, text, unet, mixture)
}


def trainer_of(name: str) -> Any:
    """The trainer of a family."""
    model = FAMILIES[name]()
    logits = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss: Any = {"unet": "mse", "mixture": [logits, "mse"]}.get(name, logits)
    return model.compile(fk.optimizers.Adam(1e-3), loss)


def data_of(trainer: Any) -> tuple[np.ndarray, Any]:
    """Inputs and targets of random numbers, in the model's shapes."""
    draw, model = np.random.default_rng(0), trainer.model

    def inputs(shape: tuple[int | None, ...], dtype: str) -> np.ndarray:
        sizes = (ROWS, *shape[1:])
        return draw.integers(0, TOKENS, sizes) if "int" in dtype else draw.normal(size=sizes).astype("float32")

    def targets(tensor: Any) -> np.ndarray:
        *sizes, last = tensor.shape
        if last in (1, 3):
            return inputs((*sizes, last), "float32")
        return draw.integers(0, last, (ROWS, *sizes[1:]))

    given = inputs(model.inputs[0].shape, str(model.inputs[0].dtype))
    wanted = [targets(tensor) for tensor in model.outputs]
    return given, wanted if len(wanted) > 1 else wanted[0]


def share(trainer: Any, mesh: Any = None) -> float:
    """What a device holds of weights and slots under `"auto"`, as a multiple of an equal share."""
    spread = trainer.distribute(mesh, "auto")
    table = spread.plot_layout(jax.eval_shape(spread.init, 0))
    rows = [row for row in table.rows if row.path.startswith(("params", "model_state", "opt_state/inner"))]
    assert all(row.reason for row in rows)
    return len(table.devices) * sum(row.bytes for row in rows) / sum(4 * int(np.prod(row.shape)) for row in rows)


def difference(trainer: Any, mesh: Any = None, steps: int = STEPS, layout: Any = "auto") -> float:
    """The largest difference between the losses of epochs on one device and under a layout."""
    (x, y), curves = data_of(trainer), []
    for each in (trainer, trainer.distribute(mesh, layout)):
        run = each.fit(each.init(0), x, y, batch_size=BATCH, epochs=steps * BATCH // ROWS, verbose=0)[1]
        curves.append(np.array(run.history["loss"]))
    return float(np.abs(curves[0] - curves[1]).max())


def main(names: list[str]) -> None:
    """A line for each family."""
    print(f"{jax.device_count()} devices\n{'family':10} {'share':>6} {'losses differ by':>17}")
    for name in names or FAMILIES:
        trainer = trainer_of(name)
        print(f"{name:10} {share(trainer):6.3f} {difference(trainer):17.1e}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
