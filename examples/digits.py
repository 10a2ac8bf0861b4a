"""The main job: describe, train, evaluate, save, and reload in a fresh process.

A convolutional net learns the 1,797 handwritten digits that scikit-learn ships, is measured on a fifth of them
that it has not seen, and is saved; another Python process loads it and predicts the same. About half a minute on
two CPU cores.

    python examples/digits.py
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time

import jax
import numpy as np
from sklearn.datasets import load_digits

import fkeras as fk


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 8, 8, 1) in [0, 1] and labels: four fifths to train on, one fifth held out."""
    digits = load_digits()
    images, labels = digits.images[..., None].astype("float32") / 16, digits.target.astype("int32")
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    cut = len(images) * 4 // 5
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def describe() -> fk.Model:
    """The model: a frozen description, no weights inside."""
    inputs = fk.Input((8, 8, 1), name="image")
    x = fk.nn.Conv2D(32, 3, padding="same", use_bias=False)(inputs)
    x = fk.nn.BatchNormalization()(x)
    x = fk.nn.ReLU()(x)
    x = fk.nn.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = fk.nn.MaxPooling2D()(x)
    x = fk.nn.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = fk.nn.Flatten()(x)
    x = fk.nn.Dropout(0.3)(x)
    return fk.Model(inputs, fk.nn.Dense(10)(x), name="digits")


RELOAD = """
import sys, numpy as np, fkeras as fk
model, variables = fk.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(variables, np.load(sys.argv[3])))
"""


def predict_in_a_fresh_process(folder: pathlib.Path, images: np.ndarray) -> np.ndarray:
    """Load the saved model in a new Python and predict there."""
    np.save(folder / "images.npy", images)
    arguments = [str(folder / "model"), str(folder / "predictions.npy"), str(folder / "images.npy")]
    subprocess.run([sys.executable, "-c", RELOAD, *arguments], check=True)
    return np.load(folder / "predictions.npy")


def main() -> float:
    """Run it all; the accuracy on the held-out fifth."""
    start = time.monotonic()
    x, y, x_test, y_test = data()
    model = describe()
    model.summary()

    trainer = model.compile(
        optimizer=fk.optimizers.Adam(2e-3),
        loss=fk.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    state = trainer.init(0)
    halve = fk.callbacks.LearningRateScheduler(lambda epoch: 2e-3 if epoch < 8 else 5e-4)
    state, history = trainer.fit(state, x, y, batch_size=64, epochs=12, validation_split=0.1, callbacks=[halve])
    print("history:", {name: f"{values[0]:.3f} -> {values[-1]:.3f}" for name, values in history.history.items()})

    results = trainer.evaluate(state, x_test, y_test)
    print("held-out fifth:", {name: round(value, 4) for name, value in results.items()})

    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        model.save(folder / "model", state.variables)
        here = model.predict(state.variables, x_test)
        there = predict_in_a_fresh_process(folder, x_test)
    equal = np.array_equal(here, there)
    print(f"reloaded in a fresh process: predictions {'equal' if equal else 'DIFFER'}")
    print(f"{jax.default_backend()}, {time.monotonic() - start:.0f} s")
    if not equal or results["accuracy"] < 0.98:
        sys.exit("the main job did not hold")
    return results["accuracy"]


if __name__ == "__main__":
    main()
