"""Lookups: entries of a vocabulary as their places in it, and back."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Layer, deserialize, explain, field, register
from .. import _arguments as arg
from ._category_encodings import encode, output_mode
from ._hashing import buckets, salt_pair
from ._host_work import as_text, is_text, no_sparse, refuse_tracing, text_outputs

_MODE = output_mode("int", "one_hot", "multi_hot", "count", "tf_idf")


# A dict of so many entries has a quarter of a gigabyte.
_MOST_ENTRIES = 2_000_000


@dataclasses.dataclass(frozen=True)
class Learned:
    """What `adapt`, `set_vocabulary` or a file gave a lookup: its entries without the special ones, and weights."""

    tokens: tuple[Any, ...]
    idf_weights: tuple[float, ...] | None = None


def _given_vocabulary(value: Any) -> Any:
    """A vocabulary as code may give it: its entries, or the path of a file, which only code may name."""
    return value if isinstance(value, str | os.PathLike) else _entries_of(value, "vocabulary")


def _entries_of(value: Any, what: str) -> Any:
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or np.ndim(np.asarray(value, object)) != 1:
        raise ValueError(
            explain(
                f"`{what}` is a list.",
                received=f"{type(value).__name__}: {value!r:.80}",
                usually="one text where its entries were meant.",
                write=f"{what}=[...]",
            )
        )
    return np.asarray(value).tolist()


def _weights_of(value: Any) -> Any:
    return _entries_of(value, "idf_weights")


def vocabulary_of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in a config, its vocabulary as a list of entries, whatever form the config gives it.

    A text in a file is an entry, never the name of another file: whoever made the file may not say what else is read.

    Raises:
        ValueError: a vocabulary that is no list of entries.
    """
    inner = {k: v for k, v in config.items() if k not in ("vocabulary_size", "has_input_vocabulary")}
    given = deserialize(inner.get("vocabulary"))
    if given is None:
        return inner
    entries = given.tolist() if isinstance(given, np.ndarray) and given.ndim == 1 else given
    if not isinstance(entries, list) or not all(isinstance(e, str | int | float) for e in entries):
        raise ValueError(
            explain(
                "The config of a lookup names a vocabulary file outside of the model's own, or holds no entries.",
                received=repr(inner["vocabulary"])[:80],
                usually="a layer that was made from a file, or a config made to read other files.",
                write="layer.set_vocabulary(pathlib.Path(name).read_text().splitlines()) before saving",
            )
        )
    return {**inner, "vocabulary": entries}


def size_of_config(config: Mapping[str, Any]) -> int | None:
    """How many entries the vocabulary has that is beside the weights, as a config says."""
    size = config.get("vocabulary_size")
    if size is None or (type(size) is int and size >= 0):
        return size
    raise ValueError(explain("`vocabulary_size` is a whole number.", received=repr(size)[:80]))


