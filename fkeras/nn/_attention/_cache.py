"""What a model keeps of the tokens before: the collection `cache`, with keys, values and the position.

A model that is given variables with a `cache` among them runs on the tokens that follow those in it:

    logits, updates = model.apply({**variables, "cache": cache}, tokens, mutable=["cache"])

Causal self-attention writes the keys and values of the new tokens behind those that are there and attends over all. The
position of the first new token is one variable, `cache/position`, of the outermost layer (under a lifted transform, of
the outermost layer inside it): a number, or one for each row of the batch. The first layer that asks moves it on. Which
layer that was, and where the tokens began, is noted among the flags of that layer's scope, which last for one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen
from flax.core import Scope, freeze
from jax import lax

from ...core import Layer, explain
from ...core.typing import Array, Bool, Int, Num, PyTree, Variables, VariablesLike
from ._seen import Seen

#: The collection.
CACHE = "cache"
POSITION = "position"
# Flags of a scope: how long the caches are that a call makes, and where the tokens of a call begin.
_MAKING = "fkeras_cache_length"
_NOTED = "fkeras_cache_position"


class NotCachedError(ValueError):
    """A layer that cannot go on from a cache."""


class _Noted(NamedTuple):
    """Where the tokens of the call that runs in a scope begin.

    Attributes:
        scope: that scope; the flags of others inside it have a copy.
        start: the position of the first, a number or one a row.
        length: how many there are.
    """

    scope: Scope
    start: jax.Array
    length: int


# ------------------------------------------------------------------ what users call
def init_cache(
    model: Layer,
    batch_size: int,
    max_length: int,
    variables: VariablesLike | None = None,
    inputs: PyTree = None,
) -> dict[str, PyTree]:
    """An empty cache for a model's causal attention; its shapes follow from an abstract run of the model.

    Args:
        model: a model or layer with attention in it.
        batch_size: how many sequences.
        max_length: how many positions there is room for.
        variables: the model's variables or their shapes; by default its `abstract_variables`.
        inputs: an example of what it is called on, arrays or `jax.ShapeDtypeStruct`s; by default one token a sequence,
            `(batch_size, 1)`, int32.

    Returns:
        The collection: for each attention layer `keys` and `values`, `(batch, max_length, heads, size)`, in the dtype
        that it computes in, and `position`, how many positions are filled. A `position` of shape `(batch,)` in its
        place is of rows that stand at different ones. Without an attention layer it is empty.

    Raises:
        ValueError: attention that cannot go on from a cache: without `use_causal_mask=True`, with an `attention_mask`,
            over several axes, or called twice in one run of the model.

    >>> import fkeras as fk, jax
    >>> tokens = fk.Input((None,), dtype="int32")
    >>> x = fk.nn.Embedding(10, 8)(tokens)
    >>> x = fk.nn.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    >>> model = fk.Model(tokens, fk.nn.Dense(10)(x))
    >>> cache = fk.nn.init_cache(model, batch_size=1, max_length=16)
    >>> jax.tree.map(lambda a: a.shape, cache["multi_head_attention"])
    {'keys': (1, 16, 2, 4), 'values': (1, 16, 2, 4)}
    >>> variables = model.init(jax.random.key(0))
    >>> logits, updates = model.apply({**variables, "cache": cache}, [[3, 1, 4]], mutable=["cache"])
    >>> updates["cache"]["position"]
    Array(3, dtype=int32)
    """
    if inputs is None:
        inputs = jax.ShapeDtypeStruct((batch_size, 1), jnp.int32)
    if variables is None:
        variables = jax.eval_shape(lambda key: model.init(key, inputs), jax.eval_shape(lambda: jax.random.key(0)))

    def make(variables: Variables, inputs: PyTree) -> PyTree:
        _, made = model.apply(variables, inputs, method=making, mutable=[CACHE])
        return made.get(CACHE, {})

    def making(layer: Layer, inputs: PyTree) -> PyTree:
        scope = layer.scope
        assert scope is not None
        scope.flags = freeze({**scope.flags, _MAKING: max_length})
        return layer(inputs)

    cache: dict[str, PyTree] = jax.eval_shape(make, variables, inputs)
    return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), cache)


def cache_positions(layer: Layer, length: int) -> Int[Array, "... length"]:
    """The positions of the tokens that a layer is called on, for layers of one's own that depend on them.

    Args:
        layer: the layer, inside its `call`.
        length: how many tokens there are: the size of the axis of time.

    Returns:
        `0, 1, …` without a cache; with one they go on from those in it: `(length,)`, or `(batch, length)` where each
        row stands at a position of its own.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> class Positions(fk.nn.Layer):
    ...     def call(self, tokens):
    ...         return fk.nn.cache_positions(self, tokens.shape[1])
    >>> Positions()(jnp.zeros((1, 3), int))
    Array([0, 1, 2], dtype=int32)
    >>> cache = {"position": jnp.asarray(7)}
    >>> Positions().apply({"cache": cache}, jnp.zeros((1, 3), int), mutable=["cache"])[0]
    Array([7, 8, 9], dtype=int32)
    """
    start = _start(layer, length)
    steps = lax.iota(jnp.int32, length)
    return steps if start is None else jnp.expand_dims(start, -1) + steps.reshape((1,) * start.ndim + (-1,))


def update_cache(
    layer: Layer,
    key: Num[Array, "batch time heads size"],
    value: Num[Array, "batch time heads value_size"],
    mask: Bool[Array, "batch time"] | None = None,
    sliding_window: int | None = None,
) -> tuple[
    Num[Array, "batch sources heads size"],
    Num[Array, "batch sources heads value_size"],
    Bool[Array, "_ _ time sources"],
]:
    """The keys and values to attend over, and the causal mask, for attention layers of one's own.

    Args:
        layer: the layer, inside its `call`.
        key, value: of the tokens that it is called on.
        mask: which of them count; by default all.
        sliding_window: a token sees those that are fewer than this before it; by default all.

    Returns:
        Without a cache `key` and `value` as they are, with one all that are in it, and the mask
        `(1 or batch, 1, time, sources)` for `jax.nn.dot_product_attention`.

    Raises:
        ValueError: a cache that is not among `mutable`, or without room for the tokens.

    >>> import fkeras as fk, jax
    >>> from flax import linen
    >>> class Attention(fk.nn.Layer):
    ...     @linen.compact
    ...     def call(self, x):
    ...         q, k, v = (fk.nn.EinsumDense("btd,dhs->bths", (None, 2, 4))(x) for _ in range(3))
    ...         k, v, mask = fk.nn.update_cache(self, k, v)
    ...         return jax.nn.dot_product_attention(q, k, v, mask=mask)
    >>> cache = fk.nn.init_cache(Attention(), 1, 16, inputs=jax.ShapeDtypeStruct((1, 1, 8), "float32"))
    >>> cache["keys"].shape
    (1, 16, 2, 4)
    """
    sources = () if mask is None else (mask,)
    key, value, seen = extended(layer, key, value, Seen(None, sources, None, True, sliding_window))
    visible = seen.array(key.shape[1] if seen.pairs is None else seen.pairs.shape[1], key.shape[1])
    assert visible is not None
    return key, value, visible


# ------------------------------------------------------------------ what attention layers call
def extended(
    layer: Layer,
    key: Num[Array, "batch time heads size"],
    value: Num[Array, "batch time heads value_size"],
    seen: Seen,
    to_itself: bool = True,
) -> tuple[jax.Array, jax.Array, Seen]:
    """Keys and values with those in the cache, and what a target sees of them; as they are where there is no cache.

    Args:
        layer: the layer that attends.
        key, value: after their projections.
        seen: which of them each target sees.
        to_itself: whether targets and sources are one sequence. Attention to another one has no cache.

    Returns:
        All keys and values, and which of them each target sees.
    """
    scope = layer.scope
    making = None if scope is None else scope.flags.get(_MAKING)
    if scope is None or (making is None and not scope.has_variable(CACHE, "keys")):
        if to_itself and not seen.causal and _has_cache(layer):
            raise _cannot(layer, "it sees what comes after a token", "layer(x, x, use_causal_mask=True)")
        return key, value, seen
    if seen.pairs is not None:
        raise _cannot(layer, "it was given an attention_mask", "layer(x, x, use_causal_mask=True)")
    if not seen.causal:
        if to_itself:
            raise _cannot(layer, "it sees what comes after a token", "layer(x, x, use_causal_mask=True)")
        return key, value, seen
    if key.ndim != 4:
        raise _cannot(layer, f"its keys have the shape {key.shape}", "(batch, time, features), one axis attended over")
    if making is not None and scope.has_variable(CACHE, "keys"):
        raise _cannot(layer, "it is called twice in one run of the model", "a layer for each of the calls")
    length = key.shape[1]
    start = _start(layer, length)
    if start is None:
        raise _cannot(layer, "its cache has no position", "fk.nn.init_cache(model, batch_size, max_length)")
    visible = None
    for mask in seen.sources:
        visible = jnp.asarray(mask, bool) if visible is None else visible & jnp.asarray(mask, bool)
    entries = {"keys": key, "values": value, **({} if visible is None else {"visible": visible})}
    if making is not None:
        for name, entry in entries.items():
            scope.put_variable(CACHE, name, jnp.zeros((entry.shape[0], making, *entry.shape[2:]), entry.dtype))
    elif visible is None and scope.has_variable(CACHE, "visible"):
        entries["visible"] = jnp.ones(key.shape[:2], bool)
    kept = {name: _written(layer, scope, name, entry, start) for name, entry in entries.items()}
    room = kept["keys"].shape[1]
    targets = start.reshape((-1, 1, 1)) + lax.iota(jnp.int32, length).reshape((1, length, 1))
    before = targets - lax.iota(jnp.int32, room).reshape((1, 1, room))
    pairs = before >= 0
    if seen.window is not None:
        pairs &= before < seen.window
    if "visible" in kept:
        pairs &= kept["visible"][:, None]
    return kept["keys"], kept["values"], Seen(pairs=pairs)


def cast_each_once(
    cast: Callable[[tuple[PyTree, ...]], tuple[PyTree, ...]], args: tuple[PyTree, ...]
) -> tuple[PyTree, ...]:
    """Arguments in the compute dtype, where one that was given twice is still one: a sequence attends to itself."""
    made = {id(arg): cast((arg,))[0] for arg in args}
    return tuple(made[id(arg)] for arg in args)


def _written(layer: Layer, scope: Scope, name: str, new: Num[Array, "batch time ..."], start: jax.Array) -> jax.Array:
    """An entry of the cache with new positions in it, which becomes the entry.

    Where the room ends is seen when a program runs: then the new positions are NaN, which the outputs show.
    """
    if not scope.has_variable(CACHE, name):
        raise _cannot(layer, f"its cache has no {name!r}", "fk.nn.init_cache(model, batch_size, max_length)")
    old = scope.get_variable(CACHE, name)
    length, room = new.shape[1], old.shape[1]
    if old.shape[0] != new.shape[0] or old.shape[2:] != new.shape[2:]:
        raise ValueError(
            explain(
                f"{layer.path_text()} has a cache of other sizes.",
                received=f"{name} of shape {old.shape} for {new.shape}",
                usually="another batch size, or the cache of another model.",
                write=f"fk.nn.init_cache(model, batch_size={new.shape[0]}, max_length={room})",
            )
        )
    known = not isinstance(start, jax.core.Tracer)
    if length > room or (known and int(start.max()) + length > room):
        raise ValueError(
            explain(
                f"{layer.path_text()}: the cache is full.",
                received=f"{length} new positions, room for {room}" + (f", filled up to {start.max()}" * known),
                usually="more tokens than the cache was made for.",
                write=f"fk.nn.init_cache(model, batch_size={new.shape[0]}, max_length={room + length})",
            )
        )
    new = new.astype(old.dtype)
    if not known and jnp.issubdtype(new.dtype, jnp.inexact):
        fits = (start + length <= room).reshape((-1, *(1,) * (new.ndim - 1)))
        new = jnp.where(fits, new, jnp.full_like(new, jnp.nan))
    if start.ndim:
        entry = jax.vmap(lambda o, n, at: lax.dynamic_update_slice_in_dim(o, n, at, 0))(old, new, start)
    else:
        entry = lax.dynamic_update_slice_in_dim(old, new, start, 1)
    scope.put_variable(CACHE, name, entry)
    return entry


def _cannot(layer: Layer, why: str, write: str) -> NotCachedError:
    return NotCachedError(
        explain(
            f"{layer.path_text()} cannot go on from a cache of keys and values: {why}.",
            usually="attention that was written for whole sequences.",
            write=write,
        )
    )


# ------------------------------------------------------------------ the position
def _outermost(layer: linen.Module) -> Scope | None:
    while isinstance(layer.parent, linen.Module):
        layer = layer.parent
    return layer.scope


def _has_cache(layer: Layer) -> bool:
    """Whether the call that runs goes on from a cache."""
    scope = _outermost(layer)
    return scope is not None and (_MAKING in scope.flags or scope.has_variable(CACHE, POSITION))


def _start(layer: Layer, length: int) -> jax.Array | None:
    """The position of the first token of the call that runs; `None` where there is no cache."""
    scope = _outermost(layer)
    if scope is None or not _has_cache(layer):
        return None
    noted: _Noted | None = scope.flags.get(_NOTED)
    if noted is not None and noted.scope is scope:
        if noted.length != length:
            raise ValueError(
                explain(
                    f"{layer.path_text()} runs on {length} tokens of a cache, and a layer before it on {noted.length}.",
                    usually="an axis that is not the axis of time.",
                    write="the size of the axis of time",
                )
            )
        return noted.start
    if not scope.is_mutable_collection(CACHE):
        raise ValueError(
            explain(
                f"{layer.path_text()} was given a cache that may not change.",
                usually="`mutable` is missing: what the cache becomes is a result of the call.",
                write='logits, updates = model.apply({**variables, "cache": cache}, tokens, mutable=["cache"])',
            )
        )
    start = jnp.zeros((), jnp.int32)
    if scope.has_variable(CACHE, POSITION):
        start = jnp.asarray(scope.get_variable(CACHE, POSITION), jnp.int32)
    scope.put_variable(CACHE, POSITION, start + length)
    scope.flags = freeze({**scope.flags, _NOTED: _Noted(scope, start, length)})
    return start


def at_position(cache: PyTree, position: Int[Array, "*batch"], by_row: bool) -> dict[str, PyTree]:
    """A cache that goes on from another position.

    Args:
        cache: the collection.
        position: how many positions are filled, a number or one a row.
        by_row: whether the cache has such a number for each row already.

    Returns:
        The collection.
    """

    def move(path: tuple[object, ...], leaf: jax.Array) -> jax.Array:
        if path[-1] != jax.tree_util.DictKey(POSITION):
            return leaf
        stacked = leaf.shape[: leaf.ndim - by_row]  # by a transform that runs a layer several times
        return jnp.broadcast_to(position.reshape((1,) * len(stacked) + position.shape), stacked + position.shape)

    moved: dict[str, PyTree] = jax.tree_util.tree_map_with_path(move, cache)
    return moved
