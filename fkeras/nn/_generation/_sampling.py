"""Choosing the next token from its scores."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core.typing import Array, Float, Int, Key


def choose(
    scores: Float[Array, "batch vocabulary"],
    keys: Key | None,
    temperature: Float[Array, ""] | None,
    top_k: int | None,
    top_p: Float[Array, ""] | None,
) -> Int[Array, " batch"]:
    """A token for each row: the best, or one drawn from those that are left.

    Args:
        scores: logits.
        keys: one a row, `(batch,)`; `None` where nothing is drawn.
        temperature: the logits are divided by it; `None` for the best token.
        top_k: only so many of the best are left; of equal ones the first.
        top_p: of these, only the best that have this probability together, with the one that reaches it.

    Returns:
        The tokens.
    """
    if temperature is None or keys is None:
        return jnp.argmax(scores, axis=-1).astype(jnp.int32)
    scores = scores / temperature
    draw = jax.vmap(jax.random.categorical)
    if top_k is None and top_p is None:
        return draw(keys, scores).astype(jnp.int32)
    best, tokens = jax.lax.top_k(scores, min(top_k or scores.shape[-1], scores.shape[-1]))
    if top_p is not None:
        shares = jax.nn.softmax(best, axis=-1)
        before = jnp.cumsum(shares, axis=-1) - shares
        best = jnp.where((before < top_p).at[:, 0].set(True), best, jnp.full_like(best, -jnp.inf))
    return jnp.take_along_axis(tokens, draw(keys, best)[:, None], axis=-1)[:, 0].astype(jnp.int32)


def row_keys(key: Key, rows: int, step: Int[Array, ""]) -> Key:
    """A key for each row at a step, which depends on the row's number and on no other row."""
    return jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, row), step))(jnp.arange(rows))
