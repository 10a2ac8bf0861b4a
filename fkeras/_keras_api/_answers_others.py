"""Names that Keras lacks too, which are looked for out of the habits of other libraries, in whichever part."""

from __future__ import annotations

#: A name, without its part -> why there is none, and the line to write.
OTHERS: dict[str, tuple[str, str]] = {
    "confusion_matrix ConfusionMatrix": (
        "Keras has none: it is TensorFlow's or scikit-learn's. Here is the picture; scikit-learn has the counts.",
        "fk.visualization.plot_confusion_matrix(y, trainer.predict(state, x)), or "
        "sklearn.metrics.confusion_matrix(y, trainer.predict(state, x).argmax(-1))",
    ),
    "math": ("a part of TensorFlow, not of Keras; its functions are among the ops.", "fk.ops.log(x)"),
}


def of_others(name: str) -> tuple[str, str] | None:
    """The row of a name; `None` where there is none.

    >>> of_others("math")[1]
    'fk.ops.log(x)'
    """
    return next((row for names, row in OTHERS.items() if name in names.split()), None)
