"""Generation as one compiled loop.

The prompt is read in one forward pass, and then each step of a `while_loop` runs the model on one token a row and its
cache. A model that cannot go on from a cache is run on all tokens at each step.

Whether it can is part of the run. The first step computes what the pass over the prompt has computed: the scores
behind its last token, this time from the cache. Where both differ, a layer of the model depends on more than the cache
(its positions count from 0 in each call, or a recurrent state is lost), and the loop ends. Over all tokens the first
two steps compare the scores for two ways to fill the columns that are still empty: where they differ, the model sees
what comes after a token.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ...core import Layer, explain
from ...core.typing import Array, Bool, Float, Int, Key, PyTree, Shaped, Variables
from .._attention._cache import CACHE, NotCachedError, at_position, init_cache
from ._sampling import choose, row_keys

# What may be wrong with a run.
DIFFERS, IS_NAN = 1, 2


class Settings(NamedTuple):
    """What a program is compiled for, beside the model and the shapes.

    Attributes:
        steps: how many tokens are generated.
        greedy: whether the best token is taken.
        top_k: how many of the best tokens are left.
        stops: tokens after which a row ends.
        filler: what stands after the end of a row.
        cached: whether the model goes on from a cache.
        width: how many tokens a row must have that the model is run on; `None` for any number.
    """

    steps: int
    greedy: bool
    top_k: int | None
    stops: tuple[int, ...]
    filler: int
    cached: bool
    width: int | None


class Generated(NamedTuple):
    """What a run made.

    Attributes:
        tokens: prompts and what was generated, `(batch, time + steps)`.
        lengths: how many tokens each row has.
        fault: 0; `DIFFERS` where the scores that were compared are not the same; `IS_NAN` where scores are NaN. The run
            has ended there.
    """

    tokens: Int[Array, "batch time"]
    lengths: Int[Array, " batch"]
    fault: Int[Array, ""]


class _State(NamedTuple):
    """What goes from one step to the next.

    Attributes:
        step: how many steps were made.
        tokens, lengths: as in `Generated`.
        ended: the rows that have ended.
        scores: those that were compared.
        fault: as in `Generated`.
        cache: the model's cache.
    """

    step: Int[Array, ""]
    tokens: Int[Array, "batch time"]
    lengths: Int[Array, " batch"]
    ended: Bool[Array, " batch"]
    scores: Float[Array, "batch vocabulary"]
    fault: Int[Array, ""]
    cache: PyTree


@functools.partial(jax.jit, static_argnames=("model", "settings"))
def run(
    model: Layer,
    settings: Settings,
    variables: Variables,
    prompt: Int[Array, "batch time"],
    lengths: Int[Array, " batch"] | None,
    key: Key | None,
    temperature: Float[Array, ""] | None,
    top_p: Float[Array, ""] | None,
) -> Generated:
    """Generate.

    Args:
        model: a model from tokens `(batch, time)` to scores `(batch, time, vocabulary)`.
        settings: see there.
        variables: the model's, without a cache.
        prompt: rows from their first token on.
        lengths: how long each is; `None` where all are full.
        key: of what is drawn.
        temperature, top_p: as for `choose`.

    Returns:
        The tokens. Where the scores differ, a run from a cache has ended after its first step.
    """
    rows, time = prompt.shape
    start = jnp.asarray(time, jnp.int32) if lengths is None else lengths
    total = time + settings.steps
    tokens = jnp.full((rows, total), settings.filler, jnp.int32).at[:, :time].set(prompt)
    inside = jnp.arange(total)[None] < start.reshape((-1, 1))
    tokens = jnp.where(inside, tokens, settings.filler)
    logits_of, first, compared, cache = (
        _from_cache(model, variables, tokens, start, time)
        if settings.cached
        else _from_all(model, variables, tokens, start, settings)
    )
    allowed = _allowed((variables, cache))

    def goes_on(state: _State) -> Bool[Array, ""]:
        more = (state.step < settings.steps) & ~jnp.all(state.ended)
        return more & (state.fault == 0)

    def step(state: _State) -> _State:
        scores, cache = logits_of(state.tokens, state.step, state.cache)
        differs = (state.step == 0) & (_difference(scores, state.scores) > allowed)
        to_compare = jnp.where(state.step < 0, scores, state.scores)
        if settings.cached:
            scores = jnp.where(state.step == 0, first, scores)
        is_nan = jnp.any(jnp.isnan(scores).any(axis=-1) & ~state.ended)
        fault = jnp.where(is_nan, IS_NAN, jnp.where(differs, DIFFERS, 0))
        chosen = choose(
            _as_logits(scores),
            None if key is None else row_keys(key, rows, state.step),
            temperature,
            settings.top_k,
            top_p,
        )
        chosen = jnp.where(state.ended, settings.filler, chosen)
        placed = _with_column(state.tokens, chosen, start + state.step)
        tokens = jnp.where(state.step < 0, jnp.where(inside, state.tokens, settings.filler), placed)
        goes = ~state.ended & (state.step >= 0)
        stops = jnp.isin(chosen, jnp.asarray(settings.stops, jnp.int32)) if settings.stops else jnp.zeros_like(goes)
        return _State(
            state.step + 1, tokens, state.lengths + goes, state.ended | (goes & stops), to_compare, fault, cache
        )

    begin = 0
    if not settings.cached:  # the columns that are still empty, filled in another way
        begin, tokens = -1, jnp.where(inside, tokens, 1 if settings.filler <= 0 else 0)
    state = _State(
        step=jnp.asarray(begin, jnp.int32),
        tokens=tokens,
        lengths=jnp.broadcast_to(start, (rows,)),
        ended=jnp.zeros((rows,), bool),
        scores=compared,
        fault=jnp.asarray(0),
        cache=cache,
    )
    state = lax.while_loop(goes_on, step, state)
    return Generated(state.tokens, state.lengths, state.fault)


# ------------------------------------------------------------------ the scores of the next token
Scores = Callable[[Int[Array, "batch time"], Int[Array, ""], PyTree], tuple[jax.Array, PyTree]]
Made = tuple[Scores, jax.Array, jax.Array, PyTree]


def _from_cache(
    model: Layer, variables: Variables, tokens: Int[Array, "batch total"], start: Int[Array, "*batch"], time: int
) -> Made:
    """A step of the model on one token a row, the scores behind the prompt, those to compare, and the cache."""
    rows, total = tokens.shape
    read = max(time, 2)  # of a single token a cache cannot tell whether the position counts
    cache = init_cache(model, rows, total, variables)
    if not jax.tree.leaves(cache):
        raise NotCachedError("no layer of it is causal attention")
    outputs, updates = model.apply({**variables, CACHE: cache}, tokens[:, :read], mutable=[CACHE])
    _check_outputs(model, outputs, (rows, read))
    check = jnp.maximum(start - 1, 1)

    def scores(tokens: jax.Array, step: jax.Array, cache: PyTree) -> tuple[jax.Array, PyTree]:
        at = jnp.where(step == 0, check, start - 1 + step)
        cache = at_position(cache, at, bool(at.ndim))
        outputs, updates = model.apply({**variables, CACHE: cache}, _column(tokens, at), mutable=[CACHE])
        return outputs[:, 0], updates[CACHE]

    return (
        scores,
        _column(outputs, start - 1)[:, 0],
        _column(outputs, check)[:, 0],
        at_position(updates[CACHE], check, False),
    )


def _from_all(
    model: Layer,
    variables: Variables,
    tokens: Int[Array, "batch total"],
    start: Int[Array, "*batch"],
    settings: Settings,
) -> Made:
    """The same on all tokens. Before the first step nothing is computed."""
    more = 0 if settings.width is None else settings.width - tokens.shape[1]

    def scores(tokens: jax.Array, step: jax.Array, cache: PyTree) -> tuple[jax.Array, PyTree]:
        tokens = jnp.pad(tokens, ((0, 0), (0, more))) if more else tokens
        outputs = model.apply(variables, tokens)
        _check_outputs(model, outputs, tokens.shape)
        return _column(outputs, start - 1 + jnp.maximum(step, 0))[:, 0], cache

    shape = jax.eval_shape(lambda: scores(tokens, jnp.asarray(0), ())[0])
    nothing = jnp.zeros(shape.shape, shape.dtype)
    return scores, nothing, nothing, ()


def _column(x: Shaped[Array, "batch time *rest"], at: Int[Array, "*batch"]) -> Shaped[Array, "batch 1 *rest"]:
    """One position of each row, the axis of time kept."""
    if not at.ndim:
        return lax.dynamic_slice_in_dim(x, at, 1, 1)
    return jax.vmap(lambda row, place: lax.dynamic_slice_in_dim(row, place, 1, 0))(x, at)


def _with_column(
    tokens: Int[Array, "batch time"], chosen: Int[Array, " batch"], at: Int[Array, "*batch"]
) -> Int[Array, "batch time"]:
    """The tokens with one more in each row."""
    if not at.ndim:
        return lax.dynamic_update_slice_in_dim(tokens, chosen[:, None], at, 1)
    return tokens.at[jnp.arange(tokens.shape[0]), at].set(chosen)


# ------------------------------------------------------------------ numbers
def _as_logits(scores: Float[Array, "batch vocabulary"]) -> Float[Array, "batch vocabulary"]:
    """Scores in single precision at least; of a model that ends in a softmax the logarithms of its probabilities."""
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    sums_to_one = jnp.all(scores >= 0) & jnp.all(jnp.abs(scores.sum(axis=-1) - 1) < 0.01)
    return jnp.where(sums_to_one, jnp.log(jnp.maximum(scores, 0)), scores)


def _difference(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The largest difference beside the largest number; infinities that are the same do not differ."""
    a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    size = jnp.max(jnp.where(jnp.isinf(b), 0, jnp.abs(b)))
    return jnp.max(jnp.where(a == b, 0, jnp.abs(a - b))) / jnp.maximum(size, 1e-6)


def _allowed(arrays: PyTree) -> float:
    """What rounding may do: a GPU multiplies float32 with ten bits, half precision and few-bit weights have fewer."""
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(arrays)}
    coarse = any(jnp.issubdtype(d, jnp.inexact) and jnp.finfo(d).bits < 32 for d in dtypes)
    few_bits = any(jnp.issubdtype(d, jnp.integer) and jnp.iinfo(d).bits <= 8 for d in dtypes)
    return 0.1 if coarse or few_bits else 0.01


def _check_outputs(model: Layer, outputs: PyTree, shape: tuple[int, ...]) -> None:
    """Refuse models whose outputs are no scores of a next token for each token."""
    if getattr(outputs, "ndim", None) != 3 or outputs.shape[:2] != shape:
        raise ValueError(
            explain(
                f"generate: {model.path_text()} gives no scores of the next token for each token.",
                received=f"outputs of shape {jax.tree.map(lambda a: a.shape, outputs)} for tokens of shape {shape}, "
                "where (batch, time, vocabulary) is meant",
                usually="a model with several outputs, or one that predicts from the whole sequence.",
                write="fk.Model(tokens, logits), with logits of shape (batch, time, vocabulary)",
            )
        )
