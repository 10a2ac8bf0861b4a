"""A symbolic tensor: a shape, a dtype, and the node whose output it is; and how calls on such tensors are recorded."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .._words._errors import explain
from .._words._views import View, Viewed, html_box, html_code, html_faint, html_table
from ..typing import DTypeLike, Key, PyTree, Shape, Variables
from ._dimensions import Dimension, is_symbolic
from ._inferred import Inferred, Program, struct_of
from ._op import METHODS, Index, Op, Reduced
from ._op_errors import is_of_arrays, not_applied
from ._operators import OPERATORS, ArrayOperators, Operand
from ._shape_inference import infer
from ._trace_cache import shared

# The ops behind numpy's ufuncs, for `array * tensor`.
_OF_UFUNC = {
    f"bitwise_{short}" if short in ("and", "or", "xor") else getattr(np, name).__name__: name
    for short, (name, _) in OPERATORS.items()
}


class SymbolicTensor(Viewed, ArrayOperators["SymbolicTensor"]):
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

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __reduce__(self) -> Reduced:
        return tensor_of_history, (history([self.node]), PlacedTensor(self.node, self.index, self.name))

    @property
    def shape(self) -> Shape:
        """Keras's shape: `None` where a dimension is unknown."""
        return tuple(None if is_symbolic(dim) else int(dim) for dim in self.struct.shape)

    @property
    def symbolic_shape(self) -> tuple[Dimension, ...]:
        """The shape with its algebra, such as `(batch, 2*h, 8)`."""
        return tuple(self.struct.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array that it stands for."""
        dtype: np.dtype[Any] = self.struct.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.struct.shape)

    @property
    def _keras_mask(self) -> NoReturn:
        """Refused: which mask a tensor has is known where the graph runs, from the layers on the way to it."""
        operation = self.node.operation
        raise AttributeError(
            explain(
                f"The symbolic tensor {self.name!r} carries no mask.",
                received="tensor._keras_mask",
                usually="Keras hangs it on the tensor; here the graph hands it to each layer whose `call` takes it.",
                write=f"mask = layer.compute_mask(inputs)   # layer: {operation.name or type(operation).__name__!r}; "
                "of arrays too",
            )
        )

    def astype(self, dtype: DTypeLike) -> SymbolicTensor:
        """The tensor in another dtype."""
        return self._operate("cast", self, jnp.dtype(dtype).name)

    def reshape(self, *shape: int | Sequence[int]) -> SymbolicTensor:
        """The tensor in another shape, given as one argument or as several."""
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return self._operate("reshape", self, tuple(new))

    @property
    def T(self) -> SymbolicTensor:  # noqa: N802 - numpy's name
        """The tensor with its axes in reverse order."""
        return self._operate("transpose", self)

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name!r} shape={self.symbolic_shape} dtype={self.dtype}>"

    def _view(self) -> View:
        operation, shape = self.node.operation, str(self.symbolic_shape).replace("'", "")
        made_by = f"{operation.name or ''} ({type(operation).__name__})".strip()
        rows = [("shape", shape), ("dtype", str(self.dtype)), ("made by", made_by)]
        body = html_table((), [(html_faint(name), html_code(value)) for name, value in rows])
        return View(repr(self), html_box(f"SymbolicTensor {html_code(self.name)}", body))

    def _operate(self, op: str, *operands: PyTree) -> SymbolicTensor:
        result: SymbolicTensor = record(Op(op, METHODS[op]), operands, {})
        return result

    def __getitem__(self, key: Index | SymbolicTensor) -> SymbolicTensor:
        return self._operate("get_item", self, key)

    def __pos__(self) -> SymbolicTensor:
        return self

    def __round__(self, ndigits: int | None = None) -> SymbolicTensor:
        return self._operate("round", self, ndigits or 0)

    # No `__jax_array__`: without it jax hands `array * tensor` on to the tensor, as numpy does here.
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Operand, **kwargs: object) -> SymbolicTensor:
        op = _OF_UFUNC.get(ufunc.__name__)
        if op is None or method != "__call__" or kwargs:
            self._refuse(f"numpy's {ufunc.__name__}")
        return self._operate(op, *inputs)

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(
            explain(
                f"{what} needs a value, but {self.name!r} is symbolic: it has a shape and no numbers.",
                received=repr(self),
                usually="a numpy or jax function was called on a tensor of a graph, or an `if` depends on one.",
                write="fk.ops.<function>(x), or put the code in a layer's `call`, or fk.nn.Lambda(fn)(x)",
            )
        )

    def __bool__(self) -> bool:
        self._refuse("bool()")

    def __len__(self) -> int:
        self._refuse("len()")

    def __iter__(self) -> Iterator[SymbolicTensor]:
        self._refuse("Iterating")

    def __float__(self) -> float:
        self._refuse("float()")

    def __int__(self) -> int:
        self._refuse("int()")

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        self._refuse("Converting to an array")


# ------------------------------------------------------------------ calls
#: A call's arguments by position, and by name.
Args: TypeAlias = tuple[PyTree, ...]
KwArgs: TypeAlias = dict[str, PyTree]
#: What layers say of their weights, by path; see `fkeras.core.WeightFacts`.
Facts: TypeAlias = dict[tuple[str, ...], Any]
#: A layer's call for tracing: `(key, args, kwargs, facts) -> (outputs, variables)`, which fills `facts`.
Evaluate: TypeAlias = Callable[[Key, Args, KwArgs, Facts], tuple[PyTree, Variables]]


class LayerLike(Protocol):
    """What a graph asks of a layer: the class `Layer` is of a later wing."""

    def __call__(self, *args: PyTree, **kwargs: PyTree) -> PyTree:
        """Called on symbolic tensors it records the call, by `_record`."""

    def _record(self, args: Args, kwargs: KwArgs) -> PyTree:
        """Record a call, and return its symbolic outputs."""

    def _remember_call(
        self, node: weakref.ref[Node], tensors: list[weakref.ref[SymbolicTensor]], treedef: jax.tree_util.PyTreeDef
    ) -> None:
        """Take note of a call that was recorded."""


@dataclasses.dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Node:
    """One recorded call: what was called, with which arguments.

    Attributes:
        operation: a `Layer` or an `Op`.
        leaves, treedef: the flattened `(args, kwargs)`; some leaves are symbolic tensors.
        inferred: what tracing it showed, which calls that are alike share.
    """

    operation: Any
    leaves: tuple[object, ...]
    treedef: jax.tree_util.PyTreeDef
    inferred: Inferred

    @property
    def outputs(self) -> PyTree:
        """Shapes and dtypes of the result, a pytree of `jax.ShapeDtypeStruct`."""
        return self.inferred.outputs

    @property
    def variables(self) -> Variables:
        """What the layer's variables look like."""
        return self.inferred.variables

    @property
    def program(self) -> Program:
        """`key -> variables`."""
        return self.inferred.program

    @property
    def facts(self) -> Mapping[tuple[str, ...], Any]:
        """What the layer and the layers inside it say of their weights, by path."""
        return self.inferred.facts

    @property
    def inputs(self) -> tuple[SymbolicTensor, ...]:
        """The symbolic tensors among the arguments, in order."""
        return tuple(leaf for leaf in self.leaves if isinstance(leaf, SymbolicTensor))

    @property
    def arguments(self) -> tuple[Args, KwArgs]:
        """The `(args, kwargs)` of the call."""
        return self.arguments_with(self.leaves)

    def arguments_with(self, leaves: Sequence[object]) -> tuple[Args, KwArgs]:
        """The `(args, kwargs)` of the same call on other leaves."""
        arguments: tuple[Args, KwArgs] = jax.tree.unflatten(self.treedef, leaves)
        return arguments

    def __reduce__(self) -> Reduced:
        return recorded_again, (self.operation, *placed(self.arguments))


def has_symbolic(tree: PyTree) -> bool:
    """Whether any leaf of a pytree is a symbolic tensor."""
    return any(isinstance(leaf, SymbolicTensor) for leaf in jax.tree.leaves(tree))


def record(
    operation: Op | LayerLike,
    args: Args,
    kwargs: KwArgs,
    evaluate: Evaluate | None = None,
    found: Inferred | None = None,
) -> PyTree:
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
    called: Callable[..., PyTree] = operation.function if isinstance(operation, Op) else operation
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, SymbolicTensor)]

    def trace() -> Inferred:
        facts: Facts = {}
        # what is found outlives this graph where others share it, so it holds none of its tensors
        constants = [None if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]

        def function(key: Key, arrays: list[jax.Array]) -> tuple[PyTree, Variables]:
            filled = list(constants)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            a, k = jax.tree.unflatten(treedef, filled)
            return evaluate(key, a, k, facts) if evaluate else (called(*a, **k), {})

        inferred = infer(function, [struct_of(leaves[i].struct) for i in places])
        return dataclasses.replace(inferred, facts=dict(facts))  # what a later trace says is of other sizes

    if found is None:
        given = [leaf.struct if isinstance(leaf, SymbolicTensor) else leaf for leaf in leaves]
        try:
            found = shared(called, (treedef, tuple(places), given), trace)
        except (TypeError, ValueError) as error:
            if isinstance(operation, Op) and is_of_arrays(error):
                raise not_applied(operation.name, given, error) from None
            raise
    node = Node(operation, tuple(leaves), treedef, found)
    tensors = outputs_of(node)
    out_treedef = jax.tree.structure(found.outputs)
    result = jax.tree.unflatten(out_treedef, tensors)
    if not isinstance(operation, Op):
        operation._remember_call(weakref.ref(node), [weakref.ref(tensor) for tensor in tensors], out_treedef)
    return result


