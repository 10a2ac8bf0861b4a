"""Keras's trained networks and data sets, and how they are had today: real Keras writes them, fkeras reads them."""

from __future__ import annotations

_PREPARE = "each network wants its pictures in a range of its own, which Keras's function of that name says."

APPLICATIONS: dict[str, tuple[str, str]] = {
    "applications.*": (
        "its networks are not built in; a file that real Keras wrote is read, with its weights.",
        'keras.applications.ResNet50().save("network.keras"), and model, variables = fk.load_model("network.keras")',
    ),
    "applications.imagenet_utils applications.imagenet_utils.preprocess_input": (
        _PREPARE,
        "fk.nn.Rescaling(1 / 127.5, offset=-1)(images)   # the range -1 to 1 of MobileNet, Inception and Xception",
    ),
    "applications.imagenet_utils.decode_predictions": (
        "the best classes are the largest outputs; their names are in a file of Keras's.",
        "scores, classes = fk.ops.top_k(predictions, 5)",
    ),
    "datasets.*": (
        "data sets are not built in; Keras's are files that numpy reads, and scikit-learn has some.",
        "x, y = sklearn.datasets.load_digits(return_X_y=True), or (x, y), (xt, yt) = keras.datasets.mnist.load_data(), "
        "or numpy.load(path)",
    ),
}
