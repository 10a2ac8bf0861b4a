"""Flax's lm1b example: a Transformer that predicts the next token, one configuration to train and one to evaluate."""

from __future__ import annotations

import dataclasses
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import fkeras as fk


@dataclasses.dataclass(frozen=True)
class Config:
    vocabulary: int = 32
    width: int = 64
    heads: int = 4
    layers: int = 2
    length: int = 32
    dropout: float = 0.1
    deterministic: bool = False


class Block(nn.Module):
    config: Config

    @nn.compact
    def __call__(self, x, mask):
        config = self.config
        attention = nn.MultiHeadDotProductAttention(
            config.heads, use_bias=False, dropout_rate=config.dropout, deterministic=config.deterministic
        )
        x += attention(nn.LayerNorm()(x), mask=mask)
        y = nn.Dense(config.width)(nn.relu(nn.Dense(4 * config.width)(nn.LayerNorm()(x))))
        return x + nn.Dropout(config.dropout, deterministic=config.deterministic)(y)


class TransformerLM(nn.Module):
    config: Config

    @nn.compact
    def __call__(self, tokens):
        config = self.config
        shifted = jnp.pad(tokens, ((0, 0), (1, 0)))[:, :-1]  # what came before each token
        x = nn.Embed(config.vocabulary, config.width)(shifted)
        x += self.param("positions", nn.initializers.normal(0.02), (1, config.length, config.width))[:, : x.shape[1]]
        mask = nn.combine_masks(nn.make_attention_mask(tokens > 0, tokens > 0), nn.make_causal_mask(tokens))
        for _ in range(config.layers):
            x = Block(config)(x, mask)
        return nn.Dense(config.vocabulary)(nn.LayerNorm()(x))


class LanguageModel(fk.Trainer):
    evaluated: Any = None  # the module that evaluation runs

    def compute_loss(self, params, state, batch, rng):
        (tokens,) = batch
        model, rngs = (self.evaluated, None) if rng is None else (self.model, {"dropout": rng})
        logits = model.apply({"params": params}, tokens, rngs=rngs)
        weights = tokens > 0
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, tokens)
        loss = (loss * weights).sum() / weights.sum()
        return loss, {"logs": {"perplexity": jnp.exp(loss)}}


def text(length: int) -> np.ndarray:
    """Windows of numpy's documentation, as letters; 0 is padding."""
    letters = " abcdefghijklmnopqrstuvwxyz.,()"
    pages = " ".join(filter(None, (getattr(getattr(np, name), "__doc__", None) for name in dir(np)[:400]))).lower()
    tokens = np.array([letters.index(c) + 1 for c in " ".join(pages.split()) if c in letters], "int32")
    return tokens[: len(tokens) // length * length].reshape(-1, length)


def main(rows: int = 2000, epochs: int = 4, config: Config = Config()) -> float:
    """Train on documentation; the perplexity of pages that were held out."""
    windows = np.random.default_rng(0).permutation(text(config.length))
    train, test = windows[:rows], windows[-200:]
    steps = epochs * -(-rows // 64)
    rate = optax.warmup_cosine_decay_schedule(0.0, 3e-3, steps // 4, steps)
    trainer = LanguageModel(
        TransformerLM(config),
        optax.adamw(rate, weight_decay=0.1),
        evaluated=TransformerLM(dataclasses.replace(config, deterministic=True)),
    )
    state = trainer.init(0, train[:1])
    arguments = {"x": train, "batch_size": 64, "verbose": 0}
    trained, _ = trainer.fit(state, **arguments, epochs=epochs)
    with tempfile.TemporaryDirectory() as run:
        trainer.fit(state, **arguments, epochs=epochs // 2, checkpoint=run)
        resumed, _ = trainer.fit(state, **arguments, epochs=epochs, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, trained.params)
    return trainer.evaluate(trained, test, verbose=0)["perplexity"]


if __name__ == "__main__":
    print(f"perplexity of a letter: {main():.2f}")