def outputs_of(node: Node) -> list[SymbolicTensor]:
    """The symbolic tensors that a recorded call returned; what names them is the node and a place."""
    structs = jax.tree.leaves(node.outputs)
    name = node.operation.name or type(node.operation).__name__
    return [SymbolicTensor(s, node, i, name if len(structs) == 1 else f"{name}:{i}") for i, s in enumerate(structs)]


def _number(value: PyTree) -> PyTree:
    """The array that a state weight, or a metric's variable, stands for: not every function of JAX asks for it."""
    if type(value) in (list, tuple):
        return type(value)(map(_number, value))
    array = getattr(type(value), "__jax_array__", None)
    return array(value) if callable(array) else value  # a tracer has a property of this name


def lift(function: Callable[..., PyTree], name: str) -> Callable[..., PyTree]:
    """Make a function of arrays also take symbolic tensors, on which it records a node."""
    op = Op(name, function)

    def lifted(*args: PyTree, **kwargs: PyTree) -> PyTree:
        if has_symbolic((args, kwargs)):
            return record(op, args, kwargs)
        return function(*map(_number, args), **{name: _number(value) for name, value in kwargs.items()})

    lifted.__name__ = lifted.__qualname__ = name
    lifted.__doc__ = function.__doc__
    lifted.__wrapped__ = function  # type: ignore[attr-defined]
    return lifted


