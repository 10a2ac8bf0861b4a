"""What fkeras does, in half a minute and with nothing but what it installs: `python -m fkeras.demo`.

A convolutional network learns to read digits as a calculator draws them, shifted and under noise. It is trained,
measured on pictures that it has not seen, saved, and opened by another process, which predicts the same to the bit.
Then eight runs of it, each with its own learning rate, train as one call.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import jax
import numpy as np

import fkeras as fk

#: Which of the seven segments of each digit are lit: top, the two upper ones, middle, the two lower ones, bottom.
SEGMENTS = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)
#: Rows and columns of each segment in a picture of 11 by 7.
PLACES = (
    (slice(0, 1), slice(1, 6)), (slice(1, 5), slice(0, 1)), (slice(1, 5), slice(6, 7)), (slice(5, 6), slice(1, 6)),
    (slice(6, 10), slice(0, 1)), (slice(6, 10), slice(6, 7)), (slice(10, 11), slice(1, 6)),
)  # fmt: skip

OPEN_AGAIN = """
import sys, numpy as np, fkeras as fk
trainer, state = fk.load_trainer(sys.argv[1])
np.save(sys.argv[2], trainer.model.predict(state, np.load(sys.argv[3])))
"""


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of digits and the digits.

    Args:
        count: how many.
        seed: of places, strengths and noise.

    Returns:
        Pictures, float32 of (count, 16, 12, 1), and digits, int32 of (count,).

    >>> pictures, labels = digits(3, seed=0)
    >>> pictures.shape, labels.shape
    ((3, 16, 12, 1), (3,))
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count).astype("int32")
    pictures = rng.normal(0, 0.25, (count, 16, 12, 1)).astype("float32")
    for picture, label, down, right in zip(
        pictures, labels, rng.integers(0, 6, count), rng.integers(0, 6, count), strict=True
    ):
        for lit, (rows, columns) in zip(SEGMENTS[label], PLACES, strict=True):
            if lit == "1":
                picture[down : down + 11, right : right + 7][rows, columns] += rng.uniform(0.6, 1.4)
    return pictures, labels


def drawn(picture: np.ndarray) -> list[str]:
    """A picture as lines of text, darker where it is brighter.

    Args:
        picture: of (height, width, 1).

    Returns:
        A line of two characters a pixel for each row.

    >>> drawn(np.array([[[0.0], [1.0]]]))
    ['  ██']
    """
    shades = " ░▒▓█"
    return ["".join(2 * shades[int(np.clip(4 * value, 0, 4))] for value in row[:, 0]) for row in picture]


def reader() -> fk.Model:
    """The model: a frozen description, no weights inside.

    Returns:
        Pictures of (batch, 16, 12, 1) to logits of (batch, 10).

    >>> reader().output_shape
    (None, 10)
    """
    inputs = fk.Input((16, 12, 1), name="picture")
    x = fk.nn.Conv2D(16, 3, activation="relu")(inputs)
    x = fk.nn.MaxPooling2D()(x)
    x = fk.nn.Conv2D(32, 3, activation="relu")(x)
    x = fk.nn.Flatten()(x)
    x = fk.nn.Dropout(0.2)(x)
    return fk.Model(inputs, fk.nn.Dense(10)(x), name="reader")


def predicted_elsewhere(trainer: fk.Trainer, state: fk.TrainState, pictures: np.ndarray) -> np.ndarray:
    """What another process predicts, which has only what was saved.

    Args:
        trainer: the trainer.
        state: its state.
        pictures: of (count, 16, 12, 1).

    Returns:
        Logits, float32 of (count, 10).
    """
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        trainer.save(place / "trainer", state)
        np.save(place / "pictures.npy", pictures)
        arguments = [str(place / name) for name in ("trainer", "logits.npy", "pictures.npy")]
        # the other process finds this fkeras, wherever it lies
        paths = [str(pathlib.Path(fk.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        subprocess.run([sys.executable, "-c", OPEN_AGAIN, *arguments], check=True, env=environment)
        logits: np.ndarray = np.load(place / "logits.npy")
        return logits


def main() -> None:
    """Run it all and print it.

    Raises:
        SystemExit: the network did not learn, or the other process predicted something else.
    """
    start = time.monotonic()
    x, y = digits(4_000, seed=0)
    x_test, y_test = digits(1_000, seed=1)
    print(f"fkeras {fk.__version__} on JAX {jax.__version__}, {jax.default_backend()}. Two of {len(x):,} pictures:\n")
    print(*("   ".join(lines) for lines in zip(drawn(x[0]), drawn(x[1]), strict=True)), "", sep="\n")

    trainer = reader().compile(
        fk.optimizers.Adam(3e-3), fk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    state, _ = trainer.fit(trainer.init(0), x, y, batch_size=50, epochs=8, validation_split=0.1)
    results = trainer.evaluate(state, x_test, y_test, verbose=0)
    print(f"\n{len(x_test):,} pictures that it has not seen: {results['accuracy']:.1%} read")

    logits = trainer.model.predict(state, x_test, verbose=0)
    equal = np.array_equal(logits, predicted_elsewhere(trainer, state, x_test))
    print(f"saved, and opened by another process: its predictions are {'the same, to the bit' if equal else 'OTHERS'}")

    rates = [float(rate) for rate in np.geomspace(1e-4, 1e-1, 8)]
    print(f"\n{len(rates)} runs with a learning rate each, in one call:")
    _, histories = trainer.fit_many(x, y, over={"learning_rate": rates}, batch_size=50, epochs=2, verbose=0)
    losses = histories.ended_with("loss").tolist()
    for rate, loss in zip(rates, losses, strict=True):
        print(f"  {rate:.4f}  loss {loss:8.3f}  {'█' * round(10 * min(loss, 3))}{' best' * (loss == min(losses))}")
    print(f"\n{time.monotonic() - start:.0f} s")
    if not equal or results["accuracy"] < 0.9:
        sys.exit("the demo did not hold")


if __name__ == "__main__":
    main()
