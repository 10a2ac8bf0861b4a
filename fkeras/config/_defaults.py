"""What an argument is where it is not given. Keras lets a program change these; here each is an argument, and fixed."""

from __future__ import annotations

from ..core import DTypePolicy


def backend() -> str:
    """What computes: JAX.

    >>> backend()
    'jax'
    """
    return "jax"


def floatx() -> str:
    """The dtype of a layer that is told none.

    >>> floatx()
    'float32'
    """
    return "float32"


def epsilon() -> float:
    """The number that Keras's formulas add or clip by, where a function is told none.

    >>> epsilon()
    1e-07
    """
    return 1e-7


def image_data_format() -> str:
    """The order of axes of a layer that is told none.

    >>> image_data_format()
    'channels_last'
    """
    return "channels_last"


def dtype_policy() -> DTypePolicy:
    """The policy of a layer that is told none.

    >>> dtype_policy().compute_dtype, dtype_policy().variable_dtype
    ('float32', 'float32')
    """
    return DTypePolicy("float32")


def is_nnx_enabled() -> bool:
    """Whether layers are modules of `flax.nnx`: they are Linen modules.

    >>> is_nnx_enabled()
    False
    """
    return False


def max_epochs() -> int | None:
    """How many epochs a run may have at most: as many as `fit` is told.

    >>> max_epochs() is None
    True
    """
    return None


def max_steps_per_epoch() -> int | None:
    """How many steps an epoch may have at most: as many as `fit` is told.

    >>> max_steps_per_epoch() is None
    True
    """
    return None
