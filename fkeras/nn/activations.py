"""Activations: Keras's functions of one array, under Keras's names and defaults.

Each is a plain function of an array (any float dtype, any shape) that keeps the dtype and can be jitted,
vmapped and differentiated. The arithmetic is `jax.nn`'s where the two agree; Keras's defaults are kept where
they differ (`leaky_relu` slopes by 0.2, `gelu` is exact).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from ..core import explain, register
from ..core import get as get_object
from ..core import serialize as serialize_value
from ._made_once import rectified

MODULE = "keras.activations"

# JAX's own functions that compute the same save under Keras's name, so `Dense(8, activation=jax.nn.relu)` makes a
# file that Keras opens. Not `jax.nn.gelu` or `jax.nn.leaky_relu`: their defaults are others. The definitions below
# take the names over for look-up.
_SAME_IN_JAX: dict[str, Callable[..., jax.Array]] = {
    "celu": jax.nn.celu,
    "elu": jax.nn.elu,
    "exponential": jnp.exp,
    "glu": jax.nn.glu,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
    "hard_tanh": jax.nn.hard_tanh,
    "log_sigmoid": jax.nn.log_sigmoid,
    "log_softmax": jax.nn.log_softmax,
    "mish": jax.nn.mish,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "softmax": jax.nn.softmax,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "sparse_plus": jax.nn.sparse_plus,
    "sparse_sigmoid": jax.nn.sparse_sigmoid,
    "squareplus": jax.nn.squareplus,
    "tanh": jnp.tanh,
}
for _name, _function in _SAME_IN_JAX.items():
    register(MODULE, _name)(_function)


# ------------------------------------------------------------------ rectifiers
@register(MODULE)
def relu(
    x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> jax.Array:
    r"""Rectified linear unit, with Keras's three knobs.

    .. math::
        f(x) = \begin{cases} \min(x, \mathrm{max\_value}) & x > \mathrm{threshold} \\
        \mathrm{negative\_slope}\,(x - \mathrm{threshold}) & \text{otherwise} \end{cases}

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold; a Python number.
        max_value: where the output saturates; `None` for never.
        threshold: values up to it are damped; a Python number.

    Returns:
        An array of `x`'s shape and dtype.

    >>> relu(jnp.array([-10.0, -5.0, 0.0, 5.0, 10.0]), negative_slope=0.5, max_value=6.0)
    Array([-5. , -2.5,  0. ,  5. ,  6. ], dtype=float32)

    Reference: Nair and Hinton, 2010; https://keras.io/api/layers/activations/#relu-function
    """
    x = jnp.asarray(x)
    if max_value is None and threshold == 0:
        if negative_slope != 0:
            return jax.nn.leaky_relu(x, negative_slope)
        return rectified(x) if jnp.issubdtype(x.dtype, jnp.floating) else jax.nn.relu(x)
    if threshold != 0:
        kept = jnp.where(x > threshold, x, jnp.zeros_like(x))
    else:  # jax.nn's derivatives are 0 at the kinks, and so are Keras's
        kept = jax.nn.relu6(x) if max_value == 6 else jax.nn.relu(x)
    if max_value is not None:
        kept = jnp.clip(kept, jnp.zeros((), x.dtype), jnp.asarray(max_value, x.dtype))
    if negative_slope == 0:  # not by multiplying: 0 * inf is nan
        return kept
    return kept - negative_slope * jax.nn.relu(threshold - x)


@register(MODULE)
def relu6(x: ArrayLike) -> jax.Array:
    """`min(max(x, 0), 6)`.

    >>> relu6(jnp.array([-1.0, 3.0, 8.0]))
    Array([0., 3., 6.], dtype=float32)

    Reference: Krizhevsky, 2010.
    """
    return jax.nn.relu6(jnp.asarray(x))


@register(MODULE)
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> jax.Array:
    """`x` where positive, else `negative_slope * x`.

    Keras's function slopes by 0.2, its `LeakyReLU` layer by 0.3, and `jax.nn.leaky_relu` by 0.01.

    >>> leaky_relu(jnp.array([-1.0, 2.0]))
    Array([-0.2,  2. ], dtype=float32)

    Reference: Maas et al., 2013.
    """
    return jax.nn.leaky_relu(jnp.asarray(x), negative_slope)


@register(MODULE)
def elu(x: ArrayLike, alpha: float = 1.0) -> jax.Array:
    """`x` where positive, else `alpha * (exp(x) - 1)`.

    >>> elu(jnp.array([-20.0, 2.0]), alpha=0.5)
    Array([-0.5,  2. ], dtype=float32)

    Reference: Clevert et al., https://arxiv.org/abs/1511.07289
    """
    return jax.nn.elu(jnp.asarray(x), alpha)


@register(MODULE)
def selu(x: ArrayLike) -> jax.Array:
    """`1.0507 * elu(x, 1.6733)`: keeps mean 0 and variance 1 from layer to layer (with `LecunNormal`).

    >>> print(f"{selu(1.0):.4f}")
    1.0507

    Reference: Klambauer et al., https://arxiv.org/abs/1706.02515
    """
    return jax.nn.selu(jnp.asarray(x))


@register(MODULE)
def celu(x: ArrayLike, alpha: float = 1.0) -> jax.Array:
    """`x` where positive, else `alpha * (exp(x / alpha) - 1)`: an ELU with a continuous derivative.

    >>> celu(jnp.array([-40.0, 2.0]), alpha=0.5)
    Array([-0.5,  2. ], dtype=float32)

    Reference: Barron, https://arxiv.org/abs/1704.07483
    """
    return jax.nn.celu(jnp.asarray(x), alpha)


@register(MODULE)
def threshold(x: ArrayLike, threshold: float, default_value: float) -> jax.Array:
    """`x` where it is above `threshold`, else `default_value`.

    >>> threshold(jnp.array([0.5, 1.0, 2.0]), 1.0, -7.0)
    Array([-7., -7.,  2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, default_value)


# ------------------------------------------------------------------ sigmoids and their kin
@register(MODULE)
def sigmoid(x: ArrayLike) -> jax.Array:
    """`1 / (1 + exp(-x))`.

    For a loss, prefer logits and `from_logits=True`: Keras remembers the logits behind a sigmoid or softmax
    and uses them in the loss; a pure function cannot.

    >>> sigmoid(jnp.array([-100.0, 0.0, 100.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#sigmoid-function
    """
    return jax.nn.sigmoid(_floating(x))


@register(MODULE)
def log_sigmoid(x: ArrayLike) -> jax.Array:
    """`log(sigmoid(x)) = -softplus(-x)`, without overflow.

    >>> log_sigmoid(jnp.array([-100.0, 100.0]))
    Array([-100.,   -0.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#log_sigmoid-function
    """
    return jax.nn.log_sigmoid(jnp.asarray(x))


@register(MODULE)
def hard_sigmoid(x: ArrayLike) -> jax.Array:
    """`clip(x / 6 + 1/2, 0, 1)` (Keras 2 used `x / 5`).

    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: https://en.wikipedia.org/wiki/Hard_sigmoid
    """
    return jax.nn.hard_sigmoid(jnp.asarray(x))


@register(MODULE)
def sparse_sigmoid(x: ArrayLike) -> jax.Array:
    """`clip((x + 1) / 2, 0, 1)`: the derivative of `sparse_plus`.

    >>> sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0]))
    Array([0. , 0.5, 1. ], dtype=float32)

    Reference: Blondel et al., https://arxiv.org/abs/1901.02324
    """
    return jax.nn.sparse_sigmoid(jnp.asarray(x))


@register(MODULE)
def tanh(x: ArrayLike) -> jax.Array:
    """`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`.

    >>> tanh(jnp.array([-50.0, 0.0, 50.0]))
    Array([-1.,  0.,  1.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#tanh-function
    """
    return jnp.tanh(jnp.asarray(x))


@register(MODULE)
def hard_tanh(x: ArrayLike) -> jax.Array:
    """`clip(x, -1, 1)`.

    >>> hard_tanh(jnp.array([-3.0, 0.5, 3.0]))
    Array([-1. ,  0.5,  1. ], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#hard_tanh-function
    """
    return jax.nn.hard_tanh(jnp.asarray(x))


@register(MODULE)
def softsign(x: ArrayLike) -> jax.Array:
    """`x / (|x| + 1)`.

    >>> softsign(jnp.array([-1.0, 0.0, 3.0]))
    Array([-0.5 ,  0.  ,  0.75], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softsign-function
    """
    return jax.nn.soft_sign(jnp.asarray(x))


# ------------------------------------------------------------------ smooth rectifiers
@register(MODULE)
def softplus(x: ArrayLike) -> jax.Array:
    """`log(1 + exp(x))`, without overflow.

    >>> softplus(jnp.array([-200.0, 200.0]))
    Array([  0., 200.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softplus-function
    """
    return jax.nn.softplus(jnp.asarray(x))


@register(MODULE)
def squareplus(x: ArrayLike, b: float = 4) -> jax.Array:
    """`(x + sqrt(x**2 + b)) / 2`; `b` says how smooth.

    >>> squareplus(jnp.array([0.0, 1.5]))
    Array([1., 2.], dtype=float32)

    Reference: Barron, https://arxiv.org/abs/2112.11687
    """
    return jax.nn.squareplus(jnp.asarray(x), b)


@register(MODULE)
def sparse_plus(x: ArrayLike) -> jax.Array:
    """0 up to -1, `(x + 1)**2 / 4` between, `x` from 1 on.

    >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0]))
    Array([0.  , 0.25, 2.  ], dtype=float32)

    Reference: Blondel et al., https://arxiv.org/abs/1901.02324
    """
    return jax.nn.sparse_plus(jnp.asarray(x))


@register(MODULE, aliases=("swish",))
def silu(x: ArrayLike) -> jax.Array:
    """`x * sigmoid(x)`, also called swish.

    >>> silu(jnp.array([-200.0, 0.0, 200.0]))
    Array([ -0.,   0., 200.], dtype=float32)

    Reference: Ramachandran et al., https://arxiv.org/abs/1710.05941
    """
    return jax.nn.silu(_floating(x))


@register(MODULE, aliases=("hard_swish",))
def hard_silu(x: ArrayLike) -> jax.Array:
    """`x * hard_sigmoid(x)`, also called hard swish.

    >>> hard_silu(jnp.array([-4.0, 0.0, 4.0]))
    Array([-0.,  0.,  4.], dtype=float32)

    Reference: Howard et al., https://arxiv.org/abs/1905.02244
    """
    return jax.nn.hard_silu(jnp.asarray(x))


@register(MODULE)
def gelu(x: ArrayLike, approximate: bool = False) -> jax.Array:
    """`x * Phi(x)`, with `Phi` the distribution function of the standard normal.

    Args:
        x: array of any shape.
        approximate: use the tanh approximation. Keras's default is exact; `jax.nn.gelu`'s is approximate,
            which differs by up to 5e-4.

    >>> print(f"{gelu(1.0):.6f} {gelu(1.0, approximate=True):.6f}")
    0.841345 0.841192

    Reference: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415
    """
    return jax.nn.gelu(jnp.asarray(x), approximate)


@register(MODULE)
def mish(x: ArrayLike) -> jax.Array:
    """`x * tanh(softplus(x))`.

    >>> print(f"{mish(1.0):.4f}")
    0.8651

    Reference: Misra, https://arxiv.org/abs/1908.08681
    """
    return jax.nn.mish(jnp.asarray(x))


@register(MODULE)
def glu(x: ArrayLike, axis: int = -1) -> jax.Array:
    """`a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`.

    Args:
        x: array whose `axis` has even length.
        axis: the axis to halve.

    Returns:
        An array with `axis` half as long.

    Raises:
        ValueError: the axis is of odd length.

    >>> glu(jnp.array([3.0, 5.0, 100.0, -100.0]))
    Array([3., 0.], dtype=float32)

    Reference: Dauphin et al., https://arxiv.org/abs/1612.08083
    """
    x = _floating(x)
    if x.shape[axis] % 2:
        raise ValueError(
            explain(
                f"glu halves axis {axis}, but its length {x.shape[axis]} is odd.",
                received=f"shape {x.shape}",
                usually="the layer before it needs twice the units that come out of glu.",
                write="Dense(2 * units) before glu, or another axis=",
            )
        )
    return jax.nn.glu(x, axis)


# ------------------------------------------------------------------ shrinkage
@register(MODULE)
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> jax.Array:
    """`sign(x) * max(|x| - threshold, 0)`.

    >>> soft_shrink(jnp.array([-2.0, 0.25, 2.0]))
    Array([-1.5,  0. ,  1.5], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#soft_shrink-function
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@register(MODULE)
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> jax.Array:
    """`x` where `|x| > threshold`, else 0.

    >>> hard_shrink(jnp.array([-2.0, 0.25, 2.0]))
    Array([-2.,  0.,  2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#hard_shrink-function
    """
    x = jnp.asarray(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@register(MODULE)
def tanh_shrink(x: ArrayLike) -> jax.Array:
    """`x - tanh(x)`.

    >>> print(f"{tanh_shrink(1.0):.4f}")
    0.2384

    Reference: https://keras.io/api/layers/activations/#tanh_shrink-function
    """
    x = jnp.asarray(x)
    return x - jnp.tanh(x)


# ------------------------------------------------------------------ along an axis
@register(MODULE)
def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> jax.Array:
    """`exp(x) / sum(exp(x))` along `axis`.

    Args:
        x: array of logits.
        axis: an axis, or several, over which the output sums to 1. Keras misreads negative axes in a tuple
            (each entry then stands alone); here they count from the end.

    >>> softmax(jnp.zeros((2, 4)))[0]
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    >>> softmax(jnp.zeros((2, 4)), axis=(0, 1))[0]
    Array([0.125, 0.125, 0.125, 0.125], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#softmax-function
    """
    return jax.nn.softmax(_floating(x), _axes(axis))


@register(MODULE)
def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> jax.Array:
    """`x - log(sum(exp(x)))` along `axis`.

    >>> print(f"{log_softmax(jnp.zeros(4))[0]:.4f}")
    -1.3863

    Reference: https://keras.io/api/layers/activations/#log_softmax-function
    """
    return jax.nn.log_softmax(_floating(x), _axes(axis))


@register(MODULE)
def sparsemax(x: ArrayLike, axis: int = -1) -> jax.Array:
    r"""Keras's sparsemax: a threshold below which numbers become exact zeros.

    .. math::
        f(x)_i = \max(x_i - \tau, 0), \quad \tau = \frac{\sum_{j \le k} c_j - 1}{k}, \quad c_j = \sum_{i \le j} x_{(i)}

    where :math:`x_{(1)} \ge x_{(2)} \ge \dots` and `k` is the number of `j` with :math:`1 + j\,x_{(j)} > c_j`.

    Args:
        x: array of logits.
        axis: the axis that is sorted.

    Returns:
        An array of `x`'s shape and dtype.

    >>> sparsemax(jnp.array([2.0, 0.5, 0.0]))
    Array([1., 0., 0.], dtype=float32)

    Reference: Martins and Astudillo, https://arxiv.org/abs/1602.02068, as in Keras 3.15
    The numbers are Keras's, so that its models predict what they predicted. Keras sums the cumulative sums where the
    paper has `c_k`, so rows with several survivors do not sum to 1; the paper's projection onto the probability
    simplex is `optax.projections.projection_simplex`.
    """
    x = _floating(x)
    ordered = jnp.flip(jnp.sort(x, axis=axis), axis=axis)
    sums = jnp.cumsum(ordered, axis=axis)
    rank_shape = [1] * x.ndim
    rank_shape[axis] = -1
    rank = jnp.arange(1, x.shape[axis] + 1, dtype=x.dtype).reshape(rank_shape)
    support = 1 + rank * ordered > sums
    count = support.sum(axis=axis, keepdims=True).astype(x.dtype)
    tau = (jnp.where(support, sums, 0.0).sum(axis=axis, keepdims=True) - 1) / count
    return jnp.maximum(x - tau, 0.0)


# ------------------------------------------------------------------ the rest
@register(MODULE)
def exponential(x: ArrayLike) -> jax.Array:
    """`exp(x)`.

    >>> exponential(jnp.array([0.0]))
    Array([1.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#exponential-function
    """
    return jnp.exp(jnp.asarray(x))


@register(MODULE)
def linear(x: Any) -> Any:
    """`x` itself; what `activation=None` means.

    >>> linear(jnp.array([1.0, -2.0]))
    Array([ 1., -2.], dtype=float32)

    Reference: https://keras.io/api/layers/activations/#linear-function
    """
    return x


swish = silu
hard_swish = hard_silu


def _floating(x: ArrayLike) -> jax.Array:
    """Integers become float32, for the functions of `jax.nn` that refuse them."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)


def _axes(axis: int | list[int] | tuple[int, ...]) -> int | tuple[int, ...]:
    """Axes that came out of JSON are a list; JAX wants a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


# ------------------------------------------------------------------ by name
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
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


def serialize(activation: Callable[..., Any]) -> Any:
    """The config of an activation: a name for Keras's own, else Keras's record of the function or layer.

    Functions of `jax.nn` that compute the same get Keras's name.

    Raises:
        TypeError: a lambda, which no config can hold.

    >>> serialize(gelu), serialize(jax.nn.relu)
    ('gelu', 'relu')

    Reference: https://keras.io/api/layers/activations/
    """
    return serialize_value(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The activation that `serialize` (or Keras) described; `None` stays `None`, as in Keras.

    Raises:
        ValueError: an unknown name; the message lists the known ones.

    >>> deserialize("relu") is relu
    True

    Reference: https://keras.io/api/layers/activations/
    """
    return get_object(MODULE, config, custom_objects)
