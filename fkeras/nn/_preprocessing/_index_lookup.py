"""What lookups of strings and of integers share: the vocabulary's places, encodings, files and configs."""

from __future__ import annotations

import collections
import os
import pathlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Self

import jax.numpy as jnp
import numpy as np
from flax import linen

from ...core import Layer, explain
from ...core.typing import JSON, Array, Config, CustomObjects, Int, PyTree
from ._adapt_data import batches_of
from ._category_encodings import encode, output_mode
from ._hashing import buckets
from ._host_work import as_text
from ._vocabulary import (
    Assets,
    Learned,
    Token,
    Vocabulary,
    Weights,
    count,
    size_of_config,
    split_learnt,
    vocabulary_of_config,
    with_learned,
)

#: The converter of the argument `output_mode`.
lookup_mode = output_mode("int", "one_hot", "multi_hot", "count", "tf_idf")

# A dict of so many entries has a quarter of a gigabyte.
_MOST_ENTRIES = 2_000_000


class IndexLookup(Layer):
    """What `StringLookup` and `IntegerLookup` share.

    A vocabulary's entries are numbered: the mask's 0 (with a mask and `output_mode="int"`), then `num_oov_indices`
    numbers for what is not in the vocabulary, then the entries.
    """

    # Whether entries are text; else they are integers.
    _text: ClassVar[bool] = False

    def _check(self) -> None:
        """Refuse arguments that do not go together."""
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
        if isinstance(self.vocabulary, str | os.PathLike):  # the file is read now, and its name forgotten
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
        """The first place of what is not in the vocabulary."""
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _first(self) -> int:
        """The place of the vocabulary's first entry."""
        return self._oov_start + self.num_oov_indices

    def _entry(self, value: object) -> Token:
        """A value as an entry: text or an integer."""
        try:
            return str(value) if self._text else int(value)  # type: ignore[call-overload]
        except ValueError:
            raise ValueError(
                explain(
                    f"{type(self).__name__} looks up integers.",
                    received=f"{value!r} in its vocabulary",
                    usually="a vocabulary of text.",
                    write="fk.nn.StringLookup(vocabulary=[...])",
                )
            ) from None

    def _table_of(self, vocabulary: Vocabulary, weights: Weights) -> Learned:
        """A vocabulary as given: a list, with or without the special entries, or a file with an entry a line."""
        if isinstance(vocabulary, str | os.PathLike):
            return Learned(self._tokens_of_file(pathlib.Path(vocabulary)))
        listed = as_text(vocabulary) if self._text else np.asarray(vocabulary)
        given = [self._entry(v) for v in listed.tolist()]
        special = self._special()
        begins_with_special = bool(special) and given[: len(special)] == special
        tokens = given[len(special) :] if begins_with_special else given
        self._check_tokens(tokens, is_empty=not given)
        if weights is None:
            return Learned(tuple(tokens))
        return Learned(tuple(tokens), self._idf_of(weights, len(given), begins_with_special))

    def _special(self) -> list[Token]:
        """The special entries, which come first."""
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def _tokens_of_file(self, path: pathlib.Path) -> tuple[Token, ...]:
        if not path.is_file():
            raise ValueError(
                explain(f"{type(self).__name__}: there is no vocabulary file.", received=str(path), write="a path")
            )
        lines = path.read_text(encoding=getattr(self, "encoding", "utf-8")).splitlines()
        return tuple(self._entry(line) for line in lines)

    def _check_tokens(self, tokens: list[Token], is_empty: bool) -> None:
        """Refuse entries that are not distinct, or more than `max_tokens`."""
        repeated = [t for t, n in collections.Counter(tokens).items() if n > 1]
        reserved = [
            t for t in (self.mask_token, self.oov_token if self.invert else None) if t is not None and t in tokens
        ]
        if is_empty or repeated or reserved:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: this cannot be a vocabulary.",
                    received="no entries" if is_empty else f"repeated {repeated}, {reserved} inside",
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

    def _idf_of(self, weights: Sequence[float] | np.ndarray, entries: int, of_special: bool) -> tuple[float, ...]:
        """A weight for each place; what is not in the vocabulary weighs the average, unless weights of it are given."""
        if len(weights) != entries:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: `idf_weights` has a weight for each entry of the vocabulary.",
                    received=f"{len(weights)} weights, {entries} entries",
                    write="idf_weights of the vocabulary's length",
                )
            )
        idf = [float(w) for w in weights]
        return tuple(idf) if of_special else (*[float(np.average(idf))] * self._first, *idf)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Token]:
        """The vocabulary's entries in order.

        Args:
            include_special_tokens: whether the mask and the unknown entry are among them.

        Returns:
            A list of strings or integers.

        Warns:
            UserWarning: a layer that was not adapted.
        """
        warn_without_vocabulary(self)
        return self._entries(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many entries there are, the special ones included; a layer that was not adapted says so."""
        warn_without_vocabulary(self)
        return self._number_of_entries()

    def _entries(self, include_special_tokens: bool = True) -> list[Token]:
        tokens = list(self._table.tokens) if self._table is not None else []
        return [*self._special(), *tokens] if include_special_tokens else tokens

    def _number_of_entries(self) -> int:
        return self._first + (len(self._table.tokens) if self._table is not None else 0)

    def set_vocabulary(self, vocabulary: Vocabulary, idf_weights: Weights = None) -> Self:
        """A new layer with this vocabulary.

        Args:
            vocabulary: the entries, with or without the special ones, or the path of a file with one a line.
            idf_weights: a weight for each entry, for `"tf_idf"`.

        Returns:
            A new layer.

        Raises:
            ValueError: entries that are not distinct, more than `max_tokens`, or weights of another number.
        """
        return self.replace(vocabulary=None, idf_weights=None, _learned=self._table_of(vocabulary, idf_weights))

    def adapt(self, data: PyTree, steps: int | None = None) -> Self:
        """A new layer whose vocabulary is what occurs in `data`, the most frequent first.

        Args:
            data: an array, whose rows are documents, a column or table, or something that yields batches (arrays, or
                tuples that begin with one).
            steps: how many batches to use.

        Returns:
            A new layer.

        Raises:
            ValueError: the vocabulary was given, or values are missing.
        """
        if self.vocabulary is not None:
            raise ValueError(
                explain(
                    f"{self.path_text()} was given its vocabulary, so there is nothing to adapt.",
                    write=f"{type(self).__name__}().adapt(data)",
                )
            )
        if isinstance(data, list | tuple) and len({np.shape(row) for row in data}) == 1:
            data = self._as_entries(data)  # rows of one length, each a document
        batches = batches_of(data, text=True, steps=steps)
        return self._adapted_to(document for batch in batches for document in _rows(self._as_entries(batch)))

    def _adapted_to(self, documents: Iterable[Iterable[object]]) -> Self:
        """A new layer whose vocabulary is the entries of documents."""
        counts = count([self._entry(v) for v in document] for document in documents)
        room = self.max_tokens - self._first if self.max_tokens else None
        tokens = counts.most_frequent(room, (self.mask_token, self.oov_token))
        if self.output_mode != "tf_idf":
            return self.replace(_learned=Learned(tuple(tokens)))
        weights = counts.idf_weights(tokens)
        idf = (*[float(weights.mean())] * self._first, *map(float, weights))
        return self.replace(_learned=Learned(tuple(tokens), idf))

    # ------------------------------------------------------------------ files
    def _with_assets(self, files: Assets) -> Self:
        """This layer with what a Keras file keeps beside the weights."""
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
    def _as_entries(self, inputs: PyTree) -> np.ndarray:
        """Inputs as an array of text or of numbers."""
        return as_text(inputs, getattr(self, "encoding", "utf-8")) if self._text else np.asarray(inputs)

    @property
    def _not_adapted(self) -> str:
        """What a model with the layer in it has to be told, where the layer has no vocabulary."""
        return "it has no vocabulary" if self._table is None and self._size is None else ""

    def _check_vocabulary(self, owner: Layer) -> None:
        """Refuse a call before there is a vocabulary; `owner` is the layer that was called."""
        if self._table is None:
            raise _no_vocabulary(owner)

    def _depth(self) -> int:
        """How wide encodings are."""
        if self._table is None and self._size is not None:
            return self.max_tokens if self.pad_to_max_tokens else self._size  # a file's vocabulary is still to come
        if self._table is None and not self.pad_to_max_tokens:
            raise _no_vocabulary(self)
        return self.max_tokens if self.pad_to_max_tokens else self._number_of_entries()

    def _encoded(self, places: Int[Array, ...]) -> Array:
        """Places as `output_mode` says."""
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
        has_weights = self.output_mode == "tf_idf" and self._table is not None
        return {"vars/idf_weights": self._idf(self._depth())} if has_weights else {}

    def _places_of(self, values: np.ndarray) -> np.ndarray:
        """The place of each value, by the vocabulary."""
        outside = np.iinfo(np.int32).max  # no row of an encoding: a masked value counts for nothing
        masked = 0 if self.output_mode == "int" else outside

        def place(value: Token) -> int:
            if self.mask_token is not None and value == self.mask_token:
                return masked
            if value in self._places:
                return self._places[value]
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

        return (
            np.asarray(np.frompyfunc(place, 1, 1)(values)).astype(np.int32) if values.size else values.astype(np.int32)
        )

    def _entries_of(self, places: np.ndarray) -> np.ndarray:
        """The entry at each place; the unknown one where a place has none."""
        table = self._entries()
        entries = {i: table[i] for i in range(self._first, len(table))}
        if self.mask_token is not None:
            entries[0] = self.mask_token
        looked_up = np.asarray(np.frompyfunc(lambda p: entries.get(int(p), self.oov_token), 1, 1)(places), object)
        return looked_up.astype(str) if self._text else looked_up.astype(np.int32)

    @linen.nowrap
    def _learnt_config(self) -> Config:
        return with_learned({}, self._learned, self._first)

    def get_config(self) -> Config:
        config = super().get_config()
        config["vocabulary_size"] = self._number_of_entries() if self._table is not None else None
        return with_learned(config, self._learned, self._first)

    @classmethod
    def from_config(cls, config: Mapping[str, JSON], custom_objects: CustomObjects | None = None) -> Self:
        arguments, learnt = split_learnt(cls, vocabulary_of_config(config))
        layer = super().from_config(arguments, custom_objects)
        if learnt:
            return layer.set_vocabulary(**learnt)
        size = size_of_config(config)
        return layer if layer._table is not None or size is None else layer.replace(_size=size)


def warn_without_vocabulary(layer: Layer) -> None:
    """Say of a layer that was not adapted that what is asked of its vocabulary are the special entries alone."""
    if layer._not_adapted:
        warnings.warn(_says_no_vocabulary(layer), stacklevel=5)  # past the frames of Linen


def _no_vocabulary(layer: Layer) -> ValueError:
    return ValueError(_says_no_vocabulary(layer))


def _says_no_vocabulary(layer: Layer) -> str:
    return explain(
        f"{layer.path_text()} has no vocabulary yet.",
        received="a layer that was not adapted",
        usually="`adapt` returns a new layer, and its result was not kept.",
        write="layer = layer.adapt(data), or vocabulary=[...]",
    )


def _rows(batch: np.ndarray) -> np.ndarray:
    """A batch as documents; where it has one axis, each value is a document of its own."""
    return batch.reshape(len(batch), -1) if batch.ndim > 1 else batch.reshape(-1, 1)
