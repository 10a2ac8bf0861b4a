"""What happens to a gradient before an optimizer's rule sees it: precision and clipping."""

from __future__ import annotations

from typing import TypeGuard

import jax
import jax.numpy as jnp
import optax

from ...core.typing import PyTree
from ._per_weight import per_weight


def wide(tree: PyTree, like: PyTree = None) -> PyTree:
    """Floating leaves in at least float32; with `like`, also at least as wide as that tree's leaves.

    A rule computes here and stores its state in the parameter's own dtype. In bfloat16 itself, Adam's
    `1 - 0.999**t` would be zero and no parameter would ever move.
    """

    def cast(leaf: PyTree, other: PyTree) -> PyTree:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        # the widest, not promote_types: that refuses to mix dtypes where promotion is strict
        floating = [d for d in (leaf.dtype, other.dtype, jnp.dtype("float32")) if jnp.issubdtype(d, jnp.floating)]
        widest = max(floating, key=lambda dtype: jnp.finfo(dtype).bits)
        return leaf if leaf.dtype == widest else leaf.astype(widest)

    return jax.tree.map(cast, tree, tree if like is None else like)


@jax.custom_jvp
def root(x: jax.Array) -> jax.Array:
    """The square root, whose derivative at 0 is 0: a weight that never had a gradient does not make others' NaN.

    >>> jax.grad(root)(jnp.zeros(())), root(jnp.array(4.0))
    (Array(0., dtype=float32), Array(2., dtype=float32, weak_type=True))
    """
    return jnp.sqrt(x)


@root.defjvp
def _root_jvp(given: tuple[jax.Array], moved: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (dx,) = given, moved
    y = jnp.sqrt(x)
    return y, jnp.where(x > 0, 0.5 / jnp.where(x > 0, y, 1.0), 0.0) * dx


def cast_like(tree: PyTree, like: PyTree) -> PyTree:
    """Each leaf in the dtype of the same leaf of `like`."""

    def cast(leaf: PyTree, other: PyTree) -> PyTree:
        same = isinstance(leaf, jax.Array) and leaf.dtype == other.dtype
        return leaf if same else jnp.asarray(leaf).astype(other.dtype)

    return jax.tree.map(cast, tree, like)


def clip_by_norm(gradient: jax.Array, limit: float | jax.Array) -> jax.Array:
    """One tensor, scaled down so that its L2 norm is at most `limit`."""
    squares = jnp.sum(jnp.square(gradient))
    # sqrt has no derivative at zero: keep a differentiable update differentiable there
    norm = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    return gradient * limit / jnp.maximum(norm, limit)


def clip(
    gradients: PyTree,
    clipnorm: float | jax.Array | None = None,
    global_clipnorm: float | jax.Array | None = None,
    clipvalue: float | jax.Array | None = None,
) -> PyTree:
    """Clip by each variable's norm, by the norm of all of them, or by value; nothing or zero clips nothing."""
    if _clips(clipnorm):
        clipped = per_weight(lambda gradient: clip_by_norm(gradient, clipnorm), gradients)
        return _where_positive(clipnorm, clipped, gradients)
    if _clips(global_clipnorm):
        clipped = optax.clip_by_global_norm(global_clipnorm).update(gradients, optax.EmptyState())[0]
        return _where_positive(global_clipnorm, clipped, gradients)
    if _clips(clipvalue):
        clipped = optax.clip(clipvalue).update(gradients, optax.EmptyState())[0]
        return _where_positive(clipvalue, clipped, gradients)
    return gradients


def _clips(limit: float | jax.Array | None) -> TypeGuard[float | jax.Array]:
    """Whether a limit may clip something; of one that is an array, a traced one too, only the program knows."""
    return isinstance(limit, jax.Array) or bool(limit)


def _where_positive(limit: float | jax.Array, clipped: PyTree, gradients: PyTree) -> PyTree:
    if not isinstance(limit, jax.Array):
        return clipped
    return per_weight(lambda c, g: jnp.where(limit != 0, c, g), clipped, gradients)
