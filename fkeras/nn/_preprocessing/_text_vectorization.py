"""TextVectorization: sentences as numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeAlias

import jax.numpy as jnp
import numpy as np
from flax import linen

from ...core import Inferred, Layer, dimension, explain, field, register
from ...core.typing import JSON, Array, Config, CustomObjects, PyTree, Shape
from ._adapt_data import batches_of
from ._host_work import as_text, is_text, no_sparse, refuse_tracing, text_outputs
from ._index_lookup import lookup_mode, warn_without_vocabulary
from ._lookups import StringLookup
from ._vocabulary import (
    Assets,
    Learned,
    Token,
    Vocabulary,
    Weights,
    given_vocabulary,
    given_weights,
    size_of_config,
    split_learnt,
    vocabulary_of_config,
    with_learned,
)

_PUNCTUATION = re.compile(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")
_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")


#: A step by name, a function of an array of strings, or none.
Step: TypeAlias = str | Callable[[np.ndarray], Sequence[Sequence[str]] | np.ndarray] | None


def _step(name: str, *choices: str) -> Callable[[Step], Step]:
    """A converter: one of some names, a function, or `None`."""

    def convert(value: Step) -> Step:
        if value is not None and not callable(value) and value not in choices:
            raise ValueError(
                explain(
                    f"`{name}` is one of {choices}, None or a function.",
                    received=f"{name}={value!r}",
                    write=f"{name}={choices[0]!r}",
                )
            )
        return value

    return convert


def _widths(value: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    """A converter: sizes of groups of tokens."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, list | tuple) and all(isinstance(v, int) for v in value):
        return tuple(value)
    raise ValueError(explain("`ngrams` is an integer or integers.", received=repr(value), write="ngrams=2"))


