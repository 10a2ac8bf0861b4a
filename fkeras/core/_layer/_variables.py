"""A layer's non-trainable weight: a variable of a Linen collection, with Keras's `assign`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
from flax import linen

from .._graph._array_variable import ArrayVariable
from .._graph._dimensions import is_symbolic
from ..typing import ArrayLike, PyTree, Variables
from ._kept_changes import keeps_changes

if TYPE_CHECKING:
    from ._layer import Layer

# Where add_weight(trainable=False) puts a weight.
NON_TRAINABLE = "non_trainable"
LOSSES = "losses"
MASKS = "masks"
# The states of stateful recurrent layers: variables, but in Keras no weights, so they are not counted.
RECURRENT_STATE = "recurrent_state"
# Collections that belong to one call and are never part of a model's variables.
TRANSIENT = ("intermediates", LOSSES, MASKS)


def counted(variables: Variables) -> dict[str, PyTree]:
    """The variables that Keras calls weights."""
    return {c: tree for c, tree in variables.items() if c != RECURRENT_STATE}


def count(variables: Variables) -> int:
    """How many numbers the weights among the variables hold; a size that follows from the input counts once."""
    shapes = [leaf.shape for leaf in jax.tree.leaves(counted(variables))]
    return sum(math.prod(1 if is_symbolic(dim) else int(dim) for dim in shape) for shape in shapes)


class StateWeight(ArrayVariable):
    """A non-trainable weight inside `call`: read it like an array, change it with `assign`.

    A change is kept when the caller asked for it, `apply(..., mutable=["non_trainable"])`, and dropped otherwise, with
    a warning where the caller said nothing; making a model's variables changes none. Where a `call`
    returns the weight, and where JAX takes it for a pytree, it is its array.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> class Counter(fk.nn.Layer):
    ...     def build(self, input_shape):
    ...         self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
    ...     def call(self, inputs):
    ...         self.calls.assign_add(1.0)
    ...         return self.calls
    >>> layer = Counter()
    >>> variables = layer.init(jax.random.key(0), jnp.zeros(1))
    >>> layer.apply(variables, jnp.zeros(1), mutable=["non_trainable"])
    (Array(1., dtype=float32), {'non_trainable': {'calls': Array(1., dtype=float32)}})
    """

    trainable = False

    def __init__(self, variable: linen.Variable[Any], layer: Layer) -> None:
        self._variable = variable
        self._layer = layer

    @property
    def value(self) -> jax.Array:
        """The weight's array."""
        return cast(jax.Array, self._variable.value)

    @property
    def name(self) -> str:
        """The weight's name in its layer."""
        return self._variable.name

    def assign(self, value: ArrayLike) -> jax.Array:
        """Set the value to one that broadcasts to the weight's shape; returns it."""
        new = jnp.broadcast_to(jnp.asarray(value, self.dtype), self.shape)
        if keeps_changes(self._layer, NON_TRAINABLE):
            self._variable.value = new
        return new

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # which are of this object, or of no array
            raise AttributeError(f"StateWeight has no attribute {name!r}")
        return getattr(self.value, name)

    def __repr__(self) -> str:
        return f"<StateWeight {self.name!r}, value={self.value!r}>"


jax.tree_util.register_pytree_node(StateWeight, lambda weight: ((weight.value,), None), lambda _, value: value[0])


def as_arrays(outputs: PyTree) -> PyTree:
    """Outputs with the array of each weight among them."""
    leaves = jax.tree.leaves(outputs, is_leaf=_is_weight)
    return jax.tree.map(lambda leaf: leaf, outputs) if any(map(_is_weight, leaves)) else outputs


def _is_weight(value: object) -> bool:
    return isinstance(value, StateWeight)
