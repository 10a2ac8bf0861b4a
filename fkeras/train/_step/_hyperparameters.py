"""Hyperparameters of a trainer as data: numbers of its optimizer that are in the state, where they may be traced."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ...core import describe, did_you_mean, explain, nearest
from ...core.typing import ArrayLike, PyTree
from ..optimizers._numbers import NumbersInState, Place, StatedNumbers, as_made, numbers_of, with_numbers
from ..optimizers._rates import stated_numbers, with_stated
from ._learner import Learner
from ._state import TrainState, example_of

T = TypeVar("T", bound=Learner)

# Arguments of a run that look like hyperparameters.
_OF_THE_RUN = ("batch_size", "epochs")


@dataclasses.dataclass(frozen=True)
class _Hyperparameter:
    """One number: at a path of the optimizer's state, or an argument of an optimizer.

    Attributes:
        value: what it is; `None` where it was not set.
        path: where in the state; empty for an argument.
        owner: what makes the number anew in each step, where something does.
        place: of which optimizer, and which of its arguments.
    """

    value: Any
    path: str = ""
    owner: str = ""
    place: tuple[Place, str] = ((), "")


def hyperparameters_of(trainer: Learner, state: TrainState | None = None) -> dict[str, Any]:
    """The numbers that `with_hyperparameters` sets, by name.

    Args:
        trainer: the trainer.
        state: a state of it, whose numbers are meant; by default those that the trainer was made with.

    Returns:
        `{"learning_rate": 0.001, "weight_decay": None, …}`: the learning rates in the optimizer's state, what
        `optax.inject_hyperparams` keeps there, and the arguments of an optimizer of `fk.optimizers` that are numbers.
        Where several optimizers have one of a name, `weight_decay_1` and so on, in their order. `None` was not set.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)])
    >>> found = hyperparameters_of(model.compile(fk.optimizers.SGD(0.5, momentum=0.9), "mse"))
    >>> {name: round(float(found[name]), 3) for name in ("learning_rate", "momentum")}
    {'learning_rate': 0.5, 'momentum': 0.9}
    """
    return {name: found.value for name, found in _known(trainer, state).items() if not found.owner}


def _known(trainer: Learner, state: TrainState | None) -> dict[str, _Hyperparameter]:
    optimizer = as_made(trainer.optimizer)
    if state is None:
        opt_state = optimizer.init({})
        numbers: Mapping[tuple[Place, str], Any] = {}
    else:
        opt_state, numbers = _taken_apart(trainer.optimizer, state.opt_state)
    listed: list[tuple[str, _Hyperparameter]] = [
        (name, _Hyperparameter(rate.value, path=rate.path, owner=rate.owner))
        for name, rate in stated_numbers(opt_state)
    ]
    for number in numbers_of(optimizer):
        key = number.place, number.argument
        listed.append((number.argument, _Hyperparameter(numbers.get(key, number.value), place=key)))
    names = [name for name, _ in listed]
    found, seen = {}, dict.fromkeys(names, 0)
    for name, one in listed:
        seen[name] += 1
        found[name if names.count(name) == 1 else f"{name}_{seen[name]}"] = one
    return found


def check_hyperparameters(trainer: Learner, names: Iterable[str], state: TrainState | None = None) -> None:
    """Refuse names of numbers that cannot be set.

    Args:
        trainer: the trainer.
        names: of hyperparameters.
        state: a state of the trainer, where there is one.

    Raises:
        TypeError: a learning rate that a schedule or a line search makes anew in each step.
        ValueError: a name that the trainer does not have.
    """
    known = _known(trainer, state)
    for name in names:
        if name in known:
            if known[name].owner:
                raise _made_anew(trainer, name, known[name].owner)
            continue
        raise _unknown(trainer, name, known)


def _unknown(trainer: Learner, name: str, known: Mapping[str, _Hyperparameter]) -> ValueError:
    """The error for a name that the optimizer does not have."""
    several = [other for other in known if other.rpartition("_")[0] == name]
    if several:
        usually, write = f"several optimizers have one: {', '.join(several)}.", f"{{{several[0]!r}: …}}"
    elif name == "learning_rate" or not known:
        usually = "a plain optax transformation bakes its numbers into its update."
        write = f"compile(optax.inject_hyperparams(optax.adamw)({name}=0.1)), or fk.optimizers.AdamW(1e-3)"
    elif name == "lr" and "learning_rate" in known:
        usually, write = did_you_mean("learning_rate", known), '{"learning_rate": …}'
    elif name in _OF_THE_RUN:
        usually = "an argument of the run, which changes the program: each value is a run of its own."
        write = f"runs = [trainer.fit_many(x, y, seeds=range(4), {name}=value) for value in values]"
    elif not nearest(name, known):
        usually = "no number of an update, a layer's say, which changes the program: each value is a model of its own. "
        usually += did_you_mean(name, known)
        write = f'runs = [build({name}=value).compile("adam", "mse").fit_many(x, y) for value in values]'
    else:
        usually, write = did_you_mean(name, known), ""
    what = f"The optimizer has no hyperparameter {name!r} that can be set."
    received = f"{name!r}, and {as_made(trainer.optimizer)!r}"[:120]
    return ValueError(explain(what, received=received, usually=usually, write=write))


def with_hyperparameters(trainer: T, state: TrainState, values: Mapping[str, ArrayLike]) -> tuple[T, TrainState]:
    """A trainer and a state in which some numbers of the optimizer are data, and others than they were.

    Args:
        trainer: the trainer.
        state: a state of it; or one that this function made, whose numbers stay but for `values`.
        values: scalars by the names of `hyperparameters_of`; traced ones too.

    Returns:
        `(trainer, state)`. The trainer is a value as any other: it says which numbers are in the state, and not what
        they are, so its programs serve them all. `without_hyperparameters` gives a state of the trainer as it was.

    Raises:
        TypeError, ValueError: a name that cannot be set, or what is no number.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile(fk.optimizers.SGD(0.5), "mse")
    >>> x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    >>> tuned, state = with_hyperparameters(trainer, trainer.init(0), {"learning_rate": 0.1, "weight_decay": 0.2})
    >>> state, logs = tuned.train_step(state, (x, y))
    >>> {name: round(float(value), 3) for name, value in hyperparameters_of(tuned, state).items()
    ...     if value is not None and name in ("learning_rate", "weight_decay")}
    {'learning_rate': 0.1, 'weight_decay': 0.2}
    """
    if not isinstance(values, Mapping):
        raise TypeError(
            explain(
                "hyperparameters are numbers by name.",
                received=describe(values),
                usually="a name or a number alone.",
                write='hyperparameters={"learning_rate": 0.1, "weight_decay": 0.01}',
            )
        )
    check_hyperparameters(trainer, values, state)
    known = _known(trainer, state)
    for name, value in values.items():
        _check_is_number(name, value)
    opt_state, numbers = _taken_apart(trainer.optimizer, state.opt_state)
    optimizer = as_made(trainer.optimizer)
    stated = {known[name].path: value for name, value in values.items() if known[name].path}
    opt_state = with_stated(opt_state, stated)
    precise = _precision(state.params)
    for name, value in values.items():
        if not known[name].path:
            if not isinstance(value, jax.core.Tracer):
                with_numbers(
                    optimizer, {known[name].place: float(np.asarray(value))}
                )  # the optimizer checks its arguments
            numbers[known[name].place] = jnp.asarray(value, precise)
    if not numbers:
        return trainer, state.replace(opt_state=opt_state)
    tuned: T = trainer.replace(optimizer=NumbersInState(optimizer, tuple(numbers)))
    state = state.replace(opt_state=StatedNumbers(tuple(numbers.values()), opt_state))
    _check_slots(tuned, state, values)
    return tuned, state


def without_hyperparameters(state: TrainState) -> TrainState:
    """A state of the trainer as it was before `with_hyperparameters`; its learning rate stays what it is."""
    inner = state.opt_state
    return state.replace(opt_state=inner.inner) if isinstance(inner, StatedNumbers) else state


def _taken_apart(optimizer: object, opt_state: PyTree) -> tuple[PyTree, dict[tuple[Place, str], Any]]:
    """The state of the optimizer as it was made, and the numbers that are in the state beside it."""
    if isinstance(optimizer, NumbersInState) and isinstance(opt_state, StatedNumbers):
        return opt_state.inner, dict(zip(optimizer.places, opt_state.numbers, strict=True))
    return opt_state, {}


def _precision(params: PyTree) -> Any:
    """The dtype that a rule computes in: float32, or the widest of the weights'."""
    kinds = [leaf.dtype for leaf in jax.tree.leaves(params) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return max([jnp.dtype("float32"), *kinds], key=lambda kind: jnp.finfo(kind).bits)


def _check_is_number(name: str, value: Any) -> None:
    if value is None or isinstance(value, str | bytes | bool) or callable(value) or np.ndim(value) != 0:
        raise ValueError(
            explain(
                f"The hyperparameter {name!r} is one number.",
                received=repr(value)[:80],
                usually="a list of values, which is for many runs." if np.ndim(value) else "",
                write=f"{{{name!r}: 0.1}}",
            )
        )


def _check_slots(trainer: Learner, state: TrainState, values: Mapping[str, ArrayLike]) -> None:
    """Refuse a number for which the state has no room, such as a momentum where there is no velocity."""
    moving = trainer.partition(example_of(state, None)).split(state.params)[0]
    wanted: Any = jax.tree.structure(jax.eval_shape(trainer.optimizer.init, moving))
    if wanted != jax.tree.structure(state.opt_state):
        optimizer = as_made(trainer.optimizer)
        raise ValueError(
            explain(
                f"The optimizer's state has no room for what {', '.join(values)} would make it keep.",
                received=f"{optimizer!r}"[:120],
                usually="an optimizer that was made with 0, as a momentum, keeps no slots for it.",
                write="compile(fk.optimizers.SGD(0.1, momentum=0.9)), with any number but 0; then 0 may be set, too",
            )
        )


def _made_anew(trainer: Learner, name: str, owner: str) -> TypeError:
    return TypeError(
        explain(
            f"The hyperparameter {name!r} of this optimizer belongs to {owner}, so it cannot be set.",
            received=f"{as_made(trainer.optimizer)!r}"[:120],
            usually="the next step would make the number anew.",
            write="compile(fk.optimizers.Adam(1e-3)), with a number",
        )
    )
