"""Initializers: frozen functions `(key, shape, dtype) -> array`, with Keras's names, numbers and configs.

The calling contract is JAX's, so one of these goes wherever Flax takes an initializer, and one of
`jax.nn.initializers` goes wherever fkeras does:

>>> import flax.linen, jax, jax.numpy as jnp
>>> flax.linen.Dense(4, kernel_init=HeNormal()).init(jax.random.key(0), jnp.ones((1, 3)))["params"]["kernel"].shape
(3, 4)

The key is an argument, so two parameters differ because their keys do. An integer `seed` overrides the key and
gives the very numbers that Keras gives for that seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeAlias, overload

import jax
import numpy as np

from ..core import address_of, explain
from ..core import get as get_object
from ..core import serialize as serialize_value
from ..core.typing import Array, ArrayLike, Config, CustomObjects, Spec
from ._initializers._base import MODULE as MODULE
from ._initializers._base import Initializer as Initializer
from ._initializers._constants import Constant as Constant
from ._initializers._constants import Identity as Identity
from ._initializers._constants import Ones as Ones
from ._initializers._constants import Zeros as Zeros
from ._initializers._orthogonal import Orthogonal as Orthogonal
from ._initializers._random import RandomNormal as RandomNormal
from ._initializers._random import RandomUniform as RandomUniform
from ._initializers._random import TruncatedNormal as TruncatedNormal
from ._initializers._scaled import GlorotNormal as GlorotNormal
from ._initializers._scaled import GlorotUniform as GlorotUniform
from ._initializers._scaled import HeNormal as HeNormal
from ._initializers._scaled import HeUniform as HeUniform
from ._initializers._scaled import LecunNormal as LecunNormal
from ._initializers._scaled import LecunUniform as LecunUniform
from ._initializers._scaled import VarianceScaling as VarianceScaling
from ._initializers._scaled import compute_fans as compute_fans
from ._initializers._stft import STFT as STFT

#: `(key, shape, dtype) -> array`.
InitializerFunction: TypeAlias = Callable[..., Array]

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros


@overload
def get(identifier: None, custom_objects: CustomObjects | None = None) -> None: ...
@overload
def get(
    identifier: str | Config | InitializerFunction | ArrayLike, custom_objects: CustomObjects | None = None
) -> InitializerFunction: ...
def get(identifier: Spec | ArrayLike, custom_objects: CustomObjects | None = None) -> InitializerFunction | None:
    """Find an initializer by what a layer's `kernel_initializer=` may hold.

    Args:
        identifier: `None`, a name, a config, a class, an array (its values, by broadcasting), or any function
            `(key, shape, dtype)` such as those of `jax.nn.initializers`.
        custom_objects: your own classes and functions by name.

    Returns:
        A function `(key, shape, dtype) -> array`, or `None`.

    Raises:
        ValueError: an unknown name (the message lists the known ones), or a function written for Keras, whose
            first argument is the shape.

    >>> get("he_normal")
    HeNormal()

    Reference: https://keras.io/api/layers/initializers/
    """
    if isinstance(identifier, np.ndarray | np.generic | jax.Array):
        return Constant(identifier.item() if isinstance(identifier, np.generic) else identifier)
    initializer = get_object(MODULE, identifier, custom_objects)
    if not (isinstance(initializer, Initializer) and address_of(type(initializer))):  # one of a user's own
        _check_takes_key(initializer)
    return initializer


def _check_takes_key(function: InitializerFunction) -> None:
    """Refuse a function whose first argument is the shape."""
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # not callable, or without a readable signature
        return
    if parameters[:1] == ["shape"]:
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(
            explain(
                f"An initializer takes (key, shape, dtype), but {name} takes the shape first.",
                received=f"{name}({', '.join(parameters)})",
                usually="it was written for Keras, which passes no key.",
                write=f"def {name}(key, shape, dtype=jnp.float32): ...",
            )
        )


def serialize(initializer: InitializerFunction | None) -> str | Config | None:
    """Keras's config of an initializer.

    Args:
        initializer: one of the classes here, or a function of your own.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`; a name for a registered function.

    Raises:
        TypeError: a lambda, which no config can hold.

    >>> serialize(Constant(0.5))["config"]
    {'value': 0.5}

    Reference: https://keras.io/api/layers/initializers/
    """
    return serialize_value(initializer)


def deserialize(config: Spec, custom_objects: CustomObjects | None = None) -> InitializerFunction | None:
    """The initializer that `serialize` (or Keras) described.

    A seed that is a Keras `SeedGenerator` is read as no seed.

    Args:
        config: what `serialize` returned, or real Keras wrote.
        custom_objects: your own classes and functions by name.

    Returns:
        A function `(key, shape, dtype) -> array`, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize({"class_name": "RandomNormal", "config": {"stddev": 0.5}})
    RandomNormal(stddev=0.5)

    Reference: https://keras.io/api/layers/initializers/
    """
    return get(config, custom_objects)
