"""Where Keras keeps an optimizer's variables: the table of their orders, and the walk over it.

Keras numbers them: iteration, learning rate (absent under a schedule), moving averages, accumulated gradients, then
those of the rule, weight by weight in the order of `model.trainable_variables`.
Reference: https://keras.io/api/optimizers/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import optax

from ...core import address_of, explain
from ...core.typing import Array, PyTree
from ...train.optimizers import LossScaleOptimizer, Optimizer

# The trees of a rule's state, in Keras's order. Those in one tuple take turns, weight by weight; a tree that the state
# does not have is left out; "-" marks what Keras keeps with the other sign.
_TREES: dict[str, tuple[tuple[str, ...], ...]] = {
    "SGD": (("inner/1/trace",),),
    "Adam": (("inner/momentum", "inner/velocity"), ("inner/velocity_hat",)),
    "AdamW": (("inner/momentum", "inner/velocity"), ("inner/velocity_hat",)),
    "Adamax": (("inner/momentum", "inner/norm"),),
    "Nadam": (("inner/momentum", "inner/velocity"),),
    "Lamb": (("inner/0/momentum", "inner/0/velocity"),),
    "Lion": (("inner/0/mu",),),
    "Ftrl": (("inner/accumulator", "inner/linear"),),
    "Muon": (("inner/momentum", "inner/velocity"),),
    "RMSprop": (("inner/0/nu",), ("-inner/2/trace",), ("inner/0/mu",)),
    "Adagrad": (("inner/0/sum_of_squares",),),
    "Adadelta": (("inner/0/e_g", "inner/0/e_x"),),
    "ScheduleFreeAdamW": (("inner/momentum", "inner/velocity"),),
}


@dataclasses.dataclass(frozen=True)
class Slot:
    """One of Keras's optimizer variables.

    Attributes:
        path: where the optimizer's state has it; `None` for what Keras keeps and never looks at.
        shape: its shape.
        dtype: its dtype's name.
        sign: -1 where Keras keeps the negative.
    """

    path: str | None
    shape: tuple[int, ...]
    dtype: str
    sign: int = 1


def optimizer_places(
    optimizer: optax.GradientTransformation, state: Mapping[str, PyTree], weights: Sequence[str]
) -> dict[str, Slot]:
    """Keras's place of each optimizer variable, as a dataset path.

    Args:
        optimizer: the optimizer.
        state: its state by path, as arrays or shapes.
        weights: the paths of the weights that train, in Keras's order.

    Returns:
        The variable at each place.

    Raises:
        ValueError: an optimizer that Keras has not.
    """
    _keras_name(optimizer)
    if isinstance(optimizer, LossScaleOptimizer):
        inner = list(_slots(optimizer.inner_optimizer, _below(state, "inner/"), weights, "inner/"))
        own = [Slot(None, (), "int32"), Slot(None, (), "float32")]
        own += [Slot("step_counter", (), "int32"), Slot("dynamic_scale", (), "float32")]
        return {
            **{f"optimizer/vars/{i}": slot for i, slot in enumerate([*own, *inner])},
            **{f"optimizer/inner_optimizer/vars/{i}": slot for i, slot in enumerate(inner)},
        }
    return {f"optimizer/vars/{i}": slot for i, slot in enumerate(_slots(optimizer, state, weights, ""))}


def _slots(
    optimizer: optax.GradientTransformation, state: Mapping[str, PyTree], weights: Sequence[str], before: str
) -> Iterator[Slot]:
    name = _keras_name(optimizer)
    assert isinstance(optimizer, Optimizer)

    def slot(path: str, sign: int = 1) -> Slot:
        leaf = state[path]
        return Slot(before + path, tuple(leaf.shape), jnp.dtype(leaf.dtype).name, sign)

    yield slot("iterations")
    if not callable(optimizer.learning_rate):
        yield slot("learning_rate")
    for tree in ("ema", "accumulator"):
        yield from (slot(f"{tree}/{w}") for w in weights if f"{tree}/{w}" in state)
    if name == "Adafactor":
        yield from _adafactor(slot, state, weights)
        return
    for trees in _TREES[name]:
        for w in weights:
            for tree in trees:
                path = f"{tree.removeprefix('-')}/{w}"
                if path in state:
                    yield slot(path, -1 if tree.startswith("-") else 1)
    if name == "Nadam":
        yield slot("inner/u_product")


def _adafactor(slot: Callable[[str], Slot], state: Mapping[str, PyTree], weights: Sequence[str]) -> Iterator[Slot]:
    """Keras makes rows, columns and a whole second moment for every weight, and uses two or one of them."""
    for w in weights:
        if f"inner/row/{w}" in state:
            row, column = slot(f"inner/row/{w}"), slot(f"inner/column/{w}")
            yield row
            yield column
            yield Slot(None, (*row.shape, column.shape[-1]), row.dtype)
        else:
            yield Slot(None, (), "int32")
            yield Slot(None, (), "int32")
            yield slot(f"inner/velocity/{w}")


def derived(optimizer: optax.GradientTransformation, iterations: Array | int) -> dict[str, Array]:
    """What an optimizer's state has and Keras does not keep, as it is after so many iterations, by path."""
    name = _keras_name(optimizer)
    if isinstance(optimizer, LossScaleOptimizer):
        return {f"inner/{path}": value for path, value in derived(optimizer.inner_optimizer, iterations).items()}
    assert isinstance(optimizer, Optimizer)
    more: dict[str, Array] = {}
    if callable(optimizer.learning_rate):  # the rate of the last step
        last = max(int(iterations) - 1, 0)
        more["learning_rate"] = optimizer._rate(jnp.asarray(last), 0.0)
    if name == "Lion":
        more["inner/0/count"] = jnp.asarray(int(iterations) // (optimizer.gradient_accumulation_steps or 1), jnp.int32)
    return more


def to_keras(slot: Slot, state: Mapping[str, PyTree]) -> np.ndarray:
    """Keras's value of a variable."""
    if slot.path is None:
        return np.zeros(slot.shape, slot.dtype)
    array = np.asarray(state[slot.path])
    return array if slot.sign > 0 else -array


def check_whole_step(optimizer: optax.GradientTransformation, iterations: Array | int) -> None:
    """Refuse a state with gradients that are accumulated and not applied: Keras sums them in another way.

    Raises:
        ValueError: it is, or it counts less than no steps.
    """
    if int(iterations) < 0:
        raise ValueError(explain(f"The optimizer has made {int(iterations)} iterations.", usually="a damaged file."))
    every = getattr(getattr(optimizer, "inner_optimizer", optimizer), "gradient_accumulation_steps", None)
    if every and int(iterations) % every:
        raise ValueError(
            explain(
                "A Keras file cannot hold a run between two moves of gradient accumulation.",
                received=f"{int(iterations)} iterations, with gradient_accumulation_steps={every}",
                usually="Keras sums the batches' gradients; here each is weighed by its batch's size.",
                write=f'a state after a multiple of {every} steps; or trainer.save("run", state), a directory',
            )
        )


def _keras_name(optimizer: optax.GradientTransformation) -> str:
    """The name of an optimizer that Keras has.

    Raises:
        ValueError: Keras has none such.
    """
    module, name = address_of(type(optimizer)) or ("", type(optimizer).__name__)
    if module == "keras.optimizers" and (name in _TREES or name in ("Adafactor", "LossScaleOptimizer")):
        return name
    raise ValueError(
        explain(
            f"A Keras file cannot hold the state of a {name}.",
            usually="the optimizer is optax's, or one that Keras keeps in another form.",
            write='trainer.save("run", state)   # an Orbax directory; or model.save("x.keras", state.variables)',
        )
    )


def _below(state: Mapping[str, PyTree], prefix: str) -> dict[str, PyTree]:
    return {p.removeprefix(prefix): leaf for p, leaf in state.items() if p.startswith(prefix)}
