"""What goes through a model to calibrate it: inputs of the model, or pieces of texts and tokens."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from ...core import Model, explain
from ...core.typing import PyTree
from ._quantization_configs import AWQConfig, GPTQConfig


def calibration_inputs(model: Model, config: GPTQConfig | AWQConfig) -> list[PyTree]:
    """Batches of one, `num_samples` at most.

    Texts, and what comes with a tokenizer, are one row of tokens, cut into pieces of `sequence_length` at equal steps
    from its beginning on; other items are inputs of the model.

    Raises:
        ValueError: no data, or texts without a tokenizer.
        TypeError: data that cannot be gone through.
    """
    data = config.dataset
    if data is None or isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise (ValueError if data is None else TypeError)(
            explain(
                f"{type(config).__name__} needs data to measure the model with.",
                received=f"dataset={data!r:.60}",
                usually="the config was read from a file, which has none.",
                write=f"fk.quantizers.{type(config).__name__}(dataset=x_train[:128])",
            )
        )
    items = list(data)
    if not items:
        raise ValueError(explain("The calibration's dataset is empty.", received="no items"))
    if config.tokenizer is not None or isinstance(items[0], str):
        return list(_pieces(_tokens(items, config.tokenizer), config))
    return [jax.tree.map(lambda leaf: np.asarray(leaf)[None], item) for item in items[: config.num_samples]]


def _tokens(items: list[Any], tokenizer: Any) -> np.ndarray:
    """All items as one row of tokens."""
    if isinstance(items[0], str):
        if tokenizer is None:
            raise ValueError(
                explain(
                    "Texts need a tokenizer.",
                    received=f"dataset of {len(items)} texts, tokenizer=None",
                    write="fk.quantizers.GPTQConfig(texts, tokenizer)   # a function, or an object with `tokenize`",
                )
            )
        items = [getattr(tokenizer, "tokenize", tokenizer)(text) for text in items]
    return np.concatenate([np.asarray(item).reshape(-1) for item in items]).astype("int32")


def _pieces(tokens: np.ndarray, config: GPTQConfig | AWQConfig) -> Iterable[np.ndarray]:
    """Pieces of one length, of tokens that are repeated where there are too few."""
    length, count = config.sequence_length, config.num_samples
    row = np.tile(tokens, math.ceil(max(1, count * length / tokens.size)))
    last = row.size - length
    step = max(1, (last + 1) // count)
    for i in range(count):
        start = i * step % (last + 1)
        yield row[None, start : start + length]
