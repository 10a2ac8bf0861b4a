"""LoadedModel: the pair that `load_model` returns."""

from __future__ import annotations

from typing import Any

import jax

from ...core import Explanation, explain
from ...core.typing import PyTree


class LoadedModel(tuple[Any, dict[str, PyTree]]):
    """`(model, variables)`: a tuple of two, which says so where it is taken for the model.

    >>> model, variables = LoadedModel(("the model", {"params": {}}))
    >>> model, LoadedModel(("the model", {})) == ("the model", {})
    ('the model', True)
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # protocols ask for many such names
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(_answer(f".{name}", name), name=name, obj=self)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, str):
            raise TypeError(_answer(f"[{place!r}]"))
        return super().__getitem__(place)


# What a Keras model does that needs more than its weights: an optimizer's state, or losses and metrics.
_OF_A_TRAINER = ("fit", "evaluate", "train_on_batch", "test_on_batch", "optimizer", "loss", "metrics")


def _answer(asked: str, name: str = "") -> Explanation:
    write = "model, variables = fk.load_model(path)"
    if name == "predict":
        write += "; y = model.predict(variables, x)"
    if name in _OF_A_TRAINER:
        write += "\ntrainer, state = fk.load_trainer(path); trainer.evaluate(state, x, y)   # of a compiled model"
    return explain(
        f"`load_model` returns two things, (model, variables), and the pair has no {asked}.",
        received="the pair itself",
        usually="Keras's model holds its weights; here a model is a description, and the weights are beside it.",
        write=write,
    )


# A tuple is a node for JAX; a class on it is a leaf unless it is registered.
jax.tree_util.register_pytree_with_keys(
    LoadedModel,
    lambda pair: (tuple((jax.tree_util.SequenceKey(i), part) for i, part in enumerate(pair)), None),
    lambda _, parts: LoadedModel(parts),
    lambda pair: (tuple(pair), None),
)
