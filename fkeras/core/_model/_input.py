"""Input: where a graph begins."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
from flax import linen

from .._graph._dimensions import named_shape
from .._graph._inferred import Inferred
from .._graph._symbolic import Node, SymbolicTensor
from .._layer._layer import Layer
from .._layer._sealing import settle
from .._words._config import register
from .._words._dtypes import DTypePolicy, dtype_name, dtype_of, name_of_record
from .._words._errors import explain
from .._words._fields import field
from .._words._short_repr import keyword_texts
from ..typing import Config, DTypeLike, PyTree, Shape

#: A shape as `Input` takes it; the sizes of one axis may stand alone.
ShapeLike: TypeAlias = Sequence[int | None] | int | None


@register("keras.layers")
class InputLayer(Layer):
    """The layer behind an `Input`; it passes its tensor on.

    >>> import fkeras as fk
    >>> fk.nn.InputLayer(batch_shape=(None, 3)).get_config()["batch_shape"]
    [None, 3]
    """

    _last_by_position = ("name",)
    _any_name = True
    shape: Any = None
    batch_size: int | None = None
    dtype: Any = field(None, convert=lambda dtype: "float32" if dtype is None else _dtype_name(dtype))
    sparse: bool | None = None
    ragged: bool | None = None
    batch_shape: Any = None  # a tuple, once it is checked
    input_tensor: SymbolicTensor | None = None
    optional: bool = False

    @classmethod
    def _rewrite_arguments(
        cls, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]
    ) -> tuple[tuple[PyTree, ...], dict[str, PyTree]]:
        """The old names of two arguments, which Keras 3 still takes."""
        old = {"input_shape": "shape", "batch_input_shape": "batch_shape"}
        return args, {old.get(name, name): value for name, value in kwargs.items()}

    def __post_init__(self) -> None:
        if self.batch_shape is None:
            shape = _checked_shape(self.shape, "shape")
            settle(self, "batch_shape", (self.batch_size, *shape))
        else:
            settle(self, "batch_shape", _checked_shape(self.batch_shape, "batch_shape"))
        settle(self, "shape", None)
        settle(self, "batch_size", None)
        for flag in ("sparse", "ragged"):
            settle(self, flag, bool(getattr(self, flag)))
        super().__post_init__()

    def call(self, inputs: PyTree) -> PyTree:
        return inputs

    @linen.nowrap
    def _record(self, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
        return super()._record(args, kwargs) if args or kwargs else tensor_of(self)

    def __repr__(self) -> str:
        rest = {"dtype": (self.dtype, "float32"), "optional": (self.optional, False), "name": (self.name, None)}
        told = keyword_texts((n, value) for n, (value, plain) in rest.items() if value != plain)
        return f"{type(self).__name__}({', '.join([f'batch_shape={tuple(self.batch_shape)}', *told])})"

    def get_config(self) -> Config:
        return {
            "batch_shape": [None if d is None else int(d) for d in self.batch_shape],
            "dtype": self.dtype,
            "sparse": bool(self.sparse),
            "ragged": bool(self.ragged),
            "optional": self.optional,
            "name": self.name,
        }


def Input(  # noqa: N802 - Keras's name
    shape: ShapeLike = None,
    batch_size: int | None = None,
    dtype: DTypeLike | DTypePolicy | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: ShapeLike = None,
    name: str | None = None,
    tensor: SymbolicTensor | None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Make a symbolic tensor: the start of a graph.

    Args:
        shape: the shape of one example, without the batch; `None` for a dimension that may vary.
        batch_size: a fixed batch size; unknown by default.
        dtype: float32 by default.
        sparse, ragged: accepted for files' sake; JAX arrays are dense, so `True` is an error.
        batch_shape: the whole shape, instead of `shape` and `batch_size`.
        name: the input's name, the key under which a dict of arrays may give it.
        tensor: returned as it is.
        optional: whether `None` may be passed for it.

    Returns:
        A `SymbolicTensor`.

    Raises:
        ValueError: no shape, or one that holds something other than positive integers and `None`.

    >>> import fkeras as fk
    >>> x = fk.Input((28, None, 3), name="image")
    >>> x.shape, x.symbolic_shape
    ((None, 28, None, 3), (batch, 28, w, 3))

    Reference: https://keras.io/api/layers/core_layers/input/
    """
    if tensor is not None:
        return tensor
    if sparse or ragged:
        raise ValueError(
            explain("Inputs are dense arrays.", received="sparse=True or ragged=True", write="fk.Input(shape)")
        )
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, batch_shape=batch_shape, optional=optional, name=name
    )
    return tensor_of(layer)


def tensor_of(layer: InputLayer) -> SymbolicTensor:
    """The symbolic tensor that an input layer stands for."""
    struct = jax.ShapeDtypeStruct(named_shape(layer.batch_shape), dtype_of(layer.dtype))
    node = Node(layer, (), jax.tree.structure(((), {})), Inferred(struct, {}, lambda key: {}))
    tensor = SymbolicTensor(struct, node, 0, layer.name or "input")
    layer._remember_call(weakref.ref(node), [weakref.ref(tensor)], jax.tree.structure(0))
    return tensor


def _dtype_name(dtype: DTypeLike | DTypePolicy | Config) -> str:
    if isinstance(dtype, dict):
        dtype = name_of_record(dtype)
    name = getattr(dtype, "variable_dtype", dtype)
    return dtype_name(name)


def _checked_shape(shape: Any, argument: str) -> Shape:
    if isinstance(shape, int):
        shape = (shape,)
    good = isinstance(shape, tuple | list) and all(
        d is None or (not isinstance(d, bool) and hasattr(d, "__index__") and d >= 0) for d in shape
    )
    if not good:
        raise ValueError(
            explain(
                f"Input got a wrong {argument}.",
                received=repr(shape),
                usually="the shape is missing, or holds something other than integers and None.",
                write="fk.Input((28, 28, 1)), fk.Input((None, 8)), fk.Input(())",
            )
        )
    return tuple(None if d is None else int(d) for d in shape)
