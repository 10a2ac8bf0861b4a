"""Knowledge distillation: a small model learns from the softened answers of a large one.

    python examples/distillation.py

Reference: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import fkeras as fk


class Distiller(fk.Trainer):
    """Trains its model on labels and on a teacher's answers; the teacher is data, its weights never move."""

    teacher: Any = None
    teacher_variables: Any = None
    temperature: float = 3.0
    share: float = 0.9

    def compute_loss(self, params, state, batch, rng):
        hard, extras = super().compute_loss(params, state, batch, rng)
        answers = self.teacher.apply(self.teacher_variables, batch[0]) / self.temperature
        logits = extras["y_pred"] / self.temperature
        soft = optax.softmax_cross_entropy(logits, jax.nn.softmax(answers)).mean() * self.temperature**2
        return (1 - self.share) * hard + self.share * soft, {**extras, "parts": {}}


def mlp(*units: int) -> fk.Model:
    """A classifier of 64 pixels."""
    return fk.Sequential([fk.Input((64,)), *(fk.nn.Dense(u, "relu") for u in units), fk.nn.Dense(10)])


def main(epochs: int = 30) -> dict[str, float]:
    """The held-out accuracy of the teacher, of a student of 150 labels that it teaches, and of one left alone."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    x, y = (digits.data[order] / 16).astype("float32"), digits.target[order].astype("int32")
    options: dict[str, Any] = {
        "loss": fk.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"],
    }  # fmt: skip
    found = {}
    teaching = mlp(256, 256).compile("adam", **options)
    taught, _ = teaching.fit(teaching.init(0), x[:1200], y[:1200], batch_size=64, epochs=epochs, verbose=0)
    found["teacher"] = teaching.evaluate(taught, x[1400:], y[1400:])["accuracy"]
    lessons = {"teacher": teaching.model, "teacher_variables": taught.variables, "trainer_class": Distiller}
    labelled = (np.arange(1200) < 150).astype("float32")  # the teacher answers for all rows, labels are few
    for name, extra in (("student", lessons), ("alone", {})):
        trainer = mlp(12).compile("adam", **options, **extra)
        state, _ = trainer.fit(
            trainer.init(1), x[:1200], y[:1200], batch_size=64, epochs=epochs, sample_weight=labelled, verbose=0
        )
        logits = trainer.model.predict(state.variables, x[1400:])
        found[name] = float((logits.argmax(-1) == y[1400:]).mean())
    print({name: round(value, 3) for name, value in found.items()})
    return found


if __name__ == "__main__":
    main()
