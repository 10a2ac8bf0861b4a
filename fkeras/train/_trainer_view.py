"""What is shown of a trainer: what it was compiled with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..core import Model, View, are_same, html_box, html_code, html_folded, html_table, keyword_texts, short_repr

if TYPE_CHECKING:
    from ._trainer import Trainer

# What `compile` is always asked for.
_ALWAYS = ("optimizer", "loss", "metrics")


def trainer_repr(trainer: Trainer) -> str:
    """A trainer with the arguments that differ from their defaults.

    >>> import fkeras as fk
    >>> fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    Trainer(model=Sequential([Input((3,)), Dense(units=1)]), optimizer=SGD(learning_rate=0.01), \
loss=LossFunctionWrapper(mean_squared_error))
    """
    return f"{type(trainer).__name__}({', '.join(keyword_texts([('model', trainer.model), *_told(trainer)]))})"


def trainer_view(trainer: Trainer) -> View:
    """What a trainer was compiled with, and its model's table."""
    told = dict(_told(trainer))
    told = {**{name: getattr(trainer, name) for name in _ALWAYS}, **told}
    cls, model = type(trainer).__name__, trainer.model
    rows = {"model": short_repr(model), **{name: short_repr(value) for name, value in told.items()}}
    width = max(map(len, rows))
    text = "\n".join([cls, *(f"  {name:{width}}  {value}" for name, value in rows.items())])
    parts = html_table((), [(html_code(name), html_code(value)) for name, value in rows.items()])
    if isinstance(model, Model):
        parts += html_folded("layers", model._repr_html_())
    return View(text, html_box(cls, parts))


def _told(trainer: Trainer) -> list[tuple[str, object]]:
    """The arguments, beside the model, that are not their defaults."""
    fields = [f for f in dataclasses.fields(trainer) if f.name != "model"]
    values = [(f.name, getattr(trainer, f.name), f.default) for f in fields]
    return [(name, value) for name, value, default in values if not are_same(value, default)]
