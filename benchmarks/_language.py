"""What a language model asks for: a large vocabulary's loss in little memory, and tokens from a cache."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from _handwritten import Loop
from _measure import interleaved
from _peers import MissingError


class _Head(nn.Module):
    vocabulary: int
    width: int

    @nn.compact
    def __call__(self, tokens):
        return nn.Dense(self.vocabulary)(nn.Embed(self.vocabulary, self.width)(tokens))


def vocabulary_step(size: int, tokens: int, width: int = 64) -> dict[str, float]:
    """Bytes that a train step needs beside its arguments and results, for a loss and an accuracy over many classes.

    Args:
        size: of the vocabulary.
        tokens: of the batch.
        width: of the vectors.
    """
    import fkeras as fk

    x = np.zeros((1, tokens), "int32")
    inputs = fk.Input((tokens,), dtype="int32")
    model = fk.Model(inputs, fk.nn.Dense(size)(fk.nn.Embedding(size, width)(inputs)))
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile("adam", loss, metrics=["accuracy"])
    ours = trainer.lower((x, x), verbs=("train_step",))["train_step"]
    loop = Loop(_Head(size, width), x, x, size, 1).begin()
    theirs = loop.bare.lower(loop.state_, (x, x)).compile()
    found = {"fkeras": ours, "by hand": theirs}
    return {who: float(program.memory_analysis().temp_size_in_bytes) for who, program in found.items()}


def vocabulary(rounds: int, quick: bool) -> dict[str, float]:
    """The same of 32,768 classes."""
    return vocabulary_step(512, 16) if quick else vocabulary_step(32_768, 1024)


def _decoder(size: int, width: int, blocks: int, time: int | None) -> Any:
    import fkeras as fk

    inputs = fk.Input((time,), dtype="int32")
    x = fk.nn.Embedding(size, width)(inputs)
    for _ in range(blocks):
        h = fk.nn.LayerNormalization()(x)
        x = fk.nn.Add()([x, fk.nn.MultiHeadAttention(width // 64 or 1, min(width, 64))(h, h, use_causal_mask=True)])
        h = fk.nn.Dense(4 * width, activation="gelu")(fk.nn.LayerNormalization()(x))
        x = fk.nn.Add()([x, fk.nn.Dense(width)(h)])
    return fk.Model(inputs, fk.nn.Dense(size)(x))


def tokens_by(size: int, width: int, blocks: int, prompt: int, new: int, rounds: int) -> dict[str, float]:
    """Seconds a token of `fk.nn.generate`, and of a loop by hand that computes the whole sequence for each.

    Args:
        size: of the vocabulary.
        width, blocks: of the decoder.
        prompt, new: tokens that are given, and that are made.
        rounds: how often both are timed.

    Raises:
        MissingError: there is no `fk.nn.generate`.
    """
    import fkeras as fk

    if not hasattr(fk.nn, "generate"):
        raise MissingError("fk.nn has no generate")
    total = prompt + new
    model = _decoder(size, width, blocks, None)
    variables = model.init(jax.random.key(0), jnp.zeros((1, total), "int32"))
    given = np.random.default_rng(0).integers(0, size, (1, prompt)).astype("int32")

    @jax.jit
    def advance(variables: Any, tokens: Any, at: Any) -> Any:
        scores = model.apply(variables, tokens)
        return tokens.at[:, at].set(scores[:, at - 1].argmax(-1).astype(tokens.dtype))

    def by_full_forwards() -> Any:
        tokens = jnp.zeros((1, total), "int32").at[:, :prompt].set(given)
        for at in range(prompt, total):
            tokens = advance(variables, tokens, at)
        return np.asarray(tokens)

    def ours() -> Any:
        return np.asarray(fk.nn.generate(model, variables, given, max_new_tokens=new, temperature=0.0))

    return interleaved({"fkeras": ours, "full forwards": by_full_forwards}, rounds, new)


def generation(rounds: int, quick: bool) -> dict[str, float]:
    """The same of a decoder that a CPU runs."""
    return tokens_by(64, 16, 1, 4, 4, 1) if quick else tokens_by(1024, 128, 4, 32, 96, rounds)
