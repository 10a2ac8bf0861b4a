"""The words that signatures use.

Shapes of arrays are written as jaxtyping has them, `Float[Array, "batch time features"]`. jaxtyping need not be
there: where it is not, the names below stand for any array; where it is, as in the tests, they are its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import jax
from jax.typing import ArrayLike as ArrayLike
from jax.typing import DTypeLike as DTypeLike

if TYPE_CHECKING:
    from jaxtyping import Array as Array
    from jaxtyping import Bool as Bool
    from jaxtyping import Complex as Complex
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import Num as Num
    from jaxtyping import Shaped as Shaped
else:
    try:
        from jaxtyping import Array, Bool, Complex, Float, Int, Num, Shaped
    except ImportError:
        Array = jax.Array

        class Shaped:
            """Any array: an alias such as `Scores = Int[Array, "batch"]` is evaluated when its file is imported."""

            def __class_getitem__(cls, shape: object) -> type[jax.Array]:
                return jax.Array

        Bool = Complex = Float = Int = Num = Shaped

#: Containers (dicts, lists, tuples, registered classes) around arrays, or around what stands for arrays.
PyTree: TypeAlias = Any
#: A typed key of `jax.random.key`.
Key: TypeAlias = jax.Array
#: A seed or a key.
KeyLike: TypeAlias = int | jax.Array
#: Sizes as Keras writes them; `None` is a size that is not known.
Shape: TypeAlias = tuple[int | None, ...]
#: The weights: `{"dense": {"kernel": …, "bias": …}}`.
Params: TypeAlias = Mapping[str, PyTree]
#: What `model.init` returns and `model.apply` takes, by collection: `{"params": …, "batch_stats": …}`.
Variables: TypeAlias = Mapping[str, PyTree]


class HoldsVariables(Protocol):
    """What has variables, such as the state of a run."""

    @property
    def variables(self) -> Variables:
        """What `model.apply` takes."""


#: What is taken wherever variables are meant: they themselves, or the state of a run.
VariablesLike: TypeAlias = "Variables | HoldsVariables"
#: What goes into a step beside the state: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each a pytree of arrays.
Batch: TypeAlias = PyTree
#: Numbers to show, by name.
Logs: TypeAlias = Mapping[str, ArrayLike]
#: A value as JSON has it.
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
#: What describes an object in a file: its constructor's arguments, by name.
Config: TypeAlias = dict[str, Any]
#: Classes and functions of a user's own, by the name that a file has for them.
CustomObjects: TypeAlias = Mapping[str, Any]
#: What Keras takes wherever it takes an object of a kind: its name, its config, the object, a function, or nothing.
Spec: TypeAlias = str | Config | Callable[..., Any] | None
#: Where a file or directory is.
FilePath: TypeAlias = "str | os.PathLike[str]"
#: Whether a call is one of training; a flag that a lifted transformation keeps static is an integer.
Training: TypeAlias = bool | int