@register("keras.layers")
class TextVectorization(Layer):
    """Sentences as rows of numbers: standardised, split into tokens, looked up in a vocabulary.

    Args:
        max_tokens: the largest vocabulary `adapt` makes, special entries included.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, `None`, or a function of an
            array of strings.
        split: `"whitespace"`, `"character"`, `None`, or a function from an array of strings to lists of tokens.
        ngrams: tokens are joined to groups of up to so many, or of the given sizes.
        output_mode: `"int"`, a number for each token; or for each sentence `"multi_hot"`, `"count"`, `"tf_idf"`.
        output_sequence_length: rows are cut or filled with 0 to so many numbers.
        pad_to_max_tokens: whether encodings are `max_tokens` wide.
        vocabulary, idf_weights: as for `StringLookup`; `""` is number 0 and `"[UNK]"` number 1.
        sparse, ragged: accepted for Keras's sake; JAX arrays are dense.
        encoding: of bytes.

    Input shape: `(batch,)` or `(batch, 1)`, text.

    Raises:
        ValueError: arguments that do not go together.

    >>> import fkeras as fk, numpy as np
    >>> layer = fk.nn.TextVectorization(vocabulary=["the", "cat", "sat"], output_sequence_length=4)
    >>> layer(np.array(["The cat, sat!", "a cat"])).tolist()
    [[2, 3, 4, 0], [1, 3, 0, 0]]

    Reference: https://keras.io/api/layers/preprocessing_layers/text/text_vectorization/
    It runs on the host, outside `jit`. Unlike Keras `adapt` and `set_vocabulary` return a new layer.
    """

    _last_by_position = ("name",)
    max_tokens: int | None = None
    standardize: Step = field("lower_and_strip_punctuation", convert=_step("standardize", *_STANDARDIZE))
    split: Step = field("whitespace", convert=_step("split", "whitespace", "character"))
    ngrams: int | Sequence[int] | None = field(None, convert=_widths)
    output_mode: str = field("int", convert=lookup_mode)
    output_sequence_length: int | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Vocabulary = field(None, convert=given_vocabulary)
    idf_weights: Weights = field(None, convert=given_weights)
    sparse: bool = field(False, convert=no_sparse)
    ragged: bool = field(False, convert=no_sparse)
    encoding: str = "utf-8"
    _learned: Learned | None = None
    _size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output_mode != "int" and self.output_sequence_length is not None:
            raise ValueError(
                explain(
                    "TextVectorization: `output_sequence_length` goes with output_mode='int'.",
                    received=f"output_mode={self.output_mode!r}",
                    write="output_sequence_length=None",
                )
            )
        _ = self._lookup  # checks the vocabulary now

    @property
    def _lookup(self) -> StringLookup:
        found = self.__dict__.get("_lookup_cache")
        if found is None:
            found = StringLookup(
                max_tokens=self.max_tokens,
                mask_token="",
                vocabulary=self.vocabulary,
                idf_weights=self.idf_weights,
                output_mode=self.output_mode,
                pad_to_max_tokens=self.pad_to_max_tokens,
                encoding=self.encoding,
                _learned=self._learned,
                _size=self._size,
                parent=None,
            )
            object.__setattr__(self, "_lookup_cache", found)
        return found

    # ------------------------------------------------------------------ sentences as tokens
    def _tokens(self, inputs: PyTree) -> list[list[str]]:
        """The tokens of each sentence."""
        text = as_text(inputs, self.encoding)
        if callable(self.standardize):
            text = as_text(self.standardize(text.astype(str)))
        elif self.standardize is not None:
            text = np.asarray(np.frompyfunc(self._clean, 1, 1)(text)) if text.size else text
        if self.split is None:
            rows = [[str(t) for t in np.atleast_1d(row)] for row in text]
        else:
            if text.ndim > 1 and text.shape[-1] != 1:
                raise ValueError(
                    explain(
                        f"{self.path_text()} splits sentences, one a row.",
                        received=f"shape {text.shape}",
                        usually="tokens that were split already.",
                        write="TextVectorization(split=None)",
                    )
                )
            sentences = [str(s) for s in text.reshape(-1)]
            if callable(self.split):
                rows = [[str(t) for t in row] for row in self.split(np.asarray(sentences))]
            else:
                rows = [s.split() if self.split == "whitespace" else list(s) for s in sentences]
        return [self._grams(row) for row in rows]

    def _clean(self, sentence: str) -> str:
        if self.standardize != "strip_punctuation":
            # TensorFlow's lower: the ASCII letters alone
            sentence = "".join(c.lower() if c.isascii() else c for c in sentence)
        return sentence if self.standardize == "lower" else _PUNCTUATION.sub("", sentence)

    def _grams(self, tokens: list[str]) -> list[str]:
        if self.ngrams is None:
            return tokens
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [" ".join(tokens[i : i + n]) for n in widths for i in range(len(tokens) - n + 1)]

    def call(self, inputs: PyTree) -> Array:
        if not is_text(inputs):
            refuse_tracing(self, inputs)
        self._lookup._check_vocabulary(self)
        scalar = np.ndim(np.asarray(inputs, dtype=object)) == 0
        rows = self._tokens(np.asarray(inputs, dtype=object).reshape(1) if scalar else inputs)
        lookup = self._lookup
        length = self.output_sequence_length if self.output_mode == "int" else None
        width = max((len(r) for r in rows), default=0) if length is None else length
        table = np.zeros((len(rows), width), np.int32)
        if self.output_mode != "int":
            table[:] = np.iinfo(np.int32).max
        for i, row in enumerate(rows):
            shown = row[:width]
            table[i, : len(shown)] = lookup._places_of(np.asarray(shown, dtype=object)) if shown else 0
        if length is None and self._whole(np.ndim(np.asarray(inputs, dtype=object))):
            table = table[:, 0]
        found = lookup._encoded(jnp.asarray(table))
        return found[0] if scalar else found

    def _whole(self, rank: int) -> bool:
        """Whether each entry of a batch is one token, so that no axis of tokens is made."""
        return rank == 1 and self.split is None and self.output_mode == "int" and self.ngrams is None

    def _text_outputs(self, args: PyTree, kwargs: PyTree) -> Inferred:
        if self.output_mode == "int":
            rank = args[0].ndim if args else next(iter(kwargs.values())).ndim
            if self.output_sequence_length is None and self._whole(rank):
                return text_outputs(self, (args, kwargs), lambda s: s, "int32")
            length = self.output_sequence_length or dimension("tokens")  # unknown: as the longest sentence
            return text_outputs(self, (args, kwargs), lambda s: (s[0], length), "int32")
        dtype = "float32" if self.output_mode == "tf_idf" else "int32"
        return text_outputs(self, (args, kwargs), lambda s: (s[0], self._lookup._depth()), dtype)

    @property
    def _text_shape(self) -> Shape | None:
        return None if self.split is None else (None, 1)  # of sentences one a row, as an axis of its own or not

    # ------------------------------------------------------------------ the vocabulary
    @property
    def _not_adapted(self) -> str:
        """What a model with the layer in it has to be told, where the layer has no vocabulary."""
        return self._lookup._not_adapted

    def adapt(self, data: PyTree, batch_size: int | None = None, steps: int | None = None) -> Self:
        """A new layer whose vocabulary is the tokens of `data`, the most frequent first.

        Args:
            data: text, a column of it, or something that yields batches (arrays, or tuples that begin with
                one).
            batch_size: accepted for Keras's sake.
            steps: how many batches to use.

        Returns:
            A new layer.

        Raises:
            ValueError: the vocabulary was given, or text is missing.
            TypeError: numbers.
        """
        if self.vocabulary is not None:
            raise ValueError(
                explain(
                    f"{self.path_text()} was given its vocabulary, so there is nothing to adapt.",
                    write="TextVectorization().adapt(data)",
                )
            )
        documents = [row for batch in batches_of(data, text=True, steps=steps) for row in self._tokens(batch)]
        return self.replace(_learned=self._lookup._adapted_to(documents)._learned)

    def set_vocabulary(self, vocabulary: Vocabulary, idf_weights: Weights = None) -> Self:
        """A new layer with this vocabulary.

        Args:
            vocabulary: the tokens, with or without the special ones, or the path of a file with one a line.
            idf_weights: a weight for each token, for `"tf_idf"`.

        Returns:
            A new layer.

        Raises:
            ValueError: tokens that are not distinct, more than `max_tokens`, or weights of another number.
        """
        learned = self._lookup._table_of(vocabulary, idf_weights)
        return self.replace(vocabulary=None, idf_weights=None, _learned=learned)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Token]:
        """The vocabulary's entries in order.

        Args:
            include_special_tokens: whether `""` and `"[UNK]"` are among them.

        Returns:
            A list of strings.

        Warns:
            UserWarning: a layer that was not adapted.
        """
        warn_without_vocabulary(self)
        return self._lookup._entries(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many entries there are, the special ones included; a layer that was not adapted says so."""
        warn_without_vocabulary(self)
        return self._lookup._number_of_entries()

    def _beside_weights(self) -> dict[str, np.ndarray]:
        own = self._lookup._beside_weights()  # which Keras saves as the layer's and as the lookup's
        return {**own, **{f"_lookup_layer/{path}": array for path, array in own.items()}}

    def _with_assets(self, files: Assets) -> Self:
        learned = self._lookup._with_assets(files)
        return self if learned is self._lookup else self.replace(_learned=learned._learned)

    @linen.nowrap
    def _learnt_config(self) -> Config:
        return with_learned({}, self._lookup._learned, self._lookup._first)

    def get_config(self) -> Config:
        config = {**super().get_config(), "vocabulary_size": self._lookup._number_of_entries()}
        return with_learned(config, self._lookup._learned, self._lookup._first)

    @classmethod
    def from_config(cls, config: Mapping[str, JSON], custom_objects: CustomObjects | None = None) -> Self:
        arguments, learnt = split_learnt(cls, vocabulary_of_config(config))
        layer = super().from_config(arguments, custom_objects)
        if learnt:
            return layer.set_vocabulary(**learnt)
        size = size_of_config(config)
        return layer if layer._lookup._table is not None or size is None else layer.replace(_size=size)
