"""`decode_predictions`: the names of the classes that score best."""

from __future__ import annotations

import functools
import json

import numpy as np

from ...core import explain
from ...core.typing import ArrayLike
from .._weights._files import CLASS_INDEX

CLASSES = 1000


def decode_predictions(preds: ArrayLike, top: int = 5) -> list[list[tuple[str, str, np.floating]]]:
    """The names of the classes of ImageNet that score best.

    Args:
        preds: `(batch, 1000)` scores, as the top of a network has them.
        top: how many of each image.

    Returns:
        For each image a list of `(WordNet's id, name, score)`, the best first.

    Raises:
        ValueError: other than 1000 classes.
        FileNotFoundError: the file of names is not on this machine.

    Reference: https://keras.io/api/applications/
    Unlike Keras nothing is downloaded: `fk.applications.download("imagenet_class_index")` is called once.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != CLASSES:
        raise ValueError(
            explain(
                f"decode_predictions takes scores of the {CLASSES} classes of ImageNet, of a batch of images.",
                received=f"shape {scores.shape}",
                usually="one image without its batch, features of a network without its top, or classes of one's own.",
                write="fk.applications.resnet50.decode_predictions(model.predict(variables, images))",
            )
        )
    names = _names(str(CLASS_INDEX.in_cache()))
    best = np.argsort(scores, axis=1)[:, ::-1][:, : max(top, 0)]
    return [[(*names[i], row[i]) for i in indices] for row, indices in zip(scores, best, strict=True)]


@functools.lru_cache(maxsize=1)
def _names(path: str) -> tuple[tuple[str, str], ...]:
    """WordNet's id and the name of each class, from Keras's file `{"0": [id, name], …}`."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    try:
        return tuple((str(found[str(i)][0]), str(found[str(i)][1])) for i in range(CLASSES))
    except (KeyError, IndexError, TypeError):
        raise ValueError(
            explain(
                f"The file holds no names of {CLASSES} classes.",
                received=path,
                usually="a download that was cut off, or another file under this name.",
                write=f"{CLASS_INDEX.call}",
            )
        ) from None
