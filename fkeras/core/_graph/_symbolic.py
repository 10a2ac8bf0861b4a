"""A symbolic tensor: a shape, a dtype, and the node whose output it is."""

from __future__ import annotations

import dataclasses
import operator
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._words._errors import explain
from ._shape_inference import Inferred, infer, is_symbolic, struct_of
from ._trace_cache import shared


class SymbolicTensor:
    """A placeholder for an array of a graph: what `Input` makes and layers return when called on one.

    Attributes:
        struct: shape and dtype; unknown dimensions are symbolic (`batch`, `2*h`).
        node: the `Node` whose output this is.
        index: which of the node's output leaves it is.
        name: a label for messages and files.

    It supports arithmetic, comparison, indexing and every function of `fk.ops`; each records a node.

    >>> import fkeras as fk
    >>> x = fk.Input((None, 8))
    >>> (x * 2)[:, 0].shape, (x * 2)[:, 0].dtype
    ((None, 8), dtype('float32'))
    """

    __slots__ = ("__weakref__", "index", "name", "node", "struct")

    struct: jax.ShapeDtypeStruct
    node: Node
    index: int
    name: str

    def __init__(self, struct: jax.ShapeDtypeStruct, node: Node, index: int, name: str) -> None:
        object.__setattr__(self, "struct", struct)
        object.__setattr__(self, "node", node)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "name", name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            explain(
                f"A symbolic tensor is immutable; {name!r} cannot be set.",
                usually="code written for a mutable tensor.",
                write="a new tensor: y = fk.ops.reshape(x, ...), y = x + 1",
            )
        )

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Keras's shape: `None` where a dimension is unknown."""
        return tuple(None if is_symbolic(d) else int(d) for d in self.struct.shape)

    @property
    def symbolic_shape(self) -> tuple[Any, ...]:
        """The shape with its algebra, such as `(batch, 2*h, 8)`."""
        return tuple(self.struct.shape)

    @property
    def dtype(self) -> Any:
        return self.struct.dtype

    @property
    def ndim(self) -> int:
        return len(self.struct.shape)

    def astype(self, dtype: Any) -> SymbolicTensor:
        return record(Op("cast", _cast), (self, jnp.dtype(dtype).name), {})

    def reshape(self, *shape: Any) -> SymbolicTensor:
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return record(Op("reshape", jnp.reshape), (self, tuple(new)), {})

    @property
    def T(self) -> SymbolicTensor:  # noqa: N802 - numpy's name
        return record(Op("transpose", jnp.transpose), (self,), {})

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name!r} shape={self.symbolic_shape} dtype={self.dtype}>"

    def __getitem__(self, key: Any) -> SymbolicTensor:
        return record(Op("get_item", getitem), (self, key), {})

    def _no_value(self, what: str) -> TypeError:
        return TypeError(
            explain(
                f"{what} needs a value, but {self.name!r} is symbolic: it has a shape and no numbers.",
                received=repr(self),
                usually="a numpy or jax function was called on a tensor of a graph, or an `if` depends on one.",
                write="fk.ops.<function>(x), or put the code in a layer's `call`, or fk.nn.Lambda(fn)(x)",
            )
        )

    def __bool__(self) -> bool:
        raise self._no_value("bool()")

    def __len__(self) -> int:
        raise self._no_value("len()")

    def __iter__(self) -> Any:
        raise self._no_value("Iterating")

    def __float__(self) -> float:
        raise self._no_value("float()")

    def __int__(self) -> int:
        raise self._no_value("int()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._no_value("Converting to an array")

    # No `__jax_array__`: without it jax hands `array * tensor` on to the tensor, as numpy does here.
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = _OF_NUMPY.get(ufunc.__name__)
        if op is None or method != "__call__" or kwargs:
            raise self._no_value(f"numpy's {ufunc.__name__}")
        return op(*inputs)

    # Tensors stay usable as keys and in sets, as Keras's are, though `==` is elementwise.
    __hash__ = object.__hash__

    def __pos__(self) -> SymbolicTensor:
        return self

    def __round__(self, ndigits: int | None = None) -> SymbolicTensor:
        return record(Op("round", jnp.round), (self, ndigits or 0), {})


@dataclasses.dataclass(frozen=True)
class Op:
    """A function of arrays under the name that `fk.ops` and Keras give it."""

    name: str
    function: Callable[..., Any] = dataclasses.field(compare=False)


class Node:
    """One recorded call: what was called, with which arguments.

    Attributes:
        operation: a `Layer` or an `Op`.
        leaves, treedef: the flattened `(args, kwargs)`; some leaves are symbolic tensors.
        found: what tracing it showed, which calls that are alike share:
        outputs: shapes and dtypes of the result, a pytree of `jax.ShapeDtypeStruct`.
        variables: what the layer's variables look like, and
        program: `key -> variables`.
        facts: what the layer and the layers inside it say of their weights, by path.
    """

    __slots__ = ("__weakref__", "found", "leaves", "operation", "treedef")

    def __init__(self, operation: Any, leaves: list[Any], treedef: Any, found: Inferred) -> None:
        self.operation = operation
        self.leaves = leaves
        self.treedef = treedef
        self.found = found

    @property
    def outputs(self) -> Any:
        return self.found.outputs

    @property
    def variables(self) -> Any:
        return self.found.variables

    @property
    def program(self) -> Callable[[jax.Array], Any]:
        return self.found.program

    @property
    def facts(self) -> Mapping[Any, Any]:
        return self.found.facts

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments, in order."""
        return [leaf for leaf in self.leaves if isinstance(leaf, SymbolicTensor)]

    @property
    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The `(args, kwargs)` of the call."""
        return jax.tree.unflatten(self.treedef, self.leaves)


def has_symbolic(tree: Any) -> bool:
    """Whether any leaf of a pytree is a symbolic tensor."""
    return any(isinstance(leaf, SymbolicTensor) for leaf in jax.tree.leaves(tree))


def record(
    operation: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    evaluate: Callable[..., tuple[Any, Any]] | None = None,
    found: Inferred | None = None,
) -> Any:
    """Record a call in the graph and return its symbolic outputs.

    Args:
        operation: the layer or op that is called.
        args, kwargs: its arguments, pytrees with symbolic tensors in them.
        evaluate: `(key, args, kwargs, facts) -> (outputs, variables)`, which fills the dict `facts`; by default the
            op's function.
        found: what the call returns, where it is known without tracing.

    Returns:
        The function's output with each array a `SymbolicTensor`.
    """
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, SymbolicTensor)]

    def trace() -> Inferred:
        facts: dict[Any, Any] = {}
        # what is found outlives this graph where others share it, so it holds none of its tensors
        constants = [None if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]

        def function(key: jax.Array, arrays: list[Any]) -> tuple[Any, Any]:
            filled = list(constants)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            a, k = jax.tree.unflatten(treedef, filled)
            return evaluate(key, a, k, facts) if evaluate else (operation.function(*a, **k), {})

        found = infer(function, [struct_of(leaves[i].struct) for i in places])
        return dataclasses.replace(found, facts=dict(facts))  # what a later trace says is of other sizes

    if found is None:
        given = [leaf.struct if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]
        called = operation if evaluate else operation.function
        found = shared(called, (treedef, tuple(places), given), trace)
    node = Node(operation, leaves, treedef, found)
    tensors = outputs_of(node)
    out_treedef = jax.tree.structure(found.outputs)
    result = jax.tree.unflatten(out_treedef, tensors)
    remember = getattr(operation, "_remember_call", None)
    if remember is not None:
        remember(weakref.ref(node), [weakref.ref(t) for t in tensors], out_treedef)
    return result