# ------------------------------------------------------------------ copies and pickles
# A pickle of a graph holds its calls in their order, and reading it records them again, as they were recorded the first
# time: shapes and programs follow from the calls. A call names the calls before it and never their results, so that
# none nests in another and a model may be as deep as it likes.
class PlacedTensor:
    """A symbolic tensor in a pickle: which output of which call it is, and its label."""

    __slots__ = ("index", "name", "node")

    def __init__(self, node: Node, index: int, name: str) -> None:
        self.node, self.index, self.name = node, index, name

    def __reduce__(self) -> Reduced:
        return PlacedTensor, (self.node, self.index, self.name)

    def tensor(self) -> SymbolicTensor:
        """The tensor at this place."""
        return SymbolicTensor(jax.tree.leaves(self.node.outputs)[self.index], self.node, self.index, self.name)


def placed(tree: PyTree) -> PyTree:
    """A pytree as a pickle holds it, with the place of each symbolic tensor."""
    return jax.tree.map(
        lambda leaf: PlacedTensor(leaf.node, leaf.index, leaf.name) if isinstance(leaf, SymbolicTensor) else leaf, tree
    )


def unplaced(tree: PyTree) -> PyTree:
    """A pytree with the symbolic tensors that `placed` left the places of."""
    return jax.tree.map(lambda leaf: leaf.tensor() if isinstance(leaf, PlacedTensor) else leaf, tree)


def history(ends: Sequence[Node]) -> tuple[Node, ...]:
    """Some nodes and all that they depend on, each after those that it depends on."""
    done: dict[int, Node] = {}
    waiting = [(node, False) for node in reversed(ends)]
    while waiting:
        node, ready = waiting.pop()
        if id(node) in done:
            continue
        if ready:
            done[id(node)] = node
            continue
        waiting.append((node, True))
        waiting.extend((tensor.node, False) for tensor in reversed(node.inputs))
    return tuple(done.values())


def recorded_again(operation: Op | LayerLike, args: Args, kwargs: KwArgs) -> Node:
    """The node of a call that is recorded anew; a name that pickles hold, so it stays as it is."""
    args, kwargs = unplaced((args, kwargs))
    outputs = record(operation, args, kwargs) if isinstance(operation, Op) else operation._record(args, kwargs)
    first: SymbolicTensor = jax.tree.leaves(outputs)[0]
    return first.node


def tensor_of_history(nodes: tuple[Node, ...], place: PlacedTensor) -> SymbolicTensor:
    """A tensor, after the calls that it depends on; a name that pickles hold, so it stays as it is."""
    return place.tensor()
