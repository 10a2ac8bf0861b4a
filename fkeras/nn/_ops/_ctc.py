"""Connectionist temporal classification: the loss and the two ways to decode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import lax

from ...core import explain
from ...core.typing import Array, ArrayLike, Float, Int

_NONE = -jnp.inf

#: The prefixes and their lengths, and the scores of the alignments that end in a blank and in the last label.
Beam: TypeAlias = tuple[Array, Array, Array, Array]


def ctc_loss(
    target: Int[ArrayLike, "batch labels"], output: Float[ArrayLike, "batch time classes"],
    target_length: Int[ArrayLike, " batch"], output_length: Int[ArrayLike, " batch"], mask_index: int = 0,
) -> Float[Array, " batch"]:  # fmt: skip
    """The CTC loss of each example: `-log p(target | output)`, for logits `(batch, time, classes)`.

    Reference: Graves et al., Connectionist Temporal Classification (2006).
    """
    target, output = jnp.asarray(target), jnp.asarray(output)
    output = output.astype(jnp.promote_types(output.dtype, jnp.float32))
    frames, labels = jnp.arange(output.shape[1])[None], jnp.arange(target.shape[1])[None]
    return optax.ctc_loss(
        output,
        (frames >= jnp.asarray(output_length)[:, None]).astype(output.dtype),
        target,
        (labels >= jnp.asarray(target_length)[:, None]).astype(output.dtype),
        blank_id=mask_index,
    )


def ctc_decode(
    inputs: Float[ArrayLike, "batch time classes"], sequence_lengths: Int[ArrayLike, " batch"],
    strategy: str = "greedy", beam_width: int = 100, top_paths: int = 1, merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Int[Array, "paths batch time"], Float[Array, "batch paths"]]:  # fmt: skip
    """The labels behind frame-wise scores, blanks taken out: `(decoded, score)`; -1 fills up.

    Args:
        inputs: `(batch, time, classes)`.
        sequence_lengths: how many frames of each example count.
        strategy: `"greedy"`, the best class of each frame, or `"beam_search"`, the likeliest label sequences.
        beam_width, top_paths: how many sequences the search keeps, and how many it returns.
        merge_repeated: whether a class in two frames running is one label (greedy).
        mask_index: the blank; `None` is the last class.

    Returns:
        Labels `(paths, batch, time)`; scores `(batch, paths)`: log-probabilities of a beam search, and, as in
        Keras, minus the sum of the best scores of a greedy one.

    Raises:
        ValueError: another strategy.
    """
    x = jnp.asarray(inputs)
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    seen = jnp.arange(x.shape[1])[None] < jnp.asarray(sequence_lengths)[:, None]
    blank = x.shape[2] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(x, seen, blank, merge_repeated)
    if strategy == "beam_search":
        decoded, scores = jax.vmap(_beam_search(beam_width, top_paths, blank))(jax.nn.log_softmax(x), seen)
        return jnp.swapaxes(decoded, 0, 1), scores
    raise ValueError(
        explain(
            "ctc_decode: unknown strategy.", received=repr(strategy), write='strategy="greedy"   # or "beam_search"'
        )
    )


def _greedy(x: Array, seen: Array, blank: int, merge_repeated: bool) -> tuple[Array, Array]:
    best = jnp.argmax(x, axis=-1)
    score = -jnp.sum(jnp.where(seen, jnp.max(x, axis=-1), 0), axis=1)[:, None]
    keep = seen & (best != blank)
    if merge_repeated:
        keep &= jnp.concatenate([jnp.ones_like(keep[:, :1]), best[:, 1:] != best[:, :-1]], axis=1)
    # what is kept moves to the front, in its order
    order = jnp.argsort(jnp.logical_not(keep), axis=1, stable=True)
    decoded = jnp.where(jnp.take_along_axis(keep, order, 1), jnp.take_along_axis(best, order, 1), -1)
    return decoded[None].astype(jnp.int32), score


def _beam_search(width: int, top: int, blank: int) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Prefix beam search over one example: `(log-probabilities (time, classes), seen) -> (paths, scores)`.

    A prefix has two scores, of the alignments that end in a blank and of those that end in its last label: only
    after a blank does the same label again make the prefix longer. Reference: Hannun et al.,
    https://arxiv.org/abs/1408.2873, algorithm 1.
    """

    def search(logs: Array, seen: Array) -> tuple[Array, Array]:
        steps, classes = logs.shape
        places = jnp.arange(steps)

        def step(state: Beam, now: tuple[Array, Array]) -> tuple[Beam, None]:
            frame, counts = now
            paths, lengths, ends_blank, ends_label = state
            both = jnp.logaddexp(ends_blank, ends_label)
            last = jnp.where(lengths > 0, jnp.take_along_axis(paths, jnp.maximum(lengths - 1, 0)[:, None], 1)[:, 0], -1)
            labels = jnp.arange(classes)[None, :]
            # a prefix and one more label
            longer = frame[None, :] + jnp.where(labels == last[:, None], ends_blank[:, None], both[:, None])
            longer = jnp.where(labels == blank, _NONE, longer)
            # ... which may be in the beam already: `child` begins with `parent` and has one label more
            shorter = jnp.where(places[None, :] < lengths[:, None] - 1, paths, -1)
            begins = jnp.all(shorter[None, :, :] == paths[:, None, :], axis=-1)
            alive = both > _NONE  # a place in the beam that is not taken yet is nobody's child
            parent = begins & alive[None, :] & (lengths[None, :] == lengths[:, None] + 1)  # (parent, child)
            gained = jnp.where(parent, longer[:, jnp.maximum(last, 0)], _NONE)
            own = ends_label + jnp.where(last >= 0, frame[jnp.maximum(last, 0)], _NONE)
            stays_label = jnp.logaddexp(own, jax.nn.logsumexp(gained, axis=0))
            stays_blank = both + frame[blank]
            merged = jnp.any(parent[:, :, None] & (labels[None] == last[None, :, None]), axis=1)
            longer = jnp.where(merged, _NONE, longer)
            # the best of what stayed and what grew
            score = jnp.concatenate([jnp.logaddexp(stays_blank, stays_label), longer.reshape(-1)])
            kept = lax.top_k(score, width)[1]
            grew = kept >= width
            source, label = jnp.where(grew, (kept - width) // classes, kept), (kept - width) % classes
            at_end = grew[:, None] & (places[None, :] == lengths[source][:, None])
            new = (
                jnp.where(at_end, label[:, None], paths[source]),
                lengths[source] + grew,
                jnp.where(grew, _NONE, stays_blank[source]),
                jnp.where(grew, score[kept], stays_label[source]),
            )
            return jax.tree.map(lambda a, b: jnp.where(counts, a, b), new, state), None

        nothing = jnp.full(width, _NONE, logs.dtype)
        start = (jnp.full((width, steps), -1, jnp.int32), jnp.zeros(width, jnp.int32), nothing.at[0].set(0.0), nothing)
        counts = seen | (places == 0)  # as in Keras, the first frame always counts
        (paths, _, ends_blank, ends_label), _ = lax.scan(step, start, (logs, counts))
        scores, best = lax.top_k(jnp.logaddexp(ends_blank, ends_label), top)
        return jnp.where(scores[:, None] == _NONE, -1, paths[best]).astype(jnp.int32), scores

    return search
