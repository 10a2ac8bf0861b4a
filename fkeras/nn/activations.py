"""Activations: Keras's functions of one array, under Keras's names and defaults.

Each is a plain function of an array (any float dtype, any shape) that keeps the dtype and can be jitted,
vmapped and differentiated. The arithmetic is `jax.nn`'s where the two agree; Keras's defaults are kept where
they differ (`leaky_relu` slopes by 0.2, `gelu` is exact).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..core import get as get_object
from ..core import serialize as serialize_value
from ..core.typing import Array, Config, CustomObjects, Spec
from ._activations._along_an_axis import log_softmax as log_softmax
from ._activations._along_an_axis import softmax as softmax
from ._activations._along_an_axis import sparsemax as sparsemax
from ._activations._base import MODULE as MODULE
from ._activations._rectifiers import celu as celu
from ._activations._rectifiers import elu as elu
from ._activations._rectifiers import leaky_relu as leaky_relu
from ._activations._rectifiers import relu as relu
from ._activations._rectifiers import relu6 as relu6
from ._activations._rectifiers import selu as selu
from ._activations._rectifiers import threshold as threshold
from ._activations._shrinkage import hard_shrink as hard_shrink
from ._activations._shrinkage import linear as linear
from ._activations._shrinkage import soft_shrink as soft_shrink
from ._activations._shrinkage import tanh_shrink as tanh_shrink
from ._activations._sigmoids import exponential as exponential
from ._activations._sigmoids import hard_sigmoid as hard_sigmoid
from ._activations._sigmoids import hard_tanh as hard_tanh
from ._activations._sigmoids import log_sigmoid as log_sigmoid
from ._activations._sigmoids import sigmoid as sigmoid
from ._activations._sigmoids import softsign as softsign
from ._activations._sigmoids import sparse_sigmoid as sparse_sigmoid
from ._activations._sigmoids import tanh as tanh
from ._activations._smooth_rectifiers import gelu as gelu
from ._activations._smooth_rectifiers import glu as glu
from ._activations._smooth_rectifiers import hard_silu as hard_silu
from ._activations._smooth_rectifiers import mish as mish
from ._activations._smooth_rectifiers import silu as silu
from ._activations._smooth_rectifiers import softplus as softplus
from ._activations._smooth_rectifiers import sparse_plus as sparse_plus
from ._activations._smooth_rectifiers import squareplus as squareplus

swish = silu
hard_swish = hard_silu

#: A function of one array.
Activation: TypeAlias = Callable[..., Array]


def get(identifier: Spec, custom_objects: CustomObjects | None = None) -> Activation:
    """Find an activation by what a layer's `activation=` may hold.

    Args:
        identifier: `None` (`linear`), a name, a config, or any callable, a layer included.
        custom_objects: your own functions by name.

    Returns:
        A function of one array.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> get("swish").__name__, get(None).__name__
    ('silu', 'linear')

    Reference: https://keras.io/api/layers/activations/
    """
    return linear if identifier is None else get_object(MODULE, identifier, custom_objects)


def serialize(activation: Activation) -> str | Config:
    """The config of an activation: a name for Keras's own, else Keras's record of the function or layer.

    Functions of `jax.nn` that compute the same get Keras's name.

    Args:
        activation: a function, or a layer.

    Returns:
        A name, or `{"module", "class_name", "config", "registered_name"}`.

    Raises:
        TypeError: a lambda, which no config can hold.

    >>> import jax
    >>> serialize(gelu), serialize(jax.nn.relu)
    ('gelu', 'relu')

    Reference: https://keras.io/api/layers/activations/
    """
    return serialize_value(activation)


def deserialize(config: Spec, custom_objects: CustomObjects | None = None) -> Activation | None:
    """The activation that `serialize` (or Keras) described; `None` stays `None`, as in Keras.

    Args:
        config: what `serialize` returned, or real Keras wrote.
        custom_objects: your own functions by name.

    Returns:
        A function of one array, or `None`.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize("relu") is relu
    True

    Reference: https://keras.io/api/layers/activations/
    """
    return get_object(MODULE, config, custom_objects)