class IndexLookup(Layer):
    """What `StringLookup` and `IntegerLookup` share.

    A vocabulary's entries are numbered: the mask's 0 (with a mask and `output_mode="int"`), then `num_oov_indices`
    numbers for what is not in the vocabulary, then the entries.
    """

    _text = False

    def _check(self) -> None:
        name, mode = type(self).__name__, f"output_mode={self.output_mode!r}"
        faults = []
        if self.max_tokens is not None and self.max_tokens <= 1:
            faults.append(("`max_tokens` must be above 1", f"max_tokens={self.max_tokens}", "max_tokens=None"))
        if self.pad_to_max_tokens and self.max_tokens is None:
            faults.append(("`pad_to_max_tokens` needs `max_tokens`", "max_tokens=None", "max_tokens=1000"))
        if self.num_oov_indices < 0:
            got = f"num_oov_indices={self.num_oov_indices}"
            faults.append(("`num_oov_indices` cannot be negative", got, "num_oov_indices=1"))
        if self.invert and self.output_mode != "int":
            faults.append(("`invert` goes with output_mode='int'", mode, 'output_mode="int"'))
        if self.idf_weights is not None and self.output_mode != "tf_idf":
            faults.append(("`idf_weights` go with output_mode='tf_idf'", mode, 'output_mode="tf_idf"'))
        if self.output_mode == "tf_idf" and self.vocabulary is not None and self.idf_weights is None:
            faults.append(("a vocabulary in output_mode='tf_idf' needs `idf_weights`", mode, "idf_weights=[...]"))
        if faults:
            wrong, received, write = faults[0]
            raise ValueError(explain(f"{name}: {wrong}.", received=received, write=write))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check()
        learned = self._learned
        if isinstance(self.vocabulary, str | os.PathLike):  # what the file says now is what the layer knows
            learned = self._table_of(self.vocabulary, None)
            object.__setattr__(self, "vocabulary", None)
            object.__setattr__(self, "_learned", learned)
        elif self.vocabulary is not None:
            learned = self._table_of(self.vocabulary, self.idf_weights)
        object.__setattr__(self, "_table", learned)
        tokens = learned.tokens if learned is not None else ()
        object.__setattr__(self, "_places", {t: i + self._first for i, t in enumerate(tokens)})

    # ------------------------------------------------------------------ the vocabulary
    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _first(self) -> int:
        """The number of the vocabulary's first entry."""
        return self._oov_start + self.num_oov_indices

    def _entry(self, value: Any) -> Any:
        try:
            return str(value) if self._text else int(value)
        except ValueError:
            raise ValueError(
                explain(
                    f"{type(self).__name__} looks up integers.",
                    received=f"{value!r} in its vocabulary",
                    usually="a vocabulary of text.",
                    write="fk.nn.StringLookup(vocabulary=[...])",
                )
            ) from None

    def _table_of(self, vocabulary: Any, weights: Any) -> Learned:
        """A vocabulary as given: a list, with or without the special entries, or a file with an entry a line."""
        if isinstance(vocabulary, str | os.PathLike):
            path = pathlib.Path(vocabulary)
            if not path.is_file():
                raise ValueError(
                    explain(f"{type(self).__name__}: there is no vocabulary file.", received=str(path), write="a path")
                )
            lines = path.read_text(encoding=getattr(self, "encoding", "utf-8")).splitlines()
            return Learned(tuple(self._entry(line) for line in lines))
        given = [self._entry(v) for v in (as_text(vocabulary) if self._text else np.asarray(vocabulary)).tolist()]
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        found = bool(special) and given[: len(special)] == special
        tokens = given[len(special) :] if found else given
        repeated = [t for t, n in collections.Counter(tokens).items() if n > 1]
        reserved = [
            t for t in (self.mask_token, self.oov_token if self.invert else None) if t is not None and t in tokens
        ]
        if not given or repeated or reserved:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: this cannot be a vocabulary.",
                    received=f"repeated {repeated}, {reserved} inside" if given else "no entries",
                    usually="the data instead of its distinct entries; the mask and the unknown entry are added.",
                    write="vocabulary=sorted(set(data)), or layer.adapt(data)",
                )
            )
        if self.max_tokens is not None and self._first + len(tokens) > self.max_tokens:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: the vocabulary is larger than `max_tokens`.",
                    received=f"{self._first + len(tokens)} with the special entries, max_tokens={self.max_tokens}",
                    write="max_tokens=None",
                )
            )
        idf = None
        if weights is not None:
            if len(weights) != len(given):
                raise ValueError(
                    explain(
                        f"{type(self).__name__}: `idf_weights` has a weight for each entry of the vocabulary.",
                        received=f"{len(weights)} weights, {len(given)} entries",
                        write="idf_weights of the vocabulary's length",
                    )
                )
            idf = [float(w) for w in weights]
            if not found:  # what is not in the vocabulary weighs the average
                idf = [float(np.average(idf))] * self._first + idf
        return Learned(tuple(tokens), None if idf is None else tuple(idf))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The vocabulary's entries in order."""
        tokens = list(self._table.tokens) if self._table is not None else []
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        return [*special, *tokens] if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """How many entries there are, the special ones included."""
        return self._first + (len(self._table.tokens) if self._table is not None else 0)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> Any:
        """A new layer with this vocabulary."""
        return self.replace(vocabulary=None, idf_weights=None, _learned=self._table_of(vocabulary, idf_weights))

    def adapt(self, data: Any, steps: int | None = None) -> Any:
        """A new layer whose vocabulary is what occurs in `data`, the most frequent first.

        Args:
            data: an array, whose rows are documents, or an iterable of batches.
            steps: how many batches to use.

        Raises:
            ValueError: the vocabulary was given.
        """
        if self.vocabulary is not None:
            raise ValueError(
                explain(
                    f"{self.path_text()} was given its vocabulary, so there is nothing to adapt.",
                    write=f"{type(self).__name__}().adapt(data)",
                )
            )
        whole = isinstance(data, list | tuple | np.ndarray) or hasattr(data, "dtype")
        batches = [_rows(self._numbers(data))] if whole else [_rows(self._numbers(b)) for b in list(data)[:steps]]
        return self._adapted_to(document for batch in batches for document in batch)

    def _adapted_to(self, documents: Any) -> Any:
        counts: collections.Counter[Any] = collections.Counter()
        seen_in: collections.Counter[Any] = collections.Counter()
        number = 0
        for document in documents:
            entries = [self._entry(v) for v in document]
            counts.update(entries)
            seen_in.update(set(entries))
            number += 1
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        # by count, then by the entry itself, both descending, as Keras orders them
        tokens = sorted(counts, key=lambda t: (counts[t], t.encode() if isinstance(t, str) else t), reverse=True)
        if self.max_tokens:
            tokens = tokens[: self.max_tokens - self._first]
        idf = None
        if self.output_mode == "tf_idf":
            weights = np.log(1 + number / (1 + np.asarray([seen_in[t] for t in tokens], np.float64)))
            idf = (*[float(weights.mean())] * self._first, *map(float, weights))
        return self.replace(_learned=Learned(tuple(tokens), idf))

    # ------------------------------------------------------------------ files
    def _with_assets(self, files: Mapping[str, Any]) -> Any:
        if self.vocabulary is not None or "vocabulary.txt" not in files:
            return self
        if files["vocabulary.txt"].count(b"\n") > _MOST_ENTRIES:
            raise ValueError(
                explain(
                    f"{self.path_text()} has more entries in its file than are read.",
                    received=f"{files['vocabulary.txt'].count(10):,} lines, at most {_MOST_ENTRIES:,}",
                    usually="a file made to fill the memory of its reader.",
                    write="layer.set_vocabulary(entries), and model.load_weights(path, variables)",
                )
            )
        lines = files["vocabulary.txt"].decode().splitlines()
        while lines and not lines[-1]:
            lines.pop()
        return self.set_vocabulary(lines, files.get("idf_weights"))

    # ------------------------------------------------------------------ looking up
    def _numbers(self, inputs: Any) -> np.ndarray:
        return as_text(inputs, getattr(self, "encoding", "utf-8")) if self._text else np.asarray(inputs)

    def _depth(self) -> int:
        if self._table is None and self._size is not None:
            return self.max_tokens if self.pad_to_max_tokens else self._size  # a file's vocabulary is still to come
        if self._table is None and not self.pad_to_max_tokens:
            raise ValueError(
                explain(
                    f"{self.path_text()} has no vocabulary yet.",
                    usually="`adapt` returns a new layer, and its result was not kept.",
                    write="layer = layer.adapt(data), or vocabulary=[...]",
                )
            )
        return self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()

    def _encoded(self, places: jax.Array) -> jax.Array:
        if self.output_mode == "int":
            return places
        depth = self._depth()
        if self.output_mode != "tf_idf":
            return encode(places, self.output_mode, depth, jnp.int32)
        weights = self._idf(depth)
        counts = encode(places, "count", depth, jnp.float32)
        return counts * weights.reshape((1,) * (counts.ndim - 1) + (-1,))

    def _idf(self, depth: int) -> np.ndarray:
        """A weight for each place; 0 for those that no token has."""
        weights = np.zeros(depth, np.float32)
        idf = self._table.idf_weights if self._table is not None else None
        if idf is None:
            raise ValueError(explain(f"{self.path_text()} has no idf weights.", write="layer = layer.adapt(data)"))
        weights[: len(idf)] = idf
        return weights

    def _beside_weights(self) -> dict[str, np.ndarray]:
        """What Keras keeps in the layer's group of a file and is no variable here."""
        known = self.output_mode == "tf_idf" and self._table is not None
        return {"vars/idf_weights": self._idf(self._depth())} if known else {}

    def _places_of(self, values: np.ndarray) -> np.ndarray:
        """The number of each value, by the vocabulary."""
        outside = np.iinfo(np.int32).max  # no row of an encoding: a masked value counts for nothing
        masked = 0 if self.output_mode == "int" else outside

        def place(value: Any) -> int:
            if self.mask_token is not None and value == self.mask_token:
                return masked
            found = self._places.get(value)
            if found is not None:
                return found
            if self.num_oov_indices == 1:
                return self._oov_start
            if self.num_oov_indices == 0:
                raise ValueError(
                    explain(
                        f"{self.path_text()}: a value is not in the vocabulary.",
                        received=repr(value),
                        write="num_oov_indices=1",
                    )
                )
            if not self._text and self.oov_method != "farmhash":
                return self._oov_start + int(value) % self.num_oov_indices
            written = np.asarray(str(value), object)
            return self._oov_start + int(buckets(written[None], self.num_oov_indices, self.salt)[0])

        return np.frompyfunc(place, 1, 1)(values).astype(np.int32) if values.size else values.astype(np.int32)

    def _entries_of(self, places: np.ndarray) -> np.ndarray:
        """The entry at each place; what is none is the unknown one."""
        table = self.get_vocabulary()
        known = {i: table[i] for i in range(self._first, len(table))}
        if self.mask_token is not None:
            known[0] = self.mask_token
        found = np.frompyfunc(lambda p: known.get(int(p), self.oov_token), 1, 1)(places)
        return found.astype(str) if self._text else found.astype(np.int32)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["vocabulary_size"] = self.vocabulary_size() if self._table is not None else None
        return _with_learned(config, self._learned, self._first)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        layer = super().from_config(vocabulary_of_config(config), custom_objects)
        size = size_of_config(config)
        return layer if layer._table is not None or size is None else layer.replace(_size=size)


