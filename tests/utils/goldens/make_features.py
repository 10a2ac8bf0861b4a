"""Writes `features.npz` and `features.keras`: what Keras 3.15.1 with TensorFlow 2.21 makes of a table of every kind.

`KERAS_BACKEND=jax python tests/utils/goldens/make_features.py`, then, in this order, `... make_features.py check FILE`
opens a file that fkeras wrote with real Keras and compares.
"""

import pathlib
import sys

import keras
import numpy as np

HERE = pathlib.Path(__file__).parent


def space(mode):
    """A space of every kind of feature, and of two crosses."""
    kinds, encoded = keras.utils.FeatureSpace, "one_hot" if mode == "concat" else "int"
    features = {
        "f": "float",
        "fn": "float_normalized",
        "fr": kinds.float_rescaled(2.0, 1.0, name="fr"),
        "fd": kinds.float_discretized(num_bins=5, name="fd"),
        "ic": "integer_categorical",
        "sc": kinds.string_categorical(max_tokens=3, name="sc"),
        "ih": kinds.integer_hashed(6, name="ih"),
        "sh": kinds.string_hashed(4, output_mode=encoded, name="sh"),
    }
    crosses = [("sc", "ic"), kinds.cross(("ih", "sh"), 10, output_mode=encoded)]
    return kinds(features, crosses=crosses, output_mode=mode, crossing_dim=8, name="space")


def table(count=100):
    """Columns of numbers and words."""
    random = np.random.default_rng(0)
    return {
        "f": random.normal(size=count).astype("float32"),
        "fn": random.normal(3, 2, size=count).astype("float32"),
        "fr": random.normal(size=count).astype("float32"),
        "fd": random.normal(size=count).astype("float32"),
        "ic": random.integers(0, 7, count),
        "sc": random.choice(["red", "green", "blue", "x"], count),
        "ih": random.integers(0, 1000, count),
        "sh": random.choice(["p", "q", "rr"], count),
    }


if __name__ == "__main__":
    data = table()
    if sys.argv[1:2] == ["check"]:
        opened = keras.models.load_model(sys.argv[2])
        found, wanted = np.asarray(opened(data)), np.load(HERE / "features.npz")["concat"]
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        print("equal")
    else:
        adapted = space("concat")
        adapted.adapt(data)
        adapted.save(HERE / "features.keras")
        by_name = space("dict")
        by_name.adapt(data)
        arrays = {f"in_{name}": column for name, column in data.items()}
        arrays |= {f"out_{name}": np.asarray(value) for name, value in by_name(data).items()}
        np.savez_compressed(HERE / "features.npz", concat=np.asarray(adapted(data)), **arrays)
