"""Models that no Keras file holds: of weights in few bits or of low rank, or with modules of other libraries."""

from __future__ import annotations

import os
from typing import TypeGuard

from ...core import Model, explain, walk
from ...core.typing import FilePath
from ...nn import EquinoxLayer, FlaxLayer


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


def check_no_guests(model: object, filepath: FilePath) -> None:
    """Refuse to write a module of another library in a Keras file, which real Keras could not open.

    Raises:
        TypeError: naming the layer.
    """
    guests = [layer for _, layer in walk(model) if isinstance(layer, FlaxLayer | EquinoxLayer)] if _is(model) else []
    if guests:
        raise TypeError(
            explain(
                f"{guests[0].path_text()} is a module of another library, which no Keras file can hold.",
                received=os.fspath(filepath),
                usually="a model that is to be opened again by fkeras, for which a directory is the form.",
                write='model.save("name", variables), trainer.save("run", state): directories; '
                'or model.save_weights("m.weights.h5", variables)',
            )
        )


def _is(model: object) -> TypeGuard[Model]:
    return isinstance(model, Model)