def outputs_of(node: Node) -> list[SymbolicTensor]:
    """The symbolic tensors that a recorded call returned; what names them is the node and a place."""
    structs = jax.tree.leaves(node.outputs)
    name = node.operation.name or type(node.operation).__name__
    return [SymbolicTensor(s, node, i, name if len(structs) == 1 else f"{name}:{i}") for i, s in enumerate(structs)]


def lift(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Make a function of arrays also take symbolic tensors, on which it records a node."""
    op = Op(name, function)

    def lifted(*args: Any, **kwargs: Any) -> Any:
        if has_symbolic((args, kwargs)):
            return record(op, args, kwargs)
        return function(*args, **kwargs)

    lifted.__name__ = lifted.__qualname__ = name
    lifted.__doc__ = function.__doc__
    lifted.__wrapped__ = function  # type: ignore[attr-defined]
    return lifted


def getitem(x: Any, key: Any) -> Any:
    """`x[key]`, as a function."""
    return operator.getitem(jnp.asarray(x), key)


def _cast(x: Any, dtype: str) -> Any:
    return jnp.asarray(x).astype(dtype)


# Python's operators under the names of Keras's ops.
OPERATORS: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("add", jnp.add),
    "sub": ("subtract", jnp.subtract),
    "mul": ("multiply", jnp.multiply),
    "truediv": ("true_divide", jnp.true_divide),
    "floordiv": ("floor_divide", jnp.floor_divide),
    "mod": ("mod", jnp.mod),
    "pow": ("power", jnp.power),
    "matmul": ("matmul", jnp.matmul),
    "and": ("logical_and", jnp.logical_and),
    "or": ("logical_or", jnp.logical_or),
    "xor": ("logical_xor", jnp.logical_xor),
    "lt": ("less", jnp.less),
    "le": ("less_equal", jnp.less_equal),
    "gt": ("greater", jnp.greater),
    "ge": ("greater_equal", jnp.greater_equal),
    "eq": ("equal", jnp.equal),
    "ne": ("not_equal", jnp.not_equal),
    "neg": ("negative", jnp.negative),
    "abs": ("absolute", jnp.abs),
    "invert": ("logical_not", jnp.logical_not),
}


# The same by the names of numpy's ufuncs, for `array * tensor`.
_OF_NUMPY: dict[str, Callable[..., Any]] = {}


def _install_operators() -> None:
    for short, (name, function) in OPERATORS.items():
        op = lift(function, name)
        numpy_name = f"bitwise_{short}" if short in ("and", "or", "xor") else name
        _OF_NUMPY[getattr(np, numpy_name).__name__] = op
        if short in ("neg", "abs", "invert"):
            setattr(SymbolicTensor, f"__{short}__", lambda self, op=op: op(self))
            continue
        setattr(SymbolicTensor, f"__{short}__", lambda self, other, op=op: op(self, other))
        if short not in ("lt", "le", "gt", "ge", "eq", "ne"):  # Python mirrors comparisons itself
            setattr(SymbolicTensor, f"__r{short}__", lambda self, other, op=op: op(other, self))


_install_operators()
