"""Orthogonal matrices."""

from __future__ import annotations

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain, register
from ...core.typing import Array, Key
from ._base import MODULE, at_least_float32
from ._drawing import draw
from ._random import RandomInitializer


@register(MODULE, aliases=("orthogonal", "OrthogonalInitializer"))
@dataclasses.dataclass(frozen=True)
class Orthogonal(RandomInitializer):
    """A matrix with orthogonal columns (or rows, if it has fewer of them), from a QR decomposition.

    All axes but the last count as rows.

    Args:
        gain: factor of the matrix.
        seed: an integer to draw Keras's numbers for it, whatever the key.

    Raises:
        ValueError: on a call, for a shape of fewer than two dimensions.

    >>> q = Orthogonal()(jax.random.key(0), (4, 2))
    >>> print(bool(jnp.allclose(q.T.dot(q), jnp.eye(2), atol=1e-6)))
    True

    Reference: Saxe et al., https://arxiv.org/abs/1312.6120

    Differs from Keras: half precision works, by rounding a float32 matrix.
    """

    gain: float = 1.0
    seed: int | None = None

    def _make(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        if len(shape) < 2:
            raise ValueError(
                explain(
                    f"Orthogonal makes matrices and kernels, but the shape has {len(shape)} dimensions.",
                    received=f"shape {shape}",
                    usually="it is the initializer of a bias or a scale.",
                    write="'zeros' for a bias, 'ones' for a scale",
                )
            )
        precise = at_least_float32(dtype)  # there is no QR in half precision
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = draw("normal", key, (max(rows, columns), min(rows, columns)), precise, 1.0, 0.0)
        return _orthogonalise(matrix, shape, self.gain).astype(dtype)


@functools.partial(jax.jit, static_argnums=1)
def _orthogonalise(matrix: Array, shape: tuple[int, ...], gain: float | Array) -> Array:
    """The orthogonal factor of a matrix of normal numbers, in a shape."""
    q, r = jnp.linalg.qr(matrix)
    q = q * jnp.sign(jnp.diagonal(r))[None, :]  # makes it uniform: Mezzadri, https://arxiv.org/abs/math-ph/0609050
    return gain * (q if shape[-1] == q.shape[1] else q.T).reshape(shape)
