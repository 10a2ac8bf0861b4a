"""Prompts of different lengths: rows that begin at the first column, and how long each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import Array, ArrayLike, Bool, Int


class Prompts(NamedTuple):
    """What a model continues.

    Attributes:
        tokens: each row from its first token on, with anything after its last.
        lengths: how many tokens each row has; `None` where all rows are full.
    """

    tokens: Int[Array, "batch time"]
    lengths: Int[Array, " batch"] | None


def read_prompts(
    prompt: ArrayLike | Sequence[Sequence[int]],
    mask: ArrayLike | Sequence[Sequence[bool]] | None,
    pad_token_id: int | None,
) -> Prompts:
    """Prompts that are padded before or after their tokens, or not at all.

    Args:
        prompt: token ids, `(batch, time)`.
        mask: true where there is a token, `(batch, time)`.
        pad_token_id: what stands where there is none, at the beginning or end of a row.

    Returns:
        The prompts.

    Raises:
        TypeError: numbers that are no integers.
        ValueError: another rank, no tokens, a mask of another shape or with holes.
    """
    try:
        tokens = prompt if isinstance(prompt, jax.Array) else np.asarray(prompt)
    except ValueError:
        raise _shape("rows of different lengths") from None
    if tokens.dtype == object:
        raise _shape("rows of different lengths")
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise TypeError(
            explain(
                "generate: a prompt is token ids, which are integers.",
                received=f"{tokens.dtype} of shape {tokens.shape}",
                usually="text in place of what a tokenizer makes of it, or embeddings.",
                write="prompt.astype('int32')",
            )
        )
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise _shape(f"shape {tokens.shape}")
    if mask is None and pad_token_id is None:
        return Prompts(jnp.asarray(tokens, jnp.int32), None)
    kept = tokens != pad_token_id if mask is None else mask
    kept = kept.astype(bool) if isinstance(kept, jax.Array) else np.asarray(kept, bool)
    if kept.shape != tokens.shape:
        raise ValueError(
            explain(
                "generate: prompt_mask says for each token of the prompt whether it counts.",
                received=f"a mask of shape {kept.shape} for a prompt of shape {tokens.shape}",
                write="prompt_mask=prompt != pad_token_id",
            )
        )
    numpy = np if not isinstance(kept, jax.core.Tracer) else jnp
    first = numpy.argmax(kept, axis=1)
    lengths = tokens.shape[1] - numpy.argmax(kept[:, ::-1], axis=1) - first
    if not isinstance(kept, jax.core.Tracer):
        _check(np.asarray(kept), np.asarray(lengths), mask is not None)
    columns = (first[:, None] + numpy.arange(tokens.shape[1])[None]) % tokens.shape[1]
    tokens = jnp.take_along_axis(jnp.asarray(tokens, jnp.int32), jnp.asarray(columns), axis=1)
    return Prompts(tokens, jnp.asarray(lengths, jnp.int32))


def _check(kept: Bool[np.ndarray, "batch time"], lengths: Int[np.ndarray, " batch"], holes: bool) -> None:
    """Refuse rows without tokens, and masks with holes; a padding id inside a row is a token there."""
    counts = kept.sum(axis=1)
    wrong = np.flatnonzero((counts == 0) | ((counts != lengths) & holes))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(
            explain(
                "generate: the tokens of a row stand together, at least one, with padding before or after them.",
                received=f"{counts[row]} tokens in row {row}" + ", with holes between them" * bool(counts[row]),
                usually="a mask of something else, or a row that is all padding.",
                write="prompt_mask=prompt != pad_token_id",
            )
        )


def _shape(received: str) -> ValueError:
    return ValueError(
        explain(
            "generate: a prompt is token ids of shape (batch, time), with a token in each row.",
            received=received,
            usually="one prompt without the axis of the batch, or prompts that are not padded to one length.",
            write="prompt[None], or rows padded with pad_token_id=0",
        )
    )
