"""Generating text: what a language model continues prompts with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, overload

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Layer, as_key, check_collections, checked_by_name, explain
from ...core.typing import Array, ArrayLike, Int, KeyLike, VariablesLike
from .._attention._cache import CACHE, NotCachedError
from ._loop import DIFFERS, Settings, run
from ._prompts import read_prompts


@overload
def generate(
    model: Layer, variables: VariablesLike, prompt: ArrayLike | Sequence[Sequence[int]], max_new_tokens: int,
    temperature: float | jax.Array | None = None, top_k: int | None = None,
    top_p: float | jax.Array | None = None, seed: KeyLike | None = None, *,
    prompt_mask: ArrayLike | Sequence[Sequence[bool]] | None = None, pad_token_id: int | None = None,
    stop_token_ids: int | Sequence[int] | None = None, use_cache: bool | None = None,
    return_lengths: Literal[False] = False,
) -> Int[Array, "batch time"]: ...  # fmt: skip


@overload
def generate(
    model: Layer, variables: VariablesLike, prompt: ArrayLike | Sequence[Sequence[int]], max_new_tokens: int,
    temperature: float | jax.Array | None = None, top_k: int | None = None,
    top_p: float | jax.Array | None = None, seed: KeyLike | None = None, *,
    prompt_mask: ArrayLike | Sequence[Sequence[bool]] | None = None, pad_token_id: int | None = None,
    stop_token_ids: int | Sequence[int] | None = None, use_cache: bool | None = None, return_lengths: Literal[True],
) -> tuple[Int[Array, "batch time"], Int[Array, " batch"]]: ...  # fmt: skip


@checked_by_name("fk.nn", is_bound=False)
def generate(
    model: Layer,
    variables: VariablesLike,
    prompt: ArrayLike | Sequence[Sequence[int]],
    max_new_tokens: int,
    temperature: float | jax.Array | None = None,
    top_k: int | None = None,
    top_p: float | jax.Array | None = None,
    seed: KeyLike | None = None,
    *,
    prompt_mask: ArrayLike | Sequence[Sequence[bool]] | None = None,
    pad_token_id: int | None = None,
    stop_token_ids: int | Sequence[int] | None = None,
    use_cache: bool | None = None,
    return_lengths: bool = False,
) -> Int[Array, "batch time"] | tuple[Int[Array, "batch time"], Int[Array, " batch"]]:
    """Continue prompts token by token, as one compiled loop over a cache of keys and values.

    The prompt is one forward pass, each token after it a pass over one token a row. Pure, also under `jax.jit` and
    `jax.vmap`; a second call with a model of equal value and arrays of the same shapes compiles nothing.

    Args:
        model: a causal model from tokens `(batch, time)` to logits (or probabilities) `(batch, time, vocabulary)`.
        variables: its variables, or the state of a run.
        prompt: token ids, `(batch, time)`.
        max_new_tokens: how many tokens to generate.
        temperature: the logits are divided by it; 0 takes the best token. By default 1 where `top_k`, `top_p` or `seed`
            is given, else 0.
        top_k: draw from so many of the best tokens.
        top_p: draw from the best tokens that have this probability together, of those that `top_k` leaves.
        seed: a seed or a `jax.random.key`. What a row draws depends on it and on the row's number, not on other rows.
        prompt_mask: true for the tokens of prompts of different lengths, padded before or after them.
        pad_token_id: the same by the token that the rows begin or end with where there is no mask; it is also what
            stands after the end of a row, where without it 0 does.
        stop_token_ids: tokens after which a row ends; they are part of it.
        use_cache: whether to use a cache; by default where the model can. `False` runs the model on all tokens at each
            step.
        return_lengths: whether the rows' lengths are returned too.

    Returns:
        Prompts and what follows them, `(batch, time + max_new_tokens)`, int32: a row begins with its first token, also
        where the prompt was padded before it. With `return_lengths` also how many tokens each row has, `(batch,)`.

    Raises:
        TypeError: a prompt that is no integers.
        ValueError: prompts of another rank, without tokens, or with holes in the mask; a draw without a seed; arguments
            out of range; a model that sees what comes after a token; scores that are NaN, as of a token that is not in
            the vocabulary.

    Warns:
        UserWarning: the model cannot go on from a cache (it has no causal attention, or depends on something else,
            such as positions that count from 0), and runs on all tokens at each step.

    Under `jax.jit` nobody can be told what is seen only when the program runs, that a cache does not serve, that the
    model sees what comes after a token, or that scores are NaN: the new tokens are -1.

    >>> import fkeras as fk
    >>> tokens = fk.Input((None,), dtype="int32")
    >>> x = fk.nn.Embedding(10, 8)(tokens)
    >>> x = x + fk.nn.PositionEmbedding(32)(x)
    >>> x = x + fk.nn.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    >>> model = fk.Model(tokens, fk.nn.Dense(10)(x))
    >>> fk.nn.generate(model, model.init(0), [[3, 1, 4]], 5, top_k=3, seed=0).shape
    (1, 8)

    Reference: Holtzman et al., arXiv:1904.09751, for `top_p`. KerasHub's `generate` is a method of its models.
    """
    given = check_collections(
        model.path_text(), variables, True, (prompt,), "fk.nn.generate(model, variables, prompt, 64)"
    )
    variables = {collection: tree for collection, tree in given.items() if collection != CACHE}
    _check(max_new_tokens, temperature, top_k, top_p)
    if temperature is None:
        temperature = 0.0 if top_k is None and top_p is None and seed is None else 1.0
    greedy = not isinstance(temperature, jax.core.Tracer) and float(temperature) == 0
    if not greedy and seed is None:
        raise ValueError(
            explain(
                "generate draws tokens, and was given no seed.",
                received=f"temperature={temperature}, top_k={top_k}, top_p={top_p}",
                usually="a generator that a library keeps; here randomness is an argument.",
                write="fk.nn.generate(model, variables, prompt, max_new_tokens, temperature=0.8, seed=0)",
            )
        )
    prompts = read_prompts(prompt, prompt_mask, pad_token_id)
    width = _width(model)
    time, total = prompts.tokens.shape[1], prompts.tokens.shape[1] + max_new_tokens
    if width is not None and total > width:
        raise ValueError(
            explain(
                f"generate: {model.path_text()} takes {width} tokens.",
                received=f"a prompt of {time} and max_new_tokens={max_new_tokens}",
                write=f'max_new_tokens={max(width - time, 0)}, or fk.Input((None,), dtype="int32")',
            )
        )
    settings = Settings(
        steps=max_new_tokens,
        greedy=greedy,
        top_k=None if greedy else top_k,
        stops=_stops(stop_token_ids),
        filler=0 if pad_token_id is None else int(pad_token_id),
        cached=use_cache is not False,
        width=width,
    )
    drawn = (
        (None, None, None)
        if greedy
        else (as_key(seed), jnp.asarray(temperature, jnp.float32), None if top_p is None else jnp.asarray(top_p))  # type: ignore[arg-type]
    )
    arguments = (variables, *prompts, *drawn)
    if width is not None and settings.cached:
        fixed = f'its input has {width} tokens (fk.Input((None,), dtype="int32") takes any number)'
        settings = _on_all(settings, fixed, use_cache)
    try:
        generated = run(model, settings, *arguments)
    except NotCachedError as error:
        settings = _on_all(settings, str(error).splitlines()[0].rstrip("."), use_cache)
        generated = run(model, settings, *arguments)
    if isinstance(generated.fault, jax.core.Tracer):
        new = jnp.arange(total)[None] >= (time if prompts.lengths is None else prompts.lengths[:, None])
        tokens = jnp.where((generated.fault > 0) & new, -1, generated.tokens)
        return (tokens, generated.lengths) if return_lengths else tokens
    if generated.fault == DIFFERS and settings.cached:
        settings = _on_all(settings, _OTHER_STATE, use_cache)
        generated = run(model, settings, *arguments)
    if generated.fault > 0:
        raise _fault(model, int(generated.fault))
    return (generated.tokens, generated.lengths) if return_lengths else generated.tokens


# ------------------------------------------------------------------ whether there can be a cache
_OTHER_STATE = (
    "with a cache it computes other scores than on the whole sequence: a layer of it depends on something else, such "
    "as positions that count from 0 in each call (fk.nn.cache_positions(layer, length) goes on from the cache's) or a "
    "recurrent state"
)


def _on_all(settings: Settings, why: str, use_cache: bool | None) -> Settings:
    """The settings for runs on all tokens, with a warning; an error where a cache was asked for."""
    if use_cache:
        raise ValueError(
            explain(f"generate: the model cannot go on from a cache: {why}.", received="use_cache=True",
                    write="use_cache=None")
        )  # fmt: skip
    warnings.warn(
        f"generate: the model cannot go on from a cache and runs on all tokens at each step: {why}. "
        "use_cache=False says that this is meant.",
        stacklevel=3,
    )
    return settings._replace(cached=False)


def _fault(model: Layer, fault: int) -> ValueError:
    """What is said of a run that ended with a fault."""
    if fault == DIFFERS:
        return ValueError(
            explain(
                f"generate: {model.path_text()} sees what comes after a token.",
                received="other scores for the same prompt with other tokens behind it",
                usually="attention without use_causal_mask=True, a convolution without causal padding, or "
                "a bidirectional layer.",
                write="layer(x, x, use_causal_mask=True)",
            )
        )
    return ValueError(
        explain(
            f"generate: the scores that {model.path_text()} gives are NaN.",
            usually="tokens beyond the vocabulary, more tokens than there are position embeddings for, or weights that "
            "are NaN.",
            write="prompt.max(), and model.apply(variables, prompt)",
        )
    )


# ------------------------------------------------------------------ arguments
def _width(model: Layer) -> int | None:
    """How many tokens a model takes, where its input says it."""
    if model.graph is None:
        return None
    inputs = jax.tree.leaves(model.graph.inputs)
    size = inputs[0].shape[1] if len(inputs) == 1 and len(inputs[0].shape) == 2 else None
    return size if isinstance(size, int) else None


def _stops(stop_token_ids: int | Sequence[int] | None) -> tuple[int, ...]:
    return () if stop_token_ids is None else tuple(int(token) for token in np.ravel(stop_token_ids))


def _check(max_new_tokens: int, temperature: object, top_k: object, top_p: object) -> None:
    """Refuse arguments out of range; arrays that are traced are not looked at."""

    def bad(value: object, low: float, high: float, whole: bool = False) -> bool:
        if value is None or isinstance(value, jax.core.Tracer):
            return False
        number = hasattr(value, "__index__") if whole else hasattr(value, "__float__")
        return isinstance(value, bool) or not number or not low <= float(value) <= high  # type: ignore[arg-type]

    inf = float("inf")
    for name, wrong, what, write in (
        ("max_new_tokens", max_new_tokens is None or bad(max_new_tokens, 1, inf, True), "a positive integer", "64"),
        ("temperature", bad(temperature, 0, inf), "a number that is not negative", "0.8"),
        ("top_k", bad(top_k, 1, inf, True), "a positive integer, or None", "40"),
        ("top_p", bad(top_p, 0, 1) or top_p == 0 if not isinstance(top_p, jax.core.Tracer) else False,
         "a probability above 0, or None", "0.9"),
    ):  # fmt: skip
        if wrong:
            value = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p}[name]
            raise ValueError(
                explain(f"generate: {name} is {what}.", received=f"{name}={value!r}", write=f"{name}={write}")
            )
