"""What a trainer says when it is asked for what Keras keeps on a compiled model."""

from __future__ import annotations

from ..core import KERAS_NAMES, explain, no_attribute


def no_trainer_attribute(trainer: object, name: str) -> AttributeError:
    """The error for an attribute that a trainer has not: its model has it, or Keras's model has.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> print(no_trainer_attribute(trainer, "summary"))
    Trainer has no attribute 'summary'.
      Usually:  `compile` returns a Trainer, and the model is what it was.
      Write:    trainer.model.summary
    """
    if not name.startswith("_") and name not in KERAS_NAMES["Trainer"] and _has(vars(trainer).get("model"), name):
        return AttributeError(
            explain(
                f"{type(trainer).__name__} has no attribute {name!r}.",
                usually="`compile` returns a Trainer, and the model is what it was.",
                write=f"trainer.model.{name}",
            )
        )
    return no_attribute(trainer, ("Trainer", "Model", "Layer"), name)


def _has(model: object, name: str) -> bool:
    try:
        return hasattr(model, name)
    except ValueError:  # of a Linen module, whose variables are there while it is bound
        return False
