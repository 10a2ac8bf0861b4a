"""Models whose weights are quantised, or have low-rank changes, are not written as Keras files."""

from __future__ import annotations

import os

from ...core import Model, explain, walk
from ...core.typing import FilePath


def check_plain_weights(model: Model, filepath: FilePath) -> None:
    """Refuse to write weights as a Keras file that Keras would keep in another form."""
    if any(layer._weights_as is not None for _, layer in walk(model)):
        raise ValueError(
            explain(
                f"{model.path_text()} keeps weights in a form that Keras files do not have.",
                received=os.fspath(filepath),
                usually="the model was quantised, or has low-rank changes.",
                write='model.save("name", variables)   # an Orbax directory; or merge_lora(variables) first',
            )
        )
