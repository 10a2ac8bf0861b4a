"""Where a preset's files have which weight: the words that the tables of the families are written in.

A name is `model:` or `task:`, for the file, and the path of the dataset. Keras's files call the layers of one class
`transformer_encoder`, `transformer_encoder_1`, …; the tables call the first one `transformer_encoder_0`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ...core import flatten
from ...core.typing import PyTree
from .._pretrained._names import Row

# What Keras saves beside weights: an optimizer's variables, and seeds.
_NO_WEIGHTS = re.compile(r"(^|/)(optimizer|_?seed_generators?(_\d+)?)/")
# Keras 3.0's name of a model's list of layers.
_OLD_LAYERS = "_layer_checkpoint_dependencies/"


def own(there: str, here: str, *names: str) -> list[Row]:
    """A layer's own weights, in Keras's order."""
    return [Row(f"{there}/vars/{i}", f"params/{here}/{name}") for i, name in enumerate(names)]


def dense(there: str, here: str, bias: bool = True) -> list[Row]:
    """A dense layer or a convolution."""
    return own(there, here, *(("kernel", "bias") if bias else ("kernel",)))


def norm(there: str, here: str) -> list[Row]:
    """A layer normalisation."""
    return own(there, here, "scale", "bias")


def attention(there: str, here: str, bias: bool = True, mark: str = "") -> list[Row]:
    """An attention's four projections; `mark` is in front of the attributes that have them."""
    parts = {"query": "query", "key": "key", "value": "value", "output": "out"}
    return [row for name, part in parts.items() for row in dense(f"{there}/{mark}{name}_dense", f"{here}/{part}", bias)]


def by_name(file: str, arrays: Mapping[str, PyTree], repeated: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The weights of a file by the names that the tables have.

    Args:
        file: `"model"` or `"task"`.
        arrays: its datasets, as `fk.checkpoint.load_arrays` reads them.
        repeated: the classes of layers of which there may be several: of blocks.

    Returns:
        The weights; what is none is left out.
    """
    first = re.compile(rf"(?<=/)({'|'.join(map(re.escape, repeated)) or '(?!)'})(?=/)")
    found = {}
    for path, array in flatten(dict(arrays)).items():
        if not _NO_WEIGHTS.search(path):
            name = first.sub(r"\1_0", path.replace(_OLD_LAYERS, "layers/", 1))
            found[f"{file}:{name}"] = array
    return found
