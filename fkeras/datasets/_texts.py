"""IMDB and Reuters: texts as lists of the ranks of their words."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from ..core import MOST_BYTES, explain, read_json
from ..core.typing import FilePath, Shaped
from ._files import damaged, in_cache
from ._npz import read_npz
from ._parts import Parts, check_split, shuffled


def load_imdb(
    path: FilePath = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Parts:
    """IMDB, 50,000 reviews of films with their sentiment.

    Args:
        path: what the cache calls the file, or its place elsewhere.
        num_words: words of this index and higher become `oov_char`.
        skip_top: words below this index become `oov_char`.
        maxlen: reviews of this length and longer are left out.
        seed: of the order of the reviews.
        start_char: what each review begins with; `None` for nothing.
        oov_char: what stands for other words; `None` leaves them out.
        index_from: what is added to the rank of a word.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: arrays of lists of ints, and 1 for a good review, 0 for a bad
        one. `fk.utils.pad_sequences(x_train, maxlen=80)` makes an array of them.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("imdb")` gets it.
        ValueError: no review is shorter than `maxlen`, or a damaged file.

    Reference: https://keras.io/api/datasets/imdb/
    As in Keras, where `num_words` is not given the largest index of all becomes `oov_char`.
    """
    place = in_cache("imdb", path=path)
    x, y, x_test, y_test = read_npz("imdb", place, "x_train", "y_train", "x_test", "y_test")
    generator, parts = np.random.RandomState(seed), []
    for some, of_some in ((x, y), (x_test, y_test)):
        order = np.arange(len(some))
        generator.shuffle(order)
        marked = _marked("imdb", place, some[order], start_char, index_from)
        parts.append(_kept(marked, of_some[order], maxlen))
    (train, y_train), (test, y_tested) = parts
    texts = _replaced(train + test, num_words, skip_top, oov_char)
    labels = np.concatenate([y_train, y_tested])
    count = len(train)
    return (_of_lists(texts[:count]), labels[:count]), (_of_lists(texts[count:]), labels[count:])


def load_reuters(
    path: FilePath = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Parts:
    """Reuters, 11,228 newswires of 46 topics.

    Args:
        path: what the cache calls the file, or its place elsewhere.
        num_words: words of this index and higher become `oov_char`.
        skip_top: words below this index become `oov_char`.
        maxlen: newswires of this length and longer are left out.
        test_split: the part that is for the test.
        seed: of the order in which they are cut.
        start_char: what each newswire begins with; `None` for nothing.
        oov_char: what stands for other words; `None` leaves them out.
        index_from: what is added to the rank of a word.

    Returns:
        `(x_train, y_train), (x_test, y_test)` of numpy: arrays of lists of ints, and topics from 0 to 45, which
        `get_label_names()` names.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("reuters")` gets it.
        ValueError: no newswire is shorter than `maxlen`, `test_split` is no number from 0 to 1, or a damaged file.

    Reference: https://keras.io/api/datasets/reuters/
    As in Keras, where `num_words` is not given the largest index of all becomes `oov_char`.
    """
    check_split(test_split)
    place = in_cache("reuters", path=path)
    x, y = read_npz("reuters", place, "x", "y")
    x, y = shuffled(x, y, seed)
    texts, labels = _kept(_marked("reuters", place, x, start_char, index_from), y, maxlen)
    texts = _replaced(texts, num_words, skip_top, oov_char)
    count = int(len(texts) * (1 - test_split))
    return (_of_lists(texts[:count]), labels[:count].copy()), (_of_lists(texts[count:]), labels[count:].copy())


def imdb_word_index(path: FilePath = "imdb_word_index.json") -> dict[str, int]:
    """The words of IMDB and their ranks, to which `load_data` adds `index_from`.

    Args:
        path: what the cache calls the file, or its place elsewhere.

    Returns:
        A word -> its rank, from 1.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("imdb")` gets it.
        ValueError: a damaged file.
    """
    return _word_index("imdb", path)


def reuters_word_index(path: FilePath = "reuters_word_index.json") -> dict[str, int]:
    """The words of Reuters and their ranks, to which `load_data` adds `index_from`.

    Args:
        path: what the cache calls the file, or its place elsewhere.

    Returns:
        A word -> its rank, from 1.

    Raises:
        FileNotFoundError: the file is not on this machine; `fk.datasets.download("reuters")` gets it.
        ValueError: a damaged file.
    """
    return _word_index("reuters", path)


def reuters_label_names() -> tuple[str, ...]:
    """The topics of Reuters, in the order of their numbers.

    >>> reuters_label_names()[:3]
    ('cocoa', 'grain', 'veg-oil')

    Reference: https://martin-thoma.com/nlp-reuters/
    """
    return tuple(_TOPICS.split())


_TOPICS = """cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton
carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi
iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"""


def _word_index(name: str, path: FilePath) -> dict[str, int]:
    place = in_cache(name, 1, path)
    found = read_json(place.read_bytes()[: MOST_BYTES + 1], f"the words of {name}")
    if not isinstance(found, dict) or not all(isinstance(rank, int) for rank in found.values()):
        raise damaged(name, place, "no words with their ranks")
    return dict(found)  # type: ignore[arg-type]


def _marked(
    name: str, place: pathlib.Path, texts: Iterable[Iterable[int]], start: int | None, index_from: int
) -> list[list[int]]:
    """Ranks as indices, behind a mark of the beginning."""
    begins = [] if start is None else [start]
    try:
        return [begins + [word + index_from for word in text] for text in texts]
    except TypeError:
        raise damaged(name, place, "texts that are no lists of numbers") from None


def _kept(
    texts: list[list[int]], labels: Shaped[np.ndarray, " texts"], maxlen: int | None
) -> tuple[list[list[int]], Shaped[np.ndarray, " texts"]]:
    """The texts that are shorter than `maxlen`, and their labels."""
    if not maxlen:
        return texts, labels
    short = [place for place, text in enumerate(texts) if len(text) < maxlen]
    if not short:
        raise ValueError(
            explain(
                "No text is shorter than maxlen, so none is kept.",
                received=f"maxlen={maxlen}; the shortest has {min(map(len, texts), default=0)} words",
                usually="a length to which texts are to be cut, not one above which they are left out.",
                write="fk.utils.pad_sequences(x_train, maxlen=80)",
            )
        )
    return [texts[place] for place in short], labels[short]


def _replaced(texts: list[list[int]], num_words: int | None, skip_top: int, oov: int | None) -> list[list[int]]:
    """Words that are too rare or too frequent, replaced or left out."""
    most = num_words or max((max(text, default=0) for text in texts), default=0)
    if oov is None:
        return [[word for word in text if skip_top <= word < most] for text in texts]
    return [[word if skip_top <= word < most else oov for word in text] for text in texts]


def _of_lists(texts: Sequence[list[int]]) -> Shaped[np.ndarray, "texts ..."]:
    """An array of lists; texts of one length make two axes, as in Keras."""
    return np.array(texts, dtype=object)
