"""Linear algebra with Keras's arguments."""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy import linalg as sla

from ...core.typing import Array, ArrayLike, Float, Int, Num
from ._types import Table


def cholesky(x: Num[ArrayLike, "*batch n n"], upper: bool = False) -> Num[Array, "*batch n n"]:
    """The lower (or upper) factor `L` of `x = L L^T`."""
    return jnp.linalg.cholesky(x, upper=upper)


def cholesky_inverse(x: Num[ArrayLike, "*batch n n"], upper: bool = False) -> Num[Array, "*batch n n"]:
    """The inverse of a matrix, from its Cholesky factor."""
    x = jnp.asarray(x)
    return sla.cho_solve((x, not upper), jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape))


def lstsq(a: Num[ArrayLike, "m n"], b: Num[ArrayLike, "m ..."], rcond: float | None = None) -> Num[Array, "n ..."]:
    """The least-squares solution of `a x = b`."""
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


def pinv(x: Num[ArrayLike, "*batch m n"], rcond: ArrayLike | None = None) -> Num[Array, "*batch n m"]:
    """The pseudo-inverse of a matrix."""
    return jnp.linalg.pinv(x, rtol=rcond)


def lu_factor(x: Num[ArrayLike, "*batch m n"]) -> tuple[Num[Array, "*batch m n"], Int[Array, "*batch k"]]:
    """The LU factors of a matrix, packed, and its pivots."""
    return sla.lu_factor(x)


def logdet(x: Num[ArrayLike, "*batch n n"]) -> Float[Array, "*batch"]:
    """The logarithm of a determinant's size."""
    return jnp.linalg.slogdet(x)[1]


def solve_triangular(a: Num[ArrayLike, "*batch n n"], b: ArrayLike, lower: bool = False) -> Array:
    """The solution of `a x = b` with a triangular `a`."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    if b.ndim == a.ndim - 1:
        return sla.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return sla.solve_triangular(a, b, lower=lower)


def matrix_rank(x: Num[ArrayLike, "*batch m n"], tol: ArrayLike | None = None) -> Int[Array, "*batch"]:
    """How many singular values are above a tolerance."""
    return jnp.linalg.matrix_rank(x, tol)


def cdist(x: Num[ArrayLike, "*batch m features"], y: Num[ArrayLike, "*batch n features"]) -> Float[Array, "*batch m n"]:
    """The Euclidean distance of each row of `x` from each row of `y`."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    return jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1), 0))


def slogdet(x: Num[ArrayLike, "*batch n n"]) -> tuple[Num[Array, "*batch"], Float[Array, "*batch"]]:
    """The sign of a determinant and the logarithm of its size."""
    sign, size = jnp.linalg.slogdet(x)
    return sign, size


LINALG: Table = {
    **{f.__name__: f for f in (cholesky, cholesky_inverse, pinv, lstsq, lu_factor, solve_triangular, matrix_rank)},
    **{n: getattr(jnp.linalg, n) for n in ("det", "eig", "eigh", "inv", "norm", "qr", "solve", "svd")},
}
OWN: Table = {**LINALG, **{f.__name__: f for f in (logdet, slogdet, cdist)}}
