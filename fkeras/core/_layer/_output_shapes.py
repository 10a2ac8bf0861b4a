"""Shapes as Keras asks for them: `compute_output_shape((None, 4))`, and symbolic outputs without a recorded call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import jax

from .._graph._dimensions import is_symbolic, named_shape
from .._graph._inferred import Inferred
from .._graph._symbolic import Node, SymbolicTensor, outputs_of
from .._words._dtypes import dtype_of
from .._words._errors import explain
from ..typing import DTypeLike, PyTree, Shape
from ._build import has_build
from ._sublayers import sublayers_of
from ._weight_facts import inferred_call

if TYPE_CHECKING:
    from ._layer import Layer


def output_shape(layer: Layer, shapes: tuple[PyTree, ...], named: Mapping[str, PyTree]) -> PyTree:
    """The shape of what a layer returns: see `Layer.compute_output_shape`."""
    outputs = _outputs_of_shapes(unbound(layer), *_call_arguments(layer, shapes, named))
    return jax.tree.map(lambda leaf: tuple(None if is_symbolic(d) else int(d) for d in leaf.shape), outputs)


def output_spec(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
    """Symbolic outputs of a call that the layer does not remember: see `Layer.compute_output_spec`."""
    layer = unbound(layer)
    inferred = inferred_call(layer, args, kwargs)
    leaves, treedef = jax.tree.flatten((args, kwargs))
    tensors = outputs_of(Node(layer, tuple(leaves), treedef, inferred))
    return jax.tree.unflatten(jax.tree.structure(inferred.outputs), tensors)


# What JAX raises where a function of one's own looks at the numbers of an array.
UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def outputs_as_told(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> Inferred | None:
    """What a layer's own `compute_output_shape` says of a call that cannot be traced, as Keras takes it.

    Args:
        layer: the layer.
        args, kwargs: the call's arguments, with symbolic tensors.

    Returns:
        Outputs of the compute dtype; `None` for a layer without the method, or one that may have weights.
    """
    cls, description = type(layer), layer._description
    weights = has_build(layer) or (description is not None and (description.weights or sublayers_of(layer)))
    if cls.compute_output_shape.__module__.startswith("fkeras.core.") or weights:
        return None
    shapes, named = jax.tree.map(lambda leaf: getattr(leaf, "shape", None), (args, kwargs))
    told = layer.compute_output_shape(*shapes, **{f"{name}_shape": shape for name, shape in named.items()})
    dtype = layer.compute_dtype
    return Inferred(_with_shapes(told, functools.partial(_struct, dtype)), {}, lambda key: {})


def unbound(layer: Layer) -> Layer:
    """The layer without variables; inside a layer's `build` those in it are bound."""
    return layer if layer.scope is None else layer.unbind()[0]


def _call_arguments(
    layer: Layer, shapes: tuple[PyTree, ...], named: Mapping[str, PyTree]
) -> tuple[tuple[PyTree, ...], dict[str, PyTree]]:
    """Shapes by the arguments of `call`: `query_shape` is that of `query`, and `input_shape` that of the first."""
    names = layer._call_parameters.names
    found: dict[str, PyTree] = {}
    for key, shape in named.items():
        name = key.removesuffix("_shape")
        if name not in names:
            if key != "input_shape" or shapes:
                raise TypeError(
                    explain(
                        f"{layer.path_text()} has no argument whose shape {key!r} would be.",
                        received=f"compute_output_shape({', '.join([*map(str, shapes), f'{key}=...'])})",
                        usually=f"its `call` takes {', '.join(names)}.",
                        write="layer.compute_output_shape((None, 8)), or query_shape=..., value_shape=...",
                    )
                )
            shapes = (shape,)
        elif shape is not None:
            found[name] = shape
    return shapes, found


def _outputs_of_shapes(layer: Layer, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]) -> PyTree:
    """Shapes and dtypes of the outputs; for inputs of the dtypes of a graph, or else of the first that the layer takes.

    The dtypes are floats, then integers, then text for those that take text: nothing else tells what a layer takes.
    """
    if layer.graph is not None:
        dtypes = iter([tensor.dtype for tensor in layer.graph.input_tensors])
        tree = _with_shapes((args, kwargs), lambda shape: jax.ShapeDtypeStruct(named_shape(shape), next(dtypes)))
        return inferred_call(layer, *tree).outputs
    first: Exception | None = None
    for dtype in (layer.compute_dtype, "int32"):
        try:
            tree = _with_shapes((args, kwargs), functools.partial(_struct, dtype))
            return inferred_call(layer, *tree).outputs
        except (TypeError, ValueError) as error:
            first = first or error
    try:
        return layer._text_outputs(*_with_shapes((args, kwargs), _text)).outputs
    except (TypeError, ValueError):
        assert first is not None
        raise first from None


def _struct(dtype: DTypeLike, shape: Shape) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(named_shape(shape), jax.dtypes.canonicalize_dtype(dtype))


def _text(shape: Shape) -> SymbolicTensor:
    struct = jax.ShapeDtypeStruct(named_shape(shape), dtype_of("string"))
    node = Node(None, (), jax.tree.structure(((), {})), Inferred(struct, {}, lambda key: {}))
    return SymbolicTensor(struct, node, 0, "input")


def _with_shapes(tree: Any, make: Callable[[Shape], Any]) -> Any:
    """A tree of shapes with what `make` makes of each; a list of sizes is one shape."""
    if is_shape(tree):
        return make(tuple(tree))
    if isinstance(tree, list | tuple):
        return type(tree)(_with_shapes(part, make) for part in tree)
    if isinstance(tree, Mapping):
        return {key: _with_shapes(part, make) for key, part in tree.items()}
    if hasattr(tree, "shape"):
        return make(tuple(tree.shape))
    raise TypeError(
        explain(
            "A shape is a tuple of sizes, with None for those that are not known.",
            received=repr(tree)[:80],
            write="layer.compute_output_shape((None, 28, 28, 1))",
        )
    )


def is_shape(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether a value is one shape, and no list of shapes."""
    return isinstance(value, list | tuple) and all(
        d is None or is_symbolic(d) or (hasattr(d, "__index__") and not isinstance(d, bool)) for d in value
    )