def _with_learned(config: dict[str, Any], learned: Learned | None, first: int) -> dict[str, Any]:
    """A config that holds what `adapt` found, as if it had been given."""
    if learned is None:
        return config
    weights = None if learned.idf_weights is None else list(learned.idf_weights[first:])
    return {**config, "vocabulary": list(learned.tokens), "idf_weights": weights}


def _rows(batch: np.ndarray) -> np.ndarray:
    """A batch as documents: one value of a row of values is a document of its own."""
    return (
        batch.reshape(1, 1) if batch.ndim == 0 else batch[:, None] if batch.ndim == 1 else batch.reshape(len(batch), -1)
    )


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
    vocabulary: Any = field(None, convert=_given_vocabulary)
    idf_weights: Any = field(None, convert=_weights_of)
    invert: bool = False
    output_mode: str = field("int", convert=_MODE)
    pad_to_max_tokens: bool = False
    sparse: bool = field(False, convert=no_sparse)
    encoding: str = "utf-8"
    salt: Any = field(None, convert=salt_pair)
    oov_method: str = field("floormod", convert=arg.one_of("oov_method", "floormod", "farmhash"))
    _learned: Learned | None = None
    _size: int | None = None

    _text = True

    def call(self, inputs: Any) -> Any:
        if self.invert:
            return self._entries_of(np.asarray(inputs))
        if not is_text(inputs):
            refuse_tracing(self, inputs)
        return self._encoded(jnp.asarray(self._places_of(self._numbers(inputs))))

    def _text_outputs(self, args: Any, kwargs: Any) -> Any:
        wide = self.output_mode != "int"
        dtype = "float32" if self.output_mode == "tf_idf" else "int32"

        def shape_of(shape: Any) -> tuple[Any, ...]:
            return _encoded_shape(shape, self.output_mode, self._depth() if wide else 0)

        return text_outputs(self, (args, kwargs), shape_of, dtype)


