"""Arithmetic for each weight, traced once for each shape."""

from __future__ import annotations

from collections.abc import Callable

import jax

from ...core.typing import PyTree


def per_weight(function: Callable[..., PyTree], tree: PyTree, *rest: PyTree) -> PyTree:
    """`jax.tree.map` of arithmetic; under a trace, weights of one shape share that of the function.

    A network has many weights of few shapes, and tracing ten operators for each takes as long as tracing its layers.
    Without a trace there is nothing to share: a program of its own would have to be compiled first.

    Args:
        function: of one leaf of each tree; what else it holds may be traced too.
        tree, *rest: pytrees of one structure.

    Returns:
        A pytree of that structure.

    >>> import jax.numpy as jnp
    >>> per_weight(lambda w, g: w - 0.5 * g, {"a": jnp.ones(2)}, {"a": jnp.ones(2)})
    {'a': Array([0.5, 0.5], dtype=float32)}
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((tree, rest))):
        function = jax.jit(function, inline=True)
    return jax.tree.map(function, tree, *rest)
