"""Vocabularies: what one may be, how it is read from code, files, configs and data."""

from __future__ import annotations

import collections
import dataclasses
import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypedDict

import numpy as np

from ...core import Layer, deserialize, explain
from ...core.typing import JSON, Config

#: An entry of a vocabulary.
Token: TypeAlias = str | int
#: A vocabulary as code may give it: its entries, or the path of a file, which only code may name.
Vocabulary: TypeAlias = Sequence[Token] | np.ndarray | str | os.PathLike[str] | None
#: What a Keras file keeps beside a lookup's weights.
Assets = TypedDict("Assets", {"vocabulary.txt": bytes, "idf_weights": np.ndarray}, total=False)
#: A weight for each entry.
Weights: TypeAlias = Sequence[float] | np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Learned:
    """What `adapt`, `set_vocabulary` or a file gave a lookup.

    Attributes:
        tokens: the entries in order, without the special ones.
        idf_weights: a weight for each place, the special ones included; `None` without weights.
    """

    tokens: tuple[Token, ...]
    idf_weights: tuple[float, ...] | None = None


# ------------------------------------------------------------------ arguments
def given_vocabulary(value: Vocabulary) -> list[Token] | str | os.PathLike[str] | None:
    """A converter: a vocabulary as a list of its entries, or as the path that it is.

    Raises:
        ValueError: no list.
    """
    return value if isinstance(value, str | os.PathLike) else _listed(value, "vocabulary")


def given_weights(value: Weights) -> list[float] | None:
    """A converter: weights as a list.

    Raises:
        ValueError: no list.
    """
    return _listed(value, "idf_weights")


def _listed(value: Sequence[Token] | Sequence[float] | np.ndarray | None, name: str) -> list | None:
    """A list of entries of one dtype; `None` stays `None`."""
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or np.ndim(np.asarray(value, object)) != 1:
        raise ValueError(
            explain(
                f"`{name}` is a list.",
                received=f"{type(value).__name__}: {value!r:.80}",
                usually="one text where its entries were meant.",
                write=f"{name}=[...]",
            )
        )
    return np.asarray(value).tolist()


# ------------------------------------------------------------------ configs
def vocabulary_of_config(config: Mapping[str, JSON]) -> Config:
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


def size_of_config(config: Mapping[str, JSON]) -> int | None:
    """How many entries the vocabulary has that is beside the weights, as a config says."""
    size = config.get("vocabulary_size")
    if size is None or (type(size) is int and size >= 0):
        return size  # type: ignore[return-value]
    raise ValueError(explain("`vocabulary_size` is a whole number.", received=repr(size)[:80]))


def split_learnt(cls: type[Layer], config: Config) -> tuple[Config, Config]:
    """The arguments in a config, and the vocabulary for which a class's own `__init__` has no argument."""
    if not hasattr(cls, "_user_init") or "vocabulary" in inspect.signature(cls).parameters:
        return config, {}
    learnt = {key: config[key] for key in ("vocabulary", "idf_weights") if config.get(key) is not None}
    return {key: value for key, value in config.items() if key not in learnt}, learnt


def with_learned(config: Config, learned: Learned | None, first: int) -> Config:
    """A config that holds what a lookup learned, as if it had been given; `first` is the first entry's place."""
    if learned is None:
        return config
    weights = None if learned.idf_weights is None else list(learned.idf_weights[first:])
    return {**config, "vocabulary": list(learned.tokens), "idf_weights": weights}


# ------------------------------------------------------------------ data
@dataclasses.dataclass(frozen=True)
class Counts:
    """How often entries occur.

    Attributes:
        total: how often each entry occurs.
        documents: in how many documents each entry occurs.
        number: how many documents there are.
    """

    total: Mapping[Token, int]
    documents: Mapping[Token, int]
    number: int

    def most_frequent(self, count: int | None, left_out: Sequence[Token | None]) -> list[Token]:
        """The entries by count, then by the entry itself, both descending, as Keras orders them."""
        tokens = [t for t in self.total if t not in left_out]
        tokens.sort(key=lambda t: (self.total[t], t.encode() if isinstance(t, str) else t), reverse=True)
        return tokens if count is None else tokens[:count]

    def idf_weights(self, tokens: Sequence[Token]) -> np.ndarray:
        """`log(1 + documents / (1 + documents with the entry))` of each entry."""
        return np.log(1 + self.number / (1 + np.asarray([self.documents[t] for t in tokens], np.float64)))


def count(documents: Iterable[Iterable[Token]]) -> Counts:
    """How often entries occur in documents, which are read once."""
    total: collections.Counter[Token] = collections.Counter()
    seen_in: collections.Counter[Token] = collections.Counter()
    number = 0
    for document in documents:
        entries = list(document)
        total.update(entries)
        seen_in.update(set(entries))
        number += 1
    return Counts(total, seen_in, number)
