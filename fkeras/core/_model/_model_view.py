"""A model in a few words, and as its table where it is the last line of a cell."""

from __future__ import annotations

import re

import jax

from .._graph._symbolic import SymbolicTensor
from .._layer._layer import Layer
from .._layer._layer_repr import repr_of
from .._words._naming import snake_case
from .._words._views import View
from ..typing import PyTree
from ._input import InputLayer
from ._looking_inside import LooksInside
from ._summary import summary_of
from ._summary_view import view_of

# A row of at most so many layers is written out.
_FEW = 8


def model_repr(model: LooksInside) -> str:
    """A row of few layers as one would write it; else a model's name, how many layers it has, and what goes in and out.

    >>> import fkeras as fk
    >>> fk.Sequential([fk.Input((4,)), fk.nn.Dense(3, activation="relu"), fk.nn.Dense(1)])
    Sequential([Input((4,)), Dense(units=3, activation='relu'), Dense(units=1)])
    >>> inputs = fk.Input((4,))
    >>> fk.Model(inputs, fk.nn.Dense(3)(inputs))
    <Model 'functional': 2 layers, (None, 4) -> (None, 3)>
    """
    if model.scope is not None or (model._description is not None and model.graph is None):
        return repr_of(model)
    cls, layers = type(model).__name__, model.layers
    name = "" if _has_plain_name(model) else f", name={model.name!r}"
    if model._is_chain and len(layers) <= _FEW:
        start = [_input(model.start)] if isinstance(getattr(model, "start", None), InputLayer) else []
        frozen = "" if model.trainable else ", trainable=False"
        return f"{cls}([{', '.join([*start, *map(_inside, layers)])}]{frozen}{name})"
    count = f"{len(layers)} layer{'s' * (len(layers) != 1)}"
    ends = "" if model.graph is None else f", {_shapes(model.input)} -> {_shapes(model.output)}"
    return f"<{cls} {model.name!r}: {count}{ends}>"


def model_view(model: LooksInside) -> View:
    """The model's table."""
    return view_of(summary_of(model))


def _inside(layer: Layer) -> str:
    """A layer of a row, where a name that follows from its place says nothing."""
    own = type(layer).__repr__ is not Layer.__repr__
    return repr(layer) if own or not _has_plain_name(layer) else repr_of(layer, with_name=False)


def _has_plain_name(layer: Layer) -> bool:
    """Whether a layer's name is that of its class, counted."""
    plain = re.escape(snake_case(type(layer).__name__))
    return layer.name is None or re.fullmatch(rf"{plain}(_\d+)?", layer.name) is not None


def _input(start: InputLayer) -> str:
    """What one writes for the input of a row."""
    shape, dtype = tuple(start.batch_shape), str(start.dtype)
    sizes = f"{shape[1:]}" if shape[:1] == (None,) else f"batch_shape={shape}"
    return f"Input({sizes})" if dtype == "float32" else f"Input({sizes}, dtype={dtype!r})"


def _shapes(tree: PyTree) -> str:
    """Shapes in the structure of a model's inputs or outputs."""
    if isinstance(tree, SymbolicTensor):
        return str(tree.shape)
    leaves = jax.tree.leaves(tree)
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {_shapes(part)}" for key, part in tree.items()) + "}"
    return "[" + ", ".join(str(leaf.shape) for leaf in leaves) + "]"
