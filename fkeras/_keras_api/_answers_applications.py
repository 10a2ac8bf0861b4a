"""Keras's data sets, and how they are had today: from other libraries, or files that numpy reads."""

from __future__ import annotations

APPLICATIONS: dict[str, tuple[str, str]] = {
    "datasets.*": (
        "data sets are not built in; Keras's are files that numpy reads, and scikit-learn has some.",
        "x, y = sklearn.datasets.load_digits(return_X_y=True), or (x, y), (xt, yt) = keras.datasets.mnist.load_data(), "
        "or numpy.load(path)",
    ),
}