def _encoded_shape(shape: Any, mode: str, depth: int) -> tuple[Any, ...]:
    if mode == "int":
        return tuple(shape)
    if mode == "one_hot" and (len(shape) < 2 or shape[-1] != 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


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
    vocabulary: Any = field(None, convert=_given_vocabulary)
    vocabulary_dtype: str = field("int64", convert=arg.one_of("vocabulary_dtype", "int64"))
    idf_weights: Any = field(None, convert=_weights_of)
    invert: bool = False
    output_mode: str = field("int", convert=_MODE)
    sparse: bool = field(False, convert=no_sparse)
    pad_to_max_tokens: bool = False
    oov_method: str = field("floormod", convert=arg.one_of("oov_method", "floormod", "farmhash"))
    salt: Any = field(None, convert=salt_pair)
    _learned: Learned | None = None
    _size: int | None = None

    def call(self, inputs: Any) -> jax.Array:
        x = jnp.asarray(inputs).astype(jnp.int32)
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

    def _search(self, x: jax.Array) -> jax.Array:
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

    def _inverse(self, places: jax.Array) -> jax.Array:
        table = jnp.asarray(np.asarray(self.get_vocabulary(False) or [self.oov_token], np.int32))
        at = places - self._first
        known = (at >= 0) & (at < table.shape[0])
        found = jnp.where(known, table[jnp.clip(at, 0, table.shape[0] - 1)], self.oov_token)
        return found if self.mask_token is None else jnp.where(places == 0, self.mask_token, found)
