"""Methods with which a Keras model says how it trains: they belong to a `Trainer`, and are refused with its text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from .._words._errors import explain
from ._doors import Doors

if TYPE_CHECKING:
    from ._model import Model

_TRAIN = (
    "state, batch):\n        x, y = batch\n        state, logs = super().train_step(state, batch)"
    "   # docs/training.md has it written out\n        return state, logs"
)
_EVAL = "state, batch):\n        state, logs = super().eval_step(state, batch)\n        return state, logs"
_LOSS = (
    "params, state, batch, rng):\n        x, y = batch\n        y_pred, updates = self.forward(params, state, x, rng)\n"
    '        return my_loss(y, y_pred), {"y_pred": y_pred}'
)
_PREDICT = "variables, x):\n        return super().predict_step(variables, x)"

# Keras's methods, and the method of a Trainer that is in the place of each.
_ON_A_TRAINER: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "train_step": ("train_step", _TRAIN),
        "test_step": ("eval_step", _EVAL),
        "eval_step": ("eval_step", _EVAL),
        "predict_step": ("predict_step", _PREDICT),
        "compute_loss": ("compute_loss", _LOSS),
        "compute_metrics": ("compute_loss", _LOSS),
        "stateless_compute_loss": ("compute_loss", _LOSS),
        "make_train_function": ("train_step", _TRAIN),
        "make_test_function": ("eval_step", _EVAL),
        "make_predict_function": ("predict_step", _PREDICT),
    }
)
# Methods that a model may have for itself, if they take what is passed here.
_LOOPS = ("fit", "evaluate", "train_on_batch", "test_on_batch")
_PASSED = {"state", "variables", "trainer"}


def check_trains_by_trainer(model: object, built_in: bool = True) -> None:
    """Refuse a model without layers, or whose class says how it trains: the built-in steps would not look at that.

    Args:
        model: what is to be trained; a Linen module that is no model may have what it likes.
        built_in: whether the Trainer trains in the built-in way; a class of trainers of one's own has its own.

    Raises:
        ValueError: a model without layers.
        TypeError: naming the method, with the class to write.
    """
    if not isinstance(model, Doors):
        return
    check_not_empty = getattr(model, "_check_not_empty", None)  # a Sequential's
    if check_not_empty is not None:
        check_not_empty("compiled")
    cls = type(model)
    if not built_in:
        return
    for base in cls.__mro__:
        if base.__module__.startswith(("fkeras.core.", "fkeras.nn.", "flax.")):
            continue
        for name, method in vars(base).items():
            if name in _ON_A_TRAINER and callable(method):
                _refuse(cls, name, method)
            if name in _LOOPS and callable(method) and _PASSED.isdisjoint(inspect.signature(method).parameters):
                _refuse(cls, name, method)


def _refuse(cls: type, name: str, method: Callable[..., Any]) -> NoReturn:
    here, text = _ON_A_TRAINER.get(name, ("train_step", _TRAIN))
    raise TypeError(
        explain(
            f"The model class {cls.__name__} has a {name} of its own, which a Trainer does not call: "
            "how a model trains is said on a Trainer.",
            received=f"{name}{inspect.signature(method)}",
            usually="Keras's way, in which a model trains itself; here a model is a description, and training is pure.",
            write=f"class {cls.__name__}Trainer(fk.Trainer):\n    def {here}(self, {text}\n\n"
            f"trainer = model.compile(optimizer, loss, trainer_class={cls.__name__}Trainer)",
        )
    )


def returning_a_trainer(compile: Callable[..., Any]) -> Callable[..., Any]:
    """A `compile` of a user's own, which may not keep what it is given: it returns a Trainer, or is told so."""

    @functools.wraps(compile)
    def checked(self: Model, *args: Any, **kwargs: Any) -> Any:
        try:
            trainer = compile(self, *args, **kwargs)
        except AttributeError:  # the first line sets one, as in Keras
            check_trains_by_trainer(self)
            raise
        if trainer is None:
            raise TypeError(
                explain(
                    f"{type(self).__name__}.compile returned nothing: it makes a Trainer; the model stays as it is.",
                    received=f"compile{inspect.signature(compile)}",
                    usually="Keras's way, in which `super().compile(...)` changes the model.",
                    write="return super().compile(optimizer, loss, trainer_class=MyTrainer, more_of_its_fields=...)",
                )
            )
        return trainer

    return checked
