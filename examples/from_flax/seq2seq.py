"""Flax's seq2seq example: sums of numbers as text, from one LSTM to another, which feeds on what it said itself.

The decoder draws each character with `make_rng("lstm")`, so the loss hands the step's key to that stream.
"""

from __future__ import annotations

import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import fkeras as fk

SYMBOLS = "_#0123456789+="  # padding, the end, and what sums are written in
END = SYMBOLS.index("#")


class Decoder(nn.RNNCellBase):
    """An LSTM cell that reads the true character, or the one it drew before."""

    hidden: int
    teacher_force: bool

    @nn.compact
    def __call__(self, carry, true):
        state, drawn = carry
        state, y = nn.LSTMCell(self.hidden)(state, true if self.teacher_force else drawn)
        logits = nn.Dense(len(SYMBOLS))(y)
        drawn = jax.nn.one_hot(jax.random.categorical(self.make_rng("lstm"), logits), len(SYMBOLS))
        return (state, drawn), (logits, drawn)

    @property
    def num_feature_axes(self) -> int:
        return 1


class Seq2seq(nn.Module):
    teacher_force: bool
    hidden: int

    @nn.compact
    def __call__(self, question, answer):
        lengths = jnp.argmax(question.argmax(-1) == END, -1)
        state, _ = nn.RNN(nn.LSTMCell(self.hidden), return_carry=True, name="encoder")(question, seq_lengths=lengths)
        cell = Decoder(self.hidden, self.teacher_force)
        decoder = nn.RNN(cell, split_rngs={"params": False, "lstm": True}, name="decoder")
        return decoder(answer[:, :-1], initial_carry=(state, answer[:, 0]))


class Sums(fk.Trainer):
    def compute_loss(self, params, state, batch, rng):
        ((question, answer),) = batch
        key = state.rng if rng is None else rng
        logits, _ = self.model.apply({"params": params}, question, answer, rngs={"lstm": key})
        true = answer[:, 1:]
        counts = jnp.cumsum(true.argmax(-1) == END, -1) - (true.argmax(-1) == END) == 0  # up to the first end
        loss = (optax.softmax_cross_entropy(logits, true) * counts).sum() / counts.sum()
        right = (logits.argmax(-1) == true.argmax(-1)) | ~counts
        return loss, {"logs": {"accuracy": right.all(-1).mean()}}


def sums(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Questions and answers, one-hot: `3+14#` and `=17#`."""
    rng, pairs = np.random.default_rng(seed), []
    for a, b in rng.integers(0, 20, (count, 2)):
        pairs.append((f"{a}+{b}#".ljust(6, "_"), f"={a + b}#".ljust(4, "_")))
    return tuple(
        np.eye(len(SYMBOLS), dtype="float32")[[[SYMBOLS.index(c) for c in text] for text in texts]]
        for texts in zip(*pairs, strict=True)
    )


def main(epochs: int = 60, count: int = 2000, hidden: int = 128) -> float:
    """Train with teacher forcing; the share of 200 sums of the same kind that are right when it reads what it drew."""
    train, test = sums(count, 0), sums(200, 1)
    trainer = Sums(Seq2seq(True, hidden), optax.adam(3e-3))
    state = trainer.init(0, tuple(part[:1] for part in train))
    arguments = {"x": train, "batch_size": 128, "verbose": 0}
    trained, _ = trainer.fit(state, **arguments, epochs=epochs)
    with tempfile.TemporaryDirectory() as run:
        trainer.fit(state, **arguments, epochs=epochs // 2, checkpoint=run)
        resumed, _ = trainer.fit(state, **arguments, epochs=epochs, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, trained.params)
    free = trainer.replace(model=Seq2seq(False, hidden))  # the same weights, another way to run them
    return free.evaluate(trained, test, verbose=0)["accuracy"]


if __name__ == "__main__":
    print(f"sums that are right: {main():.2f}")
