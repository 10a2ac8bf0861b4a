"""Trained: the pair that `fit` returns."""

from __future__ import annotations

from typing import Any

import jax

from ...core import Explanation, explain


class Trained(tuple[Any, Any]):
    """`(state, history)`: a tuple of two, which says so where it is taken for one of them.

    >>> state, history = Trained(("the state", "the history"))
    >>> state, len(Trained(("the state", "the history")))
    ('the state', 2)
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # protocols ask for many such names
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(_answer(f".{name}"), name=name, obj=self)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, str):
            raise TypeError(_answer(f"[{place!r}]"))
        return super().__getitem__(place)

    def _repr_html_(self) -> str:
        """What a notebook shows of a call of `fit` whose result nobody took."""
        return "".join(part._repr_html_() for part in self if hasattr(part, "_repr_html_"))


def _answer(asked: str) -> Explanation:
    return explain(
        f"`fit` returns two things, (state, history), and the pair has no {asked}.",
        received="the pair itself",
        usually="Keras's fit changes the model and returns the history; here what was learnt is the state.",
        write="state, history = trainer.fit(state, x, y)",
    )


# A tuple is a node for JAX; a class on it is a leaf unless it is registered.
jax.tree_util.register_pytree_with_keys(
    Trained,
    lambda pair: (tuple((jax.tree_util.SequenceKey(i), part) for i, part in enumerate(pair)), None),
    lambda _, parts: Trained(parts),
    lambda pair: (tuple(pair), None),
)
