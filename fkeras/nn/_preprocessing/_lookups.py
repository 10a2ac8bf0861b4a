"""Lookups: entries of a vocabulary as their places in it, and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Inferred, field, register
from ...core.typing import Array, ArrayLike, Int, Num, PyTree
from .. import _arguments as arg
from ._hashing import Salt, encoded_shape, salt_pair
from ._host_work import is_text, no_sparse, refuse_tracing, text_outputs
from ._index_lookup import IndexLookup, lookup_mode
from ._vocabulary import Learned, Vocabulary, Weights, given_vocabulary, given_weights


@register("keras.layers")
class StringLookup(IndexLookup):
    """Strings as their places in a vocabulary, or places as strings.

    Args:
        max_tokens: the largest vocabulary `adapt` makes, special entries included.
        num_oov_indices: how many numbers there are for strings outside the vocabulary; which of them, a hash says.
        mask_token: a string that stands for nothing, number 0.
        oov_token: what a place outside the vocabulary becomes, with `invert`.
        vocabulary: the strings, or the path of a file with one a line.
        idf_weights: a weight for each string, for `"tf_idf"`.
        invert: whether to turn places into strings.
        output_mode: `"int"`; or over each example `"one_hot"`, `"multi_hot"`, `"count"`, `"tf_idf"`.
        pad_to_max_tokens: whether encodings are `max_tokens` wide.
        sparse: accepted for Keras's sake; JAX arrays are dense.
        encoding: of bytes.
        salt: a key of one or two integers for the hash.

    Raises:
        ValueError: arguments that do not go together, or an impossible vocabulary.

    >>> import fkeras as fk, numpy as np
    >>> layer = fk.nn.StringLookup(vocabulary=["a", "b", "c"])
    >>> layer(np.array([["a", "c"], ["zz", "b"]])).tolist(), layer.get_vocabulary()
    ([[1, 3], [0, 2]], ['[UNK]', 'a', 'b', 'c'])

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/
    It runs on the host, outside `jit`. Unlike Keras `adapt` and `set_vocabulary` return a new layer.
    """

    _positional = (
        "max_tokens", "num_oov_indices", "mask_token", "oov_token", "vocabulary", "idf_weights", "invert",
        "output_mode", "pad_to_max_tokens", "sparse", "encoding", "name", "salt",
    )  # fmt: skip
    max_tokens: int | None = None
    num_oov_indices: int = 1
    mask_token: str | None = None
    oov_token: str = "[UNK]"
    vocabulary: Vocabulary = field(None, convert=given_vocabulary)
    idf_weights: Weights = field(None, convert=given_weights)
    invert: bool = False
    output_mode: str = field("int", convert=lookup_mode)
    pad_to_max_tokens: bool = False
    sparse: bool = field(False, convert=no_sparse)
    encoding: str = "utf-8"
    salt: Salt = field(None, convert=salt_pair)
    oov_method: str = field("floormod", convert=arg.one_of("oov_method", "floormod", "farmhash"))
    _learned: Learned | None = None
    _size: int | None = None

    _text = True

    def call(self, inputs: PyTree) -> Array | np.ndarray:
        self._check_vocabulary(self)
        if self.invert:
            return self._entries_of(np.asarray(inputs))
        if not is_text(inputs):
            refuse_tracing(self, inputs)
        return self._encoded(jnp.asarray(self._places_of(self._as_entries(inputs))))

    def _text_outputs(self, args: PyTree, kwargs: PyTree) -> Inferred:
        dtype = "float32" if self.output_mode == "tf_idf" else "int32"
        depth = 0 if self.output_mode == "int" else self._depth()
        return text_outputs(self, (args, kwargs), encoded_shape(self.output_mode, depth), dtype)


@register("keras.layers")
class IntegerLookup(IndexLookup):
    """Integers as their places in a vocabulary, or places as integers.

    Args:
        max_tokens, num_oov_indices, mask_token, vocabulary, idf_weights, invert, output_mode, sparse,
        pad_to_max_tokens, salt: as for `StringLookup`, with integers.
        oov_token: what a place outside the vocabulary becomes, with `invert`.
        vocabulary_dtype: `"int64"`.
        oov_method: which number an integer outside the vocabulary gets: `"floormod"`, its remainder, or `"farmhash"`.

    Raises:
        ValueError: arguments that do not go together, or an impossible vocabulary.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> layer = fk.nn.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> jax.jit(layer)(jnp.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
    [[1, 3, 4], [4, 0, 2]]

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/integer_lookup/
    It runs anywhere, unless a hash or a value outside a vocabulary without room for it needs the host. Unlike Keras
    `adapt` and `set_vocabulary` return a new layer.
    """

    _last_by_position = ("name",)
    max_tokens: int | None = None
    num_oov_indices: int = 1
    mask_token: int | None = None
    oov_token: int = -1
    vocabulary: Vocabulary = field(None, convert=given_vocabulary)
    vocabulary_dtype: str = field("int64", convert=arg.one_of("vocabulary_dtype", "int64"))
    idf_weights: Weights = field(None, convert=given_weights)
    invert: bool = False
    output_mode: str = field("int", convert=lookup_mode)
    sparse: bool = field(False, convert=no_sparse)
    pad_to_max_tokens: bool = False
    oov_method: str = field("floormod", convert=arg.one_of("oov_method", "floormod", "farmhash"))
    salt: Salt = field(None, convert=salt_pair)
    _learned: Learned | None = None
    _size: int | None = None

    def call(self, inputs: Num[ArrayLike, "batch ..."]) -> Array:
        x = jnp.asarray(inputs).astype(jnp.int32)
        if self._size is None or not isinstance(x, jax.core.Tracer):  # a file's vocabulary may be still to come
            self._check_vocabulary(self)
        if self.invert:
            return self._inverse(x)
        on_host_only = self.num_oov_indices == 0 or (self.num_oov_indices > 1 and self.oov_method == "farmhash")
        if on_host_only and not isinstance(x, jax.core.Tracer):
            return self._encoded(jnp.asarray(self._places_of(np.asarray(x))))
        if on_host_only and self.num_oov_indices:
            places = jax.pure_callback(
                lambda v: self._places_of(np.asarray(v)), jax.ShapeDtypeStruct(x.shape, jnp.int32), x,
                vmap_method="sequential",
            )  # fmt: skip
            return self._encoded(places)
        return self._encoded(self._search(x))

    def _search(self, x: Int[Array, ...]) -> Int[Array, ...]:
        """Places by binary search in the sorted vocabulary; without room for others they are -1."""
        tokens = np.asarray(self._table.tokens if self._table is not None else (), np.int32)
        order = np.argsort(tokens)
        if self.num_oov_indices == 0:
            unknown = jnp.full_like(x, -1)
        else:
            unknown = self._oov_start + (x % self.num_oov_indices if self.num_oov_indices > 1 else jnp.zeros_like(x))
        places = unknown
        if tokens.size:
            ordered = jnp.asarray(tokens[order])
            at = jnp.clip(jnp.searchsorted(ordered, x), 0, tokens.size - 1)
            places = jnp.where(ordered[at] == x, jnp.asarray(order.astype(np.int32))[at] + self._first, unknown)
        if self.mask_token is not None:
            masked = 0 if self.output_mode == "int" else np.iinfo(np.int32).max
            places = jnp.where(x == self.mask_token, masked, places)
        return places

    def _inverse(self, places: Int[Array, ...]) -> Int[Array, ...]:
        """The integer at each place; the unknown one where a place has none."""
        table = jnp.asarray(np.asarray(self._entries(False) or [self.oov_token], np.int32))
        at = places - self._first
        is_place = (at >= 0) & (at < table.shape[0])
        entries = jnp.where(is_place, table[jnp.clip(at, 0, table.shape[0] - 1)], self.oov_token)
        return entries if self.mask_token is None else jnp.where(places == 0, self.mask_token, entries)
