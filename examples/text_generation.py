"""A small language model on characters: it learns a text that Python ships, and writes on from a prompt.

python examples/text_generation.py
"""

from __future__ import annotations

import contextlib
import io

import numpy as np

import fkeras as fk

LENGTH = 96  # no position after it is learnt


def text() -> str:
    """The Zen of Python, in lower case; the module prints it when it is imported."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    return "".join(this.d.get(letter, letter) for letter in this.s).lower()


def describe(characters: int, width: int = 64, blocks: int = 2) -> fk.Model:
    """A decoder: tokens (batch, time) in, scores (batch, time, characters) out; nothing sees what comes after it."""
    tokens = fk.Input((None,), dtype="int32", name="tokens")
    x = fk.nn.Embedding(characters, width)(tokens)
    x = x + fk.nn.PositionEmbedding(LENGTH)(x)
    for _ in range(blocks):
        y = fk.nn.LayerNormalization()(x)
        x = x + fk.nn.MultiHeadAttention(4, width // 4)(y, y, use_causal_mask=True)
        y = fk.nn.Dense(4 * width, "gelu")(fk.nn.LayerNormalization()(x))
        x = x + fk.nn.Dense(width)(y)
    return fk.Model(tokens, fk.nn.Dense(characters)(fk.nn.LayerNormalization()(x)), name="decoder")


def main(epochs: int = 20) -> tuple[float, str]:
    """Train; the accuracy of the next character, and what is written after `prompt`."""
    source = text()
    letters = sorted(set(source))
    numbers = np.array([letters.index(letter) for letter in source], "int32")
    windows = np.lib.stride_tricks.sliding_window_view(numbers, LENGTH + 1)
    model = describe(len(letters))
    loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = model.compile(fk.optimizers.AdamW(3e-3, clipnorm=1.0), loss, metrics=["accuracy"])
    state = trainer.init(0)
    state, history = trainer.fit(state, windows[:, :-1], windows[:, 1:], batch_size=64, epochs=epochs, verbose=2)
    prompt = "beautiful is "
    start = np.array([[letters.index(letter) for letter in prompt]], "int32")
    tokens = fk.nn.generate(model, state.variables, start, LENGTH - len(prompt), temperature=0.3, seed=0)
    written = "".join(letters[number] for number in np.asarray(tokens)[0])
    print(written)
    return history.history["accuracy"][-1], written


if __name__ == "__main__":
    main()
